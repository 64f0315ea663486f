/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel that is simulated has: its constants, and which kfuncs, types and members are there. The
 * sources of bpf/ ask for these by name, as they ask a real kernel's BTF, so both ways through compat.bpf.h are
 * taken.
 */
#include "sim/kernel/flags.h"
#include "sim/kernel/helpers.h"
#include "sim/kernel/machine.h"

static const struct {
	const char *name;
	uint64_t value;
} constants[] = {
	{"SCX_ENQ_WAKEUP", ENQ_WAKEUP},	    {"SCX_ENQ_CPU_SELECTED", ENQ_CPU_SELECTED},
	{"SCX_ENQ_PREEMPT", ENQ_PREEMPT},   {"SCX_ENQ_LAST", ENQ_LAST},
	{"SCX_DEQ_SLEEP", DEQ_SLEEP},	    {"SCX_KICK_IDLE", KICK_IDLE},
	{"SCX_KICK_PREEMPT", KICK_PREEMPT}, {"SCX_WAKE_TTWU", WAKE_TTWU},
	{"SCX_WAKE_SYNC", WAKE_SYNC},	    {"SCX_TASK_QUEUED", TASK_QUEUED},
	{"SCX_DSQ_LOCAL", DSQ_ID_LOCAL},    {"SCX_RQ_IN_BALANCE", RQ_IN_BALANCE},
};

/* From which kernel on, or until before which one; of those that compat.bpf.h chooses between. */
static const struct {
	const char *name;
	enum sim_kernel from, until;
} symbols[] = {
	{"scx_bpf_dispatch", SIM_KERNEL_6_12, SIM_KERNEL_7_3},
	{"scx_bpf_dispatch_vtime", SIM_KERNEL_6_12, SIM_KERNEL_7_3},
	{"scx_bpf_consume", SIM_KERNEL_6_12, SIM_KERNEL_7_3},
	{"scx_bpf_dispatch_vtime_from_dsq", SIM_KERNEL_6_12, SIM_KERNEL_7_3},
	{"pcpu_hot", SIM_KERNEL_6_12, SIM_KERNEL_7_3},
	{"runqueues", SIM_KERNEL_6_12, SIM_KERNEL_7_3 + 1},
	{"sd_llc_id", SIM_KERNEL_6_12, SIM_KERNEL_7_3 + 1},
	{"sched_core_priority", SIM_KERNEL_6_12, SIM_KERNEL_7_3 + 1},
	{"scx_bpf_dsq_insert", SIM_KERNEL_7_3, SIM_KERNEL_7_3 + 1},
	{"scx_bpf_dsq_insert___v2", SIM_KERNEL_7_3, SIM_KERNEL_7_3 + 1},
	{"scx_bpf_dsq_insert_vtime", SIM_KERNEL_7_3, SIM_KERNEL_7_3 + 1},
	{"scx_bpf_dsq_move_to_local", SIM_KERNEL_7_3, SIM_KERNEL_7_3 + 1},
	{"scx_bpf_dsq_move_to_local___v2", SIM_KERNEL_7_3, SIM_KERNEL_7_3 + 1},
	{"scx_bpf_dsq_move_vtime", SIM_KERNEL_7_3, SIM_KERNEL_7_3 + 1},
	{"scx_bpf_task_set_slice", SIM_KERNEL_7_3, SIM_KERNEL_7_3 + 1},
	{"scx_bpf_select_cpu_and", SIM_KERNEL_7_3, SIM_KERNEL_7_3 + 1},
	{"scx_bpf_pick_idle_cpu_node", SIM_KERNEL_7_3, SIM_KERNEL_7_3 + 1},
	{"scx_bpf_get_idle_smtmask_node", SIM_KERNEL_7_3, SIM_KERNEL_7_3 + 1},
	{"__preempt_count", SIM_KERNEL_7_3, SIM_KERNEL_7_3 + 1},
};

bool sim_has_symbol(const char *name)
{
	static const char suffix[] = "___compat";
	size_t len;

	name += *name == '&';
	len = strlen(name);
	if (len > sizeof(suffix) - 1 && strcmp(name + len - (sizeof(suffix) - 1), suffix) == 0)
		len -= sizeof(suffix) - 1;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if (strlen(symbols[i].name) == len && strncmp(symbols[i].name, name, len) == 0)
			return machine.kernel >= symbols[i].from &&
			       machine.kernel < symbols[i].until;
	return false;
}

bool sim_has_constant(const char *name)
{
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (strcmp(constants[i].name, name) == 0)
			return true;
	return false;
}

uint64_t sim_constant(const char *name)
{
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (strcmp(constants[i].name, name) == 0)
			return constants[i].value;
	return 0;
}

bool sim_has_type(const char *name)
{
	return machine.kernel >= SIM_KERNEL_7_3 &&
	       (strcmp(name, "struct scx_bpf_dsq_insert_vtime_args") == 0 ||
		strcmp(name, "struct scx_bpf_select_cpu_and_args") == 0);
}

bool sim_has_member(const char *type, const char *member)
{
	if (strcmp(type, "struct pcpu_hot") == 0 && strcmp(member, "preempt_count") == 0)
		return machine.kernel < SIM_KERNEL_7_3;
	if (strcmp(type, "struct task_struct") == 0 && strcmp(member, "sched_task_group") == 0)
		return true;
	if (strcmp(type, "struct task_group") == 0)
		return true;
	if (strcmp(type, "struct scx_rq") == 0 && strcmp(member, "lock_drop_seq") == 0)
		return machine.kernel >= SIM_KERNEL_7_3;
	return false;
}
