#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the scheduler is for: a frame loop beside work that wants all CPUs, under the kernel's own
# scheduler and under scx_rustland in turns, in one boot. Only ratios are asserted.
#
# usage: frames.sh [--reps N] [--seconds N] [--settle N] [--clock TEXT] [--shown-only] [VARIANT]...
#
#   --reps N         runs under each scheduler; figures are their medians (default 3)
#   --seconds N      length of a run (default 10), after --settle seconds (default 5)
#   --clock TEXT     which clock this is, for the table
#   --shown-only     show the figures and assert nothing
#   VARIANT          hogs, build, both, pairs (default: all of them)

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

reps=3 seconds=10 settle=5 clock="the VM's" shown_only=
variants=()
while (($#)); do
	case $1 in
	--reps) reps=$2 && shift ;;
	--seconds) seconds=$2 && shift ;;
	--settle) settle=$2 && shift ;;
	--clock) clock=$2 && shift ;;
	--shown-only) shown_only=1 ;;
	-*) die "unknown option $1" ;;
	*) variants+=("$1") ;;
	esac
	shift
done
((${#variants[@]})) || variants=(hogs build both pairs)

period=16667

# What runs beside the frame loop, and what is asked of it.
variant() {
	case $1 in
	hogs)
		load=()
		checks=(--max-wakeup-p99 0.25 --no-more-missed --min-hogs 0.95)
		;;
	build)
		load=(--hogs 0 --build-jobs $((2 * cpus)))
		checks=(--max-wakeup-p99 0.25 --no-more-missed --min-build 0.95)
		;;
	both)
		load=(--build-jobs "$cpus")
		# EEVDF drops a quarter of the frames here. That they are all done takes 4 % of two
		# CPUs, which the others have no longer: so less is asked of each of them.
		checks=(--max-wakeup-p99 0.5 --no-more-missed --min-hogs 0.9 --min-build 0.9)
		;;
	pairs)
		load=(--pairs 4)
		checks=(--min-hogs 0.8)
		;;
	*) die "unknown variant $1" ;;
	esac
	[[ -z $shown_only ]] || checks=()
}

# The start of the system is over when nothing has wanted a CPU for a while.
sleep 10
read -r work unit < <("$bench/bench-run" --calibrate) || die "the work can be calibrated"

# measure NAME REP: one run of the variant under whatever is scheduling now.
measure() {
	# What the run before has written must not be carried to the disk during this one.
	sync
	# Each pair of runs meets the clocks of kernel and loads in another phase.
	"$bench/bench-run" --settle-seconds "$settle" --seconds "$seconds" \
		--work-iterations "$work" --unit-iterations "$unit" --period-us $period \
		--phase-us $((($2 * 2 - 1) * period / (2 * reps))) "${load[@]}" --output "$1"
}

for name in "${variants[@]}"; do
	variant "$name"
	files=()
	for ((rep = 1; rep <= reps; rep++)); do
		file=out/frames-$name-$rep
		measure "$file-eevdf.json" $rep || fail "$name: run $rep under EEVDF"
		scheduler_start || die "$name: it starts"
		measure "$file-rustland.json" $rep || fail "$name: run $rep under scx_rustland"
		check_page_faults
		check_stop
		files+=("$file-eevdf.json" "$file-rustland.json")
	done
	echo
	case $name in
	hogs) echo "The frame loop beside $((2 * cpus)) hogs:" ;;
	build) echo "The frame loop beside make -j$((2 * cpus)):" ;;
	both) echo "The frame loop beside $((2 * cpus)) hogs and make -j$cpus:" ;;
	pairs) echo "The frame loop beside $((2 * cpus)) hogs and 4 pairs of tasks that wake each other:" ;;
	esac
	"$bench/report.py" --clock "$clock" --json "out/frames-$name.json" "${checks[@]}" \
		"${files[@]}" >out/frames-report.txt 2>&1
	status=$?
	if [[ -n $shown_only ]]; then cat out/frames-report.txt; else count_verdicts out/frames-report.txt "$name: report.py"; fi
	((status < 2)) || fail "$name: the runs can be compared"
done
verdict "not thrown out by the kernel" no_ejection
finish
