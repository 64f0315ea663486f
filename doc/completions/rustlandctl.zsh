#compdef rustlandctl
# SPDX-License-Identifier: GPL-2.0-only
# Completion of rustlandctl(1) for zsh.

_rustlandctl_cookie() {
	local -a cookies
	local line
	for line in ${(f)"$(rustlandctl list 2>/dev/null)"}; do
		line=${line## #}
		[[ $line == [0-9]* ]] && cookies+=("${line%% *}:${line#* }")
	done
	_describe cookie cookies
}

_rustlandctl_profile() {
	local -a profiles
	profiles=(${${(f)"$(rustlandctl profile 2>/dev/null)"}#??})
	_describe profile profiles
}

_rustlandctl_commands() {
	local -a commands
	commands=(
		'status:what runs, why not if it does not, and who is boosted'
		'list:the boosts that there are'
		'boost:boost a process that runs already'
		'release:end boosts'
		'run:run a command that is boosted for its lifetime'
		'foreground:say what you are looking at'
		'profile:show the profiles, or choose one'
		'monitor:follow what happens'
		'stats:the counters of the scheduler, explained'
		'reload:let the service read its configuration again'
	)
	_describe command commands
}

_rustlandctl() {
	local curcontext=$curcontext state line
	local -a common boost
	typeset -A opt_args
	common=(
		'(-j --json)'{-j,--json}'[print JSON, for programs]'
		'(- *)'{-h,--help}'[show help and exit]'
	)
	boost=(
		'(-s --scope)'{-s+,--scope=}'[what to boost]:scope:(process tree cgroup)'
		'(-r --reason)'{-r+,--reason=}'[why, for those who look at the list]:text:'
		'(-a --app-id)'{-a+,--app-id=}'[the application]:id:'
		'(-t --timeout)'{-t+,--timeout=}'[end after so long at the latest]:seconds:'
	)

	_arguments -C -s -S $common '(- *)'{-V,--version}'[show the version and exit]' \
		':command:_rustlandctl_commands' '*::argument:->arguments' && return
	[[ $state == arguments ]] || return
	curcontext=${curcontext%:*:*}:rustlandctl-$words[1]:

	case $words[1] in
	boost)
		_arguments -s -S $common $boost \
			'(-l --lifetime)'{-l+,--lifetime=}'[with what it ends]:lifetime:(process client)' \
			':process:_pids'
		;;
	release) _arguments -s -S $common '*:cookie:_rustlandctl_cookie' ;;
	run)
		_arguments -s -S $common $boost \
			'--require[do not run the command without a boost]' \
			'(-):command: _command_names -e' '*::argument: _normal'
		;;
	foreground)
		_arguments -s -S $common '(1 --clear)--cgroup=[a control group instead of a process]:path:_files -/' \
			'(1 --cgroup)--clear[nothing is in the foreground any more]' '(--cgroup --clear)1:process:_pids'
		;;
	profile) _arguments -s -S $common ':profile:_rustlandctl_profile' ;;
	monitor)
		_arguments -s -S $common \
			'(-i --interval)'{-i+,--interval=}'[between statistics]:seconds (0 for none):'
		;;
	status | list | stats | reload) _arguments -s -S $common ;;
	esac
}

_rustlandctl "$@"
