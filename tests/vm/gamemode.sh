#!/bin/bash
# shellcheck disable=SC2317,SC2154,SC2086 # wait_until and verdict call the functions
# SPDX-License-Identifier: GPL-2.0-only
#
# The distribution's own GameMode, rustland-session as a user service and scx-rustland.service: games
# are boosted as long as they are games, whoever is started again meanwhile. Needs tools/vm --full, and
# player.sh and latency.py beside it.
#
# usage: gamemode.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/player.sh
. "$(dirname "$0")/player.sh"

# game: starts one with GameMode's own launcher, and sets game to its process.
game() {
	local known end=$((SECONDS + 60))
	known=$(games)
	player gamemoderun sleep 1000 &
	game=
	while [[ -z $game ]] && ((SECONDS < end)); do
		game=$(comm -13 <(echo "$known") <(games))
		sleep 0.1
	done
}
games() { pgrep -x -u player sleep | sort; }
gamemode_list() {
	player gdbus call -e -d com.feralinteractive.GameMode -o /com/feralinteractive/GameMode \
		-m com.feralinteractive.GameMode.ListGames
}
gamemode_knows() { [[ $(gamemode_list) == *"Games/$1'"* ]]; }
gamemode_knows_none() { [[ $(gamemode_list) == '(@a(io) [],)' ]]; }

clean_up_gamemode() {
	pkill -x -u player sleep
	log_out
	systemctl stop $unit
}

# ---- start ---------------------------------------------------------------------------------------

verdict "the preset enables the user service" systemctl --global preset $session_unit
verdict "scx-rustland.service starts" timeout 100 systemctl start $unit
verdict "and schedules" wait_until 60 service_is_active
verdict "player is logged in" log_in
verdict "then $session_unit.service runs" wait_until 60 session_runs
verdict "GameMode was not started by it" [ -z "$(pgrep -x gamemoded)" ]

# ---- games ---------------------------------------------------------------------------------------

game
first=$game
verdict "gamemoderun's game, process $first, is boosted" wait_until 60 is_boosted "$first"
verdict "as a game of GameMode: $(boosts reason)" [ "$(boosts reason)" = "game (GameMode)" ]
verdict "with its descendants: $(boosts scope)" [ "$(boosts scope)" = tree ]
verdict "it is the session's, not root's: $(boosts uid)" [ "$(boosts uid)" = 1000 ]
game
second=$game
verdict "two games, two boosts" wait_until 60 boosts_are "$first" "$second"
kill -KILL "$first"
verdict "one crashes, the other one's stays" wait_until 60 boosts_are "$second"
kill -TERM "$second"
verdict "in the end there are no boosts" wait_until 60 boosts_are
cp latency.py /home/player/
for _ in 1 2 3; do
	player timeout 200 python3 latency.py game >out/times.txt 2>&1
	while IFS= read -r line; do note "$line"; done <out/times.txt
	verdict "a game that is killed came and went" grep -q BoostRemoved out/times.txt
done

# ---- who is started again ------------------------------------------------------------------------

game
verdict "a game again" wait_until 60 is_boosted "$game"
player_ctl restart $session_unit
verdict "rustland-session restarted: the game is boosted" wait_until 60 boosts_are "$game"
player_ctl kill -s KILL $session_unit
restarted() { (($(session_property NRestarts) == 1)); }
verdict "rustland-session killed: systemd starts it again" wait_until 60 restarted
verdict "and the game is boosted" wait_until 60 boosts_are "$game"

pid=$(systemctl show --value -p MainPID $unit)
cookie=$(boosts cookie)
kill -KILL "$pid"
another() { [[ $(systemctl show --value -p MainPID $unit) != "$pid" ]] && service_is_active; }
verdict "rustlandd killed: systemd starts it again" wait_until 60 another
verdict "and the game is boosted" wait_until 60 boosts_are "$game"
verdict "by the same boost" [ "$(boosts cookie)" = "$cookie" ]
timeout 100 systemctl stop $unit
timeout 100 systemctl start $unit
verdict "rustlandd stopped and started: the game is boosted" wait_until 60 boosts_are "$game"

pid=$(pgrep -x gamemoded)
player_ctl stop gamemoded 2>/dev/null
[[ -z $(pgrep -x gamemoded) ]] || kill -KILL "$pid"
verdict "GameMode is gone: it knows no games, so there are no boosts" wait_until 60 boosts_are
old=$game
game
verdict "GameMode again: the new game is boosted, the old one is none" \
	wait_until 60 boosts_are "$game"
kill -KILL "$game" "$old"
verdict "no boosts" wait_until 60 boosts_are

player_ctl stop $session_unit
game
verdict "a game before the bridge" wait_until 60 gamemode_knows "$game"
verdict "is not boosted" boosts_are
player_ctl start $session_unit
verdict "until the bridge is there" wait_until 60 boosts_are "$game"
kill -KILL "$game"
verdict "no boosts" wait_until 60 boosts_are

# ---- GameMode's own test -------------------------------------------------------------------------

# It waits fixed times for what takes longer on an emulated machine, and then fails by itself, with us
# or without: what counts is how many of its parts pass, the best of three times.
best_of_three() {
	local i n out
	best=0
	for i in 1 2 3; do
		wait_until 60 gamemode_knows_none
		out=out/gamemoded-t-$1-$i.txt
		player timeout 300 gamemoded -t >"$out" 2>&1
		n=$(grep -c ':: Passed' "$out")
		note "gamemoded -t $1 us: $n parts passed; $(grep '^ERROR' "$out" | head -n 1)"
		((n <= best)) || best=$n
	done
}
best_of_three with
with=$best
player_ctl stop $session_unit
best_of_three without
verdict "gamemoded -t passes $with parts with us, $best without" [ "$with" -ge "$best" ]
player_ctl start $session_unit

player journalctl --user --no-pager -q -u $session_unit -o cat >out/session-journal.txt 2>&1
check_journal
exposure=$(player systemd-analyze security --user --no-pager $session_unit.service 2>&1 |
	sed -n 's/.*exposure level for.*: \([0-9.]*\).*/\1/p')
verdict "the bridge's exposure is ${exposure:-unknown} of at most 1.5" at_most "${exposure:-10}" 1.5
clean_up_gamemode
finish
