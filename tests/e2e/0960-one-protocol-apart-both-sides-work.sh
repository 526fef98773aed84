#!/bin/bash
# Old controller with new agent, and the reverse: releases go out, are asked after and taken back. What only the newer side knows, an
# agent brought over the wire, is refused with a sentence before anything is sent.
. "$(dirname "$0")/tower.sh"
tower_begin
small_fleet plan-D
beat=$fleet/scripts/small/probes/beat.sh
new_agent=$agent new_fleetctl=$fleetctl
old_agent=$build/tests/wire-1/fleet-agent old_fleetctl=$build/tests/wire-1/fleetctl

host_make new-D plan-D berlin
agent=$old_agent
host_make old-D plan-D tokyo
agent=$new_agent

# release N: the next one is signed; by which controller it goes where.
release()
{
	sed -i "s/# version .*/# version $1/" "$beat"
	sign
	[ "$code" -eq 0 ] || fail "release $1 is signed"
}
# pair CONTROLLER HOST N WORDS: release N goes there, and N + 1, which is taken back.
pair()
{
	fleetctl=$1
	ctl rollout start "$2"
	expect 0 "$4: a release is rolled out"
	runs "$2" "$3"
	fleetctl=$new_fleetctl release $(($3 + 1))
	ctl rollout start "$2"
	expect 0 "$4: and the next"
	runs "$2" $(($3 + 1))
	ctl status "$2" --verify
	expect 0 "$4: its receipts are a chain"
	ctl rollout undo
	expect 0 "$4: it is taken back"
	runs "$2" "$3"
	ctl status "$2"
	expect 0 "$4: it is asked"
	said "$2 .*undone: taken back by an operator" "$4: and answers"
	fleetctl=$new_fleetctl
}
protocol() { sed -n 's/.*"oldest":1,"newest":\([0-9]\).*/\1/p' "$T/out"; }
ctl status new-D --json
[ "$(protocol)" = 2 ] || fail "the new agent speaks protocol 2"
ctl status old-D --json
[ "$(protocol)" = 1 ] || fail "the old agent speaks protocol 1"
ok "they are a protocol apart"

pair "$old_fleetctl" new-D 1 "old controller, new agent"
release 3
pair "$new_fleetctl" old-D 3 "new controller, old agent"

# --- what only one side knows ---

mkdir "$T/next"
strip -o "$T/next/fleet-agent" "$build/tests/agent-next/fleet-agent"
strip -o "$T/next/fleet-fetch-https" "$build/sources/fleet-fetch-https"
ctl agent add "$T/next" --platform "debian12-gnu-$(dpkg --print-architecture)" --version 98.0.0
sign
expect 0 "an agent is signed"
ctl status
said "^new-D .*agent $("$new_agent" --version | sed 's/.* //') \\(98.0.0 is signed\\); " "status names an agent that is older"
if grep -q '^old-D .*agent' "$T/out"; then fail "of one that does not say its platform nothing is known"; fi
ctl status --json
said '"agent_signed":"98.0.0","agent_old":true' "for programs, too"
ctl agent list
said 'debian12-gnu-.* 0 of 1 *$' "and the list counts who runs the signed one"
before=$(host_status old-D)
ctl agent push old-D
expect 6 "it is not pushed to an old agent"
said 'old-D: refused: .*too old to take another over the wire: bring it once by its package' "with the remedy"
[ "$(host_status old-D)" = "$before" ] || fail "nothing changed there: $(host_status old-D)"
[ ! -e "$T/hosts/old-D/state/agent/current" ] || fail "nothing changed there"
ok "nothing changed there"
fleetctl=$old_fleetctl
before=$(host_status new-D)
ctl agent push new-D
expect 6 "an old controller does not push it"
said 'new-D: refused: this fleetctl cannot bring agents' "and says so"
[ "$(host_status new-D)" = "$before" ] || fail "nothing changed there"
ok "nothing changed there"
