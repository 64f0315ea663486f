#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Sets runs of bench-run side by side: under the kernel's own scheduler and under scx_rustland, or
two of whatever else is to be compared.

usage: report.py [OPTION]... FILE...

FILEs are what bench-run wrote. Runs are told apart by the scheduler they recorded; where there are
several of one scheduler, every figure is the median of theirs.

  --labels OLD,NEW      tell the runs apart by bench-run's --label instead; one scheduler for all
  --clock TEXT          say which clock the figures came from
  --picture             draw the frame times of the first run of each (needs bench-run --samples)
  --svg FILE            the same as a picture for a browser
  --title TEXT          its title
  --json FILE           write all of it to FILE
  --max-wakeup-p99 R    check: p99 wakeup latency is at most R times EEVDF's (or OLD's)
  --no-more-missed      check: no more missed frames than EEVDF, or less than one in 500
  --max-missed R        check: at most R times EEVDF's missed frames
  --min-hogs R          check: the hogs do at least R times EEVDF's work
  --min-loops R         check: the other frame loops do at least R times EEVDF's frames
  --min-build R         check: the build gets at least R times as far as under EEVDF

With checks it prints TAP, a line for each and then how many there are, and ends with status 1 when
one failed. It must never compare runs that were not given the same work; it ends with status 2 then.
"""

import argparse
import json
import os
import sys
from statistics import median

import frames_svg

BLOCKS = " ▁▂▃▄▅▆▇█"
ROWS = 4
SCHEDULERS = ("EEVDF", "scx_rustland")


def refuse(message):
    print(f"report.py: {message}", file=sys.stderr)
    sys.exit(2)


def load(paths, labels):
    """The runs, as (those of the old kind, those of the new kind)."""
    old, new = [], []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            run = json.load(file)
        if run["scheduler"] != run["scheduler_at_end"]:
            refuse(f"{path}: the scheduler changed from {run['scheduler']} to "
                   f"{run['scheduler_at_end']} in the middle")
        if labels:
            kind = run["label"]
        else:
            kind = "scx_rustland" if run["scheduler"].startswith("rustland") else \
                run["scheduler"].upper()
        if kind == (labels or SCHEDULERS)[0]:
            old.append(run)
        elif kind == (labels or SCHEDULERS)[1]:
            new.append(run)
        else:
            refuse(f"{path}: a run of {kind}, which is not what is compared here")
    if labels and len({run["scheduler"] for run in old + new}) > 1:
        refuse("these runs were not all under one scheduler")
    return old, new


def require_same_work(runs):
    def work(run):
        return (run["cpus"], run["window_us"], run["frame"]["period_us"],
                run["frame"]["work_iterations"],
                run.get("hogs", {}).get("count"), run.get("hogs", {}).get("unit_iterations"),
                run.get("pairs", {}).get("pairs"), run.get("build", {}).get("jobs"),
                len(run.get("loops", [])))

    if len({work(run) for run in runs}) > 1:
        refuse("these runs were not given the same work")


def build_costs(runs):
    """CPU time of compiling each file, so that a file counts the same in every run."""
    times = {}
    for run in runs:
        for unit in run.get("build", {}).get("each", []):
            if unit["outcome"] == "ok":
                times.setdefault(unit["name"], []).append(unit["cpu_us"])
    return {name: median(values) for name, values in times.items()}


def build_progress(run, costs):
    """How far the build got: the cost of what is done, and of the done part of what was cut short.

    A file that no run finished has no cost; then all there is is the CPU time it was given.
    """
    total = 0
    for unit in run["build"]["each"]:
        cost = costs.get(unit["name"])
        if unit["outcome"] == "ok":
            total += cost
        elif unit["outcome"] == "cut":
            total += unit["cpu_us"] if cost is None else min(unit["cpu_us"], cost)
    return total


def loops_done(run):
    return sum(loop["frames"] for loop in run["loops"])


def loops_missed(run):
    return sum(loop["missed"] for loop in run["loops"])


class Comparison:
    def __init__(self, names, old, new):
        self.names, self.old, self.new = names, old, new
        # A file that only one of them got to finish still counts by the same cost for both.
        self.costs = {**build_costs(new), **build_costs(old)}

    def of(self, runs, figure):
        values = [figure(run) for run in runs]
        return median(values) if values else None

    def both(self, figure):
        return self.of(self.old, figure), self.of(self.new, figure)

    def has(self, key):
        return all(key in run for run in self.old + self.new)


def ms(value):
    if value is None:
        return "-"
    value /= 1000
    return f"{value:.2f} ms" if value < 100 else f"{value:.0f} ms"


def ratio(pair):
    old, new = pair
    if old is None or new is None or not old:
        return ""
    times = new / old
    return f"x {times:.2f}" if times >= 0.1 else f"x {times:.3f}"


def table(comparison):
    rows = []

    def row(name, pair, form=ms, with_ratio=True):
        rows.append((name, *("-" if value is None else form(value) for value in pair),
                     ratio(pair) if with_ratio else ""))

    for key, name in (("wakeup_us", "wakeup latency"), ("start_us", "late start"),
                      ("frame_us", "frame time")):
        for point, label in (("p50", "median"), ("p99", "p99"), ("max", "worst")):
            row(f"{name}, {label}",
                comparison.both(lambda run, k=key, p=point: run["frame"][k][p]))
    row("longest wait for a CPU", comparison.both(lambda run: run["frame"]["longest_wait_us"]))
    row("frames done", comparison.both(lambda run: run["frame"]["frames"]),
        lambda value: f"{value:g}", False)
    row("frames missed", comparison.both(lambda run: run["frame"]["missed"]),
        lambda value: f"{value:g}", False)
    row("frames later than 20 ms", comparison.both(lambda run: run["frame"]["late"]),
        lambda value: f"{value:g}", False)
    if comparison.has("hogs"):
        row("hogs' work, units", comparison.both(lambda run: run["hogs"]["units"]),
            lambda value: f"{value:.0f}")
        row("hogs, longest wait", comparison.both(lambda run: run["hogs"]["longest_gap_us"]))
    if comparison.has("loops"):
        row("other frame loops, frames done", comparison.both(loops_done),
            lambda value: f"{value:g}")
        row("other frame loops, missed", comparison.both(loops_missed),
            lambda value: f"{value:g}")
    if comparison.has("pairs"):
        row("pairs, round trips", comparison.both(lambda run: run["pairs"]["trips"]),
            lambda value: f"{value:.0f}")
    if comparison.has("build"):
        row("build, files compiled", comparison.both(lambda run: run["build"]["units"]),
            lambda value: f"{value:g}", False)
        row("build, progress",
            comparison.both(lambda run: build_progress(run, comparison.costs)),
            lambda value: f"{value / 1e6:.2f} s CPU")

    titles = ("", *comparison.names, "")
    widths = [max(len(line[i]) for line in rows + [titles]) for i in range(4)]
    for line in [titles] + rows:
        print("  " + "  ".join(
            text.ljust(widths[i]) if i == 0 else text.rjust(widths[i])
            for i, text in enumerate(line)).rstrip())


def columns(samples, width):
    """At most width columns; each is the worst of the frames that fall into it."""
    width = min(width, len(samples))
    return [max(samples[i * len(samples) // width:(i + 1) * len(samples) // width])
            for i in range(width)]


def chart(title, samples, top, period, width):
    lines = [f"{title}".ljust(width + 9)]
    for row in range(ROWS - 1, -1, -1):
        low = top * row / ROWS
        step = top / ROWS
        cells = "".join(BLOCKS[max(0, min(8, round((value - low) / step * 8)))]
                        for value in columns(samples, width))
        label = f"{(low + step) / 1000:5.0f} ms"
        lines.append(f"{label}|{cells.ljust(width)}")
    lines.append(f"    0 ms+{'-' * width}")
    missed = sum(value > period for value in samples)
    lines.append(f"        {missed} of {len(samples)} frames over {period / 1000:.1f} ms"
                 .ljust(width + 9))
    return lines


def runs_to_draw(comparison):
    """The first run of each, with its name."""
    runs = list(zip(comparison.names, (comparison.old[0], comparison.new[0])))
    if not all("frame_samples_us" in run["frame"] and run["frame"]["frame_samples_us"]
               for _, run in runs):
        refuse("no samples to draw: run bench-run with --samples")
    return runs, runs[0][1]["frame"]["period_us"]


def picture(comparison):
    runs, period = runs_to_draw(comparison)
    worst = max(max(run["frame"]["frame_samples_us"]) for _, run in runs)
    # One linear scale for both, from zero, in whole milliseconds for each row.
    top = max(worst, period)
    top = -(-top // (ROWS * 1000)) * ROWS * 1000
    charts = [chart(name, run["frame"]["frame_samples_us"], top, period, 32)
              for name, run in runs]
    print("  Frame times as they came (each column: the worst of its frames; same scale):")
    for line in zip(*charts):
        print("  " + "  ".join(line).rstrip())


def svg(args, comparison):
    runs, period = runs_to_draw(comparison)
    notes = ["One bar for each frame, in the order they came; red: it took longer than a period.",
             f"Clock: {args.clock or 'real time'}."]
    return frames_svg.draw(
        args.title or "Frame times", notes,
        [(name, run["frame"]["frame_samples_us"], run["frame"]["missed"]) for name, run in runs],
        period)


def write(path, text):
    """All of it or nothing."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def check(args, comparison):
    checks = failed = 0
    name = comparison.names[0]

    def verdict(good, text):
        nonlocal checks, failed
        checks += 1
        failed += not good
        print(f"{'ok' if good else 'not ok'} {checks} - {text}")

    if args.max_wakeup_p99 is not None:
        old, new = comparison.both(lambda run: run["frame"]["wakeup_us"]["p99"])
        verdict(new <= args.max_wakeup_p99 * old,
                f"p99 wakeup latency {ms(new)} against {name}'s {ms(old)}: {new / old:.3f}, "
                f"at most {args.max_wakeup_p99}")
    if args.no_more_missed:
        old, new = comparison.both(lambda run: run["frame"]["missed"])
        # One in five hundred is what a run of either has by chance.
        chance = comparison.both(lambda run: run["frame"]["frames"])[1] / 500
        verdict(new <= max(old, chance), f"missed frames {new:g} against {name}'s {old:g}")
    if args.max_missed is not None:
        old, new = comparison.both(lambda run: run["frame"]["missed"])
        verdict(new <= args.max_missed * old,
                f"missed frames {new:g} against {name}'s {old:g}, at most {args.max_missed} of them")
    if args.min_hogs is not None:
        old, new = comparison.both(lambda run: run["hogs"]["units"])
        verdict(new >= args.min_hogs * old,
                f"hogs' work {new / old:.3f} of {name}'s, at least {args.min_hogs}")
    if args.min_loops is not None:
        old, new = comparison.both(loops_done)
        verdict(new >= args.min_loops * old,
                f"other loops' frames {new / old:.3f} of {name}'s, at least {args.min_loops}")
    if args.min_build is not None:
        old, new = comparison.both(lambda run: build_progress(run, comparison.costs))
        verdict(new >= args.min_build * old,
                f"build's progress {new / old:.3f} of {name}'s, at least {args.min_build}")
    if checks:
        print(f"1..{checks}")
    return failed


