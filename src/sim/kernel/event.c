/* SPDX-License-Identifier: GPL-2.0-only */
/* See event.h. A heap of four children, which is flatter than one of two. */
#include "sim/kernel/event.h"

#include <stdlib.h>

static bool earlier(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

static void put(struct events *events, uint32_t place, struct event *event)
{
	events->heap[place] = event;
	event->place = place;
}

static void move_up(struct events *events, uint32_t place, struct event *event)
{
	while (place > 1) {
		uint32_t parent = (place + 2) / 4;

		if (!earlier(event, events->heap[parent]))
			break;
		put(events, place, events->heap[parent]);
		place = parent;
	}
	put(events, place, event);
}

static void move_down(struct events *events, uint32_t place, struct event *event)
{
	for (;;) {
		uint32_t first = 4 * place - 2, best = first;

		if (first > events->len)
			break;
		for (uint32_t i = first + 1; i < first + 4 && i <= events->len; i++)
			if (earlier(events->heap[i], events->heap[best]))
				best = i;
		if (!earlier(events->heap[best], event))
			break;
		put(events, place, events->heap[best]);
		place = best;
	}
	put(events, place, event);
}

static void place_anew(struct events *events, uint32_t place, struct event *event)
{
	if (place > 1 && earlier(event, events->heap[(place + 2) / 4]))
		move_up(events, place, event);
	else
		move_down(events, place, event);
}

void event_at(struct events *events, struct event *event, uint64_t at_ns)
{
	event->at_ns = at_ns;
	event->seq = ++events->seq;
	if (event->place) {
		place_anew(events, event->place, event);
		return;
	}
	if (events->len + 1 >= events->size) {
		events->size = events->size ? 2 * events->size : 1024;
		events->heap = realloc(events->heap, events->size * sizeof(*events->heap));
		if (!events->heap)
			abort();
	}
	move_up(events, ++events->len, event);
}

void event_cancel(struct events *events, struct event *event)
{
	uint32_t place = event->place;
	struct event *last;

	if (!place)
		return;
	event->place = 0;
	last = events->heap[events->len--];
	if (last != event)
		place_anew(events, place, last);
}

struct event *event_take(struct events *events, uint64_t end_ns)
{
	struct event *event = events->len ? events->heap[1] : NULL;

	if (!event || event->at_ns >= end_ns)
		return NULL;
	event_cancel(events, event);
	return event;
}
