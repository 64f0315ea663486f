/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What operations cost, see costs.h; tests/vm/calibrate.sh writes this file anew.
 *
 * "fitted": so that a round trip of a pair of tasks that wake each other takes as much more than under the
 * kernel's own scheduler as it does there. "assumed": nobody has measured it yet.
 */
COSTS_OF("Linux 7.3.4, x86_64, 2026-11-28")

/* The backend's callbacks. */
COST(select_cpu, 700, assumed)
COST(enqueue, 1000, measured)
COST(dispatch, 820, measured) /* without what it carries out */
COST(drain_one, 2030, measured)
COST(runnable, 208, measured)
COST(running, 240, measured)
COST(stopping, 250, measured)
COST(quiescent, 209, measured)
COST(init_task, 2361, measured)
COST(exit_task, 242, measured)
COST(timer_callback, 500, assumed)

/* The kernel. */
COST(schedule, 1100, fitted)
COST(wake, 900, assumed)
COST(irq, 600, assumed)
COST(ipi, 500, assumed)
COST(timer, 800, assumed)
COST(tick, 2000, assumed)
COST(idle_exit, 800, assumed)
COST(syscall, 300, assumed)
COST(futex, 0, assumed)
COST(fork, 60000, assumed)
COST(exit, 50000, assumed)
COST(move_task, 600, assumed)

/* The scheduler thread. */
COST(take, 1000, fitted)
COST(give, 500, fitted)
COST(round, 300, fitted)
COST(poll, 2500, assumed)
