/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF timers: a softirq on the CPU that started the timer last. There is one in the backend. */
#include <errno.h>

#include "sim/faults.h"
#include "sim/kernel/helpers.h"
#include "sim/kernel/hotplug.h"
#include "sim/kernel/maps.h"

static struct {
	struct bpf_timer *timer;
	void *map;
	sim_timer_fn *callback;
	struct irq irq;
} the;

long sim_timer_init(struct bpf_timer *timer, void *map)
{
	if (the.timer && the.timer != timer)
		return -ENOMEM;
	the.timer = timer;
	the.map = map;
	return 0;
}

long sim_timer_set_callback(struct bpf_timer *timer, sim_timer_fn *callback)
{
	if (timer != the.timer)
		return -EINVAL;
	the.callback = callback;
	return 0;
}

/* The callback is declared with the type of its map's value, which nobody knows here. */
#ifdef __clang__
__attribute__((no_sanitize("function")))
#endif
static void
handle(struct cpu *cpu, struct irq *irq)
{
	u64 began_ns = cpu_time(cpu);
	int key = 0;

	(void)irq;
	/* It has just arrived as the timer was taken away. */
	if (!the.callback)
		return;
	cpu_spend(cpu->m->costs->timer + cpu->m->costs->timer_callback);
	/* The timer is the first member of its map's value. */
	the.callback(the.map, &key, the.timer);
	callback_returned(cpu, "the timer", began_ns);
}

void bpf_timer_leave(struct cpu *cpu)
{
	if (the.irq.pending && the.irq.cpu == cpu)
		the.irq.cpu = online_cpu(cpu);
}

void timer_forget(void)
{
	irq_cancel(&the.irq);
	the.timer = NULL;
	the.callback = NULL;
}

long sim_timer_start(struct bpf_timer *timer, uint64_t ns)
{
	if (timer != the.timer || !the.callback)
		return -EINVAL;
	irq_cancel(&the.irq);
	the.irq.handle = handle;
	the.irq.soft = true;
	irq_raise(&the.irq, machine.this_cpu, ns + fault_timer_delay_ns());
	return 0;
}
