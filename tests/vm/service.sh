#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# scx-rustland.service under systemd: it becomes ready, survives whatever happens to its parts, makes
# way for other schedulers, applies configuration, and gives up when it must. What D-Bus clients see
# of that is another script's business.
#
# usage: service.sh, with unable-policy.c beside it

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

unit=scx-rustland
conf=/etc/scx-rustland/rustland.conf
drop_in=/run/systemd/system/$unit.service.d

property() { systemctl show --value -p "$1" "$unit"; }
status_text() { property StatusText; }
status_says() { [[ $(status_text) == *"$1"* ]]; }
active_state() { property ActiveState; }
child() { pgrep -P "$(property MainPID)"; }
arguments() { tr '\0' ' ' <"/proc/$(child)/cmdline"; }
service_schedules() { state_is enabled && [[ $(ops) == rustland* ]] && status_says 'scheduling all tasks'; }
journal() { journalctl --no-pager -q -u "$unit" --after-cursor="$cursor" "$@"; }
mark() { cursor=$(journalctl --no-pager -q -n 0 --show-cursor | sed -n 's/^-- cursor: //p'); }
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
all_gone() { [[ -z $(pgrep -x rustlandd; pgrep -x scx_rustland) ]]; }
another_child() { [[ -n $(child) && $(child) != "$1" ]] && service_schedules; }
# user_of PID; capabilities_of PID SET: of all its threads, each value once.
user_of() { stat -c %U "/proc/$1"; }
capabilities_of() { sed -n "s/^Cap$2:\t//p" "/proc/$1/task/"*/status | sort -u | xargs; }
not() { ! "$@"; }
at_least_restarts() { (($(property NRestarts) >= $1)); }

# becomes TEXT COMMAND...: soon; and how it stands then. On a machine with more to do than it can, the
# policy may be late now and then, so one look is not enough.
becomes() {
	verdict "$1" wait_until 60 "${@:2}"
	note "status: $(status_text)"
}

service_start() { timeout 100 systemctl start "$unit"; }
service_stop() {
	timeout 60 systemctl stop "$unit"
	systemctl reset-failed "$unit" 2>/dev/null
	:
}

clean_up_service() {
	rm -rf "$conf" "$drop_in" /etc/scx-rustland/rustland.conf.d
	systemctl daemon-reload
	service_stop
}
mkdir -p /etc/scx-rustland
journalctl --update-catalog
mark

# What another scheduler, which root has started, offers where all of them do.
foreign=/run/scx/root/stats
mkdir -p /run/scx/root
python3 - $foreign <<-'PYTHON' &
	import socket, sys

	server = socket.socket(socket.AF_UNIX)
	server.bind(sys.argv[1])
	server.listen()
	while True:
	    client, _ = server.accept()
	    client.send(b"foreign")
	    client.close()
PYTHON
foreign_pid=$!
foreign_is() { stat -c '%n %i %U %a' /run/scx /run/scx/root $foreign; }
foreign_answers() { [[ $(python3 -c "import socket; s = socket.socket(socket.AF_UNIX); s.connect('$foreign'); print(s.recv(9).decode())") == foreign ]]; }
wait_until 10 test -S $foreign
foreign_was=$(foreign_is)

# ---- start and stop --------------------------------------------------------------------------------

verdict "systemctl start succeeds" service_start
becomes "then the kernel's state is $(state), by $(ops)" service_schedules
verdict "while it runs, memory compaction leaves its pages alone" \
	grep -q -x 0 /proc/sys/vm/compact_unevictable_allowed
