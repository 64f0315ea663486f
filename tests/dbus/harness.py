# SPDX-License-Identifier: GPL-2.0-only
"""A private system bus with a fake polkitd, rustlandd on it, and clients of any user.

Nothing here looks at a clock to judge: what must happen is waited for, and PATIENCE is only when to
give up.
"""

import array
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
STAGE = pathlib.Path(os.environ.get("STAGE", TOP / "out/stage"))
PATIENCE = int(os.environ.get("PATIENCE", "60"))

NAME, PATH = "org.scx.Rustland", "/org/scx/Rustland"
ERROR = NAME + ".Error."
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
INVALID = "org.freedesktop.DBus.Error.InvalidArgs"
BOOST_OWN, BOOST_OTHER, SET_PROFILE, MANAGE = (
    "org.scx.rustland." + action
    for action in ("boost-own", "boost-other", "set-profile", "manage")
)

# For programs with clang's sanitizers in them: of what was freed the one for memory keeps this much, and a
# policy that crashes does so; the one for threads has to be told of GLib's locks, which tools/build --tsan
# puts there.
PROGRAM = (STAGE / "usr/libexec/rustlandd").read_bytes()
IS_SANITIZED = b"__asan_init" in PROGRAM or b"__tsan_init" in PROGRAM
SANITIZERS = {"ASAN_OPTIONS": "quarantine_size_mb=1:handle_segv=0"}
if (STAGE / "glib-locks.so").exists():
    SANITIZERS["LD_PRELOAD"] = str(STAGE / "glib-locks.so")
    SANITIZERS["TSAN_OPTIONS"] = "include={0}/options:suppressions={0}/suppressions".format(
        TOP / "tests/threads"
    )

# Two users that every system has: the bus lets nobody in whom it cannot look up.
PLAYER, OTHER = (pwd.getpwnam(name).pw_uid for name in ("games", "nobody"))

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <auth>EXTERNAL</auth>
  <listen>unix:path={dir}/bus</listen>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root">
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow own="org.freedesktop.systemd1"/>
    <allow send_destination="*"/>
  </policy>
  <includedir>{policies}</includedir>
</busconfig>
"""

CONFIG = """[Boosts]
MaxPerUser={boosts}
MaxChanges={changes}
ChangesWindowSec=20
"""


class CallError(Exception):
    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name, self.message = name, message


def wait_for(what, condition, patience=PATIENCE):
    """Returns the first true value of condition()."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"in vain waited for: {what}")
        time.sleep(0.01)


class Bus:
    """dbus-daemon with our policy, and polkitd."""

    def __init__(self, directory):
        self.dir = directory
        config = directory / "bus.conf"
        policies = STAGE / "usr/share/dbus-1/system.d"
        config.write_text(BUS_CONFIG.format(dir=directory, policies=policies), encoding="ascii")
        self.address = f"unix:path={directory}/bus"
        self.env = {
            "DBUS_SYSTEM_BUS_ADDRESS": self.address,
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
        }
        self.polkit = None
        with open(directory / "bus.log", "wb") as log:  # it says a lot about hostile clients
            self.daemon = subprocess.Popen(
                ["dbus-daemon", "--nofork", f"--config-file={config}"], env=self.env, stderr=log
            )
        wait_for("the bus", (directory / "bus").exists)
        shutil.copy(HERE / "client.py", directory)
        self.control = Client(self, 0)
        self.start_polkit()

    def start_polkit(self):
        self.polkit = subprocess.Popen(
            [sys.executable, "-m", "dbusmock", "--template", HERE / "polkitd.py"],
            env=self.env | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.DEVNULL,
        )
        wait_for("polkitd", lambda: self.has_owner("org.freedesktop.PolicyKit1"))

    def stop_polkit(self):
        self.polkit.kill()
        self.polkit.wait()
        wait_for("the end of polkitd", lambda: not self.has_owner("org.freedesktop.PolicyKit1"))

    def bus_call(self, method, args):
        return self.control.call(
            method,
            args,
            dest="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            iface="org.freedesktop.DBus",
        )

    def has_owner(self, name):
        return self.bus_call("NameHasOwner", f"('{name}',)")

    def mock(self, method, args=None):
        return self.control.call(
            method,
            args,
            dest="org.freedesktop.PolicyKit1",
            path="/org/freedesktop/PolicyKit1/Authority",
            iface="org.freedesktop.DBus.Mock",
        )

    def allow(self, *actions):
        """Just these, and nothing hangs."""
        self.mock("SetAllowed", f"(@as {list(actions)},)")
        self.mock("SetChallenge", "(@as [],)")
        self.mock("SetInactive", "(@au [],)")
        self.mock("SimulateHang", "(false,)")
        self.mock("SimulateHangActions", "(@as [],)")
        self.mock("ReleaseHangingCalls")
        self.mock("TakeAsked")

    def close(self):
        self.control.close()
        for process in (self.polkit, self.daemon):
            process.kill()
            process.wait()


