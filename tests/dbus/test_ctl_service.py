# SPDX-License-Identifier: GPL-2.0-only
"""rustlandctl and the real rustlandd, from end to end: what one asks for the other understands, and
what one says the other can show. test_ctl.py has everything that needs no real service."""

import json
import signal
import subprocess

import pytest

import harness
from follow import PATIENCE, Following
from test_ctl import ABSENT
from harness import BOOST_OTHER, BOOST_OWN, MANAGE, OTHER, PLAYER, SET_PROFILE, STAGE

CTL = str(STAGE / "usr/bin/rustlandctl")
LIBRARIES = str(next(STAGE.glob("usr/lib/*/librustland.so.0")).parent)


class Ctl:
    """rustlandctl as a user runs it."""

    def __init__(self, bus):
        self.env = bus.env | {"LD_LIBRARY_PATH": LIBRARIES}
        self.followed = []

    def start(self, *words, uid=PLAYER, **more):
        return subprocess.Popen(
            [CTL, *map(str, words)],
            env=self.env,
            user=uid,
            group=uid,
            extra_groups=[],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            **{"stderr": subprocess.PIPE, "text": True} | more,
        )

    def follow(self, *words):
        """One that goes on."""
        process = self.start(*words, stderr=subprocess.STDOUT, text=False, bufsize=0)
        self.followed.append(Following(process))
        return self.followed[-1]

    def close(self):
        for following in self.followed:
            following.kill()

    def run(self, *words, uid=PLAYER):
        """(status, output, errors)"""
        process = self.start(*words, uid=uid)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def ok(self, *words, uid=PLAYER):
        status, out, err = self.run(*words, uid=uid)
        assert (status, err) == (0, ""), f"{words}: status {status}\n{out}{err}"
        return out

    def json(self, *words, uid=PLAYER):
        return json.loads(self.ok(*words, "--json", uid=uid))

    def failed(self, status, *words, uid=PLAYER):
        """Its words, in small letters."""
        got, out, err = self.run(*words, uid=uid)
        assert got == status, f"{words}: status {got}, not {status}\n{out}{err}"
        assert err.startswith("rustlandctl: ")
        return err.lower()


@pytest.fixture
def ctl(bus, daemon):
    ctl = Ctl(bus)
    yield ctl
    ctl.close()


def wait_state(ctl, wanted):
    def reached():
        _, out, _ = ctl.run("status", "--json")
        return json.loads(out)["state"] == wanted

    harness.wait_for(f"state {wanted}", reached)


def test_status(ctl, daemon, spawn):
    wait_state(ctl, "active")
    game = spawn()
    cookie = int(ctl.ok("boost", game.pid, "-r", "because"))
    status = ctl.json("status")
    assert status["running"] is True
    assert status["scheduler"] == "rustland_0.1.0_test"
    assert status["problems"] == []
    assert status["profile"] in status["profiles"]
    assert status["boost_count"] == 1
    assert [b["cookie"] for b in status["boosts"]] == [cookie]
    screen = ctl.ok("status")
    for text in ("active", "rustland_0.1.0_test", str(cookie), str(game.pid), "because"):
        assert text in screen


def test_status_inhibited(ctl, daemon):
    wait_state(ctl, "active")
    daemon.kill_scheduler()
    daemon.say_kernel("enabled", "lavd_1.0")
    wait_state(ctl, "inhibited")
    status, out, _ = ctl.run("status")
    assert status == 3
    assert "nother sched_ext scheduler is loaded: lavd_1.0" in out


def test_no_service(ctl, daemon):
    daemon.kill()
    absent = ABSENT.lower()
    assert absent in ctl.failed(3, "list")
    status, out, _ = ctl.run("status")
    assert status == 3
    assert absent in out.lower()


