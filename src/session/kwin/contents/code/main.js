// SPDX-License-Identifier: GPL-2.0-only
//
// Tells rustland-session(8) whose window has the focus. KWin can only call programs on the session
// bus, so the name is the one that the service has there. Nobody answers where the service does not
// run, and KWin waits for no answer.

"use strict";

function tell(window) {
    callDBus("com.system76.Scheduler", "/com/system76/Scheduler", "com.system76.Scheduler",
        "SetForegroundProcess", window ? window.pid : 0);
}

// Plasma 6 and 5.
(workspace.windowActivated || workspace.clientActivated).connect(tell);
tell(workspace.activeWindow || workspace.activeClient);
