# SPDX-License-Identifier: GPL-2.0-only
"""BoostProcess, BoostProcessByPIDFd, Release, ListBoosts, GetProcess, and how boosts end."""

import os
import signal
import sys
import time

import pytest
from harness import (
    BOOST_OTHER,
    DENIED,
    ERROR,
    INVALID,
    MANAGE,
    OTHER,
    PLAYER,
    boost_args,
    wait_for,
)


def boost_error(client, *args, **kwargs):
    return client.error("BoostProcess", boost_args(*args, **kwargs))


# ---- what works ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["process", "tree"])
def test_boost_reaches_the_scheduler_and_is_listed(daemon, player, root, spawn, scope):
    pid = spawn().pid
    before = time.time()
    cookie = player.boost(pid, scope, "a game is running", "{'AppId': <'org.example.Game'>}")
    assert cookie != 0
    assert daemon.classes() == {(scope, pid): "boosted"}
    listed = player.boosts()[cookie]
    assert abs(listed.pop("Since") / 1e6 - before) < 3600
    assert listed == {
        "Cookie": cookie,
        "Pid": pid,
        "Name": "sleep",
        "Scope": scope,
        "Class": "boosted",
        "Uid": PLAYER,
        "Suspended": False,
        "Lifetime": "process",
        "Reason": "a game is running",
        "AppId": "org.example.Game",
        "Requester": "python3",
    }
    assert root.boosts()[cookie]["Reason"] == "a game is running"


# Forks once as root, says which process that is, and goes on as the user given.
FAMILY = """
import os, sys, time
child = os.fork()
if child:
    os.setgid(int(sys.argv[1]))
    os.setuid(int(sys.argv[1]))
    print(child, flush=True)
time.sleep(1000)
"""


@pytest.fixture
def family(spawn):
    """A process of the player's with a child of root's, as sudo would be."""
    process = spawn(0, sys.executable, "-c", FAMILY, str(PLAYER))
    child = int(process.stdout.readline())
    yield process.pid, child
    os.kill(child, signal.SIGKILL)


def test_what_runs_as_somebody_else_is_not_meant(daemon, player, root, family):
    parent, child = family
    own = player.boost(parent, "tree")
    facts = {pid: root.call("GetProcess", f"(uint32 {pid},)") for pid in family}
    assert facts[parent] == player.call("GetProcess", f"(uint32 {parent},)")
    assert (facts[parent]["Class"], facts[parent]["Cookies"]) == ("boosted", [own])
    assert (facts[child]["Class"], facts[child]["Cookies"]) == ("normal", [])
    assert daemon.entries() == {("tree", parent): ("boosted", PLAYER, PLAYER)}
    # Root's is for all that runs in there.
    player.call("Release", f"(uint32 {own},)")
    all_of_it = root.boost(parent, "tree")
    assert daemon.entries() == {("tree", parent): ("boosted", "any", 0)}
    for pid in family:
        assert root.call("GetProcess", f"(uint32 {pid},)")["Cookies"] == [all_of_it]


def test_who_may_boost_others_means_all(bus, daemon, player, spawn):
    bus.allow(BOOST_OTHER)
    pid = spawn(OTHER).pid
    player.boost(pid)
    assert daemon.entries() == {("process", pid): ("boosted", "any", PLAYER)}


def test_cookies_are_not_guessable(player, spawn):
    pid = spawn().pid
    cookies = {player.boost(pid) for _ in range(20)}
    assert len(cookies) == 20 and 0 not in cookies
    assert max(cookies) - min(cookies) > 1 << 20


def test_signals_and_count(player, spawn):
    pid = spawn().pid
    cookie = player.boost(pid)
    player.wait_added(cookie)
    player.wait_property("BoostCount", 1)
    assert player.get("BoostCount") == 1
    player.call("Release", f"(uint32 {cookie},)")
    assert player.wait_removed(cookie) == [cookie, 0, "released"]
    player.wait_property("BoostCount", 0)


def test_by_pidfd(daemon, player, spawn):
    pid = spawn().pid
    cookie = player.call(
        "BoostProcessByPIDFd", "(handle 0, 'tree', 'a test', @a{sv} {})", pidfd=pid
    )
    assert player.boosts()[cookie]["Pid"] == pid
    assert daemon.classes() == {("tree", pid): "boosted"}


