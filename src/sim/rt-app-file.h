/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a file of rt-app says, see rt-app.h: rt-app-file.c reads it, rt-app.c does it. A file becomes a list of operations
 * for each task. All of it lasts as long as the process; a machine runs one file, once.
 */
#ifndef RUSTLAND_SIM_RT_APP_FILE_H
#define RUSTLAND_SIM_RT_APP_FILE_H

#include <glib.h>

#include "sim/kernel/cgroup.h"
#include "sim/task-stats.h"

enum {
	TASKS_MAX = 100000, /* at a time; each takes about a kilobyte of the host's memory */
};

enum op_kind {
	OP_RUN,
	OP_SLEEP,
	OP_TIMER,
	OP_LOCK,
	OP_UNLOCK,
	OP_WAIT, /* for a condition variable, with a mutex */
	OP_SIGNAL,
	OP_BROADCAST,
	OP_BARRIER,
	OP_SUSPEND,
	OP_RESUME,
	OP_YIELD,
	OP_FORK,
};

/* Something that has a name in the file: a mutex, a condition, a timer, a barrier, a task to be resumed. */
struct object {
	char *name;
	struct task *owner; /* of a mutex */
	bool is_left;	    /* a mutex: its owner has exited */
	GQueue waiting;	    /* struct task * */
	uint32_t nr_users;  /* of a barrier */
	uint64_t next_ns;   /* of a timer that several tasks share */
};

struct op {
	enum op_kind kind;
	uint64_t ns;
	struct object *object, *mutex;
	struct program *child;
	bool is_absolute, is_unique; /* a timer's mode, and whether each task has its own */
};

struct phase {
	int64_t loops; /* -1: for ever */
	/* Where the task goes as the phase begins; NULL: it stays. The group is made as the run begins. */
	const char *group;
	struct control_group *tg;
	GArray *ops;
};

struct program {
	char *name;
	uint32_t instances;
	int64_t loops;
	uint64_t delay_ns;
	struct sched_params params;
	struct mask cpus;
	bool has_cpus;
	const char *group; /* likewise, as the task begins */
	struct control_group *tg;
	GPtrArray *phases; /* struct phase * */
	struct task_stats *stats;
};

/* What the file says of a control group. */
struct group {
	const char *path;
	int64_t weight, idle; /* weight 0: the default */
	struct cgroup_max max;
};

/* The file that rt_app_read() has read. */
extern struct rt_app_file {
	GPtrArray *programs; /* struct program * */
	GPtrArray *objects;  /* struct object *, in the order of the file */
	GArray *groups;	     /* struct group */
} rt_app_file;

#endif /* RUSTLAND_SIM_RT_APP_FILE_H */
