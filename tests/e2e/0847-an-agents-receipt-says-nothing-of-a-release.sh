#!/usr/bin/env bash
# The receipt of an agent names the rollout that the host obeyed, as that of a release does. It opens no stage for a release that
# went back, and halts none for one that is good; and one release's receipt is not another's.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/agents.sh"

hosts=(h1 h2 h3 h4)
everybody()
{
	local host
	for host in "${hosts[@]}"; do polls "$host" --now; done
}
# receipts_of JQ: how many that came home are so
receipts_of() { cat "$T"/receipts/*/*.json | grep '^{' | jq -c "select($1)" | wc -l; }

tower_begin
small_fleet plan-D
web_begin
for host in "${hosts[@]}"; do puller "$host" plan-D "site-$host"; done
health=$fleet/scripts/small/checks/health.sh
printf '#!/bin/sh\necho broken on purpose\nexit 1\n' >"$health"
sed -i 's/deadline: 10s/deadline: 1s/' "$fleet/plans/plan-D.yaml"
agent_build next 98.0.0
sign

# --- a release that went back, and an agent that stayed ---

ctl_sign rollout start all --pull --any-time
expect 0 "a release whose check fails is open to its canary"
bad=$(sed -n 's/^rollout \(r-[0-9a-f-]*\).*/\1/p' "$T/out")
publish
everybody
ctl_sign agent offer --all --allow-blind
expect 0 "and an agent to all"
publish
everybody
[ "$(receipts_of ".self == true and .verdict == \"pass\" and .rollout == \"$bad\"")" -ge 3 ] || fail "their receipts name that rollout, too"
ok "their receipts name that rollout, too"
ctl_sign rollout resume
expect 8 "what the canary said of the release halts it"
said '1 rolled-back' "as one that went back"
[ "$(sheet plan-D .open)" = 1 ] || fail "no further stage is open"
[ "$(sheet plan-D .state)" = hold ] || fail "and nobody advances"
ok "no further stage is open"

# --- the reverse: an agent that went back, and a release that is good ---

ctl_sign rollout abort
printf '#!/bin/sh\nexit 0\n' >"$health"
agent_build broken 99.0.0
sign
ctl_sign rollout start all --pull --any-time --waves 100%
expect 0 "a good release is open to its canary"
good=$(sed -n 's/^rollout \(r-[0-9a-f-]*\).*/\1/p' "$T/out")
publish
everybody
ctl_sign agent offer --all --allow-blind
publish
for _ in 1 2 3 4 5; do everybody; done
[ "$(receipts_of ".self == true and .verdict == \"fail\" and .rollout == \"$good\"")" -ge 1 ] || fail "an agent that dies is blamed under that rollout"
ok "an agent that dies is blamed under that rollout"
ctl_sign rollout resume
expect 4 "the release goes on"
said 'stage 2 of 3, 3 of 4 hosts' "to its next stage"
said '1 committed' "its canary has it"
