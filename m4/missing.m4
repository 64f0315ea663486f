# SPDX-License-Identifier: GPL-2.0-only
# What building needs and this machine lacks: collected by the checks and told once, as a list with the
# packages to install, so that nobody runs configure once for each.

m4_ifndef([PKG_PROG_PKG_CONFIG],
	[m4_fatal([pkg.m4 is missing; install pkgconf (Debian: pkgconf, Fedora: pkgconf-pkg-config)])])

# RL_MISSING(WHAT, DEBIAN, FEDORA, [INSTEAD])
# One item: its name, the packages that have it, and what to do instead of installing those.
AC_DEFUN([RL_MISSING],[
AS_VAR_APPEND([rl_missing],["
  $1
      Debian: $2; Fedora: $3[]m4_ifval([$4],[; or $4])"])
AS_VAR_APPEND([rl_debian],[" $2"])
AS_CASE(["$rl_fedora "],[*" $3 "*],[],[AS_VAR_APPEND([rl_fedora],[" $3"])])
])

# RL_CHECK_LIBRARY(PREFIX, MODULES, WHAT, DEBIAN, FEDORA, [INSTEAD])
# PKG_CHECK_MODULES, where a library that is not there is an item of the list.
AC_DEFUN([RL_CHECK_LIBRARY],[
PKG_CHECK_MODULES([$1],[$2],[],[RL_MISSING([$3],[$4],[$5],[$6])])
])

# RL_REPORT_MISSING
# Ends configure if there is anything in the list.
AC_DEFUN([RL_REPORT_MISSING],[
AS_IF([test -n "$rl_missing"],[
	AS_IF([test -z "$PKG_CONFIG"],
		[AS_VAR_APPEND([rl_missing],["
  (without pkg-config the libraries could not be looked for; some of those above may be there)"])])
	AC_MSG_ERROR([this is missing here:
$rl_missing

All of it at once:
  Debian: apt install$rl_debian
  Fedora: dnf install$rl_fedora])])
])
