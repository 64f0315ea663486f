#!/bin/bash
# shellcheck disable=SC2317,SC2154,SC2086 # wait_until and verdict call the functions
# SPDX-License-Identifier: GPL-2.0-only
#
# A real desktop whose focus becomes the foreground boost: sway, without a screen, with two windows.
# Needs tools/vm --full, and player.sh beside it.
#
# usage: focus.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/player.sh
. "$(dirname "$0")/player.sh"

classes() { boosts class; }
in_foreground() { boosts_are "$@" && [[ $(classes) == foreground ]]; }
socket() { echo "/run/user/1000/sway-ipc.1000.$(pgrep -n -x -u player sway).sock"; }
has_socket() { [[ -S $(socket) ]]; }
sway() { player swaymsg -q -s "$(socket)" "$@"; }

start_sway() {
	player WLR_BACKENDS=headless WLR_RENDERER=pixman WLR_LIBINPUT_NO_DEVICES=1 \
		sway -c /dev/null >>"$PWD/out/sway.log" 2>&1 &
	wait_until 60 has_socket && wait_until 60 sway -t get_version
}
# window: opens one, and sets window to its process.
window() {
	local known end=$((SECONDS + 60))
	known=$(pgrep -x foot | sort)
	sway exec "foot sleep 10000"
	window=
	while [[ -z $window ]] && ((SECONDS < end)); do
		window=$(comm -13 <(echo "$known") <(pgrep -x foot | sort))
		sleep 0.1
	done
}

# How long a change of the focus takes to become a boost, in milliseconds.
times() {
	player SWAYSOCK="$(socket)" timeout 120 python3 - "$@" <<-'PYTHON'
		import subprocess, sys, time
		import gi
		gi.require_version("Gio", "2.0")
		from gi.repository import Gio, GLib

		pids = [int(pid) for pid in sys.argv[1:]]
		loop, times = GLib.MainLoop(), []
		at = 0

		def change():
		    global at
		    at = time.monotonic()
		    subprocess.Popen(["swaymsg", "-q", f"[pid={pids[len(times) % 2]}] focus"])

		def heard(_bus, _sender, _path, _interface, _member, args):
		    if args.unpack()[1]["Pid"] != pids[len(times) % 2]:
		        return
		    times.append((time.monotonic() - at) * 1000)
		    if len(times) == 6:
		        loop.quit()
		    else:
		        GLib.timeout_add(500, change)

		name = "org.scx.Rustland"
		bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
		bus.signal_subscribe(None, name, "BoostAdded", None, None, 0, heard)
		bus.call_sync(name, "/org/scx/Rustland", name, "ListBoosts", None, None, 0, -1)
		GLib.timeout_add_seconds(100, loop.quit)
		change()
		loop.run()
		print(" ".join(f"{ms:.0f}" for ms in times))
	PYTHON
}

clean_up_focus() {
	pkill -x -u player foot
	pkill -x -u player sway
	log_out
	systemctl stop $unit
}

# ---- start ---------------------------------------------------------------------------------------

command -v sway >/dev/null || die "there is no sway"
systemctl --global preset $session_unit
verdict "scx-rustland.service starts" timeout 100 systemctl start $unit
verdict "player is logged in" log_in
session_runs() { [[ $(session_property ActiveState) == active ]]; }
verdict "$session_unit.service runs, before there is a desktop" wait_until 60 session_runs
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
times "$second" "$first" >out/times.txt
note "from swaymsg's start to BoostAdded, in ms: $(cat out/times.txt)"
verdict "six changes, six boosts" [ "$(wc -w <out/times.txt)" = 6 ]
wait_until 60 in_foreground "$first"

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

journalctl --no-pager -q _UID=1000 -o short-precise >out/player-journal.txt 2>&1
verdict "the bridge had nothing to complain about" \
	[ -z "$(journalctl --no-pager -q -o cat -p warning _COMM=rustland-sessio)" ]
clean_up_focus
finish
