# SPDX-License-Identifier: GPL-2.0-only
"""rustlandctl on a bus of its own with a fake of the service, which does what a test tells it to:
what it asks for, what it prints, and how it ends. test_ctl_service.py has the real service."""

import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from gi.repository import Gio

from fakes import ERROR, STANDARD_ERROR, Bus, Loop, Service, Systemd
from follow import PATIENCE, Following
from harness import BOOST_OTHER, BOOST_OWN, STAGE, TOP, wait_for

CTL = str(STAGE / "usr/bin/rustlandctl")
os.environ["LD_LIBRARY_PATH"] = str(next(STAGE.glob("usr/lib/*/librustland.so.0")).parent)
HAS_SCHED_EXT = os.path.exists("/sys/kernel/sched_ext")

START = "systemctl enable --now scx-rustland"
# What helps where the service does not run: to start it does not on every kernel.
ABSENT = START if HAS_SCHED_EXT else "Boot Linux 6.12"
INACTIVE = "does not run" if HAS_SCHED_EXT else "no sched_ext"


def read_file(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


class Result:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.both = self.out + self.err

    def __repr__(self):
        return f"status {self.status}\n--- out\n{self.out}\n--- err\n{self.err}"


def ctl(*words, **kwargs):
    """Runs rustlandctl to its end."""
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    return Result(
        subprocess.run(
            [CTL, *map(str, words)], capture_output=True, text=True, timeout=PATIENCE, check=False, **kwargs
        )
    )


def on_terminal(words, env=None):
    """Runs rustlandctl with a terminal for all three; returns (status, what it printed)."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [CTL, *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm", **(env or {})},
    )
    os.close(slave)
    output = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:  # nobody has the other end open any more
            break
        if not more:
            break
        output += more
    os.close(master)
    return process.wait(PATIENCE), output.decode()


class Test(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.bus = Bus()
        cls.loop = Loop()

    @classmethod
    def tearDownClass(cls):
        cls.loop.stop()
        cls.bus.stop()

    def setUp(self):
        self.service = Service(self.loop, self.bus, read_file("dbus", "org.scx.Rustland.xml"))
        self.service.start()
        self.addCleanup(self.service.stop)

    def follow(self, *words):
        following = Following(
            subprocess.Popen(
                [CTL, *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
            )
        )
        self.addCleanup(following.kill)
        return following

    def sleeper(self):
        """A process to boost."""
        process = subprocess.Popen(["sleep", "1000"])

        def end():
            process.kill()
            process.wait()

        self.addCleanup(end)
        return process

    def ok(self, result, out=None):
        self.assertEqual(result.status, 0, result)
        self.assertEqual(result.err, "", result)
        if out is not None:
            self.assertEqual(result.out, out, result)
        return result

    def failed(self, result, status, *words):
        """It ended with status, printed nothing but an error, and that has all the words."""
        self.assertEqual(result.status, status, result)
        self.assertEqual(result.out, "", result)
        self.assertTrue(result.err.startswith("rustlandctl: "), result)
        for word in words:
            self.assertIn(word, result.err)
        return result


class StatusTest(Test):
    def test_active(self):
        self.service.add(name="game", reason="because", app_id="org.example.Game", pid=4711)
        out = self.ok(ctl("status")).out
        for text in (
            "scx-rustland: active",
            "rustland_9.9",
            "Profile: auto",
            "500 us to 20 ms",
            "1, at most 32",
            "4711",
            "game",
            "because",
            "org.example.Game",
        ):
            self.assertIn(text, out)

    def test_json(self):
        cookie = self.service.add(reason="because")
        status = json.loads(self.ok(ctl("status", "--json")).out)
        self.assertIs(status["running"], True)
        self.assertEqual(status["state"], "active")
        self.assertEqual(status["scheduler"], "rustland_9.9")
        self.assertEqual(status["slice_usec"], 20000)
        self.assertEqual(status["slice_min_usec"], 500)
        self.assertEqual(status["profiles"][1], "gaming")
        self.assertEqual(status["problems"], [])
        self.assertEqual([b["cookie"] for b in status["boosts"]], [cookie])

    def test_states(self):
        for state, status, text in (
            ("degraded", 0, "too late"),
            ("starting", 3, "about to"),
            ("inhibited", 3, "nother sched_ext scheduler is loaded: scx_other"),
            ("disabled", 3, "stopped" if HAS_SCHED_EXT else "CONFIG_SCHED_CLASS_EXT"),
            ("failed", 3, "journalctl -u scx-rustland"),
            ("a-new-one", 3, "a-new-one"),
        ):
            with self.subTest(state):
                self.service.set(State=state, Scheduler="scx_other", ExitReason="it fell over")
                result = ctl("status")
                self.assertEqual(result.status, status, result)
                self.assertIn(text, result.out)
                self.assertIn(state, result.out)
                self.assertIn("it fell over", result.out)
                self.assertEqual(ctl("status", "--json").status, status)

    def test_no_service(self):
        self.service.stop()
        result = ctl("status")
        self.assertEqual(result.status, 3, result)
        self.assertIn("stopped", result.out)
        self.assertIn(ABSENT, result.out)
        if not HAS_SCHED_EXT:
            self.assertIn("no sched_ext", result.out)
            self.assertNotIn("systemctl", result.out)
        result = ctl("--json", "status")
        self.assertEqual(result.status, 3, result)
        status = json.loads(result.out)
        self.assertIs(status["running"], False)
        self.assertEqual(status["state"], "stopped")
        self.assertEqual(status["boosts"], [])
        self.assertIn(ABSENT, status["problems"][0]["fix"])

    def test_why_not(self):
        systemd = Systemd(self.loop, self.bus)
        systemd.start()
        self.addCleanup(systemd.stop)
        self.service.stop()
        for unit, problem, fix in (
            ({"LoadState": "not-found"}, "not installed", "package scx-rustland"),
            ({"LoadState": "masked"}, "masked", "unmask"),
            ({"ActiveState": "failed", "Result": "watchdog"}, "failed (watchdog)", "journalctl"),
            ({"ActiveState": "activating"}, "being started", "Wait"),
            ({"ActiveState": "active"}, "the bus does not know it", "reload dbus"),
            ({"ActiveState": "inactive"}, INACTIVE, ABSENT),
            (
                {"ActiveState": "inactive", "ConditionResult": False, "ConditionTimestamp": 5},
                "condition" if HAS_SCHED_EXT else "no sched_ext",
                "systemctl status" if HAS_SCHED_EXT else ABSENT,
            ),
            # It was never tried.
            ({"ActiveState": "inactive", "ConditionResult": False}, INACTIVE, ABSENT),
        ):
            with self.subTest(str(unit)):
                systemd.unit = {"LoadState": "loaded", **unit}
                result = ctl("status")
                self.assertEqual(result.status, 3, result)
                self.assertIn(problem, result.out)
                self.assertIn(fix, result.out)

    def test_error(self):
        self.service.fail["ListBoosts"] = (STANDARD_ERROR + "Failed", "it rains")
        self.failed(ctl("status"), 1, "it rains")


class ListTest(Test):
    def test_empty(self):
        self.ok(ctl("list"), "nothing is boosted\n")
        self.ok(ctl("list", "--json"))
        self.assertEqual(json.loads(ctl("list", "--json").out), [])

    def test_table(self):
        first = self.service.add(name="game", pid=4711, uid=0, reason="because")
        second = self.service.add(name="app.slice", pid=0, scope="cgroup", rank="foreground", uid=987654)
        lines = self.ok(ctl("list")).out.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(
            lines[0].split(),
            ["COOKIE", "PID", "NAME", "SCOPE", "CLASS", "USER", "AGE", "APP", "REASON"],
        )
        self.assertRegex(
            lines[1], rf"^ *{first}  4711  game +tree +boosted +root +\d+ s  -    because$"
        )
        self.assertRegex(
            lines[2], rf"^ *{second}     -  app.slice +cgroup +foreground +987654 +\d+ s  -    -$"
        )

    def test_others(self):
        """Of whose boosts the service tells nothing."""
        cookie = self.service.add_of_others(rank="foreground")
        self.assertRegex(
            self.ok(ctl("list")).out.splitlines()[1],
            rf"^ *{cookie}    -  another user's  tree   foreground  - +-  -    -$",
        )
        (boost,) = json.loads(self.ok(ctl("list", "-j")).out)
        self.assertEqual(
            boost,
            {"cookie": cookie, "scope": "tree", "class": "foreground"}
            | dict.fromkeys(("pid", "name", "uid", "since", "lifetime", "reason", "app_id")),
        )
        self.assertIn("another user's", self.ok(ctl("status")).out)

    def test_json(self):
        cookie = self.service.add(
            pid=4711, uid=5, since=123456789, reason='"quoted"', app_id="org.example.Game"
        )
        self.service.add()
        boosts = json.loads(self.ok(ctl("list", "-j")).out)
        self.assertEqual(
            {k: boosts[0][k] for k in ("cookie", "pid", "scope", "class", "uid", "reason", "app_id", "since")},
            {
                "cookie": cookie,
                "pid": 4711,
                "scope": "tree",
                "class": "boosted",
                "uid": 5,
                "reason": '"quoted"',
                "app_id": "org.example.Game",
                "since": 123456789,
            },
        )
        # Another user's.
        self.assertIsNone(boosts[1]["reason"])
        self.assertIsNone(boosts[1]["app_id"])

    def test_hostile_text(self):
        self.service.add(name="\x1b[2J\x07evil", reason="one\ntwo\u202ethree\u009b", app_id="\x7f")
        for command in ("list", "status"):
            out = ctl(command).out
            self.assertIsNone(re.search("[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u202e]", out), repr(out))
            self.assertIn("?[2J?evil", out)
            self.assertIn("one?two?three?", out)


class BoostTest(Test):
    def test_arguments(self):
        process = self.sleeper()
        cookie = self.service.next_cookie
        self.ok(ctl("boost", process.pid), f"{cookie}\n")
        self.assertEqual(
            self.service.take_calls(),
            [("BoostProcessByPIDFd", (0, "process", "rustlandctl", {}))],
        )
        self.assertEqual(self.service.boosts[cookie]["Pid"].unpack(), process.pid)

    def test_options(self):
        process = self.sleeper()
        result = self.ok(
            ctl("boost", "--scope", "cgroup", "--reason", "a call", "--app-id", "org.example.Call",
                "--lifetime", "process", "--timeout", "1.5", "--json", process.pid)
        )
        self.assertEqual(
            self.service.take_calls(),
            [
                (
                    "BoostProcessByPIDFd",
                    (
                        0,
                        "cgroup",
                        "a call",
                        {
                            "AppId": "org.example.Call",
                            "Lifetime": "process",
                            "TimeoutUSec": 1500000,
                        },
                    ),
                )
            ],
        )
        (cookie,) = self.service.boosts
        self.assertEqual(json.loads(result.out), {"cookie": cookie, "pid": process.pid})

    def test_no_process(self):
        process = subprocess.Popen(["true"])
        process.wait()
        self.failed(ctl("boost", process.pid), 1, f"no process {process.pid}")
        self.assertEqual(self.service.take_calls(), [])

    def test_a_thread(self):
        # One that is not the first of its process: a thread of this very program.
        threads = [int(t) for t in os.listdir("/proc/self/task") if int(t) != os.getpid()]
        self.failed(ctl("boost", threads[0]), 1, "is a thread", "Tgid")

    def test_errors(self):
        process = self.sleeper()
        for error, status, *words in (
            (ERROR + "NoSuchProcess", 1, "no such process"),
            (ERROR + "LimitExceeded", 1, "too many boosts", "rustlandctl release", "rustland.conf"),
            (ERROR + "RateLimited", 1, "short time", "Try again"),
            (ERROR + "NotRunning", 3, "does not run", "rustlandctl status"),
            (STANDARD_ERROR + "InvalidArgs", 1),
            (STANDARD_ERROR + "AccessDenied", 4, "not allowed"),
            (STANDARD_ERROR + "UnknownMethod", 1, "another version", "restart"),
            (STANDARD_ERROR + "NoReply", 1, "did not answer", "journalctl"),
            ("org.example.New", 1, "org.example.New"),
        ):
            with self.subTest(error):
                self.service.fail["BoostProcessByPIDFd"] = (error, "the service's words")
                self.failed(
                    ctl("boost", process.pid), status, f"process {process.pid}: ",
                    "the service's words", *words,
                )

    @unittest.skipIf(os.getuid() != 0, "needs another user")
    def test_denied(self):
        process = self.sleeper()
        denied = STANDARD_ERROR + "AccessDenied"
        self.service.fail["BoostProcessByPIDFd"] = (denied, f"no (action {BOOST_OTHER})")

        def as_nobody(*words):
            # The bus lets root and its own user in; we keep the right to connect.
            return ctl(*words, user=65534, group=65534, extra_groups=[])

        result = as_nobody("list")
        if result.status != 0:
            self.skipTest(f"the bus does not take other users: {result.err}")
        self.failed(as_nobody("boost", process.pid), 4, "org.scx.rustland.boost-other",
                    "an administrator", "sudo", "polkit(8)")
        own = subprocess.Popen(["sleep", "1000"], user=65534, group=65534)
        self.addCleanup(own.wait)
        self.addCleanup(own.kill)
        self.service.fail["BoostProcessByPIDFd"] = (denied, f"no (action {BOOST_OWN})")
        self.failed(as_nobody("boost", own.pid), 4, "org.scx.rustland.boost-own", "local and active")

    def test_hold(self):
        process = self.sleeper()
        holder = self.follow("boost", "--lifetime", "client", process.pid)
        cookie = int(holder.line())
        self.assertEqual(self.service.boosts[cookie]["Lifetime"].unpack(), "client")
        self.assertIsNone(holder.process.poll())
        self.assertEqual(holder.end(signal.SIGINT), 0)

    def test_hold_ends_with_the_process(self):
        process = self.sleeper()
        holder = self.follow("boost", "-l", "client", process.pid)
        holder.line()
        process.kill()
        self.assertEqual(holder.line(), "ended: exited")
        self.assertEqual(holder.end(None), 0)

    def test_hold_outlives_a_crash_of_the_service(self):
        process = self.sleeper()
        holder = self.follow("boost", "-l", "client", process.pid)
        cookie = int(holder.line())
        kept = dict(self.service.boosts)
        self.service.stop()
        self.service.boosts.update(kept)
        self.service.start()
        wait_for("a look", lambda: any(name == "ListBoosts" for name, *_ in self.service.calls))
        self.assertIsNone(holder.process.poll())
        self.service.remove(cookie, "released")
        self.assertEqual(holder.line(), "ended: released")
        self.assertEqual(holder.end(None), 0)

    def test_hold_is_lost_by_a_service_that_forgot_it(self):
        process = self.sleeper()
        holder = self.follow("boost", "-l", "client", "--json", process.pid)
        json.loads(holder.line())
        self.service.stop()
        self.service.start()
        self.assertIn("gone away", holder.line())
        self.assertEqual(holder.end(None), 3)

    def test_hold_is_lost_before_the_cookie_is_told(self):
        """Its output is full, so it waits when it has the boost, while the service is replaced."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x\n")
        os.set_blocking(writer, True)
        process = subprocess.Popen(
            [CTL, "boost", "-l", "client", str(self.sleeper().pid)],
            stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.STDOUT,
        )
        os.close(writer)
        process.stdout = open(reader, "rb", buffering=0)
        holder = Following(process)
        self.addCleanup(holder.kill)
        wait_for("the boost", lambda: self.service.boosts)
        self.service.stop()
        self.service.start()
        holder.until(lambda line: "gone away" in line)
        self.assertEqual(holder.end(None), 3)

    def test_hold_ends_with_a_service_that_stops(self):
        process = self.sleeper()
        holder = self.follow("boost", "-l", "client", process.pid)
        self.service.remove(int(holder.line()), "shutdown")
        self.assertIn("gone away", holder.line())
        self.assertEqual(holder.end(None), 3)

    def test_hold_does_not_wait_for_ever(self):
        process = self.sleeper()
        holder = self.follow("boost", "-l", "client", process.pid)
        holder.line()
        self.service.stop()
        self.assertIn("gone away", holder.line())
        self.assertEqual(holder.end(None), 3)


