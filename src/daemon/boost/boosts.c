/* SPDX-License-Identifier: GPL-2.0-only */
/* See boosts.h. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "daemon/boost/boosts.h"
#include "daemon/conf.h"
#include "dbus/errors.h"
#include "daemon/boost/quota.h"
#include "daemon/boost/retries.h"
#include "daemon/boost/trees.h"

/* The one foreground slot of a user. */
struct slot {
	uint32_t cookie;       /* of the boost in it; may be gone by now */
	struct boost *pending; /* what comes next, NULL for nothing ... */
	gboolean is_pending;   /* ... if this says so */
	int64_t due_us;	       /* when it may come */
	uint64_t order;	       /* of the last call */
};

/* A boost that ended while nobody could be told. */
struct lost {
	struct boost *boost;
	enum boost_end end;
};

struct boosts {
	struct classes *classes;
	struct store *store;
	GPtrArray *all;	   /* owned, the oldest first */
	GHashTable *slots; /* uid to struct slot */
	struct quota *quota;
	GArray *lost;
	struct retries retries;
	const struct boosts_listener *listener;
	gpointer userdata;
	GSource *timer;
	int64_t looked_us; /* when trees were last looked into */
	uint64_t refused;  /* processes of trees that the kernel's record had no room for */
	uint64_t last_order;
};

/* ---- Targets -------------------------------------------------------------------------------- */

/* What was boosted, of which process and cgroup say who keeps it. */
static void set_target(struct boost *boost)
{
	boost->target.owner = boost->uid;
	if (boost->process) {
		boost->pid = boost->process->pid;
		boost->target_uid = boost->process->uid;
	}
	if (boost->target.scope == RL_SCOPE_CGROUP) {
		boost->target.cgroup_id = boost->cgroup->id;
	} else {
		boost->target.tgid = boost->pid;
		boost->target.start_ticks = boost->process->start_ticks;
	}
}

/* It can still be held: what it is about is there. */
static gboolean is_alive(const struct boost *boost)
{
	return boost->process ? process_alive(boost->process) : !cgroup_is_empty(boost->cgroup);
}

/* ---- The registry --------------------------------------------------------------------------- */

static guint find_index(const struct boosts *boosts, uint32_t cookie)
{
	for (guint i = 0; i < boosts->all->len; i++) {
		const struct boost *boost = g_ptr_array_index(boosts->all, i);

		if (boost->cookie == cookie)
			return i;
	}
	return boosts->all->len;
}

const struct boost *boosts_find(const struct boosts *boosts, uint32_t cookie)
{
	guint i = find_index(boosts, cookie);

	return i < boosts->all->len ? g_ptr_array_index(boosts->all, i) : NULL;
}

gboolean boosts_is_member(const struct boosts *boosts, const struct boost *boost,
			  const struct rl_target *process)
{
	return classes_is_member(boosts->classes, &boost->target, process);
}

const GPtrArray *boosts_all(const struct boosts *boosts)
{
	return boosts->all;
}

static uint32_t new_cookie(const struct boosts *boosts)
{
	uint32_t cookie;

	do {
		if (getrandom(&cookie, sizeof(cookie), 0) != sizeof(cookie))
			cookie = g_random_int();
	} while (cookie == 0 || boosts_find(boosts, cookie));
	return cookie;
}

/*
 * Of all boosts on one target the one with the highest class counts, and the oldest of those: for the
 * tasks that it is for, and at the expense of its user.
 */
static int apply_class(struct boosts *boosts, const struct rl_target *target)
{
	enum rl_class class = RL_CLASS_NORMAL;
	gboolean is_held = FALSE;

	for (guint i = 0; i < boosts->all->len; i++) {
		const struct boost *boost = g_ptr_array_index(boosts->all, i);

		if (!same_target(&boost->target, target))
			continue;
		is_held = TRUE;
		if (boost->class > class && !boost->is_suspended) {
			class = boost->class;
			target = &boost->target;
		}
	}
	return is_held && class == RL_CLASS_NORMAL ? classes_suspend(boosts->classes, target)
						   : classes_set(boosts->classes, target, class);
}

