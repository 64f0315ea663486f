# SPDX-License-Identifier: GPL-2.0-only
"""Who may do what: every call that changes something, for allow, deny, dialogue, hang, and no polkitd."""

import pytest
from harness import (
    BOOST_OTHER,
    BOOST_OWN,
    DENIED,
    ERROR,
    MANAGE,
    OTHER,
    PLAYER,
    SET_PROFILE,
    boost_args,
    wait_for,
)

INTERACTIVE = 2


def calls(player, spawn):
    """Each call that polkit is asked about: (action, method, arguments, more)."""
    mine, theirs = spawn(PLAYER).pid, spawn(OTHER).pid
    set_profile = player.set_args("Profile", "'gaming'")
    by_fd = "(handle 0, 'process', 'x', @a{sv} {})"
    return [
        (BOOST_OWN, "BoostProcess", boost_args(mine), {}),
        (BOOST_OTHER, "BoostProcess", boost_args(theirs), {}),
        (BOOST_OWN, "BoostProcessByPIDFd", by_fd, {"pidfd": mine}),
        (BOOST_OTHER, "BoostProcessByPIDFd", by_fd, {"pidfd": theirs}),
        (BOOST_OWN, "SetForegroundProcess", f"(uint32 {mine},)", {}),
        (BOOST_OTHER, "SetForegroundProcess", f"(uint32 {theirs},)", {}),
        (BOOST_OWN, "SetForegroundProcessByPIDFd", "(handle 0,)", {"pidfd": mine}),
        (BOOST_OTHER, "SetForegroundProcessByPIDFd", "(handle 0,)", {"pidfd": theirs}),
        (MANAGE, "ReloadConfiguration", None, {}),
        (
            SET_PROFILE,
            set_profile["method"],
            set_profile["args"],
            {"iface": set_profile["iface"]},
        ),
    ]


def asked(bus):
    return [tuple(entry) for entry in bus.mock("TakeAsked")]


def test_allowed(bus, player, spawn):
    for action, method, args, more in calls(player, spawn):
        bus.allow(action)
        player.call(method, args, **more)
        assert asked(bus) == [("system-bus-name", player.name, action, 0)], method


def test_denied(bus, daemon, player, spawn):
    for action, method, args, more in calls(player, spawn):
        bus.allow(*({BOOST_OWN, BOOST_OTHER, SET_PROFILE, MANAGE} - {action}))
        failure = player.failure(method, args, **more)
        assert failure.name == DENIED, method
        assert action in failure.message
    assert daemon.classes() == {} and player.boosts() == {}
    assert player.get("Profile") == "auto"


def test_root_is_not_asked_about(bus, root, spawn):
    bus.allow()
    for _action, method, args, more in calls(root, spawn):
        root.call(method, args, **more)
    assert asked(bus) == []


def test_dialogue_only_with_the_flag(bus, player, spawn):
    for action, method, args, more in calls(player, spawn):
        bus.mock("SetChallenge", f"(['{action}'],)")
        failure = player.failure(method, args, **more)
        assert failure.name == DENIED and "ALLOW_INTERACTIVE_AUTHORIZATION" in failure.message
        player.call(method, args, flags=INTERACTIVE, **more)
        assert [entry[3] for entry in asked(bus)] == [0, 1], method


def test_release_asks_for_others_only(bus, player, other, spawn):
    cookie = player.boost(spawn().pid)
    asked(bus)
    bus.mock("SetChallenge", f"(['{MANAGE}'],)")
    assert other.error("Release", f"(uint32 {cookie},)") == DENIED
    assert asked(bus) == [("system-bus-name", other.name, MANAGE, 0)]
    player.call("Release", f"(uint32 {cookie},)")
    assert asked(bus) == []


def test_reading_needs_no_permission(bus, player):
    bus.allow()
    player.call("ListBoosts")
    player.call("GetProcess", f"(uint32 {player.pid},)")
    player.call("GetStatistics")
    player.get("State")
    # Nor does giving up what is one's own.
    player.call("SetForegroundProcess", "(uint32 0,)")
    player.call("SetForegroundCGroup", "('',)")
    assert asked(bus) == []