# An emulator on a busy machine answers too late now and then, and says so.
complaints=$(journal -p warning -o cat | grep -v '^degraded: the policy answers too late')
verdict "the scheduler had nothing to complain about: ${complaints:-nothing}" [ -z "$complaints" ]
# exposure UNIT [OPTION]...: what systemd itself says of it.
exposure() { systemd-analyze security --no-pager "${@:2}" "$1" | sed -n "s/.*exposure level for.*: \([0-9.]*\).*/\1/p"; }
served=$(exposure $unit.service)
bridge=$(exposure /usr/lib/systemd/user/$session_unit.service --offline=yes)
verdict "the service's exposure is ${served:-unknown} of at most 0.8" at_most "${served:-10}" 0.8
verdict "that of the session's unit is ${bridge:-unknown} of at most 1.5" at_most "${bridge:-10}" 1.5
# CAP_PERFMON and CAP_BPF, and nothing else.
two=000000c000000000 none=0000000000000000
for pid in "$(property MainPID)" "$(child)"; do
	name=$(cat "/proc/$pid/comm")
	verdict "$name runs as $(user_of "$pid")" [ "$(user_of "$pid")" = scx-rustland ]
	verdict "$name may have the capabilities $(capabilities_of "$pid" Bnd)" \
		[ "$(capabilities_of "$pid" Bnd)" = $two ]
	verdict "in effect in its threads are $(capabilities_of "$pid" Eff)" \
		[ "$(capabilities_of "$pid" Eff)" = $none ]
done
check_page_faults
verdict "its statistics are its own, at /run/scx-rustland/stats" test -S /run/scx-rustland/stats
verdict "systemctl stop succeeds" timeout 60 systemctl stop "$unit"
verdict "then the kernel's state is $(state)" state_is disabled
verdict "no process is left" all_gone
verdict "the unit has not failed: $(active_state)" [ "$(active_state)" = inactive ]
verdict "memory compaction is as before" wait_until 10 grep -q -x 1 /proc/sys/vm/compact_unevictable_allowed

verdict "another scheduler's directories and socket are as they were" [ "$(foreign_is)" = "$foreign_was" ]
verdict "and it answers there" foreign_answers
kill $foreign_pid
rm -r /run/scx

# ---- what an administrator has stopped -----------------------------------------------------------------

# Whoever calls, and with whatever flags: a call does not start it.
nobody_calls() {
	setpriv --reuid=nobody --regid=nogroup --clear-groups busctl --system --timeout=20 \
		call "$1" "$2" org.freedesktop.DBus.Peer Ping >/dev/null 2>&1
}
systemctl enable -q "$unit"
service_start
service_stop
verdict "stopped and enabled, it does not answer" not nobody_calls org.scx.Rustland /org/scx/Rustland
verdict "nor under its other name" not nobody_calls com.system76.Scheduler /com/system76/Scheduler
verdict "and stays stopped: $(active_state)" [ "$(active_state)" = inactive ]
systemctl disable -q "$unit"

# ---- ends that nobody ordered ------------------------------------------------------------------------

service_start
mark
pid=$(child)
start=$(now_ms)
kill -KILL "$pid"
verdict "after SIGKILL for the scheduler there is another one" wait_until 90 another_child "$pid"
note "that took $(($(now_ms) - start)) ms"
verdict "the journal says why" \
	grep -q 'started again: scx_rustland was killed by signal 9' <(journal -o cat)
verdict "the journal's catalog explains it" grep -q "Boosts are kept" <(journal -x)

pid=$(child)
start=$(now_ms)
kill -KILL "$(property MainPID)"
verdict "after SIGKILL for rustlandd there is another one" wait_until 90 at_least_restarts 1
verdict "and another scheduler" wait_until 90 another_child "$pid"
note "that took $(($(now_ms) - start)) ms"
verdict "memory compaction still leaves its pages alone" \
	grep -q -x 0 /proc/sys/vm/compact_unevictable_allowed
verdict "the old scheduler is gone" [ ! -e "/proc/$pid" ]

# ---- a scheduler that hangs --------------------------------------------------------------------------

pid=$(child)
kill -STOP "$pid"
becomes "a stopped scheduler is noticed" status_says degraded
kill -CONT "$pid"
becomes "one that goes on too" service_schedules
verdict "it is the same one" [ "$(child)" = "$pid" ]
kill -STOP "$pid"
verdict "one that stays stopped is replaced" wait_until 120 another_child "$pid"
verdict "the journal says why" grep -q 'no sign of life' <(journal -o cat)

# ---- CPU hotplug -------------------------------------------------------------------------------------

