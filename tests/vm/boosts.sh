#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# org.scx.Rustland with the real systemd, D-Bus, logind and polkitd: who may do what, what is refused
# and how, how boosts end, and what they outlive. Needs tools/vm --full, and hostile.py and trees.sh beside
# it.
#
# usage: boosts.sh [--calls N]
#
#   --calls N   hostile calls (default 10000; 0: none)

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

calls=10000
[[ ${1:-} != --calls ]] || calls=$2

unit=scx-rustland
bus=(-d org.scx.Rustland -o /org/scx/Rustland)
here=$(cd "$(dirname "$0")" && pwd)

# ---- users ---------------------------------------------------------------------------------------

# session USER TTY: logs a user in at a virtual terminal, with a shell that in_session() gives commands
# to. What is at the terminal in the foreground is active, the others are not.
session() {
	local dir=/run/$1-session
	mkdir -p "$dir"
	mkfifo "$dir/command"
	chown -R "$1:" "$dir"
	# shellcheck disable=SC2016 # that shell expands it
	systemd-run -q --unit="$1-session" -p PAMName=login -p User="$1" -p TTYPath="/dev/$2" \
		-p StandardInput=null -p WorkingDirectory=/ -- bash -c '
			while IFS= read -r line <"$0/command"; do
				eval "$line" >"$0/output" 2>&1 </dev/null
				echo $? >"$0/status.new"
				mv "$0/status.new" "$0/status"
			done' "$dir"
}

# in_session USER COMMAND...: runs it there; output and status are the command's.
in_session() {
	local dir=/run/$1-session line
	shift
	rm -f "$dir/status"
	printf -v line '%q ' "$@"
	timeout 30 bash -c "echo \"\$1\" >'$dir/command'" send "$line"
	wait_until 60 test -e "$dir/status" || { echo "no answer from the session"; return 1; }
	cat "$dir/output"
	return "$(cat "$dir/status")"
}

session_is() { [[ $(loginctl show-user -p Sessions --value "$1" 2>/dev/null) ]] &&
	[[ $(loginctl show-session -p State --value "$(loginctl show-user -p Display --value "$1")") == "$2" ]]; }

# What a person does with Ctrl-Alt-F2.
to_front() { loginctl activate "$(loginctl show-user -p Display --value "$1")"; }

player() { in_session player "$@"; }
other() { in_session other "$@"; }


# gdbus_call WHO MEMBER [ARGUMENT]...
gdbus_call() {
	local who=$1 member=$2
	shift 2
	"$who" gdbus call -y "${bus[@]}" -m "org.scx.Rustland.$member" "$@"
}
root() { "$@" 2>&1; }

# boost WHO PID [SCOPE]: sets cookie; false, and says why, when it was refused.
boost() {
	local answer
	answer=$(gdbus_call "$1" BoostProcess "$2" "${3:-tree}" "a test" '{}')
	cookie=$(sed -n 's/^(uint32 \([0-9]*\),)$/\1/p' <<<"$answer")
	[[ -n $cookie ]] || { note "$answer"; false; }
}

# refused TEXT ERROR WHO MEMBER [ARGUMENT]...
refused() {
	local text=$1 error=$2 answer
	shift 2
	if answer=$(gdbus_call "$@"); then
		fail "$text: it was not refused: $answer"
	elif [[ $answer == *"$error"* ]]; then
		pass "$text: ${answer#Error: GDBus.Error:}"
	else
		fail "$text: not $error but $answer"
	fi
}

# listed COOKIE: among the boosts.
listed() { [[ $(gdbus_call root ListBoosts) == *"'Cookie': <uint32 $1>"* ]]; }
not_listed() { ! listed "$1"; }
get() { root gdbus call -y "${bus[@]}" -m org.freedesktop.DBus.Properties.Get org.scx.Rustland "$1"; }
is_active() { [[ $(get State) == "(<'active'>,)" || $(get State) == "(<'degraded'>,)" ]]; }

# ---- signals -------------------------------------------------------------------------------------

signals=$PWD/out/signals.txt
heard() { grep -q -- "$1" "$signals"; }
times_heard() { grep -c -- "$1" "$signals"; }

# All signals, as gdbus monitor prints them; that one, though, begins to listen some time after the
# service has begun to talk.
follow() {
	exec python3 -u - <<-'PYTHON'
		import gi
		gi.require_version("Gio", "2.0")
		from gi.repository import Gio, GLib

		bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
		name = "org.scx.Rustland"
		bus.signal_subscribe(
		    name, name, None, None, None, 0,
		    lambda _bus, _sender, _path, _interface, member, args: print(member, args.print_(True)),
		)
		bus.call_sync(name, "/org/scx/Rustland", name, "ListBoosts", None, None, 0, -1)
		print("listening")
		GLib.MainLoop().run()
	PYTHON
}

