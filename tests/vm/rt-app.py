# SPDX-License-Identifier: GPL-2.0-only
"""Runs a workload of rt-app on this machine and says what became of its tasks, in the members that
rustland-sim --json has for the same file. Used by rt-app.sh.

usage: rt-app.py FILE SECONDS NS_PER_LOOP OUT [POLICY]

NS_PER_LOOP: what a loop of rt-app's work takes here; 0: measure it, with the file's only task, and print it.
POLICY: what schedules it, for the result; there are no counters of the scheduler where it is "eevdf", the kernel's own.
It must be the only load, and the figures are those of the time between its first second and its end.
"""

import glob
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

SETTLE = 1.0
CGROUPS = "/sys/fs/cgroup/rt-app"  # the root of the file's control groups
CLOCK_MONOTONIC_COARSE = 6  # it goes on with each tick


class Scheduler:
    """The scheduler's statistics, over one connection: it says what it has counted since it was last asked there."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect("/run/scx/root/stats")
        self.stream = self.socket.makefile("rw")

    def counters(self):
        self.stream.write('{"req":"stats","args":{"target":"top"}}\n')
        self.stream.flush()
        return json.loads(self.stream.readline())["args"]["resp"]


def tasks_of(pid):
    """For each thread: its name, CPU time in ns, and how often it was preempted and slept."""
    found = {}
    for directory in glob.glob(f"/proc/{pid}/task/[0-9]*"):
        try:
            with open(f"{directory}/status") as file:
                status = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
            with open(f"{directory}/schedstat") as file:
                ran = int(file.read().split()[0])
        except OSError:
            continue
        found[directory] = (status["Name"].strip(), ran,
                            int(status["nonvoluntary_ctxt_switches"]),
                            int(status["voluntary_ctxt_switches"]))
    return found


def percentiles(values):
    values = sorted(values)

    def at(permille):
        return values[min(len(values) - 1, (len(values) * permille + 999) // 1000 - 1)]

    return {"n": len(values), "p50": at(500), "p99": at(990), "p999": at(999), "max": values[-1]}


def group(name):
    """rt-app names a thread after its task, with a number."""
    return re.sub(r"-\d+$", "", name)


def read_logs(directory, began_us, ended_us):
    """Timers and frames of each task, from what rt-app wrote about each round."""
    groups = {}
    for path in sorted(glob.glob(f"{directory}/log-*.log")):
        one = groups.setdefault(group(os.path.basename(path)[4:-4]),
                                {"timer": [], "frame": [], "missed": 0})
        with open(path) as file:
            rows = [list(map(int, line.split())) for line in file if line.strip()[:1].isdigit()]
        for _, _, _, _, _, end, _, slack, _, period, late in rows:
            # The frame was due a period before the timer that was waited for at its end.
            if not period or end - late - period < began_us or end > ended_us:
                continue
            frame = period - slack
            one["frame"].append(frame)
            one["missed"] += max(0, frame // period)
            if slack > 0:
                one["timer"].append(late)
    return groups


class Groups:
    """The control groups of a workload, as rustland-sim makes them of the same file: those that its tasks name, and what
    "cgroups" says of them. rt-app itself knows hierarchies of version 1 only, so its threads are moved from here."""

    def __init__(self, content):
        self.of_task = {name: task.pop("taskgroup", "") for name, task in content["tasks"].items()}
        self.settings = content.pop("cgroups", {})
        self.paths = []
        for path in [*self.of_task.values(), *self.settings]:
            parts = path.split("/")[1:]
            for depth in range(1, len(parts) + 1):
                one = "/" + "/".join(parts[:depth])
                if one not in self.paths:
                    self.paths.append(one)

    @staticmethod
    def write(path, name, text):
        with open(f"{CGROUPS}{path}/{name}", "w") as file:
            file.write(text)

    def make(self):
        if not self.paths:
            return
        with open("/sys/fs/cgroup/cgroup.subtree_control", "w") as file:
            file.write("+cpu")
        os.mkdir(CGROUPS)
        for path in self.paths:
            os.mkdir(CGROUPS + path)
            self.write(path, "cgroup.type", "threaded")
        for path in ["", *(os.path.dirname(path).rstrip("/") for path in self.paths)]:
            self.write(path, "cgroup.subtree_control", "+cpu")
        for path, settings in self.settings.items():
            for name, value in settings.items():
                self.write(path, name, " ".join(map(str, value)) if isinstance(value, list) else str(value))

    def enter(self):
        """By a process that is about to be rt-app."""
        if self.paths:
            self.write("", "cgroup.procs", str(os.getpid()))

    def move(self, pid):
        """Each of its threads to the group of its task, once all are there."""
        waits = {name for name, path in self.of_task.items() if path}
        deadline = time.monotonic() + SETTLE / 2
        while waits and time.monotonic() < deadline:
            time.sleep(0.05)
            for directory, (name, *_) in tasks_of(pid).items():
                path = self.of_task.get(group(name))
                if path:
                    self.write(path, "cgroup.threads", os.path.basename(directory))
                    waits.discard(group(name))

    def remove(self):
        for path in [*reversed(self.paths), ""] if self.paths else []:
            os.rmdir(CGROUPS + path)


def calibrated(workload, seconds):
    """What a loop takes: a run that says so itself, of the one task of the file."""
    with tempfile.TemporaryDirectory() as directory:
        run(workload, seconds, 100, directory)
        (path,) = glob.glob(f"{directory}/log-*.log")
        with open(path) as file:
            rows = [list(map(int, line.split())) for line in file if line.strip()[:1].isdigit()]
    return min(row[2] * 1000 / row[1] for row in rows[1:])


def run(workload, seconds, ns_per_loop, directory, scheduler=None):
    """From when to when its figures count, for how long it was watched, its threads at the two ends, and what
    the scheduler has counted."""
    with open(workload) as file:
        content = json.load(file)
    content["global"] = {"duration": int(seconds + SETTLE), "calibration": int(ns_per_loop),
                         "default_policy": "SCHED_OTHER", "logdir": directory,
                         "log_basename": "log", "log_size": 8, "lock_pages": True}
    groups = Groups(content)
    groups.make()
    path = os.path.join(directory, "workload.json")
    with open(path, "w") as file:
        json.dump(content, file)
    # A sleep's slack is a setting of each task, and the simulator's is none where it stands beside this one.
    child = subprocess.Popen(["python3", "-c", "import ctypes, os, sys; ctypes.CDLL(None).prctl(29, 1, 0, 0, 0); "
                              "os.execvp('rt-app', ['rt-app', sys.argv[1]])", path],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=groups.enter)
    settled = time.monotonic() + SETTLE
    groups.move(child.pid)
    time.sleep(max(0, settled - time.monotonic()))
    if scheduler:
        scheduler.counters()
    began = time.monotonic()
    before = tasks_of(child.pid)
    # Looking takes some milliseconds, in which the tasks are late: those do not count.
    quiet_from = time.monotonic() + 0.1
    time.sleep(seconds - 0.5)
    quiet_until = time.monotonic()
    counters = scheduler.counters() if scheduler else {}
    after = tasks_of(child.pid)
    watched = time.monotonic() - began
    try:
        if child.wait(timeout=3):
            sys.exit(f"rt-app ended with {child.returncode}")
    except subprocess.TimeoutExpired:
        # A task that waits for another one, which has ended, waits for ever. It has no log.
        child.kill()
        child.wait()
    groups.remove()
    return (quiet_from, quiet_until), watched, before, after, counters


def main():
    workload, seconds, ns_per_loop, out = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    if not ns_per_loop:
        print(f"{calibrated(workload, seconds):.2f}")
        return
    policy = sys.argv[5]
    with tempfile.TemporaryDirectory() as directory:
        quiet, watched, before, after, counters = run(workload, seconds, ns_per_loop, directory,
                                                     None if policy == "eevdf" else Scheduler())
        logs = read_logs(directory, quiet[0] * 1e6, quiet[1] * 1e6)
    tasks = {}
    for thread, (name, ran, preempted, slept) in after.items():
        if thread not in before:
            continue
        one = tasks.setdefault(group(name), {"name": group(name), "n": 0, "cpu_share": 0.0,
                                             "preempted": 0, "slept": 0})
        one["n"] += 1
        one["cpu_share"] += (ran - before[thread][1]) / 1e9 / watched
        one["preempted"] += preempted - before[thread][2]
        one["slept"] += slept - before[thread][3]
    for name, log in logs.items():
        one = tasks.get(name)
        if not one:
            continue
        if log["timer"]:
            one["timer_us"] = percentiles(log["timer"])
        if log["frame"]:
            one["frame_us"] = percentiles(log["frame"])
            one["frames"], one["missed"] = len(log["frame"]), log["missed"]
    with open(out, "w") as file:
        json.dump({"policy": policy, "seconds": watched, "cpus": os.cpu_count(), "kernel": os.uname().release,
                   "hz": round(1 / time.clock_getres(CLOCK_MONOTONIC_COARSE)), "ns_per_loop": ns_per_loop,
                   "counters": counters, "tasks": list(tasks.values())}, file, indent=1)


if __name__ == "__main__":
    main()
