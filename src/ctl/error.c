/* SPDX-License-Identifier: GPL-2.0-only */
/* See error.h. */

#include <string.h>

#include "common/bus-words.h"
#include "common/names.h"
#include "ctl/error.h"
#include "dbus/errors.h"

G_DEFINE_QUARK(rustlandctl - error - quark, ctl_error)

/* Text for a subject and for what the service said; NULL: nothing is to be done. */
struct explanation {
	int code;
	enum exit_status status;
	const char *what; /* NULL: what the service said */
	const char *fix;
};

static const struct explanation explanations[] = {
	{RUSTLAND_ERROR_NO_SUCH_PROCESS, EXIT_FAILED, "there is no such process",
	 "It may have ended already, or the number is that of a thread."},
	{RUSTLAND_ERROR_NO_SUCH_BOOST, EXIT_FAILED, "there is no such boost",
	 "It may have ended already; `rustlandctl list` shows those that there are."},
	{RUSTLAND_ERROR_LIMIT_EXCEEDED, EXIT_FAILED, "you have too many boosts already",
	 "`rustlandctl list` shows them and `rustlandctl release COOKIE` ends one; the limit is "
	 "MaxPerUser in rustland.conf(5)."},
	{RUSTLAND_ERROR_RATE_LIMITED, EXIT_FAILED, "too many boosts within a short time",
	 "Try again in half a minute; the limit is MaxChanges in rustland.conf(5)."},
	{RUSTLAND_ERROR_NOT_RUNNING, EXIT_NOT_RUNNING,
	 "the service is there, but its scheduler does not run", "`rustlandctl status` says why."},
};

#define OTHER_VERSION	  "the service that runs is of another version"
#define OTHER_VERSION_FIX "As root: systemctl restart scx-rustland"

/* Those that D-Bus has for everybody. */
static const struct explanation dbus_explanations[] = {
	{G_DBUS_ERROR_INVALID_ARGS, EXIT_FAILED, NULL, NULL},
	{G_DBUS_ERROR_LIMITS_EXCEEDED, EXIT_FAILED, NULL, NULL},
	{G_DBUS_ERROR_NO_REPLY, EXIT_FAILED, "the service did not answer",
	 "`journalctl -u scx-rustland` may say why."},
	{G_DBUS_ERROR_TIMEOUT, EXIT_FAILED, "the service did not answer in time",
	 "`journalctl -u scx-rustland` may say why."},
	{G_DBUS_ERROR_UNKNOWN_METHOD, EXIT_FAILED, OTHER_VERSION, OTHER_VERSION_FIX},
	{G_DBUS_ERROR_UNKNOWN_PROPERTY, EXIT_FAILED, OTHER_VERSION, OTHER_VERSION_FIX},
	{G_DBUS_ERROR_UNKNOWN_INTERFACE, EXIT_FAILED, OTHER_VERSION, OTHER_VERSION_FIX},
};

static const struct explanation *find_explanation(const GError *error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(explanations); i++)
		if (g_error_matches(error, RUSTLAND_ERROR, explanations[i].code))
			return &explanations[i];
	for (size_t i = 0; i < G_N_ELEMENTS(dbus_explanations); i++)
		if (g_error_matches(error, G_DBUS_ERROR, dbus_explanations[i].code))
			return &dbus_explanations[i];
	return NULL;
}

static const struct {
	const char *action;
	const char *takes; /* for it to be allowed without more ado */
} actions[] = {
	{ACTION_BOOST_OWN, "a session that is local and active"},
	{ACTION_BOOST_OTHER, "an administrator, since what is to be boosted is not yours alone"},
	{ACTION_SET_PROFILE, "a session that is local and active"},
	{ACTION_MANAGE, "an administrator"},
};

