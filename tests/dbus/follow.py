# SPDX-License-Identifier: GPL-2.0-only
"""The output of a program that goes on, line by line, as it comes. It never waits without end: not
for a program that says nothing, nor for one that says everything but what it should."""

import json
import os
import select
import signal
import time

# Nothing takes that long; it is for what hangs.
PATIENCE = 60


class Following:
    def __init__(self, process):
        """process: a subprocess.Popen with stdout=PIPE and bufsize=0"""
        self.process = process
        self.rest = b""

    def line(self):
        """The next line, "" at the end of the output."""
        while b"\n" not in self.rest:
            if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
                raise AssertionError("it says nothing")
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return ""
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def until(self, wanted):
        """Reads on to the line for which wanted(line) is true."""
        end = time.monotonic() + PATIENCE
        seen = []
        while True:
            line = self.line()
            if line and wanted(line):
                return line
            seen.append(line)
            if not line or time.monotonic() > end:
                raise AssertionError("in vain waited for a line; it said:\n" + "\n".join(seen[-50:]))

    def event(self, name):
        """Reads on to a line of JSON with that event."""
        return json.loads(self.until(lambda line: json.loads(line)["event"] == name))

    def end(self, number=signal.SIGINT):
        """The exit status after a signal, or without one."""
        if number:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.stdout.close()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
