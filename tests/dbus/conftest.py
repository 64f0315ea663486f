# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures."""

import pathlib
import shutil
import subprocess
import tempfile

import pytest

import harness
import session as sessions

# They are in a root of their own, see desktops/conftest.py.
collect_ignore = [] if shutil.which("kwin_wayland") else ["desktops"]


@pytest.fixture(scope="session")
def bus():
    with tempfile.TemporaryDirectory(prefix="rustland-dbus-") as directory:
        path = pathlib.Path(directory)
        path.chmod(0o755)
        bus = harness.Bus(path)
        yield bus
        bus.close()


@pytest.fixture
def start(bus):
    """start(...): a rustlandd; polkit allows what the defaults allow to an active user."""
    daemons = []
    bus.allow(harness.BOOST_OWN, harness.SET_PROFILE)

    def start_daemon(**options):
        daemons.append(harness.Daemon(bus, **options))
        return daemons[-1]

    yield start_daemon
    for daemon in daemons:
        daemon.close()


@pytest.fixture
def daemon(start):
    return start()


@pytest.fixture
def leave(bus):
    """leave(PID...): for polkit the sessions of these, and of no others, are not in front."""
    return lambda *pids: bus.mock("SetInactive", f"(@au {list(pids)},)")


@pytest.fixture
def session(bus, daemon):
    """A session of the player, with nothing in it yet."""
    shutil.copy(sessions.HERE / "gamemode.py", bus.dir)
    session = sessions.Session(bus)
    yield session
    session.close()


@pytest.fixture
def connect(bus):
    """connect(uid, ...): another client; see harness.Client."""
    clients = []

    def connect_client(uid, **more):
        clients.append(harness.Client(bus, uid, **more))
        return clients[-1]

    yield connect_client
    for client in clients:
        client.close()


@pytest.fixture
def root(daemon, connect):
    return connect(0)


@pytest.fixture
def player(daemon, connect):
    return connect(harness.PLAYER)


@pytest.fixture
def other(daemon, connect):
    return connect(harness.OTHER)


@pytest.fixture
def spawn():
    """spawn(uid, command): a process that does nothing, unless there is a command."""
    processes = []

    def spawn_process(uid=harness.PLAYER, *command):
        processes.append(
            subprocess.Popen(
                command or ["sleep", "1000"], user=uid, group=uid, extra_groups=[], cwd="/",
                stdout=subprocess.PIPE,
            )
        )
        return processes[-1]

    yield spawn_process
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