def test_the_highest_class_counts(daemon, player, spawn):
    pid = spawn().pid
    first, second = player.boost(pid, "tree"), player.boost(pid, "tree")
    player.call("SetForegroundProcess", f"(uint32 {pid},)")
    wait_for("foreground", lambda: daemon.classes() == {("tree", pid): "foreground"})
    player.call("SetForegroundProcess", "(uint32 0,)")
    wait_for("boosted", lambda: daemon.classes() == {("tree", pid): "boosted"})
    player.call("Release", f"(uint32 {first},)")
    assert daemon.classes() == {("tree", pid): "boosted"}
    player.call("Release", f"(uint32 {second},)")
    assert daemon.classes() == {}


def test_scopes_are_different_targets(daemon, player, spawn):
    pid = spawn().pid
    player.boost(pid, "process")
    player.boost(pid, "tree")
    assert daemon.classes() == {("process", pid): "boosted", ("tree", pid): "boosted"}


def test_get_process(player, spawn):
    parent = spawn(PLAYER, "sh", "-c", "sleep 1000 & echo $!; wait")
    child = int(parent.stdout.readline())
    wait_for("sleep", lambda: open(f"/proc/{child}/comm").read() == "sleep\n")
    info = player.call("GetProcess", f"(uint32 {child},)")
    assert (info["Pid"], info["Name"], info["Uid"]) == (child, "sleep", PLAYER)
    assert (info["Class"], info["Scope"], info["Cookies"]) == ("normal", "", [])
    tree = player.boost(parent.pid, "tree")
    info = player.call("GetProcess", f"(uint32 {child},)")
    assert (info["Class"], info["Scope"], info["Cookies"]) == ("boosted", "tree", [tree])
    player.boost(parent.pid, "process")
    assert player.call("GetProcess", f"(uint32 {child},)")["Cookies"] == [tree]
    player.call("SetForegroundProcess", f"(uint32 {child},)")
    wait_for(
        "foreground",
        lambda: player.call("GetProcess", f"(uint32 {child},)")["Class"] == "foreground",
    )
    os.kill(child, 9)


def test_get_process_of_anybody(root, player):
    assert root.call("GetProcess", "(uint32 1,)")["Pid"] == 1
    for client in (root, player):
        assert client.error("GetProcess", "(uint32 0,)") == INVALID
        assert client.error("GetProcess", "(uint32 4194305,)") == ERROR + "NoSuchProcess"


def test_get_process_by_pidfd(root, player, spawn):
    pid = spawn().pid
    cookie = player.boost(pid, "tree")
    info = player.call("GetProcessByPIDFd", "(handle 0,)", pidfd=pid)
    assert info == player.call("GetProcess", f"(uint32 {pid},)")
    assert (info["Pid"], info["Class"], info["Cookies"]) == (pid, "boosted", [cookie])
    assert root.call("GetProcessByPIDFd", "(handle 0,)", pidfd=1)["Pid"] == 1
    assert player.error("GetProcessByPIDFd", "(handle 0,)") == INVALID
    assert player.error("GetProcessByPIDFd", "(handle 0,)", file="/dev/null") == INVALID


def nested(spawn, depth):
    """A process with that many above it, up to the one that is returned first."""
    script = (
        "import os, sys, time\n"
        "for i in range(int(sys.argv[1])):\n"
        "    if os.fork(): os.wait(); sys.exit()\n"
        "print(os.getpid(), flush=True); time.sleep(1000)"
    )
    top = spawn(PLAYER, "python3", "-c", script, str(depth))
    return top.pid, int(top.stdout.readline())


def test_get_process_looks_as_far_up_as_the_scheduler(player, spawn):
    # bpf/class.bpf.h looks at 32 of them, the process itself among them.
    for above, covered in ((31, True), (32, False)):
        top, bottom = nested(spawn, above)
        cookie = player.boost(top, "tree")
        info = player.call("GetProcess", f"(uint32 {bottom},)")
        assert info["Cookies"] == ([cookie] if covered else []), above
        os.kill(bottom, 9)


def reads(daemon):
    """How many read calls rustlandd has made."""
    with open(f"/proc/{daemon.process.pid}/io", encoding="ascii") as file:
        return int(dict(line.split(": ") for line in file)["syscr"])


