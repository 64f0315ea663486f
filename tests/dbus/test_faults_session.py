# SPDX-License-Identifier: GPL-2.0-only
"""Whatever fails in rustland-session, and whenever: games and the window in front are boosted in the end, or it
ends and says why, and systemd starts it again; after its own end nothing is boosted any more. What it is told
may be lost, but not what it is told next.

FAULTS=all in the environment: every number, where otherwise one is drawn of each kind."""

import contextlib
import os
import re
import signal
import time

import pytest
from faults import ABORT, ENDS, KINDS, Faults, compile_library, numbers
from harness import CallError, PLAYER, wait_for
from session import SCHEDULER

# The bridge asks again for what was refused, every 10 s.
PATIENCE, EVENTS_S = 40, 2
# What GLib says of itself when a bus goes away while it watches or asks for names there (gdbusconnection.c,
# gdbusnamewatching.c, gdbusnameowning.c); a program cannot know of it before.
OF_A_LOST_BUS = re.compile(
    r"GLib-.*(: The connection is closed|_call_finish_internal: assertion .* failed|g_object_ref: assertion .* failed)$"
)


class Scene:
    def __init__(self, bus, daemon, session, spawn):
        self.daemon, self.session = daemon, session
        self.faults = Faults(session.dir, "rustland-session")
        os.chown(self.faults.path, PLAYER, PLAYER)
        session.is_judged = False  # but here, run by run
        session.more_environment = self.faults.environment(compile_library(bus.dir))
        self.games = [spawn().pid for _ in range(2)]
        self.window = spawn().pid
        session.start_gamemode(self.games[0])
        self.want = {("tree", pid): "boosted" for pid in self.games}
        self.want["tree", self.window] = "foreground"
        self.problems = []

    def read_log(self):
        return self.session.read_log()[self.log_seen :]

    @property
    def ended(self):
        return self.session.bridge.poll() is not None

    def wait(self, what, condition):
        try:
            wait_for(what, lambda: self.ended or condition(), PATIENCE)
        except AssertionError:
            said = self.read_log()[-1500:]
            self.problems.append(f"{what}: {self.daemon.classes()}; {said}")

    def is_right(self):
        """Or what goes on in a session is said once more."""
        if time.monotonic() > self.next_events:
            self.next_events = time.monotonic() + EVENTS_S
            self.session.game("register", self.games[1])
            with contextlib.suppress(CallError):
                self.session.set_foreground(f"(uint32 {self.window},)")
        return self.daemon.classes() == self.want

    def play(self):
        """From its start on, until all is boosted or it has ended."""
        self.log_seen = len(self.session.read_log())
        self.session.start_bridge(wait=False)
        self.wait("the bridge", lambda: self.session.has_owner(SCHEDULER))
        self.next_events = 0
        self.wait("what is boosted", self.is_right)

    def stop(self, allowed=(0,)):
        status = self.session.bridge.wait() if self.ended else self.session.stop_bridge()
        said = self.read_log()
        if status not in allowed:
            self.problems.append(f"it ended with {status}: {said[-1500:]}")
        is_lost = "bus is gone" in said or "The connection is closed" in said
        complaints = [
            line for line in said.splitlines()
            if ("CRITICAL" in line or "GLib-" in line and "WARNING" in line)
            and not (is_lost and OF_A_LOST_BUS.search(line))
        ]
        if status >= 0 and complaints:
            self.problems.append(f"GLib complains: {complaints}")

    def run(self, kind=0, at=0, error=0):
        self.problems = []
        self.faults.set(kind, at, error)
        self.play()
        if kind == ABORT and not self.read_log():
            # GLib wanted to end it, and waits for itself: it logs with a lock held (g_once_init_enter).
            self.problems = []
            self.stop((-signal.SIGTERM,))
        else:
            self.stop((0, 1, *ENDS.get(kind, ())))
        counts, hit = self.faults.counts(), self.faults.hit
        self.faults.set()
        # systemd starts it again. Whatever was left over is gone when that one ends.
        self.session.game("unregister", self.games[1])
        self.play()
        self.stop()
        self.session.game("unregister", self.games[1])
        wait_for("nothing boosted", lambda: self.daemon.classes() == {})
        return counts, hit, self.problems


@pytest.fixture
def scene(bus, daemon, session, spawn, connect):
    root = connect(0)
    wait_for("active", lambda: root.get("State") == "active")
    return Scene(bus, daemon, session, spawn)


@pytest.mark.parametrize("name", KINDS)
def test_bridge(scene, name):
    kind, error = KINDS[name]
    counts, _hit, problems = scene.run()
    assert not problems
    found, chosen = [], numbers(f"session {name}", counts[kind], 1)
    for number in chosen:
        _counts, hit, problems = scene.run(kind, number, error)
        found += [f"{name} {number} ({hit}): {problem}" for problem in problems]
    print(f"{name}: {len(chosen)} of {counts[kind]} calls were made to fail")
    assert not found, "\n".join(found)
