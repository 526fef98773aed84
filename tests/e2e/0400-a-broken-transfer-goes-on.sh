#!/usr/bin/env bash
# A session that breaks in the middle of three megabytes: the next goes on at the byte where it broke. What arrived is
# trusted only as a whole.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
head -c 3000000 /dev/urandom >"$fleet/scripts/small/blob"
sign
expect 0 "a release that nothing makes smaller is signed"
host_make ber-D plan-D berlin
host_make tyo-D plan-D tokyo
h=$T/hosts/ber-D

# Its sessions, counted: what came in, what went out. The first ends after 2.5 MB, as a modem ends it.
cat >"$h/serve" <<SCRIPT
#!/bin/sh
cd "$h"
n=\$((\$(cat session 2>/dev/null || echo 0) + 1))
echo \$n >session
take=cat
[ \$n -gt 1 ] || take='head -c 2500000'
\$take | tee in.\$n | "$agent" serve --config-dir "$h/etc" | tee out.\$n
SCRIPT
chmod +x "$h/serve"
sed -i "s|command=\"[^\"]*\"|command=\"$h/serve\"|" "$h/authorized_keys"

ctl rollout start ber-D
expect 0 "a rollout whose first session breaks"
said 'ber-D: try 1: the host closed the connection before it was done; again in' "tries again"
said '1 committed of 1' "and ends well"
runs ber-D 2
last=$(cat "$h/session")
[ "$(stat -c %s "$h/in.1")" -eq 2500000 ] || fail "the first session was cut at 2.5 MB"
have=$(grep -aoE '"have":[0-9]+' "$h/out.$last" | cut -d: -f2)
[ "${have:-0}" -gt 2400000 ] || fail "the host's hello tells what it has: ${have:-nothing}"
ok "the host's hello tells what it has"
grep -aqF "\"at\":$have" "$h/in.$last" || fail "the last session goes on at that byte"
ok "the last session goes on at that byte"
[ "$(stat -c %s "$h/in.$last")" -lt 600000 ] || fail "and brings only the rest"
ok "and brings only the rest"
ctl rollout status --json
bytes=$(grep -oE '"bytes_out":[0-9]+' "$T/out" | head -n 1 | cut -d: -f2)
if [ "$bytes" -lt 3000000 ] || [ "$bytes" -gt 4500000 ]; then
	fail "the rollout counts every byte once: $bytes"
fi
ok "the rollout counts every byte once"
"$agent" verify --config-dir "$h/etc" >"$T/out" 2>&1 || fail "what the host runs is what was signed"
ok "what the host runs is what was signed"
[ -z "$(ls "$h/state/staging")" ] || fail "nothing is left in staging"
ok "nothing is left in staging"

# --- what lies in staging is believed by nobody ---

h=$T/hosts/tyo-D
payload=$(sha256sum "$fleet/repository/bundles/$(sed 's/.*"sha256":"\([0-9a-f]*\)".*/\1/' "$fleet"/repository/targets/plan-D/releases/*.2.json).tar.zst" | cut -c1-64)
head -c 2500000 /dev/urandom >"$h/state/staging/$payload.part"
ctl rollout start tyo-D
expect 7 "a part that is not the payload's is refused when it is whole"
said "tyo-D: failed: .*payload's bytes are not what it is named by; it is dropped" "with the reason"
runs tyo-D 0
[ -z "$(ls "$h/state/staging")" ] || fail "it is gone"
ok "it is gone"
ctl rollout start tyo-D
expect 0 "and the next rollout brings all of it"
runs tyo-D 2