class ReleaseTest(Test):
    def test_release(self):
        cookies = [self.service.add() for _ in range(3)]
        self.ok(ctl("release", cookies[0]), "")
        result = self.ok(ctl("release", "--json", cookies[1], cookies[2]))
        self.assertEqual(json.loads(result.out), {"released": cookies[1:]})
        self.assertEqual(self.service.boosts, {})

    def test_some_fail(self):
        cookie = self.service.add()
        result = ctl("release", 7, cookie, 9)
        self.failed(result, 1, "boost 7: there is no such boost", "boost 9: ", "rustlandctl list")
        self.assertEqual(self.service.boosts, {})
        result = ctl("release", "--json", 7)
        self.assertEqual(result.status, 1)
        self.assertEqual(json.loads(result.out), {"released": []})

    def test_denied(self):
        self.service.fail["Release"] = (STANDARD_ERROR + "AccessDenied", "not yours")
        self.failed(ctl("release", 7), 4, "boost 7", "not allowed", "not yours")


class RunTest(Test):
    def test_status(self):
        for script, status in (("exit 0", 0), ("exit 1", 1), ("exit 77", 77), ("kill -9 $$", -9),
                               ("kill -15 $$", -15)):
            with self.subTest(script):
                self.assertEqual(ctl("run", "--", "sh", "-c", script).status, status)
        self.failed(ctl("run", "/no/such/program"), 127, "/no/such/program", "No such file")
        self.failed(ctl("run", "/etc/passwd"), 126, "/etc/passwd", "Permission denied")

    def test_boosted_from_the_start(self):
        result = self.ok(ctl("run", "-r", "a game", "-a", "org.example.Game", "--",
                             "sh", "-c", f'echo $$; exec "{CTL}" list --json'))
        pid, boosts = result.out.split("\n", 1)
        (boost,) = json.loads(boosts)
        self.assertEqual(boost["pid"], int(pid))
        self.assertEqual(boost["scope"], "tree")
        self.assertEqual(boost["reason"], "a game")
        self.assertEqual(boost["app_id"], "org.example.Game")
        self.assertEqual(boost["lifetime"], "process")

    def test_ends_with_the_command(self):
        monitor = self.follow("monitor", "--json", "--interval", 0)
        monitor.event("service")
        self.ok(ctl("run", "true"))
        boost = monitor.event("boost-added")["boost"]
        removed = monitor.event("boost-removed")["boost"]
        self.assertEqual(removed["cookie"], boost["cookie"])
        self.assertEqual(removed["why"], "exited")

    def test_words_are_the_commands(self):
        self.ok(ctl("run", "echo", "--json", "-s", "tree", "--", "x"), "--json -s tree -- x\n")
        self.ok(ctl("run", "-s", "process", "--", "echo", "--", "x"), "-- x\n")
        self.assertEqual([args[1] for _, args in self.service.take_calls()], ["tree", "process"])

    def test_json(self):
        result = ctl("run", "--json", "sh", "-c", "echo $$")
        self.assertEqual(json.loads(result.err)["pid"], int(result.out))

    def test_surroundings(self):
        """What the command finds is what it would find without us."""
        look = (
            "import os, signal; print(sorted(os.listdir('/proc/self/fd')),"
            " [s for s in signal.Signals if signal.getsignal(s) == signal.SIG_IGN],"
            " signal.pthread_sigmask(signal.SIG_BLOCK, []), os.getpgrp() == os.getpid(),"
            " sorted(os.environ), os.listdir('/proc/self/task').__len__(), os.nice(0))"
        )
        command = [sys.executable, "-I", "-c", look]
        direct = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
        self.assertEqual(self.ok(ctl("run", *command)).out, direct.stdout)
        for restore in (True, False):  # SIGPIPE by default, or ignored by the caller
            with self.subTest(restore_signals=restore):
                count = ["sh", "-c", "grep SigIgn /proc/self/status"]
                direct = subprocess.run(count, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                        restore_signals=restore, check=True)
                self.assertEqual(ctl("run", *count, restore_signals=restore).out, direct.stdout)

    def test_signals_reach_it(self):
        script = "trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
        following = self.follow("run", "--", "sh", "-c", script)
        self.assertEqual(following.line(), "ready")
        following.process.send_signal(signal.SIGTERM)
        self.assertEqual(following.line(), "got it")
        self.assertEqual(following.end(None), 5)

    def test_terminal(self):
        status, output = on_terminal(["run", "sh", "-c", "test -t 0 && test -t 1 && echo a tty"])
        self.assertEqual((status, output.strip()), (0, "a tty"))

    def test_no_service(self):
        self.service.stop()
        result = ctl("run", "sh", "-c", "echo it runs; exit 3")
        self.assertEqual((result.status, result.out), (3, "it runs\n"))
        # One line: who is not boosted, why, and what to do.
        self.assertRegex(result.err, r"^rustlandctl: running sh without a boost: [^\n]*\n$")
        self.assertIn(ABSENT, result.err)
        self.failed(ctl("run", "--require", "echo", "no"), 125, ABSENT)

    def test_no_bus(self):
        env = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/no/such/bus"}
        result = ctl("run", "echo", "it runs", env=env)
        self.assertEqual((result.status, result.out), (0, "it runs\n"))
        self.assertIn("system bus", result.err)
        self.failed(ctl("run", "--require", "true", env=env), 125, "system bus")
        self.failed(ctl("list", env=env), 3, "system bus")

    def test_refused(self):
        self.service.fail["BoostProcessByPIDFd"] = (STANDARD_ERROR + "AccessDenied", "no")
        result = ctl("run", "echo", "it runs")
        self.assertEqual((result.status, result.out), (0, "it runs\n"))
        self.assertIn("not allowed", result.err)
        self.failed(ctl("run", "--require", "true"), 125, "not allowed")

    def test_no_answer(self):
        self.service.hang.add("BoostProcessByPIDFd")
        result = ctl("run", "echo", "it runs")
        self.assertEqual((result.status, result.out), (0, "it runs\n"))
        self.assertIn("did not answer", result.err)

    def test_usage(self):
        self.failed(ctl("run"), 125, "needs a command")
        self.failed(ctl("run", "--scope", "all", "true"), 125, "process, tree, cgroup")


