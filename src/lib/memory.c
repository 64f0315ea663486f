/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See memory.h. Runs before the scheduler is attached and after it is detached, never in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/memory.h"

/*
 * kcompactd remaps pages even when they are locked, and whoever touches such a page waits for it;
 * this sysctl forbids it (upstream scx_rustland 28bf96c78 found stalls without it).
 */
#define COMPACT_UNEVICTABLE "/proc/sys/vm/compact_unevictable_allowed"

enum {
	HEAP_RESERVE = 4 * 1024 * 1024,
	STACK_RESERVE = 128 * 1024,
};

static int read_sysctl(void)
{
	char value[16] = "";
	int fd = open(COMPACT_UNEVICTABLE, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -1;
	len = read(fd, value, sizeof(value) - 1);
	close(fd);
	return len > 0 ? value[0] - '0' : -1;
}

static int write_sysctl(int value)
{
	char text = (char)('0' + value);
	int fd = open(COMPACT_UNEVICTABLE, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, &text, 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

/*
 * Helper threads may still allocate a little. Let malloc() never ask the kernel for that:
 * everything comes from one heap that is grown and touched here, and nothing is given back.
 */
static void reserve_heap(void)
{
	void *reserve;

	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, -1);
	mallopt(M_TOP_PAD, HEAP_RESERVE);
	reserve = malloc(HEAP_RESERVE);
	if (reserve)
		explicit_bzero(reserve, HEAP_RESERVE);
	free(reserve);
}

/* The page behind clock_gettime() is the kernel's, so mlockall() does not touch it. */
static void touch_clocks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &now);
}

static void __attribute__((noinline)) touch_stack(void)
{
	char reserve[STACK_RESERVE];

	explicit_bzero(reserve, sizeof(reserve));
}

int rl_memory_lock(struct rl_memory *ret, const char **ret_warning)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	int old;

	*ret = (struct rl_memory){.saved_compact_unevictable = -1};
	*ret_warning = NULL;

	/* May fail without CAP_SYS_RESOURCE; what counts is whether mlockall() works. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		*ret_warning = "memory could not be locked: raise RLIMIT_MEMLOCK "
			       "(LimitMEMLOCK=infinity) or give CAP_IPC_LOCK";
		return -errno;
	}
	ret->locked = true;
	/*
	 * khugepaged takes pages away, locked or not, to put a huge one in their place, and who
	 * touches them meanwhile waits for it. Fails only on kernels without huge pages.
	 */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	reserve_heap();
	touch_stack();
	touch_clocks();

	old = read_sysctl();
	if (old > 0) {
		if (write_sysctl(0))
			*ret_warning = "vm.compact_unevictable_allowed could not be set to 0: "
				       "memory compaction may delay the scheduler";
		else
			ret->saved_compact_unevictable = old;
	}
	return 0;
}

void rl_memory_unlock(struct rl_memory *memory)
{
	if (memory->saved_compact_unevictable > 0)
		write_sysctl(memory->saved_compact_unevictable);
	if (memory->locked) {
		prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
		munlockall();
	}
	*memory = (struct rl_memory){.saved_compact_unevictable = -1};
}
