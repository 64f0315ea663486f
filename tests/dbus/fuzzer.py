# SPDX-License-Identifier: GPL-2.0-only
"""Calls made from what a service says of itself: every object, interface, method and property that
Introspect names, with arguments of the right signature whose values are random, at a bound, or such as
mean something to the service; with arguments of another signature; and with names that are not there.

Everything comes from one random.Random, so that a seed is a run."""

import re
import xml.etree.ElementTree as ET

from gi.repository import GLib
from harness import NAME, TOP

INTROSPECTABLE, PEER, PROPERTIES = (
    "org.freedesktop.DBus." + name for name in ("Introspectable", "Peer", "Properties")
)
TEXTS = (
    "", "/", "/..", "/user.slice", "/user.slice/../..", "/proc/self/status", "%s%n", "\n\x1b[2J\x7f",
    "\U0001f3ae", "e\u0301\u202e", "a" * 255, "a" * 256, "[boost-1]\nClass=foreground",
)  # fmt: skip
LONG = "a" * 65536  # more than a message may have
# What the documentation of the methods knows.
WORDS = (
    "process", "tree", "cgroup", "client", "AppId", "Lifetime", "TimeoutUSec", "Profile", "State",
    "BoostCount", "gaming", "auto", "server", NAME, PEER, PROPERTIES,
)  # fmt: skip
SIGNATURES = ("u", "s", "h", "t", "i", "as", "a{sv}", "(us)", "v", "ay", "o", "g", "b", "d", "a(ss)")
DEEPEST = 40  # a message may have 64 levels


def documented_errors():
    """The list in org.scx.Rustland(7)."""
    page = (TOP / "doc/org.scx.Rustland.7").read_text(encoding="utf-8")
    section = re.search(r"^\.Sh ERRORS\n(.*?)^\.Sh ", page, re.DOTALL | re.MULTILINE)[1]
    return set(re.findall(r"^\.It (\S+\.Error\.\w+)", section, re.MULTILINE))


def arguments(element):
    return "".join(a.get("type") for a in element.iter("arg") if a.get("direction") != "out")


def targets(introspect, path="/"):
    """What there is from this path on: (path, interface, member, signature), of a property None.

    introspect(path) returns the description of one object."""
    node = ET.fromstring(introspect(path))
    for interface in node.findall("interface"):
        name = interface.get("name")
        for method in interface.findall("method"):
            yield path, name, method.get("name"), arguments(method)
        for prop in interface.findall("property"):
            yield path, name, prop.get("name"), None
    for child in node.findall("node"):
        if child.get("name"):
            yield from targets(introspect, path.rstrip("/") + "/" + child.get("name"))