class ForegroundTest(Test):
    def test_all(self):
        process = self.sleeper()
        self.ok(ctl("foreground", process.pid), "")
        self.assertEqual(self.service.foreground, process.pid)
        self.ok(ctl("foreground", "--cgroup", "/user.slice/x"), "")
        self.ok(ctl("foreground", "--clear"), "")
        self.assertEqual(
            self.service.take_calls(),
            [
                ("SetForegroundProcessByPIDFd", (0,)),
                ("SetForegroundCGroup", ("/user.slice/x",)),
                ("SetForegroundProcess", (0,)),
            ],
        )
        self.assertEqual(
            json.loads(ctl("foreground", "--json", process.pid).out), {"pid": process.pid}
        )
        self.assertEqual(json.loads(ctl("foreground", "-j", "--clear").out), {"pid": 0})
        self.assertEqual(
            json.loads(ctl("foreground", "-j", "--cgroup=/a b").out), {"cgroup": "/a b"}
        )

    def test_errors(self):
        self.service.fail["SetForegroundCGroup"] = (ERROR + "NoSuchProcess", "empty")
        self.failed(ctl("foreground", "--cgroup", "/x"), 1, "control group /x", "empty")
        self.service.fail["SetForegroundProcessByPIDFd"] = (STANDARD_ERROR + "AccessDenied", "no")
        pid = self.sleeper().pid
        self.failed(ctl("foreground", pid), 4, f"process {pid}", "not allowed")
        gone = subprocess.Popen(["true"])
        gone.wait()
        self.failed(ctl("foreground", gone.pid), 1, f"there is no process {gone.pid}")


