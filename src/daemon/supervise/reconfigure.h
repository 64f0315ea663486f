/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the configuration changes: at the start, by a reload, by the choice of a profile. All of them
 * go the same way. The files are read, scx_rustland is asked whether it would take them (dry-run.h),
 * the scheduler is started with them, and only when it has run well for a while they are in force for
 * good; until then every failure brings back what was in force before. Whoever asked is told what
 * came of it, and not before that is known.
 *
 * One change at a time; the others wait, of profiles only the last one. It never waits itself.
 */
#ifndef RUSTLANDD_RECONFIGURE_H
#define RUSTLANDD_RECONFIGURE_H

#include <glib.h>

#include "daemon/conf.h"
#include "daemon/supervise/supervisor.h"

/* So many may wait. Those who may ask at all are few; this is for what goes wrong with them. */
#define RECONFIGURE_MAX 64

struct reconfigure;

struct reconfigure_options {
	struct config_paths paths; /* all of this stays the caller's */
	const char *state_dir;
	const char *scheduler; /* the program's path */
};

struct reconfigure_host {
	/* This configuration counts from now on. */
	void (*changed)(const struct config *config, gpointer userdata);
	/* What people have to know: a change was refused, or the files were at the start; or NULL. */
	void (*notice)(const char *notice, gpointer userdata);
	/* A reload begins, or has ended. */
	void (*reloading)(gboolean reloading, gpointer userdata);
};

/* error: NULL, or why the change did not come about; CONFIG_ERROR or G_FILE_ERROR. */
typedef void (*reconfigure_done)(const GError *error, gpointer userdata);

/*
 * Finds what to start with: what the files say, or else the last good configuration. NULL + error
 * when there is neither.
 */
struct reconfigure *reconfigure_new(const struct reconfigure_options *options,
				    const struct reconfigure_host *host, gpointer userdata,
				    GError **error);
void reconfigure_free(struct reconfigure *reconfigure);
/* The service is stopping: all who wait, and all who come, are told CONFIG_ERROR_STOPPED. */
void reconfigure_stop(struct reconfigure *reconfigure);

/* What counts now. Owned by reconfigure, and valid until it calls host.changed. */
const struct config *reconfigure_config(const struct reconfigure *reconfigure);

/* To be called once, before supervisor_start(). supervisor has to outlive it. */
void reconfigure_attach(struct reconfigure *reconfigure, struct supervisor *supervisor);
/* To be called whenever the supervisor's status has changed. */
void reconfigure_update(struct reconfigure *reconfigure);

/* done is called once, perhaps from here. */
void reconfigure_reload(struct reconfigure *reconfigure, reconfigure_done done, gpointer userdata);
/* profile: of config_profiles(). It is remembered when the scheduler has run well with it. */
void reconfigure_set_profile(struct reconfigure *reconfigure, const char *profile,
			     reconfigure_done done, gpointer userdata);

#endif /* RUSTLANDD_RECONFIGURE_H */
