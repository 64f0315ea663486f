#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Calls org.scx.Rustland as somebody would who wants it to fall over, and looks whether it does.

Several clients of ordinary users send calls that are malformed, absurd, too many, or answered to
nobody; meanwhile root's own calls have to be served. At the end the service has to be the same
process, its memory and its descriptors what they were after half of the calls, and no more boosts
may be held than the limits allow. It prints TAP, a test for each.

It runs as root, on the system bus (or on the one that DBUS_SYSTEM_BUS_ADDRESS names).

usage: hostile.py [--clients N] [--calls N] [--user NAME]... [--growth-kb N]
"""

import argparse
import collections
import json
import os
import pwd
import random
import re
import socket
import subprocess
import sys
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME, PATH = "org.scx.Rustland", "/org/scx/Rustland"
PROPERTIES = "org.freedesktop.DBus.Properties"
ADDRESS = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket")
PATIENCE_MS = 120000
# Fewer than one connection may have under way: what is refused for its number tries nothing out.
WINDOW = 16

verdicts = failed = 0


def verdict(good, text):
    global verdicts, failed
    verdicts, failed = verdicts + 1, failed + (not good)
    print("ok" if good else "not ok", verdicts, "-", text, flush=True)


def connect():
    return Gio.DBusConnection.new_for_address_sync(
        ADDRESS,
        Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
        None,
        None,
    )


# ---- hostile calls -------------------------------------------------------------------------------


def nested(rng):
    value = GLib.Variant("s", "x")
    for _ in range(rng.choice((1, 5, 30))):
        value = GLib.Variant("v", value)
    return value


def any_text(rng):
    return rng.choice(
        (
            "",
            "tree",
            "x" * rng.choice((1, 256, 257, 100000)),
            "%s%n%x",
            "a\nb\x1b[2J\x7f",
            "\U0001f3ae" * rng.randint(1, 300),
            "../../../etc/passwd",
            "/user.slice/../../..",
            "/",
            "[boost-1]\nClass=foreground",
        )
    )


def any_pid(rng, own):
    return rng.choice((own, 0, 1, 2, 3, 4194304, 0xFFFFFFFF, 0x80000000, rng.randint(1, 70000)))


def any_options(rng):
    return {
        key: value
        for key, value in (
            ("AppId", GLib.Variant("s", any_text(rng))),
            ("AppId", nested(rng)),
            ("Lifetime", GLib.Variant("s", rng.choice(("process", "client", "for ever", "")))),
            ("TimeoutUSec", GLib.Variant("t", rng.choice((0, 1, 1000, 10**6, 2**64 - 1)))),
            ("TimeoutUSec", GLib.Variant("i", -1)),
            (any_text(rng), GLib.Variant("as", ["x"] * 100)),
        )
        if rng.random() < 0.25
    }


def any_variant(rng):
    """Arguments of some type, which is hardly ever the right one."""
    return rng.choice(
        (
            lambda: None,
            lambda: GLib.Variant("(u)", (1,)),
            lambda: GLib.Variant("(s)", ("x" * 1000,)),
            lambda: GLib.Variant("(usa{sv})", (1, "tree", {})),
            lambda: GLib.Variant("(v)", (nested(rng),)),
            lambda: GLib.Variant("(aau)", ([[1] * 100] * 20,)),
            lambda: GLib.Variant("(h)", (7,)),
            lambda: GLib.Variant.new_tuple(GLib.Variant.new_bytestring(b"\xff" * 50000)),
        )
    )()


def any_call(rng, own):
    """(interface, method, arguments, descriptor to send or None)"""
    boost = (any_pid(rng, own), rng.choice(("process", "tree", "cgroup", any_text(rng))))
    kind = rng.randrange(12)
    if kind <= 2:
        args = (*boost, any_text(rng), any_options(rng))
        return NAME, "BoostProcess", GLib.Variant("(ussa{sv})", args), None
    if kind == 3:
        # A pidfd, something else, or an index without a descriptor.
        what = rng.choice(("pidfd", "/dev/null", "/proc/self/status", None))
        index = rng.choice((0, 0, 1, 2**31 - 1))
        method = rng.choice(("SetForeground", "GetProcess", "Boost", "Boost"))
        if method != "Boost":
            method += "ByPIDFd" if method == "GetProcess" else "ProcessByPIDFd"
            return NAME, method, GLib.Variant("(h)", (index,)), what
        args = (index, boost[1], any_text(rng), any_options(rng))
        return NAME, "BoostProcessByPIDFd", GLib.Variant("(hssa{sv})", args), what
    if kind == 4:
        method = rng.choice(("Release", "GetBoost"))
        return NAME, method, GLib.Variant("(u)", (rng.randrange(2**32),)), None
    if kind == 5:
        return NAME, "SetForegroundProcess", GLib.Variant("(u)", (any_pid(rng, own),)), None
    if kind == 6:
        return NAME, "SetForegroundCGroup", GLib.Variant("(s)", (any_text(rng),)), None
    if kind == 7:
        name = rng.choice(("Profile", "State", "BoostCount", any_text(rng)))
        value = rng.choice((GLib.Variant("s", any_text(rng)), nested(rng)))
        return PROPERTIES, "Set", GLib.Variant("(ssv)", (NAME, name, value)), None
    if kind == 8:
        return NAME, "GetProcess", GLib.Variant("(u)", (any_pid(rng, own),)), None
    if kind == 9:
        method = rng.choice(("ListBoosts", "GetStatistics", "ReloadConfiguration"))
        return NAME, method, None, None
    if kind == 10:
        method = rng.choice(("BoostProcess", "Release", "GetProcess", "ListBoosts", "Nothing"))
        return NAME, method, any_variant(rng), None
    return PROPERTIES, rng.choice(("Get", "GetAll", "Set")), any_variant(rng), None


def descriptor(what, own):
    fds = Gio.UnixFDList()
    if what:
        fd = os.pidfd_open(own) if what == "pidfd" else os.open(what, os.O_RDONLY)
        fds.append(fd)
        os.close(fd)
    return fds


def garbage(rng):
    """What is not even D-Bus, after a proper start."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(ADDRESS.split("path=", 1)[1].split(",")[0])
        raw.settimeout(5)
        raw.send(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        raw.recv(1000)
        raw.send(b"BEGIN\r\n" + rng.choice((b"l\1\0\1", b"", b"B")) + rng.randbytes(200))


def start_victim():
    # It dies with us, and keeps nobody's output open.
    command = ["setpriv", "--pdeathsig", "KILL", "sleep", "100000"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def be_hostile(seed, calls):
    rng = random.Random(seed)
    own = start_victim()
    answers = collections.Counter()
    pending = 0
    connection = connect()
    context = GLib.MainContext.default()

    def on_answer(source, result):
        nonlocal pending
        pending -= 1
        try:
            source.call_with_unix_fd_list_finish(result)
            answers["answered"] += 1
        except GLib.Error as error:
            name = Gio.DBusError.get_remote_error(error)
            answers[name.rsplit(".", 1)[1] if name else "local: " + error.message] += 1
            # The next one shall try something out, and not be refused for the rate.
            wait = re.search(r"allowed in (\d+) ms", error.message)
            if wait and name.endswith("LimitsExceeded"):
                time.sleep(int(wait[1]) / 1000)

    for i in range(calls):
        if rng.random() < 0.01:
            garbage(rng)
        if rng.random() < 0.01:
            # Gone, with calls under way that nobody waits for.
            connection.close_sync(None)
            while pending:
                context.iteration(True)
            connection = connect()
        interface, method, args, what = any_call(rng, own.pid)
        # A dialogue may be asked for as well: there is nobody to show it to.
        flags = rng.choice(
            (Gio.DBusCallFlags.NO_AUTO_START, Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION)
        )
        pending += 1
        connection.call_with_unix_fd_list(
            NAME, PATH, interface, method, args, None, flags, PATIENCE_MS,
            descriptor(what, own.pid), None, on_answer,
        )  # fmt: skip
        while pending >= WINDOW or (pending and rng.random() < 0.5):
            context.iteration(True)
        # Processes that end while they are boosted.
        if i % 50 == 49:
            own.kill()
            own.wait()
            own = start_victim()
    while pending:
        context.iteration(True)
    own.kill()
    own.wait()
    print(json.dumps(answers))


def start_client(user, seed, calls):
    # The program comes in by a descriptor: users may not be able to read where it lies.
    with open(__file__, encoding="utf-8") as program:
        return subprocess.Popen(
            [sys.executable, "-", "--be-hostile", str(seed), str(calls)],
            stdin=program,
            stdout=subprocess.PIPE,
            text=True,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
        )


# ---- an honest client ----------------------------------------------------------------------------


class Honest:
    def __init__(self):
        self.bus = connect()
        self.slowest = 0
        self.served = 0

    def call(self, method, args=None, interface=NAME, dest=NAME, path=PATH):
        start = time.monotonic()
        result = self.bus.call_sync(
            dest, path, interface, method, args, None, Gio.DBusCallFlags.NONE, PATIENCE_MS, None
        ).unpack()
        self.slowest = max(self.slowest, time.monotonic() - start)
        self.served += 1
        return result[0] if result else None

    def service_pid(self):
        bus = "org.freedesktop.DBus"
        return self.call(
            "GetConnectionUnixProcessID", GLib.Variant("(s)", (NAME,)), bus, bus,
            "/org/freedesktop/DBus",
        )  # fmt: skip

    def work(self):
        """What a desktop does in a normal moment."""
        args = GLib.Variant("(ussa{sv})", (os.getpid(), "tree", "an honest boost", {}))
        cookie = self.call("BoostProcess", args)
        assert cookie in [boost["Cookie"] for boost in self.call("ListBoosts")]
        self.call("Release", GLib.Variant("(u)", (cookie,)))
        self.call("GetAll", GLib.Variant("(s)", (NAME,)), PROPERTIES)


def memory_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def settled(honest, pid):
    """Memory and descriptors once nothing is under way: the clients are gone, boosts are released."""
    for boost in honest.call("ListBoosts"):
        honest.call("Release", GLib.Variant("(u)", (boost["Cookie"],)))
    end = time.monotonic() + 30
    while honest.call("ListBoosts") and time.monotonic() < end:
        time.sleep(0.1)
    count = descriptors(pid)
    while time.monotonic() < end:
        time.sleep(0.5)
        before, count = count, descriptors(pid)
        if before == count:
            break
    return memory_kb(pid), count


def attack(users, clients, calls, seed, honest):
    """One half of the calls, with honest work beside it. Returns all answers, or None."""
    running = [
        start_client(users[i % len(users)], seed + i, calls // clients) for i in range(clients)
    ]
    next_work = 0
    while any(client.poll() is None for client in running):
        if time.monotonic() >= next_work:
            honest.work()
            # Root has limits as well: 25 changes in 20 s.
            next_work = time.monotonic() + 1
        time.sleep(0.05)
    answers = collections.Counter()
    for client in running:
        answers.update(json.loads(client.stdout.read() or "{}"))
        client.stdout.close()
    return answers if all(client.returncode == 0 for client in running) else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--calls", type=int, default=10000)
    parser.add_argument("--user", action="append")
    parser.add_argument("--growth-kb", type=int, default=512, help="of memory that is accepted")
    parser.add_argument("--be-hostile", nargs=2, type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.be_hostile:
        be_hostile(*args.be_hostile)
        return
    users = [pwd.getpwnam(name) for name in args.user or ("player", "other")]
    os.chdir("/")

    honest = Honest()
    pid = honest.service_pid()
    limit = honest.call("Get", GLib.Variant("(ss)", (NAME, "MaxBoostsPerUser")), PROPERTIES)
    answers = collections.Counter()
    marks = []
    for half in range(2):
        got = attack(users, args.clients, args.calls // 2, half * 1000, honest)
        verdict(got is not None, f"half {half + 1}: all clients came to their end")
        answers += got or {}
        held = collections.Counter(boost["Uid"] for boost in honest.call("ListBoosts"))
        verdict(
            all(held[user.pw_uid] <= limit + 1 for user in users),
            f"half {half + 1}: no more boosts than allowed are held: {dict(held)}",
        )
        marks.append(settled(honest, pid))
    total = sum(answers.values())
    print("# answers:", dict(answers.most_common()))
    verdict(total >= args.calls // 2 * 2 - 10, f"{total} calls of {args.clients} clients ended")
    verdict(answers["InvalidArgs"] > 0 and answers["answered"] > 0, "some were refused, some not")
    verdict(honest.service_pid() == pid, "it is the same process as before")
    (memory, fds), (memory_after, fds_after) = marks
    verdict(
        memory_after <= memory + args.growth_kb,
        f"memory after half of the calls and after all of them: {memory} KB, {memory_after} KB",
    )
    verdict(fds_after <= fds + 2, f"descriptors then: {fds}, {fds_after}")
    verdict(honest.served > 0, f"{honest.served} other calls were served, the slowest in "
            f"{honest.slowest * 1000:.0f} ms")  # fmt: skip
    print(f"1..{verdicts}")
    sys.exit(failed != 0)


main()
