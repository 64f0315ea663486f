# SPDX-License-Identifier: GPL-2.0-only
"""SetForegroundProcess and SetForegroundCGroup: one slot for each user, never refused for its rate."""

import contextlib
import os
import pathlib
import subprocess

import pytest
from harness import BOOST_OTHER, BOOST_OWN, DENIED, ERROR, INVALID, OTHER, PLAYER, boost_args, wait_for


def focus(client, pid, **more):
    return client.call("SetForegroundProcess", f"(uint32 {pid},)", **more)


def only(client):
    (boost,) = client.boosts().values()
    return boost


def test_slot(daemon, player, spawn):
    first, second = spawn(), spawn()
    focus(player, first.pid)
    wait_for("foreground", lambda: daemon.classes() == {("tree", first.pid): "foreground"})
    boost = only(player)
    assert (boost["Class"], boost["Scope"], boost["Pid"]) == ("foreground", "tree", first.pid)
    cookie = boost["Cookie"]
    focus(player, second.pid)
    assert player.wait_removed(cookie) == [cookie, 0, "replaced"]
    wait_for("the next", lambda: daemon.classes() == {("tree", second.pid): "foreground"})
    cookie = only(player)["Cookie"]
    focus(player, 0)
    assert player.wait_removed(cookie) == [cookie, 0, "released"]
    assert daemon.classes() == {} and player.boosts() == {}
    focus(player, 0)


def test_the_same_again_changes_nothing(daemon, player, spawn):
    pid, marker = spawn().pid, spawn().pid
    for _ in range(3):
        focus(player, pid)
    cookie = wait_for("foreground", lambda: player.boosts())
    focus(player, pid)
    focus(player, pid)
    # What comes later was heard: then everything before was heard as well.
    player.wait_added(player.boost(marker))
    assert set(cookie) < set(player.boosts())
    added = [args for member, args in player.signals if member == "BoostAdded"]
    boosts = player.boosts()
    assert [boosts[args[0]]["Pid"] for args in added] == [pid, marker]


def test_each_user_has_one(daemon, player, other, spawn):
    mine, theirs = spawn().pid, spawn(other.uid).pid
    focus(player, mine)
    focus(other, theirs)
    want = {("tree", mine): "foreground", ("tree", theirs): "foreground"}
    wait_for("both", lambda: daemon.classes() == want)
    focus(other, 0)
    wait_for("one", lambda: daemon.classes() == {("tree", mine): "foreground"})


def test_by_pidfd(daemon, player, spawn):
    process, call = spawn(), "SetForegroundProcessByPIDFd"
    player.call(call, "(handle 0,)", pidfd=process.pid)
    wait_for("foreground", lambda: daemon.classes() == {("tree", process.pid): "foreground"})
    # It is the same slot, and the same process.
    cookie = only(player)["Cookie"]
    focus(player, process.pid)
    assert only(player)["Cookie"] == cookie
    assert player.error(call, "(handle 0,)", pidfd=1) == DENIED
    assert player.error(call, "(handle 0,)", file="/dev/null") == INVALID
    assert player.error(call, "(handle 0,)") == INVALID
    assert only(player)["Cookie"] == cookie
    focus(player, 0)
    wait_for("nothing", lambda: daemon.classes() == {})


def test_ends_with_the_process(daemon, player, spawn):
    process = spawn()
    focus(player, process.pid)
    wait_for("foreground", lambda: player.boosts())
    cookie = only(player)["Cookie"]
    process.kill()
    assert player.wait_removed(cookie) == [cookie, 0, "exited"]
    focus(player, spawn().pid)
    wait_for("the next", lambda: player.boosts())


def test_can_be_released(daemon, player, spawn):
    focus(player, spawn().pid)
    wait_for("foreground", lambda: player.boosts())
    player.call("Release", f"(uint32 {only(player)['Cookie']},)")
    assert daemon.classes() == {}


