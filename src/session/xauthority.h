/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of cookies of X servers, see Xsecurity(7): which one is for a server. It reads bytes and
 * never a file, and must never trust them.
 */
#ifndef RUSTLAND_SESSION_XAUTHORITY_H
#define RUSTLAND_SESSION_XAUTHORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each of hundreds of servers has its place in that. */
#define XAUTHORITY_MAX (64u * 1024)

/* A cookie; name and data point into the file's bytes. */
struct xauthority_cookie {
	const char *name;
	const uint8_t *data;
	uint16_t name_size, data_size;
	bool names_number; /* the entry is for this server's number alone */
};

/*
 * The first MIT-MAGIC-COOKIE-1 for the server of this machine with that number, by the rules of Xlib:
 * the entry is for this host, or for every one; and for this number, or for every one. False if there
 * is none; what comes after a broken entry does not count.
 *
 * number: decimal digits, as in DISPLAY. host: this machine's name.
 */
bool xauthority_find(const uint8_t *file, size_t size, const char *number, const char *host,
		     struct xauthority_cookie *ret);

#endif /* RUSTLAND_SESSION_XAUTHORITY_H */