def test_get_process_costs_the_same_whatever_is_boosted(daemon, player, spawn):
    """One walk up the ancestors, not one for each boost."""
    _top, bottom = nested(spawn, 40)
    info, calls = f"(uint32 {bottom},)", 20

    def cost():
        before = reads(daemon)
        for _ in range(calls):
            player.call("GetProcess", info)
        return (reads(daemon) - before) / calls

    player.call("GetProcess", info)
    alone = cost()
    for _ in range(32):
        player.boost(spawn().pid, "tree")
    # 32 walks would be a thousand more. The bus and the main loop read as well, now and then.
    assert cost() < alone + 40, alone
    os.kill(bottom, 9)


def test_get_boost(player, spawn):
    pid = spawn().pid
    cookie = player.boost(pid, "tree", options="{'AppId': <'org.example.Game'>}")
    boost = player.call("GetBoost", f"(uint32 {cookie},)")
    assert boost == player.boosts()[cookie]
    assert (boost["Cookie"], boost["Pid"], boost["AppId"]) == (cookie, pid, "org.example.Game")
    player.call("Release", f"(uint32 {cookie},)")
    assert player.error("GetBoost", f"(uint32 {cookie},)") == ERROR + "NoSuchBoost"


# ---- how they end --------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["process", "tree"])
def test_ends_with_the_process(daemon, player, spawn, scope):
    process = spawn()
    cookie = player.boost(process.pid, scope)
    process.kill()
    # Also while it is a zombie: nobody has waited for it yet.
    assert player.wait_removed(cookie) == [cookie, 0, "exited"]
    assert daemon.classes() == {} and player.boosts() == {}


def test_lifetime_of_the_client(daemon, connect, player, spawn):
    pid = spawn().pid
    client = connect(PLAYER)
    bound = client.boost(pid, options="{'Lifetime': <'client'>}")
    bound_too = client.boost(pid, "tree", options="{'Lifetime': <'client'>}")
    free = client.boost(pid, options="{'Lifetime': <'process'>}")
    assert player.boosts()[bound]["Lifetime"] == "client"
    client.kill()
    assert player.wait_removed(bound) == [bound, 0, "client-vanished"]
    assert player.wait_removed(bound_too) == [bound_too, 0, "client-vanished"]
    assert list(player.boosts()) == [free]
    assert daemon.classes() == {("process", pid): "boosted"}


def test_client_lifetime_ends_with_the_process_too(player, spawn):
    process = spawn()
    cookie = player.boost(process.pid, options="{'Lifetime': <'client'>}")
    process.kill()
    assert player.wait_removed(cookie)[2] == "exited"


def test_timeout(player, spawn):
    pid = spawn().pid
    long = player.boost(pid, options="{'TimeoutUSec': <uint64 604800000000>}")
    cookie = player.boost(pid, options="{'TimeoutUSec': <uint64 200000>}")
    assert player.wait_removed(cookie) == [cookie, 0, "expired"]
    assert list(player.boosts()) == [long]
    assert player.boosts()[long]["TimeoutUSec"] == 604800000000


def test_shutdown(start, connect, spawn):
    daemon = start()
    client = connect(PLAYER)
    pid = spawn().pid
    cookie = client.boost(pid)
    assert daemon.stop() == 0
    assert client.wait_removed(cookie) == [cookie, 0, "shutdown"]


def test_release_of_others(bus, player, other, root, spawn):
    cookie = player.boost(spawn().pid)
    assert other.error("Release", f"(uint32 {cookie},)") == DENIED
    assert cookie in player.boosts()
    bus.allow(MANAGE)
    other.call("Release", f"(uint32 {cookie},)")
    bus.allow("org.scx.rustland.boost-own")
    cookie = player.boost(spawn().pid)
    root.call("Release", f"(uint32 {cookie},)")
    # Of the same user, whatever connection.
    assert player.boosts() == {}


def test_release_by_the_same_user(player, connect, spawn):
    cookie = player.boost(spawn().pid)
    connect(PLAYER).call("Release", f"(uint32 {cookie},)")
    assert player.error("Release", f"(uint32 {cookie},)") == ERROR + "NoSuchBoost"
    assert player.error("Release", "(uint32 0,)") == ERROR + "NoSuchBoost"


# ---- what is refused -----------------------------------------------------------------------------