class Client:
    """A process of that user, connected to the bus.

    within: the words of a command that runs another one as root, somewhere else: "unshare --pid ...".
    program: what the client is, if it is not client.py itself."""

    def __init__(self, bus, uid, within=(), program=None):
        self.uid = uid
        program = program or [sys.executable, "-B", bus.dir / "client.py"]
        if within:
            user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]
            program, identity = [*within, *user, *program], {}
        else:
            identity = {"user": uid, "group": uid, "extra_groups": []}
        self.process = subprocess.Popen(
            program,
            env=bus.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            **identity,
        )
        self.pid = self.process.pid
        self.answers, self.signals = {}, []
        self.changed = threading.Condition()
        self.last_id = 0
        self.name = json.loads(self.process.stdout.readline())["name"]
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            with self.changed:
                if "signal" in message:
                    self.signals.append((message["signal"], message["args"]))
                else:
                    self.answers[message["id"]] = message
                self.changed.notify_all()

    def _wait(self, what, condition):
        with self.changed:
            if not self.changed.wait_for(condition, PATIENCE):
                raise AssertionError(f"in vain waited for: {what}; signals: {self.signals}")

    def begin(self, method, args=None, **more):
        """Sends a call; end() waits for the answer."""
        self.last_id += 1
        request = {"id": self.last_id, "method": method, "args": args} | more
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        return self.last_id

    def is_answered(self, ident):
        with self.changed:
            return ident in self.answers

    def take(self, ident):
        """The answer as the client has told it, an error or not."""
        self._wait(f"answer {ident}", lambda: ident in self.answers)
        return self.answers.pop(ident)

    def end(self, ident):
        message = self.take(ident)
        if "error" in message:
            raise CallError(message["error"], message["message"])
        result = message["result"]
        return result[0] if len(result) == 1 else result

    def call(self, method, args=None, **more):
        return self.end(self.begin(method, args, **more))

    def error(self, method, args=None, **more):
        """The name of the error that the call has to end with."""
        return self.failure(method, args, **more).name

    def failure(self, method, args=None, **more):
        try:
            result = self.call(method, args, **more)
        except CallError as error:
            return error
        raise AssertionError(f"{method}{args} should have failed; it returned {result}")

    def boost(self, pid, scope="process", reason="a test", options="{}", **more):
        return self.call("BoostProcess", boost_args(pid, scope, reason, options), **more)

    def get(self, name):
        return self.call(
            "Get", f"('{NAME}', '{name}')", iface="org.freedesktop.DBus.Properties"
        )

    def set_args(self, name, value):
        return {
            "method": "Set",
            "args": f"('{NAME}', '{name}', <{value}>)",
            "iface": "org.freedesktop.DBus.Properties",
        }

    def boosts(self):
        return {boost["Cookie"]: boost for boost in self.call("ListBoosts")}

    def wait_signal(self, what, condition):
        """Waits for a signal (member, args) that satisfies condition, and returns its args."""

        def found():
            return next((args for member, args in self.signals if condition(member, args)), None)

        self._wait(what, lambda: found() is not None)
        return found()

    def wait_added(self, cookie):
        return self.wait_signal(
            f"BoostAdded {cookie}", lambda m, a: m == "BoostAdded" and a[0] == cookie
        )

    def wait_removed(self, cookie):
        return self.wait_signal(
            f"BoostRemoved {cookie}", lambda m, a: m == "BoostRemoved" and a[0] == cookie
        )

    def wait_property(self, name, value):
        self.wait_signal(
            f"{name}={value}",
            lambda m, a: m == "PropertiesChanged" and a[1].get(name) == value,
        )

    def kill(self):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        # The first of a namespace, with which all in it end.
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.returncode is None:
            self.kill()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


