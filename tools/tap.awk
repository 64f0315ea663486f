# SPDX-License-Identifier: GPL-2.0-only
#
# The one reader of TAP, the Test Anything Protocol, that tools/check has: what a step printed, in
# place of which it prints every test again, one a line and numbered in order, without the plan:
#
#   ok 1 - TEXT
#   not ok 2 - TEXT
#   ok 3 - TEXT # SKIP REASON
#
# A log that does not keep to its plan, that has no test in it, gives a number twice, bails out, or
# whose program ended with a status that no failed test explains, is one failed test more, the last
# one. Everything else in a log is passed over. It must never make less than was said of a failure,
# and never print nothing.
#
# usage: awk [-v status=N] [-v first=N] [-v name=TEXT] -f tools/tap.awk LOG
#
#   status   what the program ended with (default 0)
#   first    the number of the first test (default 1)
#   name     what to put in front of every text

BEGIN { tests = (first ? first : 1) - 1 }

function add(result, text) {
	tests++
	print result " " tests " - " (name == "" ? "" : name ": ") text
}

# The first of a kind is enough: a program that loses count does so with every test after that.
function wrong(kind, text) {
	if (kind in told) return
	told[kind] = 1
	problem = problem (problem == "" ? "" : "; ") text
}

{ sub(/\r$/, "") }

/^(not )?ok([ \t]|$)/ {
	result = /^not/ ? "not ok" : "ok"
	text = $0
	sub(/^(not )?ok[ \t]*/, "", text)
	if (text !~ /^[0-9]+([ \t]|$)/) {
		wrong("number", "a test without a number (" $0 ")")
		next
	}
	number = text + 0
	sub(/^[0-9]+[ \t]*/, "", text)
	sub(/^-[ \t]*/, "", text)
	if (number in seen) wrong("twice", "number " number " twice")
	seen[number] = 1
	said++
	if (number > highest) highest = number
	if (result == "not ok") failed++
	# A test that failed did so, whatever else is said of it. cmocka has its text behind the SKIP.
	if (match(text, /(^|[ \t])# *[Ss][Kk][Ii][Pp]([ \t]|$)/)) {
		reason = substr(text, RSTART + RLENGTH)
		text = substr(text, 1, RSTART - 1)
		text = (text == "" ? reason : text) " # SKIP " (text == "" ? "" : reason)
	}
	sub(/[ \t]+$/, "", text)
	add(result, text)
	next
}

/^1\.\.[0-9]+([ \t]|$)/ {
	if (plans++) wrong("plans", "more than one plan")
	planned = substr($0, 4) + 0
	next
}

/^Bail out!/ { wrong("bail", $0) }

END {
	if (!said) wrong("none", "no test was run")
	if (!plans) wrong("plan", "no plan, so it did not come to its end")
	else if (said != planned || highest > planned || (0 in seen))
		wrong("plan", planned " tests planned, " said + 0 " run" \
			(highest > planned ? ", up to number " highest : ""))
	if (status + 0 && (problem != "" || !failed)) wrong("status", "ended with status " status)
	if (problem != "") add("not ok", problem)
}
