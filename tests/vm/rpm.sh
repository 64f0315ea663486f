#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The RPMs under a real systemd: the presets of their scriptlets, the service that is restarted when it
# is upgraded, and nothing left when they are removed. The machine is a Debian one, so dependencies are
# not looked at here (tests/packages does), nor the triggers that only Fedora's systemd has.
#
# usage, after tools/build rpm:
#   tools/vm --full --no-stage --copy out/rpm --copy tests/vm/rpm.sh --copy tests/vm/lib.sh \
#           --copy tests/vm/installed.sh -- ./rpm.sh

# verdict and wait_until call functions.
# shellcheck disable=SC2317

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/installed.sh
. "$(dirname "$0")/installed.sh"

rpms=()
for file in rpm/*.rpm; do
	case $file in
	*-debug* | *.src.rpm) ;;
	*) rpms+=("$file") ;;
	esac
done
rpm() { command rpm --nodeps "$@" >>out/rpm.log 2>&1; }
rpm_upgrade() { command rpm --nodeps -U --force "${rpms[@]}"; }

systemctl is-system-running --wait >/dev/null
mkdir -p $kept/out
# Fedora's directory of libraries is not Debian's.
echo /usr/lib64 >/etc/ld.so.conf.d/lib64.conf
ldconfig
command rpm --initdb
# These are there on every Fedora system, and belong to its packages filesystem and dbus-common.
mkdir -p /usr/lib64/pkgconfig /usr/share/dbus-1/interfaces /usr/share/licenses /usr/share/man/man{1,5,7,8}
files >out/before

verdict "rpm installs the packages" rpm -i "${rpms[@]}"
ldconfig
verdict "the service is not enabled: $(enabled_state)" [ "$(enabled_state)" = disabled ]
verdict "nor started: the kernel's state is $(state)" state_is disabled
verdict "the session's service is enabled for every user" [ "$(session_enabled_state)" = enabled ]
verdict "systemctl enable --now succeeds" timeout 300 systemctl enable --now $unit
verdict "then the kernel's state is enabled" wait_until 60 schedules

main=$(main_pid)
verdict "rpm upgrades the packages" rpm -U --force "${rpms[@]}"
verdict "the service was restarted" [ "$(main_pid)" != "$main" ]
verdict "and schedules" wait_until 60 schedules
verdict "it is still enabled" [ "$(enabled_state)" = enabled ]
verdict "and so is the session's" [ "$(session_enabled_state)" = enabled ]

printf '[Scheduler]\nSliceUSec=fast\n' >/etc/scx-rustland/rustland.conf
was=$(running)
verdict "with a mistake in the configuration rpm upgrades them as well, its scripts may not fail" \
	mistaken rpm_upgrade
verdict "the mistake is told in one line: $named" names ':2: SliceUSec=fast: .*100 to 1000000'
verdict "the old service goes on, untouched" [ "$(running)" = "$was" ]
rm /etc/scx-rustland/rustland.conf
verdict "when that is mended systemctl restart succeeds" timeout 300 systemctl restart $unit
verdict "and it schedules" wait_until 60 schedules

printf '[Scheduler]\nSliceUSec=fast\n' >/etc/scx-rustland/rustland.conf
mapfile -t names < <(command rpm -qa)
verdict "rpm removes the packages, mistake or not" rpm -e "${names[@]}"
rm -f /etc/scx-rustland/rustland.conf
rmdir /etc/scx-rustland 2>/dev/null
verdict "the kernel's own scheduler takes over" wait_until 30 state_is disabled
verdict "no process is left" [ -z "$(processes)" ]
ldconfig
files >out/after
diff out/before out/after >out/left.diff
verdict "no file is left or missing: $(wc -l <out/left.diff) lines of difference" [ ! -s out/left.diff ]
head -n 20 out/left.diff
scheduler_log=/dev/null
verdict "not thrown out by the kernel" no_ejection
finish
