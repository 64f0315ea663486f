# SPDX-License-Identifier: GPL-2.0-only
"""Whom rustland-session trusts: a socket is this user's or root's before a byte is sent to it, and one
that hangs keeps nobody from being heard. The servers are processes of several users."""

import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys

import pytest

import session as sessions
from harness import INVALID, IS_SANITIZED, OTHER, PLAYER, wait_for

KINDS = ("x11", "sway", "hyprland", "niri")
X11_DIR = pathlib.Path("/tmp/.X11-unix")
COOKIE = bytes(range(16))


class Server:
    """server.py as that user."""

    def __init__(self, place, kind, number, uid, pid, mode):
        self.log = place.session.dir / f"{kind}-{number}.log"
        self.log.touch()
        os.chown(self.log, uid, uid)
        path = place.path(kind, number)
        self.process = subprocess.Popen(
            [sys.executable, "-B", place.session.bus.dir / "server.py"]
            + [kind, str(path), str(self.log), str(pid), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=uid,
            group=uid,
            extra_groups=[],
            cwd="/",
        )
        assert self.process.stdout.readline() == "ready\n"

    def focus(self, pid):
        self.process.stdin.write(f"{pid}\n")
        self.process.stdin.flush()

    def lines(self, word):
        return [line for line in self.log.read_text().splitlines() if line.startswith(word)]

    def received(self):
        return bytes.fromhex("".join(line.split()[1] for line in self.lines("bytes")))

    def connections(self):
        return len(self.lines("connected"))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Place:
    """Where desktops listen, and where, against all rules, everybody may make a socket."""

    def __init__(self, session):
        self.session = session
        self.servers = []
        shutil.copy(sessions.HERE / "server.py", session.bus.dir)
        shutil.rmtree(X11_DIR, ignore_errors=True)
        X11_DIR.mkdir()
        self.run = session.dir / "run"
        session.dir.chmod(0o711)
        (self.run / "hypr").mkdir()
        os.chown(self.run / "hypr", PLAYER, PLAYER)
        for directory in (self.run, self.run / "hypr"):
            directory.chmod(0o777)
        X11_DIR.chmod(0o1777)

    def path(self, kind, number):
        return {
            "x11": X11_DIR / f"X{number}",
            "sway": self.run / f"sway-ipc.{PLAYER}.{number}.sock",
            "hyprland": self.run / "hypr" / f"efe0fd4d_{number}_1",
            "niri": self.run / f"niri.wayland-1.{number}.sock",
        }[kind]

    def serve(self, kind, number, uid=PLAYER, pid=0, mode="answer"):
        self.servers.append(Server(self, kind, number, uid, pid, mode))
        return self.servers[-1]

    def write_cookies(self, *entries):
        """entries: (family, address, number)"""
        data = b""
        for family, address, number in entries:
            data += struct.pack(">H", family)
            for field in (address, number, b"MIT-MAGIC-COOKIE-1", COOKIE):
                data += struct.pack(">H", len(field)) + field
        path = self.session.dir / ".Xauthority"
        path.write_bytes(data)
        path.chmod(0o600)
        os.chown(path, PLAYER, PLAYER)
        return path

    def close(self):
        for server in self.servers:
            server.close()
        shutil.rmtree(X11_DIR)


LOCAL, WILD = 256, 65535
HOST = os.uname().nodename.encode()


@pytest.fixture
def place(session):
    place = Place(session)
    # As GDM writes it: for every display.
    place.write_cookies((WILD, b"", b""))
    yield place
    place.close()


def in_foreground(daemon, *pids):
    want = {("tree", pid): "foreground" for pid in pids}
    wait_for(f"{pids} in the foreground", lambda: daemon.classes() == want)


@pytest.mark.parametrize("kind", KINDS)
def test_a_foreign_server_gets_not_a_byte(daemon, session, place, spawn, kind):
    """Nor does it choose the foreground, though what it names is the player's."""
    window, other = spawn().pid, spawn().pid
    foreign = [place.serve(kind, number, OTHER, other) for number in (4711, 4712, 4713)]
    session.start_bridge()
    own = place.serve(kind, 4714, pid=window)
    in_foreground(daemon, window)
    late = place.serve(kind, 4715, OTHER, other)
    own.focus(other)
    in_foreground(daemon, other)
    own.focus(window)
    in_foreground(daemon, window)
    own.close()
    in_foreground(daemon)
    again = place.serve(kind, 4716, pid=window)
    in_foreground(daemon, window)
    assert [server.received() for server in [*foreign, late]] == [b""] * 4
    assert again.received()


@pytest.mark.parametrize("kind", KINDS)
def test_foreign_servers_that_hang(daemon, session, place, spawn, kind):
    window = spawn().pid
    foreign = [place.serve(kind, number, OTHER, mode="hang") for number in (4711, 4712, 4713)]
    session.start_bridge()
    place.serve(kind, 4714, pid=window)
    in_foreground(daemon, window)
    assert [server.received() for server in foreign] == [b""] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_own_servers_that_hang(daemon, session, place, spawn, kind):
    """They are side by side: the one that answers is heard while none of the others has been given up."""
    window = spawn().pid
    hanging = [place.serve(kind, number, mode="hang") for number in (4711, 4712, 4713)]
    session.start_bridge()
    wait_for("a connection to each", lambda: all(server.connections() for server in hanging))
    place.serve(kind, 4714, pid=window)
    in_foreground(daemon, window)
    log = session.read_log()
    assert "does not answer" not in log[: log.rindex("connected")]


def test_who_listens(daemon, place, player, connect):
    """What the bridge asks the service in its sandbox, where every other user looks the same; there it is
    tried in tests/vm/x11.sh."""
    for number, uid in ((4711, OTHER), (4712, 0), (4713, PLAYER)):
        path = str(place.path("x11", number))
        server = place.serve("x11", number, uid)
        assert player.call("GetSocketPeer", "(handle 0,)", socket=path) == uid
        wait_for("the connection", server.connections)
        # It listened, whoever has the socket now.
        server.close()
        assert server.received() == b""
    assert player.error("GetSocketPeer", "(handle 0,)") == INVALID
    assert player.error("GetSocketPeer", "(handle 0,)", file="/etc/passwd") == INVALID
    assert player.error("GetSocketPeer", "(handle 1,)", file="/etc/passwd") == INVALID
    # Nothing of a call stays with the service.
    fds = f"/proc/{daemon.process.pid}/fd"
    before = len(os.listdir(fds))
    path = str(place.path("x11", 4714))
    place.serve("x11", 4714, OTHER)
    for _ in range(10):
        assert connect(PLAYER).call("GetSocketPeer", "(handle 0,)", socket=path) == OTHER
    wait_for("no more descriptors", lambda: len(os.listdir(fds)) <= before)


def test_a_server_of_root(daemon, session, place, spawn):
    """As a display manager starts it: it is named by a cookie, or none of this session's."""
    window, other = spawn().pid, spawn().pid
    place.write_cookies((LOCAL, HOST, b"4712"), (LOCAL, b"elsewhere", b"4713"), (WILD, b"", b""))
    others = [place.serve("x11", number, 0, other) for number in (4711, 4713)]
    session.start_bridge()
    place.serve("x11", 4712, 0, window)
    in_foreground(daemon, window)
    assert [server.connections() for server in others] == [0, 0]


def test_a_socket_that_changes_hands(daemon, session, place, spawn):
    """Who listens counts, not who made the socket; and a link leads nowhere."""
    window, other = spawn().pid, spawn().pid
    # Made by root, as the player's, but another user listens.
    foreign = place.serve("sway", 4711, OTHER, other)
    os.chown(place.path("sway", 4711), PLAYER, PLAYER)
    # The player's own, of another kind.
    victim = place.serve("niri", 4712, pid=window, mode="hang")
    place.path("sway", 4713).symlink_to(place.path("niri", 4712))
    (X11_DIR / "X4714").symlink_to(place.path("niri", 4712))
    session.start_bridge()
    place.serve("sway", 4715, pid=window)
    in_foreground(daemon, window)
    assert foreign.received() == b""
    assert foreign.connections()
    assert f"{place.path('sway', 4711)}: it belongs to another user" in session.read_log()
    assert set(victim.received().split(b"\n")) <= {b'"EventStream"', b""}


def test_cookies_are_for_one_server(daemon, session, place, spawn):
    """Each server gets its own, and none that is for another one."""
    window = spawn().pid
    place.write_cookies((LOCAL, HOST, b"4711"), (LOCAL, b"elsewhere", b""))
    with_cookie = place.serve("x11", 4711, mode="hang")
    without = place.serve("x11", 4712, mode="hang")
    session.start_bridge()
    wait_for("both", lambda: with_cookie.received() and without.received())
    assert COOKIE in with_cookie.received()
    assert COOKIE not in without.received()


@pytest.mark.parametrize("kind", ("fifo", "foreign", "large"))
def test_what_is_no_file_of_cookies(daemon, session, place, spawn, kind):
    """It is not read, and nobody waits for it."""
    window = spawn().pid
    path = place.write_cookies((WILD, b"", b""))
    if kind == "foreign":
        os.chown(path, OTHER, OTHER)
        path.chmod(0o644)
    elif kind == "fifo":
        path.unlink()
        os.mkfifo(path)
        os.chown(path, PLAYER, PLAYER)
    else:
        path.write_bytes(b"\0" * (64 << 20) + path.read_bytes())
    session.start_bridge()
    server = place.serve("x11", 4711, pid=window)
    in_foreground(daemon, window)
    assert COOKIE not in server.received()


def test_a_crowd_of_sockets(daemon, session, place, spawn):
    """Ten thousand that nobody listens on any more, and the one that counts."""
    window = spawn().pid
    os.chmod(X11_DIR, 0o1777)
    for number in range(10000):
        path = str(place.path("sway", 10000 + number))
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path)
        os.chown(path, PLAYER, PLAYER)
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(X11_DIR / f"X{10000 + number}"))
        os.chown(X11_DIR / f"X{10000 + number}", OTHER, OTHER)
    session.start_bridge()
    place.serve("x11", 4711, pid=window)
    in_foreground(daemon, window)
    place.serve("sway", 4711, pid=0)
    in_foreground(daemon)
    tried = [line for line in session.read_log().splitlines() if "Connection refused" in line]
    # Of each look no more than 64, and there are ten at most.
    assert len(tried) <= 640, len(tried)


