#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Everything the scheduler has to refuse: it must say why in one line, end with a status other than
# 0, and leave the machine as it was.
#
# usage: refusals.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# refused TEXT PATTERN COMMAND...: it ends soon, with a failure and one line that says PATTERN.
refused() {
	local text=$1 pattern=$2 status lines before=$scheduler_state
	shift 2
	timeout 20 "$@" >out/refusal.out 2>out/refusal.err </dev/null
	status=$?
	lines=$(wc -l <out/refusal.err)
	if ((status == 0)); then
		fail "$text: it ended with status 0"
	elif ((status == 124)); then
		fail "$text: it did not end"
	elif ((status > 125)); then
		fail "$text: it died with status $status: $(head -n 1 out/refusal.err)"
	elif ((lines != 1)); then
		fail "$text: it said $lines lines, not one"
		head -n 5 out/refusal.err
	elif ! grep -q -i -E -- "$pattern" out/refusal.err; then
		fail "$text: $(cat out/refusal.err)"
	elif ! state_is "$before"; then
		fail "$text: the kernel's state went from $before to $(state)"
	else
		pass "$text: $(cat out/refusal.err)"
	fi
}
scheduler_state=disabled

refused "not root and no capabilities" 'root|privilege|permi|capab' \
	setpriv --reuid=nobody --regid=nogroup --clear-groups --bounding-set=-all \
	--inh-caps=-all "$scheduler"
# shellcheck disable=SC2016 # the inner shell expands it
refused "a kernel without sched_ext" 'sched_ext' \
	unshare --mount sh -c 'mount -t tmpfs none /sys/kernel && exec "$1"' sh "$scheduler"

for value in 0 -1 1000000000000 99999999999999999999999 text '' 20ms 1e3 ' 5'; do
	refused "--slice-us '$value'" slice-us "$scheduler" --slice-us "$value"
	refused "--slice-us-min '$value'" slice-us-min "$scheduler" --slice-us-min "$value"
done
refused "--slice-us-min above --slice-us" slice "$scheduler" --slice-us 1000 --slice-us-min 2000
for value in -1 text '' 99999999999999999999999; do
	refused "--exit-dump-len '$value'" exit-dump-len "$scheduler" --exit-dump-len "$value"
done
for value in 0 -1 text '' nan inf; do
	refused "--stats '$value'" stats "$scheduler" --stats "$value"
	refused "--monitor '$value'" monitor "$scheduler" --monitor "$value"
done
refused "an unknown option" 'no-such-option' "$scheduler" --no-such-option
refused "an argument that is none" 'argument' "$scheduler" argument

refused "BTF from a file that is none" 'btf|type information' "$scheduler" --btf-custom-path /etc/hostname
refused "BTF from a file that is not there" 'btf|load|open|no such' \
	"$scheduler" --btf-custom-path /nowhere
refused "CAP_PERFMON is missing" 'permi|capab|privilege|load' \
	setpriv --reuid=nobody --regid=nogroup --clear-groups --bounding-set=-all,+bpf \
	--inh-caps=-all,+bpf --ambient-caps=-all,+bpf "$scheduler"
# A kernel that lacks a member the backend cannot do without: the verifier refuses the program.
sed 's/\x00cpus_ptr\x00/\x00cpus_xxx\x00/' /sys/kernel/btf/vmlinux >out/strange.btf
refused "the verifier refuses the backend" 'load|verif|kernel' \
	"$scheduler" --btf-custom-path out/strange.btf
timeout 20 "$scheduler" -v --btf-custom-path out/strange.btf >out/refusal.out 2>out/refusal.err
cp out/refusal.err out/verifier.txt
verdict "-v shows the verifier's log: $(wc -l <out/refusal.err) lines" \
	grep -q -E 'CO-RE relocation|processed [0-9]+ insns|invalid func' out/refusal.err
rm -f out/strange.btf out/refusal.*

scheduler_start || die "it starts"
scheduler_state=enabled
seq=$(enable_seq)
refused "another sched_ext scheduler is loaded" 'already|another|loaded|running' "$scheduler"
verdict "the first one stays" [ "$(enable_seq)" = "$seq" ]
check_serving "after that"
check_stop
verdict "not thrown out by the kernel" no_ejection
finish
