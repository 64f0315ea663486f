/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading the backend into the kernel, starting and stopping it. Everything that can go wrong
 * goes wrong here, before the loop runs, and is reported as one line that names the cause and,
 * where there is one, the remedy.
 */
#include <bpf/libbpf.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/limits.h"
#include "lib/internal.h"
#include "lib/kernel-btf.h"
#include "lib/priority.h"

/* bpftool's skeleton uses the BPF side's names for integers. */
typedef uint32_t u32;
typedef uint64_t u64;
#include "bpf/rustland.skel.h"

#define SMT_ACTIVE "/sys/devices/system/cpu/smt/active"

#define MSEC_NS 1000000ULL

enum {
	OPS_NAME_LEN = 128,
	SCHED_EXT_POLICY = 7, /* <sched.h> of glibc 2.41 does not have SCHED_EXT yet */
	DEFAULT_TIMEOUT_MS = 5000,
	DEFAULT_DUMP_LEN = 32768, /* the kernel's own default, SCX_EXIT_DUMP_DFL_LEN */
};
#define USEC_NS		     1000ULL
#define MIN_SLICE_NS	     (SLICE_US_MIN * USEC_NS)
#define MAX_SLICE_NS	     (SLICE_US_MAX * USEC_NS)
#define DEFAULT_SLICE_NS     (SLICE_US_DEFAULT * USEC_NS)
#define DEFAULT_SLICE_MIN_NS (SLICE_MIN_US_DEFAULT * USEC_NS)

/* A decision may wait for a whole slice before the scheduler thread gets a CPU to make it on. */
#define LATE_MARGIN_NS (5 * MSEC_NS)

/* ---- Options -------------------------------------------------------------------------------- */

static int take_options(struct rl_open_opts *ret, const struct rl_open_opts *opts)
{
	*ret = (struct rl_open_opts){0};
	if (opts) {
		if (opts->sz < sizeof(opts->sz) || opts->sz > 4096)
			return -EINVAL;
		memcpy(ret, opts, opts->sz < sizeof(*ret) ? opts->sz : sizeof(*ret));
	}
	ret->name = ret->name ?: "rustland";
	ret->version = ret->version ?: PACKAGE_VERSION;
	ret->slice_ns = ret->slice_ns ?: DEFAULT_SLICE_NS;
	ret->slice_min_ns =
		ret->slice_min_ns
			?: (ret->slice_ns < DEFAULT_SLICE_MIN_NS ? ret->slice_ns
								 : DEFAULT_SLICE_MIN_NS);
	ret->timeout_ms = ret->timeout_ms ?: DEFAULT_TIMEOUT_MS;
	return 0;
}

static int check_options(struct rl *rl, const struct rl_open_opts *o)
{
	if (o->slice_ns < MIN_SLICE_NS || o->slice_ns > MAX_SLICE_NS)
		rl_err(rl, "slice_ns must be between %llu and %llu", MIN_SLICE_NS, MAX_SLICE_NS);
	else if (o->slice_min_ns < MIN_SLICE_NS || o->slice_min_ns > o->slice_ns)
		rl_err(rl, "slice_min_ns must be between %llu and slice_ns", MIN_SLICE_NS);
	else if (o->timeout_ms > TIMEOUT_MS_MAX)
		rl_err(rl, "timeout_ms must be at most %d", TIMEOUT_MS_MAX);
	else if (o->exit_dump_len > EXIT_DUMP_LEN_MAX)
		rl_err(rl, "exit_dump_len must be at most %d", EXIT_DUMP_LEN_MAX);
	else
		return 0;
	return -EINVAL;
}

/* ---- The kernel ----------------------------------------------------------------------------- */

static int check_kernel(struct rl *rl)
{
	int state = rl_kernel_state(NULL, 0);

	if (state == RL_KERNEL_UNSUPPORTED) {
		rl_err(rl, "this kernel has no sched_ext: Linux 6.12 or newer with "
			   "CONFIG_SCHED_CLASS_EXT is needed");
		return -EOPNOTSUPP;
	}
	return 0;
}

