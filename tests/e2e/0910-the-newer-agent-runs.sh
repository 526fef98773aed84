#!/usr/bin/env bash
# The launcher takes the newer agent of two, gives a new one three starts to prove itself in, and falls back; guard does the
# same when the time is over. The agents here are scripts that say who they are: what is tried is who gets to run.
. "$(dirname "$0")/agents.sh"
tower_begin
guard=$build/agent/fleet-guard
state=$T/state
export FLEET_LAUNCH_STATE=$state FLEET_LAUNCH_PACKAGED=$T/packaged
a=$(printf 'a%.0s' {1..64})
b=$(printf 'b%.0s' {1..64})

agent_says() { printf '#!/bin/sh\necho %s "$@"\n' "$2" >"$1" && chmod 0755 "$1"; }
# linked TREE VERSION: an agent that was signed, unpacked and linked
linked()
{
	mkdir -p "$state/trees/$1" "$state/agent"
	agent_says "$state/trees/$1/fleet-agent" "agent-$2"
	printf '%s' "$2" >"$state/trees/$1/version"
	ln -sfn "../trees/$1" "$state/agent/current"
}
# on_trial LEFT STARTS BACK: the record, as the agent writes it before it swaps the link
on_trial()
{
	printf 'fleet-guard 1\nboot %s\nat %s\nrelease 0 0 -\nagent %s %s %s\n' "$(cat /proc/sys/kernel/random/boot_id)" \
		"$(awk '{ printf "%d", $1 * 1000 }' /proc/uptime)" "$@" >"$T/record"
	{ cat "$T/record"; printf 'crc %s\n' "$(crc "$T/record")"; } >"$state/guard"
}
runs_as() { [ "$("$launch" "${@:3}" 2>"$T/err")" = "$1" ] || fail "$2"; ok "$2"; }

agent_says "$T/packaged" packaged
runs_as 'packaged status --json' 'without a linked agent the packaged one runs, with its words' status --json
linked "$a" 0.0.9
runs_as 'packaged status' 'an older agent that is linked does not run: a package upgrade wins' status
linked "$a" 99.1
runs_as 'agent-99.1 pull' 'a newer one that is linked does' pull
linked "$a" 0.10
runs_as 'agent-0.10 pull' '0.10 is newer than 0.1.0' pull
printf 'no program' >"$state/trees/$a/fleet-agent"
runs_as 'packaged pull' 'one that cannot be run is passed over' pull
grep -q 'the packaged agent is' "$T/err" || fail 'which is said'
ok 'which is said'

linked "$a" 98.0
linked "$b" 99.0
on_trial 3600000 3 "../trees/$a"
runs_as 'agent-99.0 status' 'on trial, the new agent runs' status
runs_as 'agent-99.0 boot' 'its first start' boot
runs_as 'agent-99.0 serve' 'its second' serve
runs_as 'agent-99.0 status' 'looking costs no start' status
runs_as 'agent-99.0 pull' 'its third' pull
runs_as 'agent-98.0 boot' 'three starts without a proof: the one before runs' boot
[ "$(readlink "$state/agent/current")" = "../trees/$a" ] || fail 'and is linked again'
ok 'and is linked again'
runs_as 'agent-98.0 boot' 'for good' boot

linked "$b" 99.0
on_trial 3600000 3 packaged
"$guard" "$state" || fail 'guard looks'
[ "$(readlink "$state/agent/current")" = "../trees/$b" ] || fail 'guard leaves alone what has time left'
ok 'guard leaves alone what has time left'
on_trial 0 3 packaged
exec 8>"$state/apply.lock"
flock -x 8
"$guard" "$state" || fail 'guard looks again'
[ -e "$state/agent/current" ] || fail 'guard leaves alone what somebody works on'
ok 'guard leaves alone what somebody works on'
exec 8>&-
"$guard" "$state" 2>"$T/err" || fail 'guard looks again'
[ ! -e "$state/agent/current" ] || fail 'time is over: guard falls back to the packaged agent'
ok 'time is over: guard falls back to the packaged agent'
runs_as 'packaged boot' 'which then runs' boot

linked "$b" 99.0
on_trial 0 0 packaged
printf 'x' >>"$state/guard"
before=$(readlink "$state/agent/current")
code=0
"$guard" "$state" 2>"$T/err" || code=$?
if [ "$code" -ne 1 ] || [ "$(readlink "$state/agent/current")" != "$before" ]; then
	fail 'a record that is not whole moves nothing'
fi
ok 'a record that is not whole moves nothing'
