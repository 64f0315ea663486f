/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this user's session wants of org.scx.Rustland, and whether it has got it.
 *
 * Wishes are remembered here, so that a service that starts later, or again, learns of them, and none
 * is ever held twice. A wish ends with its process at the latest. It must never start the service:
 * whether the scheduler runs is for the owner of the machine to say. One thread, the main loop's.
 */
#ifndef RUSTLAND_SESSION_SERVICE_CLIENT_H
#define RUSTLAND_SESSION_SERVICE_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include <gio/gio.h>

struct service;

/* bus: the system bus; a reference is taken. Begins to follow the service. */
struct service *service_new(GDBusConnection *bus);

/* Clears the foreground if there is one; boosts end when the connection does. */
void service_free(struct service *service);

/*
 * Wish a boost for a process and its descendants. The process is pinned during this call. Nothing
 * happens if there is one already, or this user has no such process.
 * reason: for people who list the boosts. Returns false if there is no descriptor left to pin it with: then
 * the number is not kept, for it may be another process's later; say it again when you know that it is not.
 */
bool service_boost(struct service *service, pid_t pid, const char *reason);
void service_release(struct service *service, pid_t pid);
void service_release_all(struct service *service);

/*
 * What the focused window belongs to: a process, or a control group (of a window whose process is not
 * known), or neither: 0 and NULL. Of changes in a row the last one counts.
 */
void service_set_foreground(struct service *service, pid_t pid, const char *cgroup);

#endif /* RUSTLAND_SESSION_SERVICE_CLIENT_H */
