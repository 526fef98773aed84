#!/usr/bin/env bash
# Another agent by polling: only where the rollout document offers it, one host first; it fetches over a new connection by
# itself, and stays. One that dies at its start is gone after three polls, and is not taken again.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/agents.sh"

tower_begin
small_fleet plan-D
web_begin
puller ber-D plan-D berlin
puller tyo-D plan-D tokyo
agent_build next 98.0.0
sign
publish

polls ber-D --now
expect 0 "an agent that nobody offers"
agent_is ber-D 0.1.0 "is not taken"

# --- one host first ---

ctl_sign agent offer --hosts 1
expect 0 "it is offered to one host"
publish
for host in ber-D tyo-D; do
	polls "$host" --now
	expect 0 "$host asks"
done
first=ber-D second=tyo-D
[ "$(host_receipts ber-D)" -gt "$(cat "$T/before.ber-D")" ] || { first=tyo-D second=ber-D; }
agent_is "$first" 98.0.0 "one of both takes it"
receipt_is "$first" pass "and says so by the new one"
[ "$(jq -r .agent "$T/receipt")" = 98.0.0 ] || fail "which wrote its receipt"
ok "which wrote its receipt"
on_trial "$first" && fail "nothing is on trial any more"
agent_is "$second" 0.1.0 "the other waits"
[ -s "$T/receipts/$first/2.json" ] || fail "its receipt came home"
ok "its receipt came home"
ctl_sign agent offer --all
publish
polls "$second" --now
said 'committed: agent 98.0.0' "then the other takes it"
agent_is "$second" 98.0.0 "and runs it"
ctl_sign rollout start all --pull --any-time --allow-blind
expect 0 "a rollout is signed"
publish
polls ber-D --now
polls tyo-D --now
[ "$(($(host_runs ber-D) + $(host_runs tyo-D)))" -ge 1 ] || fail "releases are taken by the new agent"
ok "releases are taken by the new agent"

# --- one that dies whenever it works ---

agent_build broken 99.0.0
sign
ctl_sign agent offer --all --allow-blind
publish
tries=0
until [ "$(host_receipts ber-D)" -gt "$(cat "$T/before.ber-D")" ] || [ "$tries" -ge 8 ]; do
	polls ber-D --now
	tries=$((tries + 1))
done
receipt_is ber-D fail "one that dies at its start is blamed"
agent_is ber-D 98.0.0 "the one before runs again, by itself"
[ "$tries" -le 5 ] || fail "after three starts ($tries polls)"
ok "after three starts"
on_trial ber-D && fail "nothing is on trial any more"
count=$(host_receipts ber-D)
polls ber-D --now
expect 0 "the next poll"
[ "$(host_receipts ber-D)" = "$count" ] || fail "does not try it again"
ok "does not try it again"