def test_processes_that_are_none(player, root, spawn):
    process = spawn()
    process.kill()
    process.wait()
    for client in (player, root):
        assert boost_error(client, process.pid) == ERROR + "NoSuchProcess"
        assert boost_error(client, 0) == INVALID
        assert boost_error(client, 4194305) == ERROR + "NoSuchProcess"
        assert boost_error(client, 0xFFFFFFFF) == ERROR + "NoSuchProcess"
        assert boost_error(client, 0x80000000) == ERROR + "NoSuchProcess"


def test_zombie(player, spawn):
    process = spawn()
    process.kill()
    wait_for("a zombie", lambda: "\nState:\tZ" in open(f"/proc/{process.pid}/status").read())
    assert boost_error(player, process.pid) == ERROR + "NoSuchProcess"


def test_thread(player, spawn):
    script = "import threading as t; x=t.Event(); t.Thread(target=x.wait).start(); print(1,flush=1)"
    process = spawn(PLAYER, "python3", "-c", script)
    process.stdout.readline()
    thread = next(int(t) for t in os.listdir(f"/proc/{process.pid}/task") if int(t) != process.pid)
    failure = player.failure("BoostProcess", boost_args(thread))
    assert failure.name == ERROR + "NoSuchProcess"
    assert f"Tgid in /proc/{thread}/status" in failure.message


def test_pid_1(bus, player, root):
    bus.allow("org.scx.rustland.boost-own", BOOST_OTHER)
    assert boost_error(player, 1) == DENIED
    assert boost_error(root, 1) == DENIED
    assert root.error("SetForegroundProcess", "(uint32 1,)") == DENIED


def test_kernel_thread(bus, player, root):
    try:
        with open("/proc/2/comm", encoding="ascii") as file:
            name = file.read().strip()
    except FileNotFoundError:
        name = None
    if name != "kthreadd":
        pytest.skip("kernel threads cannot be seen from this pid namespace")
    bus.allow("org.scx.rustland.boost-own", BOOST_OTHER)
    assert boost_error(player, 2) == DENIED
    assert boost_error(root, 2) == DENIED


def test_process_of_another_user(bus, player, root, spawn):
    theirs = spawn(OTHER).pid
    assert boost_error(player, theirs) == DENIED
    assert boost_error(player, os.getpid()) == DENIED  # root's
    bus.allow(BOOST_OTHER)
    cookie = player.boost(theirs)
    assert player.boosts()[cookie]["Uid"] == PLAYER
    root.boost(theirs)


def test_mixed_user_ids_count_as_roots(player, root, spawn):
    # Saved and effective ids of its own: as a set-user-ID program has them.
    script = f"import os; os.setresuid({PLAYER}, {PLAYER}, {OTHER}); print(1, flush=1); import time; time.sleep(1000)"
    process = spawn(0, "python3", "-c", script)
    process.stdout.readline()
    assert boost_error(player, process.pid) == DENIED
    assert root.call("GetProcess", f"(uint32 {process.pid},)")["Uid"] == 0
    assert player.error("GetProcess", f"(uint32 {process.pid},)") == ERROR + "NoSuchProcess"


def test_not_dumpable(player, spawn):
    # Most files in /proc/PID belong to root then, as for compositors with file capabilities.
    script = (
        "import ctypes, time; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); print(1, flush=1);"
        "time.sleep(1000)"
    )
    process = spawn(PLAYER, "python3", "-c", script)
    process.stdout.readline()
    assert os.stat(f"/proc/{process.pid}/status").st_uid == 0
    player.boost(process.pid)


@pytest.mark.parametrize("scope", ["", "Process", "thread", "session", "process ", "x" * 10000])
def test_bad_scope(player, spawn, scope):
    assert boost_error(player, spawn().pid, scope) == INVALID


@pytest.mark.parametrize(
    "options",
    [
        "{'Unknown': <1>}",
        "{'appid': <'x'>}",
        "{'': <1>}",
        "{'AppId': <1>}",
        "{'AppId': <<'x'>>}",
        "{'AppId': <'a\\nb'>}",
        "{'AppId': <'" + "a" * 256 + "'>}",
        "{'Lifetime': <'forever'>}",
        "{'Lifetime': <true>}",
        "{'TimeoutUSec': <1000000>}",
        "{'TimeoutUSec': <uint64 0>}",
        "{'TimeoutUSec': <uint64 999>}",
        "{'TimeoutUSec': <uint64 604800000001>}",
        "{'TimeoutUSec': <uint64 18446744073709551615>}",
        "{'TimeoutUSec': <int64 -1>}",
        "{'AppId': <'x'>, 'Unknown': <@a{sv} {}>}",
    ],
)
def test_bad_options(daemon, player, spawn, options):
    assert boost_error(player, spawn().pid, options=options) == INVALID
    assert daemon.classes() == {}


