#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Debian packages that are installed, upgraded and removed while there is a mistake in the configuration.
# An upgrade of a service that runs fails, says the mistake in one line, and leaves what runs alone; nothing
# else is kept from working. It installs packages: never run it on a machine that matters.
#
# usage: mistaken-upgrades.sh [OPTION OF reloads.py]..., after tools/build deb:
#   tools/vm --full --no-stage --copy out/deb --copy tests/vm/mistaken-upgrades.sh --copy tests/vm/reloads.py \
#           --copy tests/mistakes.py --copy tests/vm/unable-policy.c --copy tests/vm/installed.sh \
#           --copy tests/vm/lib.sh -- ./mistaken-upgrades.sh

# verdict and wait_until call functions.
# shellcheck disable=SC2317

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/installed.sh
. "$(dirname "$0")/installed.sh"

packages=(scx-rustland scx-rustland-session librustland0 librustland-dev)
debs=()
for package in "${packages[@]}"; do debs+=(./deb/"$package"_*_*.deb); done
conf=/etc/scx-rustland/rustland.conf
export DEBIAN_FRONTEND=noninteractive
mkdir -p $kept/out

apt_install() { mistaken apt-get -q -y -o Dpkg::Use-Pty=0 install "$@"; }
postinst() { mistaken env DPKG_MAINTSCRIPT_NAME=postinst DPKG_MAINTSCRIPT_PACKAGE=scx-rustland "$@" /var/lib/dpkg/info/scx-rustland.postinst configure 0; }
mistake() { printf '[Scheduler]\nSliceUSec=fast\n' >$conf; }
says_mistake=':2: SliceUSec=fast: it has to be a whole number from 100 to 1000000'

# refused VERSION TEXT PATTERN: the upgrade to it.
refused() {
	local was
	was=$(running)
	newer "$1" "${debs[@]}"
	verdict "$2: the upgrade fails" not apt_install /tmp/newer/*.deb
	verdict "and tells it in one line: $named" names "$3"
	verdict "with what to do: $(grep '^scx-rustland: ' <<<"$told")" \
		grep -q '^scx-rustland: .*dpkg --configure -a' <<<"$told"
	verdict "the package is $(package_state scx-rustland), at $(installed_version scx-rustland)" \
		[ "$(package_state scx-rustland)" = half-configured ]
	[[ -n ${4:-} ]] || verdict "the old service goes on, untouched" [ "$(running)" = "$was" ]
}

systemctl is-system-running --wait >/dev/null
mkdir -p /etc/scx-rustland
mistake
verdict "a first installation with a mistake in the configuration succeeds" apt_install "${debs[@]}"
verdict "and tells it in one line: $named" names "$says_mistake"
verdict "nothing is started: $(active_state)" [ "$(active_state)" = inactive ]
rm $conf
timeout 300 systemctl enable --now $unit
wait_until 60 schedules || die "the service schedules"

mistake
refused +2 "a bad value" "$says_mistake"
rm $conf && mkfifo $conf
refused +3 "a FIFO, after an upgrade that failed" ': it is no regular file; it has to be a text file'
rm $conf
printf '[Scheduler]\nPolicy=nope\n' >$conf
refused +4 "a policy that is not there" ':2: Policy=nope: it has to be .* there is no policy .nope.'
was=$(running)
verdict "with the mistake there dpkg --configure -a fails" not mistaken dpkg --configure -a
verdict "and tells it again: $named" names ':2: Policy=nope: '
verdict "the old service goes on, untouched" [ "$(running)" = "$was" ]
rm $conf
verdict "without it dpkg --configure -a succeeds" mistaken dpkg --configure -a
verdict "the new version runs" [ "$(main_pid)" != "${was%% *}" ]
verdict "and schedules" wait_until 60 schedules

gcc -shared -fPIC -o /opt/unable.so unable-policy.c || die "the policy is compiled"
printf '[Scheduler]\nPolicy=/opt/unable.so\nSliceUSec=7000\n' >$conf
refused +5 "a policy that cannot start" ':2: Policy=/opt/unable.so' restarted
verdict "the machine has its scheduler" wait_until 60 schedules
verdict "as it was configured before" grep -q -z -x 20000 "/proc/$(pgrep -P "$(main_pid)")/cmdline"
rm $conf
verdict "without it apt -f install succeeds" apt_install -f
verdict "the package is $(package_state scx-rustland)" [ "$(package_state scx-rustland)" = installed ]

count_verdicts <(python3 -B reloads.py --postinst "$@" 2>&1 | tee out/reloads.log) reloads.py
verdict "mistakes were made, with the package's script as well" grep -q '^ok ' out/reloads.log

mistake
was=$(running)
systemctl mask --runtime -q $unit
verdict "masked, and running: its script fails" not postinst
verdict "and the old service goes on, untouched" [ "$(running)" = "$was" ]
systemctl unmask --runtime -q $unit
# shellcheck disable=SC2016 # the other shell expands it
verdict "where systemd does not run, as in a container, the script succeeds" \
	postinst unshare --mount sh -c 'mount -t tmpfs none /run/systemd && exec "$@"' sh
verdict "and tells it in one line: $named" names "$says_mistake"
systemctl stop $unit
verdict "with the service stopped an upgrade succeeds" postinst
verdict "and tells it in one line: $named" names "$says_mistake"
verdict "it stays stopped: $(active_state)" [ "$(active_state)" = inactive ]
rm $conf
timeout 300 systemctl start $unit
wait_until 60 schedules || die "the service schedules again"

mistake
refused +6 "a bad value" "$says_mistake"
verdict "removing the packages succeeds all the same" mistaken apt-get -q -y purge "${packages[@]}"
verdict "the kernel's own scheduler takes over" wait_until 30 state_is disabled
verdict "no process is left" [ -z "$(processes)" ]
rm -rf /etc/scx-rustland /opt/unable.so /opt/rustland-mistakes
cp $kept/out/apt.log out/
journalctl --no-pager -q -u $unit >out/journal.txt
scheduler_log=/dev/null
verdict "not thrown out by the kernel" no_ejection
finish
