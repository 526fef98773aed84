#!/usr/bin/env bash
# The thief of one plan's signing key signs releases for that plan's Pis. Another plan's Pi refuses them, the delegations are not
# his to change, a plan with a threshold of two resists one key, and once targets names another key his is worth nothing.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/thief.sh"

tower_begin
plain_plans plan-D plan01s planX3
key new owner --role root,targets,snapshot,timestamp,fleet --plain
key new ann --role plan-D,planX3 --plain
key new bob --role plan01s --plain
key new cem --role planX3 --plain
key threshold planX3 2
sign
[ "$code" -eq 0 ] || fail "the first releases are signed: $(cat "$T/err")"
host_make ber-D plan-D berlin
host_make ber-1 plan01s berlin
host_make ber-3 planX3 berlin
ctl rollout start all --allow-blind
expect 0 "the first releases are rolled out"
stolen=$T/operator # the way in; it is the signatures that this is about
keys=$(echo "$XDG_DATA_HOME"/fleetctl/keys/*)
cp "$keys/ann.pem" "$T/ann.pem"
metadata=$fleet/repository/metadata
ann=$(jq -r '.signatures[0].keyid' "$metadata/1.plan-D.json")
online=$keys/owner.pem

# Whoever signs with a plan's key still needs snapshot and timestamp to carry it. That they are signed here is the most that can be
# done with it: as if the operators' refresh took in whatever role lies there.
cp -a "$fleet/repository" "$T/shown"
shown=$T/shown/metadata
n=1
# carry ROLE VERSION: snapshot and timestamp name it.
carry()
{
	forge "$shown/$n.snapshot.json" "$online" ".version = $((n + 1)) | .meta[\"$1.json\"] = {version: $2}" >"$shown/$((n + 1)).snapshot.json"
	n=$((n + 1))
	forge "$shown/timestamp.json" "$online" ".version = $n | .meta[\"snapshot.json\"] = {version: $n}" >"$T/timestamp"
	mv "$T/timestamp" "$shown/timestamp.json"
}
# manifest PLAN: the thief's own release 2 of it, which names another bundle's bytes by the digest that they have.
manifest() { sed "s/\"number\":1,/\"number\":2,/; s/\"deadline_ms\":10000/\"deadline_ms\":20000/" "$fleet"/repository/targets/"$1"/releases/*.1.json >"$T/$1"; }
entry() { printf '{length: %s, hashes: {sha256: "%s"}}' "$(stat -c %s "$1")" "$(digest "$1")"; }
# role PLAN KEYFILE [KEYID [PLACE]]: the plan's role, version 2, naming the thief's release.
role()
{
	forge "$shown/1.$1.json" "$2" ".version = 2 | .targets[\"${4:-$1}/manifest.json\"] = $(entry "$T/${4:-$1}") | .targets[\"${4:-$1}/releases/2.json\"] = $(entry "$T/${4:-$1}")" \
		"${3:-$ann}" >"$T/role"
	cp "$T/role" "$shown/2.$1.json"
}
# push HOST PLAN ROLE...: an order for the thief's release of that plan, with what he signed.
push()
{
	local host=$1 plan=$2 brought=()
	shift 2
	for name; do brought+=("$name" "$shown/2.$name.json"); done
	papers timestamp "$shown/timestamp.json" snapshot "$shown/$n.snapshot.json" "${brought[@]}" manifest "$T/$plan"
	update "$(digest "$T/$plan")" | speak "$host"
}
manifest plan-D
manifest plan01s
manifest planX3

# payload MANIFEST: the file of its bundle.
payload() { echo "$fleet/repository/bundles/$(jq -r .bundle.sha256 "$1").tar.zst"; }

# --- other plans ---


what() { kept "$1" | grep -v ' state/trust/'; }
one=$(what ber-1) three=$(what ber-3)
role plan-D "$T/ann.pem"
carry plan-D 2
push ber-1 plan-D plan-D
refused foreign 'is for plan plan-D, this host has plan01s' "his release of his plan is none for another plan's host"
cp "$shown/2.plan-D.json" "$T/good-role"
role plan-D "$T/ann.pem" "$ann" plan01s
cp "$T/role" "$shown/3.plan-D.json"
carry plan-D 3
papers timestamp "$shown/timestamp.json" snapshot "$shown/$n.snapshot.json" plan-D "$shown/3.plan-D.json" manifest "$T/plan01s"
update "$(digest "$T/plan01s")" | speak ber-1
refused signature 'not among those that role plan01s permits' "another plan's release named by his own role is not permitted"
role plan01s "$T/ann.pem" "$ann"
carry plan01s 2
push ber-1 plan01s plan01s
refused signature plan01s "another plan's role that he signs is refused"
bob=$(jq -r '.signatures[0].keyid' "$metadata/1.plan01s.json")
role plan01s "$T/ann.pem" "$bob"
push ber-1 plan01s plan01s
refused signature plan01s "also under its owner's name"

# --- delegations ---

role plan-D "$T/ann.pem"
jq --arg id "$ann" '.signed.delegations = {keys: {}, roles: [{name: "plan01s", keyids: [$id], threshold: 1, terminating: true, paths: ["plan01s/*", "plan01s/*/*"]}]}' \
	"$shown/2.plan-D.json" >"$T/delegating"
forge "$T/delegating" "$T/ann.pem" '.version = 4' "$ann" >"$shown/4.plan-D.json"
carry plan-D 4
papers timestamp "$shown/timestamp.json" snapshot "$shown/$n.snapshot.json" plan-D "$shown/4.plan-D.json" plan01s "$shown/2.plan01s.json" manifest "$T/plan01s"
update "$(digest "$T/plan01s")" | speak ber-1
refused signature plan01s "nor does his role hand another plan on to him"
forge "$shown/1.targets.json" "$T/ann.pem" \
	".version = 2 | .delegations.roles |= map(if .name == \"plan01s\" then .keyids = [\"$ann\"] else . end)" "$ann" >"$shown/2.targets.json"
carry targets 2
push ber-1 plan01s targets plan01s
refused signature targets "the delegations are not his to change"

# --- a threshold of two ---

rm "$shown/2.targets.json" # which this host never heard of
carry targets 1
role planX3 "$T/ann.pem"
carry planX3 2
push ber-3 planX3 planX3
refused signature 'planX3.*(1 of|2|threshold)' "a plan with a threshold of two resists one key"
jq '.signatures += .signatures' "$shown/2.planX3.json" >"$T/twice" && mv "$T/twice" "$shown/2.planX3.json"
push ber-3 planX3 planX3
grep -qE '^7 .*"code": *"(signature|syntax)"' "$T/out" || fail "its signature twice is not two"
ok "and its signature twice is not two"
[ "$(what ber-1)$(what ber-3)" = "$one$three" ] || fail "nothing that runs there changed"
ok "nothing that runs there changed"

# --- what he can ---

rm -rf "$T/shown" && cp -a "$fleet/repository" "$T/shown"
n=50
cp "$shown/1.snapshot.json" "$shown/50.snapshot.json"
role plan-D "$T/ann.pem"
carry plan-D 2
push ber-D plan-D plan-D
grep -q '^6 ' "$T/out" || fail "the plan's own hosts take it: that is what the key is for"
runs ber-D 2
ok "the plan's own hosts take it: that is what the key is for"

# --- the end ---

key new dot --role plan-D,planX3 --plain
key revoke ann
sign
[ "$code" -eq 0 ] || fail "targets names another key: $(cat "$T/err")"
rm -rf "$T/shown" && cp -a "$fleet/repository" "$T/shown"
n=90 # the operators' versions go on behind what the thief made the host see
forge "$shown/2.snapshot.json" "$online" '.version = 90' >"$shown/90.snapshot.json"
sed -i 's/"number":2,/"number":3,/' "$T/plan-D"
forge "$metadata/2.plan-D.json" "$T/ann.pem" ".version = 3 | .targets[\"plan-D/manifest.json\"] = $(entry "$T/plan-D")" "$ann" >"$shown/3.plan-D.json"
carry plan-D 3
papers timestamp "$shown/timestamp.json" snapshot "$shown/$n.snapshot.json" targets "$shown/2.targets.json" plan-D "$shown/3.plan-D.json" manifest "$T/plan-D"
update "$(digest "$T/plan-D")" | speak ber-D
refused signature plan-D "once targets names another key, his is worth nothing"
runs ber-D 2
for _ in 1 2; do
	printf '#\n' >>"$fleet/scripts/small/probes/beat.sh"
	sign
done
forge "$metadata/4.snapshot.json" "$online" '.version = 100' >"$metadata/100.snapshot.json"
cp "$metadata/100.snapshot.json" "$shown/"
n=100
carry plan-D 4
manifest=$(echo "$fleet"/repository/targets/plan-D/releases/*.3.json)
cp "$metadata/4.plan-D.json" "$shown/"
papers timestamp "$shown/timestamp.json" snapshot "$shown/$n.snapshot.json" targets "$shown/2.targets.json" plan-D "$shown/4.plan-D.json" manifest "$manifest"
{ update "$(digest "$manifest")" '"payload": "full", "payload_sha256": "'"$(digest "$(payload "$manifest")")"'", "payload_length": '"$(stat -c %s "$(payload "$manifest")")"; frame 4 <"$(payload "$manifest")"; } | speak ber-D
runs ber-D 3
ok "and the owners' next release takes the place of his"
