# SPDX-License-Identifier: GPL-2.0-only
"""The examples of doc/desktop-integration.md do what the guide says, as they stand there."""

import re
import subprocess
import sys

import pytest

from harness import PATIENCE, PLAYER, TOP, wait_for

GUIDE = (TOP / "doc/desktop-integration.md").read_text(encoding="utf-8")


def example(language):
    (text,) = re.findall(f"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return text


@pytest.fixture
def program(tmp_path_factory, bus):
    """A directory that the player can read."""
    path = bus.dir / "examples"
    path.mkdir(exist_ok=True)
    path.chmod(0o755)
    return path


def as_player(bus, *command):
    return {
        "args": [str(word) for word in command],
        "env": bus.env,
        "user": PLAYER,
        "group": PLAYER,
        "extra_groups": [],
        "cwd": "/",
    }


def boosts_its_game(bus, daemon, player, *launcher):
    game = subprocess.Popen(**as_player(bus, *launcher, "sleep", "1000"))
    try:
        want = {("tree", game.pid): "boosted"}
        wait_for("the boost", lambda: daemon.classes() == want)
    finally:
        game.kill()
        game.wait()
    wait_for("its end", lambda: player.boosts() == {})


def test_shell(bus, daemon, player, spawn, program):
    game = spawn()
    (program / "boost.sh").write_text(example("sh"), encoding="utf-8")
    subprocess.run(**as_player(bus, "sh", program / "boost.sh", game.pid), check=True)
    wait_for("the boost", lambda: daemon.classes() == {("tree", game.pid): "boosted"})


def test_python(bus, daemon, player, program):
    (program / "launch.py").write_text(example("python"), encoding="utf-8")
    boosts_its_game(bus, daemon, player, sys.executable, "-B", program / "launch.py")


def test_python_without_the_service(bus, program):
    (program / "launch.py").write_text(example("python"), encoding="utf-8")
    launch = as_player(bus, sys.executable, "-B", program / "launch.py", "echo", "played")
    done = subprocess.run(**launch, check=True, timeout=PATIENCE, stdout=subprocess.PIPE)
    assert done.stdout == b"played\n"


def test_c(bus, daemon, player, program):
    (program / "launch.c").write_text(example("c"), encoding="utf-8")
    flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "gio-unix-2.0"], text=True)
    subprocess.run(
        ["cc", "-Wall", "-Wextra", "-Werror", "-o", program / "launch", program / "launch.c"]
        + flags.split(),
        check=True,
    )
    boosts_its_game(bus, daemon, player, program / "launch")


def test_javascript(bus, daemon, player, spawn, program):
    game = spawn()
    text = example("javascript") + (
        f"\nfocusChanged({game.pid});\n"
        "const loop = new GLib.MainLoop(null, false);\n"
        "GLib.timeout_add(0, 3000, () => loop.quit());\nloop.run();\n"
    )
    (program / "focus.js").write_text(text, encoding="utf-8")
    done = subprocess.Popen(**as_player(bus, "gjs", program / "focus.js"))
    try:
        want = {("tree", game.pid): "foreground"}
        wait_for("the foreground", lambda: daemon.classes() == want)
    finally:
        done.kill()
        done.wait()
