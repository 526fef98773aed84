#!/usr/bin/env bash
# A host with a full disk says "not now" before anything changes, and stops nobody; with room again the same rollout works.
# What fills the disk in a trial, or on the way back, leaves no attempt open.
. "$(dirname "$0")/tower.sh"

[ "$(id -u)" -eq 0 ] || { echo "skipped: a small disk needs root"; exit 77; }
tower_begin
disk=$T/hosts/ber-D/state
mkdir -p "$disk"
mount -t tmpfs -o size=12m,nr_inodes=4000 tmpfs "$disk" 2>/dev/null || { echo "skipped: nothing can be mounted here"; exit 77; }
mounts+=("$disk")

small_fleet plan-D
host_make ber-D plan-D
ctl rollout start all --allow-blind
expect 0 "a release is rolled out to a small disk"
runs ber-D 1

# fill KB: but for so much, nothing is free. As a script, for hooks too.
cat >"$T/fill" <<SCRIPT
#!/bin/sh
rm -f "$disk/logs"
head -c \$(((\$(df -k --output=avail "$disk" | tail -n 1) - \${1:-0}) * 1024)) /dev/zero >"$disk/logs"
SCRIPT
chmod +x "$T/fill"
fill() { "$T/fill" "$1"; }
state() { tar --sort=name --mtime=@0 -C "$disk" -cf - releases trees bundles current "$@" | sha256sum; }

head -c 800000 /dev/urandom >"$fleet/scripts/small/blob"
sign
fill 1500
was=$(state receipts)
host_make ham-D plan-D
ctl rollout start all
expect 4 "an update that does not fit is put off"
said 'ber-D: deferred: this update needs [0-9.]+ MB on this host, [0-9.]+ MB are free: [0-9.]+ [kM]B are missing' "with what is missing"
ctl rollout status --json
said '"state":"deferred".*"code":"space"' "the reason is space"
runs ham-D 2 # the rollout went on, though no host may fail
[ "$(state receipts)" = "$was" ] || fail "nothing has changed there"
[ -z "$(ls "$disk/staging")" ] || fail "nothing has changed there: staging"
ok "nothing has changed there"
runs ber-D 1

fill 0
ctl status
expect 0 "a host with no byte left still answers"
said 'ber-D .*1 [0-9a-f]{8} ' "and says what it runs"
"$agent" verify --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>&1 || fail "and what it runs is what was signed"
ok "and what it runs is what was signed"

rm "$disk/logs"
ctl rollout start all
expect 0 "with room again the same rollout works"
runs ber-D 2

# --- room for the bundle, none for so many files ---

rm "$fleet/scripts/small/blob"
mkdir "$fleet/scripts/small/many"
for i in {1..400}; do echo "$i" >"$fleet/scripts/small/many/$i"; done
sign
fill 2200
was=$(state)
ctl rollout start ber-D
expect 4 "an update whose files do not fit is put off on the way"
said 'ber-D: deferred: .*unpacking needs [0-9.]+ MB on this host, [0-9.]+ MB are free: [0-9.]+ [kM]B are missing' "with what is missing"
ended ber-D refused "the receipt says that it never ran"
host_status ber-D | grep -q '"code":"space"' || fail "and why, in a word"
ok "and why, in a word"
runs ber-D 2
[ -z "$(host_marks ber-D guilty)" ] || fail "it is not guilty of that"
ok "it is not guilty of that"
rm "$disk/logs"
ctl rollout start ber-D
expect 0 "with room again it works"
runs ber-D 3
"$agent" verify --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>&1 || fail "what it runs is what was signed"
ok "what it runs is what was signed"

# --- it fills up while the payload comes in ---

h=$T/hosts/ber-D
cp "$h/authorized_keys" "$T/keys"
printf '#!/bin/sh\n{ head -c 300000; "%s" 0; cat; } | "%s" serve --config-dir "%s"\n' "$T/fill" "$agent" "$h/etc" >"$h/serve"
chmod +x "$h/serve"
sed -i "s|command=\"[^\"]*\"|command=\"$h/serve\"|" "$h/authorized_keys"
rm -r "$fleet/scripts/small/many"
head -c 800000 /dev/urandom >"$fleet/scripts/small/blob"
sign
was=$(state receipts)
ctl rollout start ber-D
expect 4 "an update that the disk has no room for any more is put off"
said 'ber-D: deferred: .* are missing' "with what is missing"
[ "$(state receipts)" = "$was" ] || fail "nothing has changed there"
ok "nothing has changed there"
cp "$T/keys" "$h/authorized_keys"
rm "$disk/logs"
ctl rollout start ber-D
expect 0 "with room again it goes on"
runs ber-D 4

# --- the release itself fills it ---

rm "$fleet/scripts/small/blob"
printf '#!/bin/sh\nexec "%s" 0\n' "$T/fill" >"$fleet/scripts/small/checks/start.sh"
printf '#!/bin/sh\necho "cannot write"\nexit 1\n' >"$fleet/scripts/small/checks/health.sh"
chmod 0755 "$fleet/scripts/small/checks/start.sh"
printf 'hooks: {start: checks/start.sh}\n' >>"$fleet/plans/plan-D.yaml"
sed -i 's/deadline: 10s/deadline: 2s/' "$fleet/plans/plan-D.yaml"
sign
ctl rollout start ber-D
expect 8 "a release that fills the disk and is ill goes back: there is ballast to throw off"
runs ber-D 4
ended ber-D fail "and its receipt is written"
rm "$disk/logs"
printf '#!/bin/sh\nexit 0\n' >"$fleet/scripts/small/checks/health.sh"
sign
ctl rollout start ber-D
expect 0 "one that fills it, but is well, is committed"
runs ber-D 6
ended ber-D pass "and its receipt is written"
rm "$disk/logs"
"$agent" verify --config-dir "$h/etc" >"$T/out" 2>&1 || fail "what it runs is what was signed"
ok "what it runs is what was signed"

# --- the one before fills it, too: on the way back ---

printf '#!/bin/sh\necho "cannot write"\nexit 1\n' >"$fleet/scripts/small/checks/health.sh"
sign
ctl rollout start ber-D
expect 8 "where the one before fills the disk as well, the way back is gone all the same"
said 'ber-D: rolled-back: local check health is red' "with the check that decided"
runs ber-D 6
ended ber-D fail "its receipt is written"
[ -n "$(host_marks ber-D guilty)" ] || fail "it is guilty"
ok "it is guilty"
[ "$(df -k --output=avail "$disk" | tail -n 1)" -lt 64 ] || fail "the disk is full"
ok "the disk is full"
host_status ber-D | grep -q '"trial"' && fail "no attempt is open"
ok "no attempt is open"

"$agent" rollback --config-dir "$h/etc" >"$T/out" 2>"$T/err" || fail "on a full disk a person can still go back"
ok "on a full disk a person can still go back"
ended ber-D undone "and its receipt is written"
rm "$disk/logs"
