#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes each mistake of mistakes.py in /etc/scx-rustland while the service runs, and asks for a reload in
every way that an administrator has: systemctl, rustlandctl, D-Bus, rustlandd --check-config, and with
--postinst as an upgrade of the Debian package does. Each has to fail, and to say in one line what is wrong
and where; the scheduler has to be the same process, never taken out of the kernel meanwhile. Of what only
a run can tell, the one before has to be in force again.

It prints TAP, where each mistake is a test. It runs as root, beside a service that runs; what is in
/etc/scx-rustland is lost.

usage: reloads.py [--postinst] [--only NAME]...
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

import mistakes

ETC = pathlib.Path("/etc/scx-rustland")
POLICIES = pathlib.Path("/opt/rustland-mistakes")  # where the service can read them
SYSFS = pathlib.Path("/sys/kernel/sched_ext")
UNIT = "scx-rustland.service"
POSTINST = "/var/lib/dpkg/info/scx-rustland.postinst"
GDBUS = (
    "gdbus call --system --timeout 150 -d org.scx.Rustland -o /org/scx/Rustland"
    " -m org.scx.Rustland.ReloadConfiguration"
).split()
PATIENCE = 60


def only_root(path):
    """On a private bus the service is root itself, so these are mistakes here only."""
    path.chmod(0o600)


BROKEN = mistakes.BROKEN | {
    "only root can read it": (
        lambda directory: only_root(directory / "rustland.conf"),
        r": it cannot be read: Permission denied; it has to be readable for the service's user",
    ),
    "only root can read the drop-ins": (
        mistakes.drop_ins(lambda path: path.mkdir(0o700)),
        r"\.d: it has to be a directory that can be read",
    ),
}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)


def systemctl_show(name):
    return run("systemctl", "show", "--value", "-p", name, UNIT).stdout.strip()


class Journal:
    """What the service says from now on."""

    def __init__(self):
        said = run("journalctl", "-q", "-n", "0", "--show-cursor").stdout
        self.cursor = said.rpartition("-- cursor: ")[2].strip()

    def refusals(self):
        run("journalctl", "--sync")
        said = run("journalctl", "-q", "-o", "cat", "-u", UNIT, "_COMM=rustlandd", f"--after-cursor={self.cursor}")
        return "\n".join(line for line in said.stdout.splitlines() if "was refused" in line)


class Service:
    """What must not change: the processes, and that the kernel has not switched schedulers."""

    def __init__(self):
        self.daemon = systemctl_show("MainPID")
        self.child = run("pgrep", "-P", self.daemon).stdout.split()
        self.switches = (SYSFS / "enable_seq").read_text(encoding="ascii")

    def __eq__(self, other):
        return vars(self) == vars(other)

    @staticmethod
    def state():
        said = run("rustlandctl", "status", "--json").stdout
        return json.loads(said)["state"] if said else "unknown"

    def arguments(self):
        return pathlib.Path(f"/proc/{self.child[0]}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def becomes_active():
    """An emulator on a busy machine is late now and then."""
    end = time.monotonic() + PATIENCE
    while (state := Service.state()) != "active":
        assert time.monotonic() < end, f"the state is {state}"
        time.sleep(0.5)


def ask(path, pattern, ways):
    """Each of ways refuses; returns the line."""
    line = ""
    for name, way in ways.items():
        try:
            line = mistakes.one_line(way(), path, pattern)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
    return line


def by_systemctl():
    journal = Journal()
    assert run("systemctl", "reload", UNIT).returncode != 0, "status 0"
    return journal.refusals()


def by_ctl():
    done = run("rustlandctl", "reload")
    assert (done.returncode, done.stdout) == (1, ""), done
    return done.stderr


def by_bus():
    done = run(*GDBUS)
    assert done.returncode == 1, done
    # gdbus has a word of its own about every error of this name.
    return done.stderr.replace("(According to introspection data, you need to pass no arguments)", "")


def by_check():
    done = run("/usr/libexec/rustlandd", "--check-config")
    assert (done.returncode, done.stdout) == (78, ""), done
    return done.stderr


def by_postinst():
    version = run("dpkg-query", "-W", "-f", "${Version}", "scx-rustland").stdout
    done = subprocess.run(
        [POSTINST, "configure", version], capture_output=True, text=True, check=False, timeout=200,
        env=os.environ | {"DPKG_MAINTSCRIPT_NAME": "postinst", "DPKG_MAINTSCRIPT_PACKAGE": "scx-rustland"},
    )
    assert done.returncode not in (0, 127), done
    # Beside what else a package manager would be told.
    return "\n".join(line for line in done.stderr.splitlines() if str(ETC) in line)


def refused(how, pattern, policies, ways):
    before = Service()
    line = ask(mistakes.make(ETC, how, policies), pattern, ways)
    assert Service() == before, f"not the same: {vars(before)}, now {vars(Service())}"
    becomes_active()
    return line


def tried(policy, why, policies, ways):
    """They load, so that --check-config has nothing against them."""
    before = Service()
    arguments = before.arguments()
    how = mistakes.text(f"[Scheduler]\nPolicy={{{policy}}}\nSliceUSec=7000\n")
    line = ask(mistakes.make(ETC, how, policies), rf":2: Policy={policies[policy]}", ways)
    assert why in line, line
    becomes_active()
    after = Service()
    assert after.daemon == before.daemon and after.arguments() == arguments, after.arguments()
    return line


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--postinst", action="store_true")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    options = parser.parse_args()
    ways = {"systemctl": by_systemctl, "rustlandctl": by_ctl, "D-Bus": by_bus}
    POLICIES.mkdir(parents=True, exist_ok=True)
    policies = mistakes.make_policies(POLICIES, "/usr/include")
    becomes_active()
    verdicts = failed = 0

    def verdict(name, test, *arguments):
        nonlocal verdicts, failed
        if options.only and name not in options.only:
            return
        verdicts += 1
        try:
            said = test(*arguments)
            result, said = "ok", said if len(said) < 400 else said[:400] + "..."
        except (AssertionError, subprocess.TimeoutExpired) as error:
            result, said = "not ok", str(error)[:1000]
            failed += 1
        print(f"{result} {verdicts} - {name}: {' '.join(said.splitlines())}", flush=True)
        mistakes.mend(ETC)

    mistakes.mend(ETC)
    assert run("rustlandctl", "reload").returncode == 0, "a good configuration is not taken"
    checks = ways | {"--check-config": by_check} | ({"postinst": by_postinst} if options.postinst else {})
    start = time.monotonic()
    for name, (how, pattern) in (BROKEN | mistakes.SLOW).items():
        verdict(name, refused, how, pattern, policies, checks)
    print(f"# they took {time.monotonic() - start:.0f} s", flush=True)
    for name, (policy, why) in mistakes.TRIED.items():
        verdict(name, tried, policy, why, policies, ways)
    print(f"1..{verdicts}")
    sys.exit(failed != 0)


main()
