#compdef rustland-sim
# SPDX-License-Identifier: GPL-2.0-only
# Completion of rustland-sim(1) for zsh.

# _rustland_sim_list SECTION: "name:summary" of each line in one section of the list, into $reply.
_rustland_sim_list() {
	local line section=''
	reply=()
	for line in "${(@f)$(rustland-sim list 2>/dev/null)}"; do
		case $line in
		(*:) section=${line%:} ;;
		('  '*)
			line=${line#  }
			[[ $section != $1 ]] || reply+=("${line%% *}:${${line#* }## #}")
			;;
		esac
	done
}

_rustland_sim_policy() {
	if [[ $PREFIX == */* ]]; then
		_files -g '*.so'
		return
	fi
	local -a reply
	_rustland_sim_list Policies
	_describe policy reply
}

_rustland_sim_first() {
	local -a commands
	commands=(
		'run:one policy, and report'
		'compare:several policies with the same seeds, side by side'
		'swarm:many runs, until one shows what should never happen'
		'list:the policies, workloads and faults that there are'
	)
	[[ $PREFIX == */* ]] || _describe command commands
	_rustland_sim_policy
}

_rustland_sim_workload() {
	if [[ $PREFIX == */* ]]; then
		_files -g '*.json'
		return
	fi
	local -a reply
	_rustland_sim_list Workloads
	_describe workload reply
}

_rustland_sim_policy_or_workload() {
	if [[ $PREFIX == */* ]]; then
		_files -g '*.(so|json)'
		return
	fi
	_rustland_sim_policy
	_rustland_sim_workload
}

_rustland_sim_faults() {
	local -a reply
	_rustland_sim_list Faults
	_values -s , fault ${reply%%:*}
}

_rustland_sim() {
	local -a options seed one several swarm other operands
	local word
	options=(
		'--cpus=[how many CPUs]:CPUs (1 to 1024):'
		'--llcs=[last-level caches among which they are divided]:caches:'
		'--smt[two CPUs are one core]'
		'--hybrid[the second half of the CPUs are slower]'
		'--numa=[NUMA nodes]:nodes (1 to 64):'
		'--hz=[ticks a second]:ticks:(100 250 300 1000)'
		'--kernel=[the kernel that is modelled]:version:(6.12 7.3)'
		'--timer-slack-us=[how late sleeps end]:microseconds (0 to 1000000):'
		'--costs=[what operations cost]:file:_files'
		'--take-turns[all CPUs share the speed of one]'
		'--slice-us=[longest time slice]:microseconds (100 to 1000000):'
		'--slice-us-min=[shortest time slice]:microseconds (100 to --slice-us):'
		'--percpu-local[keep tasks on the CPU they last ran on]'
		"--numa-local[look for idle CPUs in the task's NUMA node]"
		'--no-idle-fill[ask the policy even when a CPU is idle]'
		'--seconds=[how long it is measured]:seconds:'
		'--interleave[CPUs come in between steps of kernel work, too]'
		'--boost=[tasks that are boosted]:names with commas between:'
		'--foreground=[tasks of the window in front]:names with commas between:'
		'--faults=[what goes wrong on purpose]:faults:_rustland_sim_faults'
		'--html=[write a page for a browser]:file:_files'
	)
	seed=('--seed=[of all that is random]:number:')
	one=(
		'--trace=[write what happens, for Perfetto]:file:_files'
		'--json[print a JSON object]'
	)
	several=('--seeds=[runs of each policy in a comparison]:seeds (1 to 64):')
	swarm=(
		'--runs=[make so many]:runs:'
		'--host-seconds=[or for so long]:seconds:'
		'--jobs=[so many at the same time]:jobs (1 to 64):'
		'--findings=[end after so many]:findings:'
	)
	other=(
		'(- *)--help[show help and exit]'
		'(- *)--version[show the version and exit]'
	)
	operands=(':policy or command:_rustland_sim_first' '::workload:_rustland_sim_workload')
	for word in $words[2,CURRENT-1]; do
		case $word in
		(run) several=() swarm=() operands=(':command:' ':policy:_rustland_sim_policy' '::workload:_rustland_sim_workload') ;;
		(compare) one=() swarm=() operands=(':command:' ':policy:_rustland_sim_policy' '*:policy or workload:_rustland_sim_policy_or_workload') ;;
		(swarm) options=() one=() several=() operands=(':command:' '::policy:_rustland_sim_policy') ;;
		(list) options=() seed=() one=() several=() swarm=() operands=(':command:') ;;
		(*) continue ;;
		esac
		break
	done
	_arguments -S $options $seed $one $several $swarm $other $operands
}

_rustland_sim "$@"
