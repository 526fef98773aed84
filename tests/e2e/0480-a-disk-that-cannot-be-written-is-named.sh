#!/usr/bin/env bash
# An apply that cannot write down how far it is stops, and the operator reads why: no disk is needed for that.
. "$(dirname "$0")/tower.sh"

[ "$(id -u)" -eq 0 ] || { echo "skipped: a small disk needs root"; exit 77; }
tower_begin
disk=$T/hosts/ber-D/state
mkdir -p "$disk"
mount -t tmpfs -o size=8m,nr_inodes=4000 tmpfs "$disk" 2>/dev/null || { echo "skipped: nothing can be mounted here"; exit 77; }
mounts+=("$disk")

small_fleet plan-D
host_make ber-D plan-D
ctl rollout start all --allow-blind
expect 0 "a release is rolled out"

# Once, and as no decent release would: what is kept for such a day goes first.
cat >"$fleet/scripts/small/checks/start.sh" <<SCRIPT
#!/bin/sh
[ ! -e "$T/done" ] || exit 0
: >"$T/done"
rm -f "$disk/ballast"
cat /dev/zero >"$disk/logs"
exit 0
SCRIPT
chmod 0755 "$fleet/scripts/small/checks/start.sh"
printf 'hooks: {start: checks/start.sh}\n' >>"$fleet/plans/plan-D.yaml"
sign
ctl rollout start all --allow-blind
expect 8 "a trial that cannot be written down is a failed host"
said 'ber-D: failed: apply ended 4 times before it was done: state: write state: No space left on device' "with the kernel's reason"
host_status ber-D | grep -q '"step":"swap"' || fail "the trial stays open where it was"
ok "the trial stays open where it was"

rm "$disk/logs"
ctl rollout start all --allow-blind
expect 0 "with room again it goes on from there"
runs ber-D 2
ended ber-D pass "and its receipt is written"
"$agent" verify --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>&1 || fail "what it runs is what was signed"
ok "what it runs is what was signed"
