# SPDX-License-Identifier: GPL-2.0-only
"""Measures what operations cost on this machine, and prints a file of costs for rustland-sim --costs: the one given, with
what can be measured here put in its place. Used by calibrate.sh, on a clock where an instruction takes one
nanosecond, on one CPU.

usage: calibrate.py FILE SECONDS LOAD... <OPERATIONS

LOAD is a program with its arguments in one word, OPERATIONS what operations.c has printed, in a line each: under the
kernel's own scheduler, then under this one.
"""

import json
import platform
import re
import shlex
import subprocess
import sys
import time

import cost


def watch(load, seconds):
    """What the scheduler and the backend did beside a load: counters, and {callback: (calls, ns)}."""
    child = subprocess.Popen(shlex.split(load), stdout=subprocess.DEVNULL)
    time.sleep(3)
    found = cost.watch(seconds)
    child.kill()
    child.wait()
    return found


def per_call(runs, name):
    calls = sum(backend[name][0] for _, backend in runs if name in backend)
    ns = sum(backend[name][1] for _, backend in runs if name in backend)
    return round(ns / calls) if calls > 100 else None


def solve(a, b, c, d, e, f):
    """x and y of a x + b y = e, c x + d y = f."""
    determinant = a * d - b * c
    return (e * d - b * f) / determinant, (a * f - e * c) / determinant


def cost_in(text, name):
    return int(re.search(rf"COST\({name}, (\d+)", text)[1])


def main():
    path, seconds, loads = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    eevdf, ours = map(json.loads, sys.stdin.read().splitlines())
    runs = [watch(load, seconds) for load in loads]
    found = {name: per_call(runs, name) for name in
             ("enqueue", "runnable", "running", "stopping", "quiescent", "init_task", "exit_task")}
    # A call of dispatch costs something by itself, and more for each decision that it carries out.
    (few, few_backend), (many, many_backend) = runs[0], runs[1]
    found["dispatch"], found["drain_one"] = map(round, solve(
        few_backend["dispatch"][0], few["nr_user_dispatches"], many_backend["dispatch"][0], many["nr_user_dispatches"],
        few_backend["dispatch"][1], many_backend["dispatch"][1]))
    # So does a round of the scheduler thread. Where it has one decision to make it sleeps afterwards.
    decision, a_round = solve(few["nr_user_dispatches"], few["nr_rounds"], many["nr_user_dispatches"], many["nr_rounds"],
                              few["policy_runtime_ns"], many["policy_runtime_ns"])
    print(f"calibrate.py: {eevdf}, {ours}, a decision {decision:.0f}, a round {a_round:.0f}", file=sys.stderr)
    # It goes to sleep after most rounds.
    found |= {"syscall": ours["syscall"], "fork": eevdf["fork"],
              "exit": eevdf["exit_and_wait"] - 2 * cost_in(text, "schedule") - cost_in(text, "wake"), "take": round(decision * 2 / 3),
              "give": round(decision / 3), "poll": round(a_round) - cost_in(text, "round")}
    found["tick"] = ours["tick_and_irq"] - cost_in(text, "irq")
    for name, ns in found.items():
        if ns is not None and ns > 0:
            text = re.sub(rf"COST\({name}, \d+, \w+\)", f"COST({name}, {ns}, measured)", text)
    text = re.sub(r'COSTS_OF\(".*"\)',
                  f'COSTS_OF("Linux {platform.release().split("+")[0]}, {platform.machine()}, '
                  f'{time.strftime("%Y-%m-%d")}")', text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
