#!/bin/bash
# shellcheck disable=SC2317,SC2154 # wait_until and verdict call the functions
# SPDX-License-Identifier: GPL-2.0-only
#
# What the service depends on misbehaves: polkitd hangs or is restarted, logind is restarted, the clock
# jumps, /run and /var are full or read-only, a boosted process is traced, its number is used again, its
# user logs in once more, and the bus is dbus-broker. The service may refuse what it cannot do, and must
# hold what it had promised. Needs tools/vm --full, and player.sh beside it; with --reboot it does all of
# it once more on dbus-broker.
#
# usage: surroundings.sh [--brokers]
#
#   --brokers   first on dbus-daemon, then, after a reboot, on dbus-broker

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/player.sh
. "$(dirname "$0")/player.sh"

kept=/var/lib/rustland-surroundings
mkdir -p $kept
# Those on the first bus go on counting on the second one.
[[ ! -e $kept/verdicts ]] || read -r verdicts failed <$kept/verdicts

clean_up() {
	local job
	rm -f /run/fill
	umount -l /var/lib/scx-rustland 2>/dev/null
	killall -q -CONT polkitd
	pkill -x -u player sleep
	log_out
	systemctl stop $unit
	for job in $(jobs -p); do kill "$job" 2>/dev/null; done
	wait
}

call() {
	local member=$1
	shift
	gdbus call -y -t 60 -d org.scx.Rustland -o /org/scx/Rustland -m "org.scx.Rustland.$member" "$@" 2>&1
}
cookie_of() { sed -n 's/^(uint32 \([0-9]*\),)$/\1/p'; }
daemon() { systemctl show --value -p MainPID $unit; }
restarts() { systemctl show --value -p NRestarts $unit; }
another_daemon() { [[ $(daemon) != 0 && $(daemon) != "$1" ]] && service_is_active; }
# sleeper: a process of the player's; sets pid.
sleeper() {
	setpriv --reuid=player --regid=player --clear-groups sleep 10000 &
	pid=$!
	wait_until 10 test "$(cat /proc/$pid/comm)" = sleep
}
# In the session, as polkit sees it, is what the user's own systemd starts.
player_boosts() { player systemd-run -q --user --pipe --wait rustlandctl boost "$1" 2>&1; }

bus_is=$(readlink -f /etc/systemd/system/dbus.service /usr/lib/systemd/system/dbus.service | head -n 1)
note "the bus is $(basename "$bus_is")"
systemctl start polkit
verdict "scx-rustland.service starts" timeout 100 systemctl start $unit
verdict "and schedules" wait_until 60 service_is_active
verdict "player is logged in" log_in
first=$(daemon)
sleeper
kept_pid=$pid
verdict "player boosts a process" player_boosts "$kept_pid"
verdict "it is listed" wait_until 30 is_boosted "$kept_pid"

# ---- polkit and logind -----------------------------------------------------------------------------

sleeper
other_pid=$pid
killall -STOP polkitd
player_boosts "$other_pid" >out/refused.txt &
asking=$!
verdict "polkitd hangs, and root is answered meanwhile" grep -q "^(" <(call ListBoosts)
wait $asking
verdict "who needs it is refused after a while: $(tail -n 1 out/refused.txt)" \
	grep -q -i polkit out/refused.txt
killall -CONT polkitd
verdict "when it goes on, so do boosts" player_boosts "$other_pid"
systemctl restart polkit
verdict "polkitd was restarted, and boosts are as they were" \
	wait_until 30 boosts_are "$kept_pid" "$other_pid"
sleeper
verdict "and new ones are taken" player_boosts "$pid"
kill "$pid" "$other_pid"
systemctl restart systemd-logind
verdict "logind was restarted, and the boost is as it was" wait_until 60 boosts_are "$kept_pid"
wait_until 60 is_active_session
sleeper
verdict "player, still in an active session, boosts another one" player_boosts "$pid"
kill "$pid"
wait_until 30 boosts_are "$kept_pid"

# ---- time ------------------------------------------------------------------------------------------

sleeper
cookie=$(call BoostProcess "$pid" tree "for a day" "{'TimeoutUSec': <uint64 86400000000>}" | cookie_of)
verdict "a boost for a day" [ -n "$cookie" ]
date -s '+3 days' >/dev/null
verdict "the clock jumps three days ahead, and it stays" wait_until 30 boosts_are "$kept_pid" "$pid"
date -s '-30 days' >/dev/null
sleep 2
verdict "and back by a month" wait_until 30 boosts_are "$kept_pid" "$pid"
verdict "the scheduler is still $(ops)" service_is_active
kill "$pid"
verdict "it ends with its process" wait_until 30 boosts_are "$kept_pid"

