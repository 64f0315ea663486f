# SPDX-License-Identifier: GPL-2.0-only
"""Where the packages are, and how to ask them."""

import pathlib
import subprocess

TREE = pathlib.Path(__file__).resolve().parents[2]
OUT = TREE / "out"


def output(*command, **options):
    """What a command prints. When it fails, what it said about that is in the error."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    return done.stdout


def files(directory, pattern):
    """The files that match, of which there has to be one at least."""
    found = sorted((OUT / directory).glob(pattern))
    assert found, f"no {pattern} in out/{directory}: run tools/build release"
    return found


def changelog(field):
    return output("dpkg-parsechangelog", f"-l{TREE}/debian/changelog", "-S", field).strip()