def test_a_process_of_somebody_else(daemon, session, place, spawn):
    """Whatever a compositor or GameMode says, the service is not even asked about it."""
    window, game, other = spawn().pid, spawn().pid, spawn(OTHER).pid
    session.start_bridge()
    niri = place.serve("niri", 4711, pid=window)
    in_foreground(daemon, window)
    niri.focus(other)
    in_foreground(daemon)
    niri.focus(1)
    niri.focus(window)
    in_foreground(daemon, window)
    session.start_gamemode(other, 1)
    session.game("register", game)
    want = {("tree", window): "foreground", ("tree", game): "boosted"}
    wait_for("the game", lambda: daemon.classes() == want)
    said = session.read_log()
    assert f"process {other} is not this user's" in said
    assert "the foreground is as before" not in said and "not boosted for now" not in said


@pytest.mark.parametrize("mode", ("flood", "deaf"))
def test_a_server_gone_wild(daemon, session, place, spawn, mode):
    """This user's own; the rest of the session goes on."""
    window, game = spawn().pid, spawn().pid
    session.start_bridge()
    place.serve("x11", 4711, pid=window, mode=mode)
    wait_for("it is followed", lambda: "X4711: connected" in session.read_log())
    if mode == "deaf":
        wait_for("it is left", lambda: "X4711: the X server is gone" in session.read_log())
    session.start_gamemode(game)
    wait_for("the game", lambda: daemon.classes().get(("tree", game)) == "boosted")


