# SPDX-License-Identifier: GPL-2.0-only
"""KWin on its virtual backend, with the script that rustland-session brings, and nothing configured."""

import pytest

from harness import STAGE, wait_for


class KWin:
    def __init__(self, desktop):
        self.desktop = desktop
        self.scripts = 0
        desktop.env |= {
            "HOME": str(desktop.dir),
            "KWIN_COMPOSE": "Q",
            "XDG_CONFIG_HOME": str(desktop.dir / "config"),
            "XDG_CACHE_HOME": str(desktop.dir / "config"),
            "XDG_DATA_DIRS": f"{STAGE}/usr/share:/usr/share",
        }
        self.process = desktop.start(
            "kwin_wayland", "--virtual", "--no-lockscreen", "--socket", "wayland-kwin"
        )
        desktop.env["WAYLAND_DISPLAY"] = "wayland-kwin"
        loaded = ("/Scripting", "org.kde.kwin.Scripting.isScriptLoaded", "scx-rustland")
        wait_for("KWin and the script", lambda: "true" in self.call(*loaded))

    def call(self, path, method, *arguments):
        call = ("gdbus", "call", "--session", "-d", "org.kde.KWin", "-o", path, "-m", method)
        return self.desktop.run(*call, *arguments)

    def window(self):
        return self.desktop.start("foot", "tail", "-f", "/dev/null")

    def focus(self, program):
        self.scripts += 1
        name = f"focus-{self.scripts}.js"
        path = self.desktop.write(
            name,
            f"const one = workspace.windowList().find(w => w.pid == {program.pid});\n"
            "workspace.activeWindow = one;\n",
        )
        self.call("/Scripting", "org.kde.kwin.Scripting.loadScript", path, name)
        self.call("/Scripting", "org.kde.kwin.Scripting.start")


@pytest.fixture
def kwin(desktop):
    return KWin(desktop)


def test_focus(session, desktop, kwin, foreground):
    session.start_bridge()
    first = kwin.window()
    foreground(first)
    second = kwin.window()
    foreground(second)
    kwin.focus(first)
    foreground(first)
    kwin.focus(second)
    foreground(second)
    desktop.end(second)
    foreground(first)
    desktop.end(first)
    foreground()


def test_what_the_desktop_calls_is_no_error(session, desktop, kwin, foreground):
    """Without the service on the bus, and with it again."""
    first, second = kwin.window(), kwin.window()
    session.start_bridge()
    kwin.focus(first)
    foreground(first)
    kwin.focus(second)
    foreground(second)
