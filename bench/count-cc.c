// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in the place of a compiler and keeps a record of what it compiled, so that bench-run
 * knows how far a build got to the very moment a window ends. It is called by a compiler's name
 * out of a directory that bench-run puts in front of PATH, and appends one line to $BENCH_CC_LOG
 * for each run:
 *
 *   START-NS END-NS CPU-US ok|failed|cut NAME
 *
 * CPU-US is the CPU time of the compiler and all its children, those of a run that was cut short
 * included. It must never change what the compiler does, and never print anything itself.
 */
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is made if that is told, else what it is made from; spaces would break the line up. */
static void find_name(char *name, size_t size, int argc, char **argv)
{
	const char *found = "-";

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-o") && i + 1 < argc) {
			found = argv[i + 1];
			break;
		}
		if (argv[i][0] != '-')
			found = argv[i];
	}
	snprintf(name, size, "%s", found);
	for (; *name; name++) {
		if (*name == ' ' || *name == '\n')
			*name = '_';
	}
}

static uint64_t usec(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

int main(int argc, char **argv)
{
	const char *log = getenv("BENCH_CC_LOG"), *path = getenv("BENCH_CC_PATH");
	uint64_t start = bench_now();
	int status = 0, child_status = 0, fd;
	struct rusage usage;
	char name[256], line[400];
	pid_t pid, ended;

	bench_name = "count-cc";
	if (!log || !path)
		bench_die("BENCH_CC_LOG and BENCH_CC_PATH are not set; bench-run sets them");

	/*
	 * The compiler's own children outlive it when it is ended by a signal; they count as
	 * well.
	 */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGTERM, SIG_IGN);
	pid = fork();
	if (!pid) {
		signal(SIGTERM, SIG_DFL);
		setenv("PATH", path, 1);
		execvp(basename(argv[0]), argv);
		_exit(127);
	}
	if (pid < 0)
		bench_die("cannot fork: %s", strerror(errno));
	while ((ended = wait(&status)) > 0 || errno == EINTR) {
		if (ended == pid)
			child_status = status;
	}
	getrusage(RUSAGE_CHILDREN, &usage);

	find_name(name, sizeof(name), argc, argv);
	snprintf(line, sizeof(line), "%llu %llu %llu %s %s\n", (unsigned long long)start,
		 (unsigned long long)bench_now(),
		 (unsigned long long)(usec(&usage.ru_utime) + usec(&usage.ru_stime)),
		 WIFSIGNALED(child_status) ? "cut"
		 : child_status		   ? "failed"
					   : "ok",
		 name);
	fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		bench_die("cannot write to %s: %s", log, strerror(errno));
	return WIFEXITED(child_status) ? WEXITSTATUS(child_status) : 1;
}