static void save(struct boosts *boosts)
{
	if (boosts->store)
		store_save(boosts->store, boosts->all);
}

static struct slot *get_slot(struct boosts *boosts, uid_t uid)
{
	struct slot *slot = g_hash_table_lookup(boosts->slots, GUINT_TO_POINTER(uid));

	if (!slot) {
		slot = g_new0(struct slot, 1);
		slot->due_us = INT64_MIN;
		g_hash_table_insert(boosts->slots, GUINT_TO_POINTER(uid), slot);
	}
	return slot;
}

static void slot_free(gpointer data)
{
	struct slot *slot = data;

	boost_free(slot->pending);
	g_free(slot);
}

/* ---- What is due ---------------------------------------------------------------------------- */

static void arm_timer(struct boosts *boosts, int64_t due_us)
{
	if (boosts->timer)
		g_source_set_ready_time(boosts->timer, due_us == INT64_MAX ? -1 : MAX(due_us, 0));
}

static int64_t next_due(const struct boosts *boosts)
{
	int64_t due_us = boosts->retries.due_us;
	GHashTableIter iter;
	gpointer value;

	for (guint i = 0; i < boosts->all->len; i++) {
		const struct boost *boost = g_ptr_array_index(boosts->all, i);

		due_us = MIN(due_us, MIN(boost->expires_us, boost->look_us));
	}
	g_hash_table_iter_init(&iter, boosts->slots);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct slot *slot = value;

		if (slot->is_pending)
			due_us = MIN(due_us, slot->due_us);
	}
	return due_us;
}

/* As apply_class(), now or later: nobody who could be told of a failure could do better. */
static void bring_about(struct boosts *boosts, const struct rl_target *target)
{
	int r = apply_class(boosts, target);

	if (r >= 0)
		return;
	if (retries_add(&boosts->retries, target, g_get_monotonic_time()))
		g_warning("the scheduler did not take the class of %s %d: %s; it is tried again",
			  scope_name(target->scope), target->tgid, g_strerror(-r));
	arm_timer(boosts, next_due(boosts));
}

/* The end of one process after the other must not keep the service busy. */
static void look_soon(struct boosts *boosts, struct boost *boost)
{
	boost->look_us = MAX(g_get_monotonic_time(), boosts->looked_us + TREES_PERIOD_US);
	arm_timer(boosts, next_due(boosts));
}

/* ---- The end of what boosts are about ------------------------------------------------------- */

struct watch {
	struct boosts *boosts;
	uint32_t cookie;
};

/*
 * The tree's root, or whoever has kept the boost since, has ended. A window is its process's: what is
 * in the foreground ends with that.
 */
static gboolean may_have_heirs(const struct boost *boost)
{
	return boost->target.scope == RL_SCOPE_TREE && boost->class == RL_CLASS_BOOSTED;
}

static gboolean on_target_event(gint fd, GIOCondition condition, gpointer userdata)
{
	struct watch *watch = userdata;
	struct boosts *boosts = watch->boosts;
	struct boost *boost = g_ptr_array_index(boosts->all, find_index(boosts, watch->cookie));

	(void)fd, (void)condition;
	if (is_alive(boost))
		return G_SOURCE_CONTINUE; /* a group changed otherwise */
	if (may_have_heirs(boost)) {
		boost->watch = 0;
		look_soon(boosts, boost);
	} else {
		boosts_remove(boosts, watch->cookie, BOOST_EXITED);
	}
	return G_SOURCE_REMOVE;
}

static void watch_target(struct boosts *boosts, struct boost *boost)
{
	struct watch *watch;

	if (!boosts->listener)
		return; /* boosts_start() will */
	watch = g_new(struct watch, 1);
	watch->boosts = boosts;
	watch->cookie = boost->cookie;
	if (boost->process)
		boost->watch = g_unix_fd_add_full(G_PRIORITY_DEFAULT, boost->process->pidfd,
						  G_IO_IN, on_target_event, watch, g_free);
	else
		boost->watch =
			g_unix_fd_add_full(G_PRIORITY_DEFAULT, boost->cgroup->events_fd,
					   G_IO_PRI | G_IO_ERR, on_target_event, watch, g_free);
}