def test_gamemode_of_another_user(daemon, session, place, spawn):
    """Where the session's bus lets others in, against its defaults."""
    game, other = spawn().pid, spawn().pid
    session.dir.chmod(0o755)
    (session.dir / "session-bus").chmod(0o777)
    session.start_bridge()
    session.start_gamemode(other, uid=OTHER)
    wait_for("a refusal", lambda: f"GameMode belongs to user {OTHER}" in session.read_log())
    session.game("register", other)
    session.stop_gamemode()
    session.start_gamemode(game)
    want = {("tree", game): "boosted"}
    wait_for("the player's game alone", lambda: daemon.classes() == want)


def test_a_bus_of_another_user(session, place):
    """Whatever the environment says: nothing is sent to it."""
    place.serve("x11", 4711, OTHER)
    address = f"unix:path={place.path('x11', 4711)}"
    for variable in ("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"):
        bridge = subprocess.run(
            [session.program, "--config-dir", session.dir],
            env=session.env | {variable: address},
            user=PLAYER, group=PLAYER, extra_groups=[], cwd="/", stderr=subprocess.PIPE, text=True,
            timeout=60, check=False,
        )
        assert bridge.returncode == 1
        assert "its socket is another user's" in bridge.stderr
    assert place.servers[0].received() == b""


FLOOD = """
import os, sys
for number in range(int(sys.argv[2])):
    path = f"{sys.argv[1]}/X{number % 7}9999"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    os.unlink(path)
    if number == 1000:
        print("flooded", flush=True)
"""


def test_a_flood_of_sockets(daemon, session, place, spawn):
    """However fast another user makes and removes them, the rest goes on, and nothing piles up."""
    game = spawn().pid
    session.start_bridge()
    session.start_gamemode()
    flood = spawn(OTHER, sys.executable, "-c", FLOOD, str(X11_DIR), "400000")
    assert flood.stdout.readline()
    session.game("register", game)
    wait_for("the game", lambda: daemon.classes() == {("tree", game): "boosted"})
    assert flood.wait(120) == 0
    session.game("unregister", game)
    wait_for("its end", lambda: daemon.classes() == {})
    status = pathlib.Path(f"/proc/{session.bridge.pid}/status").read_text(encoding="ascii")
    peak_kb = int(status.split("VmHWM:")[1].split()[0])
    print("peak", peak_kb, "kB")
    assert peak_kb < (256 << 10 if IS_SANITIZED else 64 << 10), peak_kb
