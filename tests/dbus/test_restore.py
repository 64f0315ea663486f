# SPDX-License-Identifier: GPL-2.0-only
"""Boosts outlive rustlandd and the scheduler; the descriptor store of systemd is a fake."""

import os
import signal

import pytest
from harness import OTHER, PLAYER, wait_for


def added(client):
    return [args[0] for member, args in client.signals if member == "BoostAdded"]


@pytest.fixture
def kept(start):
    return start(store=True)


def test_after_a_kill(kept, connect, spawn):
    client, bound, root = connect(PLAYER), connect(OTHER), connect(0)
    game, tool = spawn().pid, spawn(OTHER).pid
    cookies = {
        client.boost(game, "tree", "a game", "{'AppId': <'org.example.Game'>}"),
        client.boost(game, options="{'TimeoutUSec': <uint64 604800000000>}"),
        bound.boost(tool, options="{'Lifetime': <'client'>}"),
    }
    client.call("SetForegroundProcess", f"(uint32 {game},)")
    wait_for("foreground", lambda: len(client.boosts()) == 4)
    cookies |= client.boosts().keys()
    before = root.boosts()
    classes = kept.classes()
    assert kept.store.names() == sorted(f"boost-{cookie}" for cookie in cookies)

    kept.kill()
    kept.restart()
    assert root.boosts() == before
    assert kept.classes() == classes
    assert client.get("BoostCount") == 4

    # Everything still works: release, exit, vanish, the slot.
    bound.kill()
    vanished = next(c for c, boost in before.items() if boost["Uid"] == OTHER)
    assert client.wait_removed(vanished) == [vanished, 0, "client-vanished"]
    client.call("SetForegroundProcess", "(uint32 0,)")
    os.kill(game, signal.SIGKILL)
    for cookie in cookies - {vanished}:
        client.wait_removed(cookie)
    assert kept.classes() == {} and kept.store.names() == []
    # Only what was added at first was ever announced.
    assert sorted(added(client)) == sorted(cookies)


def test_what_ended_meanwhile(kept, connect, spawn):
    client, bound = connect(PLAYER), connect(PLAYER)
    process, alive = spawn(), spawn()
    gone = client.boost(process.pid)
    vanished = bound.boost(alive.pid, options="{'Lifetime': <'client'>}")
    expired = client.boost(alive.pid, options="{'TimeoutUSec': <uint64 500000>}")
    stays = client.boost(alive.pid, "tree")
    kept.kill()
    process.kill()
    process.wait()
    bound.kill()
    kept.restart()
    assert client.wait_removed(gone) == [gone, 0, "exited"]
    assert client.wait_removed(vanished) == [vanished, 0, "client-vanished"]
    assert client.wait_removed(expired) == [expired, 0, "expired"]
    wait_for("the rest", lambda: list(client.boosts()) == [stays])
    assert kept.classes() == {("tree", alive.pid): "boosted"}
    assert kept.store.names() == [f"boost-{stays}"]


def test_twice(kept, connect, spawn):
    client = connect(PLAYER)
    cookie = client.boost(spawn().pid)
    for _ in range(3):
        kept.kill()
        kept.restart()
    assert list(client.boosts()) == [cookie]
    assert added(client) == [cookie]


def test_without_the_descriptors(kept, connect, spawn):
    """The manager's store was full: the start time decides."""
    client = connect(PLAYER)
    process = spawn()
    cookie = client.boost(process.pid)
    kept.kill()
    kept.start()
    assert list(client.boosts()) == [cookie]
    process.kill()
    assert client.wait_removed(cookie)[2] == "exited"


def test_another_process_with_the_number(kept, connect, spawn):
    client = connect(PLAYER)
    pid = spawn().pid
    cookie = client.boost(pid)
    kept.kill()
    file = kept.dir / "run/boosts"
    lines = file.read_text().splitlines()
    file.write_text(
        "\n".join("StartTicks=1" if line.startswith("StartTicks=") else line for line in lines)
    )
    kept.start()
    assert client.wait_removed(cookie) == [cookie, 0, "exited"]
    assert client.boosts() == {} and kept.classes() == {}


def test_the_process_belongs_to_another_user_now(kept, connect, spawn):
    client = connect(PLAYER)
    pid = spawn().pid
    cookie = client.boost(pid)
    kept.kill()
    file = kept.dir / "run/boosts"
    text = file.read_text().replace(f"TargetUid={PLAYER}", f"TargetUid={OTHER}")
    file.write_text(text)
    kept.restart()
    assert client.wait_removed(cookie) == [cookie, 0, "denied"]
    assert kept.store.names() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no key file",
        "[boost-0]\nClass=boosted\n",
        "[boost-x]\nClass=boosted\nScope=tree\n",
        "[boost-7]\n",
        "[boost-7]\nClass=boosted\nScope=everything\nPid=1\n",
        "[boost-7]\nClass=boosted\nScope=tree\nPid=-1\n",
        "[boost-7]\nClass=boosted\nScope=tree\nPid=1\nStartTicks=0\n",
        "[boost-7]\nClass=foreground\nScope=cgroup\nCGroup=/../../etc\nCGroupId=1\n",
        "[boost-7]\nClass=normal\nScope=process\n",
        "\x00\xff",
    ],
)
def test_a_file_that_is_damaged(kept, connect, spawn, text):
    client = connect(PLAYER)
    client.boost(spawn().pid)
    kept.kill()
    (kept.dir / "run/boosts").write_text(text, encoding="latin-1")
    kept.restart()
    assert client.boosts() == {} and kept.classes() == {}
    # Descriptors that nobody knows are given back.
    assert kept.store.names() == []
    client.boost(spawn().pid)


def test_foreign_descriptors_are_left_alone(kept, connect, spawn):
    client = connect(PLAYER)
    kept.kill()
    fd = os.open("/dev/null", os.O_RDONLY)
    try:
        kept.start([(name, fd) for name in ("boost-17", "other", "boost-", "boost-0")])
    finally:
        os.close(fd)
    assert client.boosts() == {}


def test_after_a_kill_of_the_scheduler(daemon, player, spawn):
    wait_for("active", lambda: player.get("State") == "active")
    pid = spawn().pid
    cookie = player.boost(pid)
    daemon.kill_scheduler()
    wait_for("active again", lambda: player.get("State") == "active" and player.get("ExitReason"))
    assert list(player.boosts()) == [cookie]
    assert daemon.classes() == {("process", pid): "boosted"}
    player.wait_added(cookie)
    assert added(player) == [cookie]


def test_a_restart_by_the_manager_keeps_them(kept, connect, spawn):
    """Stopped by a signal, under a manager that does not say it is for good."""
    client = connect(PLAYER)
    cookie = client.boost(spawn().pid)
    assert kept.stop() == 0
    kept.restart()
    assert list(client.boosts()) == [cookie]
    assert not [args for member, args in client.signals if member == "BoostRemoved"]


def test_a_manager_that_is_busy(start, connect, spawn):
    """As systemd while it loads all units anew: callers are answered, and it is told later."""
    daemon = start(store=True)
    root = connect(0)
    pid = spawn().pid
    cookies = []
    # More than wait in a socket: on most machines 10, under systemd 512.
    for _ in range(300):
        cookies.append(root.boost(pid))
        root.call("Release", f"(uint32 {cookies.pop()},)")
    cookies.append(root.boost(pid))
    wait_for("it to be told", lambda: daemon.store.names() == [f"boost-{cookies[0]}"])
