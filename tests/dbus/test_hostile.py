# SPDX-License-Identifier: GPL-2.0-only
"""tests/vm/hostile.py on the private bus, with fewer calls."""

import subprocess
import sys

from harness import IS_SANITIZED, TOP, wait_for


def test_hostile_clients(bus, start, connect):
    daemon = start(changes=10000)
    root = connect(0)
    wait_for("active", lambda: root.get("State") == "active")
    # So few calls are not over before the allocator has all it wants: a leak of a kilobyte in each
    # is what would show. A sanitizer keeps what was freed; at the end it looks for leaks itself.
    process = subprocess.run(
        [sys.executable, "-B", TOP / "tests/vm/hostile.py", "--calls", "3000"]
        + ["--user", "games", "--user", "nobody"]
        + ["--growth-kb", "16384" if IS_SANITIZED else "1024"],
        env=bus.env,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print(process.stdout)
    assert process.returncode == 0
    assert root.get("BoostCount") == 0 and daemon.classes() == {}
