/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the scheduler can be set to: ranges and defaults that its command line, rustland.conf and librustland
 * have in common. Numbers only, as plain literals, so that TEXT_OF() makes text of them.
 *
 * A number that only one program knows does not belong here.
 */
#ifndef RUSTLAND_COMMON_LIMITS_H
#define RUSTLAND_COMMON_LIMITS_H

/* The literal that a macro stands for, as a string: TEXT_OF(SLICE_US_MIN) is "100". */
#define TEXT_OF(macro)	       TEXT_OF_LITERAL(macro)
#define TEXT_OF_LITERAL(value) #value

/* Slices, in microseconds: the longest, and the shortest, which has the same range. */
#define SLICE_US_MIN	     100
#define SLICE_US_MAX	     1000000
#define SLICE_US_DEFAULT     20000
#define SLICE_MIN_US_DEFAULT 1000

/* How much of the kernel's debug dump is kept, in bytes; 0 leaves it to the library. */
#define EXIT_DUMP_LEN_MAX 16777216

/*
 * How long a task may wait before the kernel ends the scheduler, in milliseconds. The kernel allows at most
 * 30 s; below a second a busy machine would lose a healthy scheduler.
 */
#define TIMEOUT_MS_MIN 1000
#define TIMEOUT_MS_MAX 30000

/* How long a boost may be asked for, in seconds. */
#define BOOST_TIMEOUT_MAX_S 604800

#endif /* RUSTLAND_COMMON_LIMITS_H */
