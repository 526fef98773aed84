#!/usr/bin/env bash
# An operator's undo is a rollback that holds: the release does not come back until a newer number, or `allow` on the host.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
beat=$fleet/scripts/small/probes/beat.sh
host_make ber-D plan-D berlin
host_make tyo-D plan-D tokyo
etc=$T/hosts/ber-D/etc

# on_host COMMAND ARGS...: as a person on ber-D would call it.
on_host() { code=0; "$agent" "$@" --config-dir "$etc" >"$T/out" 2>"$T/err" || code=$?; }

ctl rollout undo
expect 2 "before anything was rolled out there is nothing to undo"
on_host rollback
expect 1 "nor to go back to on the host"
said 'no release before this one' "which says so"

ctl rollout start all
expect 0 "release 1 is rolled out"
sed -i 's/# version 1/# version 2/' "$beat"
sign
ctl rollout start all
expect 0 "release 2 is rolled out"
ctl rollout undo
expect 0 "the rollout is undone"
said '2 undone of 2' "on each of its hosts"
runs ber-D 1
runs tyo-D 1
two=$(host_marks ber-D held)
[ -n "$two" ] || fail "release 2 is held there"
ctl status
said 'ber-D .*1 [0-9a-f]{8} .*2 \(drift\).*undone: taken back by an operator' "status says that it was taken back"

ctl rollout start all
expect 6 "the next rollout does not bring it back"
said 'ber-D: refused: .*was undone and is held.*fleet-agent allow' "with the reason and the remedy"
runs ber-D 1
ctl rollout undo
expect 2 "nothing came of that rollout: nothing to undo"
on_host rollback
expect 1 "and no release before"
runs ber-D 1

on_host allow 0123456789ab
expect 1 "allow takes no release that has no mark"
[ "$(host_marks ber-D held)" = "$two" ] || fail "and leaves the others as they are"
ctl rollout start ber-D
expect 6 "so it is still held"
on_host allow "${two:0:12}"
expect 0 "allowed by the beginning of its id"
[ -z "$(host_marks ber-D held)" ] || fail "it is held no more"
ctl rollout start ber-D
expect 0 "it is rolled out again"
runs ber-D 2
runs tyo-D 1

on_host rollback
expect 0 "a person on the host goes back"
runs ber-D 1
[ "$(host_marks ber-D held)" = "$two" ] || fail "release 2 is held again"
ok "release 2 is held again"
sed -i 's/# version 2/# version 3/' "$beat"
sign
ctl rollout start all
expect 0 "a newer number needs nobody's leave"
runs ber-D 3
runs tyo-D 3

# --- guilty is another word for it ---

sed -i 's/deadline: 10s/deadline: 2s/' "$fleet/plans/plan-D.yaml"
printf '#!/bin/sh\n[ -e %s ]\n' "$T/well" >"$fleet/scripts/small/checks/health.sh"
sign
ctl rollout start ber-D
expect 8 "a release that fails is guilty"
runs ber-D 3
four=$(host_marks ber-D guilty)
[ -n "$four" ] || fail "which the host remembers"
touch "$T/well"
ctl rollout start ber-D
expect 6 "and is not tried again, though it would hold now"
runs ber-D 3
on_host allow --all
expect 0 "until somebody allows it"
ctl rollout start ber-D
expect 0 "then it is tried, and holds"
runs ber-D 4
