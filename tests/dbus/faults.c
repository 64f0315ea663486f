/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes the n-th call of a kind fail in a program that is started with this in LD_PRELOAD. Whoever
 * starts it says which in a file, FAULTS_CONTROL, that both have mapped: so that a fault can be set at
 * any time, and how many calls there were can be read. Only the program of the name FAULTS_PROGRAM is
 * looked at, and not what it forks.
 *
 * A call that fails does nothing else. It must never change what it does not make fail.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

/* faults.py has the same numbers. */
enum kind {
	NONE,
	OPEN, /* a file or a directory */
	READ,
	WRITE,
	FD,	 /* whatever else makes a descriptor */
	NET,	 /* what is done with a socket */
	PROCESS, /* processes and threads */
	FILES,	 /* names of files */
	WATCH,	 /* being told of events */
	MEMORY,	 /* of which the lack is noticed */
	ABORT,	 /* of which the lack is the end: GLib's */
	BUS,	 /* calls on a bus */
	NR_KINDS,
};

/* In the file. The test writes the first line, this program the others. */
struct control {
	int32_t kind, at, error;
	int32_t hit;			 /* one has failed */
	_Atomic int32_t count[NR_KINDS]; /* calls of each kind */
	char what[128];			 /* which one failed */
};

static struct control *control;
static pid_t self;
static atomic_bool acted; /* since the last lack of GLib's memory that was counted */

__attribute__((constructor)) static void find_control(void)
{
	const char *path = getenv("FAULTS_CONTROL"), *program = getenv("FAULTS_PROGRAM");
	int fd;

	if (!path || !program || strcmp(program, program_invocation_short_name) != 0)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (control == MAP_FAILED)
		control = NULL;
	syscall(SYS_close, fd);
	self = getpid();
}

/* Whether this call is the one. */
static bool fails(enum kind kind, const char *name, const char *argument)
{
	int32_t number;

	if (!control || getpid() != self)
		return false;
	if (kind != MEMORY && kind != ABORT)
		atomic_store(&acted, true);
	number = atomic_fetch_add(&control->count[kind], 1) + 1;
	if (control->kind != (int32_t)kind || number != control->at)
		return false;
	strncpy(control->what, name, sizeof(control->what) - 1);
	if (argument) {
		strncat(control->what, " ", sizeof(control->what) - strlen(control->what) - 1);
		strncat(control->what, argument, sizeof(control->what) - strlen(control->what) - 1);
	}
	control->hit = 1;
	errno = control->error;
	return true;
}

/* An eventfd is memory of the program's own: reading or writing one does not fail. */
static bool is_real(int fd)
{
	struct stat st;

	return syscall(SYS_fstat, fd, &st) < 0 || (st.st_mode & S_IFMT);
}

/*
 * Nor does reading a pipe, unlike writing to one. GLib has one to its child until that executes its program,
 * and if reading fails, which no kernel has a reason for, waits for the end of that program.
 */
