/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Texts of /proc/PID and of control groups. Whoever chose the name of a process or the path of a
 * group must not be able to make up more than that.
 *
 * Covers: src/daemon/boost/proc-text.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include "daemon/boost/proc-text.h"

/* What the kernel puts around a name in /proc/PID/stat; a name has at most 64 bytes there. */
static void check_stat_around(const char *name)
{
	g_autofree char *text = g_strdup_printf("4711 (%.64s) S 42 1 1 0 -1 4194560 1 2 3 4 5 6 7 "
						"8 20 0 1 0 987654321 0 0",
						name);
	pid_t parent = 0;
	uint64_t flags = 0, ticks = 0;

	require(proc_text_stat(text, &parent, &flags, &ticks));
	require(parent == 42 && flags == 4194560 && ticks == 987654321);
}

/* Of /proc/PID/status the kernel escapes newlines in the name, and of cgroups refuses them. */
static void check_lines_around(char *name)
{
	g_autofree char *status = NULL, *groups = NULL, *path = NULL;
	uid_t uid = 0, acts_as = 0;
	pid_t pid = 0;

	g_strdelimit(name, "\n", ' ');
	status = g_strdup_printf("Name:\t%s\nTgid:\t77\nUid:\t5\t5\t5\t5\n", name);
	require(proc_text_pid(status, "Tgid:", &pid) && pid == 77);
	require(proc_text_uid(status, &uid, &acts_as) && uid == 5 && acts_as == 5);
	groups = g_strdup_printf("1:name=x:/%s\n0::/a%s\n", name, name);
	path = proc_text_cgroup(groups);
	require(path && g_str_has_prefix(path, "/a"));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *path = proc_text_cgroup(text), name[64];
	uint64_t flags, ticks;
	pid_t parent, pid;
	uid_t uid = 1, acts_as = 1;

	proc_text_stat(text, &parent, &flags, &ticks);
	proc_text_pid(text, "Tgid:", &pid);
	proc_text_nested(text);
	if (!proc_text_uid(text, &uid, &acts_as))
		require(uid == 1 && acts_as == 1);
	proc_text_populated(text);
	require(!path || (g_utf8_validate(path, -1, NULL) && !strchr(path, '\n')));
	g_strlcpy(name, text, sizeof(name));
	proc_text_name(name, sizeof(name));
	require(g_utf8_validate(name, -1, NULL));
	for (const char *c = name; *c; c++)
		require(!g_ascii_iscntrl(*c));
	check_stat_around(text);
	check_lines_around(text);
	g_free(path);
	free(text);
	return 0;
}
