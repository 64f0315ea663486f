#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compares what contract.py measured under two schedulers and prints TAP.

usage: contract-judge.py CPUS EEVDF.json RUSTLAND.json

A part has to be within 3 points of 200 (1.5 for each CPU), or 5 %, of what weights promise; limits hold within 3 %. What the
kernel's own scheduler gave stands beside it: now and then it misses that by more, and it is the measure only where nothing
else says what is right."""

import json
import sys

# The kernel's weights of some nice values, and of SCHED_IDLE.
WEIGHT = {"nice -20": 88761, "nice -10": 9548, "nice -5": 3121, "nice 0": 1024, "nice 5": 335, "nice 19": 15, "idle": 3,
          "other": 1024}


def by_weight(all_cpus, counts):
    """What each part has of so many CPUs; counts: its tasks."""
    total = sum(WEIGHT[name] * count for name, count in counts.items())
    return {name: 100 * all_cpus * WEIGHT[name] * count / total for name, count in counts.items()}


# Parts that are measured by what was promised, in per cent of a CPU; CPUS is their number.
PROMISED = {
    "weights": lambda cpus: {"900": 90 * cpus, "100": 10 * cpus},
    # As many times the weight of one as there are CPUs, because a group competes on each CPU that it uses.
    "two_sessions": lambda cpus: {"eight": 100 * cpus * cpus / (cpus + 1), "one": 100 * cpus / (cpus + 1)},
    "idle_class": lambda cpus: by_weight(cpus, {"other": cpus, "idle": 4 * cpus}),
    "idle_group": lambda cpus: by_weight(cpus, {"other": 1, "idle": 1}),
    "batch_class": lambda cpus: {"other": 50 * cpus, "batch": 50 * cpus},
    "quota_20": lambda cpus: {"limited": 20},
    "quota_50": lambda cpus: {"limited": 50, "free": 100 * cpus - 50},
    "quota_short_period": lambda cpus: {"limited": 50},
    "quota_nested": lambda cpus: {"inner": 20, "rest": 30, "inner and rest": 50},
    "nested_weights": lambda cpus: {"alone": 50 * cpus, "twice": 100 * cpus / 3, "once": 50 * cpus / 3},
    # In the group of one session 7.3 rounds light weights up: 21 % for nice 19 where weights promise 11.
    "nice_19": lambda cpus: by_weight(cpus, {"nice 0": cpus, "nice 19": 4 * cpus}),
    "nice_pinned": lambda _: by_weight(1, {"nice -5": 1, "nice 5": 1}),
    "nice_range": lambda _: by_weight(1, {"nice -20": 1, "nice -10": 1, "nice 0": 1}),
    "nice_free": lambda cpus: by_weight(cpus, {"nice -5": cpus, "nice 5": cpus}),
    "cpuset": lambda cpus: {"one CPU": 100, "free": 100 * (cpus - 1)},
    "changed_limit": lambda cpus: {"20": 20, "50": 50, "none": 100 * cpus, "again": 20},
    "changed_weight": lambda cpus: {"100": 50 * cpus, "300": 75 * cpus, "25": 20 * cpus},
    "moved": lambda cpus: {"before": 75 * cpus, "after": 25 * cpus},
}

# Parts of which less is as good, and why.
AT_MOST = {
    ("yielders", "yield"): "who yields leaves the CPU to others",
    ("quota_sleepers", "limited"): "a limit is no promise",
    # Its group uses up the quota of the group above, both together.
    ("quota_nested", "inner"): "a limit is no promise",
}

# Of no interest: they have what the others leave.
LEFT = {("quota_nested", "free"), ("quota_nested", "rest"), ("quota_sleepers", "free"), ("yielders", "work")}

tests = failed = 0


def verdict(passed, text):
    global tests, failed
    tests += 1
    failed += not passed
    print(f"{'ok' if passed else 'not ok'} {tests} - {text}")


def judge(row, part, cpus, theirs, ours):
    promised = PROMISED.get(row, lambda _: {})(cpus).get(part)
    limited = row.startswith(("quota", "changed_limit")) and part not in ("free", "none")
    right = theirs if promised is None else promised
    allowed = max(0.03 * right, 0.6) if limited else max(1.5 * cpus, 0.05 * right)
    text = f"{row}, {part}: {ours:.1f} % of a CPU, where {right:.1f} are right (EEVDF gives {theirs:.1f})"
    if (row, part) in LEFT:
        print(f"# {text}")
    elif (row, part) in AT_MOST:
        verdict(ours <= right + allowed, f"{text}; {AT_MOST[row, part]}")
    else:
        verdict(abs(ours - right) <= allowed, text)


def main():
    cpus = int(sys.argv[1])
    with open(sys.argv[2]) as file:
        eevdf = json.load(file)
    with open(sys.argv[3]) as file:
        rustland = json.load(file)
    for results in (eevdf, rustland):
        if "quota_nested" in results:
            parts = results["quota_nested"]
            parts["inner and rest"] = parts["inner"] + parts["rest"]
    for row, parts in eevdf.items():
        for part, theirs in parts.items():
            judge(row, part, cpus, theirs, rustland[row][part])
    print(f"1..{tests}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
