#!/usr/bin/env bash
# Two operators, two clones of the fleet on two machines, one moment. On each host the lease decides: the second hears who was
# first, and no host is updated twice.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/many.sh"

tower_begin
small_fleet plan-D
gate=$T/gate
mkdir "$gate"
cat >"$fleet/scripts/small/checks/health.sh" <<-SCRIPT
	#!/bin/sh
	touch "$gate/on-\$FLEET_ID"
	while [ -e "$gate/shut" ]; do sleep 0.05; done
SCRIPT
sed -i 's/timeout: 5s}$/timeout: 50s}/; s/every: 10s/every: 60s/; s/deadline: 10s/deadline: 100s/' "$fleet/plans/plan-D.yaml"
ids=(h1 h2 h3 h4 h5 h6)
many_begin plan-D "${ids[@]}"
version=1
release()
{
	version=$((version + 1))
	sed -i "s/# version .*/# version $version/" "$fleet/scripts/small/probes/beat.sh"
	sign
	[ "$code" -eq 0 ] || fail "release $version is signed"
	rm -rf "$T/bob/repository"
	cp -a "$fleet/repository" "$T/bob/"
	rm -f "$gate"/*
}
# The other clone, on another machine where this may be pretended.
cp -a "$fleet" "$T/bob"
rm -rf "$T/bob/.fleetctl"
elsewhere=()
bob=$me@$(uname -n)
if unshare --uts true 2>/dev/null; then
	# shellcheck disable=SC2016
	elsewhere=(unshare --uts sh -c 'hostname bobs-laptop && exec "$@"' -)
	bob=$me@bobs-laptop
fi
# operator NAME FOLDER ARGS...: fleetctl there, in the background; $operator is its process, $T/NAME.err what it says.
operator()
{
	local name=$1 folder=$2 run=()
	shift 2
	[ "$name" != bob ] || run=("${elsewhere[@]}")
	: >"$T/$name.err"
	(cd "$folder" && exec "${run[@]}" "$fleetctl" "$@") >"$T/$name.out" 2>"$T/$name.err" </dev/null &
	operator=$!
	pids+=("$operator")
}
# ended PROCESS NAME: its exit code in $code, what it said where `said` looks.
ended()
{
	code=0
	wait "$1" || code=$?
	cp "$T/$2.out" "$T/out"
	cp "$T/$2.err" "$T/err"
}
once()
{
	local id
	for id in "${ids[@]}"; do
		[ "$(many_tried "$id" "$version")" -le 1 ] || fail "$1: $id was updated twice"
	done
	ok "$1"
}
on_trial() { compgen -G "$gate/on-*" >/dev/null; }

# --- one is at it, the other comes ---

release
touch "$gate/shut"
operator ann "$fleet" rollout start all --canary 1 --waves 100%
ann=$operator
until_true 300 on_trial || fail "a host of ann's is on trial"
operator bob "$T/bob" rollout start "$(basename "$(compgen -G "$gate/on-*")" | cut -c4-)"
ended "$operator" bob
[ "$code" -eq 6 ] || [ "$code" -eq 8 ] || fail "bob is refused: exit code $code"
ok "a second operator is refused"
said "refused: rollout r-[0-9a-f-]+ of $me@$(uname -n) holds this host, which tries a release for it: wait" "with the name of the first and of the rollout"
rm "$gate/shut"
ended "$ann" ann
expect 0 "the first goes on as if nothing had been"
once "and no host is updated twice"

# --- both at the same moment ---

for round in 1 2 3; do
	release
	operator ann "$fleet" rollout start all --canary 0 --waves 100% --max-failed 6 --parallel 6
	ann=$operator
	operator bob "$T/bob" rollout start all --canary 0 --waves 100% --max-failed 6 --parallel 6
	other=$operator
	ended "$ann" ann
	first=$code
	cp "$T/err" "$T/ann.said"
	ended "$other" bob
	cat "$T/ann.said" "$T/bob.err" >"$T/err"
	[[ "$first $code" =~ ^(0|6)\ (0|6)$ ]] || fail "round $round: each is done, or refused by the other: exit codes $first and $code"
	! grep -E ': (failed|rolled-back|unreachable)' "$T/err" || fail "round $round: nothing else befell a host"
	! grep ': refused: ' "$T/ann.said" | grep -qv "of $bob holds this host" || fail "round $round: ann hears of bob"
	! grep ': refused: ' "$T/bob.err" | grep -qv "of $me@$(uname -n) holds this host" || fail "round $round: bob hears of ann"
	for id in "${ids[@]}"; do
		[ "$(many_tried "$id" "$version")" -eq 1 ] || fail "round $round: $id was updated $(many_tried "$id" "$version") times"
		[ "$(grep -c "^$id: committed" "$T/err")" -eq 1 ] || fail "round $round: one of both says that $id committed"
	done
	ok "round $round: both begin at once: each host is updated once, by one of them, and the other hears by whom"
done