static void tell_refused(struct boosts *boosts)
{
	uint64_t refused = classes_members_refused(boosts->classes);

	if (refused > boosts->refused && boosts->refused == 0)
		g_warning(
			"more processes are in boosted trees than can be recorded; boosts of trees "
			"may end before their last process does");
	boosts->refused = refused;
}

/* TRUE: the boost goes on for now, perhaps with another process to keep it. */
static gboolean find_heir(struct boosts *boosts, struct boost *boost)
{
	gboolean again;
	struct process *process = trees_find_living(boosts->classes, &boost->target, &again);

	tell_refused(boosts);
	if (!process) {
		boost->look_us = again ? boosts->looked_us + TREES_PERIOD_US : INT64_MAX;
		return again;
	}
	g_debug("boost %" PRIu32 " goes on with process %d (%s) of its tree", boost->cookie,
		process->pid, process->name);
	boost->look_us = INT64_MAX;
	process_free(boost->process);
	boost->process = process;
	if (boosts->store) {
		/* systemd would keep both under one name. */
		store_drop_fd(boosts->store, boost->cookie);
		store_put_fd(boosts->store, boost);
	}
	return TRUE;
}

static void look_into_trees(struct boosts *boosts, int64_t now_us)
{
	guint looks = 0;
	gboolean changed = FALSE;

	for (guint i = boosts->all->len; i-- > 0 && looks < TREES_AT_A_TIME;) {
		struct boost *boost = g_ptr_array_index(boosts->all, i);

		if (boost->look_us > now_us)
			continue;
		looks++;
		boosts->looked_us = now_us;
		if (!find_heir(boosts, boost)) {
			boosts_remove(boosts, boost->cookie, BOOST_EXITED);
		} else if (boost->look_us == INT64_MAX) {
			watch_target(boosts, boost);
			changed = TRUE;
		}
	}
	/* What is left has its turn in the next period. */
	for (guint i = 0; looks == TREES_AT_A_TIME && i < boosts->all->len; i++) {
		struct boost *boost = g_ptr_array_index(boosts->all, i);

		if (boost->look_us <= now_us)
			boost->look_us = now_us + TREES_PERIOD_US;
	}
	if (changed)
		save(boosts);
}

/* ---- Adding and removing -------------------------------------------------------------------- */

static void set_add_failed(int err, GError **error)
{
	if (err == -ENOSPC)
		g_set_error_literal(error, RUSTLAND_ERROR, RUSTLAND_ERROR_LIMIT_EXCEEDED,
				    "The scheduler's table of boosts is full; release one first");
	else
		g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_FAILED,
			    "The scheduler did not take the boost: %s", g_strerror(-err));
}

/* Takes the boost over. */
static uint32_t insert(struct boosts *boosts, struct boost *boost, GError **error)
{
	int r;

	if (!quota_has_room(boost->uid, boosts->all->len, error)) {
		boost_free(boost);
		return 0;
	}
	set_target(boost);
	if (!is_alive(boost)) {
		g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
			    "%s has just ended", boost_name(boost));
		boost_free(boost);
		return 0;
	}
	boost->cookie = new_cookie(boosts);
	boost->since_us = g_get_real_time();
	if (boost->timeout_us)
		boost->expires_us = g_get_monotonic_time() + (int64_t)boost->timeout_us;
	boost->name = g_strdup(boost_name(boost));
	g_ptr_array_add(boosts->all, boost);
	r = apply_class(boosts, &boost->target);
	if (r < 0) {
		set_add_failed(r, error);
		g_ptr_array_steal_index(boosts->all, boosts->all->len - 1);
		/* It may have been taken in part. */
		bring_about(boosts, &boost->target);
		boost_free(boost);
		return 0;
	}
	if (may_have_heirs(boost))
		trees_record(boosts->classes, &boost->target);
	if (boosts->store)
		store_put_fd(boosts->store, boost);
	save(boosts);
	g_info("boost %" PRIu32 " of %s %d (%s) for user %u: %s", boost->cookie,
	       scope_name(boost->target.scope), boost->pid, boost_name(boost), boost->uid,
	       class_name(boost->class));
	watch_target(boosts, boost);
	if (boosts->listener)
		boosts->listener->added(boosts->userdata, boost);
	return boost->cookie;
}

