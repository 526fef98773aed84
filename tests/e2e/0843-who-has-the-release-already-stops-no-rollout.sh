#!/usr/bin/env bash
# A host that runs the release before its turn comes, by a rollout that was ended or by a push, will never write a receipt for this
# one: what it runs is enough. One that tried it before and went back is no such host, and is named.
. "$(dirname "$0")/web.sh"

tower_begin
small_fleet plan-D
web_begin
hosts=(ber-D tyo-D)
for host in "${hosts[@]}"; do puller "$host" plan-D "site-$host"; done
everybody()
{
	local host
	publish
	for host in "${hosts[@]}"; do pull "$host" --now; done
}

ctl_sign rollout start all --pull --any-time --waves 100%
everybody
[ "$(($(host_runs ber-D) + $(host_runs tyo-D)))" -eq 1 ] || fail "the canary takes it"
ctl_sign rollout abort
expect 0 "a rollout is ended when its canary has it"
ctl_sign rollout start all --pull --any-time --waves 100%
expect 0 "the same release is begun again"
everybody
ctl_sign rollout resume
expect 4 "its canary has it already, and the next stage is open"
said 'same: receipt 2 says that it runs already' "by the receipt of the rollout before"
said 'stage 2 of 2, 2 of 2 hosts' "to the other"
everybody
ctl_sign rollout resume
expect 0 "it is done"
said '1 committed, 1 same of 2' "with one that was left alone"

# --- a receipt that is not the newest proves nothing ---

sed -i 's/^# version.*/# version 2/' "$fleet/scripts/small/probes/beat.sh"
sign
ctl_sign rollout start all --pull --any-time --waves 100%
everybody
ctl_sign rollout resume
everybody
ctl_sign rollout resume
expect 0 "both have release 2"
runs ber-D 2
"$agent" rollback --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>&1 || fail "somebody takes it back on one host"
"$agent" rollback --config-dir "$T/hosts/tyo-D/etc" >"$T/out" 2>&1 || fail "and on the other"
everybody
runs ber-D 1
ctl_sign rollout start all --pull --any-time --waves 100%
expect 0 "release 2 is begun again"
everybody
ctl_sign rollout resume
expect 4 "an older receipt of a host that runs another one now opens nothing"
said 'of this release: undone\. It is not tried there again: .*fleet-agent allow' "and why nothing will come is said"
[ "$(sheet plan-D .open)" = 1 ] || fail "the stage stays"
for host in "${hosts[@]}"; do
	"$agent" allow --all --config-dir "$T/hosts/$host/etc" >"$T/out" 2>&1 ||
		fail "it is allowed on $host"
done
everybody
ctl_sign rollout resume
said 'stage 2 of 2' "once it is allowed, it goes on"