class ProfileTest(Test):
    def test_show(self):
        self.ok(ctl("profile"), "* auto\n  gaming\n  lowlatency\n  powersave\n  server\n")
        profiles = json.loads(self.ok(ctl("profile", "--json")).out)
        self.assertEqual(profiles["profile"], "auto")
        self.assertEqual(profiles["profiles"][4], "server")

    def test_set(self):
        self.ok(ctl("profile", "gaming"), "")
        self.assertEqual(self.service.properties["Profile"].unpack(), "gaming")
        self.assertEqual(json.loads(ctl("profile", "-j", "server").out)["profile"], "server")
        self.failed(ctl("profile", "nonsense"), 1, "there is no profile 'nonsense'")

    def test_denied(self):
        self.service.fail["Set"] = (STANDARD_ERROR + "AccessDenied", "no")
        self.failed(ctl("profile", "gaming"), 4, "not allowed")


class StatsTest(Test):
    def test_table(self):
        lines = self.ok(ctl("stats")).out.splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "VALUE", "MEANING"])
        self.assertRegex(lines[1], r"^nr_cpus +8  CPUs online$")
        self.assertRegex(lines[5], r"^nr_user_dispatches +1000  Decisions")
        # One that only newer services know.
        self.assertRegex(lines[6], r"^nr_something_new +77  -$")

    def test_json(self):
        self.service.statistics["nr_cpus"] = 2**53
        statistics = json.loads(self.ok(ctl("stats", "--json")).out)
        self.assertEqual(statistics, self.service.statistics)
        self.assertEqual(list(statistics), list(self.service.statistics))

    def test_not_running(self):
        self.service.fail["GetStatistics"] = (ERROR + "NotRunning", "no scheduler")
        self.failed(ctl("stats"), 3, "does not run", "rustlandctl status")


