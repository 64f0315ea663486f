#pragma once
/* Until librustland has it. */
#include <errno.h>
enum rl_scope { RL_SCOPE_PROCESS, RL_SCOPE_TREE, RL_SCOPE_CGROUP };
struct rl_target { size_t sz; enum rl_scope scope; int32_t tgid; uint64_t start_ticks; uint64_t cgroup_id; };
struct rl_classes;
static inline int rl_classes_new(struct rl_classes **ret) { (void)ret; return -ENOSYS; }
static inline void rl_classes_free(struct rl_classes **c) { (void)c; }
static inline int rl_classes_set(struct rl_classes *c, const struct rl_target *t, enum rl_class k) { (void)c; (void)t; (void)k; return -ENOSYS; }
static inline void rl_classes_fds(const struct rl_classes *c, int f[2]) { (void)c; f[0] = f[1] = -1; }