def test_list(ctl, spawn):
    game, other = spawn(), spawn(uid=OTHER)
    cookie = int(ctl.ok("boost", game.pid, "-s", "tree", "-r", "because", "-a", "org.example.Game"))
    ctl.ok("boost", other.pid, "-r", "secret", uid=OTHER)
    mine, others = ctl.json("list")
    assert {k: mine[k] for k in ("cookie", "pid", "name", "scope", "class", "uid", "reason", "app_id")} == {
        "cookie": cookie,
        "pid": game.pid,
        "name": "sleep",
        "scope": "tree",
        "class": "boosted",
        "uid": PLAYER,
        "reason": "because",
        "app_id": "org.example.Game",
    }
    assert mine["since"] > 1700000000000000
    assert others["class"] == "boosted"
    assert [others[k] for k in ("pid", "name", "uid", "since", "reason", "app_id")] == [None] * 6
    assert "secret" not in ctl.ok("list")
    assert "another user's" in ctl.ok("list")
    assert "because" in ctl.ok("list")
    assert "secret" in ctl.ok("list", uid=0)


def test_boost_and_release(ctl, daemon, spawn):
    game = spawn()
    cookie = ctl.json("boost", game.pid, "--timeout", 3600)["cookie"]
    assert daemon.classes() == {("process", game.pid): "boosted"}
    assert ctl.json("list")[0]["timeout_usec"] == 3600000000
    assert ctl.json("release", cookie) == {"released": [cookie]}
    assert daemon.classes() == {}
    assert "there is no such boost" in ctl.failed(1, "release", cookie)


def test_refusals(ctl, bus, spawn):
    game, other = spawn(), spawn(uid=OTHER)
    cookie = int(ctl.ok("boost", game.pid))
    said = ctl.failed(4, "boost", other.pid)
    assert BOOST_OTHER in said
    assert "an administrator" in said
    assert MANAGE in ctl.failed(4, "release", cookie, uid=OTHER)
    assert MANAGE in ctl.failed(4, "reload")
    # Where nobody may, no advice helps.
    for uid in (PLAYER, 0):
        said = ctl.failed(4, "boost", 1, uid=uid)
        assert "which nobody may boost" in said and "\n" not in said.strip()
        assert "sudo" not in said and "administrator" not in said
    assert ctl.failed(1, "boost", game.pid, "-r", "x" * 257)
    assert "auto gaming lowlatency powersave server" in ctl.failed(1, "profile", "nonsense")
    bus.allow()
    assert BOOST_OWN in ctl.failed(4, "boost", game.pid)
    assert BOOST_OWN in ctl.failed(4, "foreground", game.pid)
    assert SET_PROFILE in ctl.failed(4, "profile", "gaming")


def test_refusals_by_polkit(ctl, bus, spawn):
    """What is advised is what helps there, and it is what this rustlandd says that is recognised."""
    game = spawn()
    bus.mock("SetChallenge", f"(['{BOOST_OWN}'],)")
    bus.mock("SetAllowed", "(@as [],)")
    said = ctl.failed(4, "boost", game.pid).splitlines()[1]
    assert said.startswith("use sudo, or call it on a terminal")
    bus.allow()
    said = ctl.failed(4, "boost", game.pid).splitlines()[1]
    assert said.startswith("it takes a session that is local and active")
    bus.stop_polkit()
    try:
        said = ctl.failed(4, "boost", game.pid).splitlines()[1]
        assert said.startswith("use sudo, or have polkit installed and started")
    finally:
        bus.start_polkit()


def test_limit(ctl, daemon, spawn):
    daemon.configure(boosts=1)
    ctl.ok("reload", uid=0)
    ctl.ok("boost", spawn().pid)
    assert "too many boosts" in ctl.failed(1, "boost", spawn().pid)


def test_hold(ctl, spawn):
    game = spawn()
    holder = ctl.follow("boost", game.pid, "--lifetime", "client")
    assert int(holder.line()) > 0
    assert ctl.json("list")[0]["lifetime"] == "client"
    assert holder.end(signal.SIGTERM) == 0
    harness.wait_for("the end of the boost", lambda: ctl.json("list") == [])
    holder = ctl.follow("boost", game.pid, "--lifetime", "client")
    ctl.ok("release", int(holder.line()))
    assert holder.line() == "ended: released"
    assert holder.end(None) == 0


