# SPDX-License-Identifier: GPL-2.0-only
"""A boosted tree whose root exits, as launchers do; the kernel's record of the tree is a fake."""

import os
import signal

import pytest
from harness import PLAYER, wait_for


@pytest.fixture
def orphan(daemon, player, spawn):
    """A launcher that is boosted and has exited, its game, and the boost."""
    launcher, game = spawn(), spawn()
    cookie = player.boost(launcher.pid, "tree")
    daemon.add_member(game.pid, launcher.pid)
    launcher.kill()
    launcher.wait()
    # The game keeps it: what is asked for now comes after that was noticed.
    player.call("Release", f"(uint32 {player.boost(game.pid)},)")
    return launcher.pid, game, cookie


def test_the_game_keeps_the_boost(daemon, player, orphan):
    launcher, game, cookie = orphan
    assert daemon.classes() == {("tree", launcher): "boosted"}
    boost = player.boosts()[cookie]
    assert (boost["Pid"], boost["Name"]) == (launcher, "sleep")
    info = player.call("GetProcess", f"(uint32 {game.pid},)")
    assert (info["Class"], info["Scope"], info["Cookies"]) == ("boosted", "tree", [cookie])
    game.kill()
    assert player.wait_removed(cookie) == [cookie, 0, "exited"]
    assert daemon.classes() == {} and player.boosts() == {}


def test_it_is_released_as_any_other(daemon, player, orphan):
    launcher, game, cookie = orphan
    player.call("Release", f"(uint32 {cookie},)")
    assert player.wait_removed(cookie) == [cookie, 0, "released"]
    info = player.call("GetProcess", f"(uint32 {game.pid},)")
    assert (info["Class"], info["Cookies"]) == ("normal", [])


def test_after_a_kill_of_the_service(start, connect, spawn):
    daemon = start(store=True)
    player = connect(PLAYER)
    launcher, game, helper = spawn(), spawn(), spawn()
    cookie = player.boost(launcher.pid, "tree")
    daemon.add_member(game.pid, launcher.pid)
    daemon.add_member(helper.pid, launcher.pid)
    os.kill(launcher.pid, signal.SIGKILL)
    wait_for("the game to keep it", lambda: f"goes on with process {game.pid}" in daemon.read_log())
    # Of the launcher none is kept: of two with one name the service would have to guess.
    assert daemon.store.names() == [f"boost-{cookie}"]
    daemon.kill()
    daemon.restart()
    assert list(player.boosts()) == [cookie]
    assert daemon.classes() == {("tree", launcher.pid): "boosted"}
    daemon.kill()
    game.kill()
    game.wait()
    daemon.restart()
    assert list(player.boosts()) == [cookie]
    helper.kill()
    assert player.wait_removed(cookie) == [cookie, 0, "exited"]
    assert daemon.store.names() == []


def test_a_restart_when_many_of_the_tree_have_ended_unseen(start, connect, spawn):
    """While no scheduler runs nobody takes those out of the record who end."""
    daemon = start(store=True)
    player = connect(PLAYER)
    launcher, game = spawn(), spawn()
    cookie = player.boost(launcher.pid, "tree")
    ended = [spawn() for _ in range(40)]
    for process in [*ended, game]:
        daemon.add_member(process.pid, launcher.pid)
    daemon.kill()
    for process in [*ended, launcher]:
        process.kill()
        process.wait()
    daemon.restart()
    assert list(player.boosts()) == [cookie]
    assert daemon.classes() == {("tree", launcher.pid): "boosted"}
    game.kill()
    assert player.wait_removed(cookie) == [cookie, 0, "exited"]
