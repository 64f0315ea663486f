# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # the scripts use what is here
# SPDX-License-Identifier: GPL-2.0-only
#
# What the scripts ask that install packages: which state the service is in, and which files there are.
# Sourced after lib.sh.

# What a script keeps for itself over a reboot.
kept=/var/lib/rustland-packages

active_state() { systemctl is-active "$unit"; }
enabled_state() { systemctl is-enabled "$unit"; }
# For all users, by a preset.
session_enabled_state() { systemctl --global is-enabled "$session_unit"; }
main_pid() { systemctl show --value -p MainPID "$unit"; }
processes() { pgrep -x 'rustlandd|scx_rustland'; }

# Everything on the disk but what the package manager, the journal and the scripts write for
# themselves, and what users write into their homes.
files() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root \
		-o -path /home -o -path /var/tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/apt \
		-o -path /var/lib/dpkg -o -path /var/lib/rpm -o -path "$kept" \) -prune -o -print | sort
	# But for what systemd itself notes of a unit that ran, until it forgets the unit.
	find /run /var/lib/systemd -iname '*rustland*' ! -name '*rustland-vm*' ! -name 'invocation:*' \
		! -path "$kept*" | sort
}

# newer VERSION DEB...: the same packages with VERSION added to theirs, in /tmp/newer.
newer() {
	local version=$1 deb dir=/tmp/unpacked
	shift
	mkdir -p /tmp/newer
	rm -f /tmp/newer/*
	for deb; do
		rm -rf $dir
		dpkg-deb -R "$deb" $dir
		# Its own, and those that packages of one build need of each other.
		sed -i "s/^\(Version: .*\)/\1$version/; s/\(rustland[a-z0-9-]* (= [^)]*\))/\1$version)/g" \
			$dir/DEBIAN/control
		dpkg-deb --root-owner-group -Znone -b $dir /tmp/newer/ >/dev/null
	done
}

apt() { apt-get -q -y -o Dpkg::Use-Pty=0 "$@" >>"$kept/out/apt.log" 2>&1; }
installed_version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null; }

# mistaken COMMAND...: runs it, as one that a mistake in the configuration is to be told by. What it said is
# in $told, the lines that name the configuration's file in $named.
mistaken() {
	local status
	told=$("$@" 2>&1)
	status=$?
	printf '%s\n' "$told" >>"$kept/out/apt.log"
	named=$(grep '/etc/scx-rustland/' <<<"$told")
	return $status
}
# names PATTERN: there was one such line, and no other about a file.
names() { [[ $(wc -l <<<"$named") == 1 && $named =~ /etc/scx-rustland/rustland.conf$1 ]]; }
not() { ! "$@"; }
# What must not change while an old service goes on; the kernel counts the schedulers that it was given.
running() { echo "$(main_pid) $(pgrep -P "$(main_pid)") $(enable_seq)"; }
package_state() { dpkg-query -W -f '${db:Status-Status}' "$1"; }
