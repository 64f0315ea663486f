# SPDX-License-Identifier: GPL-2.0-only
"""One client on the bus, driven by lines of JSON on standard input.

A program of its own, because a client is a user and a process here: tests start it with another uid,
and kill it to see what becomes of its boosts. Requests and answers carry an "id"; signals of the
service come in between as they are heard.
"""

import json
import os
import socket
import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME, PATH = "org.scx.Rustland", "/org/scx/Rustland"


def say(**what):
    sys.stdout.write(json.dumps(what, default=str) + "\n")
    sys.stdout.flush()


def answer(connection, result, ident):
    try:
        reply, _fds = connection.call_with_unix_fd_list_finish(result)
        say(id=ident, result=reply.unpack())
    except GLib.Error as error:
        name = Gio.DBusError.get_remote_error(error)
        Gio.DBusError.strip_remote_error(error)
        say(id=ident, error=name or "local: " + error.message, message=error.message)


def call(connection, request):
    """{"id", "method", "args" (GVariant text), and optionally "iface", "dest", "path", "flags",
    "timeout" (ms), "pidfd" (pid to send a pidfd of), "file" (path to send a descriptor of),
    "socket" (path to send a connection to)}"""
    fds = Gio.UnixFDList()
    if "pidfd" in request:
        fd = os.pidfd_open(request["pidfd"])
        fds.append(fd)
        os.close(fd)
    if "file" in request:
        fd = os.open(request["file"], os.O_RDONLY)
        fds.append(fd)
        os.close(fd)
    if "socket" in request:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(request["socket"])
            fds.append(one.fileno())
    args = GLib.Variant.parse(None, request["args"], None, None) if request.get("args") else None
    connection.call_with_unix_fd_list(
        request.get("dest", NAME),
        request.get("path", PATH),
        request.get("iface", NAME),
        request["method"],
        args,
        None,
        Gio.DBusCallFlags(request.get("flags", int(Gio.DBusCallFlags.NO_AUTO_START))),
        request.get("timeout", 60000),
        fds,
        None,
        answer,
        request["id"],
    )


def on_signal(_connection, _sender, _path, interface, member, args):
    say(signal=member, interface=interface, args=args.unpack())


def main():
    connection = Gio.DBusConnection.new_for_address_sync(
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"],
        Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
        None,
        None,
    )
    for interface in (NAME, "org.freedesktop.DBus.Properties"):
        connection.signal_subscribe(
            NAME, interface, None, PATH, None, Gio.DBusSignalFlags.NONE, on_signal
        )
    loop = GLib.MainLoop()

    def on_line(source, _condition):
        line = source.readline()
        if not line:
            loop.quit()
            return False
        call(connection, json.loads(line))
        return True

    # Unbuffered: a line that waits in a buffer would not be seen by poll().
    source = os.fdopen(0, "rb", buffering=0)
    GLib.io_add_watch(0, GLib.IO_IN | GLib.IO_HUP, lambda _fd, cond: on_line(source, cond))
    say(name=connection.get_unique_name())
    loop.run()


main()
