#!/usr/bin/env bash
# A new operator's key reaches a host and works; a revoked one is refused by sshd afterwards; who may only look cannot roll; and
# nobody but role `fleet` says who comes in.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
access_host ber-D plan-D
h=$T/hosts/ber-D
operator_new ann
operator_new bob
operator_new eve
keys_in_force() { cat "$h/state/access/current/authorized_keys"; }
# as NAME ARGS...: fleetctl with that operator's key.
as()
{
	local who=$1
	shift
	ctl "$@" --identity "$T/$who"
}

# --- nothing is signed yet ---

ctl access status
expect 0 "a host that was only enrolled answers"
said 'enrolled +enrolled +current' "and says so"
ctl access push
expect 2 "there is nothing to push"
said 'write access.yaml' "and it says what to write"

# --- a new operator ---

access_write operator:look,roll ann:look,roll
sign
[ "$code" -eq 0 ] || fail "the list is signed"
said '\+ operator ann may look, roll' "what is signed is said in words"
as ann status
expect 4 "ann's key does not work yet"
ctl access status --json
grep -q '"current": *false' "$T/out" || fail "the host is behind"
ctl access push
expect 0 "the operator pushes the list"
as ann status ber-D
expect 0 "ann's key works now"
as ann rollout start all --allow-blind
expect 0 "and rolls"
runs ber-D 1
ctl access push
expect 0 "pushed again"
keys_in_force | grep -c . | grep -qx 2 || fail "two may come in"
keys_in_force | grep -q '^restrict,command=' || fail "each with one command"
ended ber-D pass "nothing was tried"
ctl access status
said 'ber-D +1 +enrolled +current' "and the host has list 1"

# --- who may look cannot roll ---

access_write operator:look,roll ann:look,roll bob:look
sign
ctl access push
expect 0 "bob is let in to look"
as bob status ber-D
expect 0 "bob looks"
sed -i 's/version 1/version 2/' "$fleet/scripts/small/probes/beat.sh"
sign
as bob rollout start all --allow-blind
expect 6 "bob does not roll"
said 'operator bob may look' "the host says why, by name"
runs ber-D 1
as bob access push
expect 6 "nor does fleetctl let him push what would be confirmed by him"

# --- a revoked key ---

access_write operator:look,roll bob:look
sign
said '\- operator ann' "who goes is said too"
as ann access push
expect 6 "ann does not push the list that drops her"
said 'confirm-identity' "unless another key confirms it"
ctl access push
expect 0 "the operator does"
as ann status ber-D
expect 4 "ann's key is refused"
said 'refuses our SSH key' "by sshd itself"
grep -q 'ann' "$h/state/access/current/authorized_keys" && fail "no trace of it is left"

# --- where a host fetches from comes the same way ---

printf "sources:\n  - {kind: https, url: 'http://cdn.example/'}\n" >"$fleet/sources.yaml"
sign
said 'sources.yaml:2: sources\[0\]: url: .*https://' "a source that is none is not signed"
printf "sources:\n  - {kind: https, url: 'https://cdn.example/fleet/'}\n" >"$fleet/sources.yaml"
sign
said '\+ source https https://cdn.example/fleet/' "a source is"
ctl access push
expect 0 "and pushed"
grep -q 'https://cdn.example/fleet/' "$h/state/access/current/sources.json" || fail "the host has it"
as bob status ber-D
expect 0 "who came in before still does"
ctl access status
said 'ber-D +3 +1 +current' "both have their numbers"

# --- a thief has the operator's key, and no key of role fleet ---

before=$(keys_in_force)
cp -r "$fleet/repository" "$T/repository"
for document in "$fleet"/repository/targets/fleet/*.access.json; do
	sed -i "s|$(cut -d' ' -f2 "$T/bob.pub")|$(cut -d' ' -f2 "$T/eve.pub")|" "$document"
done
ctl access push
expect 7 "a list that was changed is noticed before it is sent"
access_write operator:look,roll eve:look,roll
sign
[ "$code" -ne 0 ] || fail "a repository that was changed is not signed on"
rm -rf "$fleet/repository"
cp -r "$T/repository" "$fleet/repository"
# in a fleet of her own she may sign what she likes
mine=$fleet
fleet=$T/eves XDG_DATA_HOME=$T/eves-keys
"$fleetctl" init "$fleet" >"$T/out" 2>"$T/err" || fail "eve makes a fleet"
printf '\nssh: {identity: %s}\n' "$T/operator" >>"$fleet/fleet.yaml"
rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
small_scripts
small_plan plan-D
cp "$mine/hosts.yaml" "$fleet/hosts.yaml"
access_write operator:look,roll eve:look,roll
keys_new
for _ in 1 2 3 4 5 6 7 8; do sign --refresh; done
ctl access push
expect 7 "a list that another fleet signed is refused by the host"
[ "$(keys_in_force)" = "$before" ] || fail "nothing changed there"
ok "nothing changed there"
fleet=$mine XDG_DATA_HOME=$T/home/data

# --- a list that nobody could change any more, and mistakes ---

access_write bob:look
sign
[ "$code" -ne 0 ] || fail "a list that lets nobody roll is not signed"
said 'access.yaml:[0-9]+: .*nobody may roll' "and it says where, and why"
printf 'operators:\n  - {name: ann, key: ssh-ed25519 AAAA, may: [look, roll]}\n' >"$fleet/access.yaml"
sign
said 'access.yaml:2: operator ann: key' "a key that was cut is named"
printf "operators:\n  - {name: ann, key: '%s', may: [look, rol]}\n" "$(cat "$T/ann.pub")" >"$fleet/access.yaml"
sign
said 'access.yaml:2: .*may' "a right that there is not, too"
