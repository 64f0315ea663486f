#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The life of the Debian packages: installed with apt, switched on, a reboot, an upgrade while a boost
# is held on a busy machine, removed, purged. The scheduler has to be where it should be after each
# step, and nothing of the packages may be left in the end. It installs packages: never run it on a
# machine that matters.
#
# usage, after tools/build deb:
#   tools/vm --full --reboot --no-stage --copy out/deb --copy tests/vm/packages.sh \
#           --copy tests/vm/lib.sh -- ./packages.sh

# verdict and wait_until call functions.
# shellcheck disable=SC2317

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

unit=scx-rustland
packages=(scx-rustland librustland0 librustland-dev)
# What lasts over the reboot.
kept=/var/lib/rustland-packages
mkdir -p $kept/out
nr=$(cat $kept/nr 2>/dev/null || echo 0)
export DEBIAN_FRONTEND=noninteractive

apt() { apt-get -q -y -o Dpkg::Use-Pty=0 "$@" >>"$kept/out/apt.log" 2>&1; }
schedules() { state_is enabled && [[ $(ops) == rustland* ]]; }
active_state() { systemctl is-active $unit; }
boosts() { timeout 20 rustlandctl list --json; }
boost_held() { boosts | tr -d ' ' | grep -q "\"pid\":$1,"; }
installed_version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null; }
known_to_dpkg() { dpkg-query -W "${packages[@]}" 2>/dev/null; }

# Everything on the disk but what apt, dpkg, the journal and this test write for themselves.
files() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root \
		-o -path /var/tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/apt \
		-o -path /var/lib/dpkg -o -path "$kept" \) -prune -o -print | sort
	find /run /var/lib/systemd -iname '*rustland*' ! -name '*rustland-vm*' ! -path "$kept*" | sort
}

# newer FILE: the same package with a higher version, in /tmp/new.
newer() {
	local dir=/tmp/newer
	rm -rf $dir
	dpkg-deb -R "$1" $dir
	sed -i 's/^\(Version: .*\)/\1+newer/; s/\(librustland0 (= [^)]*\))/\1+newer)/' $dir/DEBIAN/control
	dpkg-deb --root-owner-group -b $dir /tmp/new/ >/dev/null
}

# The verdicts of the first boot, for the second one.
keep_verdicts() {
	echo "$passed $failed $skipped" >$kept/verdicts
	echo 1 >$kept/nr
}

# ---- first boot: install and switch on -------------------------------------------------------------

if ((nr == 0)); then
	systemctl is-system-running --wait >/dev/null
	files >$kept/before
	debs=()
	for package in "${packages[@]}"; do debs+=(./deb/"$package"_*_*.deb); done
	# Its dependency libbpf-dev is not on this machine, which has no network.
	unset 'debs[2]'
	verdict "apt installs the packages" apt install "${debs[@]}"
	verdict "the service is not enabled: $(systemctl is-enabled $unit)" \
		[ "$(systemctl is-enabled $unit)" = disabled ]
	verdict "nor started: $(active_state), the kernel's state is $(state)" state_is disabled
	verdict "systemctl enable --now succeeds" timeout 120 systemctl enable --now $unit
	verdict "then the kernel's state is enabled" wait_until 60 schedules
	keep_verdicts
	sync
	systemctl reboot
	sleep 600
	die "the machine reboots"
fi
read -r passed failed skipped <$kept/verdicts

# ---- second boot -------------------------------------------------------------------------------------

systemctl is-system-running --wait >/dev/null
verdict "after the reboot the kernel's state is enabled, by $(ops)" wait_until 60 schedules
verdict "the service is $(active_state)" [ "$(active_state)" = active ]

sleep 1000 &
boosted=$!
boost=$(timeout 30 rustlandctl boost --lifetime process $boosted 2>&1)
note "boost: $boost"
verdict "a boost is held" wait_until 20 boost_held $boosted
stress-ng --quiet --cpu $((2 * cpus)) --timeout 600 &
load=$!

mkdir -p /tmp/new
for package in scx-rustland librustland0; do newer ./deb/"$package"_*_*.deb; done
old=$(installed_version scx-rustland) main=$(systemctl show --value -p MainPID $unit)
verdict "apt upgrades the packages" apt install /tmp/new/*.deb
verdict "from $old to $(installed_version scx-rustland)" [ "$(installed_version scx-rustland)" != "$old" ]
verdict "the service was restarted" [ "$(systemctl show --value -p MainPID $unit)" != "$main" ]
verdict "and schedules" wait_until 60 schedules
verdict "the boost is still held" wait_until 20 boost_held $boosted
verdict "it is still enabled" [ "$(systemctl is-enabled $unit)" = enabled ]

printf '[Service]\nProfile=gaming\n' >/etc/scx-rustland/rustland.conf
timeout 30 rustlandctl profile gaming >/dev/null 2>&1
verdict "apt removes the packages" apt remove scx-rustland librustland0
verdict "the kernel's own scheduler takes over" wait_until 30 state_is disabled
verdict "no process is left" [ -z "$(pgrep -x rustlandd; pgrep -x scx_rustland)" ]
verdict "what was configured stays" [ -e /etc/scx-rustland/rustland.conf ]
verdict "apt purges the packages" apt purge scx-rustland librustland0
kill $load $boosted
files >$kept/after
diff $kept/before $kept/after >out/left.diff
verdict "no file is left or missing: $(wc -l <out/left.diff) lines of difference" [ ! -s out/left.diff ]
head -n 20 out/left.diff
verdict "dpkg knows none of the packages: $(known_to_dpkg)" [ -z "$(known_to_dpkg)" ]
systemctl daemon-reload
verdict "systemd knows no such unit" \
	[ "$(systemctl show --value -p LoadState $unit)" = not-found ]
journalctl --no-pager -q -u $unit -p warning >out/journal.txt
cp $kept/out/apt.log out/
scheduler_log=/dev/null
verdict "not thrown out by the kernel" no_ejection
finish
