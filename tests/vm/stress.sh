#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The loads that broke other schedulers: affinities that change all the time, crowds of tasks that
# talk, live for a moment, or all want a CPU, and CPUs that go away and come back.
#
# usage: stress.sh [--seconds N] [--tasks N] [--threads N] [--hotplugs N]

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=45 tasks=10000 threads=2000 hotplugs=5
while (($#)); do
	case $1 in
	--seconds) seconds=$2 ;;
	--tasks) tasks=$2 ;;
	--threads) threads=$2 ;;
	--hotplugs) hotplugs=$2 ;;
	*) die "unknown option $1" ;;
	esac
	shift 2
done

# load TEXT COMMAND...: the command has to end well, and the scheduler to go on serving.
load() {
	local text=$1 start=$SECONDS log=out/stress-load.log
	shift
	if timeout 900 "$@" >"$log" 2>&1; then
		pass "$text, in $((SECONDS - start)) s"
	else
		fail "$text: status $?, after $((SECONDS - start)) s"
		tail -n 5 "$log"
	fi
	check_serving "after that"
	# Where it was lost, the other loads still have something to say.
	if ! serving; then
		tail -n 3 "$scheduler_log"
		scheduler_start || die "it starts again"
	fi
}

# The kernel ends a scheduler when a CPU comes or goes; this one has to start again by itself.
restarted() { (($(enable_seq) > seq)) && state_is enabled; }

scheduler_start || die "it starts"
load "$seconds s of stress-ng that changes affinities all the time" \
	stress-ng --quiet --timeout "$seconds" --aggressive -M -c "$cpus" -f "$cpus" \
	--affinity 1 --affinity-delay 1 --affinity-pin
load "hackbench" hackbench -g 4 -l 200
load "$tasks short tasks" "$bench/fork-storm" --tasks "$tasks"
# Each of them waits for all the others once before it may be sure of its turn.
load "$threads runnable threads, all of which made progress" \
	"$bench/many-runnable" --threads "$threads" --settle-seconds 10 --seconds 25
note "progress of the slowest and the fastest: $(json out/stress-load.log units_least) and" \
	"$(json out/stress-load.log units_most) units; longest wait" \
	"$(json out/stress-load.log longest_gap_us) us"
load "$((threads * 3 / 4)) of them on one CPU" \
	taskset -c 0 "$bench/many-runnable" --threads $((threads * 3 / 4)) --settle-seconds 5 --seconds 10
note "longest wait $(json out/stress-load.log longest_gap_us) us"
check_page_faults

cpu=$((cpus - 1))
if ((cpus == 1)) || [[ ! -w /sys/devices/system/cpu/cpu$cpu/online ]]; then
	skip "CPU hotplug" "there is no second CPU to take away"
else
	for ((i = 1; i <= hotplugs; i++)); do
		for online in 0 1; do
			seq=$(enable_seq)
			echo $online >/sys/devices/system/cpu/cpu$cpu/online
			verdict "enabled again after CPU $cpu went to online=$online, time $i" \
				wait_until 30 restarted
		done
	done
	check_serving "after all hotplugs"
	check_page_faults
fi

check_stop
verdict "not thrown out by the kernel" no_ejection
finish
