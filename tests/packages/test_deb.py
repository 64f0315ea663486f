# SPDX-License-Identifier: GPL-2.0-only
"""The Debian packages: Debian's rules, and that every file of the tree has a licence."""

import fnmatch
import re
import tarfile

import pytest

from packages import TREE, changelog, files, output

NAMES = {
    "librustland-dev",
    "librustland0",
    "rustland-sim",
    "scx-rustland",
    "scx-rustland-session",
    "scx-rustland-system76",
}


def test_names():
    """Ours and their debug symbols, all of one version, and nothing else."""
    names = set()
    for path in files("deb", "*.deb"):
        package, version = output("dpkg-deb", "-W", path).split()
        assert version == changelog("Version")
        names.add(package)
    symbols = {name for name in names if name.endswith("-dbgsym")}
    assert names - symbols == NAMES
    assert "scx-rustland-dbgsym" in symbols


def test_scripts():
    """An upgrade looks at the configuration before it restarts what runs; removal stops the service."""
    (package,) = files("deb", "scx-rustland_*.deb")

    def script(name):
        return output("dpkg-deb", "-I", package, name)

    started = re.findall(r"deb-systemd-invoke (.*scx-rustland.*?) >", script("postinst"))
    assert [re.sub("'", "", line) for line in started] == ["try-restart scx-rustland.service"]
    assert script("postinst").index("--check-config || refuse") < script("postinst").index("try-restart")
    assert "deb-systemd-invoke stop scx-rustland.service" in script("prerm")


@pytest.mark.parametrize(
    ("package", "unit", "limit"),
    [
        ("scx-rustland", "system/scx-rustland.service", 0.8),
        ("scx-rustland", "system/scx-rustland-compaction.service", 0.8),
        ("scx-rustland-session", "user/scx-rustland-session.service", 1.5),
    ],
)
def test_exposure(package, unit, limit, tmp_path):
    """What a unit leaves open, by systemd's own measure, is not more than it ever was."""
    (path,) = files("deb", f"{package}_*.deb")
    output("dpkg-deb", "-x", path, tmp_path)
    said = output(
        "systemd-analyze", "security", "--offline=yes", "--no-pager", tmp_path / "usr/lib/systemd" / unit
    )
    assert float(re.search(r"exposure level for \S+: ([\d.]+)", said)[1]) <= limit


def test_lintian():
    """Nothing but what is overridden, where the reason stands beside it."""
    said = output(
        "lintian", "--allow-root", "--pedantic", "--display-info", "--display-experimental",
        "--fail-on", "none", *files("deb", "*.changes"),
    )
    assert said == ""


def licences():
    """Of debian/copyright: pattern and licence, in order."""
    for paragraph in (TREE / "debian/copyright").read_text(encoding="utf-8").split("\n\n"):
        fields = re.findall(r"^(\S+):((?:.|\n )*)", paragraph, re.MULTILINE)
        fields = {name: value.split("\n ", 1)[0] if name != "Files" else value for name, value in fields}
        for pattern in fields.get("Files", "").split():
            yield pattern, fields["License"].strip()


def licence_of(name):
    """The last paragraph that matches counts."""
    return [licence for pattern, licence in licences() if fnmatch.fnmatchcase(name, pattern)][-1]


def test_licence_of_every_file():
    """debian/copyright says of each file what the file says of itself, and knows the files of others."""
    (tarball,) = files("release", "scx-rustland-*.tar.xz")
    checked = 0
    with tarfile.open(tarball) as tar:
        for member in tar:
            name = member.name.partition("/")[2]
            if not member.isfile():
                continue
            text = tar.extractfile(member).read(2000).decode(errors="replace")
            said = re.search(r"SPDX-License-Identifier: ([\w.-]+)", text)
            if said:
                assert said[1] in licence_of(name).split(" and "), name
                checked += 1
            elif "Free Software Foundation" in text and not name.startswith("COPYING"):
                assert licence_of(name) != "GPL-2.0-only", f"{name} is not ours"
    assert checked > 100
