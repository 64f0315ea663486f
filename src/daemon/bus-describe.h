/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What callers are told about a boost and about a process: dictionaries, as org.scx.Rustland(7) has
 * them. It must never tell one user what another one said.
 */
#ifndef RUSTLANDD_BUS_DESCRIBE_H
#define RUSTLANDD_BUS_DESCRIBE_H

#include "boosts.h"

/* Both are a{sv}, floating. with_private: what a user says about own boosts is for that user and root. */
GVariant *describe_boost(const struct boost *boost, gboolean with_private);
/* The class it has, and from which boosts. */
GVariant *describe_process(const struct boosts *boosts, const struct process *process);

#endif /* RUSTLANDD_BUS_DESCRIBE_H */
