# SPDX-License-Identifier: GPL-2.0-only
"""The release: what is in it, and that another build of the same tree, elsewhere, gives the same."""

import hashlib
import os
import re
import subprocess
import tarfile

import pytest

from packages import OUT, TREE, changelog, files, output

VERSION = changelog("Version").rpartition("-")[0]


def checksums(directory):
    lines = (directory / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return dict(reversed(line.split("  ")) for line in lines)


def test_versions_agree():
    """configure.ac, debian/changelog, NEWS and the spec, and the spec's date."""
    assert f"AC_INIT([scx-rustland],[{VERSION}])" in (TREE / "configure.ac").read_text(encoding="utf-8")
    spec = (TREE / "rpm/scx-rustland.spec").read_text(encoding="utf-8")
    assert re.search(rf"^Version: +{re.escape(VERSION)}$", spec, re.MULTILINE)
    day = output("date", "-u", "-d", f"@{changelog('Timestamp')}", "+%a %b %d %Y").strip()
    assert f"* {day} {changelog('Maintainer')} - {VERSION}-1\n" in spec
    assert (TREE / "NEWS").read_text(encoding="utf-8").startswith(f"scx-rustland {VERSION}\n")


def test_contents():
    """Tarball, news, source and binary packages of both kinds, and the checksum of each of them."""
    release = OUT / "release"
    names = {path.name for path in release.iterdir()}
    sums = checksums(release)
    assert set(sums) == names - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == digest, name
    assert {f"scx-rustland-{VERSION}.tar.xz", "NEWS"} < names
    packages = {path.name for kind in ("deb", "rpm") for path in (OUT / kind).iterdir()}
    wanted = {name for name in packages if name.endswith((".deb", ".rpm", ".dsc", ".tar.xz"))}
    assert names - {"SHA256SUMS", "NEWS", f"scx-rustland-{VERSION}.tar.xz"} == wanted


def test_tarball():
    """One directory, nobody's machine in it, and no packaging but the spec."""
    (path,) = files("release", "scx-rustland-*.tar.xz")
    top = f"scx-rustland-{VERSION}"
    timestamp = int(changelog("Timestamp"))
    with tarfile.open(path) as tar:
        for member in tar:
            assert member.name == top or member.name.startswith(f"{top}/")
            assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "root", "root"), member.name
            assert member.mtime == timestamp, member.name
            assert not member.name.startswith((f"{top}/debian", f"{top}/out")), member.name
        names = tar.getnames()
    for name in ("configure", "COPYING", "COPYING.LESSER", "NEWS", "README.md", "rpm/scx-rustland.spec"):
        assert f"{top}/{name}" in names


def test_orig_is_the_release():
    (tarball,) = files("release", "scx-rustland-*.tar.xz")
    (orig,) = files("release", "*.orig.tar.xz")
    assert tarball.read_bytes() == orig.read_bytes()


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """A second release: of a tree without what git ignores, in another place, built inside the tree."""
    tree = tmp_path_factory.mktemp("another-place") / "tree"
    tree.mkdir()
    copied = subprocess.Popen(
        ["tar", "-c", "--exclude-vcs", "--exclude-vcs-ignores", "--exclude=./out", "."],
        cwd=TREE, stdout=subprocess.PIPE,
    )
    output("tar", "-x", cwd=tree, stdin=copied.stdout)
    assert copied.wait() == 0
    output("autoreconf", "-fi", cwd=tree)
    output("./configure", "CLANG=clang-19", cwd=tree)
    # The tests have been run for the first one.
    output(
        "make", "release", f"-j{os.cpu_count()}", "RPMBUILD_FLAGS=--nocheck", cwd=tree,
        env=os.environ | {"DEB_BUILD_OPTIONS": "nocheck"},
    )
    return tree / "packages/release"


def test_reproducible(again):
    first, second = checksums(OUT / "release"), checksums(again)
    assert first.keys() == second.keys()
    different = {name for name in first if first[name] != second[name]}
    # An RPM's header has the expanded spec, which names the directory it was built in.
    assert not [name for name in different if not name.endswith(".rpm")]
