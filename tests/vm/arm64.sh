#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The scheduler loads on arm64, schedules, and goes away without a trace. For tools/vm-arm64, where
# there is busybox and no more. It prints TAP, as tests/vm/lib.sh does.
#
# usage: arm64.sh

bench=/usr/libexec/scx-rustland/bench
verdicts=0 failed=0
state() { cat /sys/kernel/sched_ext/state; }

# verdict WHAT COMMAND...
verdict() {
	what=$1
	shift
	verdicts=$((verdicts + 1))
	if "$@"; then
		echo "ok $verdicts - $what"
	else
		echo "not ok $verdicts - $what"
		failed=$((failed + 1))
	fi
}

# within SECONDS COMMAND...
within() {
	tries=$(($1 * 10))
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}
is_state() { [ "$(state)" = "$1" ]; }
# The decisions that were carried out within a second, while more runs than there are CPUs.
count_decisions() {
	busy=
	for _ in 1 2 3 4; do
		while :; do :; done &
		busy="$busy $!"
	done
	decisions=$(scx_rustland --monitor 1 --json |
		sed -n '2{s/.*"nr_user_dispatches":\([0-9]*\).*/\1/p;q}')
	# shellcheck disable=SC2086 # a list
	{ kill $busy && wait $busy; } 2>/dev/null
}
is_ours() { case $(cat /sys/kernel/sched_ext/root/ops 2>/dev/null) in rustland*) ;; *) false ;; esac; }

uname -srm
for signal in INT TERM; do
	scx_rustland >log 2>&1 &
	scheduler=$!
	verdict "enabled" within 60 is_state enabled
	verdict "by us: $(cat /sys/kernel/sched_ext/root/ops)" is_ours
	verdict "a load of hogs, ping-pong and a frame loop" \
		"$bench/bench-run" --settle-seconds 2 --seconds 5 --hogs 4 --pairs 1 --output "load-$signal.json"
	verdict "enabled after it" is_state enabled
	count_decisions
	verdict "user space decides: $decisions dispatches in a second" [ "$decisions" -gt 0 ]
	kill -$signal $scheduler
	wait $scheduler
	status=$?
	verdict "status 0 after SIG$signal (it was $status)" [ $status = 0 ]
	verdict "disabled" within 10 is_state disabled
	cat log
	verdict "nothing was said of an error" sh -c '! grep -i -E "error|fail|runtime|watchdog" log'
done
cat load-INT.json
echo
echo "1..$verdicts"
[ $failed = 0 ]
