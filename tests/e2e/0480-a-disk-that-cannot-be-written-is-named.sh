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

# A root that was laid over with memory later, as some set-up tools offer: what is tried there would be forgotten.
etc=$T/hosts/ber-D/etc
chmod u+w "$etc"/*
jq 'del(.allow_volatile)' "$etc/agent.json" >"$T/json" && cat "$T/json" >"$etc/agent.json"
sed -i '2i # another' "$fleet/scripts/small/probes/beat.sh"
sign
ctl rollout start all --allow-blind
[ "$code" -ne 0 ] || fail "a state folder that a restart may empty is refused"
said 'lies on tmpfs by now: a restart may empty it, so nothing new is tried' "a state folder that a restart may empty is refused"
runs ber-D 2
jq '.allow_volatile = true' "$etc/agent.json" >"$T/json" && cat "$T/json" >"$etc/agent.json"
ctl rollout start all --allow-blind
expect 0 "unless it is allowed"
runs ber-D 3
mount -o remount,ro "$disk" || fail "the disk is read-only"
sed -i '2i # yet another' "$fleet/scripts/small/probes/beat.sh"
sign
ctl rollout start all --allow-blind
[ "$code" -ne 0 ] || fail "a state folder that cannot be written is refused"
said 'Read-only file system' "a state folder that cannot be written is refused"
mount -o remount,rw "$disk"
runs ber-D 3
