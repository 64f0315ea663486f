#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Control groups that come and go as fast as they can, below a load that is moved between them: made, weighted, limited,
nested, left and removed. Leaves nothing behind, and says how much was done.

usage: group-churn.py [--seconds S] [--groups N] [--seed N]"""

import argparse
import os
import random
import signal
import sys
import time

from cgroups import ROOT, remove, write

TOP = f"{ROOT}/churn"


def work(kind):
    while True:
        end = time.thread_time_ns() + (2_000_000 if kind else 50_000_000)
        while time.thread_time_ns() < end:
            pass
        if kind:
            time.sleep(0.003)


def start(kind):
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setpriority(os.PRIO_PROCESS, 0, 0)
        work(kind)
    finally:
        os._exit(1)


class Churn:
    def __init__(self, groups, pids, rng):
        self.most, self.pids, self.rng = groups, pids, rng
        self.groups = []
        self.serial = 0
        self.done = {}

    def make(self):
        if len(self.groups) >= self.most:
            return
        self.serial += 1
        path = f"{TOP}/g{self.serial}"
        os.mkdir(path)
        write(f"{path}/cpu.weight", self.rng.randint(1, 10000))
        self.groups.append(path)

    def remove(self):
        if self.groups:
            # It may have tasks, or groups below.
            path = self.rng.choice(self.groups)
            os.rmdir(path)
            self.groups.remove(path)

    def weigh(self):
        if self.groups:
            write(f"{self.rng.choice(self.groups)}/cpu.weight", self.rng.randint(1, 10000))

    def limit(self):
        if self.groups:
            period = self.rng.choice((1000, 10000, 100000, 1000000))
            quota = self.rng.choice(("max", max(1000, period // self.rng.randint(1, 50))))
            write(f"{self.rng.choice(self.groups)}/cpu.max", f"{quota} {period}")

    def idle(self):
        if self.groups:
            write(f"{self.rng.choice(self.groups)}/cpu.idle", self.rng.randint(0, 1))

    def move(self):
        pid = self.rng.choice(self.pids)
        write(f"{self.rng.choice(self.groups or [ROOT])}/cgroup.procs", pid)

    def renew(self):
        """A task ends, another one begins: it forks where it is."""
        index = self.rng.randrange(len(self.pids))
        os.kill(self.pids[index], signal.SIGKILL)
        os.waitpid(self.pids[index], 0)
        self.pids[index] = start(index % 2)

    def go_on(self):
        operation = self.rng.choices((self.make, self.remove, self.weigh, self.limit, self.idle, self.move, self.renew),
                                     (4, 3, 3, 3, 1, 8, 1))[0]
        try:
            operation()
            self.done[operation.__name__] = self.done.get(operation.__name__, 0) + 1
        except OSError:
            self.done["refused"] = self.done.get("refused", 0) + 1

    def end(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for path in self.groups:
            remove(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    write(f"{ROOT}/cgroup.subtree_control", "+cpu")
    os.mkdir(TOP)
    write(f"{TOP}/cgroup.subtree_control", "+cpu")
    os.setpriority(os.PRIO_PROCESS, 0, -10)
    churn = Churn(args.groups, [start(i % 2) for i in range(16)], random.Random(args.seed))
    try:
        end = time.monotonic() + args.seconds
        while time.monotonic() < end:
            churn.go_on()
    finally:
        churn.end()
        os.rmdir(TOP)
    print(f"# done: {churn.done}, {churn.serial} groups made")
    return 0


if __name__ == "__main__":
    sys.exit(main())
