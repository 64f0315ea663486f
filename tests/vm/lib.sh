# shellcheck shell=bash disable=SC2034 # the scripts use what is set here
# SPDX-License-Identifier: GPL-2.0-only
#
# What the scripts of this directory share; sourced, never run. They run as root in a VM of tools/vm
# (or on a machine whose owner wants that), start and stop the scheduler, and print TAP, the Test
# Anything Protocol: a line for each thing they looked at, and at the end how many there were.
#
# It must never wait without a bound, never leave a scheduler or a load behind, and never say how many
# tests there were before the script has come to its end.

set -u

scheduler=${SCX_RUSTLAND:-/usr/bin/scx_rustland}
bench=${SCX_RUSTLAND_BENCH:-/usr/libexec/scx-rustland/bench}
sysfs=/sys/kernel/sched_ext
unit=scx-rustland
session_unit=scx-rustland-session
script=$(basename "$0" .sh)
cpus=$(nproc)
verdicts=0 failed=0
scheduler_pid=

mkdir -p out

# A text is one line: what follows would be taken for something else.
pass() {
	verdicts=$((verdicts + 1))
	printf 'ok %d - %s\n' "$verdicts" "${*//$'\n'/ }"
}
fail() {
	verdicts=$((verdicts + 1)) failed=$((failed + 1))
	printf 'not ok %d - %s\n' "$verdicts" "${*//$'\n'/ }"
}
# skip WHAT REASON
skip() {
	verdicts=$((verdicts + 1))
	printf 'ok %d - %s # SKIP %s\n' "$verdicts" "$1" "$2"
}
note() { printf '# %s\n' "${*//$'\n'/$'\n'# }"; }

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

# count_verdicts FILE NAME: the tests in another program's output become some of this one's, and it is a
# failed one more where that program did not come to its end.
count_verdicts() {
	local line text n=0 planned=
	while IFS= read -r line; do
		if [[ $line =~ ^(not\ )?ok\ [0-9]+\ -\ (.*)$ ]]; then
			n=$((n + 1)) text=${BASH_REMATCH[2]}
			if [[ -n ${BASH_REMATCH[1]} ]]; then
				fail "$text"
			elif [[ $text == *' # SKIP '* ]]; then
				skip "${text%% # SKIP *}" "${text#* # SKIP }"
			else
				pass "$text"
			fi
		elif [[ $line =~ ^1\.\.([0-9]+)$ ]]; then
			planned+=${BASH_REMATCH[1]}
		else
			printf '%s\n' "$line"
		fi
	done <"$1"
	[[ $planned == "$n" ]] || fail "$2 came to its end: $n tests of ${planned:-nobody knows how many}"
}

finish() {
	trap - EXIT
	clean_up
	echo "1..$verdicts"
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
trap 'fail "the script ended too early"; finish' EXIT
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

note "$script: $(uname -r), $cpus CPUs"