def summary(args, comparison):
    def figures(runs):
        result = {
            key: {point: comparison.of(runs, lambda run, k=key, p=point: run["frame"][k][p])
                  for point in ("p50", "p90", "p99", "max")}
            for key in ("wakeup_us", "start_us", "frame_us")
        }
        for key in ("frames", "missed", "late", "longest_wait_us"):
            result[key] = comparison.of(runs, lambda run, k=key: run["frame"][k])
        if comparison.has("hogs"):
            result["hogs_units"] = comparison.of(runs, lambda run: run["hogs"]["units"])
        if comparison.has("loops"):
            result["loops_frames"] = comparison.of(runs, loops_done)
            result["loops_missed"] = comparison.of(runs, loops_missed)
        if comparison.has("build"):
            result["build_units"] = comparison.of(runs, lambda run: run["build"]["units"])
            result["build_progress_cpu_us"] = comparison.of(
                runs, lambda run: build_progress(run, comparison.costs))
        return result

    old, new = (name.lower() for name in comparison.names)
    return {"clock": args.clock, old: figures(comparison.old), new: figures(comparison.new),
            "runs": comparison.old + comparison.new}


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True, allow_abbrev=False)
    parser.add_argument("--labels", type=lambda text: tuple(text.split(",")))
    parser.add_argument("--clock", default="")
    parser.add_argument("--picture", action="store_true")
    parser.add_argument("--svg")
    parser.add_argument("--title")
    parser.add_argument("--json")
    parser.add_argument("--max-wakeup-p99", type=float)
    parser.add_argument("--no-more-missed", action="store_true")
    parser.add_argument("--max-missed", type=float)
    parser.add_argument("--min-hogs", type=float)
    parser.add_argument("--min-loops", type=float)
    parser.add_argument("--min-build", type=float)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")

    if args.labels and len(args.labels) != 2:
        parser.error("--labels takes two, OLD,NEW")
    old, new = load(args.files, args.labels)
    if not old or not new:
        refuse("runs of both kinds are needed")
    require_same_work(old + new)
    comparison = Comparison(args.labels or SCHEDULERS, old, new)

    table(comparison)
    if args.picture:
        print()
        picture(comparison)
    if args.clock:
        runs = len(old)
        print(f"\n  Clock: {args.clock}."
              + (f" Medians of {runs} runs." if runs > 1 else ""))
    if args.svg:
        write(args.svg, svg(args, comparison))
    if args.json:
        write(args.json, json.dumps(summary(args, comparison), indent=1) + "\n")
    return 1 if check(args, comparison) else 0


if __name__ == "__main__":
    sys.exit(main())