static bool may_fail_to_read(int fd)
{
	struct stat st;

	return is_real(fd) && (syscall(SYS_fstat, fd, &st) < 0 || !S_ISFIFO(st.st_mode));
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define FAIL(kind, result, name, ret, parameters, arguments, argument)                             \
	FAIL_IF(true, kind, result, name, ret, parameters, arguments, argument)

#define FAIL_IF(condition, kind, result, name, ret, parameters, arguments, argument)               \
	ret name parameters                                                                        \
	{                                                                                          \
		static ret(*real) parameters;                                                      \
                                                                                                   \
		if ((condition) && fails(kind, #name, argument))                                   \
			return result;                                                             \
		if (!real)                                                                         \
			real = (ret(*) parameters)dlsym(RTLD_NEXT, #name);                         \
		return real arguments;                                                             \
	}

/* ---- Files ---------------------------------------------------------------------------------- */

#define FAIL_OPEN(name)                                                                            \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		va_list args;                                                                      \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(args, flags);                                                             \
		mode = va_arg(args, mode_t);                                                       \
		va_end(args);                                                                      \
		return fails(OPEN, #name, path) ? -1 : REAL(name)(path, flags, mode);              \
	}

#define FAIL_OPENAT(name)                                                                          \
	int name(int dir, const char *path, int flags, ...)                                        \
	{                                                                                          \
		va_list args;                                                                      \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(args, flags);                                                             \
		mode = va_arg(args, mode_t);                                                       \
		va_end(args);                                                                      \
		return fails(OPEN, #name, path) ? -1 : REAL(name)(dir, path, flags, mode);         \
	}

FAIL_OPEN(open)
FAIL_OPEN(open64)
FAIL_OPENAT(openat)
FAIL_OPENAT(openat64)
FAIL(OPEN, NULL, fopen, FILE *, (const char *path, const char *mode), (path, mode), path)
FAIL(OPEN, NULL, fopen64, FILE *, (const char *path, const char *mode), (path, mode), path)
FAIL(OPEN, NULL, opendir, DIR *, (const char *path), (path), path)

FAIL_IF(may_fail_to_read(fd), READ, -1, read, ssize_t, (int fd, void *buf, size_t n), (fd, buf, n),
	NULL)
FAIL_IF(may_fail_to_read(fd), READ, -1, pread, ssize_t, (int fd, void *buf, size_t n, off_t at),
	(fd, buf, n, at), NULL)
FAIL_IF(may_fail_to_read(fd), READ, -1, pread64, ssize_t, (int fd, void *buf, size_t n, off64_t at),
	(fd, buf, n, at), NULL)
FAIL(READ, NULL, readdir, struct dirent *, (DIR * dir), (dir), NULL)
FAIL(READ, NULL, readdir64, struct dirent64 *, (DIR * dir), (dir), NULL)
FAIL_IF(is_real(fd), WRITE, -1, write, ssize_t, (int fd, const void *buf, size_t n), (fd, buf, n),
	NULL)
FAIL_IF(is_real(fd), WRITE, -1, writev, ssize_t, (int fd, const struct iovec *v, int n), (fd, v, n),
	NULL)
FAIL(WRITE, -1, fsync, int, (int fd), (fd), NULL)
FAIL_IF(!f || __fpending(f), WRITE, EOF, fflush, int, (FILE * f), (f), NULL)
FAIL(WRITE, -1, ftruncate, int, (int fd, off_t size), (fd, size), NULL)
FAIL(WRITE, ENOSPC, posix_fallocate, int, (int fd, off_t at, off_t size), (fd, at, size), NULL)

FAIL(FILES, -1, mkdir, int, (const char *path, mode_t mode), (path, mode), path)
FAIL(FILES, -1, rename, int, (const char *from, const char *to), (from, to), to)
FAIL(FILES, -1, unlink, int, (const char *path), (path), path)
FAIL(FILES, -1, remove, int, (const char *path), (path), path)
FAIL(FILES, -1, chmod, int, (const char *path, mode_t mode), (path, mode), path)
/* Not fchmod(): GLib leaks the descriptor of a temporary file then. */
FAIL(FILES, -1, access, int, (const char *path, int mode), (path, mode), path)
FAIL(FILES, -1, stat, int, (const char *path, struct stat *st), (path, st), path)
FAIL(FILES, -1, lstat, int, (const char *path, struct stat *st), (path, st), path)
FAIL(FILES, -1, stat64, int, (const char *path, struct stat64 *st), (path, st), path)
FAIL(FILES, -1, lstat64, int, (const char *path, struct stat64 *st), (path, st), path)
FAIL(FILES, -1, fstat64, int, (int fd, struct stat64 *st), (fd, st), NULL)
FAIL(FILES, -1, statx, int,
     (int dir, const char *path, int flags, unsigned int mask, struct statx *st),
     (dir, path, flags, mask, st), path)
FAIL(FILES, -1, fstat, int, (int fd, struct stat *st), (fd, st), NULL)

/* ---- Descriptors ----------------------------------------------------------------------------- */

#define FAIL_FCNTL(name)                                                                           \
	int name(int fd, int command, ...)                                                         \
	{                                                                                          \
		va_list args;                                                                      \
		void *argument;                                                                    \
                                                                                                   \
		va_start(args, command);                                                           \
		argument = va_arg(args, void *);                                                   \
		va_end(args);                                                                      \
		if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) &&                          \
		    fails(FD, #name, "F_DUPFD"))                                                   \
			return -1;                                                                 \
		return REAL(name)(fd, command, argument);                                          \
	}

FAIL_FCNTL(fcntl)
FAIL_FCNTL(fcntl64)
FAIL(FD, -1, dup, int, (int fd), (fd), NULL)
FAIL(FD, -1, pipe, int, (int fds[2]), (fds), NULL)
FAIL(FD, -1, pipe2, int, (int fds[2], int flags), (fds, flags), NULL)
FAIL(FD, -1, pidfd_open, int, (pid_t pid, unsigned int flags), (pid, flags), NULL)
FAIL(FD, -1, socket, int, (int domain, int type, int protocol), (domain, type, protocol), NULL)
FAIL(FD, -1, socketpair, int, (int domain, int type, int protocol, int fds[2]),
     (domain, type, protocol, fds), NULL)
FAIL(FD, -1, eventfd, int, (unsigned int value, int flags), (value, flags), NULL)
FAIL(FD, -1, epoll_create1, int, (int flags), (flags), NULL)
FAIL(FD, -1, timerfd_create, int, (clockid_t clock, int flags), (clock, flags), NULL)
FAIL(FD, -1, inotify_init1, int, (int flags), (flags), NULL)
FAIL(FD, -1, accept4, int, (int fd, struct sockaddr *address, socklen_t *len, int flags),
     (fd, address, len, flags), NULL)
FAIL(FD, -1, memfd_create, int, (const char *name, unsigned int flags), (name, flags), name)

FAIL(NET, -1, connect, int, (int fd, const struct sockaddr *address, socklen_t len),
     (fd, address, len), NULL)
FAIL(NET, -1, bind, int, (int fd, const struct sockaddr *address, socklen_t len),
     (fd, address, len), NULL)
FAIL(NET, -1, listen, int, (int fd, int n), (fd, n), NULL)
FAIL(NET, -1, sendmsg, ssize_t, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags), NULL)
FAIL(NET, -1, recvmsg, ssize_t, (int fd, struct msghdr *message, int flags), (fd, message, flags),
     NULL)
FAIL(NET, -1, send, ssize_t, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags),
     NULL)
FAIL(NET, -1, recv, ssize_t, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags), NULL)
FAIL(NET, -1, getsockopt, int, (int fd, int level, int name, void *value, socklen_t *len),
     (fd, level, name, value, len), NULL)
FAIL(NET, -1, setsockopt, int, (int fd, int level, int name, const void *value, socklen_t len),
     (fd, level, name, value, len), NULL)

FAIL(WATCH, -1, epoll_ctl, int, (int fd, int op, int of, struct epoll_event *event),
     (fd, op, of, event), NULL)
FAIL(WATCH, -1, timerfd_settime, int,
     (int fd, int flags, const struct itimerspec *value, struct itimerspec *old),
     (fd, flags, value, old), NULL)
FAIL(WATCH, -1, inotify_add_watch, int, (int fd, const char *path, uint32_t mask), (fd, path, mask),
     path)

/* ---- Processes, threads, memory ------------------------------------------------------------- */

FAIL(PROCESS, -1, fork, pid_t, (void), (), NULL)
FAIL(PROCESS, EAGAIN, pthread_create, int,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*fn)(void *), void *argument),
     (thread, attr, fn, argument), NULL)
