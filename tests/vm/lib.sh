# shellcheck shell=bash disable=SC2034 # the scripts use what is set here
# SPDX-License-Identifier: GPL-2.0-only
#
# What the scripts of this directory share; sourced, never run. They run as root in a VM of tools/vm
# (or on a machine whose owner wants that), start and stop the scheduler, and print one line
# "PASS ..." or "FAIL ..." or "SKIP ..." for each thing they looked at, then what it comes to.
#
# It must never wait without a bound, and never leave a scheduler or a load behind.

set -u

scheduler=${SCX_RUSTLAND:-/usr/bin/scx_rustland}
bench=${SCX_RUSTLAND_BENCH:-/usr/libexec/scx-rustland/bench}
sysfs=/sys/kernel/sched_ext
unit=scx-rustland
session_unit=scx-rustland-session
script=$(basename "$0" .sh)
cpus=$(nproc)
passed=0 failed=0 skipped=0
scheduler_pid=

mkdir -p out

pass() {
	passed=$((passed + 1))
	printf 'PASS %s\n' "$*"
}
fail() {
	failed=$((failed + 1))
	printf 'FAIL %s\n' "$*"
}
skip() {
	skipped=$((skipped + 1))
	printf 'SKIP %s\n' "$*"
}
note() { printf '     %s\n' "$*"; }

# verdict TEXT COMMAND...: passes when the command succeeds.
verdict() {
	local text=$1
	shift
	if "$@"; then pass "$text"; else fail "$text"; fi
}

die() {
	fail "$*"
	finish
}

# Counts the PASS and FAIL lines of another program's output, and shows them.
count_verdicts() {
	local line
	while IFS= read -r line; do
		case $line in
		PASS\ *) pass "${line#PASS }" ;;
		FAIL\ *) fail "${line#FAIL }" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$1"
}

finish() {
	trap - EXIT
	clean_up
	echo "$passed passed, $failed failed, $skipped skipped"
	((failed == 0))
	exit
}

clean_up() {
	local job
	for job in $(jobs -p); do
		kill -CONT "$job" 2>/dev/null
		kill -TERM "$job" 2>/dev/null
	done
	wait
}
trap 'failed=$((failed + 1)); echo "FAIL the script ended too early"; finish' EXIT
trap 'exit 130' INT TERM

# wait_until SECONDS COMMAND...: false when the command did not succeed within that time.
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.1
	done
}

# ---- the kernel's view ---------------------------------------------------------------------------

state() { cat $sysfs/state; }
state_is() { [[ $(state) == "$1" ]]; }
ops() { cat $sysfs/root/ops 2>/dev/null; }
enable_seq() { cat $sysfs/enable_seq; }
schedules() { state_is enabled && [[ $(ops) == rustland* ]]; }

# Everything before this is another script's business.
kernel_log_mark="rustland test $script $$"
echo "$kernel_log_mark" >/dev/kmsg
kernel_log() { dmesg | sed "1,/$kernel_log_mark/d"; }

# The kernel's words for a scheduler that it had to throw out, and for a kernel that broke.
bad_words='failed to run|runnable task stall|watchdog failed|runtime error|disabled \(.*error|BUG:|Oops|WARNING:|soft lockup|hung task'

# Says whether the kernel threw the scheduler out, or the scheduler said so.
no_ejection() {
	local found
	# Without one of ours here the service's is in the journal, and the kernel's says the same.
	found=$({ kernel_log; [[ ! -e $scheduler_log ]] || cat "$scheduler_log"; } | grep -E -m 5 "$bad_words") || return 0
	note "$found"
	return 1
}

# ---- the scheduler -------------------------------------------------------------------------------

scheduler_alive() { kill -0 "$scheduler_pid" 2>/dev/null; }
enabled_or_dead() { state_is enabled || ! scheduler_alive; }

scheduler_log=out/$script-scheduler.log

# scheduler_start [OPTION]...: returns when the kernel runs it; false when that did not happen.
scheduler_start() {
	# A background job of a script ignores SIGINT unless told otherwise.
	env --default-signal=INT,QUIT "$scheduler" "$@" >>"$scheduler_log" 2>&1 &
	scheduler_pid=$!
	wait_until 30 enabled_or_dead && state_is enabled && return
	note "the scheduler did not start; the end of $scheduler_log:"
	tail -n 5 "$scheduler_log"
	return 1
}

# scheduler_stop [SIGNAL]: stops it; scheduler_status is its exit status, or "none" when it went on.
scheduler_stop() {
	local i
	scheduler_status=none
	kill -s "${1:-INT}" "$scheduler_pid" 2>/dev/null
	for ((i = 0; i < 150; i++)); do
		scheduler_alive || break
		sleep 0.1
	done
	if scheduler_alive; then
		kill -KILL "$scheduler_pid"
		wait "$scheduler_pid"
	else
		wait "$scheduler_pid"
		scheduler_status=$?
	fi
}

# check_stop [SIGNAL]: stops it and checks how that went.
check_stop() {
	scheduler_stop "${1:-INT}"
	verdict "exit status after SIG${1:-INT} is 0 (it is $scheduler_status)" \
		[ "$scheduler_status" = 0 ]
	verdict "afterwards the kernel's state is disabled" wait_until 5 state_is disabled
}

# check_serving TEXT: it runs, and the kernel uses it.
check_serving() {
	verdict "$1: state is $(state), scheduler is $(ops)" serving
}
serving() { schedules && scheduler_alive; }

# stats NAME [SECONDS]: a figure from the scheduler's own statistics; with SECONDS, what a counter
# counted in that time.
stats() {
	python3 - "$1" "${2:-0}" 2>>"out/$script-stats.err" <<-'PYTHON'
		import json, socket, sys, time

		name, seconds = sys.argv[1], float(sys.argv[2])
		with socket.socket(socket.AF_UNIX) as server:
		    server.settimeout(20)
		    # The service's, or that of a scheduler started by hand.
		    try:
		        server.connect("/run/scx-rustland/stats")
		    except OSError:
		        server.connect("/run/scx/root/stats")
		    stream = server.makefile("rw")

		    def read():
		        stream.write('{"req":"stats","args":{"target":"top"}}\n')
		        stream.flush()
		        return json.loads(stream.readline())["args"]["resp"][name]

		    value = read()
		    if seconds:
		        # The server counts from one answer to the next.
		        time.sleep(seconds)
		        value = read()
		    print(value)
	PYTHON
}

check_page_faults() {
	local faults
	faults=$(stats nr_page_faults)
	verdict "page faults of the scheduler: ${faults:-unknown}" [ "${faults:-unknown}" = 0 ]
}

# json FILE PATH: one value of a JSON file, as in `json out/x.json frame.wakeup_us.p99`.
json() {
	python3 - "$1" "$2" <<-'PYTHON'
		import json, sys

		with open(sys.argv[1], encoding="utf-8") as file:
		    value = json.load(file)
		for key in sys.argv[2].split("."):
		    value = value[key]
		print(value)
	PYTHON
}
at_most() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a <= b) }'; }

echo "$script: $(uname -r), $cpus CPUs"
