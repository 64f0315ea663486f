/* SPDX-License-Identifier: GPL-2.0-only */
/* See unit-state.h. */

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "daemon/supervise/unit-state.h"
#include "daemon/sd-notify.h"

struct manager {
	const struct supervisor *supervisor;
	bool ready;
	bool stopping;
	bool reloading;
	char *notice; /* about the configuration, or NULL */
	char *said;   /* the last status */
	guint watchdog;
};

/* ---- The status ----------------------------------------------------------------------------- */

static void describe_active(GString *text, const char *policy, unsigned int nr_boosts)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	g_string_printf(text, "scheduling all tasks on %ld CPU%s with the policy %s", cpus,
			cpus == 1 ? "" : "s", policy);
	if (nr_boosts)
		g_string_append_printf(text, "; %u boost%s", nr_boosts, nr_boosts == 1 ? "" : "s");
}

static char *describe(const struct manager *m, unsigned int nr_boosts)
{
	const struct supervisor_status *status = supervisor_status(m->supervisor);
	const char *state = status->state, *reason = status->exit_reason;
	g_autoptr(GString) text = g_string_new(NULL);

	if (strcmp(state, "active") == 0)
		describe_active(text, status->policy, nr_boosts);
	else if (strcmp(state, "degraded") == 0)
		g_string_printf(text,
				"degraded: the policy %s answers too late, the kernel goes on "
				"with estimates",
				status->policy);
	else if (strcmp(state, "inhibited") == 0)
		g_string_printf(text, "waiting: %s", reason);
	else if (strcmp(state, "disabled") == 0)
		g_string_printf(text, "not scheduling: %s", reason);
	else if (strcmp(state, "failed") == 0)
		g_string_printf(text, "gave up, the kernel's own scheduler runs: %s", reason);
	else
		g_string_printf(text, "starting%s%s", *reason ? " again: " : "", reason);
	if (m->notice)
		g_string_append_printf(text, "; %s", m->notice);
	/* One line: a file's name may hold anything. */
	g_strdelimit(text->str, "\n", ' ');
	return g_string_free(g_steal_pointer(&text), FALSE);
}

void manager_update(struct manager *m, unsigned int nr_boosts)
{
	bool ready = !m->ready && !m->reloading && supervisor_status(m->supervisor)->settled;
	g_autofree char *text = NULL, *message = NULL;

	if (m->stopping)
		return;
	text = describe(m, nr_boosts);
	if (!ready && g_strcmp0(text, m->said) == 0)
		return;
	message = g_strdup_printf("%sSTATUS=%s", ready ? "READY=1\n" : "", text);
	notify_manager(message, -1, NULL);
	m->ready = m->ready || ready;
	g_free(m->said);
	m->said = g_steal_pointer(&text);
}

void manager_reloading(struct manager *m)
{
	g_autofree char *message =
		g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" PRId64, g_get_monotonic_time());

	notify_manager(message, -1, NULL);
	m->ready = false;
	m->reloading = true;
}

void manager_reloaded(struct manager *m)
{
	m->reloading = false;
}

void manager_set_notice(struct manager *m, const char *notice)
{
	g_free(m->notice);
	m->notice = g_strdup(notice);
}

void manager_stopping(struct manager *m)
{
	m->stopping = true;
	notify_manager("STOPPING=1\nSTATUS=stopping", -1, NULL);
}

/* ---- The watchdog --------------------------------------------------------------------------- */

static gboolean on_watchdog(gpointer userdata)
{
	struct manager *m = userdata;

	if (supervisor_healthy(m->supervisor))
		notify_manager("WATCHDOG=1", -1, NULL);
	return G_SOURCE_CONTINUE;
}

struct manager *manager_new(const struct supervisor *supervisor)
{
	struct manager *m = g_new0(struct manager, 1);
	uint64_t usec;

	m->supervisor = supervisor;
	if (sd_watchdog_enabled(0, &usec) > 0)
		/* Before anything that clients cause, see gate.h for how much that can be. */
		m->watchdog = g_timeout_add_full(G_PRIORITY_HIGH, (guint)(usec / 2000), on_watchdog,
						 m, NULL);
	return m;
}

void manager_free(struct manager *m)
{
	if (!m)
		return;
	g_clear_handle_id(&m->watchdog, g_source_remove);
	g_free(m->notice);
	g_free(m->said);
	g_free(m);
}
