# SPDX-License-Identifier: GPL-2.0-only
"""What a decision costs: by part of the BPF backend, as the kernel counts it, and in the scheduler
thread. Used by cost.sh, on a clock where an instruction takes one nanosecond.

usage: cost.py SECONDS FILE     watches for so long, prints a table, and writes its sums to FILE

It must never be read as an exact figure: taking the time costs some instructions of each call, which
the kernel counts as the program's own.
"""

import json
import socket
import subprocess
import sys
import time

PREFIX = "rustland_"


def programs():
    """Calls and nanoseconds of each part of the backend, since it was loaded."""
    shown = json.loads(subprocess.run(["bpftool", "--json", "prog", "show"], check=True,
                                      capture_output=True).stdout)
    return {one["name"].removeprefix(PREFIX): (one.get("run_cnt", 0), one.get("run_time_ns", 0))
            for one in shown if one["name"].startswith(PREFIX)}


def watch(seconds):
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(20)
        try:
            server.connect("/run/scx-rustland/stats")
        except OSError:
            server.connect("/run/scx/root/stats")
        stream = server.makefile("rw")

        def counted():
            """What the scheduler has counted since the answer before."""
            stream.write('{"req":"stats","args":{"target":"top"}}\n')
            stream.flush()
            return json.loads(stream.readline())["args"]["resp"]

        before = programs()
        counted()
        time.sleep(seconds)
        counters = counted()
        after = programs()
    return counters, {name: (calls - before[name][0], ns - before[name][1])
                      for name, (calls, ns) in after.items()}


def main():
    counters, backend = watch(float(sys.argv[1]))
    decisions = counters["nr_user_dispatches"]
    if not decisions or not any(calls for calls, _ in backend.values()):
        sys.exit(f"cost.py: {decisions} decisions, and calls of {sorted(backend)}: {backend}")

    def line(name, calls, ns):
        print(f"  {name:22}{calls / decisions:18.2f}{ns / calls:10.0f}{ns / decisions:12.0f}")

    print(f"  {'':22}{'calls a decision':>18}{'a call':>10}{'a decision':>12}")
    for name, (calls, ns) in sorted(backend.items()):
        if calls:
            line(name, calls, ns)
    total = sum(ns for _, ns in backend.values())
    thread = counters["policy_runtime_ns"]
    line("the backend", decisions, total)
    line("the scheduler thread", decisions, thread)
    print(f"  {decisions} decisions were asked for; {counters['nr_kernel_dispatches']} times a task ran"
          f" without one, {counters['nr_standing']} times by a grant,"
          f" {counters['nr_resumed']} times for the rest of a slice")
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump({"decisions": decisions, "backend": total / decisions,
                   "thread": thread / decisions}, file)


if __name__ == "__main__":
    main()
