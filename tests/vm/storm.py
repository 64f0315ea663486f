#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""16 connections of two users do their worst to org.scx.Rustland, and others are served meanwhile.

They send without a pause and without waiting for answers: every method, calls that want no answer,
signals, 16 descriptors at a time, messages as large as the bus takes, questions about the deepest of
many nested processes that are boosted as trees, connections that come and go. Root and a third user
go on with their calls, and with one that only the bus itself answers: what that takes is not the
service's doing. Of the kind "elsewhere" hostile connections ask the bus alone, which shows what they do to a
machine without any service.

It prints TAP, where each thing looked at is a test. It runs as root, on the
system bus (or on the one that DBUS_SYSTEM_BUS_ADDRESS names), with a service that is active.

usage: storm.py [--seconds N] [--connections N] [--user NAME]... [--third NAME] [--p99-ms N]
                [--beyond-bus] [--growth-kb N] [--peak-kb N] [--json FILE]
"""

import argparse
import array
import collections
import json
import os
import pwd
import select
import signal
import socket
import struct
import subprocess
import sys
import time

NAME, PATH = "org.scx.Rustland", "/org/scx/Rustland"
PROPERTIES = "org.freedesktop.DBus.Properties"
ADDRESS = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket")
SOCKET = ADDRESS.split("path=", 1)[1].split(",")[0]
# As deep as anybody could nest processes on purpose, and as many trees as a user may boost at once.
DEPTH, TREES = 250, 24
# Descriptors that the service keeps of those who called last, and two of its own.
KNOWN = 64 + 2

verdicts = failed = 0


def verdict(good, text):
    global verdicts, failed
    verdicts, failed = verdicts + 1, failed + (not good)
    print("ok" if good else "not ok", verdicts, "-", text, flush=True)


# ---- messages, as little of D-Bus as it takes ----------------------------------------------------


def text(value):
    raw = value.encode()
    return struct.pack("<I", len(raw)) + raw + b"\0"


def padded(raw, to):
    return raw + b"\0" * (-len(raw) % to)


def message(kind, member, interface=NAME, dest=NAME, path=PATH, signature="", body=b"", flags=0, fds=0):
    fields = b""
    for code, sort, value in (
        (1, b"o", text(path)),
        (2, b"s", text(interface)),
        (3, b"s", text(member)),
        (6, b"s", text(dest)),
        (8, b"g", bytes([len(signature)]) + signature.encode() + b"\0"),
        (9, b"u", struct.pack("<I", fds)),
    ):
        if (code == 8 and not signature) or (code == 9 and not fds):
            continue
        fields = padded(fields, 8) + bytes([code, 1]) + sort + b"\0" + value
    head = struct.pack("<cBBBIII", b"l", kind, flags, 1, len(body), 1, len(fields)) + fields
    return padded(head, 8) + body


def call(member, signature="", body=b"", **more):
    return message(1, member, signature=signature, body=body, **more)


def boost_body(pid, reason):
    raw = struct.pack("<I", pid) + text("tree")
    raw = padded(raw, 4) + text(reason)
    # The array's length, then nothing: its elements would be aligned to 8.
    return padded(padded(raw, 4) + b"\0\0\0\0", 8)


def large(size):
    """An a{sv} of many entries: what a parser makes the most of."""
    head = padded(struct.pack("<I", 1) + text("tree"), 4) + text("x")
    head = padded(head, 4)
    entry = padded(text("k") + b"\1u\0", 4) + struct.pack("<I", 7)
    entry = padded(entry, 8)
    count = size // len(entry)
    start = padded(head + b"\0\0\0\0", 8)
    array_len = struct.pack("<I", count * len(entry))
    return start[: len(head)] + array_len + start[len(head) + 4 :] + entry * count


def get_body(name):
    return padded(text(NAME), 4) + text(name)


class Raw:
    """A connection that sends whatever it is given."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(SOCKET)
        uid = str(os.getuid()).encode().hex().encode()
        self.socket.send(b"\0AUTH EXTERNAL " + uid + b"\r\n")
        self.socket.recv(1000)
        self.socket.send(b"NEGOTIATE_UNIX_FD\r\n")
        self.socket.recv(1000)
        self.socket.send(b"BEGIN\r\n")
        self.serial = 0
        bus = "org.freedesktop.DBus"
        self.put(call("Hello", interface=bus, dest=bus, path="/org/freedesktop/DBus"))
        self.socket.recv(4096)
        self.socket.setblocking(False)

    def put(self, raw, fds=0):
        """One message, with a serial of its own; False when the bus takes no more now."""
        self.serial = self.serial % 0x7FFFFFFF + 1
        raw = raw[:8] + struct.pack("<I", self.serial) + raw[12:]
        control = []
        if fds:
            control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [2] * fds))]
        while raw:
            try:
                raw = raw[self.socket.sendmsg([raw[:200000]], control) :]
                control = []
            except BlockingIOError:
                self.drain(1)
        return True

    def drain(self, patience=0):
        """What comes is of no interest, but it must not fill the buffers."""
        readable, _, _ = select.select(
            [self.socket], [self.socket] if patience else [], [], patience
        )
        try:
            while readable and self.socket.recv(1 << 20):
                pass
        except BlockingIOError:
            pass

    def close(self):
        self.socket.close()


