# SPDX-License-Identifier: GPL-2.0-only
"""Whoever listens where a desktop would: an X server, or the IPC of sway, Hyprland or niri, as that
user whom this process is started as. A program of its own, since the kernel remembers who listened.

usage: server.py KIND PATH LOG PID MODE

KIND: x11, sway, hyprland (PATH is the instance's directory), niri.
PID: what it says has the focus; a number on standard input is the next one.
MODE: answer; hang (it takes connections and what they send, and says nothing); or, of the X server, once
it has been asked everything: flood (it says for ever that the focus has changed), or deaf (it does not read
any more, and answers all the same).

LOG has a line for each connection, "connected", and one for what was sent on it, "bytes" and hex.
"""

import json
import os
import select
import socket
import struct
import sys
import time

WINDOW, ROOT, XRES = 0x400001, 0x100, 140


class X11:
    """As much of the protocol as the bridge asks for; one window, whose process is the focused one."""

    atoms = {"_NET_ACTIVE_WINDOW": 101, "_NET_WM_PID": 102}

    def __init__(self, server):
        self.server = server
        self.clients = {}  # connection to the number of its requests; -1: not set up yet

    def connected(self, client):
        self.clients[client] = -1

    def screen(self):
        screen = struct.pack("<IIIIIHHHHHHIBBBB", ROOT, 1, 0, 0, 0, 800, 600, 200, 150, 1, 1, 2, 0, 0, 24, 0)
        head = struct.pack("<IIIIHHBBBBBBBB4x", 1, 0x400000, 0x1FFFFF, 0, 4, 65535, 1, 0, 0, 0, 32, 32, 8, 255)
        body = head + b"none" + screen
        return struct.pack("<BxHHH", 1, 11, 0, len(body) // 4) + body

    def received(self, client, data):
        """How much of data was a request."""
        if self.clients[client] < 0:
            if len(data) < 12:
                return 0
            lengths = struct.unpack_from("<HH", data, 6)
            size = 12 + sum((length + 3) & ~3 for length in lengths)
            if len(data) < size:
                return 0
            self.clients[client] = 0
            client.sendall(self.screen())
            return size
        if len(data) < 4:
            return 0
        opcode, minor, length = struct.unpack_from("<BBH", data)
        if len(data) < length * 4:
            return 0
        self.clients[client] += 1
        self.request(client, opcode, minor, data[: length * 4])
        return length * 4

    def reply(self, client, detail, body, more=b""):
        head = struct.pack("<BBHI", 1, detail, self.clients[client] & 0xFFFF, len(more) // 4)
        client.sendall(head + body.ljust(24, b"\0") + more)

    def request(self, client, opcode, minor, data):
        name = ""
        if opcode in (16, 98):
            (size,) = struct.unpack_from("<H", data, 4)
            name = data[8 : 8 + size].decode()
        if opcode == 98:
            self.reply(client, 0, struct.pack("<BB", name == "X-Resource", XRES))
        elif opcode == 16:
            self.reply(client, 0, struct.pack("<I", self.atoms.get(name, 1)))
        elif opcode == 20:
            window = WINDOW if self.server.pid else 0
            self.reply(client, 32, struct.pack("<III", 33, 0, 1), struct.pack("<I", window))
        elif opcode == XRES and minor == 0:
            self.reply(client, 0, struct.pack("<HH", 1, 2))
        elif opcode == XRES:
            if self.server.mode in ("flood", "deaf"):
                getattr(self, self.server.mode)(client, self.clients[client])
            item = struct.pack("<IIII", WINDOW, 2, 4, self.server.pid)
            self.reply(client, 0, struct.pack("<I", 1), item)
        elif opcode == 43:
            self.reply(client, 0, b"")

    def event(self, number):
        event = struct.pack("<BxHIIIB", 28, number & 0xFFFF, ROOT, 101, 0, 0)
        return event.ljust(32, b"\0")

    def focused(self):
        for client, number in self.clients.items():
            if number >= 0:
                client.sendall(self.event(number))

    def flood(self, client, number):
        try:
            while True:
                client.sendall(self.event(number) * 1000)
        except OSError:
            pass

    def deaf(self, client, number):
        """No window is active, says each answer; the next question is for sure on its way."""
        try:
            while True:
                head = struct.pack("<BBHI", 1, 32, number & 0xFFFF, 1)
                body = struct.pack("<III", 33, 0, 1).ljust(24, b"\0") + struct.pack("<I", 0)
                client.sendall(head + body + self.event(number))
                number += 1
                time.sleep(0.002)
        except OSError:
            pass


class Sway:
    def __init__(self, server):
        self.server = server
        self.clients = []

    def connected(self, client):
        self.clients.append(client)

    def send(self, client, kind, body):
        text = json.dumps(body).encode()
        client.sendall(b"i3-ipc" + struct.pack("=II", len(text), kind) + text)

    def received(self, client, data):
        if len(data) < 14:
            return 0
        length, kind = struct.unpack_from("=II", data, 6)
        if len(data) < 14 + length:
            return 0
        window = {"pid": self.server.pid, "focused": True}
        self.send(client, kind, {"success": True} if kind == 2 else {"nodes": [window]})
        return 14 + length

    def focused(self):
        for client in self.clients:
            event = {"change": "focus", "container": {"pid": self.server.pid}}
            self.send(client, 0x80000003, event)


class Niri:
    def __init__(self, server):
        self.server = server
        self.clients = []

    def connected(self, client):
        self.clients.append(client)

    def send(self, client, body):
        client.sendall(json.dumps(body).encode() + b"\n")

    def windows(self):
        windows = [{"id": 1, "pid": self.server.pid, "is_focused": True}]
        return {"WindowsChanged": {"windows": windows}}

    def received(self, client, data):
        end = data.find(b"\n")
        if end >= 0:
            self.send(client, {"Ok": "Handled"})
            self.send(client, self.windows())
        return end + 1

    def focused(self):
        for client in self.clients:
            self.send(client, self.windows())


class Hyprland:
    def __init__(self, server):
        self.server = server
        self.clients = []

    def connected(self, client):
        self.clients.append(client)

    def received(self, client, data):
        if data == b"j/activewindow":
            client.sendall(json.dumps({"pid": self.server.pid}).encode())
            client.shutdown(socket.SHUT_RDWR)
            self.clients.remove(client)
        return len(data)

    def focused(self):
        for client in self.clients:
            client.sendall(b"activewindowv2>>64cea2525760\n")


class Server:
    def __init__(self, kind, path, log, pid, mode):
        self.pid = int(pid)
        self.log = open(log, "ab", buffering=0)
        self.hangs = mode == "hang"
        self.mode = mode
        self.desktop = {"x11": X11, "sway": Sway, "niri": Niri, "hyprland": Hyprland}[kind](self)
        self.input = {}  # of each connection, what is no whole request yet
        paths = [path]
        if kind == "hyprland":
            os.makedirs(path, exist_ok=True)
            os.chmod(path, 0o777)
            paths = [path + "/.socket.sock", path + "/.socket2.sock"]
        self.listeners = []
        for name in paths:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(name)
            os.chmod(name, 0o777)
            listener.listen(64)
            self.listeners.append(listener)

    def accept(self, listener):
        client, _ = listener.accept()
        self.log.write(b"connected\n")
        self.input[client] = b""
        if not self.hangs:
            self.desktop.connected(client)

    def read(self, client):
        try:
            data = client.recv(65536)
        except OSError:
            data = b""
        if not data:
            del self.input[client]
            if isinstance(self.desktop, X11):
                self.desktop.clients.pop(client, None)
            elif client in self.desktop.clients:
                self.desktop.clients.remove(client)
            client.close()
            return
        self.log.write(b"bytes " + data.hex().encode() + b"\n")
        if self.hangs:
            return
        self.input[client] += data
        try:
            while self.input[client]:
                used = self.desktop.received(client, self.input[client])
                if not used:
                    break
                self.input[client] = self.input[client][used:]
        except OSError:
            pass  # it has hung up, and is read to its end next

    def run(self):
        print("ready", flush=True)
        stdin = 0
        while True:
            ready, _, _ = select.select([stdin, *self.listeners, *self.input], [], [])
            for one in ready:
                if one is stdin:
                    # Not by a file, which would take more than one line and show only the first.
                    lines = os.read(stdin, 4096)
                    if not lines:
                        return
                    for line in lines.split():
                        self.pid = int(line)
                        self.desktop.focused()
                elif one in self.listeners:
                    self.accept(one)
                else:
                    self.read(one)


Server(*sys.argv[1:]).run()
