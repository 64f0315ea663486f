# SPDX-License-Identifier: GPL-2.0-only
# Checks for the tools that turn bpf/*.bpf.c into a skeleton header.

# RL_PROG_BPF_CLANG(MIN-MAJOR)
# Sets CLANG (which --with-clang or the environment may have set) and rl_cv_clang_version.
AC_DEFUN([RL_PROG_BPF_CLANG],[
AC_ARG_VAR([CLANG],[clang that compiles the BPF backend])
AC_PATH_PROGS([CLANG],[clang clang-22 clang-21 clang-20 clang-19 clang-18 clang-17],[no])
AS_IF([test "$CLANG" = no],
	[AC_MSG_ERROR([clang $1 or newer is needed for the BPF backend (Debian: clang; or configure --with-clang=PROG)])])
AC_CACHE_CHECK([for the version of $CLANG],[rl_cv_clang_version],
	[rl_cv_clang_version=`echo __clang_major__ __clang_minor__ | "$CLANG" -E -P -x c - 2>/dev/null | tr ' ' .`])
AS_IF([test "${rl_cv_clang_version%%.*}" -ge $1 2>/dev/null],[],
	[AC_MSG_ERROR([clang $1 or newer is needed for the BPF backend, but $CLANG is ${rl_cv_clang_version:-not clang} (configure --with-clang=PROG)])])
AC_CACHE_CHECK([whether $CLANG has a BPF target],[rl_cv_clang_bpf],
	[AS_IF([echo 'int x;' | "$CLANG" --target=bpf -g -O2 -c -x c -o conftest.bpf.o - >&AS_MESSAGE_LOG_FD 2>&1],
		[rl_cv_clang_bpf=yes],[rl_cv_clang_bpf=no])
	rm -f conftest.bpf.o])
AS_IF([test "$rl_cv_clang_bpf" = no],
	[AC_MSG_ERROR([$CLANG was built without the BPF target; install LLVM's full clang or use configure --with-clang=PROG])])
])

# RL_PROG_BPFTOOL
# Sets BPFTOOL (which --with-bpftool or the environment may have set). A distribution's wrapper that
# looks for a tool of the running kernel is refused here rather than in the middle of the build.
AC_DEFUN([RL_PROG_BPFTOOL],[
AC_ARG_VAR([BPFTOOL],[bpftool that writes the BPF skeleton])
AC_PATH_PROGS([BPFTOOL],[bpftool],[no],[$PATH:/usr/sbin:/sbin])
AS_IF([test "$BPFTOOL" = no],
	[AC_MSG_ERROR([bpftool is needed (Debian: bpftool; or configure --with-bpftool=PROG)])])
AC_CACHE_CHECK([whether $BPFTOOL works],[rl_cv_bpftool_works],
	[AS_IF(["$BPFTOOL" version >&AS_MESSAGE_LOG_FD 2>&1],[rl_cv_bpftool_works=yes],[rl_cv_bpftool_works=no])])
AS_IF([test "$rl_cv_bpftool_works" = no],
	[AC_MSG_ERROR([$BPFTOOL does not run here, see config.log (configure --with-bpftool=PROG)])])
])
