# SPDX-License-Identifier: GPL-2.0-only
"""A plugin for pytest: the closing line that tools/check counts, and one for each failure and skip."""

counts = {"passed": 0, "failed": 0, "skipped": 0}


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        counts[report.outcome] += 1
        if report.outcome == "skipped":
            print(f"\nSKIP {report.nodeid}: {report.longrepr[2]}")
        elif report.outcome == "failed":
            print(f"\nFAIL {report.nodeid} ({report.when})")


def pytest_unconfigure():
    print("\n{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
