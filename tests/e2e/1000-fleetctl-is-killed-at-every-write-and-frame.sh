#!/usr/bin/env bash
# fleetctl dies in a rollout of twenty hosts, before each write of its database and before each frame that it says or hears, and
# is started again. No host is left out, none is updated twice, and the history says what happened.
# In a build with FLEET_FAULT. Without more: seeded walks over the rollout, killed now here, now there (FLEET_SEED, FLEET_WALKS,
# FLEET_KILLS a walk). FLEET_ALL=1: also each point by itself, which takes an hour or two; FLEET_FROM and FLEET_TO bound them.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/many.sh"

tower_begin
small_fleet plan-D
ids=()
for n in $(seq -w 20); do ids+=("h$n"); done
seed=${FLEET_SEED:-1}
RANDOM=$seed

update() { ctl rollout start all --waves 40%,100% --parallel 20; }

FLEET_FAULT_AT=1 ctl rollout start all
if [ "$code" -ne 99 ]; then
	say "# not a build with fault points: nothing was tried"
	exit 77
fi
rm -rf "$fleet/.fleetctl"
many_begin plan-D "${ids[@]}"
update
expect 0 "twenty hosts run release 1"
sed -i 's/# version 1/# version 2/' "$fleet/scripts/small/probes/beat.sh"
sign
[ "$code" -eq 0 ] || fail "release 2 is signed"
release=$(sha256sum "$fleet"/repository/targets/plan-D/releases/*.2.json | cut -c1-64)
many_keep

# What must be true when all is over.
told_truly()
{
	local id
	ctl rollout status --history --json
	[ "$code" -eq 0 ] || fail "$1: the rollout ended well: status says $code"
	jq -r '.rollout | "state \(.state)", "hosts \(.hosts | length)",
		(.hosts[] | "is \(.host) \(.state) \(.receipt.release_number) \(.receipt.rollout == "'"$(jq -r .rollout.id "$T/out")"'")"),
		(.history[] | select(.host) | "told \(.host) \(.text)"), (.history[] | select(.host | not) | "whole \(.text)")' "$T/out" >"$T/tale"
	for id in "${ids[@]}"; do
		[ "$(many_tried "$id" 2)" -eq 1 ] || fail "$1: $id tried release 2 $(many_tried "$id" 2) times"
		readlink "$T/hosts/$id/state/current" | grep -qF "$release" || fail "$1: $id runs release 2"
		grep -qx "is $id committed 2 true" "$T/tale" || fail "$1: the rollout has the receipt of $id: $(grep " $id " "$T/tale")"
		[ "$(grep -cx "told $id committed.*" "$T/tale")" -eq 1 ] || fail "$1: the history says once that $id committed: $(grep "^told $id " "$T/tale")"
	done
	[ "$(grep -cxE 'hosts 20|state done' "$T/tale")" -eq 2 ] || fail "$1: twenty hosts are done"
	[ "$(grep -cx 'whole done.*' "$T/tale")" -eq 1 ] || fail "$1: the history says once that it is done"
	! grep -E '^told [^ ]+ (failed|rolled-back|refused|unreachable|deferred|same)' "$T/tale" || fail "$1: nothing else befell a host"
}
# The next start, which dies at point N or not at all (0): a rollout that was never written down is begun, one that is done is left alone.
go_on()
{
	local n=$1
	ctl rollout status --all
	if [ "$(grep -c '^r-' "$T/out")" -eq 1 ]; then
		FLEET_FAULT_AT=$n update
	elif grep -qE '^r-.* running ' "$T/out"; then
		FLEET_FAULT_AT=$n ctl rollout resume
	else
		code=0
	fi
	[ "$code" -eq 0 ] || [ "$code" -eq 99 ] || fail "$2: it goes on: exit code $code"
}

# --- how many points there are ---

FLEET_FAULT_LOG=$T/log update
expect 0 "a rollout that nothing stops"
told_truly "unstopped"
writes=$(grep -ac 'sql' "$T/log") frames=$(grep -ac 'frame' "$T/log")
say "# $writes writes of the database, $frames frames"

# --- a walk: killed, gone on with, killed again, all the way ---

walks=${FLEET_WALKS:-2} most=${FLEET_KILLS:-15} kills=0
for walk in $(seq "$walks"); do
	many_back
	left=$most code=99
	while [ "$code" -eq 99 ]; do
		n=$((RANDOM % 200 + 8))
		[ "$left" -gt 0 ] || n=0
		go_on "$n" "walk $walk of seed $seed, after $kills kills"
		[ "$code" -ne 99 ] || kills=$((kills + 1)) left=$((left - 1))
	done
	told_truly "walk $walk of seed $seed"
done
ok "killed $kills times in $walks rollouts of twenty hosts (seed $seed): no host left out, none twice, the history is true"
[ "${FLEET_ALL:-}" = 1 ] || exit 0

# --- each point by itself ---

point=${FLEET_FROM:-1}
while [ "$point" -le "${FLEET_TO:-1000000}" ]; do
	many_back
	go_on "$point" "point $point"
	[ "$code" -eq 99 ] || break
	go_on 0 "point $point"
	told_truly "point $point"
	point=$((point + 1))
done
ok "killed at each point up to $((point - 1)), each in a rollout of its own: no host left out, none twice, the history is true"
