# SPDX-License-Identifier: GPL-2.0-only
"""GameMode as its clients see it on the session bus, without what it does to the machine. Its games
at the start are its arguments; lines "register PID" and "unregister PID" on standard input change
them. Like the real one it does not notice by itself when a game dies."""

import os
import sys

from gi.repository import Gio, GLib

NAME, PATH = "com.feralinteractive.GameMode", "/com/feralinteractive/GameMode"
XML = f"""<node><interface name="{NAME}">
  <method name="ListGames"><arg type="a(io)" direction="out"/></method>
  <signal name="GameRegistered"><arg type="i"/><arg type="o"/></signal>
  <signal name="GameUnregistered"><arg type="i"/><arg type="o"/></signal>
</interface></node>"""

games = {int(pid) for pid in sys.argv[1:]}


def with_path(pid):
    return (pid, f"{PATH}/Games/{pid}")


def on_call(_bus, _sender, _path, _interface, _method, _arguments, invocation):
    invocation.return_value(GLib.Variant("(a(io))", ([with_path(pid) for pid in sorted(games)],)))


def on_line(bus, source, loop):
    line = source.readline()
    if not line:
        loop.quit()
        return False
    what, pid = line.decode().split()
    if what == "register":
        games.add(int(pid))
    else:
        games.discard(int(pid))
    signal = "GameRegistered" if what == "register" else "GameUnregistered"
    bus.emit_signal(None, PATH, NAME, signal, GLib.Variant("(io)", with_path(int(pid))))
    return True


def main():
    bus = Gio.DBusConnection.new_for_address_sync(
        os.environ["DBUS_SESSION_BUS_ADDRESS"],
        Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
        None,
        None,
    )
    loop = GLib.MainLoop()
    interface = Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0]
    bus.register_object(PATH, interface, on_call, None, None)
    # Unbuffered: a line that waits in a buffer would not be seen by poll().
    source = os.fdopen(0, "rb", buffering=0)
    GLib.io_add_watch(
        0, GLib.IO_IN | GLib.IO_HUP, lambda _fd, _condition: on_line(bus, source, loop)
    )
    Gio.bus_own_name_on_connection(bus, NAME, Gio.BusNameOwnerFlags.NONE, None, None)
    loop.run()


main()
