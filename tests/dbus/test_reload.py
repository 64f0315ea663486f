# SPDX-License-Identifier: GPL-2.0-only
"""Configurations with a mistake in them: every way to reload refuses them with one line that names the
file, the line, the key and what would be right, and what runs goes on."""

import contextlib
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest

import mistakes
from harness import INVALID, PATIENCE, PLAYER, STAGE, wait_for
from mistakes import BROKEN, GOOD, SLOW, TRIED, make, make_policies, one_line, policy, text

CTL = STAGE / "usr/bin/rustlandctl"
DAEMON = STAGE / "usr/libexec/rustlandd"


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """name -> path: shared objects of which each has one thing wrong, or none."""
    directory = tmp_path_factory.mktemp("policies")
    directory.chmod(0o755)
    return make_policies(directory, STAGE / "usr/include")


def break_it(daemon, how, policies):
    return make(daemon.dir / "config", how, policies)


def mend(daemon):
    mistakes.mend(daemon.dir / "config")


def child(daemon):
    pid = daemon.process.pid
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def users_of(object_path):
    """The processes that have it loaded."""
    found = []
    for maps in pathlib.Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            if str(object_path) in maps.read_text(errors="replace"):
                found.append(maps.parent.name)
    return found


def check_config(daemon, *arguments, directories=None):
    command = [DAEMON, "--check-config", "--scheduler", STAGE / "usr/bin/scx_rustland"]
    for directory in directories or [daemon.dir / "config"]:
        command += ["--config-dir", directory]
    return subprocess.Popen(
        [*command, *arguments], env=daemon.environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


@contextlib.contextmanager
def systemd_in_state(bus, state):
    """Somebody who has the name of systemd, and says only this."""
    mock = subprocess.Popen(
        [sys.executable, "-m", "dbusmock", "--system", "org.freedesktop.systemd1",
         "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"],
        env=bus.env | {"PYTHONDONTWRITEBYTECODE": "1"}, stdout=subprocess.DEVNULL,
    )
    try:
        wait_for("systemd", lambda: bus.has_owner("org.freedesktop.systemd1"))
        bus.control.call(
            "AddProperty",
            f"('org.freedesktop.systemd1.Manager', 'SystemState', <'{state}'>)",
            dest="org.freedesktop.systemd1", path="/org/freedesktop/systemd1",
            iface="org.freedesktop.DBus.Mock",
        )
        yield
    finally:
        mock.kill()
        mock.wait()
        wait_for("its end", lambda: not bus.has_owner("org.freedesktop.systemd1"))


@pytest.fixture
def running(start, connect):
    """A service with a good configuration: daemon, root's client."""
    daemon = start(boosts=31)
    mend(daemon)
    root = connect(0)
    assert root.get("MaxBoostsPerUser") == 31
    wait_for("active", lambda: root.get("State") == "active")
    return daemon, root


def goes_on(root):
    """As it was configured in the fixture above."""
    return [root.get(name) for name in ("SliceUSec", "MaxBoostsPerUser", "Policy", "Profile", "State")] == [
        20000, 31, "rustland", "auto", "active"
    ]


def test_broken_configurations(running, policies):
    """Thirty and more, each in four ways: the same scheduler goes on, and each way tells the truth."""
    daemon, root = running
    before = child(daemon)
    assert len(before) == 1 and len(BROKEN) >= 30
    environment = daemon.environment()
    for name, (how, pattern) in BROKEN.items():
        path = break_it(daemon, how, policies)

        failure = root.failure("ReloadConfiguration")
        assert failure.name == INVALID, name
        one_line(failure.message, path, pattern)

        ctl = subprocess.run(
            [CTL, "reload"], env=environment, capture_output=True, text=True, check=False
        )
        assert ctl.returncode == 1 and ctl.stdout == "", (name, ctl)
        one_line(ctl.stderr, path, pattern)

        checked = check_config(daemon)
        out, err = checked.communicate()
        assert (checked.returncode, out) == (78, ""), (name, err)
        one_line(err, path, pattern)

        assert child(daemon) == before, name
        assert goes_on(root), name
        mend(daemon)
    root.call("ReloadConfiguration")
    assert child(daemon) == before


def test_hangup_tells_the_journal(running, policies):
    daemon, root = running
    before, refusals = child(daemon), 0
    for name in ("not a number", "no such policy", "a directory", "crashes when loaded"):
        how, pattern = BROKEN[name]
        path = break_it(daemon, how, policies)
        daemon.process.send_signal(signal.SIGHUP)
        refusals += 1
        said = wait_for(
            "the refusal",
            lambda n=refusals: (lines := [
                line for line in daemon.read_log().splitlines() if "the last reload was refused" in line
            ])[n - 1:],
        )
        assert len(said) == 1
        one_line(said[0], path, pattern)
        assert child(daemon) == before and goes_on(root)
        mend(daemon)
    daemon.configure(more="[Scheduler]\nSliceUSec=8000\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait_for("the new slice", lambda: root.get("SliceUSec") == 8000)


def test_policies_that_take_for_ever(running, policies):
    """They are given up in the end, and nobody waits for them meanwhile."""
    daemon, root = running
    before = child(daemon)
    checks, directories = [], daemon.dir / "slow"
    for name, (how, pattern) in SLOW.items():
        directory = directories / name.split()[0]
        directory.mkdir(parents=True)
        object_path = policies[name.split()[0]]
        (directory / "rustland.conf").write_text(
            f"[Scheduler]\nPolicy={object_path}\n", encoding="ascii"
        )
        checks.append((check_config(daemon, directories=[directory]), directory, pattern))
    path = break_it(daemon, SLOW["hangs when loaded"][0], policies)
    call = root.begin("ReloadConfiguration")
    for _ in range(20):
        assert root.get("State") == "active"
    assert not root.is_answered(call)
    with pytest.raises(Exception, match=re.escape(path) + SLOW["hangs when loaded"][1]):
        root.end(call)
    assert child(daemon) == before
    for checked, directory, pattern in checks:
        out, err = checked.communicate()
        assert (checked.returncode, out) == (78, ""), err
        one_line(err, str(directory / "rustland.conf"), pattern)
    # Nothing of it is left, whatever it had started.
    wait_for("their end", lambda: not users_of(policies["hangs"]))


@pytest.mark.parametrize("name", TRIED)
def test_policies_that_do_not_do_well(running, policies, name):
    """What was before runs again, and counts again."""
    daemon, root = running
    policy_name, why = TRIED[name]
    path = break_it(daemon, text(f"[Scheduler]\nPolicy={{{policy_name}}}\nSliceUSec=7000\n"), policies)
    before = child(daemon)
    failure = root.failure("ReloadConfiguration")
    assert failure.name == INVALID
    one_line(failure.message, path, rf":2: Policy={re.escape(str(policies[policy_name]))}")
    assert why in failure.message
    wait_for("the former one", lambda: goes_on(root))
    assert child(daemon) != before
    arguments = pathlib.Path(f"/proc/{child(daemon)[0]}/cmdline").read_bytes().split(b"\0")
    assert b"20000" in arguments and b"7000" not in arguments


def test_start_with_a_policy_that_does_not_do_well(running, policies):
    """The last good configuration is in force again, although the files name another."""
    daemon, root = running
    wait_for("that is known to be good", (daemon.dir / "state/last-good.conf").exists)
    path = break_it(daemon, policy("dies"), policies)
    daemon.kill()
    daemon.say_kernel("disabled", "")
    daemon.start()
    wait_for("the last good one", lambda: goes_on(root))
    assert f"{path}:2: Policy=" in daemon.read_log()
    mend(daemon)
    root.call("ReloadConfiguration")


def test_reload_during_the_first_trial(running, policies):
    """The configuration of the start is not known to be good yet: nobody is told that it is."""
    daemon, root = running
    wait_for("one that is known to be good", (daemon.dir / "state/last-good.conf").exists)
    path = break_it(daemon, policy("never-schedules"), policies)
    daemon.kill()
    daemon.say_kernel("disabled", "")
    daemon.start()
    failure = root.failure("ReloadConfiguration")
    assert failure.name == INVALID
    one_line(failure.message, path, r":2: Policy=/\S+")
    wait_for("the last good one", lambda: goes_on(root))


def test_a_good_policy_is_taken(running, policies):
    daemon, root = running
    break_it(daemon, policy("good"), policies)
    root.call("ReloadConfiguration")
    assert root.get("Policy") == str(policies["good"]) and root.get("State") == "active"


def test_profile_that_does_not_do_well(running, connect, policies):
    """It goes the same way, is told to the caller, and is not remembered."""
    daemon, root = running
    player = connect(PLAYER)
    path = break_it(
        daemon, text(GOOD + "[Profile gaming]\nPolicy={dies}\n[Profile server]\nSliceUSec=6000\n"),
        policies,
    )
    root.call("ReloadConfiguration")
    failure = player.failure(**player.set_args("Profile", "'gaming'"))
    assert failure.name == INVALID and f"{path}:4: Policy=" in failure.message
    assert (root.get("Profile"), root.get("SliceUSec")) == ("auto", 20000)
    assert not (daemon.dir / "state/profile").exists()
    wait_for("the former one", lambda: root.get("State") == "active")
    player.call(**player.set_args("Profile", "'server'"))
    assert (daemon.dir / "state/profile").read_text() == "server\n"
    assert (root.get("Profile"), root.get("SliceUSec")) == ("server", 6000)


def test_profile_that_cannot_be_remembered(running, connect):
    """Then it does not count until the next start either."""
    daemon, root = running
    player = connect(PLAYER)
    state = daemon.dir / "state/profile"
    state.mkdir()
    (state / "in-the-way").touch()
    player.failure(**player.set_args("Profile", "'gaming'"))
    assert root.get("Profile") == "auto"
    wait_for("the former one", lambda: root.get("State") == "active")


def test_several_at_once(running, connect):
    """They come one after the other, each with its own answer; of profiles the last one counts."""
    daemon, root = running
    player = connect(PLAYER)
    daemon.configure(more="[Scheduler]\nSliceUSec=8000\n[Profile gaming]\nSliceUSec=7000\n")
    calls = [root.begin("ReloadConfiguration") for _ in range(5)]
    profiles = [
        player.begin(**player.set_args("Profile", f"'{name}'"))
        for name in ("lowlatency", "server", "gaming")
    ]
    for call in calls:
        root.end(call)
    player.end(profiles.pop())
    for call in profiles:
        with pytest.raises(Exception, match="another profile was chosen meanwhile"):
            player.end(call)
    assert (root.get("Profile"), root.get("SliceUSec")) == ("gaming", 7000)


def test_stop_during_a_trial(running):
    daemon, root = running
    daemon.configure(more="[Scheduler]\nSliceUSec=8000\n")
    call = root.begin("ReloadConfiguration")
    wait_for("the trial", lambda: root.get("SliceUSec") == 8000)
    daemon.process.terminate()
    with pytest.raises(Exception, match="stopping"):
        root.end(call)
    assert daemon.process.wait(60) == 0
    daemon.start()


def test_beside_another_scheduler(start, connect, policies):
    """What cannot be tried is taken, and tried when it can be."""
    daemon = start()
    root = connect(0)
    wait_for("active", lambda: root.get("State") == "active")
    wait_for("that is known to be good", (daemon.dir / "state/last-good.conf").exists)
    daemon.kill_scheduler()
    daemon.say_kernel("enabled", "lavd_1.0")
    wait_for("inhibited", lambda: root.get("State") == "inhibited")
    break_it(daemon, policy("no-policy"), policies)
    assert root.error("ReloadConfiguration") == INVALID
    break_it(daemon, policy("dies"), policies)
    root.call("ReloadConfiguration")
    assert root.get("Policy") == str(policies["dies"])
    daemon.say_kernel("disabled", "")
    wait_for("the one before", lambda: root.get("Policy") == "rustland")
    wait_for("active", lambda: root.get("State") == "active")
    assert "the configuration was refused" in daemon.read_log()


def test_start_with_a_mistake(start, connect, policies):
    """The last good configuration is in force; without one the service does not start."""
    daemon = start()
    root = connect(0)
    wait_for("that is known to be good", (daemon.dir / "state/last-good.conf").exists)
    daemon.kill()
    daemon.say_kernel("disabled", "")
    daemon.configure(boosts=7, more="[Scheduler]\nSliceUSec=fast\n")
    daemon.start()
    wait_for("active", lambda: root.get("State") == "active")
    assert root.get("MaxBoostsPerUser") == 32
    assert "the last good configuration is in force" in daemon.read_log()
    assert f"{daemon.dir}/config/rustland.conf:6: SliceUSec=fast" in daemon.read_log()
    daemon.kill()
    daemon.say_kernel("disabled", "")
    (daemon.dir / "state/last-good.conf").unlink()
    refused = subprocess.run(
        daemon.process.args, env=daemon.environment(), capture_output=True, text=True, check=False
    )
    assert refused.returncode == 78 and "SliceUSec=fast" in refused.stderr


def test_check_config_says_nothing_about_good_ones(daemon, policies):
    mend(daemon)
    for arguments in ([], [daemon.dir / "new.conf"]):
        (daemon.dir / "new.conf").write_text(f"[Scheduler]\nPolicy={policies['good']}\n")
        checked = check_config(daemon, *arguments)
        assert (checked.communicate(), checked.returncode) == (("", ""), 0)


def test_check_config_of_a_file(daemon):
    """It stands for what the last directory has."""
    (daemon.dir / "config/rustland.conf").write_text("nonsense\n")
    new = daemon.dir / "new.conf"
    new.write_text("[Boosts]\nMaxPerUser=9999\n")
    checked = check_config(daemon, new)
    out, err = checked.communicate()
    assert (checked.returncode, out) == (78, "")
    one_line(err, str(new), r":2: MaxPerUser=9999: it has to be a whole number from 1 to 256")
    checked = check_config(daemon, directories=[daemon.dir / "nowhere"])
    assert "there is no such directory" in checked.communicate()[1] and checked.returncode == 2
    checked = check_config(daemon, daemon.dir / "nowhere.conf")
    assert "there is no such file" in checked.communicate()[1] and checked.returncode == 78
    mend(daemon)


def test_a_link_to_null_hides_a_drop_in(running):
    daemon, root = running
    directory = daemon.dir / "config/rustland.conf.d"
    directory.mkdir()
    (directory / "x.conf").symlink_to("/dev/null")
    root.call("ReloadConfiguration")


def test_a_kernel_without_sched_ext(bus, tmp_path):
    """Who starts the service by hand is told; a machine that boots shows no failed unit."""
    for name in ("run", "state", "config"):
        (tmp_path / name).mkdir()
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(PATIENCE)
    environment = bus.env | {
        "RUNTIME_DIRECTORY": str(tmp_path / "run"),
        "STATE_DIRECTORY": str(tmp_path / "state"),
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "LD_LIBRARY_PATH": str(next(STAGE.glob("usr/lib/*/librustland.so.0")).parent),
    }
    command = [DAEMON, "--config-dir", tmp_path / "config", "--fake-kernel", tmp_path / "nothing"]

    def start():
        process = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert "this kernel has no sched_ext" in process.stderr
        return process.returncode, manager.recv(4096).decode().split("\n")

    status, said = start()
    assert status == 69 and len(said) == 1 and "no sched_ext" in said[0]
    for state, expected in (("starting", 0), ("initializing", 0), ("running", 69), ("degraded", 69)):
        with systemd_in_state(bus, state):
            status, said = start()
        assert status == expected, state
        assert ("READY=1" in said) == (expected == 0)
        assert "no sched_ext" in said[-1]


def test_a_second_one_leaves_the_socket_alone(running):
    """Started by hand beside the service, it ends and takes nothing with it."""
    daemon, root = running
    notify = daemon.dir / "run/notify"
    before = notify.stat().st_ino
    process = subprocess.run(
        daemon.process.args,
        env=daemon.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert process.returncode == 1 and "another rustlandd runs" in process.stderr
    assert notify.stat().st_ino == before
    assert root.get("State") == "active"