class ReloadTest(Test):
    def test_reload(self):
        self.ok(ctl("reload"), "")
        self.assertEqual(json.loads(ctl("reload", "--json").out), {"reloaded": True})
        self.assertEqual(self.service.take_calls(), [("ReloadConfiguration", ())] * 2)

    def test_errors(self):
        message = "/etc/scx-rustland/rustland.conf:3: SliceUSec: '5' is not from 100 to 1000000"
        self.service.fail["ReloadConfiguration"] = (STANDARD_ERROR + "InvalidArgs", message)
        self.failed(ctl("reload"), 1, message)
        self.service.fail["ReloadConfiguration"] = (STANDARD_ERROR + "AccessDenied", "no")
        self.failed(ctl("reload"), 4, "not allowed")


class MonitorTest(Test):
    def test_json(self):
        monitor = self.follow("monitor", "--json", "--interval", "0.1")
        service = monitor.event("service")
        self.assertEqual(service["properties"]["state"], "active")
        self.assertGreater(service["time"], 1700000000000000)
        self.service.set(State="degraded")
        changed = monitor.event("changed")
        self.assertEqual(changed["properties"], {"state": "degraded"})
        cookie = self.service.add(name="game", pid=4711)
        boost = monitor.event("boost-added")["boost"]
        self.assertEqual((boost["cookie"], boost["name"], boost["pid"]), (cookie, "game", 4711))
        self.service.remove(cookie, "expired")
        self.assertEqual(
            monitor.event("boost-removed")["boost"], {"cookie": cookie, "pid": 4711, "why": "expired"}
        )
        self.service.statistics["nr_user_dispatches"] = 5
        monitor.until(lambda line: json.loads(line).get("statistics", {}).get("nr_user_dispatches") == 5)
        self.service.stop()
        monitor.event("service-gone")
        self.service.start()
        monitor.event("service")
        monitor.event("statistics")
        self.assertEqual(monitor.end(signal.SIGINT), 0)

    def test_text(self):
        monitor = self.follow("monitor", "-i", "0.1")
        monitor.until(lambda line: re.fullmatch(r"\d\d:\d\d:\d\d  state: active", line))
        self.service.set(State="failed", ExitReason="it \x1b[31mfell")
        monitor.until(lambda line: line.endswith("  state: failed"))
        monitor.until(lambda line: line.endswith("  last exit: it ?[31mfell"))
        cookie = self.service.add(name="game", pid=4711)
        monitor.until(
            lambda line: line.endswith(f"added boost {cookie}: game (process 4711), tree, boosted")
        )
        self.service.remove(cookie, "released")
        monitor.until(lambda line: line.endswith(f"removed boost {cookie}: released"))
        # The difference, not the sum.
        monitor.until(lambda line: "statistics: nr_cpus 8, nr_running 3, nr_something_new 77" in line)
        self.service.statistics["nr_user_dispatches"] += 42
        monitor.until(lambda line: "nr_user_dispatches +42" in line)
        self.service.stop()
        monitor.until(lambda line: line.endswith("the service does not run; waiting for it"))
        self.service.start()
        monitor.until(lambda line: line.endswith("state: failed"))
        self.assertEqual(monitor.end(signal.SIGTERM), 0)

    def test_others(self):
        monitor = self.follow("monitor", "-i", "0")
        monitor.until(lambda line: line.endswith("profile: auto"))
        cookie = self.service.add_of_others()
        monitor.until(
            lambda line: line.endswith(f"added boost {cookie}: another user's, tree, boosted")
        )

    def test_one_that_is_gone_before_it_is_asked_about(self):
        monitor = self.follow("monitor", "-j", "-i", "0")
        monitor.event("service")
        self.service.fail["GetBoost"] = (ERROR + "NoSuchBoost", "it has ended")
        cookie = self.service.add()
        self.service.remove(cookie, "exited")
        boost = monitor.event("boost-added")["boost"]
        self.assertEqual((boost["cookie"], boost["class"]), (cookie, "boosted"))
        self.assertIsNone(boost["pid"])
        self.assertEqual(monitor.event("boost-removed")["boost"]["cookie"], cookie)

    def test_the_order_stays(self):
        """A boost is added before it is removed, also where the service takes its time."""
        monitor = self.follow("monitor", "-j", "-i", "0")
        monitor.event("service")
        self.service.hang.add("GetBoost")
        cookie = self.service.add()
        self.service.remove(cookie, "exited")
        wait_for("the question", lambda: any(c[0] == "GetBoost" for c in self.service.calls))
        self.service.stop()
        events = [json.loads(monitor.line())["event"] for _ in range(3)]
        self.assertEqual(events, ["boost-added", "boost-removed", "service-gone"])

    def test_boosts_from_before(self):
        cookie = self.service.add(pid=4711)
        monitor = self.follow("monitor", "-j", "-i", "0")
        monitor.event("service")
        self.service.set(State="degraded")
        monitor.event("changed")
        self.service.remove(cookie, "released")
        self.assertEqual(monitor.event("boost-removed")["boost"]["pid"], 4711)

    def test_waits_for_the_service(self):
        self.service.stop()
        monitor = self.follow("monitor", "--json")
        monitor.event("service-gone")
        self.service.start()
        monitor.event("service")
        self.assertEqual(monitor.end(), 0)

    def test_without_statistics(self):
        monitor = self.follow("monitor", "--json", "--interval", "0")
        monitor.event("service")
        for state in ("degraded", "active"):
            self.service.set(State=state)
            self.assertEqual(json.loads(monitor.line())["event"], "changed")
        self.assertNotIn("GetStatistics", [method for method, _ in self.service.take_calls()])

    def test_bus_goes(self):
        bus = Bus()
        try:
            monitor = self.follow("monitor", "--json")
            monitor.event("service-gone")
        finally:
            bus.stop()
            os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.bus.address
        self.assertIn("system bus has gone away", monitor.until(lambda line: "gone away" in line))
        self.assertEqual(monitor.end(None), 1)

    def test_reader_goes(self):
        monitor = self.follow("monitor", "--json", "--interval", "0.1")
        monitor.event("service")
        monitor.process.stdout.close()
        self.assertEqual(monitor.process.wait(PATIENCE), -signal.SIGPIPE)


