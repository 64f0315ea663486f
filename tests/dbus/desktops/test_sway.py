# SPDX-License-Identifier: GPL-2.0-only
"""Sway without a screen."""

import pytest

from harness import PLAYER, wait_for


class Sway:
    def __init__(self, desktop):
        self.desktop = desktop
        desktop.env |= {
            "WLR_BACKENDS": "headless",
            "WLR_RENDERER": "pixman",
            "WLR_LIBINPUT_NO_DEVICES": "1",
        }
        self.start()

    def start(self):
        self.process = self.desktop.start("sway", "-c", "/dev/null")
        run = self.desktop.dir / "run"
        pattern = f"sway-ipc.{PLAYER}.{self.process.pid}.sock"
        (socket,) = wait_for("sway", lambda: list(run.glob(pattern)))
        self.desktop.env["SWAYSOCK"] = str(socket)
        wait_for("its answer", lambda: self.message("-t", "get_version"))
        (display,) = (path for path in run.glob("wayland-*") if path.suffix != ".lock")
        self.desktop.env["WAYLAND_DISPLAY"] = display.name

    def message(self, *arguments):
        return self.desktop.run("swaymsg", *arguments)

    def window(self):
        return self.desktop.start("foot", "tail", "-f", "/dev/null")

    def focus(self, program):
        self.message(f"[pid={program.pid}] focus")


@pytest.fixture
def sway(desktop):
    return Sway(desktop)


def test_focus(session, desktop, sway, foreground):
    session.start_bridge()
    first = sway.window()
    foreground(first)
    second = sway.window()
    foreground(second)
    sway.focus(first)
    foreground(first)
    sway.message("workspace", "2")
    foreground()
    sway.message("workspace", "1")
    foreground(first)
    desktop.end(first)
    foreground(second)
    desktop.end(second)
    foreground()


def test_the_bridge_comes_later_and_again(session, sway, foreground):
    window = sway.window()
    session.start_bridge()
    foreground(window)
    session.stop_bridge()
    foreground()
    session.start_bridge()
    foreground(window)


def test_a_crash(session, desktop, sway, foreground):
    """The next one is beside the socket of the one that crashed."""
    session.start_bridge()
    window = sway.window()
    foreground(window)
    desktop.end(sway.process)
    foreground()
    for display in (desktop.dir / "run").glob("wayland-*"):
        display.unlink()
    sway.start()
    window = sway.window()
    foreground(window)
