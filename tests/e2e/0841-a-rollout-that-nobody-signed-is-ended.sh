#!/usr/bin/env bash
# fleetctl dies between the moment in which it notes a rollout of hosts that pull and the one in which it signs it: nobody follows that
# rollout, and an operator can end it. One that is followed, or whose place another one has, is told apart.
. "$(dirname "$0")/web.sh"

tower_begin
small_fleet plan-D
web_begin
puller ber-D plan-D berlin
noted() { sed -n 's/^rollout \(r-[0-9a-f-]*\).*/\1/p' "$T/out"; }
# what lies in repository/ when it was killed there
cp -a "$fleet/repository" "$T/unsigned"
ctl_sign rollout start all --pull --any-time --allow-blind
expect 0 "a rollout is noted and signed"
first=$(noted)
rm -rf "$fleet/repository"
cp -a "$T/unsigned" "$fleet/repository"

ctl_sign rollout resume "$first"
expect 6 "one that was never signed does not go on"
said "fleetctl rollout abort $first" "and the next command is said"
ctl_sign rollout abort "$first" --back
expect 6 "there is nobody to go back"
ctl_sign rollout abort "$first"
expect 0 "it is ended"
ctl rollout status "$first"
expect 8 "and is aborted"
said 'no plan follows it' "with the reason"

ctl_sign rollout start all --pull --any-time --allow-blind
expect 0 "another one is signed"
second=$(noted)
ctl_sign rollout abort "$first"
expect 2 "what is over is not ended twice"
publish
pull ber-D --now
[ "$(host_runs ber-D)" = 1 ] || fail "its host takes the release"
ctl_sign rollout resume "$second"
expect 0 "and it is done"
