#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What anyone may tell the kernel's scheduler, one row of tasks after the other: control groups with weights and
limits, nice values, classes, affinity, yield. Each row says what its parts used, in per cent of a CPU.

usage: contract.py [--seconds S] [--rows GLOB,...] FILE     writes a JSON object, {row: {part: per cent}}

It must never say what is right: contract.sh compares what two schedulers made of the same rows. It needs
the cpu controller of cgroup v2 and leaves no group and no process behind."""

import argparse
import fnmatch
import json
import os
import signal
import sys
import time

from cgroups import ROOT, remove, write

CPUS = os.cpu_count()


class Group:
    """A control group with files such as {"cpu.weight": 900}; parent: another one."""

    number = 0

    def __init__(self, parent=None, **files):
        Group.number += 1
        self.path = f"{parent.path if parent else ROOT}/contract-{Group.number}"
        self.limited = "cpu_max" in files or bool(parent and parent.limited)
        above = parent.path if parent else ROOT
        for controller in ("cpu", "cpuset"):
            write(f"{above}/cgroup.subtree_control", f"+{controller}")
        os.mkdir(self.path)
        self.set(**files)

    def set(self, **files):
        for name, value in files.items():
            write(f"{self.path}/{name.replace('_', '.')}", value)


def hog():
    while True:
        pass


def yielder():
    while True:
        os.sched_yield()


def sleeper(run_ns, period_ns):
    due = time.monotonic_ns()
    while True:
        end = time.thread_time_ns() + run_ns
        while time.thread_time_ns() < end:
            pass
        due += period_ns
        delay = due - time.monotonic_ns()
        if delay > 0:
            time.sleep(delay / 1e9)
        else:
            due = time.monotonic_ns()


class Part:
    """So many processes that do the same, in a group or none, with a nice value, a class and CPUs."""

    def __init__(self, name, count, group=None, nice=0, policy=os.SCHED_OTHER, cpus=None, does=hog, session=False):
        self.name = name
        self.limited = bool(group and group.limited)
        self.pids = [self.start(group, nice, policy, cpus, does, session and i == 0) for i in range(count)]

    def start(self, group, nice, policy, cpus, does, session):
        pid = os.fork()
        if pid:
            return pid
        try:
            # They begin together, when they are let go on.
            if session:
                os.setsid()
            if group:
                write(f"{group.path}/cgroup.procs", os.getpid())
            if cpus is not None:
                os.sched_setaffinity(0, cpus)
            if policy != os.SCHED_OTHER:
                os.sched_setscheduler(0, policy, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, 0, nice)
            does()
        finally:
            os._exit(1)

    def used_ns(self):
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/schedstat") as file:
                total += int(file.read().split()[0])
        return total


def in_session(name, count, nice=0):
    """Processes of one session, which the kernel gives a group of their own (autogroup) unless they are in another one:
    one starts the others."""
    read, write_end = os.pipe()
    leader = os.fork()
    if not leader:
        try:
            write(f"{ROOT}/cgroup.procs", os.getpid())
            os.setsid()
            part = Part(name, count, nice=nice)
            os.write(write_end, (" ".join(map(str, part.pids)) + "\n").encode())
            signal.pause()
        finally:
            os._exit(1)
    with os.fdopen(read) as file:
        pids = list(map(int, file.readline().split()))
    os.close(write_end)
    part = Part(name, 0)
    part.pids = pids
    part.leader = leader
    return part


# ---- The rows: each makes its parts -----------------------------------------------------------------

ALL = 2 * CPUS  # twice as many tasks as CPUs


def weights():
    return [Part("900", CPUS, Group(cpu_weight=900)), Part("100", CPUS, Group(cpu_weight=100))]


def nested_weights():
    half = Group()
    return [Part("alone", ALL, Group()), Part("twice", ALL, Group(half, cpu_weight=200)),
            Part("once", ALL, Group(half, cpu_weight=100))]


def quota_20():
    return [Part("limited", CPUS, Group(cpu_max="20000 100000"))]


def quota_50():
    return [Part("limited", ALL, Group(cpu_max="50000 100000")), Part("free", CPUS)]


def quota_short_period():
    return [Part("limited", CPUS, Group(cpu_max="5000 10000"))]


def quota_burst():
    return [Part("limited", 1, Group(cpu_max="20000 100000", cpu_max_burst=20000),
                 does=lambda: sleeper(60_000_000, 200_000_000))]


def quota_sleepers():
    return [Part("limited", 4, Group(cpu_max="20000 100000"), does=lambda: sleeper(3_000_000, 16_000_000)),
            Part("free", CPUS)]


def quota_nested():
    outer = Group(cpu_max="50000 100000")
    return [Part("inner", ALL, Group(outer, cpu_max="20000 100000")), Part("rest", ALL, Group(outer)),
            Part("free", CPUS)]


def two_sessions():
    return [in_session("eight", 4 * CPUS), in_session("one", 1)]


def nice_19():
    return [Part("nice 0", CPUS), Part("nice 19", 4 * CPUS, nice=19)]


def nice_pinned():
    return [Part("nice -5", 1, nice=-5, cpus={0}), Part("nice 5", 1, nice=5, cpus={0})]


def nice_range():
    return [Part(f"nice {nice}", 1, nice=nice, cpus={0}) for nice in (-20, -10, 0)]


def nice_free():
    return [Part("nice -5", ALL, nice=-5), Part("nice 5", ALL, nice=5)]


def idle_class():
    return [Part("other", CPUS), Part("idle", 4 * CPUS, policy=os.SCHED_IDLE)]


def idle_group():
    return [Part("other", CPUS, Group()), Part("idle", ALL, Group(cpu_idle=1))]


def batch_class():
    return [Part("other", ALL), Part("batch", ALL, policy=os.SCHED_BATCH)]


def cpuset():
    return [Part("one CPU", CPUS, Group(cpuset_cpus=CPUS - 1)), Part("free", CPUS, Group())]


def yielders():
    return [Part("work", CPUS), Part("yield", CPUS, does=yielder)]


ROWS = {row.__name__: row for row in (
    weights, nested_weights, quota_20, quota_50, quota_short_period, quota_burst, quota_sleepers, quota_nested,
    two_sessions, nice_19, nice_pinned, nice_range, nice_free, idle_class, idle_group, batch_class, cpuset, yielders)}


# ---- Changes while it runs: one part, as many figures as steps -------------------------------------

def changed_limit(measure):
    group = Group(cpu_max="20000 100000")
    part = Part("limited", CPUS, group)
    figures = {}
    for name, limit in (("20", "20000 100000"), ("50", "50000 100000"), ("none", "max 100000"), ("again", "20000 100000")):
        group.set(cpu_max=limit)
        figures[name] = measure([part])["limited"]
    return figures


def changed_weight(measure):
    group = Group(cpu_weight=100)
    parts = [Part("changed", ALL, group), Part("other", ALL, Group())]
    figures = {}
    for weight in (100, 300, 25):
        group.set(cpu_weight=weight)
        figures[str(weight)] = measure(parts)["changed"]
    return figures


def moved(measure):
    one, other = Group(cpu_weight=300), Group(cpu_weight=100)
    parts = [Part("a", CPUS, one), Part("b", CPUS, other)]
    figures = {"before": measure(parts)["a"]}
    for part, group in zip(parts, (other, one)):
        for pid in part.pids:
            write(f"{group.path}/cgroup.procs", pid)
    figures["after"] = measure(parts)["a"]
    return figures


CHANGES = {change.__name__: change for change in (changed_limit, changed_weight, moved)}


# ---- Measuring --------------------------------------------------------------------------------------

def clean_up():
    # Children and the children of sessions' leaders: all that is in our groups, or descends from this process.
    # Not every kernel has lists of children.
    def parent_of(pid):
        try:
            with open(f"/proc/{pid}/stat") as file:
                return int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            return 0

    parents = {int(name): parent_of(name) for name in os.listdir("/proc") if name.isdigit()}

    def descendants(pid):
        children = [child for child, parent in parents.items() if parent == pid]
        return children + [below for child in children for below in descendants(child)]

    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    for path, _, _ in sorted(os.walk(ROOT), key=lambda entry: -len(entry[0])):
        if "/contract-" in path:
            remove(path)


def measure_for(seconds):
    def measure(parts):
        time.sleep(0.5)
        before = [part.used_ns() for part in parts]
        start = time.monotonic_ns()
        # A quota is used up at the beginning of a period, and it is chance how many beginnings there are.
        time.sleep(2 * seconds if any(part.limited for part in parts) else seconds)
        after = [part.used_ns() for part in parts]
        elapsed = time.monotonic_ns() - start
        used = {part.name: 100 * (a - b) / elapsed for part, a, b in zip(parts, after, before)}
        # What other programs of the machine have used is nobody's loss, where the parts use up all CPUs.
        if sum(used.values()) > 90 * CPUS and not any(part.limited for part in parts):
            used = {name: value * 100 * CPUS / sum(used.values()) for name, value in used.items()}
        return {name: round(value, 2) for name, value in used.items()}

    return measure


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rows", default="*")
    parser.add_argument("file")
    args = parser.parse_args()
    measure = measure_for(args.seconds)
    results = {}
    # The driver itself has to be on time.
    os.setpriority(os.PRIO_PROCESS, 0, -20)

    def is_wanted(name):
        # Not every kernel has autogroups.
        if name == "two_sessions" and not os.path.exists("/proc/sys/kernel/sched_autogroup_enabled"):
            return False
        return any(fnmatch.fnmatch(name, glob) for glob in args.rows.split(","))

    try:
        for name, row in ROWS.items():
            if is_wanted(name):
                results[name] = measure(row())
                clean_up()
        for name, change in CHANGES.items():
            if is_wanted(name):
                results[name] = change(measure)
                clean_up()
    finally:
        clean_up()
    with open(args.file, "w") as file:
        json.dump(results, file, indent=1)
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
