# SPDX-License-Identifier: GPL-2.0-only
"""rustland-session and the compositors that it follows: what they say becomes the foreground boost."""

import pytest

import compositors
from harness import PLAYER, wait_for


@pytest.fixture
def run(session):
    """Its run-time directory."""
    return session.dir / "run"


def in_foreground(daemon, *pids):
    want = {("tree", pid): "foreground" for pid in pids}
    wait_for(f"{pids} in the foreground", lambda: daemon.classes() == want)


def test_hyprland(daemon, session, run, spawn):
    first, second = spawn().pid, spawn().pid
    hyprland = compositors.Hyprland(run, PLAYER, pid=first)
    session.start_bridge()
    in_foreground(daemon, first)
    hyprland.focus(second)
    in_foreground(daemon, second)
    hyprland.focus(0)
    in_foreground(daemon)
    hyprland.focus(first)
    in_foreground(daemon, first)
    assert set(hyprland.questions) == {"j/activewindow"}
    hyprland.close()
    in_foreground(daemon)


def test_hyprland_comes_later(daemon, session, run, spawn):
    """First its directory, and an instance that crashed."""
    pid, other = spawn().pid, spawn().pid
    session.start_bridge()
    crashed = compositors.Hyprland(run, PLAYER, instance="crashed", pid=other)
    in_foreground(daemon, other)
    crashed.close(leave_behind=True)
    in_foreground(daemon)
    hyprland = compositors.Hyprland(run, PLAYER, pid=pid)
    in_foreground(daemon, pid)
    hyprland.close()


def test_hyprland_is_asked_once_at_a_time(daemon, session, run, spawn):
    """It stands still during a question; what happens meanwhile makes one more of it."""
    pids = [spawn().pid for _ in range(8)]
    hyprland = compositors.Hyprland(run, PLAYER, pid=pids[0])
    session.start_bridge()
    hyprland.wait_client()
    in_foreground(daemon, pids[0])
    before = len(hyprland.questions)
    hyprland.answering.clear()
    hyprland.focus(pids[1])
    wait_for("a question", lambda: len(hyprland.questions) == before + 1)
    for pid in pids[2:]:
        hyprland.focus(pid)
    # What is heard on the bus now was heard after those.
    session.set_foreground("(uint32 0,)")
    hyprland.answering.set()
    in_foreground(daemon, pids[-1])
    assert len(hyprland.questions) == before + 2
    hyprland.close()


def test_hyprland_cannot_be_asked_for_a_while(daemon, session, run, spawn):
    first, second = spawn().pid, spawn().pid
    hyprland = compositors.Hyprland(run, PLAYER, pid=first)
    session.start_bridge()
    hyprland.wait_client()
    in_foreground(daemon, first)
    question = hyprland.dir / ".socket.sock"
    question.rename(hyprland.dir / "away")
    hyprland.focus(second)
    wait_for("a question in vain", lambda: f"{question}: No such file" in session.read_log())
    (hyprland.dir / "away").rename(question)
    in_foreground(daemon, second)
    hyprland.close()


def test_niri(daemon, session, run, spawn):
    first, second = spawn().pid, spawn().pid
    niri = compositors.Niri(run, PLAYER, pids=[first])
    niri.focused = 1
    session.start_bridge()
    in_foreground(daemon, first)
    niri.wait_client()
    number = niri.open(second)
    in_foreground(daemon, second)
    niri.focus(1)
    in_foreground(daemon, first)
    niri.focus(None)
    in_foreground(daemon)
    niri.focus(number)
    in_foreground(daemon, second)
    niri.shut(number)
    in_foreground(daemon)
    niri.focus(1)
    in_foreground(daemon, first)
    assert niri.requests == ['"EventStream"\n']
    niri.close()
    in_foreground(daemon)


def test_niri_comes_back(daemon, session, run, spawn):
    """Beside the socket of the one that crashed."""
    pid = spawn().pid
    session.start_bridge()
    niri = compositors.Niri(run, PLAYER)
    niri.wait_client()
    niri.open(pid)
    in_foreground(daemon, pid)
    niri.close(leave_behind=True)
    in_foreground(daemon)
    niri = compositors.Niri(run, PLAYER, name="niri.wayland-1.4712.sock", pids=[pid])
    niri.wait_client()
    niri.focus(1)
    in_foreground(daemon, pid)
    niri.close()


def test_what_is_not_its_ipc(daemon, session, run, spawn):
    """Whatever sends that, it is not followed, and another one is."""
    pid = spawn().pid
    niri = compositors.Niri(run, PLAYER)
    session.start_bridge()
    niri.wait_client()
    niri.say("\x00\xff nonsense\n[]\n7\n" + "x" * 100000 + "\n")
    niri.open(pid)
    in_foreground(daemon, pid)
    sway = compositors.Compositor()
    sway.listeners.append(
        compositors.Listener(run / f"sway-ipc.{PLAYER}.1.sock", PLAYER, sway.add)
    )
    sway.wait_client()
    sway.say("no i3-ipc, but long enough for a header")
    niri.focus(None)
    in_foreground(daemon)
    niri.focus(1)
    in_foreground(daemon, pid)
    sway.close()
    niri.close()


def test_a_compositor_comes_before_the_bus(daemon, session, run, spawn):
    """Anybody can call there; it counts where nothing better is known."""
    window, other = spawn().pid, spawn().pid
    session.start_bridge()
    session.set_foreground(f"(uint32 {other},)")
    in_foreground(daemon, other)
    niri = compositors.Niri(run, PLAYER)
    niri.wait_client()
    niri.open(window)
    in_foreground(daemon, window)
    session.set_foreground(f"(uint32 {other},)")
    niri.focus(None)
    in_foreground(daemon)
    niri.close()
    in_foreground(daemon, other)


def test_focus_switched_off(daemon, session, run, spawn):
    game = spawn().pid
    niri = compositors.Niri(run, PLAYER, pids=[spawn().pid])
    niri.focused = 1
    session.start_gamemode(game)
    session.start_bridge(focus="no", wait=False)
    wait_for("the game", lambda: daemon.classes() == {("tree", game): "boosted"})
    assert niri.requests == []
    niri.close()
