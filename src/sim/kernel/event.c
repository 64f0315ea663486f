/* SPDX-License-Identifier: GPL-2.0-only */
/* See event.h. A heap of four children, which is flatter than one of two. */
#include "sim/kernel/event.h"

#include <stdlib.h>

static bool earlier(const struct event_slot *a, const struct event_slot *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

static void put(struct events *events, uint32_t place, const struct event_slot *slot)
{
	events->heap[place] = *slot;
	slot->event->place = place;
}

static void move_up(struct events *events, uint32_t place, const struct event_slot *slot)
{
	while (place > 1) {
		uint32_t parent = (place + 2) / 4;

		if (!earlier(slot, &events->heap[parent]))
			break;
		put(events, place, &events->heap[parent]);
		place = parent;
	}
	put(events, place, slot);
}

static void move_down(struct events *events, uint32_t place, const struct event_slot *slot)
{
	for (;;) {
		uint32_t first = 4 * place - 2, best = first;

		if (first > events->len)
			break;
		for (uint32_t i = first + 1; i < first + 4 && i <= events->len; i++)
			if (earlier(&events->heap[i], &events->heap[best]))
				best = i;
		if (!earlier(&events->heap[best], slot))
			break;
		put(events, place, &events->heap[best]);
		place = best;
	}
	put(events, place, slot);
}

static void place_anew(struct events *events, uint32_t place, const struct event_slot *slot)
{
	if (place > 1 && earlier(slot, &events->heap[(place + 2) / 4]))
		move_up(events, place, slot);
	else
		move_down(events, place, slot);
}

void event_at(struct events *events, struct event *event, uint64_t at_ns)
{
	struct event_slot slot = {.at_ns = at_ns, .seq = ++events->seq, .event = event};

	if (event->place) {
		place_anew(events, event->place, &slot);
		return;
	}
	if (events->len + 1 >= events->size) {
		events->size = events->size ? 2 * events->size : 1024;
		events->heap = realloc(events->heap, events->size * sizeof(*events->heap));
		if (!events->heap)
			abort();
	}
	move_up(events, ++events->len, &slot);
}

void event_cancel(struct events *events, struct event *event)
{
	uint32_t place = event->place;
	struct event_slot last;

	if (!place)
		return;
	event->place = 0;
	last = events->heap[events->len--];
	if (last.event != event)
		place_anew(events, place, &last);
}

struct event *event_take(struct events *events, uint64_t end_ns, uint64_t *ret_at_ns)
{
	struct event *event;

	if (!events->len || events->heap[1].at_ns >= end_ns)
		return NULL;
	event = events->heap[1].event;
	*ret_at_ns = events->heap[1].at_ns;
	event_cancel(events, event);
	return event;
}
