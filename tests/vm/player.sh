# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # the scripts use what is here
# SPDX-License-Identifier: GPL-2.0-only
#
# A person at the machine: the user "player", logged in at a terminal, and what they run. Sourced after
# lib.sh by scripts for tools/vm --full.

# log_in: an active session, and with it the user's own systemd and session bus.
log_in() {
	systemd-run -q --unit=player-session -p PAMName=login -p User=player -p TTYPath=/dev/tty1 \
		-p StandardInput=null -- tail -f /dev/null
	wait_until 120 test -S /run/user/1000/bus &&
		wait_until 60 is_active_session
}
log_out() { systemctl stop player-session; }
# begin_session: the scheduler runs, the person is logged in, and rustland-session is there.
begin_session() {
	systemctl --global preset "$session_unit"
	verdict "scx-rustland.service starts" timeout 100 systemctl start "$unit"
	verdict "player is logged in" log_in
	verdict "$session_unit.service runs" wait_until 60 session_runs
}
session_runs() { [[ $(session_property ActiveState) == active ]]; }
# check_journal: what the bridge said is kept in out, and none of it is a complaint.
check_journal() {
	journalctl --no-pager -q _UID=1000 -o short-precise >out/player-journal.txt 2>&1
	verdict "the bridge had nothing to complain about" \
		[ -z "$(journalctl --no-pager -q -o cat -p warning _COMM=rustland-sessio)" ]
}
is_active_session() {
	[[ $(loginctl show-session -p State --value \
		"$(loginctl show-user -p Display --value player 2>/dev/null)" 2>/dev/null) == active ]]
}

# player COMMAND...: as what the person starts, from the desktop or from a shell.
player() {
	runuser -u player -- env -C /home/player XDG_RUNTIME_DIR=/run/user/1000 HOME=/home/player \
		PATH=/usr/bin:/usr/games \
		DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
}
player_ctl() { player systemctl --user "$@"; }
session_property() { player_ctl show --value -p "$1" "$session_unit"; }

# field NAME: of every object that comes in, one a line.
field() {
	python3 -c '
import json, sys
value = json.loads(sys.stdin.read() or "[]")
for one in value if isinstance(value, list) else [value]:
    print(one[sys.argv[1]])' "$1"
}
# boosts FIELD: of all boosts, one a line.
boosts() { rustlandctl list --json 2>/dev/null | field "$1"; }
boosts_are() { [[ $(boosts pid | sort -n | xargs) == "$(printf '%s\n' "$@" | sort -n | xargs)" ]]; }
is_boosted() { boosts pid | grep -q -x "$1"; }
in_foreground() { boosts_are "$@" && [[ $(boosts class) == foreground ]]; }
service_is_active() { [[ $(rustlandctl status --json 2>/dev/null | field state) =~ ^(active|degraded)$ ]]; }
