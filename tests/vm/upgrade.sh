#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Packages that are upgraded while a game runs: a boosted frame loop beside hogs, and apt, which writes,
# runs scripts and restarts the scheduler meanwhile. The boost has to be there afterwards, and no frame
# may take longer than 100 ms. Between the two schedulers the kernel's own has the machine, without
# boosts.
#
# usage: upgrade.sh [--upgrades N] [--seconds N]
#
#   --upgrades N   so many (default 2)
#   --seconds N    how long a game is measured that has to last longer than an upgrade (default 90)
#
# After tools/build and tools/build deb:
#   tools/vm --full --icount --no-stage --copy out/deb --copy out/stage/usr/libexec/scx-rustland/bench \
#           --copy tests/vm/upgrade.sh --copy tests/vm/installed.sh --copy tests/vm/lib.sh -- ./upgrade.sh

# verdict and wait_until call functions.
# shellcheck disable=SC2317

SCX_RUSTLAND_BENCH=./bench
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/installed.sh
. "$(dirname "$0")/installed.sh"

# A frame that takes longer is one that a person sees.
limit_us=100000
upgrades=2 seconds=90
while (($#)); do
	case $1 in
	--upgrades) upgrades=$2 && shift ;;
	--seconds) seconds=$2 && shift ;;
	*) die "unknown option $1" ;;
	esac
	shift
done
export DEBIAN_FRONTEND=noninteractive
mkdir -p $kept/out

held_cookie() { rustlandctl list --json | python3 -c 'import json, sys; print(*[b["cookie"] for b in json.load(sys.stdin)])'; }
held() { [[ $(held_cookie) == "$cookie" ]]; }

# game FILE SECONDS: starts the boosted frame loop beside the hogs; finish_game waits for its end.
game() {
	"$bench/hog" --count $((2 * cpus)) --unit-iterations "$unit_iterations" \
		--seconds "$2" >/dev/null &
	hogs=$!
	"$bench/frame-loop" --work-iterations "$work" --seconds "$2" >"$1" &
	game=$!
	timeout 60 rustlandctl boost --lifetime process --reason "the game" $game >out/boost.log 2>&1
	cookie=$(held_cookie)
	[ -n "$cookie" ]
}
game_runs() { kill -0 "$game" 2>/dev/null; }
finish_game() { wait $game && wait $hogs; }

# show NAME FILE
show() {
	note "$1: $(json "$2" frames) frames, $(json "$2" missed) missed," \
		"longest frame $(json "$2" frame_us.max) us, longest wait $(json "$2" longest_wait_us) us"
}

systemctl is-system-running --wait >/dev/null
debs=(./deb/scx-rustland_*_*.deb ./deb/scx-rustland-session_*_*.deb ./deb/librustland0_*_*.deb)
apt install "${debs[@]}" || die "apt installs the packages"
systemctl enable -q --now $unit
wait_until 60 schedules || die "the scheduler runs"
sleep 10
read -r work unit_iterations < <("$bench/bench-run" --calibrate) || die "the work can be calibrated"

# What the machine costs without an upgrade.
game out/upgrade-0.json 10 || die "the game is boosted"
finish_game || die "a game without an upgrade can be measured"
show "no upgrade" out/upgrade-0.json

for ((nr = 1; nr <= upgrades; nr++)); do
	newer "+newer$nr" "${debs[@]}"
	sync
	main=$(main_pid) file=out/upgrade-$nr.json
	game $file "$seconds" || die "the game is boosted"
	sleep 3
	start=$SECONDS
	apt install /tmp/newer/*.deb || die "apt upgrades the packages"
	note "the upgrade took $((SECONDS - start)) s"
	verdict "the service was restarted" [ "$(main_pid)" != "$main" ]
	verdict "and schedules" wait_until 30 schedules
	verdict "the boost is still held" wait_until 10 held
	sleep 2
	verdict "the game was measured all the time" game_runs
	finish_game || die "upgrade $nr: the game can be measured"
	show "upgrade $nr" $file
	verdict "no frame took longer than $((limit_us / 1000)) ms: $(json $file frame_us.max) us" \
		at_most "$(json $file frame_us.max)" $limit_us
	verdict "nor did any wait: $(json $file longest_wait_us) us" \
		at_most "$(json $file longest_wait_us)" $limit_us
done
cp $kept/out/apt.log out/
journalctl --no-pager -q -o short-monotonic -u $unit >out/journal.txt
scheduler_log=/dev/null
verdict "not thrown out by the kernel" no_ejection
finish
