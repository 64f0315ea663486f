# SPDX-License-Identifier: GPL-2.0-only
"""What one user may know of another: that there is a boost, its class and its scope. Neither signals,
which everybody hears, nor lists, errors or properties tell more to anybody but the user who asked, the
user whose process it is, and root."""

import os
import re
import threading

import pytest
from harness import BOOST_OTHER, BOOST_OWN, DENIED, ERROR, INVALID, OTHER, PLAYER, boost_args, wait_for

PUBLIC = {"Cookie", "Class", "Scope"}
FACTS = {"Pid", "Name", "Uid", "Since", "Lifetime"}
SAID = {"Reason", "AppId", "Requester"}
SECRET = "SecretGame"


def named(spawn, uid=PLAYER):
    """A process whose name gives away what its user does."""
    script = (
        f"import ctypes, time; ctypes.CDLL(None).prctl(15, b'{SECRET}', 0, 0, 0);"
        "print(1, flush=1); time.sleep(1000)"
    )
    process = spawn(uid, "python3", "-c", script)
    process.stdout.readline()
    return process


def foreground(client, pid):
    client.call("SetForegroundProcess", f"(uint32 {pid},)")
    return wait_for("foreground", lambda: list(client.boosts()))[-1]


def numbers(text):
    """Whole numbers, for the digits of a short pid are somewhere in many a cookie."""
    return {int(number) for number in re.findall(r"\d+", str(text))}


def everything(client):
    """All that a user can hear and ask for, as text."""
    client.call("GetStatistics")
    heard = [client.signals, client.call("ListBoosts")]
    heard.append(
        client.call(
            "GetAll", "('org.scx.Rustland',)", iface="org.freedesktop.DBus.Properties"
        )
    )
    for cookie in client.boosts():
        heard.append(client.call("GetBoost", f"(uint32 {cookie},)"))
    return repr(heard)


def test_signals_tell_nothing(daemon, player, other, root, spawn):
    """Not even to those who may know: whoever hears it hears all of it."""
    process = named(spawn)
    boost = player.boost(
        process.pid, "tree", reason=SECRET, options=f"{{'AppId': <'org.example.{SECRET}'>}}"
    )
    front = foreground(player, process.pid)
    for client in (player, other, root):
        for cookie, kind in ((boost, "boosted"), (front, "foreground")):
            args = client.wait_added(cookie)
            assert args == [cookie, {"Cookie": cookie, "Class": kind, "Scope": "tree"}]
    player.call("Release", f"(uint32 {boost},)")
    process.kill()
    for client in (player, other, root):
        assert client.wait_removed(boost) == [boost, 0, "released"]
        assert client.wait_removed(front) == [front, 0, "exited"]
        assert SECRET not in repr(client.signals)
        assert process.pid not in numbers(client.signals)


def test_lists_tell_others_nothing(daemon, player, other, root, connect, spawn):
    # A limit or a count may happen to be the same number.
    before = numbers(everything(other))
    process = named(spawn)
    cookies = [
        player.boost(process.pid, scope, reason=SECRET, options="{'AppId': <'org.example.Game'>}")
        for scope in ("process", "tree")
    ]
    cookies.append(foreground(player, process.pid))
    listed = other.boosts()
    assert list(listed) == cookies
    for cookie in cookies:
        assert listed[cookie].keys() == PUBLIC
        assert other.call("GetBoost", f"(uint32 {cookie},)") == listed[cookie]
    text = everything(other)
    assert SECRET not in text and "org.example" not in text
    assert process.pid not in numbers(text) - before
    for client in (player, connect(PLAYER), root):
        boosts = client.boosts()
        for cookie in cookies:
            assert PUBLIC | FACTS | SAID <= boosts[cookie].keys()
            assert boosts[cookie]["Name"] == SECRET


def test_who_owns_the_process_learns_what_became_of_it(bus, daemon, player, other, root, spawn):
    """And not what somebody else had to say about it."""
    theirs = named(spawn, OTHER)
    cookie = root.boost(theirs.pid, "tree", reason="of root", options="{'AppId': <'org.root'>}")
    boost = other.boosts()[cookie]
    assert PUBLIC | FACTS == boost.keys()
    assert (boost["Pid"], boost["Name"], boost["Uid"]) == (theirs.pid, SECRET, 0)
    assert player.boosts()[cookie].keys() == PUBLIC
    # A user who was allowed to boost a process of another user.
    bus.allow(BOOST_OWN, BOOST_OTHER)
    cookie = player.boost(theirs.pid, "tree", reason="of the player")
    assert player.boosts()[cookie]["Reason"] == "of the player"
    assert other.boosts()[cookie].keys() == PUBLIC | FACTS
    assert other.boosts()[cookie]["Uid"] == PLAYER


