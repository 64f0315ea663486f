/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the service manager is told: ready, reloading, stopping, how it goes in plain words, and rustlandd's own
 * signs of life. Those do not depend on the scheduler's: a scheduler that falls silent is ended and started
 * anew by rustlandd itself. They stop only when rustlandd has tried in vain for long to be rid of its child,
 * see lifecycle_healthy(). Without systemd nobody is told anything.
 *
 * It must never decide anything: what is told here has been decided elsewhere.
 */
#ifndef RUSTLANDD_UNIT_STATE_H
#define RUSTLANDD_UNIT_STATE_H

#include "daemon/supervise/supervisor.h"

struct manager;

/* supervisor has to outlive it. */
struct manager *manager_new(const struct supervisor *supervisor);
void manager_free(struct manager *manager);

/* Something has changed. The first call that finds the state settled makes the service ready. */
void manager_update(struct manager *manager, unsigned int nr_boosts);

/* A reload begins. */
void manager_reloading(struct manager *manager);
/* What came of it is known: it ends with the first update that finds the state settled. */
void manager_reloaded(struct manager *manager);
/* A sentence about the configuration that the status shows from now on, or NULL. */
void manager_set_notice(struct manager *manager, const char *notice);

void manager_stopping(struct manager *manager);

#endif /* RUSTLANDD_UNIT_STATE_H */
