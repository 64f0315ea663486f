/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of sway, header and payload, as they come from the socket.
 *
 * Covers: src/session/sway-message.c src/session/json-value.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include "session/sway-message.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	return 0;
}

static void check_new(enum sway_type type, const char *payload)
{
	g_autoptr(GBytes) message = sway_message_new(type, payload);
	const uint8_t *bytes = g_bytes_get_data(message, NULL);
	enum sway_type again;
	uint32_t size;

	require(sway_message_parse_header(bytes, &again, &size) && again == type);
	require(size == strlen(payload) && !memcmp(bytes + SWAY_HEADER_SIZE, payload, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t header[SWAY_HEADER_SIZE];
	enum sway_type type;
	uint32_t payload_size;
	pid_t pid = -1;
	char *payload;

	if (size < sizeof(header))
		return 0;
	memcpy(header, data, sizeof(header));
	if (!sway_message_parse_header(header, &type, &payload_size))
		return 0;
	require(payload_size <= SWAY_PAYLOAD_MAX);
	size -= sizeof(header);
	payload = fuzz_text(data + sizeof(header), size);
	if (sway_message_focus(type, payload, size, &pid))
		require(pid >= 0);
	else
		require(pid == -1);
	check_new(type, payload);
	free(payload);
	return 0;
}
