#!/usr/bin/env bash
# The thief of the online keys (snapshot, timestamp, rollout-PLAN) owns the web server too. He freezes, stages among what the plan
# permits, and shows an old plan role to a host that was enrolled with the root alone; a host that was enrolled with the day's
# metadata refuses it. He makes no release, delegates nothing, and root replaces his keys.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/thief.sh"

tower_begin
plain_plans plan-D plan01s
for host in ber-D tyo-D osl-D rom-D; do printf -- '- {id: %s, plan: plan-D, site: %s, address: 127.0.0.1}\n' "$host" "${host%-D}"; done >"$fleet/hosts.yaml"
key new owner --role root,targets,fleet,plans --plain
key new online --role snapshot,timestamp,rollouts --plain
repository=$fleet/repository
metadata=$repository/metadata
shown=$T/shown
printf '{"format": 1, "sources": [{"kind": "folder", "url": "%s"}]}\n' "$shown" >"$T/sources.json"
release() { echo "$repository"/targets/plan-D/releases/*."$1.json"; }
# show FOLDER: what the web server has now.
show() { rm -rf "$shown" && cp -a "$1" "$shown"; }
pull()
{
	code=0
	"$agent" pull --now --config-dir "$T/hosts/$1/etc" >"$T/out" 2>"$T/err" </dev/null || code=$?
}
roll()
{
	[ -z "${1:-}" ] || ctl rollout abort
	ctl rollout start all --pull --any-time --allow-blind --canary 2
	[ "$code" -eq 0 ] || fail "a rollout is signed"
}
# held HOST ROLE: the version that it holds.
held() { jq .signed.version "$T/hosts/$1/state/trust/$2.json"; }

sign
roll
cp -a "$repository" "$T/yesterday"
for n in 2 3; do
	sed -i "s/# version $((n - 1))/# version $n/" "$fleet/scripts/small/probes/beat.sh"
	sign
done
roll again
cp -a "$repository" "$T/today"
cp "$XDG_DATA_HOME"/fleetctl/keys/*/online.pem "$T/online.pem"

# --- enrolled with the metadata of the day ---

enrolled() { [ -e "$T/hosts/$1/etc/agent.json" ]; }
try_enrol()
{
	(host_enrol ber-D plan-D --sources "$T/sources.json" --metadata "$1") >"$T/said" 2>&1 && fail "$2 is refused"
	grep -qE "metadata in $1: .*$3" "$T/err" || fail "$2 is refused, and named"
	enrolled ber-D && fail "and the host is not enrolled"
	ok "$2 is refused, and the host is not enrolled"
}
try_enrol "$T/nowhere" "a folder that is not there" 'No such file|no such file'
cp -a "$metadata" "$T/changed"
sed -i 's/"version": 3/"version": 4/' "$T/changed/3.plan-D.json"
try_enrol "$T/changed" "metadata that was changed" 'signature'
rm -r "$T/changed" && cp -a "$metadata" "$T/changed" && rm "$T/changed/3.plan-D.json"
try_enrol "$T/changed" "metadata that is not whole" 'plan-D'
rm "$T/changed/timestamp.json" && mkfifo "$T/changed/timestamp.json"
try_enrol "$T/changed" "what is no file" 'not a file'
host_enrol ber-D plan-D --sources "$T/sources.json" --metadata "$metadata"
host_enrol tyo-D plan-D --sources "$T/sources.json"
[ "$(held ber-D plan-D)" = 3 ] || fail "the plan's role of today is held"
[ ! -e "$T/hosts/tyo-D/state/trust/snapshot.json" ] || fail "without --metadata nothing is held"
ok "a host holds the plan's role of its first day, with --metadata"

# --- yesterday's plan role ---

newest() { find "$shown/metadata" -name "*.$1.json" | sort -V | tail -n 1; }
id_of() { jq -r '.signatures[0].keyid' "$1"; }
# stage N DOCUMENT [ROLE [SNAPSHOT]]: the thief's rollout document, open to all hosts and changed as jq is told, in a role, a snapshot
# and a timestamp of version N, changed too.
stage()
{
	local role=$1.rollout-plan-D.json document sha
	document=$(jq -r '.signed.targets["plan-D/rollout.json"].hashes.sha256' "$(newest rollout-plan-D)")
	jq -cSj ".counter = $1 | .open = (.stages | length) | $2" "$shown/targets/plan-D/$document.rollout.json" >"$T/rollout"
	sha=$(digest "$T/rollout")
	cp "$T/rollout" "$shown/targets/plan-D/$sha.rollout.json"
	forge "$(newest rollout-plan-D)" "$T/online.pem" \
		".version = $1 | .targets[\"plan-D/rollout.json\"] = {length: $(stat -c %s "$T/rollout"), hashes: {sha256: \"$sha\"}} | ${3:-.}" >"$T/role"
	mv "$T/role" "$shown/metadata/$role"
	forge "$(newest snapshot)" "$T/online.pem" ".version = $1 | .meta[\"rollout-plan-D.json\"] = {version: $1} | ${4:-.}" >"$T/snapshot"
	mv "$T/snapshot" "$shown/metadata/$1.snapshot.json"
	forge "$shown/metadata/timestamp.json" "$T/online.pem" ".version = $1 | .meta[\"snapshot.json\"] = {version: $1}" >"$T/timestamp"
	mv "$T/timestamp" "$shown/metadata/timestamp.json"
}
show "$T/yesterday"
pull ber-D
[ "$code" -ne 0 ] || fail "yesterday's repository is refused"
said 'older|lower|version' "a host that was enrolled with the day's metadata refuses yesterday's"
runs ber-D 0
show "$T/yesterday"
stage 99 .
pull ber-D
[ "$code" -ne 0 ] || fail "yesterday's plan role is refused"
said 'plan-D' "and yesterday's plan role, though the thief signs snapshot and timestamp anew"
runs ber-D 0
pull tyo-D
runs tyo-D 1
ok "one that was enrolled without takes it: that is what --metadata bounds"

# --- the freeze, and its end ---

show "$T/today"
pull ber-D
[ "$code" -ne 0 ] || fail "the thief counted versions up"
said 'older|lower|version' "the thief who counted versions up has frozen both"
pull tyo-D
[ "$code" -ne 0 ] || fail "both"
key new fresh --role snapshot,timestamp,rollouts --plain
key revoke online
sign
[ "$code" -eq 0 ] || fail "root replaces the online keys"
roll again
show "$repository"
for host in ber-D tyo-D; do
	pull "$host"
	expect 0 "root replaces the online keys: $host follows again"
	[ -e "$T/hosts/$host/state/trust/2.root.json" ] || fail "and holds the root that replaced them"
	! grep -q 'counter went back' "$T/out" || fail "what the thief counted up in the rollout is forgotten too"
done
cp -a "$shown" "$T/true"

# --- with the old keys nothing more ---

forge "$T/true/metadata/timestamp.json" "$T/online.pem" '.version = 200' "$(jq -r '.signatures[0].keyid' "$T/today/metadata/timestamp.json")" >"$shown/metadata/timestamp.json"
pull ber-D
[ "$code" -ne 0 ] || fail "the stolen key's timestamp is refused"
said 'signature|sign' "the stolen key signs no timestamp any more"
[ "$(held ber-D timestamp)" = "$(jq .signed.version "$T/true/metadata/timestamp.json")" ] || fail "and none of it is kept"

# --- the next theft: the keys of today; what he stages, and what he does not make ---

show "$T/true"
cp "$XDG_DATA_HOME"/fleetctl/keys/*/fresh.pem "$T/online.pem"
stage 201 .
pull ber-D
runs ber-D 3
stage 202 ".release = \"$(digest "$(release 2)")\" | .number = 2"
pull ber-D
runs ber-D 2
ok "with the keys of today he stages what the plan's role permits"
sed 's/"number":3/"number":9/' "$(release 3)" >"$T/mine"
mine=$(digest "$T/mine")
cp "$T/mine" "$shown/targets/plan-D/releases/$mine.9.json"
cp "$T/mine" "$shown/targets/plan-D/$mine.manifest.json"
entry="{length: $(stat -c %s "$T/mine"), hashes: {sha256: \"$mine\"}}"
refused_pull()
{
	pull ber-D
	! grep -q 'committed' "$T/out" || fail "$2"
	said "$1" "$2"
	runs ber-D 2
}
stage 211 ".release = \"$mine\" | .number = 9"
refused_pull 'names release 9, which role plan-D does not permit' "he stages a release of his own: no plan's role names it"
stage 212 ".release = \"$mine\" | .number = 9" ".targets[\"plan-D/releases/9.json\"] = $entry | .targets[\"plan-D/manifest.json\"] = $entry"
refused_pull 'names release 9, which role plan-D does not permit' "nor does it help that his own role names it"
thief=$(id_of "$shown/metadata/timestamp.json")
online=$(jq -c --arg k "$thief" '.signed.keys[$k]' "$(newest root)")
stage 213 ".release = \"$mine\" | .number = 9" ".delegations = {keys: {\"$thief\": $online}, roles: [{name: \"plan-D\", keyids: [\"$thief\"], threshold: 1, terminating: true, paths: [\"plan-D/*\", \"plan-D/*/*\"]}]}"
refused_pull 'names release 9, which role plan-D does not permit' "nor that his role delegates the plan to him"
forge "$(newest plan-D)" "$T/online.pem" ".version = 9 | .targets[\"plan-D/releases/9.json\"] = $entry | .targets[\"plan-D/manifest.json\"] = $entry" \
	"$thief" >"$T/role"
mv "$T/role" "$shown/metadata/9.plan-D.json"
stage 214 ".release = \"$mine\" | .number = 9" . '.meta["plan-D.json"] = {version: 9}'
refused_pull 'plan-D.*sign|signature' "nor that he signs the plan's role himself"
rm "$shown/metadata/9.plan-D.json"
