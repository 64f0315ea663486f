# SPDX-License-Identifier: GPL-2.0-only
"""Properties, statistics, configuration, and that the installed description is the true one."""

import pathlib
import re
import subprocess
import xml.etree.ElementTree as ET

import pytest
from harness import DENIED, INVALID, NAME, PATH, PLAYER, SET_PROFILE, STAGE, wait_for

TYPES = {
    "Version": str,
    "InterfaceVersion": int,
    "State": str,
    "ExitReason": str,
    "Scheduler": str,
    "Policy": str,
    "Policies": list,
    "Profile": str,
    "Profiles": list,
    "SliceUSec": int,
    "SliceMinUSec": int,
    "BoostCount": int,
    "MaxBoostsPerUser": int,
}


def get_all(client):
    return client.call("GetAll", f"('{NAME}',)", iface="org.freedesktop.DBus.Properties")


def test_values(daemon, player):
    wait_for("active", lambda: player.get("State") == "active")
    values = get_all(player)
    assert {name: type(value) for name, value in values.items()} == TYPES
    assert values["InterfaceVersion"] == 2
    assert re.fullmatch(r"\d+\.\d+\.\d+", values["Version"])
    assert values["Scheduler"] == "rustland_0.1.0_test"
    assert values["Policy"] == "rustland" and "rustland" in values["Policies"]
    assert values["Profile"] == "auto"
    assert values["Profiles"] == ["auto", "gaming", "lowlatency", "powersave", "server"]
    assert (values["SliceUSec"], values["SliceMinUSec"]) == (20000, 1000)
    assert (values["BoostCount"], values["MaxBoostsPerUser"]) == (0, 32)
    for name in TYPES:
        assert player.get(name) == values[name]


# Below this machine's root; the programs have it compiled in.
LIBRARIES = pathlib.Path("/") / next(STAGE.glob("usr/lib/*/librustland.so.0")).parent.relative_to(STAGE)
# The first two can be named. One is a policy that is built in already, and the others are no names.
POLICY_FILES = (
    "zebra.so",
    "a_policy-2.so",
    "rustland.so",
    "Upper.so",
    "two words.so",
    "dotted.name.so",
    ".hidden.so",
    ".so",
    "x" * 32 + ".so",
    "\u00fcber.so",
    "notes.txt",
)


@pytest.fixture
def with_policies():
    """The words of a command that runs another one where POLICY_FILES are installed."""
    made = []
    for directory in (LIBRARIES / "scx-rustland", LIBRARIES / "scx-rustland/policies"):
        if not directory.exists():
            directory.mkdir()
            made.append(directory)
    script = 'cd "$0" && mount -t tmpfs none "$0" && cd "$0" && while [ "$1" != -- ]; do : >"$1"; shift; done; shift; exec "$@"'
    yield [
        *("unshare", "--mount", "sh", "-c", script),
        *(str(LIBRARIES / "scx-rustland/policies"), *POLICY_FILES, "--"),
    ]
    for directory in reversed(made):
        directory.rmdir()


def test_policies_are_those_that_can_be_named(start, connect, with_policies):
    daemon = start(within=with_policies)
    listed = connect(PLAYER).get("Policies")
    scheduler, env = STAGE / "usr/bin/scx_rustland", daemon.environment()
    offered = subprocess.run(
        [*with_policies, scheduler, "--list-policies"],
        env=env,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    ).stdout
    assert listed == ["rustland", "a_policy-2", "zebra"]
    assert listed == [line.split()[0] for line in offered.splitlines()]
    for name in listed:
        taken = subprocess.run(
            [*with_policies, scheduler, "--check", "--policy", name],
            env=env,
            stderr=subprocess.PIPE,
            check=False,
        )
        # An empty file is no policy, but its name has been taken.
        assert taken.returncode == (0 if name == "rustland" else 1), taken.stderr


def test_state_is_the_kernels(daemon, player):
    wait_for("active", lambda: player.get("State") == "active")
    daemon.kill_scheduler()
    wait_for("active again", lambda: player.get("State") == "active")
    player.wait_property("State", "active")
    assert player.get("ExitReason")
    player.wait_property("ExitReason", player.get("ExitReason"))


def test_other_scheduler(start, connect):
    daemon = start()
    client = connect(PLAYER)
    wait_for("active", lambda: client.get("State") == "active")
    daemon.say_kernel("enabled", "lavd_1.0")
    client.wait_property("Scheduler", "lavd_1.0")


def test_profile(bus, daemon, player):
    player.call(**player.set_args("Profile", "'gaming'"))
    player.wait_property("Profile", "gaming")
    assert player.get("Profile") == "gaming"
    player.call(**player.set_args("Profile", "'gaming'"))
    assert player.error(**player.set_args("Profile", "'turbo'")) == INVALID
    assert player.error(**player.set_args("Profile", "''")) == INVALID
    assert player.error(**player.set_args("Profile", "'Gaming'")) == INVALID
    assert player.get("Profile") == "gaming"
    bus.allow()
    assert player.error(**player.set_args("Profile", "'server'")) == DENIED
    assert player.get("Profile") == "gaming"
    bus.allow(SET_PROFILE)
    player.call(**player.set_args("Profile", "'auto'"))
    player.wait_property("Profile", "auto")


