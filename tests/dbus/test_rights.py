# SPDX-License-Identifier: GPL-2.0-only
"""A boost holds while polkit would allow it to the session that the boosted process is in."""

import pathlib

import pytest
from harness import BOOST_OTHER, BOOST_OWN, OTHER, PLAYER, wait_for


def asked(bus):
    return [entry[:3] for entry in map(tuple, bus.mock("TakeAsked"))]


def about(*pids):
    """The questions about these processes, as the player's."""
    questions = []
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            started = file.read().rsplit(")", 1)[1].split()[19]
        questions.append(("unix-process", f"{pid} {started} {PLAYER}", BOOST_OWN))
    return sorted(questions)


def suspended(client):
    return [boost["Suspended"] for boost in client.boosts().values()]


def test_who_is_no_longer_in_front_has_no_boosts(bus, daemon, player, other, root, leave, spawn):
    tree, window, theirs, roots = (spawn(uid).pid for uid in (PLAYER, PLAYER, OTHER, PLAYER))
    cookie = player.boost(tree, "tree")
    player.call("SetForegroundProcess", f"(uint32 {window},)")
    other.boost(theirs)
    root.boost(roots)
    all_of_them = {
        ("tree", tree): "boosted",
        ("tree", window): "foreground",
        ("process", theirs): "boosted",
        ("process", roots): "boosted",
    }
    wait_for("all", lambda: daemon.classes() == all_of_them)
    for _ in range(2):
        asked(bus)
        leave(tree, window)
        # The entries stay known, without a class.
        left = all_of_them | {("tree", tree): "suspended", ("tree", window): "suspended"}
        wait_for("those of the others", lambda: daemon.classes() == left)
        assert sorted(suspended(root)) == [False, False, True, True]
        info = player.call("GetProcess", f"(uint32 {tree},)")
        assert (info["Class"], info["Cookies"]) == ("normal", [])
        leave()
        wait_for("all again", lambda: daemon.classes() == all_of_them)
        # Of root's nobody was asked.
        names = {int(name.split()[0]) for _kind, name, _action in asked(bus)}
        assert names == {tree, window, theirs}
    # Nothing came or went, and the user can end what is suspended.
    assert not [args for member, args in player.signals if member == "BoostRemoved"]
    leave(tree, window)
    wait_for("suspended", lambda: sorted(suspended(root)) == [False, False, True, True])
    player.call("Release", f"(uint32 {cookie},)")
    player.call("SetForegroundProcess", "(uint32 0,)")
    wait_for("those of the others", lambda: len(daemon.classes()) == 2)


def test_polkit_is_asked_about_the_boosted_process(bus, player, leave, spawn):
    first, second = spawn().pid, spawn().pid
    player.boost(first)
    player.boost(second, "tree")
    asked(bus)
    leave(first)
    wait_for("suspended", lambda: sorted(suspended(player)) == [False, True])
    questions = []
    wait_for("both questions", lambda: questions.extend(asked(bus)) or len(questions) >= 2)
    assert sorted(questions) == about(first, second)


def test_a_class_of_somebody_else_on_the_same_target(daemon, player, root, leave, spawn):
    pid = spawn().pid
    player.boost(pid)
    root.boost(pid)
    assert daemon.entries() == {("process", pid): ("boosted", PLAYER, PLAYER)}
    leave(pid)
    wait_for("root's", lambda: daemon.entries() == {("process", pid): ("boosted", "any", 0)})


def test_what_an_administrator_gave_stays(bus, daemon, player, leave, spawn):
    bus.allow(BOOST_OTHER, BOOST_OWN)
    theirs, mine = spawn(OTHER).pid, spawn().pid
    player.boost(theirs)
    player.boost(mine)
    leave(theirs, mine)
    want = {("process", theirs): "boosted", ("process", mine): "suspended"}
    wait_for("suspended", lambda: daemon.classes() == want)


def rules_changed(bus):
    """What polkitd says when an administrator has changed its rules."""
    args = "('org.freedesktop.PolicyKit1.Authority', 'Changed', '', @av [])"
    bus.mock("EmitSignal", args)


def test_polkitd_is_started_again_and_has_other_rules(bus, player, spawn):
    player.boost(spawn().pid)
    bus.stop_polkit()
    bus.start_polkit()
    # It allows nothing now.
    wait_for("the new answer", lambda: suspended(player) == [True])
    bus.allow(BOOST_OWN)
    rules_changed(bus)
    wait_for("in force", lambda: suspended(player) == [False])


