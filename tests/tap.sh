# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What tests in bash on this machine print: TAP, the Test Anything Protocol, with the plan at the end.
# Sourced, never run. (Those in a VM have the same words in tests/vm/lib.sh.) It must never let a program
# that stopped in the middle look like one that came to its end: only finish prints the plan.

tap_tests=0 tap_failed=0

pass() {
	tap_tests=$((tap_tests + 1))
	printf 'ok %d - %s\n' "$tap_tests" "${*//$'\n'/ }"
}
fail() {
	tap_tests=$((tap_tests + 1)) tap_failed=$((tap_failed + 1))
	printf 'not ok %d - %s\n' "$tap_tests" "${*//$'\n'/ }"
}
# skip WHAT REASON
skip() {
	tap_tests=$((tap_tests + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_tests" "$1" "$2"
}
# Makes comments of its input: no line of another program is then taken for a test.
comment() { sed 's/^/# /'; }
finish() {
	echo "1..$tap_tests"
	((tap_tests && !tap_failed))
}
