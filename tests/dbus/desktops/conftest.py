# SPDX-License-Identifier: GPL-2.0-only
"""Real desktops without a screen, in the session of a player. Run in the root that has them:
tools/build --root desktops --run tests/dbus/run desktops"""

import os
import subprocess

import pytest

from harness import PLAYER, wait_for


class Desktop:
    """Programs of the player; what they say is in a file, and none of them outlives the test."""

    def __init__(self, session):
        self.dir = session.dir
        self.env = session.env | {"LIBGL_ALWAYS_SOFTWARE": "1"}
        # For our own programs only.
        del self.env["LD_LIBRARY_PATH"]
        (self.dir / "run").chmod(0o700)
        self.log = open(self.dir / "desktop.log", "wb")
        self.programs = []

    def start(self, *command, **more):
        program = subprocess.Popen(
            command,
            **{"stdout": self.log, "stderr": self.log} | more,
            env=self.env,
            user=PLAYER,
            group=PLAYER,
            extra_groups=[],
            cwd="/",
        )
        self.programs.append(program)
        return program

    def run(self, *command):
        """What a program that ends by itself says; "" if it fails."""
        program = self.start(*command, stdout=subprocess.PIPE, text=True)
        said = program.communicate()[0]
        return "" if program.returncode else said

    def end(self, program):
        program.kill()
        program.wait()

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text, encoding="ascii")
        os.chown(path, PLAYER, PLAYER)
        return str(path)

    def close(self):
        for program in self.programs:
            self.end(program)
        self.log.close()


@pytest.fixture
def desktop(session):
    desktop = Desktop(session)
    yield desktop
    desktop.close()
    print((desktop.dir / "desktop.log").read_text(errors="replace")[-3000:])


@pytest.fixture
def foreground(daemon):
    """foreground(process): waits for it to be the only one there; foreground(): for none."""

    def wait(*processes):
        want = {("tree", process.pid): "foreground" for process in processes}
        wait_for(f"{list(want)} in the foreground", lambda: daemon.classes() == want)

    return wait
