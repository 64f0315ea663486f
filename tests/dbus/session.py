# SPDX-License-Identifier: GPL-2.0-only
"""A session bus of the player, rustland-session in it, and a GameMode that does as it is told."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from harness import PATIENCE, PLAYER, SANITIZERS, STAGE, Client, wait_for

HERE = pathlib.Path(__file__).resolve().parent

SESSION_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <auth>EXTERNAL</auth>
  <listen>unix:path={dir}/session-bus</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""
GAMEMODE = "com.feralinteractive.GameMode"
SCHEDULER = "com.system76.Scheduler"


class Session:
    """Everything in it is the player's; the system bus is the given one."""

    def __init__(self, bus):
        self.bus = bus
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=bus.dir))
        for name in ("run", "config"):
            (self.dir / name).mkdir()
        for path in (self.dir, self.dir / "run", self.dir / "config"):
            os.chown(path, PLAYER, PLAYER)
        config = self.dir / "bus.conf"
        config.write_text(SESSION_BUS.format(dir=self.dir), encoding="ascii")
        address = f"unix:path={self.dir}/session-bus"
        libraries = str(next(STAGE.glob("usr/lib/*/librustland.so.0")).parent)
        self.env = bus.env | {
            "DBUS_SESSION_BUS_ADDRESS": address,
            "XDG_RUNTIME_DIR": str(self.dir / "run"),
            "LD_LIBRARY_PATH": libraries,
            "G_MESSAGES_DEBUG": "all",
            "HOME": str(self.dir),
        }
        self.daemon = self._start(["dbus-daemon", "--nofork", f"--config-file={config}"])
        wait_for("the session bus", (self.dir / "session-bus").exists)
        # What the harness knows as a bus: where clients connect, and where their program lies.
        self.on_session_bus = type("SessionBus", (), {})()
        self.on_session_bus.dir = bus.dir
        self.on_session_bus.env = self.env | {"DBUS_SYSTEM_BUS_ADDRESS": address}
        self.client = Client(self.on_session_bus, PLAYER)
        self.log = open(self.dir / "log", "wb")
        self.bridge = self.gamemode = None
        self.more_environment = {}  # of the bridge
        self.is_judged = True  # by its log, at the end
        self.program = str(STAGE / "usr/libexec/rustland-session")

    def _start(self, command, uid=PLAYER, **more):
        return subprocess.Popen(
            command, env=self.env | more.pop("env", {}), user=uid, group=uid, extra_groups=[], cwd="/", **more
        )

    def has_owner(self, name):
        return self.client.call(
            "NameHasOwner",
            f"('{name}',)",
            dest="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            iface="org.freedesktop.DBus",
        )

    def start_bridge(self, focus="yes", wait=True):
        (self.dir / "config/session.conf").write_text(f"[Session]\nFocus={focus}\n")
        self.bridge = self._start(
            [self.program, "--config-dir", self.dir / "config"],
            env=SANITIZERS | self.more_environment,
            stdout=self.log,
            stderr=self.log,
        )
        if wait:
            wait_for("rustland-session", lambda: self.has_owner(SCHEDULER))

    def read_log(self):
        return (self.dir / "log").read_text(errors="replace")

    def stop_bridge(self, number=signal.SIGTERM):
        self.bridge.send_signal(number)
        return self.bridge.wait(PATIENCE)

    def start_gamemode(self, *games, uid=PLAYER):
        self.gamemode = self._start(
            [sys.executable, "-B", self.bus.dir / "gamemode.py", *map(str, games)],
            uid=uid,
            stdin=subprocess.PIPE,
            text=True,
        )
        wait_for("GameMode", lambda: self.has_owner(GAMEMODE))

    def stop_gamemode(self):
        self.gamemode.kill()
        self.gamemode.wait()
        self.gamemode.stdin.close()
        self.gamemode = None

    def game(self, what, pid):
        """what: register, or unregister"""
        self.gamemode.stdin.write(f"{what} {pid}\n")
        self.gamemode.stdin.flush()

    def set_foreground(self, args):
        return self.client.call(
            "SetForegroundProcess",
            args,
            dest=SCHEDULER,
            path="/com/system76/Scheduler",
            iface=SCHEDULER,
        )

    def close(self):
        status = 0
        if self.gamemode:
            self.stop_gamemode()
        if self.bridge and self.bridge.poll() is None:
            status = self.stop_bridge()
        self.client.close()
        self.daemon.kill()
        self.daemon.wait()
        self.log.close()
        bad = [line for line in self.read_log().splitlines() if "CRITICAL" in line or "ERROR" in line]
        assert not (bad and self.is_judged) and status == 0, (status, self.read_log())
