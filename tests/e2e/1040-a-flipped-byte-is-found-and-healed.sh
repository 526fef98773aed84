#!/usr/bin/env bash
# Bytes rot on a card. One is flipped in each kind of file that a host keeps, one after the other: what starts next names the file,
# heals it from what is at hand or from the source, and what runs is never anything but what was signed. FLEET_SEED: other bytes.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/rot.sh"

RANDOM=${FLEET_SEED:-40}
tower_begin
small_fleet plan-D
web_begin
cat >"$fleet/sources.yaml" <<YAML
sources:
  - {kind: https, url: '$url/fleet/', ca: "$(awk '{ printf "%s\\n", $0 }' "$T/nginx/cert")"}
receipts: {kind: put, url: '$url/receipts/', ca: "$(awk '{ printf "%s\\n", $0 }' "$T/nginx/cert")"}
YAML
printf "deadline: 3s\noperators:\n  - {name: operator, key: '%s', may: [look, roll]}\n" "$(cat "$T/operator.pub")" >"$fleet/access.yaml"
puller ber-D plan-D
h=$T/hosts/ber-D
state=$h/state

roll
pull ber-D --now
runs ber-D 1
printf '# 2\n' >>"$fleet/scripts/small/probes/beat.sh"
roll
pull ber-D --now
runs ber-D 2
cp -a "$h" "$T/whole"
set_now=access/$(readlink "$state/access/current")
release_now=$(readlink "$state/current")

# --- what was taken ---

rots "$release_now/manifest.json" 'cannot be healed .*manifest.json is not what .*: release 1 .* runs now' healed
rots state '; state was damaged, and made again' again
rots state.2 '; state.2 was damaged, and made again' again
rots guard '; guard was damaged, and made again' again
rots "$set_now/access.json" '; access/current is damaged: the next poll or push' healed
rots "$set_now/sources.json" '; access/current is damaged: the next poll or push' healed
rots "$set_now/authorized_keys" '; access/current/authorized_keys was damaged, and made again' healed
rots trust/timestamp.json '; trust: damaged, and asked for again: timestamp.json' healed
rots trust/snapshot.json '; trust: damaged, and asked for again: snapshot.json' healed
rots trust/targets.json '; trust: damaged, and asked for again: targets.json' healed
rots trust/fleet.json '; trust: damaged, and asked for again: fleet.json' healed
rots trust/plan-D.json '; trust: damaged, and asked for again: plan-D.json' named
rots trust/floor '; trust: damaged, and asked for again: floor' healed
sed -i 's/"counter": 2/"counter": 9/' "$T/whole/state/pull.json"
rots pull.json '; pull.json is damaged: the next poll begins it anew' again # else no rollout would count before the ninth

# --- what boot does not read ---

whole
printf '# 3\n' >>"$fleet/scripts/small/probes/beat.sh"
roll
flip "$state/trust/plan-D.json"
pull ber-D --now
[ "$code" -eq 0 ] || fail "a plan's role that rotted"
runs ber-D 3

# before 3 there was 2: the way back
old=$(realpath "$state/$release_now/tree")
chmod -R u+w "$old"
flip "$old/probes/beat.sh"
"$agent" rollback --config-dir "$h/etc" >"$T/out" 2>"$T/err" || fail "a way back that rotted is gone"
runs ber-D 2
as_signed "a way back that rotted"
ok "and is what was signed: it is healed first"

whole
receipt=$(find "$state/receipts" -name '*.json' | sort -V | tail -n 1)
flip "$receipt"
cp "$receipt" "$T/receipt"
"$agent" boot --config-dir "$h/etc" >"$T/out" 2>&1 || fail "a host with a rotten receipt boots"
"$agent" status --json --config-dir "$h/etc" >"$T/out" 2>"$T/err" || fail "and says how it is"
pull ber-D --now
said 'committed: release 3' "a receipt that rotted stops nothing"
cmp -s "$receipt" "$T/receipt" || fail "what was stated is never stated anew"
printf 'x' | dd of="$receipt" bs=1 seek=3 conv=notrunc 2>/dev/null
"$agent" boot --config-dir "$h/etc" >"$T/out" 2>&1 || fail "a host with a rotten receipt boots"
said "; receipts/${receipt##*/} is damaged: it stays a gap" "and boot names it"

whole
was=$(host_receipt_key ber-D)
key=$state/receipts/key
printf 'x' | dd of="$key" bs=1 seek=3 conv=notrunc 2>/dev/null
"$agent" boot --config-dir "$h/etc" >"$T/out" 2>&1 || fail "a host whose receipt key rotted boots"
said '; receipts/key is not what sealed the newest receipt' "a receipt key that rotted is named by boot"
pull ber-D --now
said 'committed: release 3' "a receipt key that rotted stops nothing"
[ "$(host_receipt_key ber-D)" != "$was" ] || fail "another signs from now on"
ok "another signs from now on, which whoever verifies sees"

# --- half received ---

