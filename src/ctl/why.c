/* SPDX-License-Identifier: GPL-2.0-only */
/* See why.h. */

#include "common/names.h"
#include "common/sched-ext.h"
#include "ctl/convert.h"
#include "ctl/error.h"
#include "ctl/why.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"

/* ---- Asking --------------------------------------------------------------------------------- */

/* NULL: systemd is not there, or does not say. */
static GVariant *ask_systemd(GDBusConnection *bus, const char *path, const char *interface,
			     const char *method, GVariant *arguments, const char *reply)
{
	return g_dbus_connection_call_sync(bus, SYSTEMD_NAME, path, interface, method, arguments,
					   G_VARIANT_TYPE(reply), G_DBUS_CALL_FLAGS_NO_AUTO_START,
					   -1, NULL, NULL);
}

static GVariant *unit_properties(GDBusConnection *bus, const char *path, const char *interface)
{
	g_autoptr(GVariant) reply =
		ask_systemd(bus, path, "org.freedesktop.DBus.Properties", "GetAll",
			    g_variant_new("(s)", interface), "(a{sv})");

	return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

static void read_unit(struct facts *facts, GDBusConnection *bus)
{
	g_autoptr(GVariant) reply = NULL, unit = NULL, service = NULL;
	gboolean condition = TRUE;
	guint64 tried = 0;
	const char *path;

	reply = ask_systemd(bus, "/org/freedesktop/systemd1", SYSTEMD_NAME ".Manager", "LoadUnit",
			    g_variant_new("(s)", SERVICE_UNIT), "(o)");
	if (!reply)
		return;
	g_variant_get(reply, "(&o)", &path);
	unit = unit_properties(bus, path, SYSTEMD_NAME ".Unit");
	service = unit_properties(bus, path, SYSTEMD_NAME ".Service");
	if (service)
		g_variant_lookup(service, "Result", "s", &facts->result);
	if (!unit)
		return;
	g_variant_lookup(unit, "LoadState", "s", &facts->load_state);
	g_variant_lookup(unit, "ActiveState", "s", &facts->active_state);
	g_variant_lookup(unit, "ConditionResult", "b", &condition);
	g_variant_lookup(unit, "ConditionTimestamp", "t", &tried);
	facts->condition_failed = tried && !condition;
}

void facts_read(struct facts *facts, GDBusConnection *bus)
{
	facts->kernel_state =
		rl_kernel_state_at(NULL, facts->kernel_ops, sizeof(facts->kernel_ops));
	if (!facts->service && bus)
		read_unit(facts, bus);
}

void facts_clear(struct facts *facts)
{
	g_clear_pointer(&facts->service, json_object_unref);
	g_clear_pointer(&facts->load_state, g_free);
	g_clear_pointer(&facts->active_state, g_free);
	g_clear_pointer(&facts->result, g_free);
}

/* ---- Concluding ----------------------------------------------------------------------------- */

#define MISSING_FIX "Boot " SCHED_EXT_NEEDS "; on this one the service does nothing."
#define OTHER_FIX                                                                                  \
	"It is left alone; rustland takes over when it goes. Where it is a service, as root: "     \
	"systemctl stop scx scx_loader"

gboolean facts_scheduling(const struct facts *facts)
{
	static const char *const states[] = {"active", "degraded", NULL};

	return facts->service && g_strv_contains(states, object_text(facts->service, "state"));
}

static void add(JsonArray *problems, const char *fix, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void add(JsonArray *problems, const char *fix, const char *format, ...)
{
	JsonObject *object = json_object_new();
	g_autofree char *problem = NULL;
	va_list args;

	va_start(args, format);
	problem = g_strdup_vprintf(format, args);
	va_end(args);
	json_object_set_string_member(object, "problem", problem);
	json_object_set_string_member(object, "fix", fix);
	json_array_add_object_element(problems, object);
}

static void service_problems(JsonArray *problems, const struct facts *facts)
{
	const char *state = object_text(facts->service, "state"),
		   *scheduler = object_text(facts->service, "scheduler"),
		   *reason = object_text(facts->service, "exit_reason");

	if (g_str_equal(state, "degraded"))
		add(problems,
		    "It recovers by itself; if not, `journalctl -u scx-rustland` may say why.",
		    "the policy answers too late, and the kernel goes on with estimates");
	else if (g_str_equal(state, "inhibited"))
		add(problems, OTHER_FIX, SCHED_EXT_OTHER ": %s", scheduler);
	else if (g_str_equal(state, "failed"))
		add(problems,
		    "`journalctl -u scx-rustland` says more; to try again, as root: "
		    "systemctl restart scx-rustland",
		    "the scheduler ended too often, and the kernel's own one does its work: %s",
		    *reason ? reason : "no reason is known");
	else if (g_str_equal(state, "disabled") && facts->kernel_state == RL_KERNEL_UNSUPPORTED)
		add(problems, MISSING_FIX, SCHED_EXT_MISSING);
	else if (g_str_equal(state, "disabled"))
		add(problems, "To start it, as root: systemctl restart scx-rustland",
		    "the service is being stopped");
}

static gboolean is_unit(const char *is, const char *state)
{
	return g_strcmp0(is, state) == 0;
}

/* A unit that is not started. With a kernel that cannot have it there is no point in starting it. */
static void inactive_problems(JsonArray *problems, const struct facts *facts)
{
	if (facts->kernel_state == RL_KERNEL_UNSUPPORTED)
		return;
	if (facts->condition_failed)
		add(problems, "`systemctl status scx-rustland` says which.",
		    "a condition of the service scx-rustland was not met, so that systemd did not "
		    "start it");
	else if (!facts->load_state)
		add(problems,
		    "Have your system start rustlandd(8); where it is systemd, as "
		    "root: " HOW_TO_START,
		    "the service scx-rustland does not run");
	else
		add(problems, "To start it, now and at every boot, as root: " HOW_TO_START,
		    "the service scx-rustland does not run");
}

static void unit_problems(JsonArray *problems, const struct facts *facts)
{
	if (is_unit(facts->load_state, "not-found"))
		add(problems, "Install the package scx-rustland; then, as root: " HOW_TO_START,
		    "the service scx-rustland is not installed");
	else if (is_unit(facts->load_state, "masked"))
		add(problems, "As root: systemctl unmask scx-rustland; " HOW_TO_START,
		    "the service scx-rustland is masked, it must not be started");
	else if (is_unit(facts->active_state, "failed"))
		add(problems,
		    "`journalctl -u scx-rustland` says why; to try again, as root: "
		    "systemctl restart scx-rustland",
		    "the service scx-rustland has failed (%s)",
		    facts->result ? facts->result : "no result");
	else if (is_unit(facts->active_state, "activating") ||
		 is_unit(facts->active_state, "reloading"))
		add(problems, "Wait a moment.", "the service scx-rustland is being started");
	else if (is_unit(facts->active_state, "active"))
		add(problems, "As root: systemctl reload dbus; systemctl restart scx-rustland",
		    "the service scx-rustland runs, but the bus does not know it");
	else
		inactive_problems(problems, facts);
}

/* What stands in the way of any service comes first. */
static void kernel_problems(JsonArray *problems, const struct facts *facts)
{
	if (facts->kernel_state == RL_KERNEL_UNSUPPORTED)
		add(problems, MISSING_FIX, SCHED_EXT_MISSING);
	else if (sched_ext_is_ours(facts->kernel_ops))
		add(problems, "End that program before you start the service.",
		    "scx_rustland was started without the service, so nobody can be boosted");
	else if (*facts->kernel_ops)
		add(problems,
		    "End it; where it is a service, as root: systemctl disable --now scx "
		    "scx_loader",
		    SCHED_EXT_OTHER ": %s", facts->kernel_ops);
}

JsonArray *facts_problems(const struct facts *facts)
{
	JsonArray *problems = json_array_new();

	if (facts->service) {
		service_problems(problems, facts);
	} else {
		kernel_problems(problems, facts);
		unit_problems(problems, facts);
	}
	return problems;
}

GError *facts_absence(const struct facts *facts)
{
	g_autoptr(JsonArray) problems = facts_problems(facts);
	/* Another scheduler is no reason for a service to be absent. */
	guint i = facts->kernel_state == RL_KERNEL_UNSUPPORTED
			  ? 0
			  : json_array_get_length(problems) - 1;
	JsonObject *why = json_array_get_object_element(problems, i);

	return g_error_new(CTL_ERROR, EXIT_NOT_RUNNING, "%s\n%s", object_text(why, "problem"),
			   object_text(why, "fix"));
}
