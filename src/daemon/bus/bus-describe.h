/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What callers are told about a boost and about a process: dictionaries, as org.scx.Rustland(7) has
 * them, all of them a{sv} and floating.
 *
 * It must never tell one user what another user runs, looks at or said.
 */
#ifndef RUSTLANDD_BUS_DESCRIBE_H
#define RUSTLANDD_BUS_DESCRIBE_H

#include <sys/types.h>

#include "daemon/boost/boosts.h"

/* What everybody may hear: that there is such a boost, and nothing that leads to a user. */
GVariant *describe_boost_to_all(const struct boost *boost);

/*
 * What a user may know. root and the user who asked for the boost: all of it. The user whose process
 * it is: what became of that process, but not what somebody else said about it. Others: as everybody.
 */
GVariant *describe_boost(const struct boost *boost, uid_t reader);

/*
 * The class that a process has, and from which boosts. Whether the reader may know is for the caller
 * of this to say. Costs one walk up the process's ancestors, however many boosts there are.
 */
GVariant *describe_process(const struct boosts *boosts, const struct process *process);

#endif /* RUSTLANDD_BUS_DESCRIBE_H */
