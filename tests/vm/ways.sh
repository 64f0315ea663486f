#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The other ways in which the kernel takes tasks and CPUs from a scheduler and gives them back, each
# beside hogs, a frame loop and pipes. None may end the scheduler or leave a task without a CPU.
#
# usage: ways.sh [--seconds N] [WAY]...
#
#   --seconds N   how long each (default 10)
#
# Without a WAY all of them, in this order:
#   class       other classes (fair, idle, real-time), and back, and nice values
#   affinity    the CPUs that a task may use, of the task and of its cpuset
#   stop        SIGSTOP and SIGCONT, and ptrace: interrupts, single steps
#   group       control groups that are frozen, and tasks that move between them
#   all         all of these at once
#   execs       programs with many threads that execute another, or end, out of one of them
#   pids        the same in a control group in which it is refused now and then
#   hotplug     CPUs that go and come back, under tasks that may use no other, beside all
#   cookies     programs with core-scheduling cookies that come and go, beside all and hotplug
#   sysrq       SysRq-S in the middle of all
#   suspend     the machine goes to sleep, as far as the kernel's tests of that go, and comes back
#   partial     class, in a scheduler with --partial
#   deadline    tasks that get a deadline and lose it. The last: the kernel itself loses count of what
#               they were promised, and takes no CPU away any more

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

all_ways=(class affinity stop group all execs pids hotplug cookies sysrq suspend partial deadline)
seconds=10 ways=()
while (($#)); do
	case $1 in
	--seconds) seconds=$2 && shift ;;
	-*) die "unknown option $1" ;;
	*)
		[[ " ${all_ways[*]} " == *" $1 "* ]] || die "there is no way $1"
		ways+=("$1")
		;;
	esac
	shift