# ---- full, and read-only ---------------------------------------------------------------------------

dd if=/dev/zero of=/run/fill bs=64k 2>/dev/null
verdict "/run is full: $(df --output=avail /run | tail -n 1) KB are left" [ ! -w /run/none ]
sleeper
player_boosts "$pid" >out/full.txt
verdict "what is taken then is in force: $(tail -n 1 out/full.txt)" wait_until 30 boosts_are "$kept_pid" "$pid"
rm /run/fill
kill -KILL "$(daemon)"
verdict "killed before it could write, rustlandd is back" wait_until 60 another_daemon "$first"
verdict "with what it had been able to write, at least" is_boosted "$kept_pid"
kill "$pid"
verdict "and what is over leaves" wait_until 30 boosts_are "$kept_pid"
sleeper
verdict "with room in /run again" player_boosts "$pid"
second=$(daemon)
kill -KILL "$second"
verdict "both outlive the next one" wait_until 60 another_daemon "$second"
verdict "as they were" wait_until 30 boosts_are "$kept_pid" "$pid"
kill "$pid"

mount --bind -o ro /var/lib/scx-rustland /var/lib/scx-rustland
mount -o remount,bind,ro /var/lib/scx-rustland
systemctl restart $unit
verdict "/var is read-only, and the service runs" wait_until 60 service_is_active
profile=$(rustlandctl profile 2>&1)
rustlandctl profile gaming >out/profile.txt 2>&1
note "a profile that cannot be kept: $(tail -n 1 out/profile.txt)"
# What was tried for it is undone.
verdict "the scheduler goes on" wait_until 60 service_is_active
verdict "and the profile is as it was" [ "$(rustlandctl profile 2>&1)" = "$profile" ]
umount -l /var/lib/scx-rustland
rustlandctl profile "$(head -n 1 <<<"$profile" | awk '{ print $1 }')" >/dev/null 2>&1
systemctl restart $unit
wait_until 60 service_is_active

# ---- processes -------------------------------------------------------------------------------------

strace -f -o /dev/null -p "$kept_pid" &
tracer=$!
sleep 1
verdict "a boosted process that is traced stays boosted" boosts_are "$kept_pid"
kill $tracer
wait $tracer
sleeper
cookie=$(call BoostProcess "$pid" process "traced" '{}' | cookie_of)
kill -STOP "$pid"
verdict "one that is stopped stays boosted, too" is_boosted "$pid"
kill -CONT "$pid"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
wait_until 30 boosts_are "$kept_pid"
echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid
setpriv --reuid=player --regid=player --clear-groups sleep 10000 &
again=$!
note "its number was $pid, the next process has $again"
verdict "a process that got its number has not got its class" \
	grep -q "'Class': <'normal'>" <(call GetProcess "$again")
kill $again

# ---- sessions --------------------------------------------------------------------------------------

systemd-run -q --unit=player-again -p PAMName=login -p User=player -p TTYPath=/dev/tty3 \
	-p StandardInput=null -- tail -f /dev/null
two_sessions() { [[ $(loginctl show-user -p Sessions --value player | wc -w) -ge 2 ]]; }
verdict "player logs in once more" wait_until 60 two_sessions
verdict "the boost is as it was" boosts_are "$kept_pid"
systemctl stop player-again
verdict "and after the second session's end" wait_until 30 boosts_are "$kept_pid"
verdict "nobody has restarted the service: $(restarts) restarts by hand of two kills" [ "$(restarts)" -le 2 ]
kill "$kept_pid"
verdict "in the end there are no boosts" wait_until 30 boosts_are
verdict "the kernel has nothing to complain about" no_ejection

# ---- the other bus ---------------------------------------------------------------------------------

if [[ ${1:-} == --brokers ]]; then
	if [[ ! -e $kept/verdicts ]]; then
		echo "$verdicts $failed" >$kept/verdicts
		systemctl -q enable --force dbus-broker.service
		systemctl reboot
		sleep 600
		die "the machine reboots"
	fi
	verdict "this was on dbus-broker" [ "$(basename "$bus_is")" = dbus-broker.service ]
fi
finish
