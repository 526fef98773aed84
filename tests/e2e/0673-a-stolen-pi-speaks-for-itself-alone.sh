#!/usr/bin/env bash
# The thief of a Pi has its card: its own receipt key, its own SSH host key, and what is public anyway. He cannot speak for another
# host, cannot stand in its place, signs nothing for anybody, and finds no other secret of the fleet.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/thief.sh"

tower_begin
plain_fleet plan-D
host_make ber-D plan-D berlin
host_make tyo-D plan-D tokyo
ctl rollout start all
expect 0 "both hosts run release 1"
ctl status --verify
expect 0 "and their receipts are verified"
card=$T/hosts/ber-D # what the thief holds
other=$T/hosts/tyo-D

# --- what lies on it ---

secrets=$(grep -rlaE 'PRIVATE KEY' "$card" | sort | tr '\n' ' ')
[ "$secrets" = "$card/host_key $card/state/receipts/key " ] || fail "two private keys lie on it, both its own: $secrets"
ok "two private keys lie on it, both its own"
# lies_on FOLDER PEM: its text, its seed, or its seed in hexadecimal.
lies_on()
{
	local seed
	! grep -rqF -e "$(tail -n 2 "$2" | head -n 1)" "$1" || return 0
	seed=$(openssl pkey -in "$2" -outform DER 2>/dev/null | tail -c 32 | od -An -v -tx1 | tr -d ' \n')
	[ -n "$seed" ] || return 1
	find "$1" -type f -exec cat {} + | perl -0777 -ne 'BEGIN { $seed = shift } $there = 1 if /$seed/i || index($_, pack "H*", $seed) >= 0; END { exit !$there }' "$seed"
}
mkdir "$T/proof"
for pem in "$XDG_DATA_HOME"/fleetctl/keys/*/*.pem "$T/operator"; do
	! lies_on "$card" "$pem" || fail "the key of ${pem##*/} lies on it"
	cp "$pem" "$T/proof/"
	lies_on "$T/proof" "$pem" || fail "the search finds it where it is"
done
openssl pkey -in "$XDG_DATA_HOME"/fleetctl/keys/*/root.pem -outform DER -out "$T/proof/root.pem"
lies_on "$T/proof" "$(echo "$XDG_DATA_HOME"/fleetctl/keys/*/root.pem)" || fail "in any form"
ok "none of the fleet's keys lies on it in any form"
! grep -rlaq "$(basename "$other")" "$card/etc" "$card/state" || fail "it knows no other host by name"
ok "it knows no other host by name"

# --- it does not speak for another ---

# the thief makes his Pi the other host, in name, and answers at the other's address
host_down tyo-D
mv "$other" "$T/away"
cp -a "$card" "$other"
cp "$T/away/port" "$other/port"
sed -i "s/hosts\/ber-D/hosts\/tyo-D/g" "$other/sshd_config" "$other/authorized_keys" "$other/etc/agent.json"
host_up tyo-D
was=$(kept tyo-D)
ctl status tyo-D
[ "$code" -ne 0 ] || fail "another SSH host key is noticed"
said 'another host key' "its SSH host key does not stand for the other's"
ctl rollout start tyo-D --allow-blind
expect 7 "nothing is sent to it"
[ "$(kept tyo-D)" = "$was" ] || fail "it has learned nothing"
ok "it has learned nothing"
# even with the other's host key, as if both had been stolen one after the other, it is the wrong host
host_down tyo-D
cp "$T/away/host_key" "$other/host_key"
host_up tyo-D
ctl status tyo-D
[ "$code" -ne 0 ] || fail "a host that calls itself otherwise"
said 'calls itself .ber-D.' "a host of another name is not taken for it"
sed -i 's/"id": *"ber-D"/"id": "tyo-D"/' "$other/etc/agent.json"
ctl status --verify tyo-D
expect 7 "nor one that lies about its name: its receipts are not believed"
said 'tyo-D +(new-key|forged)' "because another key signs them"
sed -i "s/# version 1/# version 2/" "$fleet/scripts/small/probes/beat.sh"
sign
ctl rollout start tyo-D --allow-blind
expect 7 "and a rollout does not count it as done"
said 'tyo-D: failed: its receipt is not believed' "which it says"

# --- by file, as receipts of those who pull come home ---

host_down tyo-D
rm -rf "$other"
mv "$T/away" "$other"
host_up tyo-D
ctl status --verify tyo-D
expect 0 "the true host is believed as before"

# --- it signs nothing for others ---

cp "$card/state/receipts/key" "$T/own.pem"
chmod 0600 "$T/own.pem"
sed 's/"number":2/"number":3/' "$fleet"/repository/targets/plan-D/releases/*.2.json >"$T/mine"
metadata=$fleet/repository/metadata
entry="{length: $(stat -c %s "$T/mine"), hashes: {sha256: \"$(digest "$T/mine")\"}}"
forge "$metadata/2.plan-D.json" "$T/own.pem" ".version = 3 | .targets[\"plan-D/releases/3.json\"] = $entry" >"$T/role"
forge "$metadata/2.snapshot.json" "$T/own.pem" '.version = 3 | .meta["plan-D.json"] = {version: 3}' >"$T/snapshot"
forge "$metadata/timestamp.json" "$T/own.pem" '.version = 3 | .meta["snapshot.json"] = {version: 3}' >"$T/timestamp"
stolen=$T/operator
was=$(kept tyo-D)
papers timestamp "$T/timestamp" snapshot "$T/snapshot" plan-D "$T/role" manifest "$T/mine"
update "$(digest "$T/mine")" | speak tyo-D
refused signature timestamp "with its receipt key he signs no metadata"
papers plan-D "$T/role" manifest "$T/mine"
update "$(digest "$T/mine")" | speak tyo-D
refused signature '' "and no release"
[ "$(kept tyo-D)" = "$was" ] || fail "no other host changes"
stolen=$card/host_key
door tyo-D -- id
[ "$code" -eq 255 ] || fail "its keys open no other host"
stolen=$T/own.pem
door tyo-D -- id
[ "$code" -eq 255 ] || fail "its keys open no other host"
ok "its keys open no other host"