def test_many_changes_are_put_together(start, connect, spawn):
    # Far more than a user may make of other calls.
    daemon = start(changes=5)
    client = connect(PLAYER)
    pids = [spawn().pid for _ in range(3)]
    for _ in range(8):
        # As many as a connection may have under way, and in all a burst that is still served.
        calls = [
            client.begin("SetForegroundProcess", f"(uint32 {pids[i % 3]},)") for i in range(23)
        ]
        for call in calls:
            client.end(call)
    # The last one wins.
    wait_for("the last", lambda: daemon.classes() == {("tree", pids[22 % 3]): "foreground"})
    assert len(client.boosts()) == 1
    # and of the others most never reached the scheduler.
    changes = (daemon.kernel / "classes").read_text().count("foreground")
    assert changes < 92, changes
    # Nor are they counted.
    for pid in pids:
        client.boost(pid)


def test_whoever_has_lost_the_right_may_clear(bus, daemon, player, spawn):
    pid = spawn().pid
    for clear in (("SetForegroundProcess", "(uint32 0,)"), ("SetForegroundCGroup", "('',)")):
        bus.allow(BOOST_OWN)
        focus(player, pid)
        wait_for("foreground", lambda: daemon.classes() == {("tree", pid): "foreground"})
        bus.allow()
        assert player.error("SetForegroundProcess", f"(uint32 {pid},)") == DENIED
        player.call(*clear)
        wait_for("nothing", lambda: daemon.classes() == {})
    bus.stop_polkit()
    try:
        player.call("SetForegroundProcess", "(uint32 0,)")
    finally:
        bus.start_polkit()


def test_refusals(player, root, other, spawn):
    process = spawn()
    process.kill()
    process.wait()
    call = "SetForegroundProcess"
    assert player.error(call, f"(uint32 {process.pid},)") == ERROR + "NoSuchProcess"
    assert player.error(call, "(uint32 1,)") == DENIED
    assert player.error(call, f"(uint32 {spawn(other.uid).pid},)") == DENIED
    assert player.error(call, f"(uint32 {os.getpid()},)") == DENIED
    assert player.error(call, "(1,)") == INVALID
    assert player.error(call, "(int64 1,)") == INVALID
    assert player.boosts() == {} and root.boosts() == {}


def test_a_refused_call_leaves_the_slot(daemon, player, spawn):
    pid = spawn().pid
    focus(player, pid)
    wait_for("foreground", lambda: player.boosts())
    assert player.error("SetForegroundProcess", "(uint32 4194305,)") == ERROR + "NoSuchProcess"
    assert daemon.classes() == {("tree", pid): "foreground"}


def test_others_need_permission(bus, daemon, player, other, spawn):
    theirs = spawn(other.uid).pid
    bus.allow(BOOST_OTHER)
    focus(player, theirs)
    wait_for("foreground", lambda: daemon.classes() == {("tree", theirs): "foreground"})
    assert only(player)["Uid"] == PLAYER


# ---- control groups ------------------------------------------------------------------------------


def mount_point():
    for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.path.exists(path + "/cgroup.controllers"):
            return pathlib.Path(path)
    return None


@pytest.fixture
def group():
    """group(path): a control group of that path, made for this test."""
    mount, made = mount_point(), []

    def make(path):
        if not mount:
            pytest.skip("no control groups of version 2 here")
        for directory in reversed([mount / path, *(mount / path).parents]):
            if mount in directory.parents and not directory.exists():
                try:
                    directory.mkdir()
                except OSError as error:
                    pytest.skip(f"control groups cannot be made here: {error}")
                if directory not in made:
                    made.append(directory)
        return mount / path

    yield make
    for directory in reversed(made):
        # Those that were killed may still be leaving.
        wait_for(f"{directory} empty", lambda: "populated 0" in (directory / "cgroup.events").read_text())
        with contextlib.suppress(FileNotFoundError):
            directory.rmdir()


def user_group(uid, rest):
    return f"user.slice/user-{uid}.slice/user@{uid}.service/{rest}"


def enter(group, process):
    (group / "cgroup.procs").write_text(str(process.pid))


