# SPDX-License-Identifier: GPL-2.0-only
"""A private bus, and on it what rustlandctl talks to: the service as its interface describes it,
and the little of systemd that it asks. They do what a test tells them to, and write down what they
were asked. Nothing here leaves a process or a file behind."""

import os
import subprocess
import tempfile
import threading

from gi.repository import Gio, GLib

NAME = "org.scx.Rustland"
PATH = "/org/scx/Rustland"
ERROR = "org.scx.Rustland.Error."
STANDARD_ERROR = "org.freedesktop.DBus.Error."


class Bus:
    """A dbus-daemon of our own, as the system bus of everything that is started from here. It lets
    every user do everything; what the real one allows is tested where there is one."""

    CONFIGURATION = """<!DOCTYPE busconfig PUBLIC
      "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
      "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
    <busconfig>
      <listen>unix:tmpdir=/tmp</listen>
      <policy context="default">
        <allow user="*"/>
        <allow own="*"/>
        <allow send_type="method_call"/>
        <allow send_type="signal"/>
        <allow send_requested_reply="true"/>
        <allow receive_type="method_call"/>
        <allow receive_type="signal"/>
        <allow receive_requested_reply="true"/>
      </policy>
    </busconfig>"""

    def __init__(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as configuration:
            configuration.write(self.CONFIGURATION)
            configuration.flush()
            self.process = subprocess.Popen(
                [
                    "dbus-daemon",
                    f"--config-file={configuration.name}",
                    "--nofork",
                    "--nopidfile",
                    "--print-address",
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            # It says so when it has read the file.
            self.address = self.process.stdout.readline().strip()
        assert self.address, "dbus-daemon did not start"
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.address

    def connect(self):
        flags = Gio.DBusConnectionFlags
        return Gio.DBusConnection.new_for_address_sync(
            self.address,
            flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION,
            None,
            None,
        )

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Loop:
    """GLib's main loop in a thread, where all the fakes live."""

    def __init__(self):
        self.loop = GLib.MainLoop()
        self.thread = threading.Thread(target=self.loop.run, daemon=True)
        self.thread.start()

    def call(self, function, *args):
        """Runs function there; returns what it returns, or raises what it raises."""
        done = threading.Event()
        result = {}

        def run():
            try:
                result["value"] = function(*args)
            except Exception as error:  # pylint: disable=broad-except
                result["error"] = error
            done.set()
            return False

        GLib.idle_add(run)
        done.wait()
        if "error" in result:
            raise result["error"]
        return result["value"]

    def stop(self):
        self.loop.quit()
        self.thread.join()


class Fake:
    """An owner of a name with one object. Its life is: start(), stop(), start() ..."""

    def __init__(self, loop, bus, name):
        self.loop, self.bus, self.name = loop, bus, name
        self.connection = None

    def start(self):
        self.loop.call(self._start)

    def stop(self):
        if self.connection:
            self.loop.call(self._stop)

    def _start(self):
        self.connection = self.bus.connect()
        self.export(self.connection)
        # 4: do not queue; 1: primary owner
        (result,) = self.connection.call_sync(
            "org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "RequestName",
            GLib.Variant("(su)", (self.name, 4)),
            None,
            0,
            -1,
            None,
        ).unpack()
        assert result == 1, f"somebody else owns {self.name}"

    def _stop(self):
        self.connection.close_sync()
        self.connection = None

    def export(self, connection):
        raise NotImplementedError


class Service(Fake):
    """rustlandd as a client sees it: every call is accepted, unless `fail` or `hang` name it."""

    # What signals have, which everybody hears, and what is told of others' boosts.
    PUBLIC = ("Cookie", "Class", "Scope")
    READS = ("ListBoosts", "GetBoost")

    def __init__(self, loop, bus, xml):
        super().__init__(loop, bus, NAME)
        self.interface = Gio.DBusNodeInfo.new_for_xml(xml).interfaces[0]
        self.calls = []  # (method, arguments, flags of the message)
        self.fail = {}  # method: (error, message)
        self.hang = set()  # methods that are never answered
        self.next_cookie = 1001
        self.boosts = {}  # cookie: dictionary of variants
        self.foreground = 0  # the process that came by pidfd
        self.reasons = {}
        self.watches = {}
        self.statistics = {
            "nr_cpus": 8,
            "nr_running": 3,
            "nr_queued": 0,
            "nr_page_faults": 0,
            "nr_user_dispatches": 1000,
            "nr_something_new": 77,
        }
        self.properties = {
            "Version": GLib.Variant("s", "9.9"),
            "InterfaceVersion": GLib.Variant("u", 2),
            "State": GLib.Variant("s", "active"),
            "ExitReason": GLib.Variant("s", ""),
            "Scheduler": GLib.Variant("s", "rustland_9.9"),
            "Policy": GLib.Variant("s", "rustland"),
            "Policies": GLib.Variant("as", ["rustland", "fifo"]),
            "Profile": GLib.Variant("s", "auto"),
            "Profiles": GLib.Variant(
                "as", ["auto", "gaming", "lowlatency", "powersave", "server"]
            ),
            "SliceUSec": GLib.Variant("t", 20000),
            "SliceMinUSec": GLib.Variant("t", 500),
            "BoostCount": GLib.Variant("u", 0),
            "MaxBoostsPerUser": GLib.Variant("u", 32),
        }

    def export(self, connection):
        connection.register_object(PATH, self.interface, self.on_call, self.on_get, None)

    def _stop(self):
        for source in self.watches.values():
            GLib.source_remove(source)
        self.watches.clear()
        self.boosts.clear()
        super()._stop()

    # ---- what tests do ---------------------------------------------------------------------

    def set(self, **properties):
        """Properties change: by name, a string or a number."""
        self.loop.call(self._set, properties)

    def _set(self, properties):
        changed = {}
        for name, value in properties.items():
            changed[name] = GLib.Variant(self.properties[name].get_type_string(), value)
        self.properties.update(changed)
        if self.connection:
            self.connection.emit_signal(
                None,
                PATH,
                "org.freedesktop.DBus.Properties",
                "PropertiesChanged",
                GLib.Variant("(sa{sv}as)", (NAME, changed, [])),
            )

    def add(self, **members):
        """Somebody boosts something; returns the cookie."""
        return self.loop.call(self._add, self._boost(members))

    def add_of_others(self, **members):
        """Another user does, of whose boosts little is told."""
        boost = {k: v for k, v in self._boost(members).items() if k in self.PUBLIC}
        return self.loop.call(self._add, boost)

    @staticmethod
    def _boost(members):
        boost = {
            "Pid": GLib.Variant("u", members.get("pid", 4711)),
            "Name": GLib.Variant("s", members.get("name", "game")),
            "Scope": GLib.Variant("s", members.get("scope", "tree")),
            "Class": GLib.Variant("s", members.get("rank", "boosted")),
            "Uid": GLib.Variant("u", members.get("uid", 0)),
            "Since": GLib.Variant("t", members.get("since", GLib.get_real_time())),
            "Lifetime": GLib.Variant("s", members.get("lifetime", "process")),
        }
        for key, name in (("reason", "Reason"), ("app_id", "AppId")):
            if key in members:
                boost[name] = GLib.Variant("s", members[key])
        return boost

    def remove(self, cookie, why):
        self.loop.call(self._remove, cookie, why)

    def take_calls(self):
        """What was called since the last time, but for reads: [(method, arguments)]."""
        calls = self.loop.call(self._take_calls)
        return [(method, args) for method, args, _ in calls if method not in self.READS]

    def _take_calls(self):
        # In the loop's thread: on_call, interrupted here, would write down its call in the old list.
        calls, self.calls = self.calls, []
        return calls

    # ---- the interface ---------------------------------------------------------------------

    def _add(self, boost):
        cookie = self.next_cookie
        self.next_cookie += 1
        boost["Cookie"] = GLib.Variant("u", cookie)
        self.boosts[cookie] = boost
        public = {k: boost[k] for k in self.PUBLIC}
        self._emit("BoostAdded", "(ua{sv})", (cookie, public))
        return cookie

    def _remove(self, cookie, why):
        del self.boosts[cookie]
        source = self.watches.pop(cookie, None)
        if source:
            GLib.source_remove(source)
        self._emit("BoostRemoved", "(uus)", (cookie, 0, why))

    def _emit(self, signal, signature, arguments):
        self.connection.emit_signal(
            None, PATH, NAME, signal, GLib.Variant(signature, arguments)
        )

    def on_get(self, _connection, _sender, _path, _interface, name):
        return self.properties[name]

    def on_call(self, _connection, sender, _path, interface, method, arguments, invocation):
        message = invocation.get_message()
        self.calls.append((method, arguments.unpack(), message.get_flags()))
        if method in self.hang:
            return
        if method in self.fail:
            invocation.return_dbus_error(*self.fail[method])
            return
        if interface == "org.freedesktop.DBus.Properties":
            self.on_properties(method, arguments.unpack(), invocation)
            return
        try:
            result = getattr(self, method)(arguments.unpack(), message, sender)
        except KeyError:
            invocation.return_dbus_error(ERROR + "NoSuchBoost", "no boost has this cookie")
            return
        invocation.return_value(result)

    def on_properties(self, method, arguments, invocation):
        """What GDBus hands on to us: writing, which our interface information allows."""
        if method != "Set":
            invocation.return_dbus_error(STANDARD_ERROR + "UnknownMethod", method)
            return
        _interface, name, value = arguments
        if value not in self.properties["Profiles"].unpack():
            invocation.return_dbus_error(
                STANDARD_ERROR + "InvalidArgs", f"there is no profile '{value}'"
            )
            return
        invocation.return_value(None)
        self._set({name: value})

    @staticmethod
    def _pinned(message, index):
        """(descriptor, pid)"""
        pidfd = message.get_unix_fd_list().get(index)
        with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as info:
            return pidfd, int(dict(line.split(":", 1) for line in info)["Pid"])

    def BoostProcessByPIDFd(self, arguments, message, _sender):
        index, scope, reason, options = arguments
        pidfd, pid = self._pinned(message, index)
        with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
            name = comm.read().strip()
        boost = {
            "Pid": GLib.Variant("u", pid),
            "Name": GLib.Variant("s", name),
            "Scope": GLib.Variant("s", scope),
            "Class": GLib.Variant("s", "boosted"),
            "Uid": GLib.Variant("u", os.getuid()),
            "Since": GLib.Variant("t", GLib.get_real_time()),
            "Lifetime": GLib.Variant("s", options.get("Lifetime", "process")),
            "Reason": GLib.Variant("s", reason),
            "AppId": GLib.Variant("s", options.get("AppId", "")),
        }
        cookie = self._add(boost)

        def on_exit(_fd, _condition):
            os.close(pidfd)
            del self.watches[cookie]
            self._remove(cookie, "exited")
            return False

        self.watches[cookie] = GLib.unix_fd_add_full(
            GLib.PRIORITY_DEFAULT, pidfd, GLib.IOCondition.IN, on_exit
        )
        return GLib.Variant("(u)", (cookie,))

    def Release(self, arguments, _message, _sender):
        self._remove(arguments[0], "released")

    def SetForegroundProcess(self, _arguments, _message, _sender):
        return None

    def SetForegroundProcessByPIDFd(self, arguments, message, _sender):
        pidfd, self.foreground = self._pinned(message, arguments[0])
        os.close(pidfd)

    SetForegroundCGroup = SetForegroundProcess
    ReloadConfiguration = SetForegroundProcess

    def GetBoost(self, arguments, _message, _sender):
        return GLib.Variant("(a{sv})", (self.boosts[arguments[0]],))

    def ListBoosts(self, _arguments, _message, _sender):
        return GLib.Variant("(aa{sv})", (list(self.boosts.values()),))

    def GetStatistics(self, _arguments, _message, _sender):
        return GLib.Variant("(a{st})", (self.statistics,))


class Systemd(Fake):
    """systemd, asked about one unit."""

    XML = """<node>
      <interface name="org.freedesktop.systemd1.Manager">
        <method name="LoadUnit">
          <arg type="s" direction="in"/><arg type="o" direction="out"/>
        </method>
      </interface>
      <interface name="org.freedesktop.systemd1.Unit">
        <property name="LoadState" type="s" access="read"/>
        <property name="ActiveState" type="s" access="read"/>
        <property name="ConditionResult" type="b" access="read"/>
        <property name="ConditionTimestamp" type="t" access="read"/>
      </interface>
      <interface name="org.freedesktop.systemd1.Service">
        <property name="Result" type="s" access="read"/>
      </interface>
    </node>"""

    def __init__(self, loop, bus):
        super().__init__(loop, bus, "org.freedesktop.systemd1")
        self.unit = {}

    def export(self, connection):
        manager, unit, service = Gio.DBusNodeInfo.new_for_xml(self.XML).interfaces
        path = "/org/freedesktop/systemd1"
        connection.register_object(path, manager, self.on_call, None, None)
        for interface in (unit, service):
            connection.register_object(path + "/unit/x", interface, None, self.on_get, None)

    def on_call(self, _connection, _sender, _path, _interface, _method, arguments, invocation):
        assert arguments.unpack() == ("scx-rustland.service",), arguments
        invocation.return_value(GLib.Variant("(o)", ("/org/freedesktop/systemd1/unit/x",)))

    def on_get(self, _connection, _sender, _path, _interface, name):
        types = {"ConditionResult": "b", "ConditionTimestamp": "t"}
        defaults = {"ConditionResult": True, "ConditionTimestamp": 0}
        value = self.unit.get(name, defaults.get(name, ""))
        return GLib.Variant(types.get(name, "s"), value)