if [[ -w /sys/devices/system/cpu/cpu1/online ]]; then
	pid=$(child)
	seq=$(enable_seq)
	enabled_anew() { (($(enable_seq) > seq)) && service_schedules; }
	echo 0 >/sys/devices/system/cpu/cpu1/online
	becomes "a CPU goes offline" enabled_anew
	seq=$(enable_seq)
	echo 1 >/sys/devices/system/cpu/cpu1/online
	becomes "and online again" enabled_anew
	verdict "the scheduler is the same process" [ "$(child)" = "$pid" ]
else
	skip "CPU hotplug" "there is only one CPU"
fi

# ---- configuration -----------------------------------------------------------------------------------

pid=$(child)
verdict "a reload without a change succeeds" timeout 60 systemctl reload "$unit"
verdict "and the scheduler stays" [ "$(child)" = "$pid" ]

printf '[Service]\nProfile=gaming\n' >"$conf"
verdict "a reload with another profile succeeds" timeout 60 systemctl reload "$unit"
verdict "when it is through, the scheduler has the new slice: $(arguments)" \
	grep -q -- '--slice-us 8000 ' <(arguments)
becomes "and schedules" service_schedules

mark
pid=$(child)
printf '[Scheduler]\n\nSliceUSec=5\n' >"$conf"
verdict "with a bad file systemctl reload fails" not timeout 60 systemctl reload "$unit"
verdict "a bad file is refused by line, key and range: $(journal -o cat -p warning)" \
	grep -q "$conf:3: SliceUSec=5: .* from 100 to 1000000" <(journal -o cat -p warning)
verdict "systemctl status says so: $(status_text)" status_says "$conf:3"
verdict "the scheduler stays" [ "$(child)" = "$pid" ]
verdict "with its arguments" grep -q -- '--slice-us 8000 ' <(arguments)

# refused TEXT PATTERN: systemctl reload and --check-config say so, and the scheduler goes on.
refused() {
	local said
	mark
	timeout 60 systemctl reload "$unit" 2>/dev/null
	verdict "$1: systemctl reload fails" [ $? != 0 ]
	verdict "and the journal says why" grep -q -- "rustland.conf$2" <(journal -o cat)
	said=$(/usr/libexec/rustlandd --check-config 2>&1)
	verdict "--check-config ends with 78" [ $? = 78 ]
	verdict "and one line: $said" [ "$(grep -c -- "rustland.conf$2" <<<"$said") $(wc -l <<<"$said")" = "1 1" ]
	verdict "the scheduler goes on" [ "$(child)" = "$pid" ]
}
# The service is not root, whoever asks.
chmod 600 "$conf"
printf '[Scheduler]\n' >"$conf"
refused "a file that only root can read" ': it cannot be read: Permission denied'
chmod 644 "$conf"
printf '[Scheduler]\nPolicy=nope\n' >"$conf"
refused "a policy that is not there" ":2: Policy=nope: .* there is no policy 'nope'"
printf '[Scheduler]\nPolicy=/usr/bin/true\n' >"$conf"
refused "a policy that is none" ':2: Policy=/usr/bin/true: '
rm "$conf" && mkdir "$conf"
refused "a directory" ': it is a directory'
rmdir "$conf"

# It loads, and cannot start.
gcc -shared -fPIC -o /tmp/unable.so unable-policy.c || die "the policy is compiled"
mkdir -p /opt && mv /tmp/unable.so /opt/unable.so
printf '[Scheduler]\nPolicy=/opt/unable.so\nSliceUSec=7000\n' >"$conf"
mark
verdict "with a policy that cannot start systemctl reload fails" not timeout 90 systemctl reload "$unit"
verdict "the journal says why" grep -q 'the policy unable could not start: .*unable.so' <(journal -o cat)
becomes "and the former one schedules" service_schedules
verdict "with its arguments: $(arguments)" grep -q -- '--policy rustland --slice-us 8000 ' <(arguments)
rm /opt/unable.so

printf '[Scheduler]\n\nSliceUSec=5\n' >"$conf"
service_stop
verdict "with a bad file it starts" service_start
verdict "and says what it goes on with: $(status_text)" status_says 'the last good configuration is in force'
becomes "and schedules" service_schedules
verdict "with the last good arguments" grep -q -- '--slice-us 8000 ' <(arguments)
service_stop
rm /var/lib/scx-rustland/last-good.conf
timeout 60 systemctl start "$unit" 2>/dev/null
verdict "with a bad file, and no good one known, it does not start: $(active_state), $(property ExecMainStatus)" \
	[ "$(active_state) $(property ExecMainStatus) $(property NRestarts)" = "failed 78 0" ]
