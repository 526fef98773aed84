#!/usr/bin/env bash
# Another agent over SSH: it tests itself, is linked, answers the second connection, and stays; one that dies at its start is
# gone again before the session ends, and nobody else gets it.
. "$(dirname "$0")/agents.sh"

tower_begin
small_fleet plan-D
for id in ber-1 ber-2; do
	launched "$id" plan-D
done
ctl rollout start all --allow-blind
expect 0 "both hosts run release 1 by the packaged agent"
agent_is ber-1 0.1.0 "which is 0.1.0"
probes_launched ber-1
runner=${pids[-1]}
ran() { [ -e "$T/hosts/ber-1/results/beat.run" ]; }
until_true 100 ran || fail "its probes run: $(cat "$T/hosts/ber-1/probes.log")"

# --- one that is good ---

agent_build next 98.0.0
expect 0 "another agent is brought into the fleet"
ctl agent push
expect 2 "before it is signed there is nothing to push"
sign
expect 0 "role agent signs it"
ctl agent push
expect 0 "and hosts take it"
for id in ber-1 ber-2; do
	agent_is "$id" 98.0.0 "$id runs it"
	receipt_is "$id" pass "and says so in a receipt of the new one"
	on_trial "$id" && fail "nothing is on trial on $id"
done
[ "$(host_runs ber-1)" = 1 ] || fail "the scripts are as before"
ok "the scripts are as before"
launched_as ber-1 status --json --config-dir "$T/hosts/ber-1/etc" | jq -e '.receipt.checks[] | select(.name == "alive" and .before == "green" and .after == "green")' >/dev/null ||
	fail "its probes live as the new one: $(launched_as ber-1 status --json --config-dir "$T/hosts/ber-1/etc" | jq -c .receipt)"
[[ $(readlink "/proc/$runner/exe") == $T/hosts/ber-1/state/trees/* ]] || fail "the runner of probes is the new one: $(readlink "/proc/$runner/exe")"
ok "the runner of probes is the new one, and they live"
launched_as ber-2 status --json --config-dir "$T/hosts/ber-2/etc" | jq -e '[.receipt.checks[]? | select(.name == "alive")] | length == 0' >/dev/null ||
	fail "where none ran before, none is asked for"
ok "where none ran before, none is asked for"
ctl agent push
expect 0 "once more: they run it already"
said 'ber-1: current' "which is said"
printf '# changed\n' >>"$fleet/scripts/small/checks/health.sh"
sign
ctl rollout start all --allow-blind
expect 0 "the new agent takes releases"
[ "$(host_runs ber-1)" = 2 ] || fail "release 2 runs"

# --- one that came as another version ---

agent_build next 98.7.0
sign
ctl agent push
expect 8 "one whose version is not what was signed halts the push"
agent_is ber-1 98.0.0 "the one before runs"
receipt_is ber-1 fail "the receipt blames it"
grep -q 'it is version 98.0.0, and came as 98.7.0' "$T/receipt" || fail "for its self-test"
ok "for its self-test"
agent_is ber-2 98.0.0 "the second host was not begun"

# --- one that dies whenever it works ---

agent_build broken 99.0.0
sign
ctl agent push
expect 8 "one that dies at its start halts the push"
agent_is ber-1 98.0.0 "the one before runs again"
receipt_is ber-1 fail "the receipt blames it"
grep -q 'did not come through its first starts' "$T/receipt" || fail "for its starts"
ok "for its starts"
on_trial ber-1 && fail "nothing is on trial any more"
[ "$(host_receipts ber-2)" = "$(cat "$T/before.ber-2")" ] || fail "the second host was not begun"
ok "the second host was not begun"
ctl agent push ber-1
expect 6 "it is not tried again"
said 'guilty' "since it is guilty"
ctl rollout start all --allow-blind
expect 0 "the agent before goes on working"