static uint64_t read_number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return strtoull(text, NULL, 10);
}

/*
 * Flags are looked up by name; one that a kernel does not have is 0 there, and none of them is
 * vital.
 */
static uint64_t ops_flags(const struct btf *btf, const struct rl_open_opts *o)
{
	return rl_btf_constant(btf, "SCX_OPS_ENQ_LAST") |
	       rl_btf_constant(btf, "SCX_OPS_ALLOW_QUEUED_WAKEUP") |
	       (o->partial ? rl_btf_constant(btf, "SCX_OPS_SWITCH_PARTIAL") : 0) |
	       (o->numa_local ? rl_btf_constant(btf, "SCX_OPS_BUILTIN_IDLE_PER_NODE") : 0);
}

/* The kernel accepts letters, digits, '_' and '.' in a scheduler's name. */
static void set_name(char *name, const struct rl_open_opts *o)
{
	snprintf(name, OPS_NAME_LEN, "%s_%s", o->name, o->version);
	for (; *name; name++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.",
			    *name))
			*name = '_';
}

static void configure_backend(struct rl *rl, const struct btf *btf, const struct rl_open_opts *o)
{
	struct rustland__rustland_ops__sched_ext_ops *ops = rl->skel->struct_ops.rustland_ops;
	uint32_t dump_len = o->exit_dump_len ?: DEFAULT_DUMP_LEN;

	ops->flags = ops_flags(btf, o);
	ops->timeout_ms = o->timeout_ms;
	ops->exit_dump_len = o->exit_dump_len;
	ops->hotplug_seq = read_number("/sys/kernel/sched_ext/hotplug_seq");
	/*
	 * The name is the struct's last member (see bpf/kernel.h); the skeleton does not name
	 * arrays.
	 */
	set_name((char *)(ops + 1) - OPS_NAME_LEN, o);

	rl->skel->rodata->opt_slice_ns = o->slice_ns;
	rl->skel->rodata->opt_slice_min_ns = o->slice_min_ns;
	rl->skel->rodata->opt_late_ns = o->slice_ns + LATE_MARGIN_NS;
	rl->skel->rodata->opt_builtin_idle = !o->no_builtin_idle;
	rl->skel->rodata->opt_numa_local = o->numa_local;
	rl->skel->rodata->opt_smt = read_number(SMT_ACTIVE);
	rl->skel->rodata->opt_debug = o->verbose;
	rl->skel->rodata->opt_exit_dump_len = dump_len;
	bpf_map__set_value_size(rl->skel->maps.data_exit_dump, dump_len);

	/* It is attached explicitly, by rl_attach(). */
	bpf_map__set_autoattach(rl->skel->maps.rustland_ops, false);
}

/* Classes that were given before this scheduler was started hold. */
static int share_classes(struct rl *rl, const int *fds, const int *members_fd)
{
	int err = bpf_map__reuse_fd(rl->skel->maps.classes, fds[0]);

	if (!err)
		err = bpf_map__reuse_fd(rl->skel->maps.classes_state, fds[1]);
	if (err)
		rl_err(rl, "descriptors %d and %d are no table of classes: %s", fds[0], fds[1],
		       strerror(-err));
	if (err || !members_fd)
		return err;
	err = bpf_map__reuse_fd(rl->skel->maps.members, *members_fd);
	if (err)
		rl_err(rl, "descriptor %d is no record of who belongs to trees: %s", *members_fd,
		       strerror(-err));
	return err;
}

static int report_load_failure(struct rl *rl, int err, const char *reason)
{
	if (err == -EPERM || err == -EACCES) {
		if (!reason[0] || strstr(reason, "EPERM") ||
		    strstr(reason, "Operation not permitted")) {
			rl_err(rl, "not permitted to load a scheduler: run as root, or with "
				   "CAP_BPF and "
				   "CAP_PERFMON");
			return -EPERM;
		}
	}
	rl_err(rl, "the scheduler could not be loaded into this kernel: %s (%s)",
	       reason[0] ? reason : "no reason given", strerror(-err));
	return err;
}

