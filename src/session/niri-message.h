/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What niri says in its event stream, a line of JSON for each event, as far as the focus is concerned.
 * Events name windows by numbers, so what windows there are is remembered here. It must never trust
 * what comes.
 */
#ifndef RUSTLAND_SESSION_NIRI_MESSAGE_H
#define RUSTLAND_SESSION_NIRI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What has to be sent first. The stream begins with everything there is. */
#define NIRI_EVENT_STREAM "\"EventStream\"\n"

struct niri_windows;

struct niri_windows *niri_windows_new(void);
void niri_windows_free(struct niri_windows *windows);

/*
 * The process that has the focus (0: none) after an event. False if the event says nothing about it.
 * line: without its end, need not be JSON.
 */
bool niri_windows_handle(struct niri_windows *windows, const char *line, size_t size,
			 pid_t *ret_pid);

#endif /* RUSTLAND_SESSION_NIRI_MESSAGE_H */