rm "$conf"
systemctl reset-failed "$unit"

printf '[Scheduler]\nPolicy=nonsense\n' >"$conf"
verdict "with a policy that is not there, and no good one known, it starts" service_start
verdict "and says so: $(status_text)" status_says 'gave up'
rm "$conf"
timeout 60 systemctl reload "$unit"
becomes "a reload with a better file mends that" service_schedules

# ---- other schedulers --------------------------------------------------------------------------------

service_stop
scheduler_start || die "a scheduler can be started by hand"
verdict "beside another scheduler the service starts" service_start
verdict "and waits: $(status_text)" status_says 'waiting: another sched_ext scheduler is loaded'
check_serving "the other one stays"
verdict "no child was started" [ -z "$(child)" ]
scheduler_stop
verdict "the other one ended with status 0 (it is $scheduler_status)" [ "$scheduler_status" = 0 ]
becomes "the service takes over" service_schedules
verdict "as a child of its own" [ -n "$(child)" ]
service_stop

# ---- giving up ---------------------------------------------------------------------------------------

mark
mkdir -p "$drop_in"
cat >"$drop_in/broken.conf" <<-'CONF'
	[Service]
	ExecStart=
	ExecStart=/usr/libexec/rustlandd --scheduler /bin/false
CONF
printf '[Restart]\nLimit=3\nDelayMSec=50\n' >"$conf"
systemctl daemon-reload
verdict "with a scheduler that always fails it becomes ready" service_start
verdict "having given up: $(status_text)" status_says 'gave up'
verdict "the kernel's state is $(state)" state_is disabled
verdict "the service itself runs on: $(active_state)" [ "$(active_state)" = active ]
verdict "it tried four times" \
	[ "$(journal -o cat | grep -c -E 'started again: scx_rustland ended with status 1|giving up')" = 4 ]
verdict "the journal's catalog explains it" \
	grep -q 'is not started any more' <(journal -x -p err)
rm "$conf"
service_stop

# ---- nothing of the sandbox is too much ----------------------------------------------------------------

# without TEXT LINE...: a drop-in with these lines; then the service does not schedule, and says why.
without() {
	local said
	mark
	printf '[Service]\n' >"$drop_in/broken.conf"
	printf '%s\n' "${@:2}" >>"$drop_in/broken.conf"
	systemctl daemon-reload
	service_start 2>/dev/null
	said=$(journal -p warning -o cat _COMM=rustlandd | head -n 1)
	verdict "without $1 the kernel's state is $(state): $said" \
		[ "$(state) ${said:+said}" = "disabled said" ]
	service_stop
}
for left in CAP_BPF CAP_PERFMON; do
	without "anything but $left" CapabilityBoundingSet= "CapabilityBoundingSet=$left" \
		AmbientCapabilities= "AmbientCapabilities=$left"
done
without "memory that may be locked" LimitMEMLOCK=0
without "the system call bpf" SystemCallFilter=~bpf
# ---- a kernel without sched_ext ------------------------------------------------------------------------

mark
printf '[Service]\nTemporaryFileSystem=/sys/kernel\n' >"$drop_in/broken.conf"
systemctl daemon-reload
verdict "on a kernel without sched_ext systemctl start fails" not service_start
verdict "once: $(active_state), $(property ExecMainStatus)" \
	[ "$(active_state) $(property ExecMainStatus) $(property NRestarts)" = "failed 69 0" ]
verdict "and the journal says why" grep -q 'this kernel has no sched_ext' <(journal -o cat)
clean_up_service

verdict "afterwards it starts as before" service_start
becomes "and schedules" service_schedules
clean_up_service
journalctl --no-pager -b -o short-precise >out/journal.txt
verdict "in the end the kernel's state is $(state)" state_is disabled
verdict "not thrown out by the kernel" no_ejection
finish