/* libbpf has errors of its own beside errno's. */
static const char *describe(int err, char *text, size_t len)
{
	libbpf_strerror(err, text, len);
	return text;
}

static int load_backend(struct rl *rl, const struct rl_open_opts *o)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_opts, .btf_custom_path = o->btf_path);
	const char *problem, *reason;
	struct btf *btf;
	char text[128];
	int err;

	rl_libbpf_log_begin(&rl->logger);
	btf = o->btf_path ? btf__parse(o->btf_path, NULL) : btf__load_vmlinux_btf();
	err = btf ? 0 : -errno;
	rl_libbpf_log_end();
	if (!btf) {
		rl_err(rl, "cannot read the kernel's type information from %s: %s",
		       o->btf_path ?: "/sys/kernel/btf/vmlinux (is CONFIG_DEBUG_INFO_BTF set?)",
		       describe(err, text, sizeof(text)));
		return err;
	}
	problem = rl_btf_problem(btf);
	if (problem) {
		rl_err(rl, "%s", problem);
		btf__free(btf);
		return -EOPNOTSUPP;
	}

	if (read_number(SMT_ACTIVE) && rl_btf_core_sched_broken(btf))
		rl_log(&rl->logger, RL_LOG_WARNING,
		       "with this kernel and any sched_ext scheduler, a program that uses core "
		       "scheduling can stop the machine: use a newer kernel, or boot with nosmt");

	rl_libbpf_log_begin(&rl->logger);
	rl->skel = rustland__open_opts(&open_opts);
	if (rl->skel) {
		configure_backend(rl, btf, o);
		err = o->class_fds ? share_classes(rl, o->class_fds, o->members_fd) : 0;
		if (err) {
			rl_libbpf_log_end();
			btf__free(btf);
			return err;
		}
		err = rustland__load(rl->skel);
	} else {
		err = -errno;
	}
	reason = rl_libbpf_log_end();
	btf__free(btf);
	return err ? report_load_failure(rl, err, reason) : 0;
}

/* Find the backend's memory and open both ends of the rings. */
static int map_backend(struct rl *rl)
{
	size_t size;
	int err;

	rl->shared = &rl->skel->bss->shared;
	rl->exit_record = &rl->skel->bss->exit_record;
	rl->exit_dump = bpf_map__initial_value(rl->skel->maps.data_exit_dump, &size);
	rl->enlist_fd = bpf_program__fd(rl->skel->progs.rustland_enlist);
	rl->counters_fd = bpf_map__fd(rl->skel->maps.counters);

	rl->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rl->stop_fd < 0)
		return -errno;
	rl->nr_possible_cpus = libbpf_num_possible_cpus();
	if (rl->nr_possible_cpus < 0)
		return rl->nr_possible_cpus;
	rl->counters = calloc((size_t)rl->nr_possible_cpus, sizeof(*rl->counters));
	if (!rl->counters)
		return -ENOMEM;
	err = rl_rings_open(rl, bpf_map__fd(rl->skel->maps.queued),
			    bpf_map__fd(rl->skel->maps.dispatched));
	if (err)
		rl_err(rl, "cannot map the rings to the kernel: %s", strerror(-err));
	return err;
}

int rl_open(struct rl **ret, const struct rl_open_opts *opts)
{
	struct rl_open_opts o;
	struct rl *rl;
	int err, nice;

	err = take_options(&o, opts);
	if (err)
		return err;
	rl = calloc(1, sizeof(*rl));
	if (!rl)
		return -ENOMEM;
	rl->logger = (struct rl_logger){o.log, o.log_userdata, o.verbose};
	rl->backend = &rl_backend_bpf;
	rl->partial = o.partial;
	rl->memory.saved_compact_unevictable = -1;
	rl->stop_fd = -1;

	err = check_options(rl, &o);
	if (!err)
		err = check_kernel(rl);
	nice = rl_priority_raise();
	if (!err)
		err = load_backend(rl, &o);
	if (!err)
		err = map_backend(rl);
	rl_priority_restore(nice);
	if (err) {
		rl_free(&rl);
		return err;
	}
	*ret = rl;
	return 0;
}

