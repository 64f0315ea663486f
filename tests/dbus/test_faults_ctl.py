# SPDX-License-Identifier: GPL-2.0-only
"""Whatever fails in rustlandctl, and whenever: it does what it was told to and says the same as ever, or it
ends with a status of rustlandctl(1) and says why; and no boost is there of which nobody was told.

FAULTS=all in the environment: every number of every command, where otherwise one is drawn of each."""

import os
import re
import subprocess

import pytest
from faults import BUS, ENDS, KINDS, NET, Faults, compile_library, numbers
from harness import BOOST_OWN, MANAGE, PATIENCE, PLAYER, SET_PROFILE, STAGE, wait_for

CTL = str(STAGE / "usr/bin/rustlandctl")
# PID and COOKIE are a process and a boost of the player's.
COMMANDS = (
    "status", "status --json", "list", "list --json", "boost PID", "boost --json --scope tree PID",
    "release COOKIE", "foreground PID", "foreground --clear", "profile", "profile gaming", "stats",
    "reload", "run -- sh -c true", "run --json --require -- sh -c true",
)  # fmt: skip
# Once the service has the call, its answer may be lost.
UNHEARD = (NET, BUS, *ENDS)


class Stage:
    def __init__(self, bus, daemon, connect, spawn):
        self.daemon, self.library = daemon, compile_library(bus.dir)
        self.root, self.player = connect(0), connect(PLAYER)
        self.process = spawn()
        self.faults = Faults(daemon.dir, "rustlandctl")
        self.faults.path.chmod(0o666)
        daemon.dir.chmod(0o755)
        self.env = daemon.environment() | self.faults.environment(self.library)
        self.env.pop("G_MESSAGES_DEBUG")
        self.problems = []

    def ctl(self, words):
        return subprocess.run(
            [CTL, *words], env=self.env, user=PLAYER, group=PLAYER, extra_groups=[], cwd="/",
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip

    def run(self, command, kind=0, at=0, error=0):
        """Returns what it came to, and how many calls there were of each kind."""
        cookie = self.player.boost(self.process.pid) if "COOKIE" in command else 0
        # Root's calls, since the player's are counted.
        before = set(self.root.boosts())
        names = {"PID": str(self.process.pid), "COOKIE": str(cookie)}
        self.faults.set(kind, at, error)
        try:
            result = self.ctl([names.get(word, word) for word in command.split()])
        except subprocess.TimeoutExpired:
            return None, self.faults.counts(), set()
        counts = self.faults.counts()
        self.hit = self.faults.hit
        self.faults.set()
        if command.startswith("run"):
            wait_for("the end of a command's boost", lambda: set(self.root.boosts()) <= before)
        after = set(self.root.boosts())
        for one in after:
            self.root.call("Release", f"(uint32 {one},)")
        return result, counts, after - before


def usual(text):
    """What a command says but for numbers, which differ from run to run."""
    return re.sub(r"\d+", "N", text)


def judge(command, kind, result, added, good):
    """What is wrong with a run in which a call of that kind has failed; good is one in which none has."""
    if result is None:
        return "it does not end"
    status, said = result.returncode, result.stderr
    if status in ENDS.get(kind, ()):
        return None
    if status < 0:
        return f"it ended with signal {-status}"
    if "CRITICAL" in said or "WARNING" in said:
        return f"GLib complains: {said}"
    if status == 0:
        if usual(result.stdout) != usual(good.stdout):
            return f"it is done, and says {result.stdout!r}"
        if command.startswith("boost") and not all(str(one) in result.stdout for one in added):
            return f"it says {result.stdout!r}, and boosts are {added}"
        # Without memory GLib may have its say, and still do what it was asked for.
        if kind not in ENDS and usual(said) != usual(good.stderr) and "without a boost: " not in said:
            return f"it is done, and complains: {said}"
        return None
    if status > 4 and not (command.startswith("run") and status in (125, 126, 127)):
        return f"its status is {status}"
    # `status` says on its output what is wrong with the service.
    if not said.startswith("rustlandctl: ") and (command.split()[0] != "status" or not result.stdout):
        return f"its status is {status}, and it says {said!r}"
    if added and kind not in UNHEARD:
        return f"it failed ({said.strip()}), and a boost is left over"
    return None


@pytest.fixture
def stage(bus, daemon, connect, spawn):
    bus.allow(BOOST_OWN, SET_PROFILE, MANAGE)
    return Stage(bus, daemon, connect, spawn)


@pytest.mark.parametrize("command", COMMANDS)
def test_command(stage, command):
    wait_for("active", lambda: stage.root.get("State") == "active")
    good, counts, added = stage.run(command)
    assert good.returncode == 0 and len(added) == command.startswith(("boost", "foreground PID")), good
    found, tried = [], 0
    for name, (kind, error) in KINDS.items():
        for number in numbers(f"{command} {name}", counts[kind], 1):
            result, _counts, added = stage.run(command, kind, number, error)
            problem = judge(command, kind, result, added, good)
            tried += 1
            if problem:
                found.append(f"{name} {number} ({stage.hit}): {problem}")
            wait_for("active", lambda: stage.root.get("State") == "active")
    print(f"{command}: {tried} of {sum(counts)} calls were made to fail")
    assert not found, "\n".join(found)
