# SPDX-License-Identifier: GPL-2.0-only
"""Calls that are made from the service's own Introspect, with values at random and at the bounds, by an
active user, by one without a session and by root: see fuzzer.py. The service lives on, in as much memory
and as many descriptors, answers what org.scx.Rustland(7) lists, and boosts are what they were.

FAULTS=all in the environment: many more. FUZZ_SEED: other ones."""

import collections
import contextlib
import os
import pathlib
import random
import re
import time

from fuzzer import INTROSPECTABLE, Fuzzer, documented_errors, targets
from harness import IS_SANITIZED, NAME, OTHER, PLAYER, CallError, wait_for
from session import SCHEDULER

SEED = os.environ.get("FUZZ_SEED", "1")
ALL = os.environ.get("FAULTS") == "all"
# So many of each client, half of them before memory is looked at.
CALLS = 20000 if ALL else 200
# Fewer than one connection may have under way.
WINDOW = 12
GROWTH_KB = 16384 if IS_SANITIZED else 1024


class Attack:
    """One client, and what it has seen. dest: the name that it calls."""

    def __init__(self, client, spawn, dest):
        self.client, self.spawn, self.dest = client, spawn, dest
        self.victims = [spawn(client.uid) for _ in range(2)]
        found = list(targets(self.introspect))
        self.fuzzer = Fuzzer(random.Random(f"{SEED} {dest} {client.uid}"), found)
        self.under_way, self.answers, self.odd = [], collections.Counter(), []
        self.cookies = []
        self.left, self.window, self.not_before = 0, 0, 0

    def introspect(self, path):
        return self.client.call("Introspect", dest=self.dest, path=path, iface=INTROSPECTABLE)

    def step(self):
        rng, values = self.fuzzer.rng, self.fuzzer.values
        if rng.random() < 0.02:  # a process ends while it is boosted
            # It is left a zombie: the client may be about to open a descriptor of it.
            self.victims.pop(0).kill()
            self.victims.append(self.spawn(self.client.uid))
        values.numbers = [p.pid for p in self.victims] + self.cookies[-4:]
        values.texts = [pathlib.Path("/proc/self/cgroup").read_text().strip().rpartition(":")[2]]
        request = self.fuzzer.call(rng.choice(self.victims).pid) | {"dest": self.dest}
        self.under_way.append((self.client.begin(**request), request))
        self.window = rng.randrange(WINDOW)

    def is_ready(self):
        """For another step, and not waiting for an answer or for the limits."""
        while len(self.under_way) > self.window and self.client.is_answered(self.under_way[0][0]):
            self.finish()
        return len(self.under_way) <= self.window and time.monotonic() >= self.not_before

    def finish(self):
        ident, request = self.under_way.pop(0)
        answer = self.client.take(ident)
        if "error" not in answer:
            self.answers["answered"] += 1
            if request["method"].startswith("Boost") and answer["result"]:
                self.cookies.append(answer["result"][0])
            return
        self.answers[answer["error"]] += 1
        if answer["error"] not in documented_errors():
            self.odd.append((request, answer))
        # The next one shall try something out, and not be refused for the rate.
        wait = re.search(r"allowed in (\d+) ms", answer["message"])
        if wait:
            self.not_before = time.monotonic() + int(wait[1]) / 1000

    def end(self):
        self.client.close()
        for victim in self.victims:
            victim.kill()


def memory_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1])


def descriptors(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def complaints(log):
    """Whatever GLib or a sanitizer has to complain of."""
    return [l for l in log.splitlines() if re.search(r"CRITICAL|ERROR|GLib.*WARNING|runtime error", l)]


def run(attacks, calls):
    """All of them in turn, so that one works while another waits."""
    for one in attacks:
        one.left = calls
    while any(one.left for one in attacks):
        time.sleep(0.001)
        for one in attacks:
            if one.left and one.is_ready():
                one.step()
                one.left -= 1
    for one in attacks:
        while one.under_way:
            one.finish()


def attack(attacks, pid, settle):
    """Memory and descriptors after half of the calls are the measure for those at the end."""
    marks = []
    for _ in range(2):
        run(attacks, CALLS // 2)
        settle()
        marks.append((memory_kb(pid), descriptors(pid)))
    for one in attacks:
        print(one.client.uid, one.dest, dict(one.answers))
        assert not one.odd, "\n".join(map(str, one.odd))
        assert one.answers["answered"] and len(one.answers) > 2
    (memory, fds), (memory_after, fds_after) = marks
    assert memory_after <= memory + GROWTH_KB, marks
    assert fds_after <= fds + 2, marks


def test_service(start, connect, leave, spawn):
    daemon = start()
    root, keeper = connect(0), connect(PLAYER)
    wait_for("active", lambda: root.get("State") == "active")
    for uid in (PLAYER, OTHER):
        root.boost(spawn(uid).pid, "tree")
    keeper.boost(spawn().pid)
    before, told = root.boosts(), daemon.classes()
    clients = [connect(PLAYER), connect(OTHER), connect(0)]
    leave(clients[1].pid)
    names = [name for name in (NAME, SCHEDULER) if daemon.bus.has_owner(name)]
    attacks = [Attack(client, spawn, name) for client in clients for name in names]

    def settle():
        """What of it all is still boosted now: processes that are none of the attack's."""
        for client in clients:
            client.call("SetForegroundProcess", "(uint32 0,)")
        for cookie in root.boosts():
            if cookie not in before:
                with contextlib.suppress(CallError):  # it may have ended by itself
                    root.call("Release", f"(uint32 {cookie},)")
        wait_for("the last change of the foreground", lambda: daemon.classes() == told)
        wait_for("an end of trials", lambda: root.get("State") == "active")

    attack(attacks, daemon.process.pid, settle)
    for one in attacks:
        one.end()
    assert daemon.process.poll() is None
    assert root.boosts() == before and daemon.classes() == told
    assert not complaints(daemon.read_log())


def test_session(daemon, session, connect, spawn):
    """The same for what the bridge offers on the session bus."""
    root = connect(0)
    wait_for("active", lambda: root.get("State") == "active")
    session.start_bridge()
    one = Attack(session.client, spawn, SCHEDULER)

    def settle():
        session.set_foreground("(uint32 0,)")
        wait_for("nothing in front", lambda: daemon.classes() == {})

    attack([one], session.bridge.pid, settle)
    for victim in one.victims:
        victim.kill()
    assert session.bridge.poll() is None
    assert root.boosts() == {}
    assert not complaints(session.read_log())
