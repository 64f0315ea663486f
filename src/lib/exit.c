/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why the kernel ended the scheduler, as the backend's ops.exit recorded it.
 */
#include <errno.h>
#include <string.h>

#include "lib/internal.h"

/*
 * The kernel's exit kinds and codes are part of what it tells every scheduler and do not change:
 * kinds from 1024 on are errors; an exit code carries an action in bits 48 and up.
 */
enum {
	EXIT_KIND_UNREG = 64,	   /* user space took it out */
	EXIT_KIND_UNREG_BPF = 65,  /* it ended itself */
	EXIT_KIND_UNREG_KERN = 66, /* the kernel ended it, without an error */
};
#define EXIT_CODE_RESTART (1ULL << 48)

bool rl_exit_is_recorded(const struct rl *rl)
{
	return __atomic_load_n(&rl->exit_record->kind, __ATOMIC_ACQUIRE) != 0;
}

int rl_exit_info(const struct rl *rl, struct rl_exit *ret)
{
	const struct rl_exit_record *record = rl->exit_record;
	struct rl_exit info = {.sz = ret->sz};

	if (ret->sz < sizeof(ret->sz))
		return -EINVAL;
	info.kind = __atomic_load_n(&record->kind, __ATOMIC_ACQUIRE);
	info.code = record->code;
	info.reason = record->reason;
	info.message = record->message;
	info.dump = rl->exit_dump ? rl->exit_dump : "";
	info.by_user = rl->by_user && info.kind == EXIT_KIND_UNREG;
	/* The code of an error is an errno, which as a negative number has that bit set, too. */
	info.restart = (info.kind == EXIT_KIND_UNREG_BPF || info.kind == EXIT_KIND_UNREG_KERN) &&
		       (uint64_t)info.code & EXIT_CODE_RESTART;
	memcpy(ret, &info, ret->sz < sizeof(info) ? ret->sz : sizeof(info));
	return 0;
}
