# SPDX-License-Identifier: GPL-2.0-only
"""The RPMs: Fedora's rules, what they need and bring, and an empty root before, with and after them."""

import re
import stat

import pytest

from packages import TREE, files, output

NAMES = {
    "scx-rustland",
    "scx-rustland-session",
    "scx-rustland-system76",
    "librustland",
    "rustland-sim",
    "librustland-devel",
    "librustland-static",
}

# Whose directories a package may put files into: those of Fedora's filesystem, and of packages that
# ours need or that own the program the file is for.
DIRECTORIES = """
etc usr usr/bin usr/include usr/lib usr/lib64 usr/lib64/pkgconfig usr/libexec usr/src/debug
usr/share usr/share/bash-completion/completions usr/share/doc usr/share/fish/vendor_completions.d
usr/share/licenses usr/share/man/man1 usr/share/man/man5 usr/share/man/man7 usr/share/man/man8
usr/share/zsh/site-functions var/lib
usr/share/dbus-1/interfaces usr/share/dbus-1/system.d
usr/share/polkit-1/actions
usr/lib/systemd/catalog usr/lib/systemd/system usr/lib/systemd/system-preset usr/lib/systemd/user
usr/lib/systemd/user-preset usr/lib/sysusers.d usr/lib/tmpfiles.d
""".split()

# What they may ask for: each name with the package of Fedora that has it. Libraries are asked for by
# their sonames, which are the same everywhere.
FEDORA = {
    "/bin/sh": "bash",
    "/usr/bin/pkg-config": "pkgconf-pkg-config",
    "dbus": "dbus",
    "gamemode": "gamemode",
    "kernel": "kernel-core",
    "ld-linux-x86-64.so.2": "glibc",
    "libbpf.so.1": "libbpf",
    "libc.so.6": "glibc",
    "libgio-2.0.so.0": "glib2",
    "libglib-2.0.so.0": "glib2",
    "libgobject-2.0.so.0": "glib2",
    "libjson-glib-1.0.so.0": "json-glib",
    "libm.so.6": "glibc",
    "libsystemd.so.0": "systemd-libs",
    "libxcb-res.so.0": "libxcb",
    "libxcb.so.1": "libxcb",
    "pkgconfig(libbpf)": "libbpf-devel",
    "polkit": "polkit",
    "rtld(GNU_HASH)": "glibc",
    "systemd": "systemd",
    # to build them
    "bpftool": "bpftool",
    "clang": "clang",
    "gcc": "gcc",
    "make": "make",
    "pkgconfig(cmocka)": "libcmocka-devel",
    "pkgconfig(gio-unix-2.0)": "glib2-devel",
    "pkgconfig(json-glib-1.0)": "json-glib-devel",
    "pkgconfig(libelf)": "elfutils-libelf-devel",
    "pkgconfig(libsystemd)": "systemd-devel",
    "pkgconfig(systemd)": "systemd",
    "pkgconfig(xcb)": "libxcb-devel",
    "pkgconfig(xcb-res)": "libxcb-devel",
    "systemd-rpm-macros": "systemd-rpm-macros",
}


@pytest.fixture(scope="module")
def binaries():
    return [path for path in files("rpm", "*.rpm") if not path.name.endswith(".src.rpm")]


@pytest.fixture(scope="module")
def source():
    (path,) = files("rpm", "*.src.rpm")
    return path


def query(path, tags):
    return output("rpm", "-qp", "--qf", tags, path)


def test_names(binaries):
    """Ours and their debug symbols, and nothing else."""
    names = {query(path, "%{NAME}") for path in binaries}
    symbols = {name for name in names if name.endswith(("-debuginfo", "-debugsource"))}
    assert names - symbols == NAMES
    assert {"scx-rustland-debuginfo", "scx-rustland-debugsource"} <= symbols


def test_rpmlint(binaries, source):
    """By Fedora's rules; what is left out is in rpmlint.toml, with the reason."""
    said = output(
        "rpmlint", "--config", TREE / "rpm/rpmlint.toml", source, TREE / "rpm/scx-rustland.spec", *binaries
    )
    print(said)
    assert re.search(r"\b0 errors, 0 warnings\b", said), said


def dependencies(path, kind):
    """Names only: without versions, the library's own versions of symbols, and the architecture."""
    for line in output("rpm", "-qp", f"--{kind}", path).splitlines():
        name = re.sub(r"(\.so\.[0-9]+)\(.*", r"\1", line.split()[0])
        name = re.sub(r"\((x86|aarch)-64\)$", "", name)
        if not name.startswith("rpmlib("):
            yield name


def provided(binaries):
    return {name for path in binaries for name in dependencies(path, "provides")}


@pytest.mark.parametrize("kind", ["requires", "recommends", "enhances"])
def test_dependencies_are_in_fedora(binaries, source, kind):
    ours = provided(binaries)
    for path in [*binaries, source]:
        unknown = set(dependencies(path, kind)) - set(FEDORA) - ours
        assert not unknown, f"{path.name} {kind} {unknown}"


