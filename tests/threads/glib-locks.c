/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells clang's thread sanitizer of GLib's mutexes, conditions and tasks, which are system calls and atomics
 * inside of a library that is not instrumented: without this it takes whatever they protect for a race. For
 * LD_PRELOAD; in a program without the sanitizer it does nothing. It must never change what they do.
 */
#include <dlfcn.h>
#include <gio/gio.h>

/* sanitizer/tsan_interface.h; here they may be missing. */
void __tsan_mutex_pre_lock(void *mutex, unsigned int flags) __attribute__((weak));
void __tsan_mutex_post_lock(void *mutex, unsigned int flags, int recursion) __attribute__((weak));
int __tsan_mutex_pre_unlock(void *mutex, unsigned int flags) __attribute__((weak));
void __tsan_mutex_post_unlock(void *mutex, unsigned int flags) __attribute__((weak));
void __tsan_mutex_destroy(void *mutex, unsigned int flags) __attribute__((weak));
void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

#define TRY_LOCK	(1U << 4)
#define TRY_LOCK_FAILED (1U << 5)

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void before_lock(GMutex *mutex, unsigned int flags)
{
	if (__tsan_mutex_pre_lock)
		__tsan_mutex_pre_lock(mutex, flags);
}

static void after_lock(GMutex *mutex, unsigned int flags)
{
	if (__tsan_mutex_post_lock)
		__tsan_mutex_post_lock(mutex, flags, 1);
}

static void before_unlock(GMutex *mutex)
{
	if (__tsan_mutex_pre_unlock)
		__tsan_mutex_pre_unlock(mutex, 0);
}

static void after_unlock(GMutex *mutex)
{
	if (__tsan_mutex_post_unlock)
		__tsan_mutex_post_unlock(mutex, 0);
}

void(g_mutex_lock)(GMutex *mutex)
{
	before_lock(mutex, 0);
	REAL(g_mutex_lock)(mutex);
	after_lock(mutex, 0);
}

gboolean(g_mutex_trylock)(GMutex *mutex)
{
	gboolean locked;

	before_lock(mutex, TRY_LOCK);
	locked = REAL(g_mutex_trylock)(mutex);
	after_lock(mutex, TRY_LOCK | (locked ? 0 : TRY_LOCK_FAILED));
	return locked;
}

void(g_mutex_unlock)(GMutex *mutex)
{
	before_unlock(mutex);
	REAL(g_mutex_unlock)(mutex);
	after_unlock(mutex);
}

void(g_mutex_clear)(GMutex *mutex)
{
	if (__tsan_mutex_destroy)
		__tsan_mutex_destroy(mutex, 0);
	REAL(g_mutex_clear)(mutex);
}

void(g_cond_wait)(GCond *cond, GMutex *mutex)
{
	before_unlock(mutex);
	after_unlock(mutex);
	REAL(g_cond_wait)(cond, mutex);
	before_lock(mutex, 0);
	after_lock(mutex, 0);
}

gboolean(g_cond_wait_until)(GCond *cond, GMutex *mutex, gint64 end_us)
{
	gboolean in_time;

	before_unlock(mutex);
	after_unlock(mutex);
	in_time = REAL(g_cond_wait_until)(cond, mutex, end_us);
	before_lock(mutex, 0);
	after_lock(mutex, 0);
	return in_time;
}

/* ---- Tasks: from who starts one to its thread, and from there to who takes what came of it --------------- */

static void hand_over(GTask *task)
{
	if (__tsan_release)
		__tsan_release(task);
}

static void take_over(GTask *task)
{
	if (__tsan_acquire)
		__tsan_acquire(task);
}

static void run_task(GTask *task, gpointer source, gpointer data, GCancellable *cancel)
{
	GTaskThreadFunc function = g_object_get_data(G_OBJECT(task), "function");

	take_over(task);
	function(task, source, data, cancel);
}

void(g_task_run_in_thread)(GTask *task, GTaskThreadFunc function)
{
	g_object_set_data(G_OBJECT(task), "function", function);
	hand_over(task);
	REAL(g_task_run_in_thread)(task, run_task);
}

void(g_task_return_boolean)(GTask *task, gboolean result)
{
	hand_over(task);
	REAL(g_task_return_boolean)(task, result);
}

gboolean(g_task_propagate_boolean)(GTask *task, GError **error)
{
	gboolean result = REAL(g_task_propagate_boolean)(task, error);

	take_over(task);
	return result;
}
