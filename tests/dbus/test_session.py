# SPDX-License-Identifier: GPL-2.0-only
"""rustland-session with the real rustlandd: what it makes of GameMode, of clients of
com.system76.Scheduler on the session bus, and of services that come and go."""

import os
import shutil
import signal

import pytest

import session as sessions
from test_namespaces import inside
from harness import BOOST_OTHER, BOOST_OWN, OTHER, PLAYER, Client, wait_for


def boosted(daemon, *pids):
    want = {("tree", pid): "boosted" for pid in pids}
    wait_for(f"boosts of {pids}", lambda: daemon.classes() == want)


def in_foreground(daemon, *pids):
    want = {("tree", pid): "foreground" for pid in pids}
    wait_for(f"{pids} in the foreground", lambda: daemon.classes() == want)


def test_games(daemon, session, player, spawn):
    first, second = spawn(), spawn()
    session.start_bridge()
    session.start_gamemode()
    session.game("register", first.pid)
    boosted(daemon, first.pid)
    (boost,) = player.boosts().values()
    assert (boost["Pid"], boost["Scope"], boost["Lifetime"]) == (first.pid, "tree", "client")
    assert boost["Reason"] == "game (GameMode)"
    assert boost["Requester"] == "rustland-sessio"
    session.game("register", second.pid)
    boosted(daemon, first.pid, second.pid)
    session.game("register", second.pid)
    session.game("unregister", first.pid)
    boosted(daemon, second.pid)
    session.game("unregister", second.pid)
    boosted(daemon)
    assert player.boosts() == {}


def test_a_game_that_crashes(daemon, session, player, spawn):
    """GameMode takes five seconds to notice."""
    game = spawn()
    session.start_bridge()
    session.start_gamemode()
    session.game("register", game.pid)
    boosted(daemon, game.pid)
    (cookie,) = player.boosts()
    game.kill()
    assert player.wait_removed(cookie) == [cookie, 0, "exited"]
    session.game("unregister", game.pid)
    other = spawn()
    session.game("register", other.pid)
    boosted(daemon, other.pid)


def test_a_game_that_is_gone_already(daemon, session, spawn):
    game, other = spawn(), spawn()
    session.start_bridge()
    session.start_gamemode()
    game.kill()
    game.wait()
    session.game("register", game.pid)
    session.game("register", other.pid)
    boosted(daemon, other.pid)


def test_numbers_of_other_users(bus, daemon, session, player, spawn):
    """In another pid namespace a number may be that of anything here; even where this user may."""
    bus.allow(BOOST_OWN, BOOST_OTHER)
    theirs, game, window = spawn(OTHER), spawn(), spawn()
    session.start_bridge()
    session.start_gamemode()
    session.game("register", theirs.pid)
    session.set_foreground(f"(uint32 {theirs.pid},)")
    session.game("register", game.pid)
    boosted(daemon, game.pid)
    session.set_foreground(f"(uint32 {window.pid},)")
    want = {("tree", game.pid): "boosted", ("tree", window.pid): "foreground"}
    wait_for("the window", lambda: daemon.classes() == want)
    assert f"tree {theirs.pid} " not in (daemon.kernel / "classes").read_text(encoding="ascii")
    # A window of somebody else has the focus: none of this user's has it.
    session.set_foreground(f"(uint32 {theirs.pid},)")
    boosted(daemon, game.pid)


def test_numbers_of_another_namespace(bus, daemon, session, spawn):
    """Of a caller on the session bus: they mean nothing, or another process, here."""
    window, wrong, last = spawn(), spawn(), spawn()
    session.start_bridge()
    session.set_foreground(f"(uint32 {window.pid},)")
    in_foreground(daemon, window.pid)
    boxed = Client(session.on_session_bus, PLAYER, **inside(bus))
    try:
        boxed.call(
            "SetForegroundProcess",
            f"(uint32 {wrong.pid},)",
            dest=sessions.SCHEDULER,
            path="/com/system76/Scheduler",
            iface=sessions.SCHEDULER,
        )
        session.set_foreground(f"(uint32 {last.pid},)")
        in_foreground(daemon, last.pid)
    finally:
        boxed.close()
    assert f"tree {wrong.pid} " not in (daemon.kernel / "classes").read_text(encoding="ascii")


