/* SPDX-License-Identifier: GPL-2.0-only */
/* See forbidden.h. */
#include "sim/forbidden.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/guard.h"

/* ---- What is forbidden ----------------------------------------------------------------------- */

enum kind {
	CLOCKS,
	RANDOMNESS,
	MEMORY,
	FILES,
	LOCKS,
	THREADS,
	SLEEPING,
	SIGNALS,
	EXITS,
	KERNEL,
	KINDS,
};

/*
 * Names of symbols, of C++ as they are mangled: what is not in a list is allowed. A function that only calls one in a
 * list need not be there, but then that one is named in the finding.
 */
static const struct {
	const char *functions;
	const char *advice; /* what to do instead */
	bool differs;	    /* from run to run: told about where it is allowed */
	bool nowhere;	    /* also not in init() and fini() */
} kinds[KINDS] = {
	[CLOCKS] =
		{
			.functions =
				"clock_gettime gettimeofday time times clock timespec_get ftime "
				"getrusage localtime localtime_r mktime "
				"g_get_monotonic_time g_get_real_time g_date_time_new_now "
				"g_date_time_new_now_local g_date_time_new_now_utc g_timer_new "
				"_ZNSt6chrono3_V212steady_clock3nowEv "
				"_ZNSt6chrono3_V212system_clock3nowEv",
			.advice = "the time is the task's enqueued_at_ns",
			.differs = true,
		},
	[RANDOMNESS] =
		{
			.functions =
				"rand srand random srandom initstate setstate drand48 erand48 "
				"lrand48 nrand48 mrand48 jrand48 srand48 seed48 "
				"getrandom getentropy arc4random arc4random_buf arc4random_uniform "
				"g_random_int g_random_int_range g_random_double g_rand_new "
				"_ZNSt13random_device9_M_getvalEv "
				"_ZNSt13random_device16_M_getval_pretr1Ev",
			.advice = "keep a generator in the state, and start it with a constant",
			.differs = true,
		},
	[MEMORY] =
		{
			.functions =
				"malloc calloc realloc reallocarray free aligned_alloc "
				"posix_memalign memalign valloc pvalloc malloc_trim "
				"strdup strndup wcsdup asprintf vasprintf __asprintf_chk "
				"__vasprintf_chk open_memstream "
				"mmap mmap64 munmap mremap mprotect madvise brk sbrk mlock munlock "
				"rl_pool_new rl_pool_free "
				"g_malloc g_malloc0 g_malloc_n g_malloc0_n g_try_malloc g_realloc "
				"g_realloc_n g_free g_free_sized g_strdup g_strndup "
				"g_strdup_printf g_memdup2 g_slice_alloc g_slice_alloc0 "
				"g_slice_free1 "
				"_Znwm _Znam _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t "
				"_ZnwmSt11align_val_t _ZnamSt11align_val_t "
				"_ZnwmSt11align_val_tRKSt9nothrow_t "
				"_ZnamSt11align_val_tRKSt9nothrow_t "
				"_ZdlPv _ZdaPv _ZdlPvm _ZdaPvm _ZdlPvSt11align_val_t "
				"_ZdaPvSt11align_val_t _ZdlPvmSt11align_val_t "
				"_ZdaPvmSt11align_val_t "
				"__cxa_allocate_exception __cxa_throw",
			.advice = "allocate it all in init(); an rl_pool holds decisions",
		},
	[FILES] =
		{
			.functions =
				"open open64 openat openat64 __open_2 __open64_2 creat creat64 "
				"close read __read_chk write pread pread64 pwrite pwrite64 readv "
				"writev lseek lseek64 dup dup2 dup3 pipe pipe2 ioctl fcntl fcntl64 "
				"stat stat64 fstat fstat64 lstat lstat64 fstatat fstatat64 access "
				"unlink rename mkdir rmdir opendir readdir readdir64 closedir "
				"ftruncate ftruncate64 fsync fdatasync sync "
				"socket connect bind listen accept accept4 send sendto sendmsg "
				"recv recvfrom recvmsg shutdown eventfd memfd_create "
				"fopen fopen64 fdopen freopen fclose fread fwrite fflush fseek "
				"ftell fgets fgetc getc getchar fputs fputc putc puts putchar "
				"_IO_getc _IO_putc getline getdelim __getdelim fputs_unlocked "
				"fwrite_unlocked putc_unlocked __overflow __uflow "
				"printf vprintf fprintf vfprintf dprintf vdprintf __printf_chk "
				"__vprintf_chk __fprintf_chk __vfprintf_chk __dprintf_chk "
				"__vdprintf_chk scanf fscanf __isoc99_scanf __isoc99_fscanf "
				"__isoc23_scanf __isoc23_fscanf perror syslog vsyslog "
				"__syslog_chk "
				"g_print g_printerr g_log g_logv g_log_structured "
				"g_log_structured_standard g_warn_message",
			.advice = "count in the state, and print in fini()",
		},
	[LOCKS] =
		{
			.functions =
				"pthread_mutex_lock pthread_mutex_trylock pthread_mutex_timedlock "
				"pthread_mutex_unlock pthread_rwlock_rdlock pthread_rwlock_wrlock "
				"pthread_rwlock_tryrdlock pthread_rwlock_trywrlock "
				"pthread_rwlock_unlock pthread_spin_lock pthread_spin_trylock "
				"pthread_cond_wait pthread_cond_timedwait pthread_cond_signal "
				"pthread_cond_broadcast pthread_barrier_wait sem_wait "
				"sem_timedwait "
				"sem_trywait sem_post mtx_lock mtx_trylock mtx_timedlock "
				"mtx_unlock "
				"cnd_wait cnd_timedwait cnd_signal cnd_broadcast flock lockf "
				"g_mutex_lock g_mutex_trylock g_rec_mutex_lock "
				"g_rw_lock_reader_lock "
				"g_rw_lock_writer_lock g_cond_wait g_cond_signal",
			.advice = "one thread calls a policy, which needs no lock; share atomics "
				  "with others",
		},
	[THREADS] =
		{
			.functions =
				"pthread_create pthread_join pthread_detach pthread_cancel "
				"thrd_create thrd_join fork vfork clone posix_spawn posix_spawnp "
				"execve execv execvp execl execlp execle system popen pclose wait "
				"waitpid waitid g_thread_new g_thread_try_new g_thread_join "
				"_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_"
				"StateESt14default"
				"_deleteIS1_EEPFvvE _ZNSt6thread4joinEv",
			.advice = "a policy does its work in the thread that calls it",
			.differs = true,
		},
	[SLEEPING] =
		{
			.functions =
				"sleep usleep nanosleep clock_nanosleep thrd_sleep thrd_yield "
				"sched_yield pause poll ppoll __poll_chk select pselect epoll_wait "
				"epoll_pwait sigwait sigsuspend sigtimedwait g_usleep",
			.advice =
				"return, and next() is called again when there may be something to "
				"decide",
		},
	[SIGNALS] =
		{
			.functions =
				"signal bsd_signal sigaction sigprocmask pthread_sigmask kill "
				"tgkill "
				"raise pthread_kill sigqueue alarm ualarm setitimer timer_create "
				"timer_settime timer_delete timerfd_create timerfd_settime",
			.advice = "tick() is called once a second",
		},
	[EXITS] =
		{
			.functions = "exit _exit _Exit quick_exit abort __assert_fail pthread_exit "
				     "thrd_exit",
			.advice = "init() may return a negative errno; nothing else ends a policy",
			.nowhere = true,
		},
	[KERNEL] =
		{
			.functions =
				"syscall getpid getppid gettid getuid geteuid prctl sysconf "
				"get_nprocs sched_getcpu getcpu sched_setaffinity "
				"sched_getaffinity sched_setscheduler setpriority getpriority nice "
				"dlopen dlsym dlclose",
			.advice = "what a policy may know is in struct rl_task and in the config "
				  "of init()",
		},
};

