#!/bin/bash
# shellcheck disable=SC2317,SC2154,SC2086 # wait_until and verdict call the functions
# SPDX-License-Identifier: GPL-2.0-only
#
# A real desktop whose focus becomes the foreground boost: sway, without a screen, with two windows.
# Needs tools/vm --full, and player.sh, sway.sh and latency.py beside it.
#
# usage: focus.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/player.sh
. "$(dirname "$0")/player.sh"

# shellcheck source=tests/vm/sway.sh
. "$(dirname "$0")/sway.sh"

clean_up_focus() {
	close_sway
	log_out
	systemctl stop $unit
}

# ---- start ---------------------------------------------------------------------------------------

command -v sway >/dev/null || die "there is no sway"
begin_session
verdict "sway starts" start_sway

# ---- the focus -----------------------------------------------------------------------------------

window
first=$window
verdict "a window, process $first, is in the foreground" wait_until 60 in_foreground "$first"
window
second=$window
verdict "then a new one, process $second, instead" wait_until 60 in_foreground "$second"
sway "[pid=$first] focus"
verdict "the focus on the first: so is the foreground" wait_until 60 in_foreground "$first"
sway workspace 2
verdict "an empty workspace: nothing is in the foreground" wait_until 60 boosts_are
sway workspace 1
verdict "back: the first again" wait_until 60 in_foreground "$first"
cp latency.py /home/player/
player timeout 200 python3 latency.py sway "$(sway_socket)" "$second" "$first" >out/times.txt 2>&1
note "event to BoostAdded, in ms: $(sed -n 's/^event to BoostAdded: \(.*\) ms/\1/p' out/times.txt | xargs)"
note "command to BoostAdded, in ms: $(sed -n 's/^command to BoostAdded: \(.*\) ms/\1/p' out/times.txt | xargs)"
verdict "ten changes, ten boosts" grep -q -x '10 changes' out/times.txt
verdict "the focus is on the first" wait_until 60 in_foreground "$first"

player_ctl restart $session_unit
verdict "rustland-session restarted: the first again" wait_until 60 in_foreground "$first"
timeout 100 systemctl restart $unit
verdict "scx-rustland restarted: the first again" wait_until 60 in_foreground "$first"
kill "$first"
verdict "the first closed: the second has the focus" wait_until 60 in_foreground "$second"
pkill -KILL -x -u player sway
verdict "sway crashed: nothing is in the foreground" wait_until 60 boosts_are
verdict "another sway, beside the socket of the one that crashed" start_sway
window
verdict "its window is in the foreground" wait_until 60 in_foreground "$window"

# ---- off -----------------------------------------------------------------------------------------

player mkdir -p .config/scx-rustland
# shellcheck disable=SC2016 # player's shell expands it
player sh -c 'printf "[Session]\nFocus=no\n" >.config/scx-rustland/session.conf'
player_ctl restart $session_unit
verdict "with Focus=no nothing is in the foreground" wait_until 60 boosts_are
window
sleep 2
verdict "also not a new window" boosts_are

check_journal
clean_up_focus
finish
