#!/bin/bash
# Whoever signs has the repository alone from what is computed until it is written: the second is told who is at work, writes
# nothing, and goes through when its turn has come. And who comes in is told in words on a machine without the folder.
. "$(dirname "$0")/tower.sh"
tower_begin
tower_fleet
rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
small_scripts
small_plan plan-D
usb=$T/usb
mkdir "$usb"
name=$(sed -n 's/^name: //p' "$fleet/fleet.yaml")
keys_new
sign
expect 0 "the first one signs"

# on MACHINE ARGS...: fleetctl on a machine without the fleet's folder.
on()
{
	local machine=$1
	shift
	mkdir -p "$T/$machine"
	code=0
	(cd "$T/$machine" && HOME=$T/$machine XDG_DATA_HOME='' "$fleetctl" "$@" --passphrase-fd 3) >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || code=$?
}
refresh()
{
	code=0
	(cd "$fleet" && "$fleetctl" refresh --now --passphrase-fd 3) >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || code=$?
}
as_it_was() { diff -r "$T/kept" "$fleet/repository" >"$T/out" || fail "$1: the repository is as it was"; ok "$1: the repository is as it was"; }

# --- who comes in, asked of cy, who has no folder ---

on cy key new cy --offline "$name" --out "$usb/cy.pub"
expect 0 "cy makes a key on his machine"
ctl key add "$usb/cy.pub" --role fleet
expect 0 "cy's key is added for the role fleet"
ctl key threshold fleet 2
expect 0 "two shall sign who comes in"
operator_new ann
access_write operator:look,roll ann:look
sign --request "$usb/in.request"
expect 0 "cy is asked"
said '\+ operator ann may look$' "the request says who is let in"
on cy sign --answer "$usb/in.request" --dry-run
expect 0 "cy looks"
said '^access list 1:$' "cy's machine says it too"
said '\+ operator ann may look$' "in the same words"
sed 's/\[\\"look\\"\]/[\\"roll\\"]/; s/"look\\"\\n/"roll\\"\\n/' "$usb/in.request" >"$usb/forged.request"
cmp -s "$usb/in.request" "$usb/forged.request" && fail "the forgery is one"
on cy sign --answer "$usb/forged.request" --yes
expect 7 "a list that was changed after its body was made is refused"
said 'documents: fleet/access.json: new: its SHA-256 is not the one signed' "which is said"
on cy sign --answer "$usb/in.request" --yes
expect 0 "cy answers"

# --- one at a time ---

cp -r "$fleet/repository" "$T/kept"
steps=$(grep -c . "$fleet/keys.log")
exec 9>"$fleet/.fleetctl/sign.lock"
flock -n 9 || fail "nobody signs now"
echo 'fleetctl refresh (process 7)' >"$fleet/.fleetctl/sign.holder"
sed -i 's/version 1/version 2/' "$fleet/scripts/small/probes/beat.sh"
sign
expect 6 "while another is at work, sign is refused"
said 'fleetctl refresh \(process 7\) is at work .*try again' "it says who, and what to do"
sign --collect "$usb/in.request" "$usb/in.cy.answer"
expect 6 "so is sign --collect"
refresh
expect 6 "and refresh"
pull_rollout() { code=0; (cd "$fleet" && "$fleetctl" rollout "$@" --passphrase-fd 3) >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || code=$?; }
ctl host add ber-D --plan plan-D --site berlin --address 127.0.0.1 --host-key "$(cut -d' ' -f1,2 "$T/operator.pub")"
pull_rollout start all --pull --any-time --allow-blind
expect 6 "a rollout for hosts that pull waits for its turn, and is refused in the end"
said 'is not begun: .*fleetctl refresh .process 7. is at work' "which is said"
as_it_was "four were refused"
[ "$(grep -c . "$fleet/keys.log")" = "$steps" ] || fail "none of them left a step"
ok "none of them left a step"
sign --dry-run
expect 0 "to look is always allowed"
exec 9>&-
sign --collect "$usb/in.request" "$usb/in.cy.answer"
expect 0 "then the answers are collected"
sign
expect 0 "sign goes through"
refresh
expect 0 "and refresh"
pull_rollout start all --pull --any-time --allow-blind
expect 0 "and the rollout is begun"
ctl verify
expect 0 "the repository verifies"