# ---- the storm -----------------------------------------------------------------------------------


def everything(pid):
    u = struct.pack("<I", pid)
    return [
        call("GetProcess", "u", u),
        call("BoostProcess", "ussa{sv}", boost_body(pid, "x" * 256)),
        call("SetForegroundProcess", "u", u),
        call("SetForegroundCGroup", "s", text("/user.slice")),
        call("Release", "u", u),
        call("ListBoosts"),
        call("GetStatistics"),
        call("ReloadConfiguration"),
        call("GetAll", "s", text(NAME), interface=PROPERTIES),
        call("Get", "ss", get_body("State"), interface=PROPERTIES),
        call("Set", "ssv", get_body("Profile") + b"\1s\0" + b"", interface=PROPERTIES),
        call("Introspect", interface="org.freedesktop.DBus.Introspectable"),
        call("Ping", interface="org.freedesktop.DBus.Peer"),
        call("Nothing"),
        call("BoostProcess", "u", u),
    ]


def be_hostile(kind, seconds, pid):
    end = time.monotonic() + seconds
    u = struct.pack("<I", pid)
    calls = everything(pid)
    bus = "org.freedesktop.DBus"
    to_bus = call("GetId", interface=bus, dest=bus, path="/org/freedesktop/DBus")
    # Not in the others: 16 of them are the memory of a small machine.
    sizes = {"large": 30 << 20, "medium": 60000}
    huge = call("BoostProcess", "ussa{sv}", large(sizes[kind])) if kind in sizes else b""
    sent = 0

    def one(raw, i):
        if kind == "deep":
            raw.put(calls[0])
        elif kind == "unwanted":
            raw.put(call("GetProcess", "u", u, flags=1))
        elif kind == "signals":
            raw.put(message(4, "PropertiesChanged", PROPERTIES, body=text(NAME), signature="s"))
            raw.put(message(4, "NameOwnerChanged", "org.freedesktop.DBus"))
        elif kind == "descriptors":
            raw.put(call("BoostProcessByPIDFd", fds=16), 16)
        elif kind in sizes:
            raw.put(huge)
        elif kind == "elsewhere":
            raw.put(to_bus)
        else:
            raw.put(calls[i % len(calls)])

    raw = Raw()
    while time.monotonic() < end:
        try:
            for i in range(50):
                one(raw, sent + i)
                if kind == "large" or time.monotonic() > end:
                    break
            sent += i + 1
            raw.drain()
            if kind == "coming":
                raw.close()
                raw = Raw()
        except OSError:
            # The bus has had enough of this one.
            raw.close()
            raw = Raw()
    print(json.dumps({"kind": kind, "sent": sent}))


# What each of 16 connections does.
KINDS = (
    "deep", "all", "deep", "all", "unwanted", "signals", "descriptors", "medium",
    "deep", "all", "deep", "all", "unwanted", "large", "descriptors", "coming",
)  # fmt: skip


# ---- others --------------------------------------------------------------------------------------


