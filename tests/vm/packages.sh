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
#           --copy tests/vm/lib.sh --copy tests/vm/installed.sh --copy tests/vm/player.sh -- ./packages.sh

# verdict and wait_until call functions.
# shellcheck disable=SC2317

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=tests/vm/player.sh
. "$(dirname "$0")/player.sh"
# shellcheck source=tests/vm/installed.sh
. "$(dirname "$0")/installed.sh"

packages=(scx-rustland scx-rustland-session scx-rustland-system76 librustland0 librustland-dev)
mkdir -p $kept/out
nr=$(cat $kept/nr 2>/dev/null || echo 0)
export DEBIAN_FRONTEND=noninteractive

debs=()
for package in "${packages[@]}"; do debs+=(./deb/"$package"_*_*.deb); done
boost_held() { [[ $(rustlandctl list --json | field cookie) == "$1" ]]; }
# Those that are installed, or have left their configuration.
known_to_dpkg() {
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
		sed -n '/^not-installed/!s/.* //p'
}
session_runs() { [[ $(player_ctl is-active "$session_unit") == active ]]; }
# Whether somebody has that name of the bus.
has_owner() { busctl --system list --acquired --no-legend | grep -q "^$1 "; }

# The verdicts of the first boot, for the second one.
keep_verdicts() {
	echo "$verdicts $failed" >$kept/verdicts
	echo 1 >$kept/nr
}

# ---- first boot: install and switch on -------------------------------------------------------------

if ((nr == 0)); then
	systemctl is-system-running --wait >/dev/null
	files >$kept/before
	verdict "apt installs the packages" apt install "${debs[@]}"
	verdict "the service is not enabled: $(enabled_state)" [ "$(enabled_state)" = disabled ]
	verdict "the session's service is, for every user" [ "$(session_enabled_state)" = enabled ]
	verdict "nor started: $(active_state), the kernel's state is $(state)" state_is disabled
	verdict "systemctl enable --now succeeds" timeout 300 systemctl enable --now $unit
	verdict "then the kernel's state is enabled" wait_until 60 schedules
	keep_verdicts
	sync
	systemctl reboot
	sleep 600
	die "the machine reboots"
fi
read -r verdicts failed <$kept/verdicts

# ---- second boot -------------------------------------------------------------------------------------

systemctl is-system-running --wait >/dev/null
verdict "after the reboot the kernel's state is enabled, by $(ops)" wait_until 60 schedules
verdict "the service is $(active_state)" [ "$(active_state)" = active ]

verdict "a person logs in" log_in
verdict "and has the session's service" wait_until 60 session_runs
verdict "com.system76.Scheduler can be called" has_owner com.system76.Scheduler

sleep 1000 &
boosted=$!
timeout 30 rustlandctl boost --lifetime process $boosted >out/boost.log 2>&1
cookie=$(rustlandctl list --json | field cookie)
verdict "a boost is held: $cookie" [ -n "$cookie" ]
stress-ng --quiet --cpu $((2 * cpus)) --timeout 600 &
load=$!

newer +newer "${debs[@]}"
old=$(installed_version scx-rustland) main=$(main_pid)
verdict "apt upgrades the packages" apt install /tmp/newer/*.deb
verdict "from $old to $(installed_version scx-rustland)" [ "$(installed_version scx-rustland)" = "$old+newer" ]
verdict "the service was restarted" [ "$(main_pid)" != "$main" ]
verdict "and schedules" wait_until 60 schedules
verdict "the boost is still held" wait_until 20 boost_held "$cookie"
verdict "it is still enabled" [ "$(enabled_state)" = enabled ]
verdict "and so is the session's service" [ "$(session_enabled_state)" = enabled ]

# With a mistake in the configuration.
newer +newest "${debs[@]}"
printf '[Scheduler]\nSliceUSec=fast\n' >/etc/scx-rustland/rustland.conf
was=$(running)
verdict "with a mistake in the configuration an upgrade fails" not mistaken apt-get -q -y install /tmp/newer/*.deb
verdict "and tells the mistake in one line: $named" names ':2: SliceUSec=fast: .*100 to 1000000'
verdict "the old service goes on, untouched" [ "$(running)" = "$was" ]
rm /etc/scx-rustland/rustland.conf
verdict "when that is mended dpkg --configure -a succeeds" mistaken dpkg --configure -a
verdict "the service was restarted" [ "$(main_pid)" != "${was%% *}" ]
verdict "and schedules" wait_until 60 schedules
verdict "the packages are $(package_state scx-rustland), $(package_state scx-rustland-session)" \
	[ "$(package_state scx-rustland) $(package_state scx-rustland-session)" = "installed installed" ]

printf '[Scheduler]\nSliceUSec=fast\n' >/etc/scx-rustland/rustland.conf
systemctl stop $unit
verdict "with the service stopped it is told and no more" mistaken dpkg-reconfigure scx-rustland
verdict "in one line: $named" names ':2: SliceUSec=fast: '
verdict "what an administrator has stopped an upgrade does not start: $(active_state)" \
	[ "$(active_state)" = inactive ]
rm /etc/scx-rustland/rustland.conf
timeout 300 systemctl start $unit
verdict "it starts again" wait_until 60 schedules

printf '[Service]\nProfile=gaming\n' >/etc/scx-rustland/rustland.conf
timeout 30 rustlandctl profile gaming >/dev/null 2>&1
verdict "apt removes the packages" apt remove "${packages[@]}"
verdict "the kernel's own scheduler takes over" wait_until 30 state_is disabled
verdict "no process is left" [ -z "$(processes)" ]
verdict "what was configured stays" [ -e /etc/scx-rustland/rustland.conf ]
# A package without configuration is gone already, and one from no archive is then nothing to apt.
mapfile -t left < <(known_to_dpkg)
verdict "apt purges what is left of them: ${left[*]}" apt purge "${left[@]}"
kill $load $boosted
files >$kept/after
diff $kept/before $kept/after >out/left.diff
verdict "no file is left or missing: $(wc -l <out/left.diff) lines of difference" [ ! -s out/left.diff ]
head -n 20 out/left.diff
verdict "dpkg knows none of the packages: $(known_to_dpkg)" [ -z "$(known_to_dpkg)" ]
systemctl daemon-reload
verdict "systemd knows no such unit" \
	[ "$(systemctl show --value -p LoadState $unit)" = not-found ]
player_ctl daemon-reload
verdict "nor does the person's" [ "$(session_property LoadState)" = not-found ]
journalctl --no-pager -q -u $unit -p warning >out/journal.txt
cp $kept/out/apt.log out/
scheduler_log=/dev/null
verdict "not thrown out by the kernel" no_ejection
finish
