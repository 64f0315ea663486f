# SPDX-License-Identifier: GPL-2.0-only
"""How long what a person does takes to become a boost. One program that runs all the time hears the
desktop's own word (an event of the compositor, a signal of GameMode) and BoostAdded, so that no start
of a program is in the figures but the game's own.

usage: latency.py sway SOCKET PID PID     two windows that get the focus in turn
       latency.py x11 PID:WINDOW PID:WINDOW
       latency.py kwin PID PID
       latency.py gnome PID:CGROUP PID:CGROUP
       latency.py game                    gamemoderun, and the end of the game
"""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME, GAMEMODE = "org.scx.Rustland", "com.feralinteractive.GameMode"
ROUNDS = 10
PAUSE_MS = 400  # longer than the service lets changes follow each other


class Observer:
    def __init__(self):
        self.loop = GLib.MainLoop()
        self.at = {}  # what to when
        self.on_boost = lambda member, arguments: None
        self.system = Gio.bus_get_sync(Gio.BusType.SYSTEM)
        self.system.signal_subscribe(None, NAME, None, None, None, 0, self._heard)
        # When this is answered, the subscription is in force.
        self.system.call_sync(NAME, "/org/scx/Rustland", NAME, "ListBoosts", None, None, 0, -1)
        GLib.timeout_add_seconds(120, self.loop.quit)

    def _heard(self, _bus, _sender, _path, _interface, member, arguments):
        self.note(member)
        self.on_boost(member, arguments.unpack())

    def boost(self, cookie):
        """What the signal does not tell, since everybody hears it."""
        args = GLib.Variant("(u)", (cookie,))
        reply = self.system.call_sync(
            NAME, "/org/scx/Rustland", NAME, "GetBoost", args, None, 0, -1
        )
        return reply.unpack()[0]

    def note(self, what):
        self.at.setdefault(what, time.monotonic())

    def show(self, *pairs):
        for first, then in pairs:
            if first in self.at and then in self.at:
                print(f"{first} to {then}: {(self.at[then] - self.at[first]) * 1000:.1f} ms")
        self.at = {}


class FocusTest(Observer):
    """change(pid) gives that window the focus; the desktop's word for it is noted as "event", where it
    has one that can be heard."""

    GROUPS = {}  # pid to control group, on desktops that know no more

    def __init__(self, pids):
        super().__init__()
        self.pids, self.round = pids, 0
        self.on_boost = self.boosted

    def wanted(self):
        return self.pids[self.round % len(self.pids)]

    def begin(self):
        self.at = {}
        self.note("command")
        self.change(self.wanted())
        return False

    def boosted(self, member, arguments):
        if member != "BoostAdded":
            return
        boost = self.boost(arguments[0])
        if self.GROUPS:
            wanted = boost.get("CGroup") == self.GROUPS[self.wanted()]
        else:
            wanted = boost["Pid"] == self.wanted()
        if not wanted:
            return
        self.show(("command", "BoostAdded"), ("event", "BoostAdded"))
        self.round += 1
        if self.round == ROUNDS:
            self.loop.quit()
        else:
            GLib.timeout_add(PAUSE_MS, self.begin)

    def run(self):
        GLib.timeout_add(PAUSE_MS, self.begin)
        self.loop.run()
        print(f"{self.round} changes")


class Sway(FocusTest):
    HEADER = struct.Struct("=6sII")

    def __init__(self, path, pids):
        super().__init__(pids)
        self.input = b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.send(2, '["window"]')
        GLib.io_add_watch(self.socket, GLib.IO_IN, self.readable)

    def send(self, kind, payload):
        self.socket.sendall(self.HEADER.pack(b"i3-ipc", len(payload), kind) + payload.encode())

    def change(self, pid):
        self.send(0, f"[pid={pid}] focus")

    def readable(self, *_):
        now = time.monotonic()
        self.input += self.socket.recv(1 << 16)
        while len(self.input) >= self.HEADER.size:
            _magic, size, kind = self.HEADER.unpack_from(self.input)
            if len(self.input) < self.HEADER.size + size:
                break
            payload = self.input[self.HEADER.size : self.HEADER.size + size]
            self.input = self.input[self.HEADER.size + size :]
            if kind == 0x80000003:
                event = json.loads(payload)
                if event["change"] == "focus" and event["container"]["pid"] == self.wanted():
                    self.at.setdefault("event", now)
        return True