gboolean boosts_remove(struct boosts *boosts, uint32_t cookie, enum boost_end end)
{
	guint i = find_index(boosts, cookie);
	struct boost *boost;

	if (i == boosts->all->len)
		return FALSE;
	boost = g_ptr_array_steal_index(boosts->all, i);
	bring_about(boosts, &boost->target);
	if (boosts->store)
		store_drop_fd(boosts->store, cookie);
	save(boosts);
	g_info("boost %" PRIu32 " of %d (%s) ended: %s", cookie, boost->pid, boost_name(boost),
	       boost_end_name(end));
	if (boosts->listener)
		boosts->listener->removed(boosts->userdata, boost, end);
	boost_free(boost);
	return TRUE;
}

void boosts_set_suspended(struct boosts *boosts, uint32_t cookie, gboolean is_suspended)
{
	guint i = find_index(boosts, cookie);
	struct boost *boost;

	if (i == boosts->all->len)
		return;
	boost = g_ptr_array_index(boosts->all, i);
	if (boost->is_suspended == is_suspended)
		return;
	boost->is_suspended = is_suspended;
	bring_about(boosts, &boost->target);
	save(boosts);
	g_info("boost %" PRIu32 " of user %u is %s", cookie, boost->uid,
	       is_suspended ? "suspended" : "in force again");
}

static uint32_t count_held(const struct boosts *boosts, uid_t uid)
{
	uint32_t n = 0;

	for (guint i = 0; i < boosts->all->len; i++) {
		const struct boost *boost = g_ptr_array_index(boosts->all, i);

		n += boost->uid == uid && boost->class == RL_CLASS_BOOSTED;
	}
	return n;
}

uint32_t boosts_add(struct boosts *boosts, struct boost *boost, GError **error)
{
	uint32_t cookie;

	if (!quota_allows_boost(boosts->quota, count_held(boosts, boost->uid), error)) {
		boost_free(boost);
		return 0;
	}
	boost->class = RL_CLASS_BOOSTED;
	cookie = insert(boosts, boost, error);
	arm_timer(boosts, next_due(boosts));
	return cookie;
}

gboolean boosts_take_change(struct boosts *boosts, uid_t uid, GError **error)
{
	return quota_take_change(boosts->quota, uid, g_get_monotonic_time(), error);
}

void boosts_set_limits(struct boosts *boosts, const struct config *config)
{
	quota_set(boosts->quota, config->max_boosts_per_user, config->max_changes,
		  (int64_t)config->changes_window_s * G_USEC_PER_SEC);
}

void boosts_end_all(struct boosts *boosts, enum boost_end end)
{
	while (boosts->all->len) {
		const struct boost *boost = g_ptr_array_index(boosts->all, boosts->all->len - 1);

		boosts_remove(boosts, boost->cookie, end);
	}
}

void boosts_client_vanished(struct boosts *boosts, const char *client)
{
	for (guint i = boosts->all->len; i-- > 0;) {
		const struct boost *boost = g_ptr_array_index(boosts->all, i);

		if (g_strcmp0(boost->client, client) == 0)
			boosts_remove(boosts, boost->cookie, BOOST_CLIENT_VANISHED);
	}
}

/* ---- The foreground ------------------------------------------------------------------------- */