def test_list_of_fedora_is_needed(binaries, source):
    """A name that nothing asks for any longer has no place in the list."""
    asked = set()
    for path in [*binaries, source]:
        for kind in ("requires", "recommends", "enhances"):
            asked |= set(dependencies(path, kind))
    assert set(FEDORA) - asked == set()


def test_subpackages_of_one_build(binaries):
    """What comes from one source needs each other in the same version."""
    for path in binaries:
        for line in output("rpm", "-qp", "--requires", path).splitlines():
            name, *version = line.split()
            if re.sub(r"\(.*", "", name) in NAMES:
                assert version == ["=", query(path, "%{VERSION}-%{RELEASE}")], f"{path.name}: {line}"


def test_simulator_needs_next_to_nothing(binaries):
    """Neither libbpf nor systemd, and nothing of ours."""
    (path,) = [path for path in binaries if query(path, "%{NAME}") == "rustland-sim"]
    packages = {FEDORA.get(name, name) for name in dependencies(path, "requires")}
    assert packages == {"glibc", "glib2", "json-glib"}
    assert list(dependencies(path, "recommends")) == ["librustland-devel"]


def scriptlets(path):
    return output("rpm", "-qp", "--scripts", path)


def test_scriptlets(binaries):
    """Presets at the first installation, stopped and disabled at the last removal, restarted between."""
    scripts = {query(path, "%{NAME}"): scriptlets(path) for path in binaries}
    service = scripts.pop("scx-rustland")
    assert "preset scx-rustland.service" in service
    assert "disable --now scx-rustland.service" in service
    assert service.index("rustlandd --check-config") < service.index("try-restart scx-rustland.service")
    session = scripts.pop("scx-rustland-session")
    assert "--global preset scx-rustland-session.service" in session
    assert "--global disable scx-rustland-session.service" in session
    assert not any(scripts.values()), scripts


class Root:
    """A root with what Fedora's own packages have of directories, and all of ours installed there.

    Nothing that a scriptlet calls is there: tests/vm/rpm.sh runs those.
    """

    def __init__(self, path, binaries):
        self.path = path
        for directory in [*DIRECTORIES, "var/lib/rpm"]:
            (path / directory).mkdir(parents=True, exist_ok=True)
        self.rpm("--initdb")
        self.before = self.files()
        self.rpm("-i", "--nodeps", "--noscripts", *binaries)

    def rpm(self, *arguments):
        return output("rpm", "--root", self.path, "--dbpath", "/var/lib/rpm", *arguments)

    def files(self):
        """All files and directories, as in the packages, but for what rpm itself writes: its database,
        and users, which it makes as sysusers.d says and which stay."""
        names = {f"/{path.relative_to(self.path)}" for path in self.path.rglob("*")}
        users = re.compile(r"/etc/(\.pwd\.lock|(passwd|group|shadow|gshadow)-?)$")
        return {
            name for name in names if not name.startswith("/var/lib/rpm/") and not users.match(name)
        }


@pytest.fixture(scope="module")
def root(tmp_path_factory, binaries):
    return Root(tmp_path_factory.mktemp("root"), binaries)


def test_no_file_without_owner(root):
    """Every file and directory that was not there is in a package, and everything in one is there."""
    listed = set(root.rpm("-qa", "--qf", "[%{FILENAMES}\n]").splitlines())
    assert root.files() - root.before == listed - root.before


def test_verify(root):
    """Sizes, digests, modes, owners: as the packages say."""
    assert root.rpm("-Va", "--nodeps", "--noscripts") == ""


def test_owners_and_modes(root):
    for line in root.rpm(
        "-qa", "--qf", "[%{FILENAMES}\t%{FILEMODES}\t%{FILEUSERNAME}\t%{FILEGROUPNAME}\n]"
    ).splitlines():
        name, mode, user, group = line.split("\t")
        mode = int(mode) & 0xFFFF
        assert (user, group) == ("root", "root"), line
        if stat.S_ISLNK(mode):
            continue
        program = re.match(r"/usr/(bin|libexec)/|/usr/lib(64)?/[^/]*\.so[.0-9]*$", name)
        wanted = {0o755} if stat.S_ISDIR(mode) or program else {0o644}
        if name.endswith(".debug"):
            wanted.add(0o755)  # as the file it is about
        assert stat.S_IMODE(mode) in wanted, f"{name} has mode {stat.S_IMODE(mode):o}"


def test_nothing_is_left(tmp_path, binaries):
    root = Root(tmp_path, binaries)
    root.rpm("-e", "--nodeps", "--noscripts", *root.rpm("-qa").split())
    assert root.files() == root.before


def test_source_package(source):
    """The release's tarball and the spec."""
    listed = output("rpm", "-qpl", source).split()
    (tarball,) = files("release", "scx-rustland-*.tar.xz")
    assert sorted(listed) == sorted([tarball.name, "scx-rustland.spec"])