def test_where_polkitd_cannot_be_asked_its_last_answers_stand(bus, start, connect, leave, spawn):
    daemon = start(store=True)
    player = connect(PLAYER)
    stays, gone = spawn().pid, spawn().pid
    player.boost(stays)
    player.boost(gone)
    leave(gone)
    want = {("process", stays): "boosted", ("process", gone): "suspended"}
    wait_for("suspended", lambda: daemon.classes() == want)
    daemon.kill()
    bus.stop_polkit()
    try:
        daemon.restart()
        assert daemon.classes() == want
    finally:
        bus.start_polkit()
        bus.allow(BOOST_OWN)
    # One process has the other's session now.
    leave(stays)
    want = {("process", gone): "boosted", ("process", stays): "suspended"}
    wait_for("polkitd's answers", lambda: daemon.classes() == want)


def test_across_a_restart(start, connect, leave, spawn):
    daemon = start(store=True)
    player = connect(PLAYER)
    pid = spawn().pid
    cookie = player.boost(pid)
    leave(pid)
    wait_for("suspended", lambda: suspended(player) == [True])
    daemon.kill()
    daemon.restart()
    assert daemon.classes() == {("process", pid): "suspended"}
    assert suspended(player) == [True]
    # It changes while nobody looks.
    daemon.kill()
    leave()
    daemon.restart()
    wait_for("in force", lambda: suspended(player) == [False])
    daemon.kill()
    leave(pid)
    daemon.restart()
    wait_for("suspended again", lambda: suspended(player) == [True])
    assert list(player.boosts()) == [cookie]


def test_a_session_that_changes_while_polkit_is_asked(bus, player, leave, spawn):
    pid = spawn().pid
    bus.mock("SimulateHang", "(true,)")
    call = player.begin("BoostProcess", f"(uint32 {pid}, 'process', 'x', @a{{sv}} {{}})")
    wait_for("the question", lambda: asked(bus))
    # The answer, which is that it is allowed, is from before the change.
    leave(pid)
    wait_for("the service to know", lambda: player.call("ListBoosts") == [])
    bus.mock("SimulateHang", "(false,)")
    bus.mock("ReleaseHangingCalls")
    player.end(call)
    wait_for("suspended", lambda: suspended(player) == [True])


def test_a_change_while_polkit_is_asked_about_another_one(bus, player, leave, spawn):
    first, second = spawn().pid, spawn().pid
    player.boost(first)
    player.boost(second)
    asked(bus)
    bus.mock("SimulateHang", "(true,)")
    rules_changed(bus)
    wait_for("the question", lambda: asked(bus))
    leave(first, second)
    bus.mock("SimulateHang", "(false,)")
    bus.mock("ReleaseHangingCalls")
    wait_for("both", lambda: suspended(player) == [True, True])


def test_the_same_window_again_when_it_is_allowed_again(daemon, player, leave, spawn):
    pid = spawn().pid
    player.call("SetForegroundProcess", f"(uint32 {pid},)")
    wait_for("foreground", lambda: daemon.classes() == {("tree", pid): "foreground"})
    leave(pid)
    wait_for("suspended", lambda: daemon.classes() == {("tree", pid): "suspended"})
    # Asked for from another session of the user's, which is active.
    player.call("SetForegroundProcess", f"(uint32 {pid},)")
    wait_for("foreground", lambda: daemon.classes() == {("tree", pid): "foreground"})


@pytest.fixture
def display():
    """display(LEADER): the player's session, in the files that logind would write; None: there is none."""
    systemd = pathlib.Path("/run/systemd")
    if (systemd / "system").exists():
        pytest.skip("this machine has a logind of its own")
    texts = {
        systemd / "sessions/c1": "UID={uid}\nLEADER={leader}\n",
        systemd / f"users/{PLAYER}": "DISPLAY=c1\n",
    }

    def write(leader):
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if leader:
                path.with_suffix(".new").write_text(
                    text.format(uid=PLAYER, leader=leader), encoding="ascii"
                )
                path.with_suffix(".new").rename(path)

    yield write
    write(None)


def test_what_no_login_has_started_has_the_rights_of_its_users_display(
    bus, daemon, player, other, leave, display, spawn
):
    """As a job of cron's, which outlives every session: its boost must not."""
    job, theirs, leader = spawn().pid, spawn(OTHER).pid, spawn(0).pid
    player.boost(job)
    other.boost(theirs)
    display(leader)
    asked(bus)
    # To a process in no session polkit allows nothing, and the user is in front.
    leave(job, theirs)
    want = {("process", job): "boosted", ("process", theirs): "suspended"}
    wait_for("the other's", lambda: daemon.classes() == want)
    questions = []
    wait_for("the session", lambda: questions.extend(asked(bus)) or about(leader)[0] in questions)
    # Another session comes to the front, and then the user logs out.
    leave(job, theirs, leader)
    want |= {("process", job): "suspended"}
    wait_for("suspended", lambda: daemon.classes() == want)
    leave(job, theirs)
    want |= {("process", job): "boosted"}
    wait_for("in force", lambda: daemon.classes() == want)
    display(None)
    rules_changed(bus)
    want |= {("process", job): "suspended"}
    wait_for("suspended", lambda: daemon.classes() == want)
