#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Debian's tests of the installed packages (debian/tests), run by autopkgtest itself. The VM is the
# testbed: what isolation-machine asks for is true, though autopkgtest cannot know it.
#
# usage, after tools/build deb:
#   tools/vm --full --no-stage --copy out/deb --copy debian --copy tests/vm/autopkgtest.sh \
#           --copy tests/vm/lib.sh -- ./autopkgtest.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

systemctl is-system-running --wait >/dev/null
# A tree that looks built is taken as it is; another one would be copied with the help of dpkg-dev.
mkdir source
mv debian source/
: >source/debian/files
timeout 1200 autopkgtest --output-dir out/autopkgtest --summary-file out/summary \
	--ignore-restrictions isolation-machine deb/*.deb ./source -- null >out/autopkgtest.log 2>&1
status=$?

tests=$(sed -n 's/^Tests: //p' source/debian/tests/control | tr -d ,)
for test in $tests; do
	# A line of the summary is "NAME  PASS" or "NAME  FAIL why" or "NAME  SKIP why".
	result=$(sed -n "s/^$test  *//p" out/summary)
	case $result in
	PASS*) pass "$test" ;;
	SKIP*) skip "$test" "${result#SKIP }" ;;
	*) fail "$test: ${result:-not run}" ;;
	esac
done
((failed == 0)) || tail -n 40 out/autopkgtest.log
verdict "autopkgtest ran all of them (it ended with $status)" [ "$status" = 0 ]
scheduler_log=/dev/null
verdict "not thrown out by the kernel" no_ejection
finish
