#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Enables the service as a user would, and reboots: it has to be there by itself, and may begin only
# when everything else is there. Boots with and without it take turns; the first one is for nothing
# but warming up. Needs tools/vm --full --reboot, and looks best with --icount.
#
# How long a boot takes varies by seconds, even on a clock that counts instructions, because it goes
# on while the disk is waited for. That only ever adds: with three boots of each kind or more the
# fastest of them are compared, with less it is only told.
#
# usage: boot.sh [--boots N]
#
#   --boots N   boots of each kind (default 3)

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

boots=3
[[ ${1:-} != --boots ]] || boots=$2
# What lasts over the reboots.
kept=/var/lib/rustland-boot
mkdir -p $kept/out
nr=$(cat $kept/nr 2>/dev/null || echo 0)
unit=scx-rustland

least() { cut -d' ' -f1 "$1" | sort -n | head -n 1; }

# Milliseconds of user space until multi-user.target was reached, and until nothing was left to do.
userspace_ms() {
	local user target total
	user=$(systemctl show --value -p UserspaceTimestampMonotonic)
	total=$(systemctl show --value -p FinishTimestampMonotonic)
	target=$(systemctl show --value -p ActiveEnterTimestampMonotonic multi-user.target)
	echo "$(((target - user) / 1000)) $(((total - user) / 1000))"
}

systemctl is-system-running --wait >/dev/null
read -r target total < <(userspace_ms)
if ((nr % 2 == 0 && nr > 0)); then
	active=$(systemctl is-active $unit)
	since=$(systemctl show --value -p ActiveEnterTimestampMonotonic $unit)
	begun=$(systemctl show --value -p InactiveExitTimestampMonotonic $unit)
	reached=$(systemctl show --value -p ActiveEnterTimestampMonotonic multi-user.target)
	echo "$target $total $((since / 1000))" >>$kept/with
	[[ $active == active && $(state) == enabled && $(ops) == rustland* ]] ||
		echo "boot $nr: the service is $active, the kernel's state $(state)" >>$kept/wrong
	((begun >= reached)) || echo "boot $nr: it began $((reached - begun)) us before multi-user.target" >>$kept/early
elif ((nr > 0)); then
	echo "$target $total" >>$kept/without
	[[ $(state) == disabled ]] || echo "boot $nr: state $(state) without the service" >>$kept/wrong
fi
if ((nr < 2 * boots)); then
	echo $((nr + 1)) >$kept/nr
	if ((nr % 2)); then
		# Not for this boot, which has been measured already.
		systemctl -q enable $unit || echo "it cannot be enabled" >>$kept/wrong
	else
		systemctl -q disable $unit
	fi
	systemctl reboot
	sleep 600
	die "the machine reboots"
fi

note "user space until multi-user.target, and in all (ms): without $(paste -sd';' $kept/without)"
note "with the service, and when it was active after the kernel's start: $(paste -sd';' $kept/with)"
touch $kept/wrong
while IFS= read -r line; do fail "$line"; done <$kept/wrong
verdict "enabled, it is active by itself after a reboot, $(wc -l <$kept/with) of $boots times" \
	[ "$(wc -l <$kept/with)" = "$boots" ] && [ ! -s $kept/wrong ]
touch $kept/early
verdict "it begins when multi-user.target has been reached: $(cat $kept/early)" [ ! -s $kept/early ]
added=$(($(least $kept/with) - $(least $kept/without)))
if ((boots >= 3)); then
	verdict "it adds $added ms to the boot until multi-user.target, less than 300" [ $added -lt 300 ]
else
	note "it adds $added ms to the boot until multi-user.target"
fi
finish
