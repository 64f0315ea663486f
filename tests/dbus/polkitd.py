# SPDX-License-Identifier: GPL-2.0-only
"""python-dbusmock's polkitd, which also remembers what it was asked, and knows dialogues.

An action in `challenge` is one for an administrator: it is allowed to those who let a dialogue be
shown, and to nobody else.
"""

import dbus
from dbusmock import MOCK_IFACE
from dbusmock.templates import polkitd

BUS_NAME = polkitd.BUS_NAME
MAIN_OBJ = polkitd.MAIN_OBJ
MAIN_IFACE = polkitd.MAIN_IFACE
SYSTEM_BUS = polkitd.SYSTEM_BUS

AllowUnknown = polkitd.AllowUnknown
SetAllowed = polkitd.SetAllowed
SimulateHang = polkitd.SimulateHang
SimulateHangActions = polkitd.SimulateHangActions
ReleaseHangingCalls = polkitd.ReleaseHangingCalls


def load(mock, parameters):
    polkitd.load(mock, parameters)
    mock.challenge = []
    mock.inactive = []
    mock.asked = []


@dbus.service.method(
    MAIN_IFACE,
    in_signature="(sa{sv})sa{ss}us",
    out_signature="(bba{ss})",
    async_callbacks=("ok_cb", "err_cb"),
)
def CheckAuthorization(self, subject, action, details, flags, cancellation_id, ok_cb, err_cb):
    about = subject[1]
    if subject[0] == "unix-process":
        name = f"{about['pid']} {about['start-time']} {about['uid']}"
    else:
        name = str(about["name"])
    # The real one aborts at questions about sessions.
    assert subject[0] in ("unix-process", "system-bus-name")
    self.asked.append((str(subject[0]), name, str(action), int(flags)))
    if about.get("pid") in self.inactive:
        ok_cb((False, False, {}))
    elif action in self.challenge:
        ok_cb((bool(flags & 1), True, {}))
    else:
        polkitd.CheckAuthorization(
            self, subject, action, details, flags, cancellation_id, ok_cb, err_cb
        )


@dbus.service.method(MOCK_IFACE, in_signature="as", out_signature="")
def SetChallenge(self, actions):
    self.challenge = actions


@dbus.service.method(MOCK_IFACE, in_signature="au", out_signature="")
def SetInactive(self, pids):
    """The sessions of these processes are not in front: they are allowed nothing."""
    changed, self.inactive = self.inactive != pids, pids
    if changed:
        self.EmitSignal(MAIN_IFACE, "Changed", "", [])


@dbus.service.method(MOCK_IFACE, in_signature="", out_signature="a(sssu)")
def TakeAsked(self):
    """What was asked since the last call: kind of subject, its name, action, flags."""
    asked, self.asked = self.asked, []
    return asked