class ClosedPipeTest(Test):
    """`rustlandctl ... | head`: whoever read has seen enough, and nobody complains. As other programs
    do it: the end is SIGPIPE, also where the shell around was told to ignore that."""

    def closed(self, *words):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([CTL, *map(str, words)], stdin=subprocess.DEVNULL, stdout=write,
                              stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False,
                              restore_signals=False)
        os.close(write)
        self.assertEqual((done.returncode, done.stderr), (-signal.SIGPIPE, ""), words)

    def test_all(self):
        for i in range(100):  # more than fits into a buffer of the C library
            self.service.add(reason=f"reason {i}" * 10)
        for words in (["list"], ["list", "--json"], ["status"], ["status", "-j"], ["stats"],
                      ["profile"], ["reload", "-j"], ["monitor"], ["monitor", "-j"],
                      ["foreground", "-j", "--clear"]):
            self.closed(*words)
        self.closed("--help")

    def test_boosts(self):
        pid = self.sleeper().pid
        self.closed("boost", pid)
        # It does not go on holding what nobody has the cookie of.
        self.closed("boost", "--lifetime", "client", pid)


class SurfaceTest(Test):
    """What all commands share."""

    COMMANDS = {
        "status": [], "list": [], "boost": ["1"], "release": ["1"], "run": ["true"],
        "foreground": ["1"], "profile": [], "monitor": [], "stats": [], "reload": [],
    }

    def test_no_service(self):
        self.service.stop()
        for command, words in self.COMMANDS.items():
            if command in ("status", "monitor", "run"):
                continue  # they have tests of their own
            with self.subTest(command):
                self.failed(ctl(command, *words), 3, ABSENT)

    def test_help(self):
        self.assertEqual(
            re.findall(r"^  ([a-z]+) ", self.ok(ctl("--help")).out, re.M), list(self.COMMANDS)
        )
        for command in self.COMMANDS:
            self.assertIn(f"Usage: rustlandctl {command} ", self.ok(ctl(command, "--help")).out)

    def test_version(self):
        self.assertRegex(self.ok(ctl("--version")).out, r"^rustlandctl \d+\.\d+\.\d+\n$")
        self.assertIn("version", json.loads(self.ok(ctl("--version", "--json")).out))

    def test_usage(self):
        for words in (
            [], ["nonsense"], ["--nonsense"], ["list", "-s"], ["list", "x"], ["boost"],
            ["boost", "0"], ["boost", "-1"], ["boost", "1x"], ["boost", ""], ["boost", "1", "2"],
            ["boost", "2147483648"], ["boost", "--timeout", "0", "1"], ["boost", "-t", "604801", "1"],
            ["boost", "-t", "1e3", "1"], ["boost", "-t", "nan", "1"], ["boost", "-t", "-5", "1"],
            ["boost", "--lifetime", "forever", "1"], ["boost", "--reason"], ["boost", "--json=1", "1"],
            ["release"], ["release", "0"], ["release", "4294967296"], ["release", "1", "two"],
            ["foreground"], ["foreground", "1", "--clear"], ["foreground", "--cgroup", "x"],
            ["foreground", "--cgroup", "/x", "--clear"], ["profile", "a", "b"], ["status", "1"],
            ["monitor", "--interval", "0.05"], ["monitor", "--interval", "soon"],
            ["boost", "--require", "1"], ["run", "--lifetime", "client", "true"],
            ["boost", b"--reason=\xff", "1"],
        ):
            with self.subTest(str(words)):
                done = subprocess.run([CTL, *words], stdin=subprocess.DEVNULL, capture_output=True,
                                      timeout=PATIENCE, check=False, encoding="utf-8")
                self.failed(Result(done), 125 if words[:1] == ["run"] else 2, "--help")
        self.assertEqual(self.service.take_calls(), [])

    def test_flags(self):
        """It never starts the service, and lets polkit ask only who can answer."""
        no_start = Gio.DBusMessageFlags.NO_AUTO_START
        interactive = Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        self.ok(ctl("reload"))
        self.ok(ctl("run", "true"))
        self.ok(ctl("boost", os.getpid()))
        calls, self.service.calls = self.service.calls, []
        self.assertEqual(len(calls), 3)
        for method, _, flags in calls:
            self.assertTrue(flags & no_start, method)
            self.assertFalse(flags & interactive, method)
        for words in (["reload"], ["boost", str(os.getpid())], ["profile", "gaming"]):
            self.assertEqual(on_terminal(words)[0], 0)
        calls, self.service.calls = self.service.calls, []
        self.assertEqual(len(calls), 3)
        for method, _, flags in calls:
            self.assertTrue(flags & no_start, method)
            self.assertTrue(flags & interactive, method)

    def test_colour(self):
        self.service.add()
        for command in ("status", "list", "profile", "stats"):
            with self.subTest(command):
                self.assertNotIn("\x1b", ctl(command).out)
                self.assertIn("\x1b[1", on_terminal([command])[1])
                self.assertNotIn("\x1b", on_terminal([command], {"NO_COLOR": "1"})[1])
                self.assertNotIn("\x1b", on_terminal([command], {"TERM": "dumb"})[1])
                # By its convention, an empty NO_COLOR means nothing.
                self.assertIn("\x1b[1", on_terminal([command], {"NO_COLOR": ""})[1])
                self.assertNotIn("\x1b", on_terminal([command, "--json"])[1])

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            for command in ("list", "status", "stats", "profile"):
                done = subprocess.run([CTL, command], stdin=subprocess.DEVNULL, stdout=full,
                                      stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
                self.assertEqual(done.returncode, 1, command)
                self.assertIn("standard output", done.stderr)

    def test_full_disk_keeps_no_boost(self):
        """Whose cookie nobody has been told."""
        process = self.sleeper()
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([CTL, "boost", str(process.pid)], stdin=subprocess.DEVNULL, stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual([name for name, _ in self.service.take_calls()], ["BoostProcessByPIDFd", "Release"])
        self.assertEqual(self.service.boosts, {})


class SchedulerMonitorTest(unittest.TestCase):
    """`scx_rustland --monitor | head`, with something that answers as a scheduler does."""

    NAMES = re.findall(r'\\"(\w+)\\":', read_file("tests", "unit", "stats-sample.h"))

    def answer(self, connection):
        values = {name: number for number, name in enumerate(self.NAMES)}
        text = json.dumps({"errno": 0, "args": {"resp": values}}, separators=(",", ":"))
        with connection:
            while connection.recv(4096):
                connection.sendall(text.encode() + b"\n")

    def serve(self, server):
        with contextlib.suppress(OSError):  # it is closed
            while True:
                connection, _ = server.accept()
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def test_reader_goes(self):
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as server:
            server.bind(directory + "/stats")
            server.listen()
            threading.Thread(target=self.serve, args=(server,), daemon=True).start()
            for more in ([], ["--json"]):
                process = subprocess.Popen(
                    [STAGE / "usr/bin/scx_rustland", "--monitor", "0.1", *more]
                    + ["--stats-socket", directory + "/stats"],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                    # A service's shell ignores it.
                    restore_signals=False,
                )
                self.assertIn("8" if not more else "nr_cpus", process.stdout.readline())
                process.stdout.close()
                self.assertEqual(process.wait(PATIENCE), -signal.SIGPIPE)
                self.assertEqual(process.stderr.read(), "")
                process.stderr.close()


class WidthTest(unittest.TestCase):
    """No --help is wider than a terminal of 80 columns."""

    def test_all(self):
        programs = ["bin/rustlandctl", "bin/scx_rustland", "libexec/rustlandd", "libexec/rustland-session"]
        commands = [[STAGE / "usr" / program, "--help"] for program in programs]
        commands += [[CTL, command, "--help"] for command in SurfaceTest.COMMANDS]
        commands += [[STAGE / "usr/bin/scx_rustland", "--help-stats"]]
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
            wide = [line for line in done.stdout.splitlines() if len(line) > 80]
            self.assertEqual(wide, [], command)
            self.assertGreater(len(done.stdout.splitlines()), 5, command)


class BashCompletionTest(Test):
    """The other two shells are not there where tests run; test-ctl-commands.c reads theirs."""

    STUBS = """
        # What bash-completion gives to completions.
        _init_completion() {
            cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
            words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
        }
        _pids() { COMPREPLY=(4711); }
        _filedir() { COMPREPLY=(FILES); }
        _command_offset() { COMPREPLY=("COMMAND $1"); }
    """

    def complete(self, *words):
        script = self.STUBS + """
            rustlandctl() { "$CTL" "$@"; }
            . "$1"; shift
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _rustlandctl
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        path = os.path.join(TOP, "doc", "completions", "rustlandctl.bash")
        result = subprocess.run(["bash", "-c", script, "bash", path, "rustlandctl", *words],
                                capture_output=True, text=True, timeout=PATIENCE, check=True,
                                env={**os.environ, "CTL": CTL})
        self.assertEqual(result.stderr, "")
        return result.stdout.split("\n")[:-1]

    def test_commands(self):
        self.assertEqual(set(SurfaceTest.COMMANDS), {w for w in self.complete("") if w[:1] != "-"})
        self.assertEqual(self.complete("st"), ["status", "stats"])

    def test_options(self):
        for command in SurfaceTest.COMMANDS:
            with self.subTest(command):
                options = set(re.findall(r"--[a-z-]+", ctl(command, "--help").out.split("Options:")[1]))
                # Those of the descriptions are among them.
                self.assertLessEqual(set(self.complete(command, "--")), options)
                self.assertEqual(set(self.complete(command, "--")), options - {"--"})

    def test_values(self):
        first, second = self.service.add(), self.service.add()
        self.assertEqual(self.complete("release", ""), [str(first), str(second)])
        self.assertEqual(self.complete("release", str(first), str(second)), [str(second)])
        self.assertEqual(self.complete("profile", "l"), ["lowlatency"])
        self.assertEqual(self.complete("profile", "server", ""), [""])
        self.assertEqual(self.complete("boost", "--scope", ""), ["process", "tree", "cgroup"])
        self.assertEqual(self.complete("boost", "-l", "c"), ["client"])
        self.assertEqual(self.complete("boost", ""), ["4711"])
        self.assertEqual(self.complete("run", "-s", "tree", "ma"), ["COMMAND 4"])
        self.assertEqual(self.complete("run", "--", "ma"), ["COMMAND 3"])
        self.assertEqual(self.complete("run", "--require", "make", "-"), ["COMMAND 3"])

    def test_no_service(self):
        self.service.stop()
        self.assertEqual(self.complete("release", ""), [""])
        self.assertEqual(self.complete("profile", ""), [""])
