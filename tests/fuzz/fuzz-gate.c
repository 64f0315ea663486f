/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * D-Bus messages as the gate before GDBus reads them: bytes of any local user. Of what both take they
 * read the same: or the gate would count calls and descriptors of somebody else. The gate may refuse
 * more.
 *
 * Covers: src/daemon/bus/gate-message.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include <gio/gio.h>

#include "daemon/bus/gate-message.h"

static void check_names(const struct gate_message *m)
{
	require(memchr(m->sender, 0, sizeof(m->sender)));
	require(memchr(m->destination, 0, sizeof(m->destination)));
	require(m->header_len >= GATE_FIXED_LEN && m->header_len % 8 == 0);
	require(m->len >= m->header_len && m->len <= UINT32_C(1) << 27);
}

static void check_name(const char *ours, const char *theirs)
{
	if (!theirs || strlen(theirs) <= GATE_NAME_MAX)
		require(strcmp(ours, theirs ? theirs : "") == 0);
}

static void check_against(GDBusMessage *theirs, const struct gate_message *ours)
{
	require((int)ours->type == (int)g_dbus_message_get_message_type(theirs));
	require(ours->serial == g_dbus_message_get_serial(theirs));
	require(ours->reply_serial == g_dbus_message_get_reply_serial(theirs));
	require(ours->nr_fds == g_dbus_message_get_num_unix_fds(theirs));
	require(ours->no_reply ==
		!!(g_dbus_message_get_flags(theirs) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED));
	check_name(ours->sender, g_dbus_message_get_sender(theirs));
	check_name(ours->destination, g_dbus_message_get_destination(theirs));
}

/* What the gate writes itself it reads as well. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t *bytes;
	struct gate_message m;
	uint32_t uid = 0;
	size_t len;

	(void)argc, (void)argv;
	fuzz_glib_init();
	bytes = gate_message_new_error(":1.7", 5, 6, "org.scx.Rustland.Error.X", "no", &len);
	require(gate_message_begin(&m, bytes) && gate_message_read_fields(&m, bytes, len));
	require(m.type == GATE_ERROR && m.len == len && m.reply_serial == 5 && m.serial == 6);
	require(strcmp(m.destination, ":1.7") == 0 && m.no_reply);
	gate_message_want_reply(bytes);
	require(gate_message_begin(&m, bytes) && !m.no_reply);
	require(!gate_message_read_lookup(&m, bytes, &uid));
	g_free(bytes);
	bytes = gate_message_new_lookup(":1.7", 9, &len);
	require(gate_message_begin(&m, bytes) && gate_message_read_fields(&m, bytes, len));
	require(m.type == GATE_CALL && strcmp(m.destination, "org.freedesktop.DBus") == 0);
	g_free(bytes);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GDBusMessage) theirs = NULL;
	struct gate_message m;
	uint32_t uid;
	char *bytes;
	bool whole = false, begun;

	if (size < GATE_FIXED_LEN)
		return 0;
	bytes = fuzz_text(data, size);
	theirs = g_dbus_message_new_from_blob((guchar *)bytes, size,
					      G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
	begun = gate_message_begin(&m, (uint8_t *)bytes);
	if (begun) {
		whole = gate_message_read_fields(&m, (uint8_t *)bytes, size);
		check_names(&m);
		if (size >= m.len)
			gate_message_read_lookup(&m, (uint8_t *)bytes, &uid);
	}
	if (theirs && begun && whole)
		check_against(theirs, &m);
	free(bytes);
	return 0;
}
