# SPDX-License-Identifier: GPL-2.0-only
"""Hours of a session in minutes: windows of sway come, go and get the focus at random, games start and
die, and the services are started again. In the end nothing is boosted, and rustlandd and
rustland-session are no larger than when they had done the same for a while.

SOAK_MINUTES and SOAK_SEED in the environment: how long (default 1), and which random numbers."""

import os
import pathlib
import random
import signal
import time

import pytest

from harness import wait_for
from test_sway import Sway

MINUTES = float(os.environ.get("SOAK_MINUTES", "1"))
SEED = int(os.environ.get("SOAK_SEED", "0")) or random.randrange(1, 1 << 32)
WINDOWS, GAMES = 6, 5


@pytest.fixture
def daemon(start):
    """Its boosts outlive it, as under systemd."""
    return start(boosts=64, changes=10000, store=True)


class Size:
    """Of a process at rest."""

    def __init__(self, pid):
        proc = pathlib.Path(f"/proc/{pid}")
        status = (proc / "status").read_text(encoding="ascii")
        self.rss_kb = int(status.split("VmRSS:")[1].split()[0])
        self.descriptors = len(os.listdir(proc / "fd"))

    def __repr__(self):
        return f"{self.rss_kb} kB, {self.descriptors} descriptors"


class Life:
    def __init__(self, daemon, session, desktop, spawn):
        self.daemon, self.session, self.desktop, self.spawn = daemon, session, desktop, spawn
        self.random = random.Random(SEED)
        self.counts = {}
        self.windows, self.games = [], []
        self.sway = Sway(desktop)
        session.start_bridge()
        session.start_gamemode()

    def wanted_games(self):
        return {("tree", game.pid): "boosted" for game in self.games}

    def is_right(self):
        """Every game is boosted, at most one window is in front, and there is nothing else."""
        self.daemon.store.pump()
        rest = self.daemon.classes()
        for target, rank in self.wanted_games().items():
            if rest.pop(target, None) != rank:
                return False
        windows = {("tree", window.pid): "foreground" for window in self.windows}
        return len(rest) <= 1 and rest.items() <= windows.items()

    def open(self):
        if len(self.windows) < WINDOWS:
            self.windows.append(self.sway.window())

    def shut(self):
        if self.windows:
            window = self.windows.pop(self.random.randrange(len(self.windows)))
            self.desktop.end(window)
            self.desktop.programs.remove(window)

    def focus(self):
        if self.windows:
            self.sway.focus(self.random.choice(self.windows))

    def workspace(self):
        self.sway.message("workspace", str(self.random.randrange(1, 3)))

    def begin_game(self):
        if len(self.games) < GAMES:
            self.games.append(self.spawn())
            self.session.game("register", self.games[-1].pid)

    def end_game(self):
        if not self.games:
            return
        game = self.games.pop(self.random.randrange(len(self.games)))
        crash = self.random.random() < 0.5
        if not crash:
            self.session.game("unregister", game.pid)
        game.kill()
        game.wait()
        if crash:
            self.session.game("unregister", game.pid)

    def restart(self):
        what = self.random.choice(("bridge", "killed bridge", "daemon", "GameMode"))
        self.counts[what] = self.counts.get(what, 0) + 1
        if what == "daemon":
            self.daemon.kill()
            self.random.choice((self.focus, self.end_game, self.begin_game))()
            self.daemon.restart()
        elif what == "GameMode":
            self.session.stop_gamemode()
            self.session.start_gamemode(*(game.pid for game in self.games))
        else:
            self.session.stop_bridge(signal.SIGKILL if "killed" in what else signal.SIGTERM)
            self.session.start_bridge()

    def live(self, seconds, restarts):
        steps = [self.focus] * 8 + [self.open, self.shut, self.workspace]
        steps += [self.begin_game, self.end_game] * 2
        end = time.monotonic() + seconds
        restart_at = time.monotonic() + 5
        while time.monotonic() < end:
            step = self.random.choice(steps)
            step()
            # systemd always listens; rustlandd would wait for it.
            self.daemon.store.pump()
            self.counts[step.__name__] = self.counts.get(step.__name__, 0) + 1
            time.sleep(self.random.random() / 5)
            if restarts and time.monotonic() > restart_at:
                self.restart()
                wait_for("what is right after a restart", self.is_right)
                restart_at = time.monotonic() + self.random.uniform(2, 10)

    def rest(self):
        """Of both services' sizes, with nothing going on."""
        while self.games:
            self.end_game()
        while self.windows:
            self.shut()
        wait_for("that nothing is boosted", lambda: self.is_right() and not self.daemon.classes())
        self.daemon.store.pump()
        time.sleep(1)
        return [Size(self.daemon.process.pid), Size(self.session.bridge.pid)]


def test_soak(daemon, session, desktop, spawn):
    print(f"seed {SEED}")
    life = Life(daemon, session, desktop, spawn)
    life.live(MINUTES * 60 * 0.5, restarts=True)
    wait_for("what is right", life.is_right)
    life.live(MINUTES * 60 * 0.15, restarts=False)
    before = life.rest()
    life.live(MINUTES * 60 * 0.35, restarts=False)
    wait_for("what is right", life.is_right)
    after = life.rest()
    print(f"{life.counts}; rustlandd, rustland-session: {before}, then {after}")
    assert daemon.store.names() == []
    for old, new in zip(before, after):
        assert new.descriptors <= old.descriptors, (before, after)
        # An allocator takes a page now and then.
        assert new.rss_kb <= old.rss_kb + 256, (before, after)
