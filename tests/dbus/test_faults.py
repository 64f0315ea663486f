# SPDX-License-Identifier: GPL-2.0-only
"""Whatever fails, and whenever: the service does not crash, leaks nothing, and after systemd has started
it again if need be, boosts are those that their owners were told of, in the registry, in what the
scheduler is told and in the store.

One scene is played over and over, and each time the next call of a kind fails: from the start of the
service, which has boosts to restore, to its stop. When memory fails GLib ends the program: systemd starts
it again, and no boost may be lost. FAULTS=all in the environment: every number, where otherwise some are
drawn.
"""

import contextlib
import subprocess

import pytest
from faults import ABORT, ENDS, KINDS, MEMORY, PROCESS, FaultyDaemon, compile_library, numbers
from harness import BOOST_OWN, PLAYER, SET_PROFILE, CallError, wait_for

# How many numbers of each kind are drawn.
DRAWN = 3
# What a caller may be told when the service has just ended.
GONE = ("NoReply", "ServiceUnknown", "NameHasNoOwner", "Disconnected", "UnknownObject", "Timeout")


@pytest.fixture(scope="session")
def library(bus):
    return compile_library(bus.dir)


class Scene:
    def __init__(self, bus, library, connect):
        self.daemon = FaultyDaemon(bus, library)
        self.client, self.root = connect(PLAYER), connect(0)
        self.others = []  # processes of one run
        self.usual, self.log_seen = 0, 0
        self.kept = [self.spawn() for _ in range(2)]
        self.others.clear()
        self.sure = {self.client.boost(p.pid, "tree"): p.pid for p in self.kept}
        self.maybe = set()  # processes whose boost may be there, or not
        self.problems = []

    def spawn(self):
        process = subprocess.Popen(
            ["sleep", "infinity"], user=PLAYER, group=PLAYER, extra_groups=[], cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.others.append(process)
        return process

    def note(self, problem):
        self.problems.append(problem)

    def said(self):
        """What the service has said last in this run."""
        return self.daemon.read_log()[self.log_seen :][-1500:]

    # ---- one run ----------------------------------------------------------------------------

    def ask(self, client, method, args=None, **more):
        """What a call returns; None, when it failed."""
        self.daemon.store.pump()  # a manager that does not listen would stop the service
        try:
            return client.call(method, args, **more)
        except AssertionError:
            return self.note(f"{method} is not answered: {self.said()}")
        except CallError as error:
            if self.daemon.ended or error.name.endswith(GONE):
                return None
            return None if self.daemon.faults.hit else self.note(f"{method}: {error}")

    def boost(self, process):
        args = f'(uint32 {process.pid}, "process", "a test", @a{{sv}} {{}})'
        cookie = self.ask(self.client, "BoostProcess", args)
        if cookie is None:
            self.maybe.add(process.pid)
        else:
            self.sure[cookie] = process.pid
        return cookie

    def act(self):
        stays, goes, ends = (self.spawn() for _ in range(3))
        self.boost(stays)
        released, _ended = self.boost(goes), self.boost(ends)
        self.ask(self.client, "SetForegroundProcess", f"(uint32 {stays.pid},)")
        self.maybe.add(stays.pid)
        self.ask(self.root, "ListBoosts")
        self.ask(self.root, "GetProcess", f"(uint32 {stays.pid},)")
        with contextlib.suppress(CallError):  # the scheduler may not be ready yet
            self.root.call("GetStatistics")
        if released is not None:
            del self.sure[released]
            if self.ask(self.client, "Release", f"(uint32 {released},)") is None:
                self.maybe.add(goes.pid)
        ends.kill()
        ends.wait()
        self.sure = {c: pid for c, pid in self.sure.items() if pid != ends.pid}
        self.maybe.discard(ends.pid)
        self.ask(self.root, "ReloadConfiguration")
        self.ask(self.client, **self.client.set_args("Profile", "'gaming'"))
        self.ask(self.client, **self.client.set_args("Profile", "'auto'"))

    def wait_for_scheduler(self):
        """It may also have failed, or the service ended."""

        def is_settled():
            return self.daemon.ended or self.root.get("State") in ("active", "failed")

        try:
            wait_for("a state that stays", is_settled)
        except AssertionError:
            self.note(f"its state stays {self.root.get('State')}: {self.said()}")
        except CallError:
            pass

    def told(self):
        return {(boost["Scope"], boost["Pid"]) for boost in self.root.boosts().values()}

    def check_told(self):
        """A service that goes on tells the scheduler again what that has not taken."""
        try:
            wait_for(
                "what is boosted",
                lambda: self.daemon.ended or set(self.daemon.classes()) == self.told(),
                20,
            )
        except CallError:
            wait_for("the end of a service that left the bus", lambda: self.daemon.ended)
        except AssertionError:
            if not self.daemon.ended:
                self.note(f"the scheduler thinks of {self.daemon.classes()}, boosts are {self.told()}")

    def check_end(self, kind, hit):
        status = self.daemon.process.returncode
        if not self.daemon.came_up:
            # GLib's pools of threads wait for ever for one that they do not get; the loader has its memory.
            is_thread = kind == PROCESS or "calloc for ? in ld-linux" in (hit or "")
            return None if is_thread else self.note("it does not come up")
        allowed = ENDS.get(kind, ())
        if status < 0 and status not in allowed:
            self.note(f"it ended with signal {-status}")
        log = self.daemon.read_log()[self.log_seen :]
        self.log_seen += len(log)
        if status in allowed:
            return None
        for word in ("GLib", "runtime error", "Sanitizer"):
            found = [l for l in log.splitlines() if word in l and ("CRITICAL" in l or "rror" in l)]
            if found:
                self.note(found[0])
        return None

    def check_boosts(self):
        """After the service was started without a fault."""
        boosts = self.root.boosts()
        for cookie, pid in self.sure.items():
            if cookie not in boosts:
                self.note(f"the boost of {pid} is lost")
        allowed = set(self.sure.values()) | self.maybe
        for boost in boosts.values():
            if boost["Pid"] not in allowed:
                self.note(f"a boost of {boost['Pid']} is left over")
        if set(self.daemon.classes()) != self.told():
            self.note(f"the scheduler was told of {self.daemon.classes()}, boosts are {self.told()}")
        extra = set(self.daemon.store.names()) - {f"boost-{cookie}" for cookie in boosts}
        if extra:
            self.note(f"descriptors are left over in the store: {extra}")

    def start_again(self):
        """As systemd does; nothing fails any more."""
        self.daemon.faults.set()
        (self.daemon.kernel / "classes").unlink(missing_ok=True)
        self.daemon.say_kernel("disabled", "")
        self.daemon.restart()
        if self.daemon.ended:
            self.note("it cannot be started again")
            raise AssertionError(self.daemon.read_log()[-2000:])

    def descriptors(self):
        return self.daemon.descriptors() - len(self.root.boosts())

    def run(self, kind=0, at=0, error=0):
        """Returns the call that failed, if one did, and the problems that followed."""
        self.problems, self.maybe = [], set()
        self.daemon.kill_all()
        self.log_seen = len(self.daemon.read_log())
        (self.daemon.kernel / "classes").unlink(missing_ok=True)
        self.daemon.say_kernel("disabled", "")
        self.daemon.faults.set(kind, at, error)
        self.daemon.restart()
        if not self.daemon.ended:
            self.wait_for_scheduler()
            self.act()
            self.check_told()
        counts, hit = self.daemon.faults.counts(), self.daemon.faults.hit
        if not kind:
            self.usual = self.descriptors()
        elif not self.daemon.ended and kind not in (MEMORY, ABORT):
            self.check_descriptors()
        self.daemon.store.pump()
        if not self.daemon.ended:
            self.daemon.stop()
        if self.daemon.process.returncode is None:
            self.note("it does not stop")
            self.daemon.process.kill()
            self.daemon.process.wait()
        self.daemon.faults.set()
        self.check_end(kind, hit)
        self.start_again()
        self.check_boosts()
        self.clean_up()
        return counts, hit, self.problems

    def check_descriptors(self):
        # Without an eventfd GLib takes a pipe, which has two.
        most = self.usual + (self.daemon.faults.hit or "").startswith("eventfd")
        try:
            wait_for("descriptors", lambda: self.descriptors() <= most, 3)
        except CallError:
            wait_for("the end of a service that left the bus", lambda: self.daemon.ended)
        except AssertionError:
            if not self.daemon.ended:
                left = self.daemon.descriptor_names()
                self.note(f"{len(left)} descriptors, usual are {self.usual}: {left}")

    def clean_up(self):
        """Only the two that were there before stay."""
        self.client.call("SetForegroundProcess", "(uint32 0,)")
        keep = {process.pid for process in self.kept}
        for cookie, boost in self.root.boosts().items():
            if boost["Pid"] not in keep and boost["Class"] != "foreground":
                self.root.call("Release", f"(uint32 {cookie},)")
        self.sure = {c: pid for c, pid in self.sure.items() if pid in keep}
        if set(self.root.boosts()) != set(self.sure):
            for process in self.kept:
                if process.pid not in [b["Pid"] for b in self.root.boosts().values()]:
                    self.sure[self.client.boost(process.pid, "tree")] = process.pid
            self.sure = {c: b["Pid"] for c, b in self.root.boosts().items()}
        self.end_processes(self.others)

    def end_processes(self, processes):
        for process in processes:
            process.kill()
            process.wait()
        processes.clear()

    def close(self):
        self.daemon.close()
        self.end_processes(self.others)
        self.end_processes(self.kept)


@pytest.fixture
def scene(bus, library, connect):
    bus.allow(BOOST_OWN, SET_PROFILE)
    scene = Scene(bus, library, connect)
    yield scene
    scene.close()


@pytest.mark.parametrize("name", KINDS)
def test_service(scene, name):
    kind, error = KINDS[name]
    counts, _hit, problems = scene.run()
    assert not problems
    found = []
    chosen = numbers(name, counts[kind], DRAWN)
    for number in chosen:
        _counts, hit, problems = scene.run(kind, number, error)
        found += [f"{name} {number} ({hit}): {problem}" for problem in problems]
    print(f"{name}: {len(chosen)} of {counts[kind]} calls were made to fail")
    assert not found, "\n".join(found)
