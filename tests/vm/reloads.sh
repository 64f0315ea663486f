#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every mistake that an administrator can make in the configuration, while the service runs under the
# real systemd: reloads.py makes them. Needs tools/vm --full.
#
# usage: reloads.sh [OPTION OF reloads.py]..., with reloads.py and mistakes.py beside it

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

verdict "systemctl start succeeds" timeout 100 systemctl start $unit
verdict "then the kernel's state is enabled" wait_until 60 schedules
count_verdicts <(python3 -B reloads.py "$@" 2>&1 | tee out/reloads.log) reloads.py
verdict "every mistake was made" grep -q ' never schedules: ' out/reloads.log
rm -rf /etc/scx-rustland /opt/rustland-mistakes
scheduler_log=/dev/null
verdict "not thrown out by the kernel" no_ejection
finish
