# SPDX-License-Identifier: GPL-2.0-only
# Completion of rustlandctl(1) for bash.

# The first words of the lines that look like a row of the table.
_rustlandctl_cookies()
{
	rustlandctl list 2>/dev/null | sed -n 's/^ *\([0-9][0-9]*\) .*/\1/p'
}

_rustlandctl_profiles()
{
	rustlandctl profile 2>/dev/null | cut -c 3-
}

_rustlandctl()
{
	local cur prev words cword
	_init_completion -n = || return
	local commands='status list boost release run foreground profile monitor stats reload'
	local command='' options='' operands=0 i

	# "--scope=VALUE" is completed like "--scope VALUE".
	if [[ $cur == --*=* ]]; then
		prev=${cur%%=*}
		cur=${cur#*=}
	fi

	for ((i = 1; i < cword; i++)); do
		if [[ -z $command ]]; then
			[[ ${words[i]} == -* ]] || command=${words[i]}
		elif [[ ${words[i]} == -- && $command == run ]]; then
			_command_offset $((i + 1))
			return
		elif [[ ${words[i]} == -[srlati] || ${words[i]} == --@(scope|reason|lifetime|app-id|timeout|cgroup|interval) ]]; then
			((i++))
		elif [[ ${words[i]} != -* ]]; then
			[[ $command != run ]] || { _command_offset $i && return; }
			((operands++))
		fi
	done

	case $command:$prev in
	*:--scope | *:-s)
		COMPREPLY=($(compgen -W 'process tree cgroup' -- "$cur"))
		return
		;;
	*:--lifetime | *:-l)
		COMPREPLY=($(compgen -W 'process client' -- "$cur"))
		return
		;;
	*:--timeout | *:-t)
		COMPREPLY=($(compgen -W '10 60 600 3600' -- "$cur"))
		return
		;;
	monitor:--interval | monitor:-i)
		COMPREPLY=($(compgen -W '0 0.5 1 2 5 10' -- "$cur"))
		return
		;;
	foreground:--cgroup)
		_filedir -d
		return
		;;
	*:--reason | *:-r | *:--app-id | *:-a)
		return
		;;
	esac

	case $command in
	'') options='--json --help --version -j -h -V' ;;
	boost) options='--scope --reason --app-id --lifetime --timeout --json --help' ;;
	run) options='--scope --reason --app-id --timeout --require --json --help' ;;
	foreground) options='--cgroup --clear --json --help' ;;
	monitor) options='--interval --json --help' ;;
	*) options='--json --help' ;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$options" -- "$cur"))
		return
	fi

	case $command:$operands in
	:*) COMPREPLY=($(compgen -W "$commands" -- "$cur")) ;;
	boost:0 | foreground:0) _pids ;;
	release:*) COMPREPLY=($(compgen -W "$(_rustlandctl_cookies)" -- "$cur")) ;;
	profile:0) COMPREPLY=($(compgen -W "$(_rustlandctl_profiles)" -- "$cur")) ;;
	run:*) _command_offset "$cword" ;;
	esac
} &&
	complete -F _rustlandctl rustlandctl
