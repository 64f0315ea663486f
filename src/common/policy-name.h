/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a policy may be called, and which are installed: NAME.so in a directory.
 *
 * A name becomes part of a path in programs with privileges, so it must never reach outside the directory.
 * Whether a file holds a policy that can be used is not looked at here: that runs the file's code.
 */
#ifndef RUSTLAND_COMMON_POLICY_NAME_H
#define RUSTLAND_COMMON_POLICY_NAME_H

#include <stdbool.h>

#include "common/limits.h"

#define POLICY_DEFAULT	"rustland"
#define POLICY_NAME_MAX 31
/* For people who gave another one. */
#define POLICY_NAME_RULE "1 to " TEXT_OF(POLICY_NAME_MAX) " of a-z, 0-9, _ and -"

/* What installed policies' files end with. */
#define POLICY_SUFFIX ".so"

/* Whether POLICY_NAME_RULE holds for it. */
bool policy_name_is_valid(const char *name);

/*
 * Calls f for each name that has a file in the directory and is valid, in alphabetical order. Where there
 * is no such directory, nothing is installed.
 */
void policy_names_installed(const char *directory, void (*f)(const char *name, void *userdata),
			    void *userdata);

#endif /* RUSTLAND_COMMON_POLICY_NAME_H */
