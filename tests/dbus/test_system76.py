# SPDX-License-Identifier: GPL-2.0-only
"""com.system76.Scheduler on the system bus: the calls that its clients make, as they make them. They
give up for good at the first error, so there must be none."""

import pytest

from harness import INVALID, wait_for

SCHEDULER = "com.system76.Scheduler"
THERE = {"dest": SCHEDULER, "path": "/com/system76/Scheduler", "iface": SCHEDULER}


@pytest.fixture
def named(bus, daemon):
    wait_for("the name", lambda: bus.has_owner(SCHEDULER))
    return daemon


def in_foreground(daemon, *pids):
    want = {("tree", pid): "foreground" for pid in pids}
    wait_for(f"{pids} in the foreground", lambda: daemon.classes() == want)


def test_foreground(named, player, other, spawn):
    """pop-shell, the GNOME extension, and the clients of sway and niri."""
    first, second, theirs = spawn(), spawn(), spawn(other.uid)
    assert player.call("SetForegroundProcess", f"(uint32 {first.pid},)", **THERE) == []
    in_foreground(named, first.pid)
    assert player.call("SetForegroundProcess", f"(uint32 {second.pid},)", **THERE) == []
    in_foreground(named, second.pid)
    (boost,) = player.boosts().values()
    assert boost["Uid"] == player.uid
    other.call("SetForegroundProcess", f"(uint32 {theirs.pid},)", **THERE)
    in_foreground(named, second.pid, theirs.pid)


def test_what_cannot_be_done_succeeds(bus, named, player, other, spawn):
    dead, theirs, mine = spawn(), spawn(other.uid), spawn()
    dead.kill()
    dead.wait()
    for pid in (dead.pid, theirs.pid, 1, 4294967295):
        assert player.call("SetForegroundProcess", f"(uint32 {pid},)", **THERE) == []
    assert named.classes() == {}
    bus.allow()  # the session is not active
    assert player.call("SetForegroundProcess", f"(uint32 {mine.pid},)", **THERE) == []
    assert named.classes() == {}


def test_the_rest(named, player):
    assert player.call("SetCpuMode", "(byte 3,)", **THERE) == []
    assert player.call("SetCpuProfile", "('responsive',)", **THERE) == []
    assert player.call("ReloadConfiguration", **THERE) == []
    properties = player.call(
        "GetAll", f"('{SCHEDULER}',)", **THERE | {"iface": "org.freedesktop.DBus.Properties"}
    )
    assert properties == {"CpuMode": 0, "CpuProfile": "auto"}


def test_malformed(named, player):
    assert player.error("SetForegroundProcess", "('x',)", **THERE) == INVALID


def test_another_has_the_name(bus, start, connect, spawn):
    root = connect(0)
    root.call(
        "RequestName",
        f"('{SCHEDULER}', uint32 0)",
        dest="org.freedesktop.DBus",
        path="/org/freedesktop/DBus",
        iface="org.freedesktop.DBus",
    )
    daemon = start()
    wait_for("that it noticed", lambda: "does no harm" in daemon.read_log())
    assert root.call("ListBoosts") == []
