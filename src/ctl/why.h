/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why rustland does not schedule this machine, or not well, and what to do about it: from what the
 * service, systemd and the kernel say. Asking them and concluding are apart, so that the latter can
 * be tested.
 */
#ifndef RUSTLANDCTL_WHY_H
#define RUSTLANDCTL_WHY_H

#include <gio/gio.h>
#include <json-glib/json-glib.h>

struct facts {
	JsonObject *service; /* its properties; NULL: it is not on the bus */
	/* systemd's words for the unit; NULL if it was not or could not be asked. */
	char *load_state, *active_state, *result;
	gboolean condition_failed;
	int kernel_state;     /* enum rl_kernel_state, or a negative errno */
	char kernel_ops[128]; /* the sched_ext scheduler that is loaded */
};

/* Everything but service, which the caller has set already. */
void facts_read(struct facts *facts, GDBusConnection *bus);
void facts_clear(struct facts *facts);

/* The kernel has our scheduler at work. */
gboolean facts_scheduling(const struct facts *facts);

/*
 * Objects with the strings "problem" and "fix"; none if all is well. The fix of the first one works in
 * the state that the machine is in: it does not depend on the others.
 */
JsonArray *facts_problems(const struct facts *facts);

/* Why the service is not on the bus, as an error. */
GError *facts_absence(const struct facts *facts);

#endif /* RUSTLANDCTL_WHY_H */
