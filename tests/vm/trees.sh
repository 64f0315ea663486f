#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The boost of a tree lasts until its last process ends, with the real kernel's record of who belongs to
# it: launchers that start the game and exit, in all the ways in which that is done. boosts.sh runs this
# in its VM; alone it takes the service as it is.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

bus=(-d org.scx.Rustland -o /org/scx/Rustland)
dir=$PWD/out/trees
mkdir -p "$dir"

serving() { state_is enabled && [[ $(ops) == rustland* ]]; }
systemctl start $unit || die "the service starts"
wait_until 60 serving || die "the scheduler runs"

gdbus_call() { gdbus call -y "${bus[@]}" -m "org.scx.Rustland.$1" "${@:2}" 2>&1; }
class_is() { [[ $(gdbus_call GetProcess "$2") == *"'Class': <'$1'>"* ]]; }
count_is() { [[ $(rustlandctl list --json | grep -c '"cookie"') == "$1" ]]; }
written() { [[ -s $1 ]]; }
ended() { [[ ! -e /proc/$1 ]]; }

# game: what the launchers start: tells its number, and stays.
cat >"$dir/game" <<'END'
#!/bin/sh
echo $$ >"$1.new" && mv "$1.new" "$1"
exec sleep 10000
END
# generations N COMMAND...: each forks the next one and exits; the last one is the command.
cat >"$dir/generations" <<'END'
#!/usr/bin/python3
import os, sys
for _ in range(int(sys.argv[1])):
    if os.fork():
        os._exit(0)
os.execvp(sys.argv[2], sys.argv[2:])
END
# unreaped COMMAND...: adopts what it starts, and never waits for it.
cat >"$dir/unreaped" <<'END'
#!/usr/bin/python3
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
if not os.fork():
    os.execvp(sys.argv[1], sys.argv[1:])
time.sleep(10000)
END
chmod +x "$dir"/*
game=$dir/game

# launched TEXT COMMAND...: the command has been run with a boost, and has exited; pid is the game's.
launched() {
	local text=$1
	shift
	rm -f "$dir/pid"
	rustlandctl run -- "$@" >/dev/null 2>&1 </dev/null
	wait_until 60 written "$dir/pid" || { fail "$text: nothing was started"; return 1; }
	pid=$(cat "$dir/pid")
	verdict "$text: the boost is held" count_is 1
	verdict "$text: the game is boosted" class_is boosted "$pid"
}

# gone TEXT: the game ends, and with it the boost.
gone() {
	kill -KILL "$pid"
	verdict "$1: the boost ends with the game" wait_until 30 count_is 0
}

verdict "nothing is boosted" count_is 0
launched "a launcher that exits" sh -c "$game $dir/pid & exit 0" && gone "a launcher that exits"
launched "a double fork with setsid" \
	setsid -f sh -c "setsid -f $game $dir/pid" && gone "a double fork with setsid"
launched "100 generations" "$dir/generations" 100 "$game" "$dir/pid" && gone "100 generations"
launched "a game in a pid namespace of its own" \
	sh -c "unshare --pid --fork --kill-child sh -c '$game $dir/inner' & echo \$! >$dir/pid" && gone "a pid namespace"

# Focus goes from window to window meanwhile: a tree within a tree.
rm -f "$dir/pid" "$dir/middle"
rustlandctl run -- sh -c "sh -c 'echo \$\$ >$dir/middle; while [ ! -e $dir/go ]; do sleep 0.1; done
	$game $dir/pid & exit 0' & exit 0" >/dev/null 2>&1
wait_until 60 written "$dir/middle"
gdbus_call SetForegroundProcess "$(cat "$dir/middle")" >/dev/null
wait_until 30 count_is 2 || fail "a window in a boosted tree is in the foreground"
touch "$dir/go"
wait_until 60 written "$dir/pid"
pid=$(cat "$dir/pid")
verdict "when a window in the tree is gone only that boost is" wait_until 30 count_is 1
verdict "its child is in the outer tree: boosted" class_is boosted "$pid"
gone "a tree within a tree"

# What was forked before the boost was asked for is found where the kernel has CONFIG_PROC_CHILDREN, as
# those of distributions do; elsewhere the boost ends with its root.
rm -f "$dir/pid"
sh -c "$game $dir/pid & wait" &
launcher=$!
wait_until 60 written "$dir/pid"
pid=$(cat "$dir/pid")
rustlandctl boost --scope tree $launcher >/dev/null
verdict "a launcher that runs already is boosted" class_is boosted $launcher
kill -KILL $launcher
wait $launcher 2>/dev/null
if [[ -e /proc/$$/task/$$/children ]]; then
	verdict "a child from before the boost is boosted" class_is boosted "$pid"
	verdict "it keeps the boost" count_is 1
fi
gone "a child from before the boost"

# The scheduler, and then the service, go and come back: what is an orphan by then stays in the tree.
launched "before restarts" sh -c "$game $dir/pid & exit 0"
kill -KILL "$(pgrep -P "$(systemctl show --value -p MainPID $unit)" scx_rustland)"
wait_until 60 state_is disabled
wait_until 60 serving
verdict "after SIGKILL for the scheduler it is boosted" class_is boosted "$pid"
systemctl restart $unit
wait_until 60 serving
verdict "after a restart of the service it is boosted" class_is boosted "$pid"
verdict "and held" count_is 1
gone "after the restarts"

# A zombie is nobody.
rm -f "$dir/pid"
"$dir/unreaped" rustlandctl run -- sh -c "$game $dir/pid & exit 0" >/dev/null 2>&1 &
reaper=$!
wait_until 60 written "$dir/pid"
pid=$(cat "$dir/pid")
verdict "with a reaper that does not reap the boost is held" count_is 1
kill -KILL "$pid"
zombie() { [[ $(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) == Z ]]; }
verdict "the game is a zombie" wait_until 30 zombie
verdict "which does not keep the boost" wait_until 30 count_is 0
kill -KILL $reaper

# Many of them: none is held for longer than somebody lives, and the record has room again.
for ((i = 0; i < 30; i++)); do
	rustlandctl run -- "$dir/generations" 10 true >/dev/null 2>&1
done
verdict "after 30 trees of 10 generations nothing is held" wait_until 60 count_is 0
# What a tree whose boost is released still has running: it leaves the record when it ends, else that is
# full one day, for all users.
recorded() { bpftool --json map dump name members | grep -o '"key"' | wc -l; }
# Under number 0 it counts.
nobody_recorded() { [[ $(recorded) == 1 ]]; }
ten_recorded() { (($(recorded) > 10)); }
verdict "nobody is recorded who has ended" nobody_recorded
rm -f "$dir/pid"
# What a user may ask for in so long was used up by the 30.
sleep 21
# shellcheck disable=SC2016 # that shell expands it
rustlandctl run -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 10000 & done; echo $$ >"$0"; wait' \
	"$dir/pid" >/dev/null 2>&1 &
wait_until 60 written "$dir/pid"
verdict "ten children of a boosted process are" wait_until 60 ten_recorded
rustlandctl release "$(rustlandctl list --json | sed -n 's/.*"cookie" *: *\([0-9]*\).*/\1/p')"
verdict "the boost is released" wait_until 30 count_is 0
pkill -KILL -P "$(cat "$dir/pid")"
wait $!
verdict "and nobody is recorded any more: $(recorded) entries" wait_until 30 nobody_recorded
verdict "the scheduler still runs" serving
finish