/* What is written in the source, where the symbol begins like this. */
static const struct {
	const char *symbol, *shown;
} other_names[] = {
	{"_Zn", "operator new"},
	{"_Zd", "operator delete"},
	{"__cxa_", "throw"},
	{"_ZNSt6chrono3_V212steady_clock", "std::chrono::steady_clock::now()"},
	{"_ZNSt6chrono3_V212system_clock", "std::chrono::system_clock::now()"},
	{"_ZNSt13random_device", "std::random_device()"},
	{"_ZNSt6thread", "std::thread"},
};

/* ---- The table of addresses ------------------------------------------------------------------ */

enum {
	FUNCTIONS_MAX = 512,
	STUBS = 512,	/* a name has several where objects mean different functions by it */
	STUB_SIZE = 64, /* of the code of each */
};

static struct function {
	const char *symbol;
	enum kind kind;
	void *address; /* for a call that is not bound yet, or NULL */
} functions[FUNCTIONS_MAX];

static size_t nr_functions;

/*
 * A stub stands for one function: it goes on there, or to forbidden_end(). Its code has to leave every register as it
 * is that may hold an argument, and knows nothing of the arguments.
 */
struct stub {
	void *address;
	uint8_t limit; /* the first callback in which the function is forbidden */
	uint8_t called;
	const struct function *function;
};

