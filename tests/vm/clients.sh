#!/bin/bash
# shellcheck disable=SC2317,SC2154,SC2086 # wait_until and verdict call the functions
# SPDX-License-Identifier: GPL-2.0-only
#
# The programs that were written for com.system76.Scheduler, each call as that program makes it: name,
# path, interface, member, signature, bus, and what its D-Bus library sends before it. They give up at
# the first error, also for a process that is gone by then. Needs tools/vm --full, and player.sh beside it.
#
# usage: clients.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/player.sh
. "$(dirname "$0")/player.sh"

# From within the person's session, as a desktop is: polkit allows it to nobody else, and what it does
# not allow is not done, without an error.
in_session() { player timeout 200 systemd-run --user -q --pipe --wait --collect -- "$@"; }

# pop-shell (src/scheduler.ts) and the extension s76-scheduler-plugin: Gio.DBusProxy.makeProxyWrapper of
# an interface with this one method, made without a callback; then SetForegroundProcessRemote(pid). The
# proxy asks for the owner and for all properties, and lets the bus start the service.
shell_extension() {
	in_session python3 - "$@" <<-'PYTHON'
		import sys
		from gi.repository import Gio, GLib

		node = Gio.DBusNodeInfo.new_for_xml("""<node><interface name="com.system76.Scheduler">
		  <method name="SetForegroundProcess"><arg name="pid" type="u" direction="in"/></method>
		</interface></node>""")
		proxy = Gio.DBusProxy.new_for_bus_sync(
		    Gio.BusType.SYSTEM, Gio.DBusProxyFlags.NONE, node.interfaces[0],
		    "com.system76.Scheduler", "/com/system76/Scheduler", "com.system76.Scheduler", None)
		for pid in sys.argv[1:]:
		    reply = proxy.call_sync("SetForegroundProcess", GLib.Variant("(u)", (int(pid),)),
		                            Gio.DBusCallFlags.NONE, -1, None)
		    assert reply.unpack() == (), reply
	PYTHON
}

# system76-scheduler-swayipc and system76-scheduler-niri: a method call of zbus, without flags.
swayipc_and_niri() {
	local pid
	for pid; do
		in_session busctl --system call com.system76.Scheduler /com/system76/Scheduler \
			com.system76.Scheduler SetForegroundProcess u "$pid" || return
	done
}

# kwin-system76-scheduler-integration: callDBus with client.pid, which Qt sends as an int32, to the
# session bus. Number is what another engine may make of it.
kwin() { kwin_sends i "$@"; }
kwin_double() { kwin_sends d "$@"; }
kwin_sends() {
	local type=$1 pid
	shift
	for pid; do
		in_session busctl --user call com.system76.Scheduler /com/system76/Scheduler \
			com.system76.Scheduler SetForegroundProcess "$type" "$pid" || return
	done
}

quietly() { "$@" >>out/clients.txt 2>&1; }

clean_up_clients() {
	pkill -x -u player sleep
	log_out
	systemctl stop $unit
}

begin_session

player sleep 10000 &
player sleep 20000 &
player sleep 30000 &
wait_until 60 pgrep -u player -f -x 'sleep 30000' >/dev/null
first=$(pgrep -u player -f -x 'sleep 10000')
second=$(pgrep -u player -f -x 'sleep 20000')
dead=$(pgrep -u player -f -x 'sleep 30000')
kill -KILL "$dead"
gone() { [[ ! -e /proc/$dead ]]; }
wait_until 60 gone

for client in shell_extension swayipc_and_niri kwin kwin_double; do
	verdict "$client: success" quietly "$client" "$second"
	verdict "$client: the foreground is $second" wait_until 60 in_foreground "$second"
	verdict "$client: success for a process that is gone, for another's, and for the first" \
		quietly "$client" "$dead" 1 "$first"
	verdict "$client: the foreground is $first" wait_until 60 in_foreground "$first"
done

# They may run while the service does not; then it is an error for them, but it must not be started.
timeout 100 systemctl stop $unit
verdict "after systemctl stop the name is gone" wait_until 60 state_is disabled
verdict "kwin: success all the same, for the session's service is there" kwin "$first"
verdict "and nothing was started" state_is disabled

check_journal
clean_up_clients
finish