/* ---- Start and stop ------------------------------------------------------------------------- */

static int refuse_if_occupied(struct rl *rl)
{
	char name[OPS_NAME_LEN];
	int state = rl_kernel_state(name, sizeof(name));

	if (state == RL_KERNEL_DISABLED)
		return 0;
	if (state < 0) {
		rl_err(rl, "cannot read /sys/kernel/sched_ext/state: %s", strerror(-state));
		return state;
	}
	rl_err(rl, "another sched_ext scheduler is loaded (%s); stop it first",
	       name[0] ? name : "starting or stopping now");
	return -EBUSY;
}

static int become_scheduler_thread(struct rl *rl)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int err = bpf_prog_test_run_opts(rl->enlist_fd, &run);

	if (err)
		rl_err(rl, "cannot register the scheduler thread: %s", strerror(-err));
	return err;
}

static int attach_backend(struct rl *rl)
{
	const char *reason;
	int err = 0;

	rl_libbpf_log_begin(&rl->logger);
	rl->link = bpf_map__attach_struct_ops(rl->skel->maps.rustland_ops);
	if (!rl->link)
		err = -errno;
	reason = rl_libbpf_log_end();
	if (!err)
		return 0;
	if (err == -EBUSY)
		rl_err(rl,
		       "another sched_ext scheduler was loaded at the same moment; stop it first");
	else if (err == -EOPNOTSUPP)
		rl_err(rl,
		       "this kernel refuses sched_ext schedulers (PREEMPT_RT, or CPU isolation by "
		       "boot parameters)");
	else
		rl_err(rl, "the kernel refused the scheduler: %s%s(%s)", reason,
		       reason[0] ? " " : "", strerror(-err));
	return err;
}

/*
 * In partial mode only tasks of policy SCHED_EXT are scheduled here, and the thread has to be
 * one.
 */
static int join_partial(struct rl *rl)
{
	struct sched_param param = {0};
	int err;

	if (!sched_setscheduler(0, SCHED_EXT_POLICY, &param))
		return 0;
	err = -errno;
	rl_err(rl, "cannot give the scheduler thread the policy SCHED_EXT: %s", strerror(-err));
	return err;
}

int rl_attach(struct rl *rl)
{
	const char *warning;
	int err, nice;

	err = refuse_if_occupied(rl);
	if (err)
		return err;
	err = become_scheduler_thread(rl);
	if (err)
		return err;
	nice = rl_priority_raise();
	err = rl_memory_lock(&rl->memory, &warning);
	if (warning)
		rl_log(&rl->logger, err ? RL_LOG_ERROR : RL_LOG_WARNING, "%s", warning);
	if (!err)
		err = attach_backend(rl);
	rl_priority_restore(nice);
	if (!err && rl->partial)
		err = join_partial(rl);
	if (err) {
		rl_detach(rl);
		return err;
	}
	rl->page_faults_at_attach = rl_page_faults();
	return 0;
}

void rl_detach(struct rl *rl)
{
	if (rl->link) {
		rl->by_user = !rl_exited(rl);
		bpf_link__destroy(rl->link);
		rl->link = NULL;
	}
	rl_memory_unlock(&rl->memory);
}

void rl_free(struct rl **rl)
{
	struct rl *dead = *rl;

	*rl = NULL;
	if (!dead)
		return;
	rl_detach(dead);
	rl_rings_close(dead);
	if (dead->stop_fd >= 0)
		close(dead->stop_fd);
	rustland__destroy(dead->skel);
	free(dead->counters);
	free(dead);
}