/* What is pending takes the slot. */
static void carry_out(struct boosts *boosts, struct slot *slot, int64_t now_us)
{
	const struct boost *old = boosts_find(boosts, slot->cookie);
	struct boost *new = g_steal_pointer(&slot->pending);
	g_autoptr(GError) error = NULL;

	slot->is_pending = FALSE;
	slot->due_us = now_us + FOREGROUND_PERIOD_US;
	if (new)
		set_target(new);
	/* What is suspended was allowed again just now. */
	if (old && new && same_target(&old->target, &new->target) && !old->is_suspended) {
		boost_free(new);
		return;
	}
	if (old)
		boosts_remove(boosts, old->cookie, new ? BOOST_REPLACED : BOOST_RELEASED);
	slot->cookie = 0;
	if (!new)
		return;
	new->class = RL_CLASS_FOREGROUND;
	slot->cookie = insert(boosts, new, &error);
	if (!slot->cookie)
		g_debug("nothing comes to the foreground: %s", error->message);
}

uint64_t boosts_next_order(struct boosts *boosts)
{
	return ++boosts->last_order;
}

void boosts_set_foreground(struct boosts *boosts, uid_t uid, struct boost *boost, uint64_t order)
{
	int64_t now_us = g_get_monotonic_time();
	struct slot *slot = get_slot(boosts, uid);

	if (order < slot->order) {
		boost_free(boost);
		return;
	}
	slot->order = order;
	boost_free(slot->pending);
	slot->pending = boost;
	slot->is_pending = TRUE;
	if (slot->due_us <= now_us)
		carry_out(boosts, slot, now_us);
	arm_timer(boosts, next_due(boosts));
}

/* ---- Time ----------------------------------------------------------------------------------- */

static void try_again(struct boosts *boosts, int64_t now_us)
{
	g_autoptr(GArray) due = retries_take(&boosts->retries, now_us);

	for (guint i = 0; due && i < due->len; i++) {
		const struct rl_target *target = &g_array_index(due, struct rl_target, i);

		if (apply_class(boosts, target) < 0)
			retries_add(&boosts->retries, target, now_us);
	}
}

int64_t boosts_run(struct boosts *boosts, int64_t now_us)
{
	GHashTableIter iter;
	gpointer value;

	for (guint i = boosts->all->len; i-- > 0;) {
		const struct boost *boost = g_ptr_array_index(boosts->all, i);

		if (boost->expires_us <= now_us)
			boosts_remove(boosts, boost->cookie, BOOST_EXPIRED);
	}
	try_again(boosts, now_us);
	look_into_trees(boosts, now_us);
	g_hash_table_iter_init(&iter, boosts->slots);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct slot *slot = value;

		if (slot->is_pending && slot->due_us <= now_us)
			carry_out(boosts, slot, now_us);
	}
	return next_due(boosts);
}

static gboolean on_timer(gpointer userdata)
{
	struct boosts *boosts = userdata;

	arm_timer(boosts, boosts_run(boosts, g_get_monotonic_time()));
	return G_SOURCE_CONTINUE;
}

static gboolean dispatch_timer(GSource *source, GSourceFunc callback, gpointer userdata)
{
	(void)source;
	return callback(userdata);
}

/* A source that is ready at a time of its own, in microseconds. */
static GSource *timer_new(struct boosts *boosts)
{
	static GSourceFuncs functions = {.dispatch = dispatch_timer};
	GSource *source = g_source_new(&functions, sizeof(*source));

	g_source_set_callback(source, on_timer, boosts, NULL);
	g_source_attach(source, NULL);
	return source;
}

/* ---- Start and end -------------------------------------------------------------------------- */

/* As often as it takes to find that all of a full record have ended. */
#define HEIR_LOOKS 1024

static void lose(struct boosts *boosts, struct boost *boost, enum boost_end end)
{
	const struct lost lost = {.boost = boost, .end = end};

	if (boosts->store)
		store_drop_fd(boosts->store, boost->cookie);
	g_array_append_val(boosts->lost, lost);
}

