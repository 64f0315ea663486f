#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Hundreds of control groups that are made, weighted, limited and removed under load, while tasks are moved
# between them: the scheduler stays, forgets each group that is gone, and shares are right afterwards.
#
# usage: group-churn.sh [--seconds S]

# verdict calls functions.
# shellcheck disable=SC2317

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=60
while (($#)); do
	case $1 in
	--seconds) seconds=$2 && shift ;;
	*) die "unknown option $1" ;;
	esac
	shift
done
here=$(dirname "$0")

# What the backend knows of: sessions and services have groups too, if their controller is on.
known_groups() { bpftool --json map dump name group_numbers | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'; }
no_more_than() { (("$(known_groups)" <= $1)); }

sleep 5
scheduler_start || die "it starts"
before=$(known_groups)
verdict "control groups come and go for $seconds s" python3 "$here/group-churn.py" --seconds "$seconds"
check_serving "after that"
verdict "the kernel did not throw it out" no_ejection
# A task that sleeps still has the group in which it was when it fell asleep.
verdict "the groups are forgotten: $(known_groups) are known, $before were before" wait_until 20 no_more_than $((before + 5))
verdict "no group was refused" [ "$(stats nr_groups_refused)" = 0 ]
python3 "$here/contract.py" --rows weights out/contract-rustland.json || die "weights can be measured"
# The row is judged by what weights promise: the kernel's own scheduler is not asked here.
python3 "$here/contract-judge.py" "$cpus" out/contract-rustland.json out/contract-rustland.json >out/churn.tap
count_verdicts out/churn.tap "the judge"
check_stop
finish
