# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures, and the line that tools/check counts."""

import pathlib
import subprocess
import tempfile

import pytest

import harness


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
def connect(bus):
    """connect(uid): another client."""
    clients = []

    def connect_client(uid):
        clients.append(harness.Client(bus, uid))
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


counts = {"passed": 0, "failed": 0, "skipped": 0}


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        counts[report.outcome] += 1
        if report.outcome == "skipped":
            print(f"\nSKIP {report.nodeid}: {report.longrepr[2]}")
        elif report.outcome == "failed":
            print(f"\nFAIL {report.nodeid} ({report.when})")


def pytest_unconfigure():
    print("\n{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
