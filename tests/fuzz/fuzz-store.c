/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file with the boosts of the last run. What was loaded and is saved is loaded again as it was, as
 * far as its process and group are there.
 *
 * Covers: src/daemon/boost/store.c
 */
#include <fcntl.h>
#include <sys/pidfd.h>

#include <systemd/sd-daemon.h>

#include "tests/fuzz/fuzz-glib.h"

#include "daemon/boost/boost.h"
#include "daemon/boost/store.h"

#define FD     SD_LISTEN_FDS_START
#define NR_FDS 3

/* So that nothing else gets these numbers. */
static void occupy(void)
{
	for (int i = 0; i < NR_FDS; i++)
		require(dup2(1, FD + i) == FD + i);
}

/* Where no directory is nothing can be written, also not when it is tried again. */
static void save_in_vain(void)
{
	g_autoptr(GPtrArray) boosts = g_ptr_array_new();
	struct store *store = store_new("/nowhere", NULL);

	require(store && !store_new("/dev/null", NULL));
	g_ptr_array_unref(store_load(store));
	store_save(store, boosts);
	g_main_context_iteration(NULL, TRUE);
	store_free(store);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	fuzz_make_directory();
	/* A manager that does not listen. */
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	for (int i = 0; i < NR_FDS; i++)
		require(fcntl(FD + i, F_GETFD) < 0);
	occupy();
	save_in_vain();
	return 0;
}

static void check(const struct boost *boost)
{
	require(boost->cookie && boost->class <= RL_CLASS_FOREGROUND);
	require(boost->target.scope <= RL_SCOPE_CGROUP);
	require(boost->reason && boost->app_id && boost->requester);
}

/* As the service manager hands descriptors back: of this process, one that is none, and the map. */
static void hand_back(void)
{
	g_autofree char *pid = g_strdup_printf("%d", getpid());
	int pidfd = pidfd_open(getpid(), 0);

	require(pidfd >= FD + NR_FDS && dup2(pidfd, FD) == FD);
	close(pidfd);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "3", 1);
	setenv("LISTEN_FDNAMES", "boost-7:boost-99:tree-members", 1);
}

static GPtrArray *load(void)
{
	struct store *store;
	GPtrArray *boosts;

	hand_back();
	store = store_new(fuzz_directory, NULL);
	boosts = store_load(store);
	require(fcntl(FD, F_GETFD) < 0 && fcntl(FD + 1, F_GETFD) < 0);
	require(store_members_fd(store) == FD + 2);
	store_put_members(store, FD + 2);
	store_free(store);
	require(fcntl(FD + 2, F_GETFD) < 0);
	occupy();
	g_ptr_array_set_free_func(boosts, (GDestroyNotify)boost_free);
	for (guint i = 0; i < boosts->len; i++)
		check(boosts->pdata[i]);
	return boosts;
}

static void save(const GPtrArray *boosts)
{
	struct store *store = store_new(fuzz_directory, NULL);

	for (guint i = 0; i < boosts->len; i++)
		store_put_fd(store, boosts->pdata[i]);
	store_save(store, boosts);
	store_free(store);
}

static void compare(const GPtrArray *first, const GPtrArray *second)
{
	require(first->len == second->len);
	for (guint i = 0; i < first->len; i++) {
		const struct boost *a = first->pdata[i], *b = second->pdata[i];

		require(a->cookie == b->cookie && a->class == b->class && a->uid == b->uid);
		require(a->target.scope == b->target.scope && a->pid == b->pid);
		require(a->timeout_us == b->timeout_us && a->expires_us == b->expires_us);
		require(g_strcmp0(a->reason, b->reason) == 0);
		require(g_strcmp0(a->client, b->client) == 0);
		require(!a->process == !b->process && !a->cgroup == !b->cgroup);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GPtrArray) first = NULL, second = NULL;

	fuzz_write(fuzz_directory, "boosts", data, size);
	first = load();
	save(first);
	second = load();
	compare(first, second);
	return 0;
}