struct stub forbidden_stubs[STUBS] __attribute__((visibility("hidden"), used));

static uint32_t nr_stubs;
static uint8_t *told; /* one for each function, and one for all processes of a swarm */

_Noreturn void forbidden_end(const char *first, const char *second, uintptr_t third, uint32_t stub)
	__attribute__((visibility("hidden"), used));

/* As the code below has it. */
_Static_assert(sizeof(struct stub) == 24 && offsetof(struct stub, limit) == 8 &&
		       offsetof(struct stub, called) == 9 && STUBS == 512 && STUB_SIZE == 64,
	       "the code of the stubs says otherwise");

#if defined(__x86_64__) && defined(__LP64__)
#define HAVE_STUBS     1
#define RELOC_FUNCTION R_X86_64_JUMP_SLOT
#define RELOC_ADDRESS  R_X86_64_GLOB_DAT
#define RELOC_DATA     R_X86_64_64
/* r11 holds nothing at a call. */
__asm__(".pushsection .text\n"
	".hidden forbidden_code\n"
	".balign 64\n"
	"forbidden_code:\n"
	".set forbidden_nr, 0\n"
	".rept 512\n"
	".balign 64\n"
	"	endbr64\n"
	"	movq guard_callback@gottpoff(%rip), %r11\n"
	"	movb %fs:(%r11), %r11b\n"
	"	movb $1, forbidden_stubs+24*forbidden_nr+9(%rip)\n"
	"	cmpb forbidden_stubs+24*forbidden_nr+8(%rip), %r11b\n"
	"	jae 1f\n"
	"	jmp *forbidden_stubs+24*forbidden_nr(%rip)\n"
	"1:	movl $forbidden_nr, %ecx\n"
	"	jmp forbidden_end\n"
	".set forbidden_nr, forbidden_nr+1\n"
	".endr\n"
	".balign 64\n"
	".popsection\n");
#elif defined(__aarch64__) && defined(__LP64__)
#define HAVE_STUBS     1
#define RELOC_FUNCTION R_AARCH64_JUMP_SLOT
#define RELOC_ADDRESS  R_AARCH64_GLOB_DAT
#define RELOC_DATA     R_AARCH64_ABS64
/* x9 to x12 and x17 hold nothing at a call; hint #34 is "bti c". */
__asm__(".pushsection .text\n"
	".hidden forbidden_code\n"
	".balign 64\n"
	"forbidden_code:\n"
	".set forbidden_nr, 0\n"
	".rept 512\n"
	".balign 64\n"
	"	hint #34\n"
	"	mrs x9, tpidr_el0\n"
	"	adrp x10, :gottprel:guard_callback\n"
	"	ldr x10, [x10, :gottprel_lo12:guard_callback]\n"
	"	ldrb w9, [x9, x10]\n"
	"	adrp x17, forbidden_stubs+24*forbidden_nr\n"
	"	add x17, x17, :lo12:forbidden_stubs+24*forbidden_nr\n"
	"	ldrb w10, [x17, #8]\n"
	"	mov w11, #1\n"
	"	strb w11, [x17, #9]\n"
	"	cmp w9, w10\n"
	"	b.hs 1f\n"
	"	ldr x17, [x17]\n"
	"	br x17\n"
	"1:	mov w3, #forbidden_nr\n"
	"	b forbidden_end\n"
	".set forbidden_nr, forbidden_nr+1\n"
	".endr\n"
	".balign 64\n"
	".popsection\n");
#endif

static void show(const char *symbol, char *ret, size_t size)
{
	size_t len = strlen(symbol);

	for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++)
		if (strncmp(symbol, other_names[i].symbol, strlen(other_names[i].symbol)) == 0) {
			snprintf(ret, size, "%s", other_names[i].shown);
			return;
		}
	/* What _FORTIFY_SOURCE makes of a call. */
	if (len > 6 && strncmp(symbol, "__", 2) == 0 && strcmp(symbol + len - 4, "_chk") == 0)
		snprintf(ret, size, "%.*s()", (int)len - 6, symbol + 2);
	else
		snprintf(ret, size, "%s()", symbol);
}