def measure(seconds):
    """Calls one after the other: how long each takes, in ms."""
    import gi

    gi.require_version("Gio", "2.0")
    from gi.repository import Gio, GLib

    bus = Gio.DBusConnection.new_for_address_sync(
        ADDRESS,
        Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
        None,
        None,
    )
    driver = "org.freedesktop.DBus"
    kinds = (
        ("service", NAME, PATH, NAME, "ListBoosts", None),
        ("bus", driver, "/org/freedesktop/DBus", driver, "GetId", None),
        ("service", NAME, PATH, PROPERTIES, "Get", GLib.Variant("(ss)", (NAME, "State"))),
        ("service", NAME, PATH, NAME, "SetForegroundProcess", GLib.Variant("(u)", (0,))),
    )
    times, errors = collections.defaultdict(list), collections.Counter()
    worst = (0, 0)
    begin = time.monotonic()
    end = begin + seconds
    while time.monotonic() < end:
        for kind, dest, path, interface, method, args in kinds:
            start = time.monotonic()
            try:
                bus.call_sync(dest, path, interface, method, args, None, 0, 300000, None)
            except GLib.Error as error:
                if "AccessDenied" not in error.message:
                    errors[error.message[:100]] += 1
            times[kind].append((time.monotonic() - start) * 1000)
            if kind == "service":
                worst = max(worst, (times[kind][-1], start - begin))
        time.sleep(0.05)
    print(json.dumps({"times": times, "errors": errors, "worst_at": worst[1]}))


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else 0


def start(user, *args):
    # The program comes in by a descriptor: users may not be able to read where it lies.
    with open(__file__, encoding="utf-8") as program:
        return subprocess.Popen(
            [sys.executable, "-", *map(str, args)],
            stdin=program,
            stdout=subprocess.PIPE,
            text=True,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            cwd="/",
        )


def start_nested(user):
    """Many processes, each the parent of the next; returns the first one, and the last one's pid."""
    script = (
        "f() { if [ $1 -gt 0 ]; then (f $(($1 - 1)); :); :;"
        f" else sh -c 'echo $PPID'; exec sleep 100000; fi; }}; f {DEPTH}; :"
    )
    first = subprocess.Popen(
        ["setsid", "sh", "-c", script], stdout=subprocess.PIPE, text=True,
        user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/",
    )  # fmt: skip
    return first, int(first.stdout.readline())


def parents(pid):
    while pid > 1:
        yield pid
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            pid = int(file.read().rsplit(")", 1)[1].split()[1])