static void restore_one(struct boosts *boosts, struct boost *boost)
{
	gboolean looks = boost->pid && !boost->process && may_have_heirs(boost);

	for (guint i = 0; looks && i < HEIR_LOOKS && !boost->process; i++)
		looks = find_heir(boosts, boost);
	if (boost->pid ? !boost->process : !boost->cgroup) {
		lose(boosts, boost, BOOST_EXITED);
		return;
	}
	/* The group it was about is gone, even if the process lives on elsewhere. */
	if (boost->target.scope == RL_SCOPE_CGROUP && !boost->cgroup) {
		lose(boosts, boost, BOOST_EXITED);
		return;
	}
	if (boost->process && boost->process->pid == boost->pid &&
	    boost->process->uid != boost->target_uid) {
		lose(boosts, boost, BOOST_DENIED);
		return;
	}
	g_ptr_array_add(boosts->all, boost);
	bring_about(boosts, &boost->target);
	if (boost->class == RL_CLASS_FOREGROUND)
		get_slot(boosts, boost->uid)->cookie = boost->cookie;
}

/* Who belongs to which tree is known to the kernel alone. */
static void keep_members(struct boosts *boosts)
{
	int fd = store_members_fd(boosts->store);

	if (fd >= 0)
		classes_use_members(boosts->classes, fd);
	else if (classes_members_fd(boosts->classes) >= 0)
		store_put_members(boosts->store, classes_members_fd(boosts->classes));
}

static void restore(struct boosts *boosts)
{
	g_autoptr(GPtrArray) stored = store_load(boosts->store);

	if (!stored->len)
		return;
	for (guint i = 0; i < stored->len; i++)
		restore_one(boosts, g_ptr_array_index(stored, i));
	g_message("%u boosts of the last run are in force again, %u ended meanwhile",
		  boosts->all->len, boosts->lost->len);
	save(boosts);
}

struct boosts *boosts_new(struct classes *classes, struct store *store)
{
	struct boosts *boosts = g_new0(struct boosts, 1);

	boosts->classes = classes;
	boosts->store = store;
	boosts->all = g_ptr_array_new_with_free_func((GDestroyNotify)boost_free);
	boosts->slots = g_hash_table_new_full(NULL, NULL, NULL, slot_free);
	boosts->quota = quota_new();
	boosts->lost = g_array_new(FALSE, FALSE, sizeof(struct lost));
	boosts->looked_us = -TREES_PERIOD_US;
	retries_init(&boosts->retries);
	if (store) {
		keep_members(boosts);
		restore(boosts);
	}
	return boosts;
}

void boosts_start(struct boosts *boosts, const struct boosts_listener *listener, gpointer userdata)
{
	boosts->listener = listener;
	boosts->userdata = userdata;
	for (guint i = 0; i < boosts->all->len; i++)
		watch_target(boosts, g_ptr_array_index(boosts->all, i));
	for (guint i = 0; i < boosts->lost->len; i++) {
		struct lost *lost = &g_array_index(boosts->lost, struct lost, i);

		listener->removed(userdata, lost->boost, lost->end);
		boost_free(lost->boost);
	}
	g_array_set_size(boosts->lost, 0);
	boosts->timer = timer_new(boosts);
	arm_timer(boosts, next_due(boosts));
}

void boosts_stop(struct boosts *boosts)
{
	boosts->listener = NULL;
	for (guint i = 0; i < boosts->all->len; i++) {
		struct boost *boost = g_ptr_array_index(boosts->all, i);

		g_clear_handle_id(&boost->watch, g_source_remove);
	}
	if (boosts->timer)
		g_source_destroy(boosts->timer);
	g_clear_pointer(&boosts->timer, g_source_unref);
}

void boosts_free(struct boosts *boosts)
{
	if (!boosts)
		return;
	boosts_stop(boosts);
	for (guint i = 0; i < boosts->lost->len; i++)
		boost_free(g_array_index(boosts->lost, struct lost, i).boost);
	g_array_unref(boosts->lost);
	retries_clear(&boosts->retries);
	g_hash_table_unref(boosts->slots);
	g_ptr_array_unref(boosts->all);
	quota_free(boosts->quota);
	g_free(boosts);
}