# time_of_exit PID COOKIE: kills a process and waits for the end of its boost: the milliseconds between, or nothing.
time_of_exit() {
	python3 - "$1" "$2" <<-'PYTHON'
		import os, signal, sys, time
		import gi
		gi.require_version("Gio", "2.0")
		from gi.repository import Gio, GLib

		pid, cookie = map(int, sys.argv[1:])
		loop = GLib.MainLoop()
		bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)

		def heard(_bus, _sender, _path, _interface, _member, args):
		    if args.unpack() == (cookie, 0, "exited"):
		        print(f"{(time.monotonic() - start) * 1000:.1f}")
		        loop.quit()

		name = "org.scx.Rustland"
		bus.signal_subscribe(name, name, "BoostRemoved", None, None, 0, heard)
		bus.call_sync(name, "/org/scx/Rustland", name, "ListBoosts", None, None, 0, -1)
		GLib.timeout_add_seconds(60, loop.quit)
		start = time.monotonic()
		os.kill(pid, signal.SIGKILL)
		loop.run()
	PYTHON
}

# ---- start ---------------------------------------------------------------------------------------

# As on a desktop, where the first question to polkit does not have to wait until it is up.
systemctl start polkit
verdict "systemctl start succeeds" timeout 100 systemctl start $unit
verdict "the state on the bus is $(get State)" wait_until 60 is_active
follow >"$signals" &
wait_until 30 heard listening

session player tty1
session other tty2
verdict "player is logged in, and active" wait_until 60 session_is player active
verdict "other is logged in, and not active" wait_until 60 session_is other online

# ---- who may what --------------------------------------------------------------------------------

setpriv --reuid=player --regid=player --clear-groups sleep 10000 &
own=$!
setpriv --reuid=other --regid=other --clear-groups sleep 10000 &
theirs=$!
sleep 10000 &
roots=$!

verdict "an active user boosts a process of theirs with gdbus call" boost player "$own"
first=$cookie
verdict "it is listed" listed "$first"
verdict "BoostAdded was sent" wait_until 30 heard "BoostAdded (uint32 $first"
denied=org.freedesktop.DBus.Error.AccessDenied
error=org.scx.Rustland.Error
invalid=org.freedesktop.DBus.Error.InvalidArgs
refused "another user's process" $denied player BoostProcess "$theirs" tree x '{}'
refused "root's process" $denied player BoostProcess "$roots" tree x '{}'
refused "somebody in a session that is not active" $denied other BoostProcess "$theirs" tree x '{}'
nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@" 2>&1; }
setpriv --reuid=nobody --regid=nogroup --clear-groups sleep 10000 &
refused "somebody without a session" $denied nobody BoostProcess $! tree x '{}'
refused "the foreground of another user's process" $denied player SetForegroundProcess "$theirs"
refused "reading the configuration again" $denied player ReloadConfiguration
verdict "root boosts anything" boost root "$theirs"
refused "a cookie of another user" $denied player Release "$cookie"
verdict "root's is still there" listed "$cookie"
gdbus_call root Release "$cookie" >/dev/null
verdict "an active user chooses the profile" \
	player gdbus call -y "${bus[@]}" -m org.freedesktop.DBus.Properties.Set \
	org.scx.Rustland Profile "<'gaming'>"
verdict "then it is $(get Profile)" [ "$(get Profile)" = "(<'gaming'>,)" ]
gdbus call -y "${bus[@]}" -m org.freedesktop.DBus.Properties.Set org.scx.Rustland Profile "<'auto'>"

# ---- what is refused -----------------------------------------------------------------------------

sleep 0 &
dead=$!
wait $dead
refused "a process that has ended" $error.NoSuchProcess player BoostProcess $dead tree x '{}'
refused "process 0" $invalid player BoostProcess 0 tree x '{}'
for who in player root; do
	refused "process 1, by $who" $denied $who BoostProcess 1 tree x '{}'
	refused "a kernel thread, by $who" $denied $who BoostProcess 2 tree x '{}'
done
refused "a scope that is none" $invalid player BoostProcess "$own" session x '{}'
refused "an unknown option" $invalid player BoostProcess "$own" tree x "{'Nice': <1>}"
refused "a lifetime that is none" $invalid player BoostProcess "$own" tree x "{'Lifetime': <'ever'>}"
refused "a cookie that is none" $error.NoSuchBoost player Release 0
refused "a group outside one's own" $denied player SetForegroundCGroup /system.slice
refused "a path that climbs" $invalid player SetForegroundCGroup \
	/user.slice/user-1000.slice/user@1000.service/../../../system.slice
