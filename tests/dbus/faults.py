# SPDX-License-Identifier: GPL-2.0-only
"""Faults by number: the n-th call of a kind that rustlandd makes fails, see faults.c."""

import contextlib
import ctypes
import errno
import mmap
import os
import pathlib
import random
import signal
import subprocess
import time

from harness import HERE, Daemon

# The numbers are those of faults.c.
OPEN, READ, WRITE, FD, NET, PROCESS, FILES, WATCH, MEMORY, ABORT, BUS = range(1, 12)
KINDS = {
    "open": (OPEN, errno.EMFILE),
    "read": (READ, errno.EIO),
    "write": (WRITE, errno.ENOSPC),
    "descriptor": (FD, errno.EMFILE),
    "socket": (NET, errno.ENOBUFS),
    "process": (PROCESS, errno.EAGAIN),
    "name": (FILES, errno.EACCES),
    "watch": (WATCH, errno.ENOSPC),
    "memory": (MEMORY, errno.ENOMEM),
    "memory of GLib's": (ABORT, errno.ENOMEM),
    "call": (BUS, 0),
}
# GLib ends a program that gets no memory, or no thread.
ENDS = {kind: (-signal.SIGABRT, -signal.SIGTRAP) for kind in (MEMORY, ABORT, PROCESS)}

SEED = int(os.environ.get("FAULTS_SEED", "1"))
ALL = os.environ.get("FAULTS") == "all"


# Of a service that has not reported to be ready systemd thinks that it never will be.
START_LIMIT = 20


class Control(ctypes.Structure):
    _fields_ = [
        ("kind", ctypes.c_int32),
        ("at", ctypes.c_int32),
        ("error", ctypes.c_int32),
        ("hit", ctypes.c_int32),
        ("count", ctypes.c_int32 * 12),
        ("what", ctypes.c_char * 128),
    ]


def compile_library(directory):
    library = directory / "faults.so"
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-fPIC", "-shared", "-Wall", "-Werror"]
    subprocess.run(
        ["cc", *flags, "-Wno-nonnull-compare", "-o", library, HERE / "faults.c"], check=True
    )
    return library


def numbers(what, count, drawn):
    """Which calls to let fail: all of them, or some that are drawn."""
    if ALL:
        return range(1, count + 1)
    return sorted(random.Random(f"{SEED} {what}").sample(range(1, count + 1), min(drawn, count)))


class Faults:
    """The file that a program under test looks into."""

    def __init__(self, directory, program):
        self.path = pathlib.Path(directory) / "faults"
        self.path.write_bytes(bytes(ctypes.sizeof(Control)))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), ctypes.sizeof(Control))
        self.control = Control.from_buffer(self.map)
        self.program = program

    def set(self, kind=0, at=0, error=0):
        """Counts from 0 again; kind 0: nothing fails."""
        ctypes.memset(ctypes.addressof(self.control), 0, ctypes.sizeof(Control))
        self.control.at, self.control.error = at, error
        self.control.kind = kind

    def environment(self, library):
        return {
            "LD_PRELOAD": str(library),
            "FAULTS_CONTROL": str(self.path),
            "FAULTS_PROGRAM": self.program,
        }

    @property
    def hit(self):
        return self.control.what.decode() if self.control.hit else None

    def counts(self):
        return list(self.control.count)


class FaultyDaemon(Daemon):
    """One that may end whenever it has a reason to; whoever uses it does what systemd would."""

    def __init__(self, bus, library):
        self.library, self.faults = library, None
        super().__init__(bus, store=True)

    def environment(self):
        if not self.faults:
            self.faults = Faults(self.dir, "rustlandd")
        return super().environment() | self.faults.environment(self.library)

    def kill_all(self):
        """With its scheduler, whose last words would be taken for the next one's."""
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        self.process.send_signal(signal.SIGSTOP)
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)
        self.kill()

    def start(self, fds=None):
        self.deadline = time.monotonic() + START_LIMIT
        self.came_up = True
        super().start(fds)

    def is_on_bus(self):
        if time.monotonic() > self.deadline:
            self.came_up = False  # systemd ends it
            self.process.kill()
            self.process.wait()
        return self.process.poll() is not None or self.bus.has_owner("org.scx.Rustland")

    def close(self):
        """What it said is judged run by run."""
        if self.stop() is None:
            self.process.kill()
            self.process.wait()
        self.store.close()
        self.log.close()

    @property
    def ended(self):
        return self.process.poll() is not None

    def descriptors(self):
        return len(self.descriptor_names())

    def descriptor_names(self):
        names = []
        for fd in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                names.append(os.readlink(fd))
        return sorted(names)