/* The first arguments are those of the function, whatever it is. */
_Noreturn void forbidden_end(const char *first, const char *second, uintptr_t third, uint32_t stub)
{
	enum guard_callback callback = guard_leave();
	const struct function *f = forbidden_stubs[stub].function;
	char name[64], what[80], more[160];

	if (strcmp(f->symbol, "__assert_fail") == 0) {
		snprintf(more, sizeof(more), ": %s (%s:%u)", first, second, (unsigned int)third);
		guard_end(callback, "failed an assertion", more);
	}
	show(f->symbol, name, sizeof(name));
	snprintf(what, sizeof(what), "called %s", name);
	snprintf(more, sizeof(more), ": %s", kinds[f->kind].advice);
	guard_end(callback, what, more);
}

#ifdef HAVE_STUBS

extern const char forbidden_code[] __attribute__((visibility("hidden")));

/* ---- The functions by their names ------------------------------------------------------------ */

static int by_symbol(const void *a, const void *b)
{
	return strcmp(((const struct function *)a)->symbol, ((const struct function *)b)->symbol);
}

static void read_names(void)
{
	static char *names[KINDS];

	for (enum kind kind = 0; kind < KINDS; kind++) {
		char *rest = NULL;

		names[kind] = strdup(kinds[kind].functions);
		if (!names[kind])
			return;
		for (char *name = strtok_r(names[kind], " ", &rest); name;
		     name = strtok_r(NULL, " ", &rest)) {
			if (nr_functions == FUNCTIONS_MAX)
				abort(); /* the lists have grown, and it has not */
			functions[nr_functions++] = (struct function){
				.symbol = name,
				.kind = kind,
				.address = dlsym(RTLD_DEFAULT, name),
			};
		}
	}
	qsort(functions, nr_functions, sizeof(functions[0]), by_symbol);
	told = mmap(NULL, FUNCTIONS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		told = NULL;
}

static const struct function *find_function(const char *symbol)
{
	const struct function key = {.symbol = symbol};

	return bsearch(&key, functions, nr_functions, sizeof(functions[0]), by_symbol);
}

/* The code that stands for the function at this address; NULL: there is no more room. */
static const void *stub_for(const struct function *function, void *address)
{
	uint32_t i = 0;

	while (i < nr_stubs &&
	       !(forbidden_stubs[i].function == function && forbidden_stubs[i].address == address))
		i++;
	if (i == STUBS) {
		fputs("rustland-sim: too many libraries: not all calls of the policy are seen\n",
		      stderr);
		return NULL;
	}
	if (i == nr_stubs) {
		forbidden_stubs[i] = (struct stub){
			.address = address,
			.limit = kinds[function->kind].nowhere ? GUARD_FINI : GUARD_ENQUEUE,
			.function = function,
		};
		nr_stubs++;
	}
	return forbidden_code + (size_t)i * STUB_SIZE;
}

/* ---- The tables of an object ----------------------------------------------------------------- */

struct object {
	uintptr_t base, begin, end;		/* where it is loaded */
	uintptr_t readonly_begin, readonly_end; /* what the linker has made read-only afterwards */
	const ElfW(Sym) * symbols;
	const char *names;
};

static bool is_stub(uintptr_t address)
{
	return address - (uintptr_t)forbidden_code < (uintptr_t)STUBS * STUB_SIZE;
}

static void lead_through_stub(const struct object *o, const ElfW(Rela) * rela)
{
	const ElfW(Sym) *symbol = &o->symbols[ELF64_R_SYM(rela->r_info)];
	uintptr_t place = o->base + rela->r_offset, value;
	uint32_t type = (uint32_t)ELF64_R_TYPE(rela->r_info);
	const struct function *function;
	const void *stub;
	bool is_own;

	if (type != RELOC_FUNCTION && type != RELOC_ADDRESS &&
	    (type != RELOC_DATA || rela->r_addend))
		return;
	function = find_function(o->names + symbol->st_name);
	if (!function)
		return;
	memcpy(&value, (const void *)place, sizeof(value));
	if (!value || is_stub(value))
		return;
	is_own = value >= o->begin && value < o->end;
	if (is_own && symbol->st_shndx == SHN_UNDEF)
		/* The linker has not looked for it yet, and now need not. */
		value = (uintptr_t)function->address;
	else if (is_own && value != (uintptr_t)function->address)
		/* Another function of this name that the object has for itself. */
		return;
	stub = value ? stub_for(function, (void *)value) : NULL;
	if (stub)
		memcpy((void *)place, &stub, sizeof(stub));
}

static void lead_all(const struct object *o, uintptr_t table, size_t size)
{
	for (size_t i = 0; table && i < size / sizeof(ElfW(Rela)); i++)
		lead_through_stub(o, (const ElfW(Rela) *)table + i);
}

/* Addresses in it are the linker's, which has added the base but for objects of the kernel. */
static void search_dynamic(struct object *o, const ElfW(Dyn) * dynamic)
{
	uintptr_t table = 0, calls = 0;
	size_t size = 0, calls_size = 0;

	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		uintptr_t pointer = dynamic->d_un.d_ptr;

		if (dynamic->d_tag == DT_SYMTAB)
			o->symbols = (const ElfW(Sym) *)pointer;
		else if (dynamic->d_tag == DT_STRTAB)
			o->names = (const char *)pointer;
		else if (dynamic->d_tag == DT_RELA)
			table = pointer;
		else if (dynamic->d_tag == DT_RELASZ)
			size = dynamic->d_un.d_val;
		else if (dynamic->d_tag == DT_JMPREL)
			calls = pointer;
		else if (dynamic->d_tag == DT_PLTRELSZ)
			calls_size = dynamic->d_un.d_val;
	}
	if (!o->symbols || !o->names)
		return;
	lead_all(o, table, size);
	lead_all(o, calls, calls_size);
}

