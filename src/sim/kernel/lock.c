/* SPDX-License-Identifier: GPL-2.0-only */
/* See lock.h. */
#include "sim/kernel/lock.h"

#include "sim/kernel/machine.h"

bool lock_try(struct lock *lock)
{
	if (lock->owner)
		return false;
	lock->owner = machine.this_cpu;
	return true;
}

void lock_take(struct lock *lock)
{
	struct cpu *self = machine.this_cpu;

	if (lock_try(lock))
		return;
	if (lock->owner == self) {
		machine_fail("CPU %d waits for a lock that it holds", self->id);
		return;
	}
	self->next_waiter = NULL;
	if (lock->last_waiter)
		lock->last_waiter->next_waiter = self;
	else
		lock->first_waiter = self;
	lock->last_waiter = self;
	cpu_wait_for_lock();
}

void lock_release(struct lock *lock)
{
	struct cpu *next = lock->first_waiter;

	lock->owner = next;
	if (!next)
		return;
	lock->first_waiter = next->next_waiter;
	if (!lock->first_waiter)
		lock->last_waiter = NULL;
	cpu_got_lock(next);
}
