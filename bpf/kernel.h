/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few kernel types that the backend touches, written by hand and relocated against the running
 * kernel when it is loaded (CO-RE). A build machine therefore needs neither sched_ext nor BTF.
 *
 * Only members that are used stand here: offsets, sizes and enum values all come from the kernel.
 * Nothing here may be copied from a generated vmlinux.h, and no system header may be included.
 */
#ifndef RUSTLAND_KERNEL_H
#define RUSTLAND_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

/* What libbpf's headers for BPF programs expect. */
#ifdef __bpf__
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
typedef int8_t __s8;
typedef int16_t __s16;
typedef int32_t __s32;
typedef int64_t __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
#endif

/*
 * An option of the backend: the loader writes it before the verifier looks, which then knows its value. The
 * simulator, which has no loader, makes it a variable.
 */
#ifndef OPTION
#define OPTION const volatile
#endif

/* Parts of the BPF ABI (stable numbers, not kernel types). */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_MAP_TYPE_USER_RINGBUF = 31,
};

enum {
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
};

#define CLOCK_BOOTTIME 7
#define ENOENT	       2
#define ENOMEM	       12

struct bpf_spin_lock {
	u32 val;
};

struct bpf_timer {
	u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_dynptr {
	u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_iter_num {
	u64 __opaque[1];
} __attribute__((aligned(8)));

/* The kernel's own is 48 bytes in 6.12 to 7.3; the verifier asks for at least its size. */
struct bpf_iter_scx_dsq {
	u64 __opaque[8];
} __attribute__((aligned(8)));

/* task_struct.flags: macros in the kernel, so not in its BTF. */
#define PF_EXITING   0x00000004
#define PF_KCOMPACTD 0x00010000
#define PF_KSWAPD    0x00020000
#define PF_KTHREAD   0x00200000

/* task_struct.policy, and what a static_prio is for nice 0: likewise. */
#define SCHED_BATCH  3
#define SCHED_IDLE   5
#define DEFAULT_PRIO 120

#define RUNTIME_INF (~0ULL)

#ifdef __bpf__
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

struct cpumask {
	unsigned long
		bits[1]; /* a mere forward declaration would not match the kernel's prototypes */
};

struct kernfs_node {
	u64 id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

typedef struct {
	u32 val;
} kuid_t;

struct cred {
	kuid_t uid;
	kuid_t euid;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct sched_ext_entity {
	u32 flags;
	u32 weight;
	u64 slice;
	u64 dsq_vtime;
};

/* That of arm64. */
struct thread_info {
	struct {
		u32 count;
	} preempt;
};

struct cfs_bandwidth {
	u64 period; /* ktime_t, a signed number of nanoseconds */
	u64 quota;  /* nanoseconds; RUNTIME_INF: no limit */
	u64 burst;
};

/* Of the cpu controller, or of an autogroup. */
struct task_group {
	unsigned long shares;
	struct task_group *parent;
	struct cfs_bandwidth cfs_bandwidth;
};

/* The suffix is dropped when it is looked up: the simulator has a struct of the kernel's name. */
struct sched_entity___backend {
	u64 sum_exec_runtime;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int static_prio;
	unsigned int policy;
	int nr_cpus_allowed;
	const struct cpumask *cpus_ptr;
	struct sched_entity___backend se;
	struct sched_ext_entity scx;
	struct task_group *sched_task_group;
	s32 pid;
	s32 tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	u64 start_boottime;
	const struct cred *real_cred;
	struct signal_struct *signal;
	struct css_set *cgroups;
	char comm[16];
};

struct pcpu_hot {
	int preempt_count;
};

struct scx_rq {
	u32 flags;
	u32 lock_drop_seq;
};

struct rq {
	struct scx_rq scx;
};

enum scx_exit_kind {
	SCX_EXIT_NONE,
};

struct scx_exit_info {
	enum scx_exit_kind kind;
	s64 exit_code;
	const char *reason;
	char *msg;
	char *dump;
};

struct scx_init_task_args {
	bool fork;
};

struct scx_exit_task_args {
	bool cancelled;
};

/* Argument structs of the kfuncs that took their place in 6.19. */
struct scx_bpf_dsq_insert_vtime_args {
	u64 dsq_id;
	u64 slice;
	u64 vtime;
	u64 enq_flags;
};

struct scx_bpf_select_cpu_and_args {
	s32 prev_cpu;
	u64 wake_flags;
	u64 flags;
};

#ifdef __bpf__
#pragma clang attribute pop
#endif

/* Matched by name with the kernel's; libbpf skips what an older kernel lacks while it is zero. */
struct sched_ext_ops {
	s32 (*select_cpu)(struct task_struct *p, s32 prev_cpu, u64 wake_flags);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	bool (*yield)(struct task_struct *from, struct task_struct *to);
	void (*runnable)(struct task_struct *p, u64 enq_flags);
	void (*running)(struct task_struct *p);
	void (*stopping)(struct task_struct *p, bool runnable);
	void (*quiescent)(struct task_struct *p, u64 deq_flags);
	s32 (*init_task)(struct task_struct *p, struct scx_init_task_args *args);
	void (*exit_task)(struct task_struct *p, struct scx_exit_task_args *args);
	void (*enable)(struct task_struct *p);
	s32 (*init)(void);
	void (*exit)(struct scx_exit_info *info);
	u32 dispatch_max_batch;
	u64 flags;
	u32 timeout_ms;
	u32 exit_dump_len;
	u64 hotplug_seq;
	char name[128]; /* stays last: the library finds it from the end, see src/lib/open.c */
};

/*
 * Names of the constants that are looked up in the kernel's BTF through KVAL(). The numbers here
 * are placeholders and never reach the program.
 */
enum scx_enq_flags {
	SCX_ENQ_WAKEUP = 1,
	SCX_ENQ_CPU_SELECTED,
	SCX_ENQ_PREEMPT,
	SCX_ENQ_LAST,
};

enum scx_deq_flags {
	SCX_DEQ_SLEEP = 1,
};

enum scx_kick_flags {
	SCX_KICK_IDLE = 1,
	SCX_KICK_PREEMPT,
};

enum scx_wake_flags {
	SCX_WAKE_TTWU = 1,
	SCX_WAKE_SYNC,
};

enum scx_ent_flags {
	SCX_TASK_QUEUED = 1,
};

enum scx_dsq_id_flags {
	SCX_DSQ_LOCAL = 1,
};

enum scx_rq_flags {
	SCX_RQ_IN_BALANCE = 1,
};

#endif /* RUSTLAND_KERNEL_H */