done
((${#ways[@]})) || ways=("${all_ways[@]}")

# Tasks are moved between the two groups in it.
group=/sys/fs/cgroup/ways
mkdir -p "$group"
for controller in cpu cpuset pids; do
	echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
	echo "+$controller" >"$group/cgroup.subtree_control"
done 2>/dev/null
mkdir -p "$group"/{a,b}
actions=class,nice,affinity,stop,trace,freeze,move
[[ ! -w $group/a/cpuset.cpus ]] || actions+=,cpuset

ended() { ! kill -0 "$1" 2>/dev/null; }

# start_load NAME COMMAND...: load_pid and, for JSON, out/ways-NAME.json are its.
declare -A load_pid=()
start_load() {
	local name=$1
	shift
	timeout $((seconds * 10 + 200)) "$@" >"out/ways-$name.json" 2>"out/ways-$name.err" &
	load_pid[$name]=$!
}

# check_load NAME TEXT: it ends well, and every task of it had its share.
check_load() {
	local name=$1 status=0
	wait "${load_pid[$name]}" || status=$?
	unset "load_pid[$name]"
	if ((status == 0)); then
		pass "$2: $(tr -d '\n' <"out/ways-$name.json" | tail -c 250 | tr -s ' ')"
	else
		fail "$2: status $status"
		tail -n 5 "out/ways-$name.err" "out/ways-$name.json"
	fi
}

# The loads that every way has beside it, for SECONDS.
start_others() {
	timeout $(($1 * 10 + 200)) "$bench/bench-run" --hogs 2 --pairs 1 --settle-seconds 5 --seconds "$1" \
		--output out/ways-others.json >out/ways-others.err 2>&1 &
	load_pid[others]=$!
}
check_others() {
	if wait "${load_pid[others]}"; then
		pass "$1: the other loads ran to their end"
		note "frame loop: wakeup p50 $(json out/ways-others.json frame.wakeup_us.p50)," \
			"p99 $(json out/ways-others.json frame.wakeup_us.p99) us," \
			"longest wait $(json out/ways-others.json frame.longest_wait_us) us"
	else
		fail "$1: the other loads ran to their end"
		tail -n 5 out/ways-others.err
	fi
	unset "load_pid[others]"
}

# After each way, so that it is known which of them it was.
check_still() {
	serving && no_ejection && return
	fail "$1: the scheduler goes on serving (state is $(state))"
	tail -n 3 "$scheduler_log"
	scheduler_stop
	# It is said now, and no more of the next way.
	mv "$scheduler_log" "${scheduler_log%.log}-${1//[^a-zA-Z]/-}.log"
	kernel_log_mark+=" after $SECONDS s"
	echo "$kernel_log_mark" >/dev/kmsg
	scheduler_start "${options[@]}" || die "it starts again"
}

churn() { start_load churn "$bench/churn" --seconds "$1" --group "$group" "$2"; }

# changes TEXT ACTIONS: these, and nothing else beside the loads.
changes() {
	start_others "$seconds"
	churn "$seconds" "$2"
	check_load churn "$1"
	check_others "$1"
	check_still "$1"
}

# A CPU that came or went makes the scheduler start again by itself.
restarted() { (($(enable_seq) > seq)) && state_is enabled; }

# The last CPU goes and comes back some times, then the one before it if there are more than two.
hotplugs() {
	local online=/sys/devices/system/cpu/cpu$((cpus - 1))/online value cpu pinned
	if ((cpus == 1)) || [[ ! -w $online ]]; then
		skip "CPU hotplug" "there is no second CPU to take away"
		return
	fi
	taskset -c $((cpus - 1)) "$bench/hog" --count 2 --settle-seconds 0 --seconds 3000 >/dev/null &
	pinned=$!
	for cpu in $((cpus - 1)) $((cpus > 2 ? cpus - 2 : cpus - 1)); do
		for value in 0 1; do
			seq=$(enable_seq)
			if ! sh -c "echo $value >/sys/devices/system/cpu/cpu$cpu/online"; then
				fail "$1: CPU $cpu goes to online=$value"
				continue
			fi
			verdict "$1: enabled again after CPU $cpu went to online=$value" wait_until 60 restarted
		done
	done
	kill "$pinned"
	wait "$pinned" 2>/dev/null
}

way_class() { changes "classes and nice values that change" class,nice; }
way_affinity() {
	changes "affinities and cpusets that change" affinity"$([[ $actions != *cpuset ]] || echo ,cpuset)"
}
way_stop() { changes "tasks that are stopped, traced and stepped" stop,trace; }
way_group() { changes "groups that are frozen, tasks that move between them" freeze,move; }
way_all() { changes "all of that" "$actions"; }

way_execs() {
	start_others "$seconds"
	start_load execs "$bench/execs" --seconds "$seconds"
	check_load execs "threads that execute programs"
	check_others "threads that execute programs"
	check_still "threads that execute programs"
}

way_pids() {
	local text="more processes than pids.max"
	[[ -w $group/a/pids.max ]] || { skip "$text" "there is no such limit" && return; }
	echo 20 >"$group/a/pids.max"
	start_others "$seconds"
	# It puts itself there.
	# shellcheck disable=SC2016 # that shell expands it
	start_load execs sh -c 'echo $$ >"$0" && exec "$@"' "$group/a/cgroup.procs" \
		"$bench/execs" --seconds "$seconds" --parallel 100 --threads 4 --generations 1
	check_load execs "$text"
	verdict "$text: it was refused" grep -q '^max [1-9]' "$group/a/pids.events"
	echo max >"$group/a/pids.max"
	check_others "$text"
	check_still "$text"
}

way_hotplug() {
	start_others $((4 * seconds))
	churn $((4 * seconds)) "$actions"
	hotplugs hotplug
	check_load churn "all of that beside hotplug"
	check_others "all of that beside hotplug"
	check_still hotplug
}

way_cookies() {
	local text="core scheduling"
	"$bench/cookies" --programs 1 --threads 1 --settle-seconds 0 --seconds 1 >/dev/null 2>&1
	if (($? == 77)); then
		skip "$text" "this kernel, or a machine with one thread in a core, has none"
		return
	fi
	# See core-sched.sh.
	"$bench/cookies" --hold &
	local hold=$!
	start_others $((4 * seconds))
	churn $((4 * seconds)) "$actions"
	start_load cookies "$bench/cookies" --settle-seconds 0 --seconds $((4 * seconds)) --life-ms 300
	hotplugs "$text"
	check_load cookies "$text, each program got its share"
	check_load churn "all of that beside $text"
	check_others "$text"
	check_still "$text"
	kill "$hold"
	wait "$hold"
}

way_sysrq() {
	start_others $((2 * seconds))
	churn $((2 * seconds)) "$actions"
	sleep 2
	echo 1 >/proc/sys/kernel/sysrq
	echo S >/proc/sysrq-trigger
	verdict "SysRq-S ends it in the middle of all" wait_until 30 state_is disabled
	wait_until 30 ended "$scheduler_pid" || fail "its process ends, too"
	wait "$scheduler_pid"
	note "its exit status is $?; it said: $(tail -n 1 "$scheduler_log")"
	check_load churn "tasks make progress without it"
	check_others "SysRq-S"
	scheduler_start || die "it starts again"
	check_serving "after SysRq-S"
}

# sleeps STATE TEST: the kernel's own test of sleeping, that goes so far and comes back after 5 s.
# There is nothing in the VM that wakes it from a whole sleep.
sleeps() {
	local text="sleep \"$1\" as far as \"$2\""
	if ! grep -qw "$1" /sys/power/state 2>/dev/null || ! grep -qw "$2" /sys/power/pm_test 2>/dev/null; then
		skip "$text" "this kernel has no such test"
		return
	fi
	echo "$2" >/sys/power/pm_test
	start_others $((seconds + 10))
	churn $((seconds + 15)) "$actions"
	# The others are to have started.
	sleep 6
	# The kernel gives up when a task cannot be frozen for 20 s: a traced one may be hard to.
	verdict "$text, and back" timeout 120 sh -c "echo $1 >/sys/power/state"
	wait_until 60 state_is enabled
	check_load churn "$text: tasks go on"
	check_others "$text"
	check_still "$text"
}

way_suspend() {
	sleeps freeze freezer
	# Emulated, 7.3 does not come back from this under its own scheduler either.
	if [[ $(uname -r) == 6.* ]]; then
		sleeps mem processors
	else
		skip "sleep \"mem\" as far as \"processors\"" "not in this kernel, emulated"
	fi
}

way_partial() {
	check_stop
	options=(--partial)
	scheduler_start --partial || die "it starts with --partial"
	# Not all: ordinary tasks go before its, and where they leave no CPU the kernel ends it.
	changes "--partial: classes and nice values that change" class,nice
	check_page_faults
	check_stop
	options=()
	scheduler_start || die "it starts without --partial"
}

way_deadline() { changes "deadlines that come and go" deadline,nice,affinity; }

options=()
scheduler_start || die "it starts"
for way in "${ways[@]}"; do "way_$way"; done
check_serving "after all"
check_page_faults
check_stop
verdict "not thrown out by the kernel" no_ejection
rmdir "$group"/{a,b} "$group"
finish
