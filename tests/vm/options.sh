#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every way to run the scheduler that takes another path through the backend: each under a short
# mixed load, on a machine with two NUMA nodes if tools/vm was asked for them.
#
# usage: options.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# Frames, hogs, pairs that wake each other, many short tasks, and tasks that may use one CPU only.
mixed_load() {
	"$bench/bench-run" --settle-seconds 1 --seconds 3 --pairs 2 --output out/options.json &&
		"$bench/fork-storm" --tasks 200 >/dev/null &&
		for ((i = 0; i < 50; i++)); do
			taskset -c $((i % cpus)) true || return
		done
}

for options in "--percpu-local" "--no-idle-fill" "--numa-local" \
	"--percpu-local --numa-local --no-idle-fill" "--partial" "--slice-us 1000 --slice-us-min 500"; do
	read -r -a words <<<"$options"
	scheduler_start "${words[@]}" || die "it starts with $options"
	verdict "$options: the load ran to its end" mixed_load
	check_serving "$options"
	check_page_faults
	check_stop
done
verdict "not thrown out by the kernel" no_ejection
finish
