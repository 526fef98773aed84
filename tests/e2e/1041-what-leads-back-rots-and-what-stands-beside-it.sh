#!/usr/bin/env bash
# A byte rots in what a host may need later: the release before, each root but the first, the linked agent, what a trial stands on. It is
# healed or asked for again, a trial ends as it would have, and what runs is never anything but what was signed. FLEET_SEED: other bytes.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/agents.sh"
. "$(dirname "$0")/rot.sh"

RANDOM=${FLEET_SEED:-41}
# by the launcher: else the packaged agent would take the other one again and again
pull()
{
	local id=$1
	shift
	code=0
	launched_as "$id" pull --config-dir "$T/hosts/$id/etc" "$@" >"$T/out" 2>"$T/err" </dev/null || code=$?
}
tower_begin
small_fleet plan-D
web_begin
puller ber-D plan-D
h=$T/hosts/ber-D
state=$h/state
roll
pull ber-D --now
runs ber-D 1
ctl_sign key new bob --role root
[ "$code" -eq 0 ] || fail "another root is signed"
printf '# 2\n' >>"$fleet/scripts/small/probes/beat.sh"
roll
pull ber-D --now
runs ber-D 2
agent_build next 98.0.0
sign
publish
for who in '--hosts 1' --all; do
	# shellcheck disable=SC2086
	ctl_sign agent offer $who --allow-blind
	publish
done
pull ber-D --now
agent_is ber-D 98.0.0 "it runs another agent"
[ -e "$state/trust/2.root.json" ] || fail "it holds root 2"
cp -a "$h" "$T/whole"
boots() { "$agent" boot --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null || fail "$1: a host boots"; }

rots trust/2.root.json '; trust: damaged, and asked for again: .*2.root.json' named # with what is newer, or in a day: below

# --- the linked agent ---

linked=$(basename "$(readlink "$state/agent/current")")
for file in "bundles/$linked.tar" $(cd "$state" && find "trees/$linked" -type f | sort); do
	rots "$file" '; the linked agent was healed' healed
	agent_is ber-D 98.0.0 "and it is the one that runs"
done

# --- the release before ---

id1=$(cd "$state/releases" && grep -l '"number": *1[,}]' -- */manifest.json | head -n 1)
id1=${id1%/manifest.json}
tree1=$(basename "$(readlink "$state/releases/$id1/tree")")
# leads_back FILE END: it rots, before a boot and without one; the way back is 1 as it was signed, or (END may-be-lost) there is none, which is
# said, and 2 runs on.
leads_back()
{
	local first
	for first in boots true; do
		whole
		flip "$state/$1"
		"$first" "$1, byte $at"
		as_signed "$1, byte $at"
		code=0
		"$agent" rollback --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null || code=$?
		cp "$T/out" "$T/said"
		as_signed "$1, byte $at, after the way back"
		if [ "$(host_runs ber-D)" = 1 ]; then
			[ "$code" -eq 0 ] || fail "$1, byte $at: it went back"
			cmp -s "$state/$1" "$T/whole/state/$1" || fail "$1, byte $at: it is as it was"
		else
			[ "$2 $(host_runs ber-D)" = 'may-be-lost 2' ] || fail "$1, byte $at: the release before comes back"
			[ "$code" -ne 0 ] || fail "$1, byte $at: it did not go back"
			grep -qE 'manifest|no release before|nothing to go back' "$T/said" "$T/err" || fail "$1, byte $at: it says why there is no way back"
		fi
	done
	ok "$1: what leads back is healed first, or 2 runs on"
}
leads_back "bundles/$tree1.tar" healed
for file in $(cd "$state" && find "trees/$tree1" -type f | sort); do
	leads_back "$file" healed
done
leads_back "releases/$id1/manifest.json" may-be-lost

# --- what a trial stands on ---

whole
sed -i 's/^trial:.*/trial: {settle: 2s, deadline: 20s}/' "$fleet/plans/plan-D.yaml"
printf '# 3\n' >>"$fleet/scripts/small/probes/beat.sh"
roll
flip "$state/trust/2.root.json"
pull ber-D --now
said 'committed: release 3' "a root that rotted stops nothing new"
cmp -s "$state/trust/2.root.json" "$T/whole/state/trust/2.root.json" || fail "and comes with it again"
proving() { host_status ber-D | grep -q '"step":"prove"'; }
idle() { ! host_status ber-D | grep -q '"trial":{'; }
# until_proof: a poll that is at its proof; in $pulling
until_proof()
{
	whole
	launched_as ber-D pull --now --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null &
	pulling=$!
	until_true 300 proving || fail "a trial begins"
}
guards() { "$build/agent/fleet-guard" "$state" >"$T/guard" 2>&1 || true; }

until_proof
flip "$state/guard"
guards
code=0
wait "$pulling" || code=$?
expect 0 "the guard's record rots in a trial: guard does nothing, and the trial ends as it would have"
said 'committed: release 3' "it is committed"
as_signed "after that"
boots "after that"
boots "and once more" # with nothing on trial the first makes it again
! grep -q 'guard was damaged' "$T/out" || fail "the record is whole again: $(cat "$T/out")"

# The power goes, too: who boots first finds a record that says nothing.
until_proof
pkill -9 -f -- "--config-dir $h/etc" || true
wait "$pulling" 2>/dev/null || true
flip "$state/guard"
guards
boots "a trial that was cut off, with a record that rotted"
said 'taken up' "is taken up by boot"
until_true 300 idle || fail "it ends"
runs ber-D 3
as_signed "it ends"
boots "after that"
boots "and once more" # with nothing on trial the first makes it again
! grep -q 'guard was damaged' "$T/out" || fail "the record is whole again: $(cat "$T/out")"
ok "and ends, by a record that is whole again"

# Each copy of the state, in the middle: the other one counts.
for file in state state.2; do
	until_proof
	pkill -9 -f -- "--config-dir $h/etc" || true
	wait "$pulling" 2>/dev/null || true
	flip "$state/$file"
	guards
	boots "a trial that was cut off, with $file that rotted"
	until_true 300 idle || fail "$file: it ends"
	case $(host_runs ber-D) in 2 | 3) ;; *) fail "$file: one of both runs" ;; esac
	as_signed "$file: it ends"
	pull ber-D --now
	runs ber-D 3
done
