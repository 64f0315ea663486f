# SPDX-License-Identifier: GPL-2.0-only
"""Configurations with a mistake in them, and what has to be said of each: in one line the file, the line,
the key and what would be right. Tests on a private bus (dbus/test_reload.py) and in a VM (vm/reloads.py)
make each of them and ask in every way there is."""

import os
import re
import shutil
import subprocess

GOOD = "[Boosts]\nMaxPerUser=31\n"

NUMBER = r"a whole number from 100 to 1000000 \(microseconds\)"
POLICY = r"a policy's name \(1 to 31 of a-z, 0-9, _ and -\) or an absolute path"
GROUPS = r"known are \[Service\], \[Scheduler\], \[Restart\], \[Boosts\] and \[Profile NAME\]"


# With one thing wrong, or none. They schedule nobody: the kernel goes on with its estimates.
SOURCE = """
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <rustland.h>

static void __attribute__((constructor)) when_loaded(void) {{ {constructor} }}
static int init(void *state, const struct rl_policy_config *config) {{ {init} return 0; }}
static void enqueue(void *state, const struct rl_task *task) {{}}
static bool next(void *state, struct rl_decision *ret) {{ {next} return false; }}
const struct rl_policy {symbol} = {{
	.version = RL_POLICY_VERSION + {newer},
	.sz = sizeof(struct rl_policy),
	.name = "{name}",
	.init = init,
	.enqueue = enqueue,
	.next = next,
}};
"""
POLICIES = {
    "good": {},
    "no-policy": {"symbol": "something_else"},
    "newer": {"newer": 1},
    "named-badly": {"name": "Not A Name"},
    "crashes": {"constructor": "raise(SIGSEGV);"},
    "exits": {"constructor": "exit(0);"},
    "hangs": {"constructor": "if (fork() == 0) for (;;) pause(); for (;;) pause();"},
    "talks": {"constructor": 'for (;;) if (write(2, "word\\n", 5) < 0) _exit(1);'},
    # The fake scheduler of the tests on a private bus knows these by their names.
    "init-fails": {"init": "return -22;"},
    "dies": {"init": "raise(SIGSEGV);"},
    "never-schedules": {"next": "for (;;) pause();"},
}


def make_policies(directory, include):
    """name -> path of the shared object; include: where rustland.h is."""
    made = {}
    for name, wrong in POLICIES.items():
        source = directory / f"{name}.c"
        parts = {"constructor": "", "init": "", "next": "", "symbol": "rl_policy", "newer": 0, "name": name}
        source.write_text(SOURCE.format(**parts | wrong), encoding="ascii")
        made[name] = directory / f"{name}.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-w", f"-I{include}", "-o", made[name], source], check=True
        )
    return made


def text(contents):
    def put(directory):
        data = contents if isinstance(contents, bytes) else contents.encode()
        (directory / "rustland.conf").write_bytes(data)

    return put


def policy(name):
    return text(f"[Scheduler]\nPolicy={{{name}}}\n")


def in_place_of_the_file(make):
    def put(directory):
        (directory / "rustland.conf").unlink()
        make(directory / "rustland.conf")

    return put


def sparse(size):
    def put(directory):
        os.truncate(directory / "rustland.conf", size)

    return put


def drop_ins(make):
    """make(path): what is there in place of their directory."""
    return lambda directory: make(directory / "rustland.conf.d")


def drop_in(make):
    """make(path): what is there in place of one of them."""
    def put(directory):
        (directory / "rustland.conf.d").mkdir()
        make(directory / "rustland.conf.d/50-x.conf")

    return put