static bool protect(const struct object *o, int protection)
{
	size_t size = o->readonly_end - o->readonly_begin;

	return !size || mprotect((void *)o->readonly_begin, size, protection) == 0;
}

/* What is below libc; and a sanitizer has its own way to do what it does. A policy may be called artisan.so. */
static bool is_apart(const char *path)
{
	static const char *const names[] = {"ld-linux",	  "linux-vdso", "libasan.so",
					    "liblsan.so", "libtsan.so", "libubsan.so"};
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	/* clang has it in the program itself, whose path is empty here. */
	if (HAVE_SANITIZER && !path[0])
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static int search_object(struct dl_phdr_info *info, size_t size, void *context)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	struct object o = {.base = info->dlpi_addr, .begin = UINTPTR_MAX};
	const ElfW(Dyn) *dynamic = NULL;

	(void)size;
	(void)context;
	if (is_apart(info->dlpi_name))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t begin = o.base + segment->p_vaddr, end = begin + segment->p_memsz;

		if (segment->p_type == PT_DYNAMIC) {
			dynamic = (const ElfW(Dyn) *)begin;
		} else if (segment->p_type == PT_GNU_RELRO) {
			o.readonly_begin = begin & -page;
			o.readonly_end = end & -page;
		} else if (segment->p_type == PT_LOAD) {
			o.begin = begin < o.begin ? begin : o.begin;
			o.end = end > o.end ? end : o.end;
		}
	}
	if (dynamic && protect(&o, PROT_READ | PROT_WRITE)) {
		search_dynamic(&o, dynamic);
		protect(&o, PROT_READ);
	}
	return 0;
}

static int count_loaded(struct dl_phdr_info *info, size_t size, void *context)
{
	unsigned long long *loaded = context;

	(void)size;
	*loaded = info->dlpi_adds;
	return 1;
}

void forbidden_watch(void)
{
	static unsigned long long loaded_then;
	unsigned long long loaded = 0;

	if (!nr_functions)
		read_names();
	dl_iterate_phdr(count_loaded, &loaded);
	if (loaded == loaded_then)
		return;
	loaded_then = loaded;
	dl_iterate_phdr(search_object, NULL);
}

#else

void forbidden_watch(void)
{
}

#endif

/* ---- init() ---------------------------------------------------------------------------------- */

void forbidden_forget(void)
{
	for (uint32_t i = 0; i < nr_stubs; i++)
		forbidden_stubs[i].called = false;
}

void forbidden_tell(const char *policy)
{
	for (uint32_t i = 0; i < nr_stubs; i++) {
		const struct stub *stub = &forbidden_stubs[i];
		const struct function *f = stub->function;
		char name[64];

		if (!stub->called || !kinds[f->kind].differs || !told || told[f - functions])
			continue;
		told[f - functions] = true;
		show(f->symbol, name, sizeof(name));
		fprintf(stderr,
			"rustland-sim: the policy %s called %s in init(): the same seed may not "
			"give "
			"the same run; %s\n",
			policy, name, kinds[f->kind].advice);
	}
}
