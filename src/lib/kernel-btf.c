/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See kernel-btf.h. Constants are looked up by the enumerator's name alone, because kernels move
 * them between enums (the task states did in 7.1).
 */
#include <string.h>

#include "lib/kernel-btf.h"

uint64_t rl_btf_constant(const struct btf *btf, const char *name)
{
	__u32 nr_types = btf__type_cnt(btf);

	for (__u32 id = 1; id < nr_types; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (btf_is_enum(type)) {
			const struct btf_enum *e = btf_enum(type);

			for (int i = 0; i < btf_vlen(type); i++)
				if (!strcmp(btf__name_by_offset(btf, e[i].name_off), name))
					return (uint32_t)e[i].val;
		} else if (btf_is_enum64(type)) {
			const struct btf_enum64 *e = btf_enum64(type);

			for (int i = 0; i < btf_vlen(type); i++)
				if (!strcmp(btf__name_by_offset(btf, e[i].name_off), name))
					return btf_enum64_value(&e[i]);
		}
	}
	return 0;
}

/*
 * pahole before 1.26 writes the implicit last argument of kfuncs into their prototypes (seen with
 * 7.1).
 */
static bool has_aux_argument(const struct btf *btf, const char *kfunc)
{
	int id = btf__find_by_name_kind(btf, kfunc, BTF_KIND_FUNC);
	const struct btf_type *proto;
	const struct btf_param *params;
	int nr;

	if (id < 0)
		return false;
	proto = btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
	params = btf_params(proto);
	nr = btf_vlen(proto);
	return nr && !strcmp(btf__name_by_offset(btf, params[nr - 1].name_off), "aux");
}

const char *rl_btf_problem(const struct btf *btf)
{
	if (btf__find_by_name_kind(btf, "sched_ext_ops", BTF_KIND_STRUCT) < 0)
		return "this kernel was built without sched_ext (CONFIG_SCHED_CLASS_EXT)";
	/* Its highest bit marks a built-in DSQ; pahole before 1.24 cut enumerators to 32 bits. */
	if (!(rl_btf_constant(btf, "SCX_DSQ_LOCAL") >> 63))
		return "this kernel's BTF has truncated constants: it has to be built with pahole "
		       "1.24 "
		       "or newer";
	if (has_aux_argument(btf, "scx_bpf_create_dsq"))
		return "this kernel's BTF describes kfuncs wrongly: it has to be built with pahole "
		       "1.26 or newer";
	return NULL;
}

static bool has_member(const struct btf *btf, const struct btf_type *type, const char *name)
{
	const struct btf_member *members = btf_members(type);

	for (int i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, members[i].name_off), name))
			return true;
	return false;
}

bool rl_btf_core_sched_broken(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "rq", BTF_KIND_STRUCT);
	const struct btf_type *rq = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);

	return rq && has_member(btf, rq, "core_cookie") &&
	       !has_member(btf, rq, "core_pick_in_flight");
}
