# SPDX-License-Identifier: GPL-2.0-only
"""Control groups of version 2, as files, for the scripts of this directory. It must never hide an error but the one
that a group is still in use for a moment."""

import os
import time

ROOT = "/sys/fs/cgroup"


def write(path, text):
    with open(path, "w") as file:
        file.write(str(text))


def remove(path):
    """The tasks that were killed in it may take a moment to be gone: 5 s at most."""
    for _ in range(100):
        try:
            os.rmdir(path)
            return
        except OSError:
            time.sleep(0.05)
    os.rmdir(path)
