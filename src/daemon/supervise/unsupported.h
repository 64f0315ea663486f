/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the service does on a kernel without sched_ext. Who starts it by hand has to be told, so the
 * start fails; a machine that boots another kernel now and then must not show a failed unit, so at
 * boot it ends without having failed, and its status says why.
 */
#ifndef RUSTLANDD_UNSUPPORTED_H
#define RUSTLANDD_UNSUPPORTED_H

#include <stdbool.h>

/* fake_kernel: where to look instead of in /sys, or NULL. False also where nobody can say. */
bool kernel_is_unsupported(const char *fake_kernel);

/*
 * Tells the service manager, and returns the status to exit with: 0 while the machine boots, else
 * failed. Waits for systemd's answer for at most a few seconds.
 */
int unsupported_run(int failed);

#endif /* RUSTLANDD_UNSUPPORTED_H */
