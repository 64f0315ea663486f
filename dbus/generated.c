/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The code that gdbus-codegen makes. It calls functions through pointers of another type, as all of
 * GObject does; clang's sanitizer for that is kept away from it.
 */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("function"))), apply_to = function)
#endif

#include "dbus/rustland-dbus.c"

#ifdef __clang__
#pragma clang attribute pop
#endif
