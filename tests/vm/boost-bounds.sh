#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What one user's boosts can take from another user, with the worst that can be boosted: the user "other"
# has a frame loop and hogs for two times the CPUs, the user "player", whose session is active, a load that
# takes what it can get (greedy). The same load once as it is and once boosted over D-Bus, in turns, under
# the same scheduler, in one boot. Only ratios are asserted: boosted it has to leave "other" nearly what it
# leaves unboosted. Needs tools/vm --full, and player.sh beside it.
#
# usage: boost-bounds.sh [--seconds N] [--shown-only] [FORM]...
#
#   --seconds N     length of a run (default 40: a form that comes in waves of 100 ms needs that many)
#   --shown-only    show the figures and assert nothing of them
#   FORM            of load, see greedy --help (default: all of them)

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/player.sh
. "$(dirname "$0")/player.sh"

seconds=40 shown_only=
forms=()
while (($#)); do
	case $1 in
	--seconds) seconds=$2 && shift ;;
	--shown-only) shown_only=1 ;;
	-*) die "unknown option $1" ;;
	*) forms+=("$1") ;;
	esac
	shift
done
mapfile -t known < <("$bench/greedy" --help | sed -n 's/^      \([a-z-]*\)  .*/\1/p')
((${#forms[@]})) || forms=("${known[@]}")
# What "other" keeps, of the work of the hogs and of the frames.
left_min=0.8

# Boosted as a whole, but for the two forms that are about another scope.
scope_of() {
	case $1 in
	helpers) echo process ;;
	threads) echo cgroup ;;
	*) echo tree ;;
	esac
}

# From the user's own systemd, as what is started in a desktop.
start_greedy() {
	player systemd-run --user -q --collect --unit=app-greedy \
		"$bench/greedy" --form "$1" --unit-iterations "$unit_iterations" \
		--delay-seconds 3 || return
	greedy=$(player_ctl show --value -p MainPID app-greedy)
	((greedy))
}
stop_greedy() {
	player_ctl stop app-greedy
	wait_until 30 no_boost
}
boost_greedy() {
	player systemd-run --user -q --wait --collect rustlandctl boost \
		--scope "$(scope_of "$1")" --reason "the greedy $1" "$greedy"
}
no_boost() { [[ -z $(boosts pid) ]]; }

# measure FORM KIND
measure() {
	local file=out/bounds-$1-$2.json
	start_greedy "$1" || { fail "$1: it starts" && return 1; }
	[[ $2 == unboosted ]] || boost_greedy "$1" || fail "$1: player boosts it"
	setpriv --reuid=other --regid=other --clear-groups "$bench/bench-run" --label "$2" \
		--settle-seconds 5 --seconds "$seconds" --hogs $((2 * cpus)) \
		--work-iterations "$work" --unit-iterations "$unit_iterations" >"$file" 2>"out/bounds-$1-$2.err" ||
		fail "$1, $2: it can be measured"
	[[ $2 == unboosted ]] || is_boosted "$greedy" || fail "$1: it was boosted all the time"
	stop_greedy || fail "$1: its boost ends with it"
}

# ratio FORM PATH: boosted to unboosted; 1 where there was nothing to take.
ratio() {
	awk -v old="$(json "out/bounds-$1-unboosted.json" "$2")" \
		-v new="$(json "out/bounds-$1-boosted.json" "$2")" \
		'BEGIN { printf "%.2f\n", old ? new / old : 1 }'
}
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'; }

systemctl start "$unit" || die "the service starts"
wait_until 30 schedules || die "the scheduler runs"
log_in || die "player is logged in"
read -r work unit_iterations < <("$bench/bench-run" --calibrate) || die "the work can be calibrated"

rows=()
for form in "${forms[@]}"; do
	[[ " ${known[*]} " == *" $form "* ]] || die "there is no form $form"
	measure "$form" unboosted || continue
	measure "$form" boosted || continue
	hogs=$(ratio "$form" hogs.units) frames=$(ratio "$form" frame.frames)
	printf -v row '  %-12s%9s%9s  x %s%9s%9s  x %s' "$form" \
		"$(json "out/bounds-$form-unboosted.json" hogs.units)" \
		"$(json "out/bounds-$form-boosted.json" hogs.units)" "$hogs" \
		"$(json "out/bounds-$form-unboosted.json" frame.frames)" \
		"$(json "out/bounds-$form-boosted.json" frame.frames)" "$frames"
	rows+=("$row")
	echo "$row"
	[[ -z $shown_only ]] || continue
	verdict "$form, boosted: other's hogs keep $hogs of their work, at least $left_min" \
		at_least "$hogs" $left_min
	verdict "$form, boosted: other's frame loop keeps $frames of its frames, at least $left_min" \
		at_least "$frames" $left_min
done

echo
echo "What other's $((2 * cpus)) hogs and frame loop get beside player's load, as it is and boosted, in $seconds s:"
printf '  %-12s%9s%9s  %6s%9s%9s\n' '' 'hogs' boosted '' frames boosted
printf '%s\n' "${rows[@]}"
check_page_faults
verdict "the scheduler still runs" schedules
verdict "not thrown out by the kernel" no_ejection
systemctl stop "$unit"
finish
