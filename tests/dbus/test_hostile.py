# SPDX-License-Identifier: GPL-2.0-only
"""tests/vm/hostile.py on the private bus, with fewer calls."""

import subprocess
import sys

from harness import STAGE, TOP, wait_for


def test_hostile_clients(bus, start, connect):
    daemon = start(changes=10000)
    root = connect(0)
    wait_for("active", lambda: root.get("State") == "active")
    # A sanitizer keeps what was freed; at the end it looks for leaks itself.
    sanitized = b"__asan_init" in (STAGE / "usr/libexec/rustlandd").read_bytes()
    process = subprocess.run(
        [sys.executable, "-B", TOP / "tests/vm/hostile.py", "--calls", "3000"]
        + ["--user", "games", "--user", "nobody"]
        + (["--growth-kb", "16384"] if sanitized else []),
        env=bus.env,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print(process.stdout)
    assert process.returncode == 0
    assert root.get("BoostCount") == 0 and daemon.classes() == {}
