#!/bin/bash
# shellcheck disable=SC2317,SC2154,SC2086 # wait_until and verdict call the functions
# SPDX-License-Identifier: GPL-2.0-only
#
# A session as it goes for hours, in minutes: windows come, go and get the focus at random, games start
# and die, and now and then one of the services is started again. In the end no boost may be left over,
# and the services may be no larger than when they had done the same for a while. Needs tools/vm --full,
# and player.sh and sway.sh beside it.
#
# usage: soak.sh [--minutes N] [--seed N]

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/player.sh
. "$(dirname "$0")/player.sh"
# shellcheck source=tests/vm/sway.sh
. "$(dirname "$0")/sway.sh"

minutes=3
RANDOM=$$
while (($#)); do
	case $1 in
	--minutes) minutes=$2 ;;
	--seed) RANDOM=$2 ;;
	*) die "usage: soak.sh [--minutes N] [--seed N]" ;;
	esac
	shift 2
done

focuses=0 opened=0 closed=0 started=0 killed=0 restarts=0

windows() { pgrep -x -u player foot; }
games() { pgrep -x -u player sleep; }
# one_of LIST: a line of it at random.
one_of() { shuf -n 1 <<<"$1"; }

daemon_pid() { systemctl show --value -p MainPID $unit; }
bridge_pid() { session_property MainPID; }
rss_kb() { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }
fds() { find "/proc/$1/fd" -mindepth 1 | wc -l; }

# What is alive right now, and nothing else, is boosted: every game, and the window in front.
games_boosted() { [[ $(boosted_pids boosted) == "$(games | sort -n | xargs)" ]]; }
boosted_pids() {
	rustlandctl list --json 2>/dev/null | python3 -c '
import json, sys
print(*sorted(one["pid"] for one in json.load(sys.stdin) if one["class"] == sys.argv[1]))' "$1"
}
foreground_is_a_window() {
	local pid
	pid=$(boosted_pids foreground)
	[[ $(wc -w <<<"$pid") -le 1 ]] && { [[ -z $pid ]] || windows | grep -q -x "$pid"; }
}
all_is_right() { games_boosted && foreground_is_a_window; }

step() {
	local list
	case $((RANDOM % 20)) in
	[0-8])
		list=$(windows)
		[[ -z $list ]] || sway "[pid=$(one_of "$list")] focus"
		focuses=$((focuses + 1))
		;;
	9)
		sway workspace $((RANDOM % 2 + 1))
		focuses=$((focuses + 1))
		;;
	1[0-1])
		(($(windows | wc -l) > 5)) || sway exec "foot tail -f /dev/null"
		opened=$((opened + 1))
		;;
	12)
		list=$(windows)
		(($(wc -w <<<"$list") < 2)) || kill "$(one_of "$list")"
		closed=$((closed + 1))
		;;
	1[3-5])
		if (($(games | wc -l) < 5)); then
			player gamemoderun sleep 100000 >/dev/null 2>&1 &
			started=$((started + 1))
		fi
		;;
	*)
		list=$(games)
		if [[ -n $list ]]; then
			kill -s "$( ((RANDOM % 2)) && echo KILL || echo TERM)" "$(one_of "$list")"
			killed=$((killed + 1))
		fi
		;;
	esac
}

# One of those that may be started again at any time, in one of the ways in which that happens.
restart_one() {
	local kind=$((RANDOM % 5))
	restarts=$((restarts + 1))
	case $kind in
	0) player_ctl restart $session_unit ;;
	1) player_ctl kill -s KILL $session_unit ;;
	2) timeout 100 systemctl restart $unit ;;
	3) systemctl kill -s KILL --kill-whom=main $unit ;;
	4) pkill -KILL -x -u player gamemoded ;; # it forgets its games
	esac
	wait_until 60 service_is_active || fail "$unit is back after restart $restarts, of kind $kind"
	wait_until 60 session_runs || fail "$session_unit is back after restart $restarts, of kind $kind"
	# What died in a row is not to be taken for a service that cannot live. Not before it is back: this
	# also makes systemd forget that there is a failure to restart it for.
	systemctl reset-failed $unit 2>/dev/null
	player_ctl reset-failed 2>/dev/null
	# GameMode itself is the one that does not remember.
	pkill -x -u player sleep
}

# for_seconds N: random steps, a restart every half minute or so.
for_seconds() {
	local end=$((SECONDS + $1)) next=$((SECONDS + 20 + RANDOM % 20))
	while ((SECONDS < end)); do
		step
		sleep "0.$((RANDOM % 6))"
		if [[ -n ${2:-} ]] && ((SECONDS >= next)); then
			restart_one
			next=$((SECONDS + 20 + RANDOM % 20))
		fi
	done
}

clean_up_soak() {
	close_sway
	pkill -x -u player sleep
	log_out
	systemctl stop $unit
}

# measure NAME: the size of both services at rest.
measure() {
	local pid
	pkill -x -u player sleep
	wait_until 60 all_is_right
	sleep 2
	for pid in $(daemon_pid) $(bridge_pid); do
		note "$1: $(cat "/proc/$pid/comm"): $(rss_kb "$pid") kB, $(fds "$pid") descriptors"
		printf '%s %s %s\n' "$(cat "/proc/$pid/comm")" "$(rss_kb "$pid")" "$(fds "$pid")" >>"out/$1.txt"
	done
}

# ---- start ---------------------------------------------------------------------------------------

begin_session
verdict "sway starts" start_sway
window
verdict "a window is in the foreground" wait_until 60 foreground_is_a_window

# ---- everything at once --------------------------------------------------------------------------

# One part with restarts, and one without in which sizes can be compared.
for_seconds $((minutes * 60 / 2)) restarts
wait_until 60 all_is_right
verdict "after $restarts restarts just what is alive is boosted" all_is_right
pids="$(daemon_pid) $(bridge_pid)"
for_seconds $((minutes * 60 / 8))
measure before
for_seconds $((minutes * 60 * 3 / 8))
measure after
verdict "the services are the same processes as before" [ "$pids" = "$(daemon_pid) $(bridge_pid)" ]
note "$focuses changes of the focus, $opened windows opened, $closed closed; $started games started, $killed killed"
wait_until 60 all_is_right
verdict "just what is alive is boosted" all_is_right
paste -d ' ' out/before.txt out/after.txt >out/sizes.txt
while read -r name rss descriptors _ rss_after descriptors_after; do
	verdict "$name: as many descriptors as before ($descriptors, $descriptors_after)" \
		[ "$descriptors_after" -le "$descriptors" ]
	# An allocator takes a page now and then.
	verdict "$name: as large as before ($rss kB, $rss_after kB)" [ "$rss_after" -le $((rss + 256)) ]
done <out/sizes.txt

close_sway
pkill -x -u player sleep
verdict "everything closed: no boost is left over" wait_until 60 boosts_are
scheduler_log=/dev/null
verdict "not thrown out by the kernel" no_ejection
journalctl --no-pager -q _UID=1000 -o short-precise >out/player-journal.txt 2>&1
clean_up_soak
finish