class Values:
    """Of any signature. numbers and texts are those that mean something at the moment."""

    def __init__(self, rng):
        self.rng = rng
        self.numbers, self.texts = [], []

    def of(self, signature, depth=0):
        """One complete type."""
        kind = {"a": "array", "(": "tuple", "{": "entry"}.get(signature[0], signature)
        return getattr(self, "of_" + kind)(signature, depth)

    def integer(self, low, high):
        kind = self.rng.randrange(4)
        known = [n for n in self.numbers if low <= n <= high]
        if kind < 2 and known:
            return self.rng.choice(known)
        if kind == 2:
            middle = (low + high) // 2
            return self.rng.choice((low, low + 1, 0, 1, 2, middle, middle + 1, high - 1, high))
        return self.rng.randint(low, high)

    def text(self):
        if self.rng.random() < 0.1:
            letters = range(self.rng.randrange(40))
            return "".join(chr(self.rng.randrange(1, 0xD800)) for _ in letters)
        return self.rng.choice(self.rng.choice((TEXTS, WORDS, self.texts or WORDS)))

    def of_u(self, _signature, _depth):
        return GLib.Variant("u", self.integer(0, 2**32 - 1))

    def of_i(self, _signature, _depth):
        return GLib.Variant("i", self.integer(-(2**31), 2**31 - 1))

    def of_t(self, _signature, _depth):
        return GLib.Variant("t", self.integer(0, 2**64 - 1))

    def of_y(self, _signature, _depth):
        return GLib.Variant("y", self.rng.randrange(256))

    def of_b(self, _signature, _depth):
        return GLib.Variant("b", self.rng.random() < 0.5)

    def of_d(self, _signature, _depth):
        return GLib.Variant("d", self.rng.choice((0.0, -1.5, 1e308)))

    def of_h(self, _signature, _depth):
        # An index into what comes with the message, which is one descriptor or none.
        return GLib.Variant("h", self.rng.choice((0, 0, 0, 0, 1, 2**31 - 1, -1)))

    def of_s(self, _signature, depth):
        is_long = not depth and self.rng.random() < 0.02
        return GLib.Variant("s", LONG if is_long else self.text())

    def of_o(self, _signature, _depth):
        return GLib.Variant("o", self.rng.choice(("/", "/org/scx/Rustland", "/a" * 100)))

    def of_g(self, _signature, _depth):
        return GLib.Variant("g", self.rng.choice(("", "a{sv}", "(" * 30 + "u" + ")" * 30)))

    def of_v(self, _signature, depth):
        if depth < DEEPEST and self.rng.random() < (0.95 if depth else 0.2):
            return GLib.Variant("v", self.of_v("v", depth + 1))
        signature = self.rng.choice(SIGNATURES if depth < 3 else "usb")
        return GLib.Variant("v", self.of(signature, depth + 1))

    def of_array(self, signature, depth):
        count = self.rng.choice((0, 1, 2, 2, 3, 100)) if depth < 2 else 1
        values = [self.of(signature[1:], depth + 1) for _ in range(count)]
        return GLib.Variant.new_array(GLib.VariantType(signature[1:]), values)

    def of_entry(self, signature, depth):
        key, value = split(signature[1:-1])
        return GLib.Variant.new_dict_entry(self.of(key, depth), self.of(value, depth))

    def of_tuple(self, signature, depth):
        return GLib.Variant.new_tuple(*(self.of(s, depth) for s in split(signature[1:-1])))


def split(signature):
    """Complete types, one after the other."""
    types, start, depth = [], 0, 0
    for i, letter in enumerate(signature, 1):
        depth += (letter in "({") - (letter in ")}")
        if letter != "a" and not depth:
            types.append(signature[start:i])
            start = i
    return types


class Fuzzer:
    def __init__(self, rng, found):
        self.rng, self.values = rng, Values(rng)
        # The bus's own interfaces are GDBus's business: a few of their calls are enough.
        methods = [t for t in found if t[3] is not None]
        self.methods = [t for t in methods if not t[1].startswith("org.freedesktop.")] * 8 + methods
        self.properties = [t for t in found if t[3] is None]

    def property_call(self):
        path, interface, name, _ = self.rng.choice(self.properties)
        if self.rng.random() < 0.1:
            interface, name = self.values.text(), self.values.text()
        method = self.rng.choice(("Get", "Set", "Set", "GetAll"))
        args = [GLib.Variant("s", interface)]
        if method != "GetAll":
            args.append(GLib.Variant("s", name))
        if method == "Set":
            is_text = self.rng.random() < 0.5
            args.append(GLib.Variant("v", self.values.of("s")) if is_text else self.values.of("v"))
        return path, PROPERTIES, method, GLib.Variant.new_tuple(*args)

    def method_call(self):
        path, interface, method, signature = self.rng.choice(self.methods)
        return path, interface, method, self.values.of(f"({signature})")

    def call(self, pid):
        """What harness.Client.begin() takes; pid is a process to send a descriptor of."""
        make = self.rng.choice((self.property_call, self.method_call, self.method_call))
        path, interface, method, args = make()
        wrong = self.rng.random()
        if wrong < 0.1:
            signature = "".join(self.rng.choices(SIGNATURES, k=self.rng.randrange(5)))
            args = self.values.of(f"({signature})")
        elif wrong < 0.12:
            path = path.rstrip("/") + "/nothing"
        elif wrong < 0.14:
            interface += ".Nothing"
        elif wrong < 0.16:
            method += "Nothing"
        request = {"path": path, "iface": interface, "method": method, "args": args.print_(True)}
        if "handle" in request["args"] or self.rng.random() < 0.02:
            what = ({"pidfd": pid}, {"pidfd": pid}, {"file": "/dev/null"}, {"file": "/proc/self"}, {})
            request |= self.rng.choice(what)
        # Without a dialogue, or with one that nobody can show.
        return request | {"flags": self.rng.choice((1, 3))}
