# shellcheck shell=bash disable=SC2034,SC2086,SC2317 # the scripts use what is here
# SPDX-License-Identifier: GPL-2.0-only
#
# The player's sway, without a screen, and windows in it. Sourced after player.sh.

sway_socket() { echo "/run/user/1000/sway-ipc.1000.$(pgrep -n -x -u player sway).sock"; }
has_socket() { [[ -S $(sway_socket) ]]; }
sway() { player swaymsg -q -s "$(sway_socket)" "$@"; }

start_sway() {
	player WLR_BACKENDS=headless WLR_RENDERER=pixman WLR_LIBINPUT_NO_DEVICES=1 \
		sway -c /dev/null >>"$PWD/out/sway.log" 2>&1 &
	wait_until 60 has_socket && wait_until 60 sway -t get_version
}
# window: opens one, and sets window to its process.
window() {
	local known end=$((SECONDS + 60))
	known=$(pgrep -x foot | sort)
	sway exec "foot tail -f /dev/null"
	window=
	while [[ -z $window ]] && ((SECONDS < end)); do
		window=$(comm -13 <(echo "$known") <(pgrep -x foot | sort))
		sleep 0.1
	done
}
close_sway() {
	pkill -x -u player foot
	pkill -x -u player sway
}
