#!/bin/bash
# shellcheck disable=SC2317,SC2154,SC2086 # wait_until and verdict call the functions
# SPDX-License-Identifier: GPL-2.0-only
#
# A real X11 session whose focus becomes the foreground boost: Xvfb with a cookie that systemd is told
# of, openbox and xterms; then a server of root, as display managers start it, beside another user's four
# that only pretend, of which three never answer. More of X11 is in tests/dbus/desktops. Needs tools/vm --full, and player.sh, latency.py and
# tests/dbus/server.py beside it.
#
# usage: x11.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/player.sh
. "$(dirname "$0")/player.sh"

display=:7
cookies=/home/player/cookies

# As display managers do it: the cookie in a file of any name, which systemd is told of.
# start_x COMMAND...: what starts a program as the user whose server it is to be.
start_x() {
	player touch $cookies
	player xauth -q -f $cookies add $display . "$(mcookie)"
	"$@" Xvfb $display -screen 0 800x600x24 -nolisten tcp -auth $cookies \
		>>"$PWD/out/x.log" 2>&1 &
	wait_until 60 answers || return
	player_ctl set-environment DISPLAY=$display XAUTHORITY=$cookies
	x openbox >>"$PWD/out/x.log" 2>&1 &
	wait_until 60 has_manager
}
x() { player DISPLAY=$display XAUTHORITY=$cookies "$@"; }
answers() { x xprop -root >/dev/null 2>&1; }
has_manager() { x xprop -root _NET_SUPPORTING_WM_CHECK 2>/dev/null | grep -q 'window id'; }

# open_window: opens one, and sets window to its number and process to what it belongs to.
open_window() {
	local known end=$((SECONDS + 60))
	known=$(pgrep -x xterm | sort)
	x xterm -e sleep 10000 >>"$PWD/out/x.log" 2>&1 &
	window='' process=''
	while [[ -z $window ]] && ((SECONDS < end)); do
		sleep 0.2
		process=$(comm -13 <(echo "$known") <(pgrep -x xterm | sort))
		[[ -z $process ]] || window=$(x xdotool search --onlyvisible --pid "$process" 2>/dev/null | tail -n 1)
	done
}
# It fails where no window happens to be active just then.
focus() { wait_until 20 x xdotool windowactivate "$1"; }

close_x() {
	pkill -x -u player xterm
	pkill -x -u player openbox
	pkill -x Xvfb
}

# start_foreign NUMBER MODE: another user's, at a number that the player has a cookie for.
start_foreign() {
	player xauth -q -f $cookies add ":$1" . "$(mcookie)"
	cp server.py /tmp/
	install -o nobody -m 644 /dev/null "/tmp/foreign-$1.log"
	tail -f /dev/null | runuser -u nobody -- env -C / python3 -B /tmp/server.py x11 \
		"/tmp/.X11-unix/X$1" "/tmp/foreign-$1.log" 1 "$2" >"/tmp/foreign-$1.out" &
	wait_until 60 grep -q ready "/tmp/foreign-$1.out"
}
start_all_foreign() {
	start_foreign 9 answer && start_foreign 1 hang && start_foreign 2 hang && start_foreign 3 hang
}
close_foreign() { pkill -u nobody -f server.py; }
# found_foreign N: N of them.
found_foreign() { (($(grep -l connected /tmp/foreign-*.log | wc -l) == $1)); }
bytes_to_foreign() { cat /tmp/foreign-*.log | grep -c bytes; }
longest() { sed -n 's/^event to BoostAdded: \(.*\) ms/\1/p' "$1" | sort -n | tail -n 1; }
# The kernel shows the bridge no user but its own.
is_sandboxed() { [[ $(awk '{ print $1, $3 }' "/proc/$(session_property MainPID)/uid_map") == "1000 1" ]]; }
clean_up_x() {
	close_x
	close_foreign
	log_out
	systemctl stop $unit
}

# ---- start ---------------------------------------------------------------------------------------

command -v Xvfb >/dev/null || die "there is no Xvfb"
begin_session
verdict "Xvfb and openbox start" start_x player

# ---- the focus -----------------------------------------------------------------------------------

open_window
first=$process first_window=$window
verdict "a window, process $first, is in the foreground" wait_until 60 in_foreground "$first"
open_window
second=$process second_window=$window
verdict "then a new one, process $second, instead" wait_until 60 in_foreground "$second"
focus "$first_window"
verdict "the focus on the first: so is the foreground" wait_until 60 in_foreground "$first"
cp latency.py /home/player/
x timeout 200 python3 latency.py x11 "$second:$second_window" "$first:$first_window" >out/times.txt 2>&1
note "event to BoostAdded, in ms: $(sed -n 's/^event to BoostAdded: \(.*\) ms/\1/p' out/times.txt | xargs)"
note "xdotool to BoostAdded, in ms: $(sed -n 's/^command to BoostAdded: \(.*\) ms/\1/p' out/times.txt | xargs)"
verdict "ten changes, ten boosts" grep -q -x '10 changes' out/times.txt

player_ctl restart $session_unit
verdict "rustland-session restarted: the first again" wait_until 60 in_foreground "$first"
close_x
verdict "no X server any more: nothing is in the foreground" wait_until 60 boosts_are

# ---- root's server, and another user's -----------------------------------------------------------

verdict "the bridge sees no other user, nor root" is_sandboxed
verdict "another user listens as four X servers, of which three never answer" start_all_foreign
display=:8
verdict "Xvfb of root, and openbox, start" start_x env
open_window
first=$process first_window=$window
verdict "its window, process $process, is in the foreground" wait_until 60 in_foreground "$process"
verdict "the other user's servers were all found" wait_until 60 found_foreign 4
open_window
second=$process second_window=$window
x timeout 200 python3 latency.py x11 "$first:$first_window" "$second:$second_window" >out/times-foreign.txt 2>&1
verdict "ten changes, ten boosts beside them" grep -q -x '10 changes' out/times-foreign.txt
verdict "each within 1 s: the longest took $(longest out/times-foreign.txt) ms" \
	awk -v ms="$(longest out/times-foreign.txt)" 'BEGIN { exit !(ms != "" && ms < 1000) }'
player_ctl restart $session_unit
verdict "rustland-session restarted: the second again" wait_until 60 in_foreground "$second"
verdict "none of them got a byte" [ "$(bytes_to_foreign)" = 0 ]
close_x
verdict "root's server ended: nothing is in the foreground" wait_until 60 boosts_are

check_journal
clean_up_x
finish