whole
head -c 300000 /dev/urandom >"$fleet/scripts/small/weight"
roll
rm -rf "$T/published/patches" # whole bundles come from where they can be slow
web_down
web_conf 'limit_rate 100k;'
web_up
"$agent" pull --now --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null &
pulling=$!
half() { [ "$(stat -c %s "$state"/staging/*.part 2>/dev/null | head -n 1)" -gt 20000 ] 2>/dev/null; }
until_true 200 half || fail "it begins to arrive"
kill -9 "$pulling"
wait "$pulling" 2>/dev/null || true
until_true 100 eval '! lsof -t "$state"/staging/*.part >/dev/null 2>&1' || fail "the helper ends"
flip "$(echo "$state"/staging/*.part)"
web_down
web_conf
web_up
pull ber-D --now
[ "$code" -ne 0 ] || fail "half a payload that rotted is not taken"
said 'failed: .*payload' "half a payload that rotted is not taken"
runs ber-D 2
pull ber-D --now
said 'committed: release 4' "and the next poll brings it anew"

# --- both copies of the state ---

# Releases 1 and 2 were committed, 3 was a bad one; then the state is lost.
whole
printf '#!/bin/sh\nexit 1\n' >"$fleet/scripts/small/checks/health.sh"
roll
pull ber-D --now
expect 9 "a bad release goes back"
guilty=$(host_marks ber-D guilty)
[ -n "$guilty" ] || fail "and is guilty"
newest=$(basename -s .json -a "$state"/receipts/*.json | sort -n | tail -n 1)
flip "$state/state"
flip "$state/state.2"
pull ber-D --now
expect 1 "both copies lost: nothing new is tried"
said 'the state is lost .*what runs goes on, nothing new is tried until .fleet-agent doctor., or a boot' "and it says what to do"
"$agent" status --config-dir "$h/etc" >"$T/out" 2>&1 && fail "status has nothing to tell"
said 'fleet-agent doctor' "status says it too"
as_signed "with both copies lost"
"$agent" doctor --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null || fail "doctor makes the state anew"
said '^release 2 .* is what was signed$' "what runs goes on"
said '^the state was lost, and is made anew of what was left$' "doctor makes the state anew"
runs ber-D 2
[ "$(host_marks ber-D guilty)" = "$guilty" ] || fail "what was guilty is guilty"
[ "$(host_status ber-D | jq -r '"\(.receipt.number) \(.receipt.verdict) \(.previous != null)"')" = "$((newest + 1)) unproven true" ] ||
	fail "receipts go on, and the way back is known: $(host_status ber-D)"
ok "what was guilty is guilty, receipts go on, and the way back is known"
[ "$(head -n 1 "$state/receipts/$((newest + 1)).json" | jq -r .previous)" = "$(head -n 1 "$state/receipts/$newest.json" | tr -d '\n' | sha256sum | cut -c1-64)" ] ||
	fail "its receipt follows the one before"
"$agent" doctor --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null || fail "doctor, once more"
[ "$(wc -l <"$T/out")" -eq 1 ] || fail "then there is nothing left to say"
[ "$(find "$state/receipts" -name "*.json" | wc -l)" -eq "$((newest + 1))" ] || fail "and nothing is stated twice"
pull ber-D --now
said 'guilty' "the bad release is not tried again"
printf '#!/bin/sh\nexit 0\n' >"$fleet/scripts/small/checks/health.sh"
roll
pull ber-D --now
said 'committed: ' "and it follows its plan"
runs ber-D 6
"$agent" rollback --config-dir "$h/etc" >"$T/out" 2>"$T/err" || fail "by which there is a way back"
runs ber-D 2

# A boot does the same; and where the receipts are gone too, what runs still counts.
whole
flip "$state/state"
flip "$state/state.2"
rm "$state"/receipts/*.json
"$agent" boot --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null || fail "a host that lost all that boots"
said 'release 2 .* is what was signed; the state was lost, and is made anew' "a boot makes the state anew"
pull ber-D --now
said 'committed: ' "and it follows its plan"

# --- the keys of the enrolment, and who this host is ---

whole
host_enrol ber-D plan-D --force --keys "$T/operator.pub" --sources "$T/sources.json"
cp -a "$h" "$T/enrolled"
boots_and_says()
{
	"$agent" boot --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null || fail "$2: a host boots"
	said "$1" "$2"
}
for file in authorized_keys authorized_keys.2; do
	chmod -R u+w "$h" && rm -rf "$h" && cp -a "$T/enrolled" "$h"
	flip "$state/access/enrolled/$file"
	boots_and_says '; access/current/authorized_keys was damaged, and made again' "enrolled keys: $file is found"
	cmp -s "$state/access/enrolled/$file" "$T/enrolled/state/access/enrolled/$file" || fail "$file is as it was"
done
chmod u+w "$h/etc" "$h/etc"/*
sed -i 's/^{/</' "$h/etc/agent.json"
boots_and_says '; agent.json is damaged .*: its copy of the enrolment' "who this host is: its copy serves"
cp "$h/etc/agent.json.2" "$h/etc/agent.json"
flip "$h/etc/root.json"
boots_and_says '; trust: damaged, .*etc/root.json' "the root of trust: it is named"
pull ber-D --now
said 'committed: ' "and its copy serves"
