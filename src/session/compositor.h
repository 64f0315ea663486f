/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kind of compositor that tells over an IPC of its own who has the focus. Several of a kind may
 * listen: nested ones, ones that hang, ones that crashed and left their socket behind. All are asked at
 * the same time, within limits, and the first that answers is followed. None is waited for.
 */
#ifndef RUSTLAND_SESSION_COMPOSITOR_H
#define RUSTLAND_SESSION_COMPOSITOR_H

#include "session/focus.h"
#include "session/socket-finder.h"

/* So many at once. */
#define COMPOSITOR_CANDIDATES 8
/* One that has not answered by then is given up for now. */
#define COMPOSITOR_ANSWER_MS 5000

struct compositor;

/* One that listens; what it says goes through here. */
struct compositor_candidate;

struct compositor_kind {
	const char *name;
	/*
	 * Connects to the one that has that path, and asks. NULL, without a word to the candidate, if
	 * that cannot be done now.
	 */
	gpointer (*open)(struct compositor_candidate *candidate, const char *path);
	/* Called once for whatever open() returned, also from within the two functions below. */
	void (*close)(gpointer connection);
};

/* It has answered, and that process has the focus (0: none). It may be closed when this returns. */
void compositor_says(struct compositor_candidate *candidate, pid_t pid);

/* It hung up, or said what makes no sense. It is closed when this returns. */
void compositor_ended(struct compositor_candidate *candidate);

struct compositor *compositor_new(const struct compositor_kind *kind, focus_report report,
				  gpointer userdata);
void compositor_free(struct compositor *compositor);

/* For socket_finder_new(): a path that may be one. userdata: the compositor. */
void compositor_found(struct socket_finder *finder, const char *path, gpointer userdata);

/* Takes the finder over, where others like it may be. NULL: there is no place for them any more. */
void compositor_set_finder(struct compositor *compositor, struct socket_finder *finder);

#endif /* RUSTLAND_SESSION_COMPOSITOR_H */
