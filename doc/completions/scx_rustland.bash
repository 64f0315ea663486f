# SPDX-License-Identifier: GPL-2.0-only
# Completion of scx_rustland(8) for bash.

_scx_rustland()
{
	local cur prev words cword
	_init_completion -n = || return
	# "--policy=NAME" is completed like "--policy NAME".
	if [[ $cur == --*=* ]]; then
		prev=${cur%%=*}
		cur=${cur#*=}
	fi

	case $prev in
	--policy)
		if [[ $cur == */* ]]; then
			_filedir so
		else
			COMPREPLY=($(compgen -W "$(scx_rustland --list-policies 2>/dev/null |
				cut -d' ' -f1)" -- "$cur"))
		fi
		return
		;;
	--slice-us | -s | --slice-us-min | -S)
		COMPREPLY=($(compgen -W '500 1000 5000 10000 20000' -- "$cur"))
		return
		;;
	--stats | --monitor)
		COMPREPLY=($(compgen -W '0.5 1 2 5 10' -- "$cur"))
		return
		;;
	--relaxed-maps)
		COMPREPLY=($(compgen -W 'true false' -- "$cur"))
		return
		;;
	--btf-custom-path | --stats-socket)
		_filedir
		return
		;;
	--bpf-token-path | --pin-root-path)
		_filedir -d
		return
		;;
	--exit-dump-len | --object-name | --kconfig)
		return
		;;
	esac

	COMPREPLY=($(compgen -W '--slice-us --slice-us-min --percpu-local --numa-local --partial
		--policy --list-policies --no-idle-fill --exit-dump-len --verbose --stats --monitor
		--json --help-stats --stats-socket --check --version --help --btf-custom-path --bpf-token-path --object-name
		--pin-root-path --relaxed-maps -s -S -l -n -p -v -V -h' -- "$cur"))
} &&
	complete -F _scx_rustland scx_rustland