verdict "it still answers: $(get Version)" wait_until 60 is_active

# ---- the foreground ------------------------------------------------------------------------------

# shellcheck disable=SC2016 # the session's shell expands it
player bash -c 'systemd-run -q --user --unit=app-game sleep 10000'
group=$(sed -n 's/^0:://p' "/proc/$(pgrep -u player -f 'sleep 10000' -n)/cgroup")
verdict "a group of the user's own manager comes to the foreground: $group" \
	gdbus_call player SetForegroundCGroup "$group"
in_foreground() { [[ $(gdbus_call root ListBoosts) == *"'Class': <'foreground'>"* ]]; }
verdict "it is listed" wait_until 10 in_foreground
player systemctl --user stop app-game
verdict "it leaves with its last process" wait_until 30 heard "BoostRemoved (uint32 [0-9]*, uint32 0, 'exited')"

# ---- rights that do not hold any more ------------------------------------------------------------

class_is() { [[ $(gdbus_call root GetProcess "$2") == *"'Class': <'$1'>"* ]]; }
suspended() { [[ $(gdbus_call root ListBoosts) == *"'Suspended': <true>"* ]]; }
none_suspended() { ! suspended; }

# The set-uid program is the same process, which player has boosted.
cp /bin/sleep /usr/local/bin/set-uid-sleep
chmod 4755 /usr/local/bin/set-uid-sleep
mkfifo /run/set-uid
chmod 666 /run/set-uid
# shellcheck disable=SC2016 # that shell expands it
setpriv --reuid=player --regid=player --clear-groups \
	sh -c 'read -r _ </run/set-uid; set-uid-sleep 10000 & exec set-uid-sleep 10000' &
shell=$!
boost player $shell || fail "a shell that will execute a set-uid program"
verdict "before that it is boosted" class_is boosted $shell
echo go >/run/set-uid
is_root() { [[ $(awk '/^Uid:/ { print $3 }' "/proc/$shell/status") == 0 ]]; }
verdict "it becomes root's" wait_until 30 is_root
verdict "a boosted process that executes a set-uid program is not boosted any more" class_is normal $shell
verdict "nor is the set-uid program that it started" class_is normal "$(pgrep -P $shell)"
gdbus_call player Release "$cookie" >/dev/null
kill $shell "$(pgrep -P $shell)"

# Fast user switching: player has a boost, a window and an application, and other comes to the front.
# shellcheck disable=SC2016 # the session's shell expands it
seated=$(player bash -c 'sleep 10000 & echo $!')
player systemd-run -q --user --unit=app-game sleep 10000
game=$(pgrep -u player -f 'sleep 10000' -n)
verdict "they are in the session and in an application's group" grep -q app-game "/proc/$game/cgroup"
boost player "$own"
unseated=$cookie
boost player "$game" cgroup
in_group=$cookie
boost player "$seated" || fail "a boost that shall be suspended"
gdbus_call player SetForegroundProcess "$seated" >/dev/null
wait_until 10 in_foreground
verdict "of an active user nothing is suspended" none_suspended
to_front other
verdict "other is active now, player is not" wait_until 60 session_is player online
verdict "player's boosts are suspended" wait_until 30 class_is normal "$seated"
verdict "that of an application of the user's systemd as well" wait_until 30 class_is normal "$game"
verdict "what is in no session goes by the user's display" wait_until 30 class_is normal "$own"
verdict "and still listed" listed "$cookie"
verdict "player may clear the own window" gdbus_call player SetForegroundProcess 0
systemctl restart polkit
wait_until 60 gdbus_call other ListBoosts >/dev/null
verdict "a restart of polkitd changes nothing" suspended
to_front player
verdict "player is active again" wait_until 60 session_is player active
verdict "then the boost is in force again" wait_until 30 class_is boosted "$seated"
verdict "and the application's" wait_until 30 class_is boosted "$game"
verdict "and that of what is in no session" wait_until 30 class_is boosted "$own"
verdict "nothing of it ended" listed "$cookie"
gdbus_call player SetForegroundCGroup "$(sed -n 's/^0:://p' "/proc/$game/cgroup")" >/dev/null
verdict "a group is in front" wait_until 30 class_is foreground "$game"
to_front other
verdict "it is suspended as well" wait_until 30 class_is normal "$game"
to_front player
verdict "and comes back" wait_until 30 class_is foreground "$game"
gdbus_call player SetForegroundProcess 0 >/dev/null
for cookie in "$cookie" "$unseated" "$in_group"; do
	gdbus_call player Release "$cookie" >/dev/null
done
kill "$seated" "$game"

# ---- ends ----------------------------------------------------------------------------------------