def test_reason(player, spawn):
    pid = spawn().pid
    for good in ("", "x" * 256, "ein Spiel läuft 🎮"):
        cookie = player.boost(pid, reason=good)
        assert player.boosts()[cookie]["Reason"] == good
    for bad in ("x" * 257, "🎮" * 65, "a\nb", "a\tb", "\x1b[2J", "\x7f", "\x85"):
        assert boost_error(player, pid, reason=bad) == INVALID


@pytest.mark.parametrize(
    "args",
    [
        None,
        "()",
        "(uint32 1,)",
        "(1, 'process', 'x', @a{sv} {})",
        "(uint64 1, 'process', 'x', @a{sv} {})",
        "('1', 'process', 'x', @a{sv} {})",
        "(uint32 1, 'process', 'x', @a{ss} {})",
        "(uint32 1, 'process', 'x', @a{sv} {}, 1)",
        "(uint32 1, 2, 3, 4)",
    ],
)
def test_wrong_types(player, args):
    assert player.error("BoostProcess", args) == INVALID


def test_descriptors_that_are_no_pidfd(bus, player, spawn):
    args = "(handle 0, 'process', 'x', @a{sv} {})"
    assert player.error("BoostProcessByPIDFd", args, file="/dev/null") == INVALID
    assert player.error("BoostProcessByPIDFd", args, file="/proc/self") == INVALID
    assert player.error("BoostProcessByPIDFd", args, file="/proc/self/status") == INVALID
    assert (
        player.error("BoostProcessByPIDFd", "(handle 1, 'process', 'x', @a{sv} {})", pidfd=1)
        == INVALID
    )
    assert player.error("BoostProcessByPIDFd", args) == INVALID
    assert player.error("BoostProcessByPIDFd", args, pidfd=1) == DENIED
    process = spawn(PLAYER, "sleep", "1000")
    zombie = spawn()
    zombie.kill()
    wait_for("a zombie", lambda: "\nState:\tZ" in open(f"/proc/{zombie.pid}/status").read())
    assert player.error("BoostProcessByPIDFd", args, pidfd=zombie.pid) == ERROR + "NoSuchProcess"
    assert player.call("BoostProcessByPIDFd", args, pidfd=process.pid)


def test_names_cannot_harm(daemon, player, spawn):
    # A name of 15 bytes that are no text; it must not break a message or the log.
    script = (
        "import ctypes, time; ctypes.CDLL(None).prctl(15, b'a\\xff\\xfe\\n\\x1b[2Jb', 0, 0, 0);"
        "print(1, flush=1); time.sleep(1000)"
    )
    process = spawn(PLAYER, "python3", "-c", script)
    process.stdout.readline()
    cookie = player.boost(process.pid)
    name = player.boosts()[cookie]["Name"]
    assert name.startswith("a") and name.isprintable()
    assert "\x1b" not in daemon.read_log()


def test_unknown_member(player):
    assert player.error("Destroy").startswith("org.freedesktop.DBus.Error.")
    # The bus policy lets through what is listed and nothing else.
    assert player.error("Destroy") == DENIED
    assert (
        player.error("GetAll", f"('org.example.Other',)", iface="org.freedesktop.DBus.Properties")
        == INVALID
    )


def test_not_running(start, connect, spawn):
    daemon = start()
    client = connect(PLAYER)
    pid = spawn().pid
    cookie = client.boost(pid)
    (daemon.kernel / "broken").touch()
    daemon.kill_scheduler()
    wait_for("failed", lambda: client.get("State") == "failed")
    assert boost_error(client, pid) == ERROR + "NotRunning"
    assert client.error("SetForegroundProcess", f"(uint32 {pid},)") == ERROR + "NotRunning"
    assert client.error("GetStatistics") == ERROR + "NotRunning"
    assert client.get("ExitReason")
    # What is held can be seen and released all the same.
    assert cookie in client.boosts()
    client.call("SetForegroundProcess", "(uint32 0,)")
    client.call("Release", f"(uint32 {cookie},)")