class Service:
    def __init__(self):
        import gi

        gi.require_version("Gio", "2.0")
        from gi.repository import Gio, GLib

        self.GLib = GLib
        self.bus = Gio.DBusConnection.new_for_address_sync(
            ADDRESS,
            Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
            | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None,
            None,
        )
        self.pid = self.find_pid()

    def call(self, method, args=None, interface=NAME, dest=NAME, path=PATH):
        result = self.bus.call_sync(
            dest, path, interface, method, args, None, 0, 300000, None
        ).unpack()
        return result[0] if result else None

    def find_pid(self):
        bus = "org.freedesktop.DBus"
        args = self.GLib.Variant("(s)", (NAME,))
        return self.call("GetConnectionUnixProcessID", args, bus, bus, "/org/freedesktop/DBus")

    def boost(self, pid):
        args = self.GLib.Variant("(ussa{sv})", (pid, "tree", "deep", {}))
        return self.call("BoostProcess", args)

    def release(self, cookie):
        self.call("Release", self.GLib.Variant("(u)", (cookie,)))

    def memory_kb(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def children(self):
        path = f"/proc/{self.pid}/task/{self.pid}/children"
        with open(path, encoding="ascii") as file:
            return file.read().split()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--user", action="append")
    parser.add_argument("--third", default="daemon")
    parser.add_argument("--p99-ms", type=float, default=100)
    parser.add_argument(
        "--beyond-bus", action="store_true", help="more than twice what the bus itself takes"
    )
    parser.add_argument("--growth-kb", type=int, default=16384, help="of memory, afterwards")
    parser.add_argument("--peak-kb", type=int, default=65536, help="of memory, meanwhile")
    parser.add_argument("--peak-fds", type=int, default=1200)
    parser.add_argument("--json")
    parser.add_argument("--kinds", help="instead of all: " + ",".join(sorted(set(KINDS))))
    parser.add_argument("--hostile", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.hostile:
        be_hostile(args.hostile[0], float(args.hostile[1]), int(args.hostile[2]))
        return
    if args.measure:
        measure(args.measure)
        return
    kinds = args.kinds.split(",") if args.kinds else KINDS
    users = [pwd.getpwnam(name) for name in args.user or ("player", "other")]
    service = Service()
    pid, children = service.pid, service.children()
    nested, deepest = start_nested(users[0])
    cookies = [service.boost(p) for p, _ in zip(list(parents(deepest))[DEPTH - TREES :], range(TREES))]
    memory, fds = service.memory_kb(), service.descriptors()

    quiet = {}
    for who in ("root", args.third):
        quiet[who] = json.loads(start(pwd.getpwnam(who), "--measure", 2).communicate()[0])
    hostile = [
        start(users[i % 2], "--hostile", kinds[i % len(kinds)], args.seconds, deepest)
        for i in range(args.connections)
    ]
    others = {
        who: start(pwd.getpwnam(who), "--measure", args.seconds) for who in ("root", args.third)
    }
    peak_memory, peak_fds = memory, fds
    while any(process.poll() is None for process in hostile):
        try:
            peak_memory = max(peak_memory, service.memory_kb())
            peak_fds = max(peak_fds, service.descriptors())
        except (OSError, StopIteration):
            pass
        time.sleep(0.2)
    sent = collections.Counter()
    for process in hostile:
        out = process.communicate()[0]
        if out:
            result = json.loads(out)
            sent[result["kind"]] += result["sent"]
    figures = {"sent": sent, "seconds": args.seconds}
    for who, process in others.items():
        result = json.loads(process.communicate()[0])
        line = []
        for kind in ("service", "bus"):
            before = percentile(quiet[who]["times"][kind], 0.99)
            p50, p99 = (percentile(result["times"][kind], share) for share in (0.5, 0.99))
            worst = max(result["times"][kind], default=0)
            figures[f"{who} {kind}"] = {
                "p99_before": before, "p50": p50, "p99": p99, "max": worst,
                "calls": len(result["times"][kind]),
            }  # fmt: skip
            line.append(f"{kind} p50 {p50:.1f} p99 {p99:.1f} max {worst:.1f} ms of {len(result['times'][kind])}")
        line.append(f"the longest one after {result['worst_at']:.1f} s")
        print(f"# {who}: {'; '.join(line)}", flush=True)
        verdict(not result["errors"], f"no call of {who}'s was refused: {result['errors'] or 'none'}")
        p99, most = figures[f"{who} service"]["p99"], args.p99_ms
        # There and back again.
        most += 2 * figures[f"{who} bus"]["p99"] if args.beyond_bus else 0
        verdict(p99 <= most, f"{who} is answered in {p99:.1f} ms (p99); at most {most:g}")
    print("# sent:", dict(sent), flush=True)
    same = service.find_pid() == pid
    verdict(same, "it is the same process as before")
    verdict(service.children() == children, f"and the same scheduler: {children}")
    for cookie in cookies if same else ():
        service.release(cookie)
    os.killpg(nested.pid, signal.SIGKILL)
    nested.wait()
    end = time.monotonic() + 30
    while service.descriptors() > fds - len(cookies) + KNOWN and time.monotonic() < end:
        time.sleep(0.2)
    after_memory, after_fds = service.memory_kb(), service.descriptors()
    figures |= {
        "memory_kb": [memory, peak_memory, after_memory],
        "descriptors": [fds, peak_fds, after_fds],
    }
    verdict(
        peak_memory <= memory + args.peak_kb and after_memory <= memory + args.growth_kb,
        f"memory before, at its most and after: {memory}, {peak_memory}, {after_memory} KB",
    )
    verdict(
        after_fds <= fds - len(cookies) + KNOWN and peak_fds <= args.peak_fds,
        f"descriptors before, at their most and after: {fds}, {peak_fds}, {after_fds}",
    )
    if args.json:
        with open(args.json, "w", encoding="ascii") as file:
            json.dump(figures, file, indent=1)
    print(f"1..{verdicts}")
    sys.exit(failed != 0)


main()
