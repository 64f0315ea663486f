/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a call means: a process, by a number or by a pidfd, or a boost, by its cookie.
 *
 * It must never take a number for that of a process when the caller may have meant another one: numbers
 * of another pid namespace are refused, with an error that names the method to use.
 */
#ifndef RUSTLANDD_BUS_TARGET_H
#define RUSTLANDD_BUS_TARGET_H

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

struct boost;
struct process;
struct request;

/* The pidfd that came with a call, into request->pidfd. Error: InvalidArgs. */
gboolean target_take_pidfd(struct request *request, GUnixFDList *fds, GVariant *handle,
			   GError **error);

/*
 * The process of request->pidfd or, without one, of request->pid. Errors as those of process.h, and
 * InvalidArgs. target_pin() is for boosts, target_look() for reading only.
 */
struct process *target_pin(const struct request *request, GError **error);
struct process *target_look(const struct request *request, GError **error);

/* The boost of request->cookie; valid until the registry changes. Error: NoSuchBoost. */
const struct boost *target_boost(const struct request *request, GError **error);

#endif /* RUSTLANDD_BUS_TARGET_H */
