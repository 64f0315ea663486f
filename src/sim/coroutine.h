/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions that can be left in the middle and gone on with later. Each simulated CPU is one, so that the
 * model of the kernel reads as a kernel does, and so is the scheduler thread.
 *
 * This file must never know what runs in a coroutine.
 */
#ifndef RUSTLAND_SIM_COROUTINE_H
#define RUSTLAND_SIM_COROUTINE_H

#include <stddef.h>

struct coroutine;

/* One that will call function(argument), which must never return. NULL: there is no memory. */
struct coroutine *coroutine_new(void (*function)(void *argument), void *argument,
				size_t stack_size);

/* Not while it runs. coroutine may be NULL. */
void coroutine_free(struct coroutine *coroutine);

/* Run it until it yields. It must not be running already, also not further out. */
void coroutine_enter(struct coroutine *coroutine);

/* Go on with whoever entered the present coroutine; returns when that enters it again. */
void coroutine_yield(void);

#endif /* RUSTLAND_SIM_COROUTINE_H */
