/* SPDX-License-Identifier: GPL-2.0-only */
/* Events in the order of their time, and of being added where that is the same. */
#ifndef RUSTLAND_SIM_KERNEL_EVENT_H
#define RUSTLAND_SIM_KERNEL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct event {
	uint32_t place; /* in the heap, from 1; 0: not in it */
	void (*fire)(struct event *event);
};

/* The times stand in the heap itself: comparing two does not touch the events. */
struct event_slot {
	uint64_t at_ns, seq;
	struct event *event;
};

struct events {
	struct event_slot *heap; /* from 1 */
	uint32_t len, size;
	uint64_t seq;
};

/* At that time, and at no other one that was said before. Ends the process if there is no memory. */
void event_at(struct events *events, struct event *event, uint64_t at_ns);
/* Harmless if it is in no heap. */
void event_cancel(struct events *events, struct event *event);
/* When the next one is due; UINT64_MAX: there is none. */
static inline uint64_t events_next_ns(const struct events *events)
{
	return events->len ? events->heap[1].at_ns : UINT64_MAX;
}
/* Takes out the next one, and its time; NULL: there is none before end_ns. */
struct event *event_take(struct events *events, uint64_t end_ns, uint64_t *ret_at_ns);

static inline bool event_is_pending(const struct event *event)
{
	return event->place;
}

#endif /* RUSTLAND_SIM_KERNEL_EVENT_H */
