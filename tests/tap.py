# SPDX-License-Identifier: GPL-2.0-only
"""A plugin for pytest: what it prints is TAP, the Test Anything Protocol, a line for each test when it
is through and what is to be said of a failure as comments below it. It must never make less of an error
than pytest does: one in a fixture or while tests are collected is a failed test, too."""

tests = 0


def say(result, text, details=""):
    global tests
    tests += 1
    print(f"{result} {tests} - {text}")
    print("".join(f"# {line}\n" for line in details.splitlines()), end="", flush=True)


def details_of(report):
    return "\n".join([report.longreprtext, *(f"{name}:\n{text}" for name, text in report.sections)])


def pytest_runtest_logreport(report):
    if report.failed:
        where = "" if report.when == "call" else f" ({report.when})"
        say("not ok", report.nodeid + where, details_of(report))
    elif report.skipped:
        say("ok", f"{report.nodeid} # SKIP {report.longrepr[2].removeprefix('Skipped: ')}")
    elif report.when == "call":
        say("ok", report.nodeid)


def pytest_collectreport(report):
    if report.failed:
        say("not ok", f"{report.nodeid or 'tests'} (collected)", details_of(report))
    elif report.skipped:
        say("ok", f"{report.nodeid} # SKIP {report.longrepr[2]}")


def pytest_report_teststatus(report):
    """In place of pytest's dots."""
    counts = report.when == "call" or not report.passed
    return report.outcome if counts else "", "", ""


def pytest_unconfigure():
    print(f"1..{tests}", flush=True)
