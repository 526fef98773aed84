#!/usr/bin/env bash
# What was not signed so is found by fleetctl, which names the file, and refused by a host, which stays as it was.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D plan01s
host_make ber-D plan-D
ctl rollout start all --allow-blind
expect 0 "the first release is rolled out"
cp -a "$fleet/repository" "$T/first"
sed -i 's/# version 1/# version 2/' "$fleet/scripts/small/probes/beat.sh"
sign
ctl verify
expect 0 "what was signed verifies"
said 'all signatures, digests and bundles are good' "and fleetctl says so"
cp -a "$fleet/repository" "$T/good"

repository=$fleet/repository
metadata=$repository/metadata
manifest=$(echo "$repository"/targets/plan-D/releases/*.2.json)
current=$repository/targets/plan-D/$(sha256sum <"$manifest" | cut -c1-64).manifest.json
bundle=$repository/bundles/$(sed 's/.*"sha256":"\([0-9a-f]*\)".*/\1/' "$manifest").tar.zst
name() { printf '%s' "${1#"$repository/"}" | sed 's/[.]/\\./g'; }

restore() { rm -rf "$repository" && cp -a "$T/good" "$repository"; }
# found PATTERN SENTENCE: fleetctl refuses what was just forged and names it; then all is good again.
found()
{
	ctl verify
	expect 7 "$2 is found"
	said "$1" "  and named"
	restore
}
# host_state [PART...]: what ber-D holds and an update could have changed.
host_state() { tar --sort=name --mtime=@0 -C "$T/hosts/ber-D/state" -cf - releases trees bundles current "$@" | sha256sum; }
# kept CODE SENTENCE [PART...]: a host refuses what was just forged and stays as it was; then all is good again.
kept()
{
	local was
	was=$(host_state "${@:3}")
	ctl rollout start all --allow-blind
	expect "$1" "$2 is refused by a host"
	[ "$(host_state "${@:3}")" = "$was" ] || fail "$2: the host's state has changed"
	ok "  which stays as it was"
	restore
}

# --- manifests ---

sed -i 's/"every_ms":10000/"every_ms":20000/' "$manifest"
found "$(name "$manifest")|plan-D/releases/2\.json" "an altered manifest"
truncate -s -1 "$manifest"
found 'plan-D/releases/2\.json' "a manifest that is short"
printf '\n' >>"$manifest"
found 'plan-D/releases/2\.json' "a manifest that is long"
sed -i 's/"every_ms":10000/"every_ms":20000/' "$current"
found 'plan-D/manifest\.json' "an altered current manifest"
cat "$repository"/targets/plan01s/releases/*.2.json >"$manifest"
found 'plan-D/releases/2\.json' "a manifest of another plan in its place"
cat "$repository"/targets/plan-D/releases/*.1.json >"$current"
found 'plan-D/manifest\.json' "an older manifest in its place"

# --- bundles ---

printf '\x00' | dd of="$bundle" bs=1 seek=60 conv=notrunc 2>/dev/null
found "$(name "$bundle")" "an altered bundle"
truncate -s -5 "$bundle"
found "$(name "$bundle")" "a bundle that is short"
printf 'more' >>"$bundle"
found "$(name "$bundle")" "a bundle that is long"
printf 'no zstd at all' >"$bundle"
found "$(name "$bundle")" "a bundle that is none"
tar -cf - -C "$fleet/scripts" small | zstd -q >"$bundle"
found "$(name "$bundle")" "another good tar in its place"
head -c 20000000 /dev/zero | zstd -q >"$bundle"
found "$(name "$bundle")" "a bomb"

# --- metadata ---

sed -i 's/"length": [0-9]*/"length": 1/' "$metadata/2.plan-D.json"
found 'plan-D' "an altered plan role"
sed -i 's/"expires": "2/"expires": "3/' "$metadata/timestamp.json"
found 'timestamp' "a timestamp made to live longer"
perl -0pi -e 's/("signatures": \[).*?\n \]/$1]/s' "$metadata/2.plan-D.json"
found 'plan-D' "a role without its signature"
perl -0pi -e 's/("sig": ")(.)/$1.($2 eq "0" ? "1" : "0")/e' "$metadata/2.snapshot.json"
found 'snapshot' "a signature that is none"
cat "$metadata/2.plan01s.json" >"$metadata/2.plan-D.json"
found 'plan-D' "one plan's role in the place of another's"
cat "$metadata/1.targets.json" >"$metadata/2.snapshot.json"
found 'snapshot' "another role in the place of the snapshot"
cat "$metadata/1.plan-D.json" >"$metadata/2.plan-D.json"
found 'plan-D' "an older role in its place"
cat "$metadata/1.snapshot.json" >"$metadata/2.snapshot.json"
found 'snapshot' "an older snapshot in its place"
echo '{"signed": ' >"$metadata/2.snapshot.json"
found 'snapshot' "a snapshot that is no JSON"
rm "$bundle"
found "$(name "$bundle")" "a bundle that is not there"
rm "$metadata/2.plan-D.json"
found 'plan-D' "a role that is not there"

# --- the same before a host: fleetctl sends what it finds, the host decides ---

all=(trust state state.2 receipts)
perl -0pi -e 's/("sig": ")(.)/$1.($2 eq "0" ? "1" : "0")/e' "$metadata/timestamp.json"
kept 7 "a timestamp with a signature that is none" "${all[@]}"
perl -0pi -e 's/("signatures": \[).*?\n \]/$1]/s' "$metadata/2.plan-D.json"
kept 7 "a plan's role without its signature" state state.2 receipts
printf 'no zstd at all' >"$bundle"
kept 7 "a bundle that is none"
rm -r "$repository/patches"
{ zstd -dqc "$T/good/bundles/${bundle##*/}"; head -c 10240 /dev/zero; } | zstd -q >"$bundle"
kept 7 "a bundle that is longer than signed"
for patch in "$repository"/patches/*.zst; do echo 'no patch at all' >"$patch"; done
kept 7 "a patch that is none"

# --- older ---

ctl rollout start all --allow-blind
expect 0 "the second release is rolled out"
runs ber-D 2
rm -rf "$repository" && cp -a "$T/first" "$repository"
ctl verify
expect 0 "an older repository put back is good in itself"
kept 7 "an older repository" "${all[@]}"
runs ber-D 2

# --- expired ---

rm -rf "$repository"
SOURCE_DATE_EPOCH=$(($(date +%s) - 15 * 86400)) sign
expect 0 "a repository is signed fifteen days ago"
cp -a "$repository" "$T/expired"
ctl verify
expect 7 "its timestamp has expired"
said 'timestamp.*expired' "which fleetctl says"
sign
expect 0 "signing renews it"
ctl verify
expect 0 "and it verifies"
