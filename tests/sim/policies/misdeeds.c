/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A policy that does in one callback, or as it is loaded or unloaded ("load", "unload"), what it must not:
 * MISDEED="CALLBACK WHAT" in the environment names both. Else it is first come, first served. For
 * tests/sim/forbidden; never to be copied.
 */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <rustland.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- Misdeeds -------------------------------------------------------------------------------- */

static void *volatile memory;
static void *(*volatile allocate)(size_t size) = malloc;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int zero;

static void do_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
}

static void do_time(void)
{
	time(NULL);
}

static void do_malloc(void)
{
	memory = malloc(100);
}

static void do_free(void)
{
	free(memory);
}

/* Its address is in data. */
static void do_pointer(void)
{
	memory = allocate(100);
}

/* It allocates, and nothing says so but what libc calls. */
static void do_canonicalize(void)
{
	memory = canonicalize_file_name(".");
}

static void do_pool(void)
{
	struct rl_pool *pool;

	if (rl_pool_new(&pool, 100) == 0)
		rl_pool_free(&pool);
}

static void do_open(void)
{
	close(open("/dev/null", O_RDONLY));
}

static void do_printf(void)
{
	printf("%d\n", zero);
}

static void do_lock(void)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
}

static void *in_thread(void *argument)
{
	return argument;
}

static void do_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, in_thread, NULL) == 0)
		pthread_join(thread, NULL);
}

static void do_fork(void)
{
	if (!fork())
		_exit(0);
}

static void do_twofold(void)
{
	if (fork() > 0)
		wait(NULL);
}

static void do_sleep(void)
{
	usleep(1);
}

static void do_signal(void)
{
	signal(SIGUSR1, SIG_IGN);
}

static void do_exit(void)
{
	exit(0);
}

/* Nothing in the tables of addresses says that it is called. */
static void (*hidden_exit)(int status);

static void do_vanish(void)
{
	hidden_exit(0);
}

/* Leaves a process behind that has all open files but those of the shell, which would wait for it. */
static void do_linger(void)
{
	if (!fork()) {
		for (int fd = 0; fd < 256; fd++)
			if (fd < 3 || fd > 9)
				close(fd);
		sleep(100);
		hidden_exit(0);
	}
	hidden_exit(0);
}

static void do_abort(void)
{
	abort();
}

static void do_rand(void)
{
	memory = (void *)(long)rand();
}

static void do_getrandom(void)
{
	char byte;

	if (getrandom(&byte, 1, 0) != 1)
		abort();
}

static void do_syscall(void)
{
	syscall(SYS_getpid);
}

static void do_crash(void)
{
	*(volatile int *)(long)zero = 1;
}

static void do_assert(void)
{
	assert(zero);
}

static void do_overflow(void)
{
	volatile char room[4096];

	room[0] = (char)zero;
	if (!zero)
		do_overflow();
	room[1] = room[0];
}

static void do_hang(void)
{
	while (!zero)
		;
}

static void *stay_busy(void *argument)
{
	do_hang();
	return argument;
}

static const struct misdeed {
	const char *name;
	void (*f)(void);
} misdeeds[] = {
	{"clock", do_clock},	   {"time", do_time},	    {"malloc", do_malloc},
	{"free", do_free},	   {"pointer", do_pointer}, {"canonicalize", do_canonicalize},
	{"pool", do_pool},	   {"open", do_open},	    {"printf", do_printf},
	{"lock", do_lock},	   {"thread", do_thread},   {"fork", do_fork},
	{"sleep", do_sleep},	   {"signal", do_signal},   {"exit", do_exit},
	{"abort", do_abort},	   {"rand", do_rand},	    {"getrandom", do_getrandom},
	{"syscall", do_syscall},   {"crash", do_crash},	    {"assert", do_assert},
	{"overflow", do_overflow}, {"hang", do_hang},	    {"busy", do_hang},
	{"twofold", do_twofold},   {"vanish", do_vanish},   {"linger", do_linger},
	{"refuse", NULL}, /* init() does by itself */
};

/* ---- The policy ------------------------------------------------------------------------------ */

struct misdoer {
	struct rl_pool *pool;
	char callback[16];
	const struct misdeed *misdeed;
};

static void misdo(const struct misdoer *m, const char *callback)
{
	if (strcmp(m->callback, callback) == 0)
		m->misdeed->f();
}

static bool is(const struct misdoer *m, const char *name)
{
	return m->misdeed && strcmp(m->misdeed->name, name) == 0;
}

/* False: it is none that there is. */
static bool read_wish(struct misdoer *m)
{
	const char *wanted = getenv("MISDEED");
	char name[16];

	if (wanted && sscanf(wanted, "%15s %15s", m->callback, name) == 2)
		for (size_t i = 0; i < sizeof(misdeeds) / sizeof(misdeeds[0]); i++)
			if (strcmp(misdeeds[i].name, name) == 0)
				m->misdeed = &misdeeds[i];
	return !wanted || m->misdeed;
}

__attribute__((constructor)) static void load(void)
{
	struct misdoer m = {0};

	hidden_exit = (void (*)(int))dlsym(RTLD_DEFAULT, "_exit");
	if (read_wish(&m))
		misdo(&m, "load");
}

__attribute__((destructor)) static void unload(void)
{
	struct misdoer m = {0};

	if (read_wish(&m))
		misdo(&m, "unload");
}

static int misdoer_init(void *state, const struct rl_policy_config *config)
{
	struct misdoer *m = state;
	pthread_t thread;

	(void)config;
	if (!read_wish(m))
		return -EINVAL;
	if (is(m, "refuse"))
		return -ENODATA;
	misdo(m, "init");
	if (is(m, "busy") && pthread_create(&thread, NULL, stay_busy, NULL) != 0)
		return -EAGAIN;
	return rl_pool_new(&m->pool, 8192);
}

static void misdoer_fini(void *state)
{
	struct misdoer *m = state;

	misdo(m, "fini");
	rl_pool_free(&m->pool);
}

static void misdoer_enqueue(void *state, const struct rl_task *task)
{
	struct misdoer *m = state;
	struct rl_decision decision = rl_decide_for(task);

	misdo(m, "enqueue");
	decision.deadline = task->enqueued_at_ns;
	rl_pool_push(m->pool, &decision, task->enqueued_at_ns);
}

static bool misdoer_next(void *state, struct rl_decision *ret)
{
	struct misdoer *m = state;

	misdo(m, "next");
	return rl_pool_pop(m->pool, ret);
}

static void misdoer_undo(void *state, const struct rl_decision *decision)
{
	struct misdoer *m = state;

	misdo(m, "undo");
	rl_pool_push(m->pool, decision, decision->deadline);
}

static void misdoer_tick(void *state, uint64_t now_ns)
{
	(void)now_ns;
	misdo(state, "tick");
}

const struct rl_policy rl_policy = {
	.version = RL_POLICY_VERSION,
	.sz = sizeof(struct rl_policy),
	.name = "misdeeds",
	.summary = "does what a policy must not",
	.state_size = sizeof(struct misdoer),
	.init = misdoer_init,
	.fini = misdoer_fini,
	.enqueue = misdoer_enqueue,
	.next = misdoer_next,
	.undo = misdoer_undo,
	.tick = misdoer_tick,
};