# name: how the mistake is made, and what the line says after the path of the configuration.
BROKEN = {
    "unknown key": (text("[Scheduler]\nSliceUsec=200\n"), r":2: there is no key SliceUsec here; known are Policy, SliceUSec"),
    "unknown group": (text("[scheduler]\n"), rf":1: there is no group \[scheduler\]; {GROUPS}"),
    "unknown profile": (text("[Profile turbo]\n"), rf":1: there is no group \[Profile turbo\]; {GROUPS}"),
    "before the first group": (text("SliceUSec=200\n"), r":1: 'SliceUSec=200' stands before the first \[group\]; it has to be below"),
    "no equals sign": (text("[Scheduler]\nSliceUSec\n"), r":2: 'SliceUSec' is neither a \[group\], nor KEY=VALUE"),
    "no bracket": (text("[Scheduler\n"), r":1: the \] at the end of '\[Scheduler' is missing"),
    "no value": (text("[Scheduler]\nSliceUSec=\n"), rf":2: SliceUSec=: it has to be {NUMBER}"),
    "not a number": (text("[Scheduler]\nSliceUSec=fast\n"), rf":2: SliceUSec=fast: it has to be {NUMBER}"),
    "too small": (text("[Scheduler]\n\nSliceUSec=99\n"), rf":3: SliceUSec=99: it has to be {NUMBER}"),
    "too big": (text("[Scheduler]\nSliceUSec=1000001\n"), rf":2: SliceUSec=1000001: it has to be {NUMBER}"),
    "negative": (text("[Scheduler]\nSliceUSec=-1\n"), rf":2: SliceUSec=-1: it has to be {NUMBER}"),
    "above 64 bits": (text("[Scheduler]\nSliceUSec=18446744073709551716\n"), rf":2: SliceUSec=18446744073709551716: it has to be {NUMBER}"),
    "with a unit": (text("[Scheduler]\nSliceUSec=20ms\n"), rf":2: SliceUSec=20ms: it has to be {NUMBER}"),
    "in quotes": (text('[Scheduler]\nSliceUSec="20000"\n'), rf':2: SliceUSec="20000": it has to be {NUMBER}'),
    "a comment behind it": (text("[Scheduler]\nSliceUSec=20000 # ms\n"), rf":2: SliceUSec=20000 # ms: it has to be {NUMBER}"),
    "a comment with ;": (text("; slices\n"), r":1: '; slices' is neither a \[group\], nor KEY=VALUE, nor a # comment"),
    "octal": (text("[Scheduler]\nSliceUSec=0200\n"), rf":2: SliceUSec=0200: it has to be {NUMBER}"),
    "not a switch": (text("[Scheduler]\nIdleFill=maybe\n"), r":2: IdleFill=maybe: it has to be yes or no"),
    "no such profile": (text("[Service]\nProfile=turbo\n"), r":2: Profile=turbo: it has to be one of auto, gaming, lowlatency"),
    "in the wrong group": (text("[Boosts]\nSliceUSec=200\n"), r":2: there is no key SliceUSec here; known are MaxPerUser"),
    "twice": (text("[Scheduler]\nSliceUSec=9000\n#\nSliceUSec=8000\n"), rf":4: SliceUSec=8000: line 2 of this file has set it already; it has to be there once, {NUMBER}"),
    "twice, in two groups": (text("[Scheduler]\nNUMALocal=no\n[Boosts]\n[Scheduler]\nNUMALocal=no\n"), r":5: NUMALocal=no: line 2 of this file .* yes or no"),
    "above another key": (text("[Scheduler]\nSliceMinUSec=30000\n"), r":2: under the profile auto, SliceMinUSec=30000 is above SliceUSec=20000; it has to be from 100 to that \(microseconds\)"),
    "delays the wrong way": (text("[Restart]\nDelayMSec=6000\n"), r":2: .*DelayMSec=6000 is above DelayMaxMSec=5000; it has to be from 0 to that \(milliseconds\)"),
    "in a profile not in force": (text("[Profile server]\nSliceUSec=500\n"), r":2: under the profile server, SliceUSec=500 is below SliceMinUSec=\d+; it has to be from that to 1000000 \(microseconds\)"),
    "zero bytes": (text(b"[Scheduler]\nSliceUSec=9000\0\n"), r":2: there is a zero byte here; it has to be a text file"),
    "not UTF-8": (text(b"[Scheduler]\n# ok\nSliceUSec=\xff\xfe\n"), r":3: 'SliceUSec=.*' is not UTF-8 text; it has to be"),
    "control characters": (text("[Scheduler]\nSliceUSec=\x1b[31m\n"), rf":2: SliceUSec=\?\[31m: it has to be {NUMBER}"),
    "a line without end": (text("[Scheduler]\nSliceUSec=" + "9" * 100000), rf":2: SliceUSec=9{{80}}\.\.\.: it has to be {NUMBER}"),
    "10 MB": (text(b"#" * 10_000_000), r": it has 10000000 bytes; it has to have 0 to 1048576"),
    "1 GB": (sparse(1 << 30), r": it has 1073741824 bytes; it has to have 0 to 1048576"),
    "a directory": (in_place_of_the_file(lambda path: path.mkdir()), r": it is a directory; it has to be a text file"),
    "a dangling link": (in_place_of_the_file(lambda path: path.symlink_to("nowhere")), r": it is a link to a file that is not there; it has to lead to a text file"),
    "a link to itself": (in_place_of_the_file(lambda path: path.symlink_to("rustland.conf")), r": it cannot be read: Too many levels of symbolic links"),
    "a FIFO": (in_place_of_the_file(os.mkfifo), r": it is no regular file; it has to be a text file"),
    "a file without end": (in_place_of_the_file(lambda path: path.symlink_to("/dev/zero")), r": it is no regular file; it has to be a text file"),
    "in a drop-in": (drop_in(lambda path: path.write_text("\n[Boosts]\nMaxPerUser=0\n")), r"\.d/50-x\.conf:3: MaxPerUser=0: it has to be a whole number from 1 to 256 \(boosts\)"),
    "a drop-in is a directory": (drop_in(lambda path: path.mkdir()), r"\.d/50-x\.conf: it is a directory; it has to be a text file"),
    "a drop-in leads nowhere": (drop_in(lambda path: path.symlink_to("nowhere")), r"\.d/50-x\.conf: it is a link to a file that is not there; it has to lead"),
    "drop-ins are a file": (drop_ins(lambda path: path.write_text("")), r"\.d: it has to be a directory that can be read"),
    "drop-ins are a FIFO": (drop_ins(os.mkfifo), r"\.d: it has to be a directory that can be read"),
    "drop-ins lead nowhere": (drop_ins(lambda path: path.symlink_to("nowhere")), r"\.d: it has to be a directory that can be read, or a link to one: .*No such file"),
    "no such policy": (text("[Scheduler]\nPolicy=nope\n"), rf":2: Policy=nope: it has to be {POLICY} of a policy that can be used: there is no policy 'nope'"),
    "a relative path": (text("[Scheduler]\nPolicy=./mine.so\n"), rf":2: Policy=./mine.so: it has to be {POLICY}"),
    "no such object": (text("[Scheduler]\nPolicy=/nowhere/x.so\n"), rf":2: Policy=/nowhere/x.so: it has to be {POLICY} .*No such file"),
    "an object in somebody's home": (text("[Scheduler]\nPolicy=/home/nowhere/x.so\n"), rf":2: Policy=/home/nowhere/x.so: it has to be {POLICY} .*the service sees nothing below /home, /root,"),
    "not an object": (text("[Scheduler]\nPolicy=/etc/passwd\n"), r":2: Policy=/etc/passwd: .*invalid ELF header"),
    "no policy in it": (policy("no-policy"), r":2: Policy=/\S+: .*it does not export the symbol rl_policy"),
    "of another version": (policy("newer"), r":2: Policy=/\S+: .*it was built for another version of librustland"),
    "with a bad name": (policy("named-badly"), r":2: Policy=/\S+: .*its name is missing, or is not"),
    "crashes when loaded": (policy("crashes"), r":2: Policy=/\S+: .*ended by signal 11"),
    "exits when loaded": (policy("exits"), r":2: Policy=/\S+: .*it ended the program that loaded it, with status 0"),
    "of a profile not in force": (text("[Profile server]\nPolicy=nope\n"), rf":2: Policy=nope: it has to be {POLICY} of a policy that can be used"),
}
# They take their time limit, so they are asked about in one way, all at once.
SLOW = {
    "hangs when loaded": (policy("hangs"), r":2: Policy=/\S+: .*loading it was not done within 5 seconds"),
    "talks without end": (policy("talks"), r":2: Policy=/\S+: .*loading it was not done within 5 seconds"),
}
# Only the scheduler itself can tell; what was before is in force again.
TRIED = {
    "init fails": ("init-fails", "the policy init-fails could not start"),
    "dies at once": ("dies", "killed by signal 11"),
    "never schedules": ("never-schedules", "gave no sign of life for 10 seconds"),
}


def make(directory, how, policies):
    """Makes the mistake; returns the path that it is about."""
    how(directory)
    path = directory / "rustland.conf"
    if path.is_file() and path.stat().st_size < 1000 and not path.is_symlink():
        contents = path.read_bytes()
        for name, object_path in policies.items():
            contents = contents.replace(b"{" + name.encode() + b"}", str(object_path).encode())
        path.write_bytes(contents)
    return str(path)


def mend(directory):
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    (directory / "rustland.conf").write_text(GOOD, encoding="ascii")


def one_line(said, path, pattern):
    """It is one line, which names the place and what would be right."""
    said = said.strip("\n")
    assert "\n" not in said, said
    assert re.search(re.escape(path) + pattern, said), said
    return said
