/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The methods that everybody may call, since each user learns only of what is that user's: ListBoosts,
 * GetBoost, GetProcess, GetProcessByPIDFd; or of what the caller holds: GetSocketPeer.
 *
 * None of them may change anything, or cost more than a fixed number of reads.
 */
#ifndef RUSTLANDD_BUS_QUERIES_H
#define RUSTLANDD_BUS_QUERIES_H

struct bus;

/* The skeleton's method calls arrive here from now on. */
void bus_queries_connect(struct bus *bus);

#endif /* RUSTLANDD_BUS_QUERIES_H */