gdbus_call player Release "$first" >/dev/null
verdict "the user releases it" wait_until 30 heard "BoostRemoved (uint32 $first, uint32 0, 'released')"
for ((i = 0; i < 3; i++)); do
	setpriv --reuid=player --regid=player --clear-groups sleep 10000 &
	pid=$!
	boost player $pid
	ms=$(time_of_exit $pid "$cookie")
	verdict "BoostRemoved says exited after SIGKILL, in ${ms:-?} ms" [ -n "$ms" ]
done

# ---- what they outlive ---------------------------------------------------------------------------

daemon() { systemctl show --value -p MainPID $unit; }
child() { pgrep -P "$(daemon)"; }
another_child() { [[ -n $(child) && $(child) != "$1" ]] && is_active; }
another_daemon() { [[ $(daemon) != 0 && $(daemon) != "$1" ]] && is_active; }
descriptors() { systemctl show --value -p NFileDescriptorStore $unit; }

boost player "$own" || fail "a boost that shall outlive things"
first=$cookie
gdbus_call player SetForegroundProcess "$own" >/dev/null
wait_until 10 in_foreground
boosts=$(gdbus_call root ListBoosts)
wait_until 30 heard "BoostAdded (uint32 $first"
added=$(times_heard BoostAdded) removed=$(times_heard BoostRemoved)
# And the record of who belongs to trees.
verdict "systemd keeps a descriptor for each: $(descriptors)" [ "$(descriptors)" = 3 ]

pid=$(child)
kill -KILL "$pid"
verdict "after SIGKILL for the scheduler there is another one" wait_until 60 another_child "$pid"
verdict "the boosts are the same" [ "$(gdbus_call root ListBoosts)" = "$boosts" ]

pid=$(daemon)
kill -KILL "$pid"
verdict "after SIGKILL for rustlandd there is another one" wait_until 60 another_daemon "$pid"
verdict "the boosts are the same" [ "$(gdbus_call root ListBoosts)" = "$boosts" ]
verdict "GetProcess knows them" \
	grep -q "'Class': <'foreground'>" <(gdbus_call root GetProcess "$own")

verdict "systemctl restart succeeds" timeout 100 systemctl restart $unit
verdict "the boosts are the same" [ "$(gdbus_call root ListBoosts)" = "$boosts" ]
verdict "BoostAdded was not sent again" [ "$(times_heard BoostAdded)" = "$added" ]
verdict "nothing was removed" [ "$(times_heard BoostRemoved)" = "$removed" ]
verdict "systemd still keeps a descriptor for each: $(descriptors)" [ "$(descriptors)" = 3 ]
pid=$(daemon)
kill -KILL "$pid" "$own"
verdict "a process that ends while rustlandd is away: exited" \
	wait_until 60 heard "BoostRemoved (uint32 $first, uint32 0, 'exited')"
wait_until 60 another_daemon "$pid"
verdict "none is left: $(descriptors)" [ "$(descriptors)" = 1 ]

# ---- trees ---------------------------------------------------------------------------------------

"$here/trees.sh" >out/trees.txt 2>&1
count_verdicts out/trees.txt trees.sh

# ---- hostile clients -----------------------------------------------------------------------------

if ((calls)); then
	python3 "$here/hostile.py" --calls "$calls" >out/hostile.txt
	count_verdicts out/hostile.txt hostile.py
	verdict "the scheduler is still $(ops)" is_active
fi

# ---- the end -------------------------------------------------------------------------------------

# The boosts of trees.sh were root's as well, who has a limit too.
wait_until 60 boost root "$roots" || fail "a boost that shall end with the service"
verdict "systemctl stop succeeds" timeout 60 systemctl stop $unit
verdict "its boosts end: shutdown" wait_until 30 heard "BoostRemoved (uint32 $cookie, uint32 0, 'shutdown')"
not_started() { ! gdbus_call root ListBoosts >/dev/null; }
verdict "where it is not enabled nobody has it started by asking" not_started
systemctl -q enable $unit
verdict "nor where it is enabled" not_started
systemctl -q disable $unit
verdict "systemctl start starts it again" timeout 100 systemctl start $unit
verdict "and it is $(get State)" wait_until 60 is_active
verdict "nothing of the last run is left: $(gdbus_call root ListBoosts)" not_listed "$cookie"
timeout 60 systemctl stop $unit
systemctl stop player-session other-session
complaint=$(journalctl --no-pager -q -u $unit -p err -o cat | head -n 1)
verdict "the journal has no complaint of rustlandd's: ${complaint:-none}" [ -z "$complaint" ]
journalctl --no-pager -b -o short-precise >out/journal.txt
finish