class X11(FocusTest):
    def __init__(self, windows):
        self.windows = dict(windows)
        super().__init__(list(self.windows))
        self.spy = subprocess.Popen(
            ["xprop", "-root", "-spy", "_NET_ACTIVE_WINDOW"], stdout=subprocess.PIPE, bufsize=0
        )
        GLib.io_add_watch(self.spy.stdout, GLib.IO_IN, self.readable)

    def change(self, pid):
        subprocess.Popen(["xdotool", "windowactivate", self.windows[pid]])

    def readable(self, *_):
        words = os.read(self.spy.stdout.fileno(), 4096).decode().split()
        if f"{int(self.windows[self.wanted()]):#x}" in words:
            self.note("event")
        return True

    def run(self):
        super().run()
        self.spy.kill()


class KWin(FocusTest):
    """A window gets the focus by a script, which is what KWin can be told to run."""

    def __init__(self, pids):
        super().__init__(pids)
        self.session = Gio.bus_get_sync(Gio.BusType.SESSION)

    def call(self, member, arguments):
        kwin, path = "org.kde.KWin", "/Scripting"
        self.session.call_sync(kwin, path, "org.kde.kwin.Scripting", member, arguments, None, 0, -1)

    def change(self, pid):
        file = f"/home/player/latency-{self.round}.js"
        with open(file, "w", encoding="ascii") as script:
            script.write(
                f"workspace.activeWindow = workspace.windowList().find(w => w.pid == {pid});"
            )
        self.call("loadScript", GLib.Variant("(ss)", (file, file)))
        self.call("start", None)


class Gnome(FocusTest):
    """GNOME Shell with --unsafe-mode runs what it is told."""

    def __init__(self, groups):
        self.GROUPS = dict(groups)
        super().__init__(list(self.GROUPS))
        self.session = Gio.bus_get_sync(Gio.BusType.SESSION)

    def change(self, pid):
        text = (
            "global.get_window_actors().map(a => a.meta_window)"
            f".find(w => w.get_pid() == {pid}).activate(global.get_current_time())"
        )
        shell, path = "org.gnome.Shell", "/org/gnome/Shell"
        self.session.call(
            shell, path, shell, "Eval", GLib.Variant("(s)", (text,)), None, 0, -1, None, None
        )


class Game(Observer):
    def __init__(self):
        super().__init__()
        self.on_boost = self.boosted
        self.game = self.cookie = None
        self.session = Gio.bus_get_sync(Gio.BusType.SESSION)
        self.session.signal_subscribe(
            None, GAMEMODE, "GameRegistered", None, None, 0, lambda *_: self.note("GameRegistered")
        )
        bus = "org.freedesktop.DBus"
        self.session.call_sync(bus, "/", bus, "GetId", None, None, 0, -1)

    def boosted(self, member, arguments):
        if not self.game:
            return
        if member == "BoostAdded" and self.boost(arguments[0])["Pid"] == self.game.pid:
            self.cookie = arguments[0]
            GLib.timeout_add(1000, self.kill)
        elif member == "BoostRemoved" and arguments[0] == self.cookie:
            self.loop.quit()

    def kill(self):
        self.note("kill")
        os.kill(self.game.pid, signal.SIGKILL)
        return False

    def run(self):
        self.note("start")
        self.game = subprocess.Popen(["gamemoderun", "sleep", "1000"])
        self.loop.run()
        self.show(
            ("start", "GameRegistered"),
            ("GameRegistered", "BoostAdded"),
            ("start", "BoostAdded"),
            ("kill", "BoostRemoved"),
        )


def main():
    kind, *rest = sys.argv[1:]
    if kind == "sway":
        Sway(rest[0], [int(pid) for pid in rest[1:]]).run()
    elif kind == "x11":
        X11([(int(pair.split(":")[0]), pair.split(":")[1]) for pair in rest]).run()
    elif kind == "kwin":
        KWin([int(pid) for pid in rest]).run()
    elif kind == "gnome":
        Gnome([(int(pair.split(":")[0]), pair.split(":")[1]) for pair in rest]).run()
    elif kind == "game":
        Game().run()
    else:
        sys.exit(__doc__)


main()