def test_one_that_hangs_holds_up_nobody_else(bus, daemon, player, other, root, spawn):
    pids = [spawn().pid for _ in range(3)]
    bus.mock("SimulateHangActions", f"(['{BOOST_OWN}'],)")
    hanging = [
        player.begin("BoostProcess", boost_args(pids[0])),
        player.begin("SetForegroundProcess", f"(uint32 {pids[1]},)"),
    ]
    # The same user, another one and root, while those wait.
    assert player.get("State") == "active"
    player.call("ListBoosts")
    other.call("GetStatistics")
    other.call(**other.set_args("Profile", "'gaming'"))
    root.boost(pids[2])
    assert daemon.classes() == {("process", pids[2]): "boosted"}
    assert not any(player.is_answered(call) for call in hanging)
    bus.allow(BOOST_OWN)
    cookie = player.end(hanging[0])
    player.end(hanging[1])
    assert cookie in player.boosts()


def test_hang_ends_with_an_answer(bus, daemon, player, spawn):
    pid = spawn().pid
    bus.mock("SimulateHang", "(true,)")
    failure = player.failure("BoostProcess", boost_args(pid))
    assert failure.name == DENIED and "did not answer" in failure.message
    # An answer that comes too late changes nothing.
    bus.allow(BOOST_OWN)
    assert player.boosts() == {} and daemon.classes() == {}


def test_calls_that_wait_are_limited(bus, player, other, spawn):
    pid = spawn().pid
    bus.mock("SimulateHang", "(true,)")
    waiting = [player.begin("BoostProcess", boost_args(pid)) for _ in range(16)]
    assert player.error("BoostProcess", boost_args(pid)) == ERROR + "LimitExceeded"
    theirs = other.begin("BoostProcess", boost_args(spawn(OTHER).pid))
    bus.allow(BOOST_OWN)
    for call in waiting:
        player.end(call)
    other.end(theirs)


def test_the_process_ends_meanwhile(bus, daemon, player, spawn):
    process = spawn()
    bus.mock("SimulateHang", "(true,)")
    boost = player.begin("BoostProcess", boost_args(process.pid))
    wait_for("the question", lambda: asked(bus))
    process.kill()
    process.wait()
    bus.allow(BOOST_OWN)
    with pytest.raises(Exception, match="NoSuchProcess"):
        player.end(boost)
    assert daemon.classes() == {}


def test_the_client_leaves_meanwhile(bus, daemon, connect, player, spawn):
    client = connect(PLAYER)
    bus.mock("SimulateHang", "(true,)")
    client.begin("BoostProcess", boost_args(spawn().pid, options="{'Lifetime': <'client'>}"))
    wait_for("the question", lambda: asked(bus))
    client.kill()
    bus.allow(BOOST_OWN)
    player.wait_signal("BoostRemoved", lambda m, a: a[1:] == [0, "client-vanished"])
    assert daemon.classes() == {}


def test_stopping_answers_those_who_wait(bus, start, connect, spawn):
    daemon = start()
    client = connect(PLAYER)
    bus.mock("SimulateHang", "(true,)")
    waiting = [client.begin("BoostProcess", boost_args(spawn().pid)) for _ in range(3)]
    waiting += [client.begin("SetForegroundProcess", "(uint32 0,)") for _ in range(3)]
    wait_for("the questions", lambda: len(asked(bus)) > 0)
    client.call("GetStatistics")
    assert daemon.stop() == 0
    for call in waiting[:3]:
        with pytest.raises(Exception, match="NotRunning"):
            client.end(call)


def test_without_polkitd(bus, player, root, spawn):
    pid = spawn().pid
    bus.stop_polkit()
    try:
        failure = player.failure("BoostProcess", boost_args(pid))
        assert failure.name == DENIED and "polkit" in failure.message
        assert player.error("SetForegroundProcess", f"(uint32 {pid},)") == DENIED
        assert player.error(**player.set_args("Profile", "'gaming'")) == DENIED
        assert player.error("ReloadConfiguration") == DENIED
        cookie = root.boost(pid)
        root.call("ReloadConfiguration")
        assert player.error("Release", f"(uint32 {cookie},)") == DENIED
        root.call("Release", f"(uint32 {cookie},)")
    finally:
        bus.start_polkit()
