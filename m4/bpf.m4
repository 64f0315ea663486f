# SPDX-License-Identifier: GPL-2.0-only
# Checks for the tools that turn bpf/*.bpf.c into a skeleton header.

# RL_PROG_BPF_CLANG(MIN-MAJOR)
# Sets CLANG (which --with-clang or the environment may have set) and rl_cv_clang_version.
AC_DEFUN([RL_PROG_BPF_CLANG],[
AC_ARG_VAR([CLANG],[clang that compiles the BPF backend])
AC_PATH_PROGS([CLANG],[clang clang-22 clang-21 clang-20 clang-19 clang-18 clang-17],[no])
rl_clang=none
AS_IF([test "$CLANG" != no],[
	AC_CACHE_CHECK([for the version of $CLANG],[rl_cv_clang_version],[
		rl_cv_clang_version=`echo __clang_major__ __clang_minor__ | "$CLANG" -E -P -x c - 2>/dev/null | tr ' ' .`
		# Another program may have printed anything.
		AS_CASE([$rl_cv_clang_version],
			[''|*[[!0-9.]]*|.*],[rl_cv_clang_version=unknown])])
	rl_clang=other
	AS_IF([test "${rl_cv_clang_version%%.*}" -ge $1 2>/dev/null],[
		rl_clang=nobpf
		AC_CACHE_CHECK([whether $CLANG has a BPF target],[rl_cv_clang_bpf],
			[AS_IF([echo 'int x;' | "$CLANG" --target=bpf -g -O2 -c -x c -o conftest.bpf.o - >&AS_MESSAGE_LOG_FD 2>&1 && test -s conftest.bpf.o],
				[rl_cv_clang_bpf=yes],[rl_cv_clang_bpf=no])
			rm -f conftest.bpf.o])
		AS_IF([test "$rl_cv_clang_bpf" = yes],[rl_clang=good])])])
AS_CASE([$rl_clang],
	[none],[RL_MISSING([clang $1 or newer, which compiles the BPF backend],[clang],[clang],[configure --with-clang=PROG])],
	[other],[AS_IF([test "$rl_cv_clang_version" = unknown],
		[RL_MISSING([clang $1 or newer, which compiles the BPF backend ($CLANG is not clang)],[clang],[clang],[configure --with-clang=PROG])],
		[RL_MISSING([clang $1 or newer, which compiles the BPF backend ($CLANG is version $rl_cv_clang_version)],[clang],[clang],[configure --with-clang=PROG])])],
	[nobpf],[RL_MISSING([clang $1 or newer with the BPF target ($CLANG was built without it)],[clang],[clang],[configure --with-clang=PROG])])
])

# RL_PROG_BPFTOOL
# Sets BPFTOOL (which --with-bpftool or the environment may have set). A distribution's wrapper that
# looks for a tool of the running kernel is refused here rather than in the middle of the build.
AC_DEFUN([RL_PROG_BPFTOOL],[
AC_ARG_VAR([BPFTOOL],[bpftool that writes the BPF skeleton])
AC_PATH_PROGS([BPFTOOL],[bpftool],[no],[$PATH:/usr/sbin:/sbin])
AS_IF([test "$BPFTOOL" = no],
	[RL_MISSING([bpftool, which writes the BPF skeleton],[bpftool],[bpftool],[configure --with-bpftool=PROG])],
	[AC_CACHE_CHECK([whether $BPFTOOL works],[rl_cv_bpftool_works],
		[AS_IF(["$BPFTOOL" version >&AS_MESSAGE_LOG_FD 2>&1],[rl_cv_bpftool_works=yes],[rl_cv_bpftool_works=no])])
	AS_IF([test "$rl_cv_bpftool_works" = no],
		[RL_MISSING([bpftool that runs here ($BPFTOOL does not, see config.log)],[bpftool],[bpftool],[configure --with-bpftool=PROG])])])
])