def test_cgroup(daemon, player, group, spawn):
    path = user_group(PLAYER, "app.slice/app-game.scope")
    game, process = group(path), spawn()
    ident = game.stat().st_ino
    call = "SetForegroundCGroup"
    assert player.error(call, f"('/{path}',)") == ERROR + "NoSuchProcess"  # nobody in it
    enter(game, process)
    player.call(call, f"('/{path}',)")
    wait_for("foreground", lambda: daemon.classes() == {("cgroup", ident): "foreground"})
    boost = only(player)
    assert (boost["Pid"], boost["Scope"], boost["CGroup"]) == (0, "cgroup", "/" + path)
    assert boost["Name"] == "app-game.scope"
    info = player.call("GetProcess", f"(uint32 {process.pid},)")
    assert (info["Class"], info["CGroup"], info["CGroupId"]) == ("foreground", "/" + path, ident)
    player.call(call, "('',)")
    assert player.wait_removed(boost["Cookie"]) == [boost["Cookie"], 0, "released"]
    # With the mount point before it, and with needless slashes.
    player.call(call, f"('{game}//',)")
    wait_for("foreground", lambda: daemon.classes() == {("cgroup", ident): "foreground"})
    cookie = only(player)["Cookie"]
    process.kill()
    process.wait()
    assert player.wait_removed(cookie) == [cookie, 0, "exited"]
    assert daemon.classes() == {}


def test_a_group_is_judged_by_a_process_in_it(bus, daemon, player, leave, group, spawn):
    path = user_group(PLAYER, "app.slice/app-game.scope")
    outer, inner, process = group(path), group(path + "/inner/most"), spawn()
    enter(inner, process)
    player.call("SetForegroundCGroup", f"('/{path}',)")
    ident = outer.stat().st_ino
    wait_for("foreground", lambda: daemon.classes() == {("cgroup", ident): "foreground"})
    bus.mock("TakeAsked")
    leave(process.pid)
    wait_for("suspended", lambda: daemon.classes() == {("cgroup", ident): "suspended"})
    ((kind, name, _action, _flags),) = bus.mock("TakeAsked")
    assert (kind, name.split()[0]) == ("unix-process", str(process.pid))
    leave()
    wait_for("in force", lambda: daemon.classes() == {("cgroup", ident): "foreground"})


def test_cgroup_and_process_share_the_slot(daemon, player, group, spawn):
    path = user_group(PLAYER, "app.slice/app-other.scope")
    enter(group(path), spawn())
    pid = spawn().pid
    focus(player, pid)
    player.call("SetForegroundCGroup", f"('/{path}',)")
    wait_for("the group", lambda: [b["Pid"] for b in player.boosts().values()] == [0])
    focus(player, pid)
    wait_for("the process", lambda: [b["Pid"] for b in player.boosts().values()] == [pid])


def test_cgroup_of_others(bus, daemon, player, root, other, group, spawn):
    theirs = user_group(other.uid, "app.slice/app-game.scope")
    # A name that only begins like one's own.
    mine_not = f"user.slice/user-{PLAYER}.slice.d/app-game.scope"
    for path in (theirs, mine_not, "system-rustland-test.slice"):
        enter(group(path), spawn())
        assert player.error("SetForegroundCGroup", f"('/{path}',)") == DENIED
    root.call("SetForegroundCGroup", f"('/{theirs}',)")
    wait_for("foreground", lambda: root.boosts())
    bus.allow(BOOST_OTHER)
    player.call("SetForegroundCGroup", f"('/{theirs}',)")


def test_cgroup_of_more_than_one_application(bus, daemon, player, root, group, spawn):
    """If all that a user runs were in front, then the limits on boosts would limit nothing."""
    app = user_group(PLAYER, "app.slice/app-game.scope")
    login = f"user.slice/user-{PLAYER}.slice/session-rustland-test.scope"
    game, shell = spawn(), spawn()
    enter(group(app), game)
    enter(group(login), shell)
    bus.allow(BOOST_OWN, BOOST_OTHER)
    wide = [f"/{parent}" for parent in pathlib.Path(app).parents if f"user-{PLAYER}." in str(parent)]
    assert len(wide) == 3
    for path in (*wide, f"/{login}"):
        failure = player.failure("SetForegroundCGroup", f"('{path}',)")
        assert failure.name == INVALID, path
        assert f"below user@{PLAYER}.service" in failure.message
    assert player.error("BoostProcess", boost_args(shell.pid, "cgroup")) == INVALID
    player.boost(game.pid, "cgroup")
    # An administrator may know better.
    root.boost(shell.pid, "cgroup")


