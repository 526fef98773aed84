#!/usr/bin/env bash
# What is red under the old release too is not the new one's fault: it goes back, but may be tried again.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
plan=$fleet/plans/plan-D.yaml
beat=$fleet/scripts/small/probes/beat.sh
sed -i 's/deadline: 10s/deadline: 2s/' "$plan"
sed -i 's/class: local/class: work/' "$plan"
printf '#!/bin/sh\n[ -e %s ] || { echo "modem: no SIM"; exit 1; }\n' "$T/sim" >"$fleet/scripts/small/checks/health.sh"
touch "$T/sim"
sign
host_make ber-D plan-D
etc=$T/hosts/ber-D/etc
ctl rollout start all --allow-blind
expect 0 "a release whose work check holds is rolled out"
runs ber-D 2

rm "$T/sim"
sed -i 's/# version 1/# version 2/' "$beat"
sign
ctl rollout start all --allow-blind
expect 8 "with the SIM gone, the next release goes back"
runs ber-D 2
ended ber-D environment "the verdict is environment: the old release is red there too"
[ -z "$(host_marks ber-D guilty)" ] || fail "nobody is guilty"
ok "nobody is guilty"
ctl rollout status --history
said 'modem: no SIM' "the history has what the check said"
"$agent" status --config-dir "$etc" >"$T/out"
said 'check health: before unknown, in the trial red, after going back red' "the host tells where it was red"

touch "$T/sim"
ctl rollout start all --allow-blind
expect 0 "with the SIM back, the same release is tried again and commits"
runs ber-D 3
ended ber-D pass "it passed"

# --- the same by the built-in check: every probe ran and wrote since the swap ---

sed -i 's/^checks:/&\n  - {name: alive, class: work}/; s/every: 10s, timeout: 5s/every: 1s, timeout: 500ms/' "$plan"
sign
ctl rollout start all --allow-blind
expect 8 "with no probe runner nothing is alive"
ended ber-D fail "which is the new release's fault: the old one did not ask for it"
runs ber-D 3
sed -i 's/deadline: 2s/deadline: 20s/' "$plan"
sign
probes_up ber-D
ctl rollout start all --allow-blind
expect 0 "with the probe runner it is alive"
runs ber-D 5

sed -i 's/# version 2/exit 1/' "$beat"
sed -i 's/deadline: 20s/deadline: 3s/' "$plan"
sign
ctl rollout start all --allow-blind
expect 8 "a release whose probe fails is not alive"
ended ber-D fail "and guilty: under the old release the probe writes"
[ "$(host_marks ber-D guilty | wc -l)" -eq 2 ] || fail "two releases are guilty"
runs ber-D 5
ctl rollout status --history
said 'beat' "the history names the probe"
