/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the loop and a policy: notes which callback the policy is in, and ends the run where the policy crashes
 * there, does not come back, or calls what it may not (forbidden.h). Otherwise a mistake in a policy would be
 * one of the simulator.
 *
 * It must never change what a policy decides, nor cost anything beside a callback.
 */
#ifndef RUSTLAND_SIM_GUARD_H
#define RUSTLAND_SIM_GUARD_H

#include <rustland.h>

/* A sanitizer says more about a crash than a signal does. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAVE_SANITIZER true
#elif defined(__has_feature)
#define HAVE_SANITIZER (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define HAVE_SANITIZER false
#endif

/* In this order: the later ones may do less. forbidden.c compares them. */
enum guard_callback {
	GUARD_OUTSIDE,
	GUARD_FINI,
	GUARD_INIT,
	GUARD_ENQUEUE,
	GUARD_NEXT,
	GUARD_UNDO,
	GUARD_TICK,
	GUARD_CALLBACKS,
};

/*
 * Where this thread is. It is a byte with a fixed place in the thread's memory, because code without a register to
 * spare reads it.
 */
extern __thread uint8_t guard_callback
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The policy, watched; valid until the next call. */
const struct rl_policy *guard_policy(const struct rl_policy *policy);

/* The callback that this thread is in; from here on it is in none, and what is called is not the policy's. */
enum guard_callback guard_leave(void);

/* Ends the run, from inside a callback that has been left: "the policy NAME WHAT in CALLBACK()MORE". */
_Noreturn void guard_end(enum guard_callback callback, const char *what, const char *more);

#endif /* RUSTLAND_SIM_GUARD_H */
