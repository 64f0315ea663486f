/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See coroutine.h. A stack is made with makecontext(3) and changed to with _longjmp(3), which makes no
 * system call, as swapcontext(3) would do each time. QEMU does the same.
 */
#undef _FORTIFY_SOURCE /* its longjmp() takes a change to another stack for a mistake */

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "sim/coroutine.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

#ifdef HAVE_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

struct coroutine {
	jmp_buf env;
	struct coroutine *entered_by;
	void (*function)(void *argument);
	void *argument;
	void *stack;
	size_t stack_size;
	ucontext_t *made_by; /* while it is being made */
	void *fake_stack;    /* of the address sanitizer */
};

static struct coroutine outermost, *current = &outermost;

/* The address sanitizer has to be told which stack is in use. */
static void begin_switch(struct coroutine *from, const struct coroutine *to)
{
#ifdef HAVE_ASAN
	__sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->stack_size);
#else
	(void)from;
	(void)to;
#endif
}

static void end_switch(struct coroutine *to, struct coroutine *from)
{
#ifdef HAVE_ASAN
	const void *stack;
	size_t size;

	__sanitizer_finish_switch_fiber(to->fake_stack, &stack, &size);
	/* Only here is it told where the stack of the first thread is. */
	if (!from->stack) {
		from->stack = (void *)(uintptr_t)stack;
		from->stack_size = size;
	}
#else
	(void)to;
	(void)from;
#endif
}

static void change(struct coroutine *from, struct coroutine *to)
{
	current = to;
	begin_switch(from, to);
	if (!_setjmp(from->env))
		_longjmp(to->env, 1);
	end_switch(from, to);
}

/* makecontext() passes numbers, and a pointer needs two of them. */
static void first(unsigned int low, unsigned int high)
{
	struct coroutine *self = (void *)((uintptr_t)high << 16 << 16 | low);

	end_switch(self, self->entered_by);
	if (!_setjmp(self->env)) {
		begin_switch(self, self->entered_by);
		setcontext(self->made_by);
	}
	end_switch(self, self->entered_by);
	self->function(self->argument);
	abort();
}

/* Run it on its own stack until first() has noted how to get back there. */
static void prepare(struct coroutine *self)
{
	uintptr_t address = (uintptr_t)self;
	ucontext_t here, there;

	/* cppcheck-suppress autoVariables ; first() is done with it before this returns */
	self->made_by = &here;
	self->entered_by = current;
	getcontext(&there);
	there.uc_stack.ss_sp = self->stack;
	there.uc_stack.ss_size = self->stack_size;
	there.uc_link = NULL;
	makecontext(&there, (void (*)(void))first, 2, (unsigned int)address,
		    (unsigned int)(address >> 16 >> 16));
	begin_switch(current, self);
	swapcontext(&here, &there);
	end_switch(current, self);
}

struct coroutine *coroutine_new(void (*function)(void *argument), void *argument, size_t stack_size)
{
	struct coroutine *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	self->stack_size = stack_size;
	self->stack = mmap(NULL, stack_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (self->stack == MAP_FAILED) {
		free(self);
		return NULL;
	}
	/* A function that needs more than its stack must not go on in other memory. */
	mprotect(self->stack, (size_t)sysconf(_SC_PAGESIZE), PROT_NONE);
	self->function = function;
	self->argument = argument;
	prepare(self);
	return self;
}

void coroutine_free(struct coroutine *coroutine)
{
	if (!coroutine)
		return;
	munmap(coroutine->stack, coroutine->stack_size);
	free(coroutine);
}

void coroutine_enter(struct coroutine *coroutine)
{
	coroutine->entered_by = current;
	change(current, coroutine);
}

void coroutine_yield(void)
{
	change(current, current->entered_by);
}