/* The bus says so in many ways, depending on who would have had to start the service. */
gboolean error_is_not_there(const GError *error)
{
	static const char *const names[] = {
		"org.freedesktop.systemd1.NoSuchUnit",
		"org.freedesktop.systemd1.UnitMasked",
		NULL,
	};
	g_autofree char *name = NULL;

	if (!g_dbus_error_is_remote_error(error))
		return FALSE;
	if (g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
	    g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER))
		return TRUE;
	name = g_dbus_error_get_remote_error(error);
	return g_strv_contains(names, name) ||
	       g_str_has_prefix(name, "org.freedesktop.DBus.Error.Spawn.");
}

static GError *say(enum exit_status status, const char *subject, const char *what, const char *fix)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (subject)
		g_string_append_printf(text, "%s: ", subject);
	g_string_append(text, what);
	if (fix)
		g_string_append_printf(text, "\n%s", fix);
	return g_error_new_literal(CTL_ERROR, status, text->str);
}

/* Where the service names the action, that is what it takes. Where it names none, nobody may. */
static gsize find_action(const char *said)
{
	gsize i = 0;

	while (i < G_N_ELEMENTS(actions) && !strstr(said, actions[i].action))
		i++;
	return i;
}

/*
 * What rustlandd and the bus say about a refusal, and what helps in that state: to be in the right
 * session does not where polkit cannot be asked. test_ctl_service.py has rustlandd say all of it.
 */
static const struct {
	const char *said, *fix;
} refusals[] = {
	{REFUSAL_NO_POLKIT,
	 "Use sudo, or have polkit installed and started, as root: systemctl start polkit"},
	{REFUSAL_SLOW_POLKIT, "Try again, or use sudo."},
	{REFUSAL_CHALLENGE,
	 "Use sudo, or call it on a terminal, where polkit can ask for a password."},
	/* dbus-daemon, dbus-broker */
	{"Rejected send message",
	 "The bus does not know the service yet; as root: systemctl reload dbus"},
	{"not authorized to send message",
	 "The bus does not know the service yet; as root: systemctl reload dbus"},
};

static GError *explain_denied(const char *said, const char *subject, gboolean is_root)
{
	g_autofree char *what = g_strdup_printf("this is not allowed (%s)", said), *fix = NULL;
	gsize action = find_action(said);

	for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++)
		if (strstr(said, refusals[i].said))
			return say(EXIT_DENIED, subject, what, refusals[i].fix);
	if (is_root || action == G_N_ELEMENTS(actions))
		return say(EXIT_DENIED, subject, what, NULL);
	fix = g_strdup_printf("It takes %s. Else use sudo, or a rule in /etc/polkit-1/rules.d for "
			      "the action %s, see polkit(8).",
			      actions[action].takes, actions[action].action);
	return say(EXIT_DENIED, subject, what, fix);
}

/* name: of the error on the bus. */
static GError *explain_remote(const GError *error, const char *name, const char *subject,
			      gboolean is_root)
{
	const struct explanation *e = find_explanation(error);
	const char *said = error->message;
	g_autofree char *what = NULL;

	if (g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED))
		return explain_denied(said, subject, is_root);
	if (!e)
		what = g_strdup_printf("%s (%s)", said, name);
	else if (e->what)
		what = g_strdup_printf("%s (%s)", e->what, said);
	return say(e ? e->status : EXIT_FAILED, subject, what ? what : said, e ? e->fix : NULL);
}

GError *error_explain(GError *error, const char *subject, gboolean is_root)
{
	g_autoptr(GError) old = error;
	g_autofree char *name = NULL;

	if (g_error_matches(old, G_IO_ERROR, G_IO_ERROR_CLOSED))
		return say(EXIT_FAILED, NULL, "the system bus has gone away", NULL);
	if (g_error_matches(old, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
		return say(EXIT_FAILED, subject, "the service did not answer in time",
			   "`journalctl -u scx-rustland` may say why.");
	if (!g_dbus_error_is_remote_error(old))
		return say(EXIT_FAILED, subject, old->message, NULL);
	name = g_dbus_error_get_remote_error(old);
	g_dbus_error_strip_remote_error(old);
	return explain_remote(old, name, subject, is_root);
}
