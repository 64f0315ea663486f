# SPDX-License-Identifier: GPL-2.0-only
"""rustland-session with a service that dies while it is asked for a boost, and holds it when it is
back: a fake one, since the real one would have to die between two of its instructions."""

import pathlib
import shutil
import tempfile
import types

import pytest
from gi.repository import GLib

import fakes
import session as sessions
from harness import STAGE, wait_for

XML = STAGE / "usr/share/dbus-1/interfaces/org.scx.Rustland.xml"


class Service(fakes.Service):
    client = None

    def on_call(self, connection, sender, *more):
        self.client = sender
        super().on_call(connection, sender, *more)

    def holds(self, cookie, pid, client):
        """As what was read back from its store."""
        self.boosts[cookie] = {
            "Cookie": GLib.Variant("u", cookie),
            "Pid": GLib.Variant("u", pid),
            "Client": GLib.Variant("s", client),
        }


@pytest.fixture
def service(monkeypatch):
    # What the fake bus puts there is for this test only.
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "")
    bus, loop = fakes.Bus(), fakes.Loop()
    service = Service(loop, bus, XML.read_text(encoding="utf-8"))
    service.start()
    yield service
    service.stop()
    loop.stop()
    bus.stop()


@pytest.fixture
def session(service):
    with tempfile.TemporaryDirectory(prefix="rustland-strays-") as directory:
        bus = types.SimpleNamespace(dir=pathlib.Path(directory))
        bus.dir.chmod(0o755)
        bus.env = {"DBUS_SYSTEM_BUS_ADDRESS": service.bus.address, "PATH": "/usr/bin:/bin"}
        for name in ("gamemode.py", "client.py"):
            shutil.copy(sessions.HERE / name, bus.dir)
        session = sessions.Session(bus)
        yield session
        session.close()


def asked(service, method):
    return [arguments for called, arguments in service.take_calls() if called == method]


def test_a_boost_whose_cookie_was_not_heard(service, session, spawn):
    stays, goes, others = spawn().pid, spawn().pid, spawn().pid
    launcher = spawn()
    session.start_gamemode(stays, goes)
    service.hang.add("BoostProcessByPIDFd")
    session.start_bridge()
    wait_for("both calls", lambda: len(service.calls) >= 3)
    client = service.client
    service.stop()
    service.hang.clear()
    session.game("unregister", goes)
    # What is heard later was heard after that.
    session.set_foreground("(uint32 0,)")
    service.take_calls()
    service.holds(77, stays, client)
    service.holds(78, goes, client)
    service.holds(79, others, ":1.4711")
    # It has exited since: what it started keeps the boost, until that has ended.
    launcher.kill()
    launcher.wait()
    service.holds(80, launcher.pid, client)
    service.start()
    wait_for("the end of the one that is not wanted", lambda: 78 not in service.boosts)
    calls = service.take_calls()
    assert [name for name, _ in calls] == ["Release"], calls
    assert sorted(service.boosts) == [77, 79, 80]
    session.game("unregister", stays)
    wait_for("the end of the other one", lambda: 77 not in service.boosts)
    assert asked(service, "Release") == [(77,)]
    assert sorted(service.boosts) == [79, 80]


def test_the_foreground_that_was_left_meanwhile(service, session, spawn):
    window = spawn().pid
    session.start_bridge()
    session.set_foreground(f"(uint32 {window},)")
    wait_for("the window", lambda: service.foreground == window)
    service.stop()
    session.set_foreground("(uint32 0,)")
    service.take_calls()
    service.start()
    wait_for("no window", lambda: ("SetForegroundProcess", (0,)) in service.take_calls())