def test_games_before_the_bridge(daemon, session, spawn):
    first, second = spawn(), spawn()
    session.start_gamemode(first.pid, second.pid)
    session.start_bridge()
    boosted(daemon, first.pid, second.pid)


def test_gamemode_is_never_started(daemon, session):
    session.start_bridge()
    assert not session.has_owner(sessions.GAMEMODE)


def test_gamemode_comes_back(daemon, session, spawn):
    first, second = spawn(), spawn()
    session.start_bridge()
    session.start_gamemode(first.pid)
    boosted(daemon, first.pid)
    session.stop_gamemode()
    boosted(daemon)
    session.start_gamemode(second.pid)
    boosted(daemon, second.pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_bridge_comes_back(daemon, session, player, spawn, number):
    game = spawn()
    session.start_gamemode(game.pid)
    session.start_bridge()
    boosted(daemon, game.pid)
    session.stop_bridge(number)
    boosted(daemon)
    session.start_bridge()
    boosted(daemon, game.pid)
    assert len(player.boosts()) == 1


def test_the_service_comes_back(daemon, session, connect, spawn):
    """Without the store: it has forgotten everything."""
    game, window = spawn(), spawn()
    session.start_gamemode(game.pid)
    session.start_bridge()
    session.set_foreground(f"(uint32 {window.pid},)")
    want = {("tree", game.pid): "boosted", ("tree", window.pid): "foreground"}
    wait_for("both", lambda: daemon.classes() == want)
    daemon.kill()
    daemon.start()
    wait_for("both again", lambda: daemon.classes() == want)
    assert len(connect(PLAYER).boosts()) == 2


@pytest.fixture
def kept(bus, start):
    """A rustlandd whose boosts outlive it."""
    return start(store=True)


def test_boosts_that_the_service_kept(bus, kept, connect, spawn):
    """They are not asked for twice, and those that were given up meanwhile are released."""
    shutil.copy(sessions.HERE / "gamemode.py", bus.dir)
    session = sessions.Session(bus)
    stays, goes = spawn(), spawn()
    session.start_gamemode(stays.pid, goes.pid)
    session.start_bridge()
    boosted(kept, stays.pid, goes.pid)
    before = connect(PLAYER).boosts()
    kept.kill()
    session.game("unregister", goes.pid)
    # What is heard later was heard after that.
    session.set_foreground("(uint32 0,)")
    kept.restart()
    boosted(kept, stays.pid)
    after = connect(PLAYER).boosts()
    assert list(after) == [cookie for cookie in before if before[cookie]["Pid"] == stays.pid]
    session.close()


def test_the_service_comes_late(bus, start, spawn):
    """The game plays already when the service is started for the first time."""
    shutil.copy(sessions.HERE / "gamemode.py", bus.dir)
    session = sessions.Session(bus)
    game = spawn()
    session.start_gamemode(game.pid)
    session.start_bridge()
    daemon = start()
    boosted(daemon, game.pid)
    session.close()


def test_released_by_a_person(daemon, session, player, spawn):
    game, other = spawn(), spawn()
    session.start_gamemode(game.pid)
    session.start_bridge()
    boosted(daemon, game.pid)
    (cookie,) = player.boosts()
    player.call("Release", f"(uint32 {cookie},)")
    boosted(daemon)
    session.game("register", other.pid)
    boosted(daemon, other.pid)


def test_not_allowed_at_the_moment(bus, daemon, session, spawn):
    """The session is not active: refused, and tried again."""
    game = spawn()
    bus.allow()
    session.start_gamemode(game.pid)
    session.start_bridge()
    wait_for("a refusal", lambda: "is not boosted for now" in session.read_log())
    assert daemon.classes() == {}
    bus.allow(BOOST_OWN)
    boosted(daemon, game.pid)


@pytest.mark.parametrize("kind", ["uint32 {}", "int32 {}", "double {}.0"])
def test_scheduler_name(daemon, session, spawn, kind):
    """KWin's script sends what JavaScript's numbers become."""
    first, second = spawn(), spawn()
    session.start_bridge()
    assert session.set_foreground(f"({kind.format(first.pid)},)") == []
    in_foreground(daemon, first.pid)
    session.set_foreground(f"({kind.format(second.pid)},)")
    in_foreground(daemon, second.pid)
    session.set_foreground(f"({kind.format(0)},)")
    in_foreground(daemon)


def test_scheduler_name_never_fails(daemon, session, spawn):
    pid = spawn().pid
    dead = spawn()
    dead.kill()
    dead.wait()
    session.start_bridge()
    for value in (f"uint32 {dead.pid}", "int32 -1", "uint32 4294967295", "1e300", "-1.5", "uint32 1"):
        assert session.set_foreground(f"({value},)") == []
    session.set_foreground(f"(uint32 {pid},)")
    in_foreground(daemon, pid)
    more = {"dest": sessions.SCHEDULER, "path": "/com/system76/Scheduler"}
    for method, args in (
        ("SetCpuMode", "(byte 3,)"),
        ("SetCpuProfile", "('responsive',)"),
        ("ReloadConfiguration", None),
    ):
        assert session.client.call(method, args, iface=sessions.SCHEDULER, **more) == []
    properties = session.client.call(
        "GetAll", f"('{sessions.SCHEDULER}',)", iface="org.freedesktop.DBus.Properties", **more
    )
    assert properties == {"CpuMode": 0, "CpuProfile": "auto"}
    assert session.client.error("SetForegroundProcess", "('x',)", iface=sessions.SCHEDULER, **more)


def test_the_foreground_ends_with_the_bridge(daemon, session, spawn):
    session.start_bridge()
    session.set_foreground(f"(uint32 {spawn().pid},)")
    wait_for("the foreground", daemon.classes)
    assert session.stop_bridge() == 0
    in_foreground(daemon)


def test_focus_switched_off(daemon, session, spawn):
    session.start_bridge(focus="no", wait=False)
    game = spawn()
    session.start_gamemode(game.pid)
    boosted(daemon, game.pid)
    assert not session.has_owner(sessions.SCHEDULER)


def test_another_has_the_name(daemon, session, spawn):
    session.client.call(
        "RequestName",
        f"('{sessions.SCHEDULER}', uint32 0)",
        dest="org.freedesktop.DBus",
        path="/org/freedesktop/DBus",
        iface="org.freedesktop.DBus",
    )
    game = spawn()
    session.start_bridge()
    session.start_gamemode(game.pid)
    boosted(daemon, game.pid)


def test_nothing_leaks(daemon, session, player, spawn):
    """Games and windows that come and go, the bridge's descriptors afterwards as before."""
    session.start_bridge()
    session.start_gamemode()
    stays = spawn()

    def descriptors():
        return len(os.listdir(f"/proc/{session.bridge.pid}/fd"))

    def play():
        for number in range(40):
            game = spawn()
            session.game("register", game.pid)
            session.set_foreground(f"(uint32 {game.pid},)")
            if number % 2:
                session.game("unregister", game.pid)
            game.kill()
            game.wait()
        session.game("register", stays.pid)
        session.set_foreground("(uint32 0,)")
        boosted(daemon, stays.pid)
        session.game("unregister", stays.pid)
        boosted(daemon)
        assert player.boosts() == {}

    play()
    before = descriptors()
    for _ in range(3):
        play()
    wait_for("as few descriptors as before", lambda: descriptors() <= before)