def test_cgroup_made_anew_is_another_one(daemon, player, group, spawn):
    path = user_group(PLAYER, "app.slice/app-game.scope")
    directory = group(path)
    first, second = spawn(), spawn()
    enter(directory, first)
    cookie = player.boost(first.pid, "cgroup")
    first.kill()
    first.wait()
    player.wait_removed(cookie)
    directory.rmdir()
    enter(group(path), second)
    info = player.call("GetProcess", f"(uint32 {second.pid},)")
    assert (info["Class"], info["Cookies"]) == ("normal", [])


def test_cgroup_traversal(player, root, group, spawn):
    own = user_group(PLAYER, "app.slice/app-game.scope")
    enter(group(own), spawn())
    enter(group("system-rustland-test.slice"), spawn())
    for path in (
        f"/{own}/../../../../system-rustland-test.slice",
        f"/{own}/..",
        f"/{own}/./",
        "/..",
        "/../../../etc",
        "/sys/fs/cgroup/../../../etc",
        own,
        "/",
        "//",
        str(mount_point()),
        f"/{own}\\n",
        f"/{own}/" + "x" * 5000,
    ):
        assert player.error("SetForegroundCGroup", f"('{path}',)") == INVALID, path
        assert root.error("SetForegroundCGroup", f"('{path}',)") == INVALID, path
    for path in ("/etc", "/proc/self", f"/{own}/cgroup.procs", f"/{own}/none"):
        assert root.error("SetForegroundCGroup", f"('{path}',)") == ERROR + "NoSuchProcess", path


def test_boost_with_scope_cgroup(bus, daemon, player, group, spawn):
    own = group(user_group(PLAYER, "app.slice/app-game.scope"))
    first, second = spawn(), spawn()
    enter(own, first)
    enter(own, second)
    ident = own.stat().st_ino
    cookie = player.boost(first.pid, "cgroup")
    assert daemon.classes() == {("cgroup", ident): "boosted"}
    boost = only(player)
    assert (boost["Pid"], boost["CGroup"]) == (first.pid, f"/{own.relative_to(mount_point())}")
    assert player.call("GetProcess", f"(uint32 {second.pid},)")["Cookies"] == [cookie]
    first.kill()
    assert player.wait_removed(cookie) == [cookie, 0, "exited"]
    assert daemon.classes() == {}
    # An own process in a group that is not one's own: others may be in there.
    enter(group("system-rustland-test.slice"), second)
    assert player.error("BoostProcess", boost_args(second.pid, "cgroup")) == DENIED
    bus.allow(BOOST_OTHER)
    player.boost(second.pid, "cgroup")
    # A process of somebody else, in whatever group it is: that is looked at when it is allowed.
    theirs = spawn(OTHER)
    enter(group("system-rustland-test.slice/theirs"), theirs)
    cookie = player.boost(theirs.pid, "cgroup")
    assert player.boosts()[cookie]["CGroup"] == "/system-rustland-test.slice/theirs"


def test_boost_of_everything(root, spawn):
    process = spawn()
    with open(f"/proc/{process.pid}/cgroup", encoding="ascii") as file:
        path = next((line[3:].strip() for line in file if line.startswith("0::")), None)
    if path != "/":
        mount = mount_point()
        if not mount:
            pytest.skip("no control groups of version 2 here")
        enter(mount, process)
    assert root.error("BoostProcess", boost_args(process.pid, "cgroup")) == INVALID


# ---- with polkit in between ----------------------------------------------------------------------


def test_polkit_is_asked_for_the_last_one_only(bus, daemon, player, spawn):
    pids = [spawn().pid for _ in range(5)]
    bus.mock("SimulateHang", "(true,)")
    calls = [player.begin("SetForegroundProcess", f"(uint32 {pid},)") for pid in pids]
    # The first is under way, the last waits for its turn, those between are out of date.
    for call in calls[1:-1]:
        player.end(call)
    assert not player.is_answered(calls[0]) and not player.is_answered(calls[-1])
    bus.allow(BOOST_OWN)
    for call in (calls[0], calls[-1]):
        player.end(call)
    wait_for("the last", lambda: daemon.classes() == {("tree", pids[-1]): "foreground"})
