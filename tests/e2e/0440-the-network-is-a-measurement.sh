#!/usr/bin/env bash
# Path checks are held against what they were just before the swap: a network that was down says nothing, one that a release
# took down does.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
plan=$fleet/plans/plan-D.yaml
small=$fleet/scripts/small
sed -i '/name: health/s/.*/  - {name: net, run: checks\/health.sh, class: path, timeout: 5s, samples: 3}/; s/deadline: 10s/deadline: 2s/' "$plan"
printf '#!/bin/sh\n[ -e %s ] || { echo "no route to host"; exit 1; }\n' "$T/net" >"$small/checks/health.sh"
sign
host_make ber-D plan-D
guilty() { host_marks ber-D guilty | wc -l; }
next() { sed -i "s/# version.*/# version $1/" "$small/probes/beat.sh"; sign; }

touch "$T/net"
ctl rollout start all --allow-blind
expect 0 "a network that is up before and after lets a release commit"
ended ber-D pass "which passed"
runs ber-D 2

rm "$T/net"
next 3
ctl rollout start all --allow-blind
expect 0 "one that is down before and after does so too"
said 'ber-D: committed, unproven: the network was down before and after' "but unproven, and it says so"
ended ber-D unproven "which is in the receipt"
runs ber-D 3

# --- a release that takes the network down: its start hook does, its stop hook gives it back ---

printf '#!/bin/sh\nrm -f %s\n' "$T/net" >"$small/checks/start.sh"
printf '#!/bin/sh\ntouch %s\n' "$T/net" >"$small/checks/stop.sh"
chmod 0755 "$small"/checks/*.sh
touch "$T/net"
echo 'hooks: {start: checks/start.sh, stop: checks/stop.sh}' >>"$plan"
next 4
ctl rollout start all --allow-blind
expect 8 "green before and red after goes back"
ended ber-D fail "and is guilty: under the old release the network is there again"
[ "$(guilty)" -eq 1 ] || fail "one release is guilty"
runs ber-D 3
ctl rollout status --history
said 'check net \(path\): red' "the history names the check"
said 'no route to host' "and what it said"

# --- the network goes down meanwhile, whoever did it ---

sed -i 's/, stop: checks.stop.sh//' "$plan"
next 5
ctl rollout start all --allow-blind
expect 8 "green before, red after, and red under the old release too goes back"
ended ber-D environment "but blames nobody"
[ "$(guilty)" -eq 1 ] || fail "no other release is guilty"
runs ber-D 3
sed -i '/^hooks:/d' "$plan"

# --- what touches the network needs proof ---

sed -i 's/^trial:.*/trial: {settle: 0s, deadline: 2s, touches: [network]}/' "$plan"
next 6
ctl rollout start all --allow-blind
expect 8 "a release that touches the network does not commit unproven"
said 'no path could be proven' "with the reason"
ended ber-D environment "and blames nobody"
[ "$(guilty)" -eq 1 ] || fail "no other release is guilty"
runs ber-D 3
touch "$T/net"
ctl rollout start all --allow-blind
expect 0 "with the network up it is proven, and commits"
ended ber-D pass "which passed"
runs ber-D 6
