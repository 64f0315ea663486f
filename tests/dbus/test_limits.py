# SPDX-License-Identifier: GPL-2.0-only
"""How much one user may ask for."""

from harness import ERROR, OTHER, PLAYER, boost_args


def test_boosts(start, connect, spawn):
    start(boosts=3)
    player, other = connect(PLAYER), connect(OTHER)
    pid = spawn().pid
    cookies = [player.boost(pid) for _ in range(3)]
    failure = player.failure("BoostProcess", boost_args(pid))
    assert failure.name == ERROR + "LimitExceeded" and "3" in failure.message
    # Of the user, not of the connection; the foreground does not count, nor do others.
    assert connect(PLAYER).error("BoostProcess", boost_args(pid)) == ERROR + "LimitExceeded"
    player.call("SetForegroundProcess", f"(uint32 {pid},)")
    other.boost(spawn(OTHER).pid)
    player.call("Release", f"(uint32 {cookies[0]},)")
    player.boost(pid)


def test_one_that_ends_makes_room(start, connect, spawn):
    start(boosts=1)
    player = connect(PLAYER)
    process = spawn()
    cookie = player.boost(process.pid)
    process.kill()
    player.wait_removed(cookie)
    player.boost(spawn().pid)


def test_changes(start, connect, spawn):
    start(changes=5)
    player, other = connect(PLAYER), connect(OTHER)
    pid = spawn().pid
    cookies = [player.boost(pid) for _ in range(4)]
    player.call(**player.set_args("Profile", "'gaming'"))
    failure = player.failure("BoostProcess", boost_args(pid))
    assert failure.name == ERROR + "RateLimited" and "5" in failure.message
    assert player.error(**player.set_args("Profile", "'auto'")) == ERROR + "RateLimited"
    assert connect(PLAYER).error("BoostProcess", boost_args(pid)) == ERROR + "RateLimited"
    # Letting go is never refused, nor is the foreground, nor are others.
    for cookie in cookies:
        player.call("Release", f"(uint32 {cookie},)")
    player.call("SetForegroundProcess", f"(uint32 {pid},)")
    other.boost(spawn(OTHER).pid)


def test_polkit_is_not_flooded(bus, start, connect, spawn):
    start(changes=5)
    player = connect(PLAYER)
    bus.allow()
    theirs = spawn(OTHER).pid
    for _ in range(20):
        player.failure("BoostProcess", boost_args(theirs))
    assert len(bus.mock("TakeAsked")) == 5


def test_lower_limits_end_nothing(start, connect, spawn):
    daemon = start(boosts=5)
    player, root = connect(PLAYER), connect(0)
    pid = spawn().pid
    cookies = {player.boost(pid) for _ in range(5)}
    daemon.configure(boosts=2)
    root.call("ReloadConfiguration")
    assert set(player.boosts()) == cookies
    assert player.error("BoostProcess", boost_args(pid)) == ERROR + "LimitExceeded"
