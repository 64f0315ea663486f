#!/bin/bash
# shellcheck disable=SC2317,SC2154,SC2086 # wait_until and verdict call the functions
# SPDX-License-Identifier: GPL-2.0-only
#
# The focus of KDE becomes the foreground boost: KWin without a screen, with the script that
# rustland-session brings, which KWin loads by itself. Needs tools/vm --desktop, and player.sh and
# latency.py beside it.
#
# usage: kde.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/player.sh
. "$(dirname "$0")/player.sh"

kwin_call() { player gdbus call -e -d org.kde.KWin -o "$1" -m "$2" "${@:3}" 2>&1; }
script_is_loaded() {
	[[ $(kwin_call /Scripting org.kde.kwin.Scripting.isScriptLoaded scx-rustland) == '(true,)' ]]
}
start_kwin() {
	player systemd-run -q --user --unit=kwin --slice=session.slice \
		-p Environment=LIBGL_ALWAYS_SOFTWARE=1 -p Environment=KWIN_COMPOSE=Q \
		-p Environment=QT_QPA_PLATFORM=offscreen \
		-- kwin_wayland --virtual --no-lockscreen --socket wayland-kwin
	wait_until 300 script_is_loaded
}
# window NAME: opens one, and sets window to its process.
window() {
	player systemd-run -q --user --unit="app-$1" --slice=app.slice \
		-- env WAYLAND_DISPLAY=wayland-kwin foot sleep 10000
	window=$(player_ctl show --value -p MainPID "app-$1.service")
}
# focus PID: by a script, which is what KWin can be told to run.
focus() {
	local file=/home/player/focus-$1-$RANDOM.js
	player tee "$file" >/dev/null <<-EOS
		const one = workspace.windowList().find(w => w.pid == $1);
		if (one)
		    workspace.activeWindow = one;
	EOS
	kwin_call /Scripting org.kde.kwin.Scripting.loadScript "$file" "$file" >/dev/null
	kwin_call /Scripting org.kde.kwin.Scripting.start >/dev/null
}
clean_up_kde() {
	player_ctl stop kwin 'app-*' 2>/dev/null
	log_out
	systemctl stop $unit
}

command -v kwin_wayland >/dev/null || die "there is no KWin"
note "$(player QT_QPA_PLATFORM=offscreen kwin_wayland --version)"
begin_session
if ! start_kwin; then
	journalctl --no-pager -q _UID=1000 >out/kwin.log
	fail "KWin starts and loads the script, see kwin.log"
	clean_up_kde
	finish
fi
pass "KWin starts, without a screen, and has loaded the script by itself"

window one
one=$window
verdict "a window, process $one, is in the foreground" wait_until 120 in_foreground "$one"
window two
two=$window
verdict "then a new one, process $two, instead" wait_until 120 in_foreground "$two"
focus "$one"
verdict "the focus on the first: so is the foreground" wait_until 120 in_foreground "$one"
focus "$two"
verdict "on the second" wait_until 120 in_foreground "$two"
cp latency.py /home/player/
player timeout 200 python3 /home/player/latency.py kwin "$one" "$two" >out/times.txt 2>&1
note "command to BoostAdded, in ms: $(sed -n 's/^command to BoostAdded: \(.*\) ms/\1/p' out/times.txt | xargs)"
verdict "ten changes, ten boosts" grep -q -x '10 changes' out/times.txt
kill "$two"
verdict "the second closed: the first has the focus" wait_until 120 in_foreground "$one"
kill "$one"
verdict "no window: nothing is in the foreground" wait_until 120 boosts_are

check_journal
clean_up_kde
finish
