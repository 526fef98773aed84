#!/usr/bin/env bash
# One host, one plan, real sshd: init, sign, rollout, commit; then a failed check, and the release before runs again.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
ok "a fleet is made, keys are made, the first release is signed"
host_make ber-D plan-D berlin
runs ber-D 0

ctl rollout start all
expect 6 "the only host of a plan is not put on trial unasked"
runs ber-D 0

ctl rollout start all --allow-blind
expect 0 "the first release is rolled out"
said '1 committed of 1' "and committed"
runs ber-D 1

sed -i 's/# version 1/# version 2/' "$fleet/scripts/small/probes/beat.sh"
sign
expect 0 "a changed script is signed"
said 'probes/beat.sh' "and the change was named before it was signed"
ctl preview all
expect 0 "preview says what would change"
said '1 -> 2' "from what to what"
said 'patch' "and that a patch brings it"
ctl rollout start all --allow-blind
expect 0 "the second release is rolled out"
runs ber-D 2

printf '#!/bin/sh\necho "no uplink: modem gone" >&2\nexit 3\n' >"$fleet/scripts/small/checks/health.sh"
sign
ctl rollout start all --allow-blind
expect 8 "a release whose check fails halts the rollout"
runs ber-D 2
ctl rollout status --history
said 'check health .local.: red, status 3' "the history names the check"
said 'no uplink: modem gone' "and what it said"
said 'ber-D: rolled-back' "and the host that went back"

ctl rollout start all --allow-blind
expect 6 "a guilty release is not tried again"
runs ber-D 2

"$agent" verify --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>&1 || fail "the host's release is what was signed"
ok "the host's release is what was signed"
