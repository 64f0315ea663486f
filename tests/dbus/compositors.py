# SPDX-License-Identifier: GPL-2.0-only
"""Compositors as a program sees them over their IPC sockets: Hyprland and niri. They say what they
are told to, byte for byte as the real ones do, and nothing by themselves."""

import json
import os
import socket
import threading


class Listener:
    """A socket that a thread accepts connections on."""

    def __init__(self, path, uid, serve):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        os.chown(path, uid, uid)
        self.socket.listen(8)
        self.serve = serve
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.serve(connection)

    def close(self, leave_behind=False):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()
        if not leave_behind:
            self.path.unlink()


class Compositor:
    """Events go to all who listen; what comes between two of them is never lost."""

    def __init__(self):
        self.changed = threading.Condition()
        self.clients = []
        self.listeners = []

    def add(self, connection):
        with self.changed:
            self.clients.append(connection)
            self.changed.notify_all()

    def wait_client(self):
        with self.changed:
            assert self.changed.wait_for(lambda: self.clients, 60), "nobody listens"

    def say(self, text):
        with self.changed:
            for client in self.clients:
                client.sendall(text.encode())

    def close(self, leave_behind=False):
        for listener in self.listeners:
            listener.close(leave_behind)
        with self.changed:
            for client in self.clients:
                client.close()
            self.clients = []


class Hyprland(Compositor):
    """hypr/INSTANCE/.socket2.sock has events, .socket.sock answers one question a connection."""

    def __init__(self, run, uid, instance="efe0fd4d_1700000000_1", pid=0):
        super().__init__()
        self.pid = pid
        self.questions = []
        self.answering = threading.Event()
        self.answering.set()
        base = run / "hypr"
        self.dir = base / instance
        for path in (base, self.dir):
            path.mkdir(exist_ok=True)
            os.chown(path, uid, uid)
        self.listeners.append(Listener(self.dir / ".socket.sock", uid, self._answer))
        self.listeners.append(Listener(self.dir / ".socket2.sock", uid, self.add))

    def _answer(self, connection):
        question = connection.recv(4096).decode()
        self.questions.append(question)
        # The real one stands still meanwhile, and looks at what is so when it goes on.
        self.answering.wait(60)
        answer = "unknown request"
        if question == "j/activewindow":
            window = {"address": "0x64cea2525760", "mapped": True, "pid": self.pid, "class": "foot"}
            answer = json.dumps(window if self.pid else {}, indent=4)
        connection.sendall(answer.encode())
        connection.close()

    def focus(self, pid):
        self.pid = pid
        address = f"{pid:012x}" if pid else ""
        self.say(f"activewindow>>{'foot,~' if pid else ','}\nactivewindowv2>>{address}\n")


class Niri(Compositor):
    """Whoever asks for the event stream is told everything there is, then what changes."""

    def __init__(self, run, uid, name="niri.wayland-1.4711.sock", pids=()):
        super().__init__()
        self.windows = {}  # id to pid
        self.focused = None
        self.requests = []
        for pid in pids:
            self.windows[len(self.windows) + 1] = pid
        self.listeners.append(Listener(run / name, uid, self._serve))

    def _serve(self, connection):
        self.requests.append(connection.makefile().readline())
        windows = [self.describe(number) for number in self.windows]
        for line in (
            {"Ok": "Handled"},
            {"WorkspacesChanged": {"workspaces": []}},
            {"WindowsChanged": {"windows": windows}},
            {"KeyboardLayoutsChanged": {"keyboard_layouts": {"names": ["us"], "current_idx": 0}}},
            {"OverviewOpenedOrClosed": {"is_open": False}},
        ):
            connection.sendall(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        self.add(connection)

    def describe(self, number):
        return {
            "id": number,
            "title": "~",
            "app_id": "foot",
            "pid": self.windows[number],
            "workspace_id": 1,
            "is_focused": number == self.focused,
            "is_floating": False,
        }

    def event(self, name, **body):
        self.say(json.dumps({name: body}, separators=(",", ":")) + "\n")

    def open(self, pid):
        number = max(self.windows, default=0) + 1
        self.windows[number] = pid
        self.focused = number
        self.event("WindowOpenedOrChanged", window=self.describe(number))
        return number

    def focus(self, number):
        self.focused = number
        self.event("WindowFocusChanged", id=number)

    def shut(self, number):
        del self.windows[number]
        self.event("WindowClosed", id=number)
