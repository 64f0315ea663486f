/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel weighs a task by: its nice value, or that it is SCHED_IDLE. The numbers are those of
 * sched_prio_to_weight[] and WEIGHT_IDLEPRIO in kernel/sched/, with the ten bits of fraction that 64-bit kernels
 * add. Each nice value is about 1.25 times the next one.
 *
 * This file must never see a kernel type: the backend, the simulator and tests compile it.
 */
#ifndef RUSTLAND_WEIGHT_H
#define RUSTLAND_WEIGHT_H

#include <stdint.h>

#define NICE_MIN      (-20)
#define NICE_VALUES   40
#define WEIGHT_SHIFT  10
#define WEIGHT_NICE_0 (1024U << WEIGHT_SHIFT)
#define WEIGHT_IDLE   (3U << WEIGHT_SHIFT)

static const uint32_t nice_to_weight[NICE_VALUES] = {
	88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
	9548,  7620,  6100,  4904,  3906,  3121,  2501,	 1991,	1586,  1277,
	1024,  820,   655,   526,   423,   335,	  272,	 215,	172,   137,
	110,   87,    70,    56,    45,	   36,	  29,	 23,	18,    15,
};

#endif /* RUSTLAND_WEIGHT_H */