def start_ticks(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(text.rpartition(")")[2].split()[19])


def boost_args(pid, scope="process", reason="a test", options="{}"):
    scope, reason = (json.dumps(text, ensure_ascii=False) for text in (scope, reason))
    return f"(uint32 {pid}, {scope}, {reason}, @a{{sv}} {options})"


class DescriptorStore:
    """What systemd does for a service: NOTIFY_SOCKET with FDSTORE=1, and LISTEN_FDS afterwards."""

    def __init__(self, directory):
        self.path = directory / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.fds = []  # (name, descriptor), the newest first; several may have one name
        self.ready = False
        self.heard = []  # when there were signs of life
        self.watcher = None

    def watch(self):
        """Listens from now on, as systemd does, until beats()."""
        self.watcher = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while not self.watcher.wait(0.05):
            self.pump()

    def beats(self):
        self.watcher.set()
        self.thread.join()
        return self.heard

    def pump(self):
        """Handles all messages that have come."""
        while True:
            space = socket.CMSG_SPACE(16 * array.array("i").itemsize)
            try:
                text, control, _flags, _from = self.socket.recvmsg(
                    65536, space, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            got = array.array("i")
            for level, kind, data in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    got.frombytes(data)
            lines = dict(line.split("=", 1) for line in text.decode().splitlines() if "=" in line)
            name = lines.get("FDNAME", "stored")
            self.ready = self.ready or lines.get("READY") == "1"
            if lines.get("WATCHDOG") == "1":
                self.heard.append(time.monotonic())
            if lines.get("FDSTORE") == "1":
                self.fds[:0] = [(name, fd) for fd in got]
                continue
            for fd in got:
                os.close(fd)
            if lines.get("FDSTOREREMOVE") == "1":
                for one in [one for one in self.fds if one[0] == name]:
                    self.fds.remove(one)
                    os.close(one[1])

    def names(self):
        self.pump()
        return sorted(name for name, _fd in self.fds)

    def close(self):
        if self.watcher:
            self.beats()
        for _name, fd in self.fds:
            os.close(fd)
        self.socket.close()


class Daemon:
    """rustlandd, with everything it writes in a directory of its own.

    within: the words of a command that executes another one in its place, in other surroundings."""

    def __init__(
        self, bus, boosts=32, changes=10000, store=False, environment=None, within=()
    ):
        self.bus = bus
        self.within = within
        self.more_environment = environment or {}
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=bus.dir))
        self.kernel = self.dir / "kernel"
        for name in ("kernel/root", "run", "state", "config"):
            (self.dir / name).mkdir(parents=True)
        self.say_kernel("disabled", "")
        self.configure(boosts, changes)
        self.store = DescriptorStore(self.dir) if store else None
        self.log = open(self.dir / "log", "wb")
        self.process = None
        self.start()

    def say_kernel(self, state, ops):
        (self.kernel / "root/ops").write_text(ops + "\n", encoding="ascii")
        (self.kernel / "state").write_text(state + "\n", encoding="ascii")

    def configure(self, boosts=32, changes=10000, more=""):
        text = CONFIG.format(boosts=boosts, changes=changes) + more
        (self.dir / "config/rustland.conf").write_text(text, encoding="ascii")

    def environment(self):
        return self.bus.env | {
            "FAKE_KERNEL": str(self.kernel),
            "RUNTIME_DIRECTORY": str(self.dir / "run"),
            "STATE_DIRECTORY": str(self.dir / "state"),
            "REAL_SCHEDULER": str(STAGE / "usr/bin/scx_rustland"),
            "LD_LIBRARY_PATH": str(next(STAGE.glob("usr/lib/*/librustland.so.0")).parent),
            "G_MESSAGES_DEBUG": "all",
        } | SANITIZERS | self.more_environment

    def start(self, fds=None):
        """fds: pairs of a name and a descriptor."""
        env = self.environment()
        fds = list(fds or [])
        if self.store:
            env["NOTIFY_SOCKET"] = str(self.store.path)
            env["LISTEN_FDS"] = str(len(fds))
            env["LISTEN_FDNAMES"] = ":".join(name for name, _fd in fds)
            self.store.ready = False
        command = [
            *self.within,
            str(STAGE / "usr/libexec/rustlandd"),
            "--scheduler",
            str(HERE / "fake-scheduler"),
            "--config-dir",
            str(self.dir / "config"),
            "--fake-kernel",
            str(self.kernel),
        ]

        # The pid is known only here, and the descriptors have to be 3 and on.
        def prepare():
            env["LISTEN_PID"] = str(os.getpid())
            spare = [os.dup2(fd, 100 + i) for i, (_name, fd) in enumerate(fds)]
            for i, fd in enumerate(spare):
                os.dup2(fd, 3 + i)
                os.close(fd)
            os.closerange(3 + len(spare), 100)
            os.execvpe(command[0], command, env)

        self.process = subprocess.Popen(
            command, preexec_fn=prepare, close_fds=False, stdout=self.log, stderr=self.log
        )
        wait_for("rustlandd on the bus", self.is_on_bus)

    def is_on_bus(self):
        if self.process.poll() is not None:
            raise AssertionError(f"rustlandd ended ({self.process.returncode}):\n{self.read_log()}")
        return self.bus.has_owner(NAME)

    def read_log(self):
        return (self.dir / "log").read_text(errors="replace")

    def kill_scheduler(self):
        """The kernel then takes it out, which nobody but us can do here."""
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)
        self.say_kernel("disabled", "")

    def kill(self):
        """As the kernel or a person would: without a chance to say goodbye."""
        self.process.kill()
        self.process.wait()
        # As its BPF maps would be.
        (self.kernel / "classes").unlink(missing_ok=True)
        wait_for("the end of the name", lambda: not self.bus.has_owner(NAME))

    def restart(self):
        """What systemd does afterwards."""
        self.store.pump()
        self.start(fds=self.store.fds)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
        return self.process.poll()

    def entries(self):
        """What the scheduler was told last: (scope, id) to class, whose tasks, who asked."""
        try:
            text = (self.kernel / "classes").read_text(encoding="ascii")
        except FileNotFoundError:
            return {}
        state = {}
        for line in text.splitlines():
            scope, ident, name, uid, owner = line.split()
            state[scope, int(ident)] = name, uid if uid == "any" else int(uid), int(owner)
        return {target: entry for target, entry in state.items() if entry[0] != "normal"}

    def add_member(self, pid, root):
        """As the kernel does when a process is forked in a boosted tree."""
        with open(self.kernel / "classes-members", "a", encoding="ascii") as file:
            file.write(f"{pid} {start_ticks(pid)} {root} {start_ticks(root)}\n")

    def classes(self):
        return {target: entry[0] for target, entry in self.entries().items()}

    def close(self):
        status = self.stop()
        if status is None:
            self.process.kill()
            self.process.wait()
        if self.store:
            self.store.close()
        self.log.close()
        bad = [line for line in self.read_log().splitlines() if "CRITICAL" in line or "ERROR:" in line]
        assert not bad, bad
        assert status in (0, -signal.SIGKILL), f"rustlandd ended with {status}:\n{self.read_log()}"