FAIL(PROCESS, EAGAIN, posix_spawn, int,
     (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
      const posix_spawnattr_t *attr, char *const argv[], char *const env[]),
     (pid, path, actions, attr, argv, env), path)

/* ---- Calls on a bus ------------------------------------------------------------------------- */

/* The answer is an error: there is nobody of that name. */
#define NOBODY "org.example.Nobody"

#define FAIL_CALL(name, ret, parameters, arguments)                                                \
	ret name parameters                                                                        \
	{                                                                                          \
		if (fails(BUS, #name, method))                                                     \
			destination = NOBODY;                                                      \
		return REAL(name) arguments;                                                       \
	}

FAIL_CALL(g_dbus_connection_call, void,
	  (void *bus, const char *destination, const char *path, const char *interface,
	   const char *method, void *args, void *reply, int flags, int timeout, void *cancel,
	   void *callback, void *userdata),
	  (bus, destination, path, interface, method, args, reply, flags, timeout, cancel, callback,
	   userdata))
FAIL_CALL(g_dbus_connection_call_sync, void *,
	  (void *bus, const char *destination, const char *path, const char *interface,
	   const char *method, void *args, void *reply, int flags, int timeout, void *cancel,
	   void *error),
	  (bus, destination, path, interface, method, args, reply, flags, timeout, cancel, error))
FAIL_CALL(g_dbus_connection_call_with_unix_fd_list, void,
	  (void *bus, const char *destination, const char *path, const char *interface,
	   const char *method, void *args, void *reply, int flags, int timeout, void *fds,
	   void *cancel, void *callback, void *userdata),
	  (bus, destination, path, interface, method, args, reply, flags, timeout, fds, cancel,
	   callback, userdata))
FAIL_CALL(g_dbus_connection_call_with_unix_fd_list_sync, void *,
	  (void *bus, const char *destination, const char *path, const char *interface,
	   const char *method, void *args, void *reply, int flags, int timeout, void *fds,
	   void **ret_fds, void *cancel, void *error),
	  (bus, destination, path, interface, method, args, reply, flags, timeout, fds, ret_fds,
	   cancel, error))

/* ---- Memory --------------------------------------------------------------------------------- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

/* Without memory GLib ends the program, in these functions. */
static bool is_fatal(const void *caller)
{
	static const char *const names[] = {"g_malloc",	  "g_malloc0",	 "g_realloc",
					    "g_malloc_n", "g_malloc0_n", "g_realloc_n"};
	static _Atomic uintptr_t known[1024]; /* an address, and whether it is in one of them */
	_Atomic uintptr_t *place = &known[((uintptr_t)caller >> 2) % 1024];
	uintptr_t address = (uintptr_t)caller << 1, seen = atomic_load(place);
	bool fatal = false;
	Dl_info info;

	if ((seen & ~(uintptr_t)1) == address)
		return seen & 1;
	if (dladdr(caller, &info) && info.dli_sname)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			fatal |= strcmp(info.dli_sname, names[i]) == 0;
	atomic_store(place, address | fatal);
	return fatal;
}

static void say_caller(const void *caller)
{
	size_t len = strlen(control->what);
	const char *slash;
	Dl_info info;

	if (!dladdr(caller, &info))
		return;
	slash = strrchr(info.dli_fname, '/');
	snprintf(control->what + len, sizeof(control->what) - len, " for %s in %s",
		 info.dli_sname ? info.dli_sname : "?", slash ? slash + 1 : info.dli_fname);
	errno = control->error;
}

/*
 * A program that ends after one allocation has done the same as one that ends after the next, unless there was
 * a call of another kind in between. So one of them is enough.
 */
static bool lacks_memory(const char *name, const void *caller)
{
	if (!control)
		return false;
	if (is_fatal(caller))
		return atomic_exchange(&acted, false) && fails(ABORT, name, NULL);
	if (!fails(MEMORY, name, NULL))
		return false;
	say_caller(caller);
	return true;
}

void *malloc(size_t size)
{
	return lacks_memory("malloc", __builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return lacks_memory("calloc", __builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return lacks_memory("realloc", __builtin_return_address(0)) ? NULL
								    : __libc_realloc(old, size);
}
