# SPDX-License-Identifier: GPL-2.0-only
# Completion of rustland-sim(1) for bash.

# _rustland_sim_names SECTION: the names in one section of the list (Policies, Workloads, Faults).
_rustland_sim_names()
{
	rustland-sim list 2>/dev/null | sed -n "/^$1:/,/^\$/s/^  \([^ ]*\) .*/\1/p"
}

_rustland_sim()
{
	local cur prev words cword
	_init_completion -n = || return
	local command='' operands=0 names i

	# "--kernel=6.12" is completed like "--kernel 6.12".
	if [[ $cur == --*=* ]]; then
		prev=${cur%%=*}
		cur=${cur#*=}
	fi

	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--cpus | --llcs | --numa | --hz | --kernel | --timer-slack-us | --costs | --slice-us | --slice-us-min | --seconds | \
			--seed | --boost | --foreground | --faults | --trace | --html | --seeds | --runs | --host-seconds | --jobs | --findings)
			((i++))
			;;
		-*) ;;
		run | compare | swarm | list)
			if [[ -z $command ]] && ((operands == 0)); then
				command=${words[i]}
			else
				((operands++))
			fi
			;;
		*) ((operands++)) ;;
		esac
	done

	case $prev in
	--kernel)
		COMPREPLY=($(compgen -W '6.12 7.3' -- "$cur"))
		return
		;;
	--hz)
		COMPREPLY=($(compgen -W '100 250 300 1000' -- "$cur"))
		return
		;;
	--cpus)
		COMPREPLY=($(compgen -W '1 2 4 8 16 32 64 128' -- "$cur"))
		return
		;;
	--faults)
		# The last one of a list; what stands before it stays.
		names=$(_rustland_sim_names Faults)
		i=${cur%"${cur##*,}"}
		COMPREPLY=($(compgen -P "$i" -W "$names" -- "${cur##*,}"))
		return
		;;
	--trace | --costs | --html)
		_filedir
		return
		;;
	--llcs | --numa | --timer-slack-us | --slice-us | --slice-us-min | --seconds | --seed | --boost | --foreground | --seeds | --runs | --host-seconds | --jobs | --findings)
		return
		;;
	esac

	if [[ $cur == -* ]]; then
		names='--help --version'
		case $command in
		run | compare | '')
			names+=' --cpus --llcs --smt --hybrid --numa --hz --kernel --timer-slack-us --costs --take-turns --slice-us --slice-us-min
				--percpu-local --numa-local --no-idle-fill --seconds --interleave --boost --foreground --faults --html'
			;;
		esac
		[[ $command == list ]] || names+=' --seed'
		[[ $command != run && -n $command ]] || names+=' --trace --json'
		[[ $command != compare && -n $command ]] || names+=' --seeds'
		[[ $command != swarm && -n $command ]] || names+=' --runs --host-seconds --jobs --findings'
		COMPREPLY=($(compgen -W "$names" -- "$cur"))
		return
	fi

	case $command:$operands in
	list:*) ;;
	*:0)
		if [[ $cur == */* ]]; then
			_filedir so
		else
			names=$(_rustland_sim_names Policies)
			[[ -n $command ]] || names+=' run compare swarm list'
			COMPREPLY=($(compgen -W "$names" -- "$cur"))
		fi
		;;
	swarm:*) ;;
	compare:*)
		if [[ $cur == */* ]]; then
			_filedir '@(so|json)'
		else
			COMPREPLY=($(compgen -W "$(_rustland_sim_names Policies) $(_rustland_sim_names Workloads)" -- "$cur"))
		fi
		;;
	*:1)
		if [[ $cur == */* ]]; then
			_filedir json
		else
			COMPREPLY=($(compgen -W "$(_rustland_sim_names Workloads)" -- "$cur"))
		fi
		;;
	esac
} &&
	complete -F _rustland_sim rustland-sim
