#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A policy that forgets tasks, gives slices without an end, and sends tasks to a CPU that is offline.
# None of that may cost a task more than a delay, nor the machine its scheduler, nor keep the scheduler
# thread busy once there is nothing to do.
#
# usage: careless.sh, with two CPUs or more

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# To look is to wake it now and then, so there is some time before each look.
rests() { sleep 4 && grep -q '^State:.*sleeping' "/proc/$scheduler_pid/status"; }
# CPU time of the scheduler thread in milliseconds.
cpu_ms() { awk '{ printf "%d", $1 / 1000000 }' "/proc/$scheduler_pid/task/$scheduler_pid/schedstat"; }

((cpus > 1)) || die "a CPU can be taken away"
gcc -shared -fPIC -o careless.so careless-policy.c || die "the policy is compiled"
echo 0 >/sys/devices/system/cpu/cpu1/online || die "CPU 1 goes offline"
scheduler_start --policy ./careless.so || die "it starts"
"$bench/bench-run" --settle-seconds 2 --seconds 8 --pairs 1 --output out/careless.json &
load=$!
sleep 3
bounced=$(stats nr_bounce_dispatches 2)
verdict "decisions for the CPU that is offline are noticed: ${bounced:-unknown} in 2 s" [ "${bounced:-0}" -gt 0 ]
verdict "a load of 10 s runs to its end" wait $load
note "frame loop: median wakeup $(json out/careless.json frame.wakeup_us.p50) us," \
	"longest wait $(json out/careless.json frame.longest_wait_us) us"
longest_us=$(json out/careless.json hogs.longest_gap_us)
# A task that is forgotten waits for half a second, and then for its turn.
verdict "no hog waited for more than 2.5 s: $longest_us us" at_most "$longest_us" 2500000
check_serving "with a careless policy"
sleep 5
before=$(cpu_ms)
sleep 5
spent=$(($(cpu_ms) - before))
verdict "with nothing to do its thread rests: $spent ms of CPU in 5 s" [ $spent -lt 500 ]
verdict "and sleeps" wait_until 60 rests
check_stop
verdict "not thrown out by the kernel" no_ejection
finish