def test_hold_outlives_a_crash(bus, start, spawn):
    daemon, ctl, game = start(store=True), Ctl(bus), spawn()
    holder = ctl.follow("boost", game.pid, "--lifetime", "client")
    cookie = int(holder.line())
    daemon.kill()
    daemon.restart()
    assert [boost["cookie"] for boost in ctl.json("list")] == [cookie]
    game.kill()
    assert holder.line() == "ended: exited"
    assert holder.end(None) == 0
    ctl.close()


def test_run(ctl, daemon):
    """Boosted before its first instruction, with all that it starts; over when it is over."""
    status, out, err = ctl.run("run", "sh", "-c", f"echo $$; {CTL} list --json; exit 7")
    assert (status, err) == (7, "")
    pid, boosts = out.split("\n", 1)
    (boost,) = json.loads(boosts)
    assert (boost["pid"], boost["scope"], boost["lifetime"]) == (int(pid), "tree", "process")
    # What is boosted is the command, not rustlandctl.
    assert boost["name"] == "sh"
    harness.wait_for("the end of the boost", lambda: ctl.json("list") == [])
    harness.wait_for("the end of the class", lambda: daemon.classes() == {})


def test_run_keeps_its_boost(ctl, daemon):
    game = ctl.follow("run", "-s", "process", "--", "sh", "-c", "echo ready; exec sleep 1000")
    assert game.line() == "ready"
    assert daemon.classes() == {("process", game.process.pid): "boosted"}
    assert game.end(signal.SIGTERM) == -signal.SIGTERM
    harness.wait_for("the end of the class", lambda: daemon.classes() == {})


def test_foreground(ctl, daemon, spawn):
    window = spawn()
    ctl.ok("foreground", window.pid)
    harness.wait_for(
        "the foreground", lambda: daemon.classes() == {("tree", window.pid): "foreground"}
    )
    (boost,) = ctl.json("list")
    assert (boost["class"], boost["pid"]) == ("foreground", window.pid)
    ctl.ok("foreground", "--clear")
    harness.wait_for("nothing there", lambda: daemon.classes() == {})
    own = f"/user.slice/user-{PLAYER}.slice/user@{PLAYER}.service"
    assert ctl.failed(1, "foreground", "--cgroup", f"{own}/app.slice/app-none.scope")
    # Of another user's it is not told whether it is there.
    assert ctl.failed(4, "foreground", "--cgroup", "/no/such/group")


def test_profile(ctl):
    assert "* auto\n" in ctl.ok("profile")
    ctl.ok("profile", "gaming")
    assert ctl.json("profile")["profile"] == "gaming"
    assert ctl.json("profile", "auto")["profile"] == "auto"


def test_reload_of_nonsense(ctl, daemon):
    daemon.configure(more="[Scheduler]\nSliceUSec=soon\n")
    said = ctl.failed(1, "reload", uid=0)
    assert "rustland.conf" in said
    assert "sliceusec" in said


def test_stats(ctl):
    wait_state(ctl, "active")
    assert ctl.json("stats")["nr_cpus"] == 8
    assert "CPUs online" in ctl.ok("stats")


def test_monitor(ctl, daemon, spawn):
    wait_state(ctl, "active")
    monitor = ctl.follow("monitor", "--json", "--interval", "0.1")
    assert monitor.event("service")["properties"]["state"] == "active"
    game = spawn()
    cookie = int(ctl.ok("boost", game.pid))
    assert monitor.event("boost-added")["boost"]["cookie"] == cookie
    game.kill()
    assert monitor.event("boost-removed")["boost"] == {"cookie": cookie, "pid": game.pid, "why": "exited"}
    assert monitor.event("statistics")["statistics"]["nr_cpus"] == 8
    ctl.ok("profile", "gaming")
    monitor.until(lambda line: json.loads(line).get("properties", {}).get("profile") == "gaming")
    daemon.kill()
    monitor.event("service-gone")
    daemon.start()
    monitor.event("service")
    assert monitor.end(signal.SIGINT) == 0
