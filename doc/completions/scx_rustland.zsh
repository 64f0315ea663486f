#compdef scx_rustland
# SPDX-License-Identifier: GPL-2.0-only
# Completion of scx_rustland(8) for zsh.

_scx_rustland_policy() {
	if [[ $PREFIX == */* ]]; then
		_files -g '*.so'
		return
	fi
	local -a policies
	local line
	for line in ${(f)"$(scx_rustland --list-policies 2>/dev/null)"}; do
		policies+=("${line%% *}:${line#* ##}")
	done
	_describe policy policies
}

_arguments -s -S \
	'(-s --slice-us)'{-s+,--slice-us=}'[longest time slice]:microseconds (100 to 1000000):' \
	'(-S --slice-us-min)'{-S+,--slice-us-min=}'[shortest time slice]:microseconds (100 to --slice-us):' \
	'(-l --percpu-local)'{-l,--percpu-local}'[keep tasks on the CPU they last ran on]' \
	'(-n --numa-local)'{-n,--numa-local}"[look for idle CPUs in the task's NUMA node]" \
	'(-p --partial)'{-p,--partial}'[schedule only tasks of policy SCHED_EXT]' \
	'--policy=[the policy that decides]:policy:_scx_rustland_policy' \
	'(- *)--list-policies[show the policies there are and exit]' \
	'--no-idle-fill[ask the policy even when a CPU is idle]' \
	"--exit-dump-len=[keep so much of the kernel's debug dump]:bytes (0 to 16777216):" \
	'(-v --verbose)'{-v,--verbose}'[show what libbpf and the verifier say]' \
	'--stats=[print statistics]:seconds (0.1 to 86400):' \
	'--monitor=[only print the statistics of the scheduler that runs]:seconds (0.1 to 86400):' \
	'--json[print statistics as lines of JSON]' \
	'--stats-socket=[where statistics are offered, or looked for]:socket:_files' \
	'--check[only say whether the command line and the policy are good]' \
	'(- *)--help-stats[explain the statistics and exit]' \
	'(- *)'{-V,--version}'[show the version and exit]' \
	'(- *)'{-h,--help}'[show help and exit]' \
	"--btf-custom-path=[take the kernel's BTF from a file]:file:_files" \
	'--bpf-token-path=[make a BPF token from a BPF file system]:directory:_files -/' \
	'--object-name=[without effect]:name:' \
	'--pin-root-path=[without effect]:directory:_files -/' \
	'--relaxed-maps=[without effect]:value:(true false)'
