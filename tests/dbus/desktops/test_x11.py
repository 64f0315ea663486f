# SPDX-License-Identifier: GPL-2.0-only
"""Xvfb, which wants a cookie, openbox and xterms."""

import os
import signal

import pytest

from harness import wait_for

NUMBER = ":7"


class X11:
    def __init__(self, desktop):
        os.makedirs("/tmp/.X11-unix", exist_ok=True)
        os.chmod("/tmp/.X11-unix", 0o1777)
        self.desktop = desktop
        self.cookies = desktop.write(".Xauthority", "")
        desktop.env |= {"DISPLAY": NUMBER, "XAUTHORITY": self.cookies, "HOME": str(desktop.dir)}
        desktop.run("xauth", "-q", "add", NUMBER, ".", "0123456789abcdef" * 2)
        self.server = self.manager = None

    def start(self):
        screen = ("-screen", "0", "800x600x24", "-nolisten", "tcp", "-auth", self.cookies)
        self.server = self.desktop.start("Xvfb", NUMBER, *screen)
        wait_for("Xvfb", lambda: self.desktop.run("xprop", "-root"))
        self.start_manager()

    def start_manager(self):
        # One that was killed has left it behind.
        self.desktop.run("xprop", "-root", "-remove", "_NET_SUPPORTING_WM_CHECK")
        self.manager = self.desktop.start("openbox")
        check = ("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")
        wait_for("openbox", lambda: "window id" in self.desktop.run(*check))

    def window(self):
        """A program and the number of its window."""
        program = self.desktop.start("xterm", "-e", "sleep", "1000")
        search = ("xdotool", "search", "--onlyvisible", "--pid", str(program.pid))
        return program, wait_for("a window", lambda: self.desktop.run(*search).split())[-1]

    def focus(self, window):
        self.desktop.run("xdotool", "windowactivate", window)


@pytest.fixture
def x11(session, desktop):
    session.start_bridge()
    x11 = X11(desktop)
    x11.start()
    return x11


def test_focus(x11, desktop, foreground):
    first, first_window = x11.window()
    foreground(first)
    second, second_window = x11.window()
    foreground(second)
    x11.focus(first_window)
    foreground(first)
    x11.focus(second_window)
    foreground(second)
    desktop.run("xdotool", "windowminimize", second_window)
    foreground(first)
    x11.focus(second_window)
    foreground(second)
    desktop.end(first)
    desktop.end(second)
    foreground()


def test_a_window_that_claims_another_process(x11, desktop, foreground):
    first, first_window = x11.window()
    foreground(first)
    second, _ = x11.window()
    foreground(second)
    claim = ("-f", "_NET_WM_PID", "32c", "-set", "_NET_WM_PID", str(os.getpid()))
    desktop.run("xprop", "-id", first_window, *claim)
    x11.focus(first_window)
    foreground(first)


def test_another_window_manager(x11, desktop, foreground):
    first, _ = x11.window()
    foreground(first)
    desktop.end(x11.manager)
    x11.start_manager()
    second, _ = x11.window()
    foreground(second)


def test_another_server(x11, desktop, foreground):
    first, _ = x11.window()
    foreground(first)
    desktop.end(x11.server)
    foreground()
    x11.start()
    second, _ = x11.window()
    foreground(second)


def test_a_server_that_hangs(daemon, session, spawn, x11, foreground):
    window, _ = x11.window()
    foreground(window)
    x11.server.send_signal(signal.SIGSTOP)
    game = spawn()
    session.start_gamemode(game.pid)
    wait_for("the game", lambda: daemon.classes().get(("tree", game.pid)) == "boosted")
    x11.server.send_signal(signal.SIGCONT)
    game.kill()
    other, _ = x11.window()
    foreground(other)


def test_a_server_beside_a_compositor(session, desktop, foreground, spawn):
    """Its X server would be Xwayland, which is started by the first who connects."""
    session.start_bridge()
    desktop.env |= {"WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman"}
    sway = desktop.start("sway", "-c", "/dev/null")
    wait_for("sway", lambda: list((desktop.dir / "run").glob("wayland-?")))
    x11 = X11(desktop)
    x11.start()
    x11.window()
    wait_for("that it was looked at", lambda: "there is a Wayland session" in session.read_log())
    foreground()
    desktop.end(sway)


def test_without_a_cookie(session, desktop, foreground):
    """It is let in later, as when a display manager writes the file after the server has started."""
    session.start_bridge()
    x11 = X11(desktop)
    hidden = str(desktop.dir / "hidden")
    os.rename(x11.cookies, hidden)
    desktop.env["XAUTHORITY"] = x11.cookies = hidden
    x11.start()
    window, _ = x11.window()
    wait_for("a refusal", lambda: "does not let us in" in session.read_log())
    os.rename(hidden, str(desktop.dir / ".Xauthority"))
    foreground(window)
