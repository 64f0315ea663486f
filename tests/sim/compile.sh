# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How the simulator is compiled by hand, for tests that want it otherwise than tools/build makes it. Sourced,
# never run, in the top directory. It must never ask for a library: what needs GLib is left out.

# compile OBJECT SOURCE COMPILER [FLAG]...: one source of the tree, or of a copy that a FLAG's -I names.
compile() {
	local object=$1 source=$2
	shift 2
	# What is made of bpf/: the model's headers stand in for libbpf's.
	[[ $source != src/sim/kernel/@(backend|kfuncs).c ]] || set -- "$@" -Isrc/sim/kernel/shim -DOPTION=
	"$@" -std=gnu11 -g -w -D_GNU_SOURCE '-DPACKAGE_VERSION="by hand"' -I. -Iinclude -Isrc -c "$source" -o "$object"
}

# Everything but the program: its options, its report and rt-app's files.
simulator_sources() {
	find src/sim src/policy -name '*.c' | grep -v -E '^src/sim/(main|options|report|rt-app|rt-app-file)\.c$' | sort
	printf 'src/lib/%s\n' exit.c loop.c policy-fault.c pool.c
	echo src/common/policy-name.c
}
