#!/bin/bash
# shellcheck disable=SC2317,SC2154,SC2086 # wait_until and verdict call the functions
# SPDX-License-Identifier: GPL-2.0-only
#
# The focus of GNOME becomes the foreground boost of a control group. First what mutter does is done by
# hand; then, with --shell, GNOME Shell itself does it, without a screen. Needs player.sh beside it, and
# tools/vm --full; for GNOME Shell latency.py as well, and tools/vm --desktop.
#
# usage: gnome.sh [--shell]

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/player.sh
. "$(dirname "$0")/player.sh"

# The names of the groups in the foreground, sorted.
groups() {
	player gdbus call --system -d org.scx.Rustland -o /org/scx/Rustland \
		-m org.scx.Rustland.ListBoosts 2>/dev/null | grep -o "'CGroup': <'[^']*'>" | cut -d"'" -f4 | sort
}
groups_are() { [[ $(groups) == "$(printf '%s\n' "$@" | sort)" ]]; }
none_there() { boosts_are; }

# application NAME COMMAND...: in a unit of its own, as a desktop starts it; sets unit_group to its group.
application() {
	local name=$1
	shift
	player systemd-run -q --user --unit="app-$name" --slice=app.slice -- "$@"
	unit_group=$(player_ctl show --value -p ControlGroup "app-$name.service")
}

clean_up_gnome() {
	player_ctl stop gnome-shell 'app-*' 2>/dev/null
	log_out
	systemctl stop $unit
}

begin_session

# ---- mutter's part by hand -----------------------------------------------------------------------

# attribute GROUP VALUE: as mutter writes it.
attribute() {
	player python3 -c 'import os, sys; os.setxattr("/sys/fs/cgroup" + sys.argv[1],
		"user.xdg.inactive-since", sys.argv[2].encode())' "$1" "$2"
}
# has_name NAME: the name of a program on the session bus.
has_name() {
	[[ $(player gdbus call -e -d org.freedesktop.DBus -o /org/freedesktop/DBus \
		-m org.freedesktop.DBus.NameHasOwner "$1") == '(true,)' ]]
}
shell_by_hand() {
	player timeout 600 python3 -c '
from gi.repository import Gio, GLib
Gio.bus_own_name(Gio.BusType.SESSION, "org.gnome.Shell", 0, None, None, None)
GLib.MainLoop().run()' &
	shell_pid=$!
	wait_until 60 has_name org.gnome.Shell
}

application first sleep 10000
first=$unit_group
attribute "$first" -1
sleep 1
verdict "an attribute without GNOME Shell says nothing" none_there
verdict "a program with GNOME Shell's name" shell_by_hand
verdict "then the group counts: $first" wait_until 60 groups_are "$first"
verdict "as a control group in the foreground" [ "$(boosts scope) $(boosts class)" = "cgroup foreground" ]
application second sleep 10000
second=$unit_group
attribute "$second" -1
attribute "$first" 123456789
verdict "the focus on another application: $second" wait_until 60 groups_are "$second"
attribute "$second" 123456999
verdict "no window has the focus: nothing is in the foreground" wait_until 60 none_there
player systemd-run -q --user --unit=app-third --slice=app-deep-down.slice -- sleep 10000
third=$(player_ctl show --value -p ControlGroup app-third.service)
attribute "$third" -1
verdict "an application in a slice that is new: $third" wait_until 60 groups_are "$third"
player_ctl stop app-third
verdict "it has ended" wait_until 60 none_there
attribute "$first" -1
wait_until 60 groups_are "$first"
pkill -u player -f 'own_name.*org.gnome.Shell'
verdict "GNOME Shell is gone: nothing is in the foreground" wait_until 60 none_there
wait $shell_pid
player_ctl stop 'app-*'

# ---- GNOME Shell itself --------------------------------------------------------------------------

if [[ ${1:-} != --shell ]]; then
	clean_up_gnome
	finish
fi
command -v gnome-shell >/dev/null || die "there is no GNOME Shell; tools/vm --desktop has it"
note "$(gnome-shell --version)"

# evaluate TEXT: JavaScript in the shell, which --unsafe-mode lets us do.
evaluate() {
	player gdbus call -e -d org.gnome.Shell -o /org/gnome/Shell -m org.gnome.Shell.Eval "$1" 2>&1
}
shell_is_up() { [[ $(evaluate 'Main.layoutManager._startingUp') == "(true, 'false')" ]]; }
start_shell() {
	player systemd-run -q --user --unit=gnome-shell --slice=session.slice \
		-p Environment=LIBGL_ALWAYS_SOFTWARE=1 -p Environment=XDG_CURRENT_DESKTOP=GNOME \
		-- gnome-shell --headless --wayland --no-x11 --unsafe-mode --virtual-monitor 640x480
	wait_until 900 shell_is_up
}
windows() {
	evaluate 'global.get_window_actors().map(a => a.meta_window.get_pid()).sort().join(" ")'
}
# window NAME: an application with a window; sets unit_group.
window() {
	application "$1" env WAYLAND_DISPLAY=wayland-0 foot sleep 10000
	wait_until 120 has_window "$1"
}
has_window() { [[ $(windows) == *"$(player_ctl show --value -p MainPID "app-$1.service")"* ]]; }
activate() {
	local pid
	pid=$(player_ctl show --value -p MainPID "app-$1.service")
	evaluate "global.get_window_actors().map(a => a.meta_window).find(w => w.get_pid() == $pid)
		.activate(global.get_current_time())" >/dev/null
}

if ! start_shell; then
	evaluate 1 >>out/gnome-shell.log
	journalctl --no-pager -q _UID=1000 >>out/gnome-shell.log
	fail "GNOME Shell starts, see gnome-shell.log"
	clean_up_gnome
	finish
fi
pass "GNOME Shell starts, without a screen"
# The overview, which it begins with, has the focus itself.
evaluate 'Main.overview.hide()' >/dev/null
verdict "a window" window one
one=$unit_group
activate one
verdict "its group is in the foreground: $one" wait_until 120 groups_are "$one"
verdict "another window" window two
two=$unit_group
activate two
verdict "the focus on the other: $two" wait_until 120 groups_are "$two"
activate one
verdict "back: $one" wait_until 120 groups_are "$one"
pid_of() { player_ctl show --value -p MainPID "app-$1.service"; }
cp latency.py /home/player/
player timeout 200 python3 /home/player/latency.py gnome "$(pid_of two):$two" "$(pid_of one):$one" \
	>out/times.txt 2>&1
note "command to BoostAdded, in ms: $(sed -n 's/^command to BoostAdded: \(.*\) ms/\1/p' out/times.txt | xargs)"
verdict "ten changes, ten boosts" grep -q -x '10 changes' out/times.txt
player_ctl restart $session_unit
verdict "rustland-session restarted: the same" wait_until 120 groups_are "$one"
evaluate 'global.get_window_actors().forEach(a => a.meta_window.minimize())' >/dev/null
verdict "all are minimised: nothing is in the foreground" wait_until 120 none_there
activate two
wait_until 120 groups_are "$two"
player_ctl kill -s KILL gnome-shell
verdict "GNOME Shell crashed: nothing is in the foreground" wait_until 120 none_there

check_journal
clean_up_gnome
finish
