/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's constants as the model uses them; the BPF side asks for them by name (features.c). */
#ifndef RUSTLAND_SIM_KERNEL_FLAGS_H
#define RUSTLAND_SIM_KERNEL_FLAGS_H

#define ENQ_WAKEUP	 (1ULL << 0)
#define ENQ_HEAD	 (1ULL << 4)
#define ENQ_CPU_SELECTED (1ULL << 10)
#define ENQ_PREEMPT	 (1ULL << 32)
#define ENQ_LAST	 (1ULL << 41)
#define ENQ_PRIQ	 (1ULL << 57)

#define DEQ_SLEEP (1ULL << 0)

/* Of the model alone: the backend is never shown them. */
#define ENQ_MIGRATED (1ULL << 62) /* only its runqueue is another one now */
#define ENQ_DELAYED  (1ULL << 63) /* it was on it all the time, see sched_delayed in fair.h */
#define DEQ_MOVE     (1ULL << 62)
#define DEQ_DELAYED  (1ULL << 63)

#define KICK_IDLE    (1ULL << 0)
#define KICK_PREEMPT (1ULL << 1)

#define WAKE_FORK (1ULL << 2)
#define WAKE_TTWU (1ULL << 3)
#define WAKE_SYNC (1ULL << 4)

#define TASK_QUEUED   (1U << 0)
#define RQ_IN_BALANCE (1U << 16)

#define DSQ_ID_GLOBAL (1ULL << 63 | 1)
#define DSQ_ID_LOCAL  (1ULL << 63 | 2)

#define OPS_ENQ_LAST		  (1ULL << 1)
#define OPS_ALLOW_QUEUED_WAKEUP	  (1ULL << 5)
#define OPS_BUILTIN_IDLE_PER_NODE (1ULL << 6)

#define PICK_IDLE_CORE (1ULL << 0)

#define SLICE_DEFAULT (20 * 1000 * 1000ULL)
#define SLICE_BYPASS  (5 * 1000 * 1000ULL) /* 7.3 */

#define EXIT_UNREG	64
#define EXIT_UNREG_KERN 66
#define ECODE_HOTPLUG	(1ULL << 48 | 1ULL << 32) /* SCX_ECODE_ACT_RESTART, SCX_ECODE_RSN_HOTPLUG */

#endif /* RUSTLAND_SIM_KERNEL_FLAGS_H */