def test_processes_of_others_are_not_told_from_none(daemon, player, other, root, spawn):
    """Some mount /proc so that users see their own processes only, and we are no way around that."""
    process = named(spawn)
    player.boost(process.pid, "tree")
    thread = threading.get_native_id()
    gone = spawn()
    gone.kill()
    gone.wait()
    failures = {
        str(other.failure("GetProcess", f"(uint32 {pid},)"))
        for pid in (process.pid, player.pid, os.getpid(), 1, thread, gone.pid, 4194305, 0xFFFFFFFF)
    }
    failures |= {
        str(other.failure("GetProcessByPIDFd", "(handle 0,)", pidfd=pid))
        for pid in (process.pid, os.getpid(), 1)
    }
    (failure,) = failures
    assert failure.startswith(ERROR + "NoSuchProcess")
    # One's own are told, and everybody's to root.
    assert player.call("GetProcess", f"(uint32 {process.pid},)")["Name"] == SECRET
    assert root.call("GetProcess", f"(uint32 {process.pid},)")["Name"] == SECRET
    assert other.call("GetProcess", f"(uint32 {other.pid},)")["Pid"] == other.pid


def test_errors_name_nobody(bus, daemon, player, other, spawn):
    """Neither a process that one may not see nor the control group that it is in."""
    process = named(spawn)
    group = open(f"/proc/{process.pid}/cgroup", encoding="ascii").read().split("0::")[-1].strip()
    failures = [
        other.failure("BoostProcess", boost_args(process.pid, scope))
        for scope in ("process", "tree", "cgroup")
    ]
    failures.append(other.failure("SetForegroundProcess", f"(uint32 {process.pid},)"))
    failures.append(other.failure("BoostProcess", boost_args(1)))
    # That there is one is known from kill(2); all else is the same for every scope.
    assert {failure.name for failure in failures} == {"org.freedesktop.DBus.Error.AccessDenied"}
    for failure in failures:
        assert SECRET not in failure.message and "systemd" not in failure.message
        assert group == "/" or group not in failure.message
    # A thread does not tell whose it is.
    script = "import threading as t; x=t.Event(); t.Thread(target=x.wait).start(); print(1,flush=1)"
    threads = spawn(PLAYER, "python3", "-c", script)
    threads.stdout.readline()
    thread = max(int(t) for t in os.listdir(f"/proc/{threads.pid}/task"))
    failure = other.failure("BoostProcess", boost_args(thread))
    assert threads.pid not in numbers(failure.message)
    assert other.error("GetProcess", "(uint32 0,)") == INVALID


def test_groups_of_others_are_not_told_from_none(bus, daemon, player, root):
    mount = "/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/unified/cgroup.controllers"
    if not any(map(os.path.exists, mount)):
        pytest.skip("no control groups of version 2 here")
    theirs = f"('/user.slice/user-{OTHER}.slice/user@{OTHER}.service/app.slice/app-x.scope',)"
    own = theirs.replace(str(OTHER), str(PLAYER))
    assert player.error("SetForegroundCGroup", theirs) == DENIED
    assert player.error("SetForegroundCGroup", own) == ERROR + "NoSuchProcess"
    # Who may boost it learns that there is none.
    assert root.error("SetForegroundCGroup", theirs) == ERROR + "NoSuchProcess"
    bus.allow(BOOST_OTHER)
    assert player.error("SetForegroundCGroup", theirs) == ERROR + "NoSuchProcess"


def test_nothing_is_left_where_others_can_read(start, connect, spawn):
    """The files of the run-time and state directories."""
    daemon = start()
    client = connect(PLAYER)
    client.boost(named(spawn).pid, reason=SECRET)
    client.call(**client.set_args("Profile", "'gaming'"))
    found = []
    for directory in ("run", "state"):
        for path in (daemon.dir / directory).rglob("*"):
            if path.is_file():
                found.append(path)
                assert SECRET.encode() not in path.read_bytes() or path.stat().st_mode & 0o77 == 0, path
    assert (daemon.dir / "run/boosts") in found
