/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What operations cost, see costs.h; tests/vm/calibrate.sh writes this file anew.
 *
 * "fitted": so that round trips of pairs of tasks that wake each other take what they do there, 16800 under the
 * kernel's own scheduler and 20400 more under this one. "assumed": nobody has measured it yet.
 */
COSTS_OF("Linux 7.3.4, x86_64, 2026-11-28")

/* The backend's callbacks. */
COST(select_cpu, 700, assumed)
COST(enqueue, 1013, measured)
COST(dispatch, 781, measured) /* without what it carries out */
COST(drain_one, 2143, measured)
COST(runnable, 207, measured)
COST(running, 237, measured)
COST(stopping, 251, measured)
COST(quiescent, 208, measured)
COST(init_task, 2458, measured)
COST(exit_task, 242, measured)
COST(timer_callback, 500, assumed)

/* The kernel. */
COST(schedule, 1100, fitted)
COST(wake, 900, assumed)
COST(irq, 600, assumed)
COST(ipi, 500, assumed)
COST(timer, 800, assumed)
COST(tick, 2685, measured)
COST(idle_exit, 800, assumed)
COST(syscall, 346, measured)
COST(futex, 2850, fitted)
COST(fork, 232152, measured)
COST(exit, 324188, measured) /* and the child's page faults, and wait(2) */
COST(exec, 400000, assumed)
COST(move_task, 600, assumed)
COST(change_class, 1500, assumed)
COST(grace, 8000000, assumed)
COST(cpu_up, 10000000, assumed)
COST(dsq_lock, 150, assumed)
COST(ring_lock, 100, assumed)

/* The scheduler thread. */
COST(take, 1353, measured)
COST(give, 677, measured)
COST(round, 300, fitted)
COST(poll, 4900, measured)