@pytest.mark.parametrize("value", ["1", "<'gaming'>", "@as ['gaming']", "b'gaming'", "true"])
def test_profile_of_the_wrong_type(player, value):
    assert player.error(**player.set_args("Profile", value)) == INVALID


@pytest.mark.parametrize("name", sorted(TYPES.keys() - {"Profile"}))
def test_the_others_cannot_be_written(root, player, name):
    for client in (root, player):
        failure = client.failure(**client.set_args(name, "'x'"))
        assert failure.name in (INVALID, "org.freedesktop.DBus.Error.PropertyReadOnly")


def test_properties_that_are_none(player):
    iface = "org.freedesktop.DBus.Properties"
    assert player.error("Get", f"('{NAME}', 'None')", iface=iface) == INVALID
    assert player.error("Set", f"('{NAME}', 'None', <'x'>)", iface=iface) == INVALID
    assert player.error("Set", "('org.example', 'Profile', <'gaming'>)", iface=iface) == INVALID


def test_reload(daemon, root, player):
    assert player.error("ReloadConfiguration") == DENIED
    daemon.configure(boosts=7, more="[Scheduler]\nSliceUSec=9000\nSliceMinUSec=900\n")
    root.call("ReloadConfiguration")
    player.wait_property("MaxBoostsPerUser", 7)
    player.wait_property("SliceUSec", 9000)
    player.wait_property("SliceMinUSec", 900)
    daemon.configure(boosts=7, more="[Scheduler]\nSliceUSec=fast\n")
    failure = root.failure("ReloadConfiguration")
    assert failure.name == INVALID
    assert "rustland.conf:6" in failure.message and "SliceUSec" in failure.message
    assert player.get("SliceUSec") == 9000


def test_statistics(daemon, player, other):
    wait_for("active", lambda: player.get("State") == "active")
    waiting = [client.begin("GetStatistics") for client in (player, other) * 20]
    for i, call in enumerate(waiting):
        statistics = (player, other)[i % 2].end(call)
        assert statistics["nr_cpus"] == 8


# ---- the description -----------------------------------------------------------------------------


def interface(text):
    """What an interface consists of, in a form that can be compared."""
    root = ET.fromstring(text)
    element = next(e for e in root.iter("interface") if e.get("name") == NAME)
    members = {}
    for member in element:
        if member.tag == "annotation":
            continue
        args = [
            (arg.get("name"), arg.get("type"), arg.get("direction", "out"))
            for arg in member.iter("arg")
        ]
        members[member.tag, member.get("name")] = (args, member.get("type"), member.get("access"))
    return members


def test_introspection_agrees_with_the_installed_description(player):
    seen = interface(player.call("Introspect", iface="org.freedesktop.DBus.Introspectable"))
    installed = (STAGE / "usr/share/dbus-1/interfaces/org.scx.Rustland.xml").read_text()
    assert seen == interface(installed)
    assert len(seen) == 13 + 2 + len(TYPES)


def test_busctl_sees_it(bus, daemon):
    text = subprocess.run(
        ["busctl", "--system", "--no-pager", "--list", "introspect", NAME, PATH, NAME],
        env=bus.env,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    seen = {tuple(line.split()[:2]) for line in text.splitlines() if line.startswith(".")}
    installed = (STAGE / "usr/share/dbus-1/interfaces/org.scx.Rustland.xml").read_text()
    assert seen == {("." + name, kind) for kind, name in interface(installed)}


def test_every_member_is_documented():
    text = (STAGE / "usr/share/dbus-1/interfaces/org.scx.Rustland.xml").read_text()
    for (_kind, name), (args, _type, _access) in interface(text).items():
        comment = re.search(rf"<!--\s+{name}:\n(.*?)-->", text, re.DOTALL)
        assert comment, f"{name} has no comment"
        for arg, _type, _direction in args:
            assert f"@{arg}:" in comment[1], f"{name} says nothing about {arg}"


def test_the_bus_policy_lists_every_method():
    text = (STAGE / "usr/share/dbus-1/interfaces/org.scx.Rustland.xml").read_text()
    policy = ET.parse(STAGE / "usr/share/dbus-1/system.d/org.scx.Rustland.conf")
    allowed = {
        rule.get("send_member")
        for rule in policy.iter("allow")
        if rule.get("send_interface") == NAME
    }
    assert allowed == {name for kind, name in interface(text) if kind == "method"}


def test_nothing_starts_the_service_but_an_administrator():
    """A call by anybody would undo what `systemctl stop` did."""
    services = STAGE / "usr/share/dbus-1/system-services"
    assert not list(services.glob("*")), "the bus would start it"
    unit = (STAGE / "usr/lib/systemd/system/scx-rustland.service").read_text()
    install = unit.split("[Install]")[1]
    assert re.findall(r"^\w+=.*", install, re.MULTILINE) == ["WantedBy=multi-user.target"]


def test_only_root_owns_the_name(bus, player):
    args = f"('{NAME}', uint32 4)"
    to_bus = {"dest": "org.freedesktop.DBus", "path": "/org/freedesktop/DBus", "iface": "org.freedesktop.DBus"}
    assert player.error("RequestName", args, **to_bus) == DENIED


def test_a_second_one_gives_way(bus, daemon, player):
    process = subprocess.run(
        daemon.process.args, env=daemon.environment(), capture_output=True, check=False
    )
    assert process.returncode == 1
    assert player.get("Version")
