#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a boost is good for, asked for over D-Bus as a desktop would: a frame loop beside hogs for two
# times the CPUs and eight other frame loops, which together want more than there is. Once nobody is
# boosted, once this one is; in turns, under the same scheduler, in one boot. Only ratios are
# asserted: it has to be worth it, and the others have to keep their part.
#
# usage: boosted.sh [--reps N] [--seconds N] [--clock TEXT] [SCOPE]...
#
#   --reps N       runs of each kind; figures are their medians (default 2)
#   --seconds N    length of a run (default 8)
#   --clock TEXT   which clock this is, for the table
#   SCOPE          process, tree (a shell starts the loop, and the shell is boosted) or cgroup
#                  (default: all three)

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

reps=2 seconds=8 clock="the VM's"
scopes=()
while (($#)); do
	case $1 in
	--reps) reps=$2 && shift ;;
	--seconds) seconds=$2 && shift ;;
	--clock) clock=$2 && shift ;;
	-*) die "unknown option $1" ;;
	*) scopes+=("$1") ;;
	esac
	shift
done
((${#scopes[@]})) || scopes=(process tree cgroup)
period=16667

serving() { state_is enabled && [[ $(ops) == rustland* ]]; }

systemctl start scx-rustland || die "the service starts"
wait_until 30 serving || die "the scheduler runs"
sleep 5
read -r work unit < <("$bench/bench-run" --calibrate) || die "the work can be calibrated"

# A control group of its own, which bench-run's loop is put into before it is boosted.
cat >boost-cgroup <<'END'
#!/bin/sh
mkdir -p /sys/fs/cgroup/game
echo "$1" >/sys/fs/cgroup/game/cgroup.procs
exec rustlandctl boost --scope cgroup --reason "the game" "$1"
END
chmod +x boost-cgroup

# measure KIND FILE REP [OPTION]...
measure() {
	"$bench/bench-run" --settle-seconds 4 --seconds "$seconds" --label "$1" --output "$2" \
		--work-iterations "$work" --unit-iterations "$unit" --period-us $period \
		--phase-us $((($3 * 2 - 1) * period / (2 * reps))) --loops 8 "${@:4}" >/dev/null ||
		fail "run $3, $1: it could not be measured"
}

for scope in "${scopes[@]}"; do
	files=() load=() boost="rustlandctl boost --scope $scope --reason 'the game'"
	[[ $scope != tree ]] || load=(--launcher)
	[[ $scope != cgroup ]] || boost=./boost-cgroup
	for ((rep = 1; rep <= reps; rep++)); do
		file=out/boosted-$scope-$rep
		measure unboosted "$file-without.json" $rep "${load[@]}"
		measure boosted "$file-with.json" $rep "${load[@]}" --boost "$boost"
		files+=("$file-without.json" "$file-with.json")
	done
	echo
	echo "A frame loop beside $((2 * cpus)) hogs and 8 frame loops of a third of its work, boosted by $scope:"
	"$bench/report.py" --labels unboosted,boosted --clock "$clock" \
		--json "out/boosted-$scope.json" --max-wakeup-p99 0.5 --max-missed 0.2 \
		--min-hogs 0.9 --min-loops 0.9 "${files[@]}" >out/boosted-report.txt 2>&1
	status=$?
	count_verdicts out/boosted-report.txt "$scope: report.py"
	((status < 2)) || fail "$scope: the runs can be compared"
	verdict "no boost is left when the boosted process has ended" \
		[ "$(rustlandctl list --json | tr -d ' \n')" = "[]" ]
done
verdict "the scheduler still runs" serving
verdict "not thrown out by the kernel" no_ejection
systemctl stop scx-rustland
finish
