# SPDX-License-Identifier: GPL-2.0-only
"""Callers in a pid namespace of their own, as flatpak and containers make: their numbers are none that
the service knows, so it takes pidfds of them. And a /proc that hides the processes of others."""

import pathlib
import subprocess
import sys

import pytest
from harness import ERROR, INVALID, PATIENCE, PLAYER, STAGE, boost_args, wait_for

UNSHARE = ("unshare", "--pid", "--fork", "--mount-proc")
# In the namespace the client is 1 and the process that it may talk about is 2.
INNER = 2


def inside(bus):
    """A client, and beside it a process that does nothing."""
    client = f"sleep 1000 & exec {sys.executable} -B {bus.dir}/client.py"
    return {"within": UNSHARE, "program": ["sh", "-c", client]}


def numbers(pid):
    """Of a process: from ours down to its own."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith("NSpid:"))
    return [int(number) for number in line.split()[1:]]


def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(number) for number in text.split()]


def outer(client, number):
    """Our number of a process in the client's namespace."""
    (first,) = children(client.process.pid)
    (pid,) = (p for p in [first, *children(first)] if numbers(p) == [p, number])
    return pid


@pytest.fixture
def boxed(bus, daemon, connect):
    return connect(PLAYER, **inside(bus))


def test_numbers_are_refused(daemon, boxed, player, spawn):
    """Of which one may mean a process of the same user here: that must not come to the front."""
    here = spawn().pid
    for number in (INNER, here, 4194305):
        failures = {
            "BoostProcess": boxed.failure("BoostProcess", boost_args(number, "tree")),
            "SetForegroundProcess": boxed.failure("SetForegroundProcess", f"(uint32 {number},)"),
            "GetProcess": boxed.failure("GetProcess", f"(uint32 {number},)"),
        }
        for method, failure in failures.items():
            assert failure.name == INVALID, failure
            assert "another pid namespace" in failure.message
            assert method + "ByPIDFd" in failure.message
    assert player.boosts() == {} and daemon.classes() == {}
    # That nothing is in the foreground can be said everywhere.
    boxed.call("SetForegroundProcess", "(uint32 0,)")


def test_pidfds_are_understood(daemon, boxed, player):
    args = "(handle 0, 'tree', 'a test', @a{sv} {})"
    cookie = boxed.call("BoostProcessByPIDFd", args, pidfd=INNER)
    pid = outer(boxed, INNER)
    assert daemon.classes() == {("tree", pid): "boosted"}
    assert player.boosts()[cookie]["Pid"] == pid
    info = boxed.call("GetProcessByPIDFd", "(handle 0,)", pidfd=INNER)
    assert (info["Pid"], info["Cookies"]) == (pid, [cookie])
    boxed.call("Release", f"(uint32 {cookie},)")
    boxed.call("SetForegroundProcessByPIDFd", "(handle 0,)", pidfd=INNER)
    wait_for("the foreground", lambda: daemon.classes() == {("tree", pid): "foreground"})
    # The one that is 1 there is a process like others.
    boxed.call("SetForegroundProcessByPIDFd", "(handle 0,)", pidfd=1)
    pid = outer(boxed, 1)
    wait_for("the next", lambda: daemon.classes() == {("tree", pid): "foreground"})


def test_clients_that_system76_knows_are_answered_as_ever(daemon, boxed, spawn):
    """With success, and nothing comes to the foreground."""
    here = spawn().pid
    boxed.call(
        "SetForegroundProcess",
        f"(uint32 {here},)",
        dest="com.system76.Scheduler",
        path="/com/system76/Scheduler",
        iface="com.system76.Scheduler",
    )
    assert daemon.classes() == {} and boxed.boosts() == {}


def test_a_proxy_speaks_for_a_sandbox(bus, daemon, connect, spawn):
    """flatpak's is outside, in our namespace; those whose calls it passes on are not."""
    program = (
        "import ctypes; ctypes.CDLL(None).prctl(15, b'xdg-dbus-proxy', 0, 0, 0);"
        f"exec(compile(open('{bus.dir}/client.py').read(), 'client', 'exec'))"
    )
    proxy = connect(PLAYER, program=[sys.executable, "-B", "-c", program])
    failure = proxy.failure("SetForegroundProcess", f"(uint32 {spawn().pid},)")
    assert failure.name == INVALID and "SetForegroundProcessByPIDFd" in failure.message
    assert daemon.classes() == {}


def test_hidden_processes_stay_hidden(daemon, connect, spawn):
    hide = ("sh", "-c", 'mount -t proc -o hidepid=invisible proc /proc && exec "$@"', "sh")
    theirs, script = spawn(0), "import os; print(os.path.exists('/proc/%d'))"
    seen = subprocess.run(
        ["unshare", "--mount", *hide, "setpriv", f"--reuid={PLAYER}", f"--regid={PLAYER}"]
        + ["--clear-groups", "--", sys.executable, "-c", script % theirs.pid],
        stdout=subprocess.PIPE, check=True, text=True,
    ).stdout.strip()
    assert seen == "False", "hidepid does not hide here, so that this proves nothing"
    player = connect(PLAYER, within=("unshare", "--mount", *hide))
    theirs_said = player.failure("GetProcess", f"(uint32 {theirs.pid},)")
    theirs.kill()
    theirs.wait()
    gone_said = player.failure("GetProcess", f"(uint32 {theirs.pid},)")
    assert str(theirs_said) == str(gone_said)
    assert theirs_said.name == ERROR + "NoSuchProcess"
    assert player.call("GetProcess", f"(uint32 {player.pid},)")["Pid"] == player.pid


# ---- rustlandctl ---------------------------------------------------------------------------------


def test_rustlandctl_in_a_container(bus, daemon, player, spawn):
    """It takes the numbers that its user sees, and so never another process than that."""
    here = spawn().pid  # a number that means nothing there, and something here
    libraries = next(STAGE.glob("usr/lib/*/librustland.so.0")).parent
    script = """
        ctl=$1 here=$2
        sleep 1000 & sleep=$!
        "$ctl" foreground "$sleep" && "$ctl" boost "$sleep" >&2
        "$ctl" foreground "$here"
        echo "$?"
        read -r _
    """
    command = ["setpriv", f"--reuid={PLAYER}", f"--regid={PLAYER}", "--clear-groups", "--"]
    process = subprocess.Popen(
        [*UNSHARE, *command, "sh", "-c", script, "sh", STAGE / "usr/bin/rustlandctl", str(here)],
        env=bus.env | {"LD_LIBRARY_PATH": str(libraries)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    try:
        assert process.stdout.readline() == "1\n", "a number that is nobody's there was taken"
        boosts = player.boosts().values()
        assert {boost["Name"] for boost in boosts} == {"sleep"}
        pids = {boost["Pid"] for boost in boosts}
        assert len(boosts) == 2 and len(pids) == 1 and here not in pids
        (pid,) = pids
        assert len(numbers(pid)) == 2
    finally:
        # Its script goes on, and with it all others in the namespace end.
        _out, err = process.communicate("\n", timeout=PATIENCE)
    assert f"no process {here}" in err
