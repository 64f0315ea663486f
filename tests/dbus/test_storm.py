# SPDX-License-Identifier: GPL-2.0-only
"""tests/vm/storm.py on the private bus, at the speed of this machine."""

import subprocess
import sys

from harness import IS_SANITIZED, TOP, wait_for

# All of them but messages of 30 MB: while dbus-daemon hands one over, in pieces between everything else
# it does, whatever is sent to the same receiver waits. That is no doing of the receiver's.
KINDS = "deep,all,deep,all,unwanted,signals,descriptors,medium,deep,all,unwanted,all,coming,descriptors"


# With a sanitizer everything takes a multiple.
MEMORY = ("--peak-kb", "262144", "--growth-kb", "131072") if IS_SANITIZED else ()
P99_MS = "20000" if IS_SANITIZED else "2000"


def storm(bus, daemon, *args):
    process = subprocess.run(
        [sys.executable, "-B", TOP / "tests/vm/storm.py"]
        + ["--user", "games", "--user", "nobody", "--third", "daemon", *MEMORY, *args],
        env=bus.env,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print(process.stdout)
    assert process.returncode == 0


def test_storm(bus, start, connect):
    daemon = start(store=True, environment={"WATCHDOG_USEC": "8000000"})
    root = connect(0)
    wait_for("active", lambda: root.get("State") == "active")
    daemon.store.watch()
    # The machine does other things as well: 20 times the time that is promised for one that does not.
    storm(bus, daemon, "--seconds", "10", "--kinds", KINDS, "--p99-ms", P99_MS)
    # Signs of life are sent twice as often as they have to be.
    beats = daemon.store.beats()
    gaps = [b - a for a, b in zip(beats, beats[1:])]
    assert len(beats) >= 3 and max(gaps) < 8, beats


def test_large_messages(bus, start, connect):
    daemon = start()
    root = connect(0)
    wait_for("active", lambda: root.get("State") == "active")
    # Until at least one of 30 MB has come through; the bus decides how long others wait for it.
    storm(bus, daemon, "--seconds", "6", "--kinds", "large,medium", "--connections", "2",
          "--p99-ms", "60000")  # fmt: skip
