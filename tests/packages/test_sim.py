# SPDX-License-Identifier: GPL-2.0-only
"""The Debian package rustland-sim: what is in it, that it needs next to nothing, and that it runs from there."""

import json
import os
import re
import shlex
import subprocess

import pytest

from packages import TREE, files, output

# What the dynamic linker may load for it, itself among these; libpcre2 and the like come with them.
LIBRARIES = {"ld-linux-x86-64.so.2", "libc.so.6", "libglib-2.0.so.0", "libgobject-2.0.so.0",
             "libjson-glib-1.0.so.0", "libm.so.6"}


@pytest.fixture(scope="module")
def package():
    (path,) = files("deb", "rustland-sim_*.deb")
    return path


@pytest.fixture(scope="module")
def root(tmp_path_factory, package):
    """The package unpacked, with nothing else of ours."""
    path = tmp_path_factory.mktemp("sim")
    output("dpkg-deb", "-x", package, path)
    return path


@pytest.fixture(scope="module")
def devel(tmp_path_factory):
    """What somebody has who writes a policy: the library and its development files, unpacked."""
    path = tmp_path_factory.mktemp("devel")
    for name in ("librustland-dev", "librustland0"):
        (package,) = files("deb", f"{name}_*.deb")
        output("dpkg-deb", "-x", package, path)
    return path


def run(root, *arguments, status=0, **environment):
    """Without a single capability, whoever runs the tests."""
    done = subprocess.run(
        ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", root / "usr/bin/rustland-sim", *arguments],
        capture_output=True, text=True, check=False, env=os.environ | environment,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_contents(root):
    names = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
    assert names == {
        "usr/bin/rustland-sim",
        "usr/share/bash-completion/completions/rustland-sim",
        "usr/share/doc/rustland-sim/GAPS.md.gz",
        "usr/share/doc/rustland-sim/changelog.Debian.gz",
        "usr/share/doc/rustland-sim/copyright",
        "usr/share/fish/vendor_completions.d/rustland-sim.fish",
        "usr/share/lintian/overrides/rustland-sim",
        "usr/share/man/man1/rustland-sim.1.gz",
        "usr/share/zsh/site-functions/_rustland-sim",
    }


def test_nobody_else_has_it():
    """No file of it is in another package, which dpkg would refuse to unpack beside it."""
    owners = {}
    for path in files("deb", "*.deb"):
        name = path.name.partition("_")[0]
        for line in output("dpkg-deb", "-c", path).splitlines():
            entry = line.split(None, 5)[5].partition(" -> ")[0]
            if not entry.endswith("/"):
                owners.setdefault(entry, []).append(name)
    assert {entry: names for entry, names in owners.items() if len(names) > 1} == {}


def test_dependencies(package):
    """Neither libbpf nor systemd, and nothing of ours: it can be had on any machine."""
    names = re.findall(r"(?:^|, )([^ ,]+)", output("dpkg-deb", "-f", package, "Depends").strip())
    assert names
    assert {re.sub(r"(-[0-9]+)?(t64)?$", "", name) for name in names} == {"libc6", "libglib2.0", "libjson-glib-1.0"}
    assert output("dpkg-deb", "-f", package, "Recommends").strip() == "librustland-dev"
    assert output("dpkg-deb", "-f", package, "Pre-Depends").strip() == ""


def test_libraries(root):
    said = output("readelf", "-d", root / "usr/bin/rustland-sim")
    assert set(re.findall(r"\(NEEDED\).*\[(.*)\]", said)) == LIBRARIES


def test_own_policy(root, devel):
    """The example that librustland-dev brings is built as README says, and a report comes of it."""
    (pkgconfig,) = devel.glob("usr/lib/*/pkgconfig")
    flags = shlex.split(output(
        "pkg-config", "--cflags", "--libs", "rustland",
        env=os.environ | {"PKG_CONFIG_PATH": str(pkgconfig), "PKG_CONFIG_SYSROOT_DIR": str(devel)},
    ))
    policy = devel / "fifo.so"
    example = devel / "usr/share/doc/librustland-dev/examples/fifo.c"
    output("cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{devel}/usr/include", "-o", policy, example, *flags)
    library = {"LD_LIBRARY_PATH": str(pkgconfig.parent)}
    table = run(root, policy, **library)
    assert table.startswith("frames-hogs, scheduled by fifo: 8 CPUs, ")
    assert re.search(r"^frames +1 .* +\d+ +\d+$", table, re.MULTILINE)
    assert re.search(r"^hash +[0-9a-f]{16},", table, re.MULTILINE)
    # The report for programs is about the same run.
    told = json.loads(run(root, "--json", policy, **library))
    assert (told["policy"], told["workload"], told["violations"]) == ("fifo", "frames-hogs", 0)
    assert f"\nhash               {told['hash']}," in table
    assert {group["name"] for group in told["tasks"]} == {"frames", "hog"}


def test_own_policy_without_library(root, devel):
    """A policy that was not linked with librustland finds what it uses in the program."""
    policy = devel / "unlinked.so"
    output("cc", "-shared", "-fPIC", f"-I{devel}/usr/include", "-o", policy, TREE / "examples/fifo.c")
    assert "scheduled by fifo" in run(root, "--seconds", "1", policy)


def test_exit_status(root):
    assert run(root, "nothing", status=2) == ""
    assert run(root, "--seconds", "1", "rustland", "idle-desktop")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions(root, shell):
    """Each has the options that --help has, and asks the program for names."""
    text = (TREE / f"doc/completions/rustland-sim.{shell}").read_text(encoding="utf-8")
    pattern = r"^complete .* -l ([a-z-]+)" if shell == "fish" else r"--([a-z][a-z-]+)"
    assert set(re.findall(pattern, text, re.MULTILINE)) == set(re.findall(r"--([a-z][a-z-]+)", run(root, "--help")))
    # Those with a dash, which are no words of the text.
    names = re.findall(r"^  ([a-z]+-[a-z-]+) ", run(root, "list"), re.MULTILINE)
    assert len(names) > 3
    assert [name for name in names if name in text] == []


def test_manual(root):
    """The manual page has the workloads, the faults and the members of the JSON object."""
    page = (TREE / "doc/rustland-sim.1").read_text(encoding="utf-8")
    names = re.findall(r"^  ([a-z-]+) ", run(root, "list").partition("Workloads:")[2], re.MULTILINE)
    assert [name for name in names if f"\n.It Cm {name}\n" not in page] == []
    told = json.loads(run(root, "--json", "--seconds", "1", "rustland", "pipes"))
    members = {*told, *told["tasks"][0], *told["tasks"][0]["wakeup_us"]}
    section = page.partition(".Sh JSON")[2].partition(".Sh ")[0]
    assert [name for name in sorted(members) if not re.search(rf"\b{name}\b", section)] == []
