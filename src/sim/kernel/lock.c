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

void lock_briefly(struct brief_lock *lock, uint64_t hold_ns)
{
	struct machine *m = &machine;
	uint64_t now = machine_now(m);

	/* CPUs that take turns are never at work at the same time. */
	if (m->take_turns)
		return;
	if (now < lock->from_ns || now >= lock->until_ns) {
		*lock = (struct brief_lock){now, now + hold_ns, m->this_cpu};
		return;
	}
	if (lock->last != m->this_cpu) {
		cpu_spend(lock->until_ns - now);
		m->counters.lock_wait_ns += lock->until_ns - now;
		lock->until_ns += hold_ns;
		lock->last = m->this_cpu;
	} else if (now + hold_ns > lock->until_ns) {
		lock->until_ns = now + hold_ns;
	}
}
