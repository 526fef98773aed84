#!/usr/bin/env bash
# The same plans and scripts give the same bundle and manifest on every machine, and the same metadata at the same
# SOURCE_DATE_EPOCH. Who signs: thresholds, keys that are not here, keys that an ssh-agent holds.
. "$(dirname "$0")/tower.sh"

tower_begin
tower_fleet
rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
small_scripts
small_plan plan-D
small_plan plan01s
mkdir -p "$fleet/scripts/site/probes/deep"
printf 'berlin\n' >"$fleet/scripts/site/probes/deep/name"
ln -s deep/name "$fleet/scripts/site/probes/name"
sed -i 's/^scripts: .*/scripts: [small, site]/' "$fleet/plans/plan01s.yaml"
keys_new

# other_copy TO: the same words, made in another order, at another time, by somebody with another umask.
other_copy()
{
	local from=$fleet to=$1 path
	umask 077
	(cd "$from" && find . -type d | sort -r) | while read -r path; do mkdir -p "$to/$path"; done
	(cd "$from" && find . ! -type d | sort -r) | while read -r path; do
		if [ -L "$from/$path" ]; then
			ln -s "$(readlink "$from/$path")" "$to/$path"
		else
			cat "$from/$path" >"$to/$path"
			[ ! -x "$from/$path" ] || chmod u+x "$to/$path"
		fi
		touch -h -d "@$((RANDOM * 1000))" "$to/$path"
	done
	umask 022
}
# sign_in FOLDER [VARIABLE=VALUE...]: signs a copy, under another environment.
sign_in()
{
	local at=$1
	shift
	code=0
	(cd "$at" && env "$@" "$fleetctl" sign --passphrase-fd 3 --yes) >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || code=$?
}
digest() { (cd "$1" && find repository -type f -exec sha256sum {} + | sort | sha256sum); }

# --- bytes ---

other_copy "$T/other"
sign_in "$fleet" TZ=UTC
expect 0 "a fleet is signed"
umask 077
sign_in "$T/other" TZ=XYZ-13 LANG=C.UTF-8 LC_ALL=C.UTF-8
umask 022
expect 0 "and a copy of it: other times, modes and order, another zone and language"
for part in bundles targets; do
	diff -r "$fleet/repository/$part" "$T/other/repository/$part" >"$T/out" || fail "$part are the same bytes"
	[ -n "$(find "$fleet/repository/$part" -type f)" ] || fail "there are $part"
	ok "$part are the same bytes"
done

rm -rf "$fleet/repository" "$T/other/repository"
sign_in "$fleet" SOURCE_DATE_EPOCH=1790000000 TZ=UTC
expect 0 "signed again at a given time"
sign_in "$T/other" SOURCE_DATE_EPOCH=1790000000 TZ=XYZ-13 LC_ALL=C.UTF-8
expect 0 "and so is the copy"
diff -r "$fleet/repository" "$T/other/repository" >"$T/out" || fail "the whole repository is the same bytes"
ok "the whole repository is the same bytes"
sign_in "$T/other" SOURCE_DATE_EPOCH=soon
expect 2 "a time that is none is refused"

chmod 0755 "$T/other/scripts/site/probes/deep/name"
rm -rf "$T/other/repository"
sign_in "$T/other" SOURCE_DATE_EPOCH=1790000000
[ "$(digest "$fleet")" != "$(digest "$T/other")" ] || fail "a file that became executable is another bundle"
ok "a file that became executable is another bundle"

# --- nothing to sign ---

was=$(digest "$fleet")
sign_in "$fleet" SOURCE_DATE_EPOCH=1790000000
expect 0 "signing what is signed"
said 'nothing changes: nothing to sign' "signs nothing"
sign_in "$fleet" SOURCE_DATE_EPOCH=1790086400
said 'nothing changes: nothing to sign' "nor a day later"
[ "$(digest "$fleet")" = "$was" ] || fail "and writes nothing"
ok "and writes nothing"
sign_in "$fleet" SOURCE_DATE_EPOCH=1790691200
expect 0 "eight days later"
said '^timestamp 2 \(was 1, renewed\)' "the timestamp is renewed before it expires"
grep -qE '^(root|targets|snapshot|plan)' "$T/out" && fail "and nothing else is"
ok "and nothing else is"

# --- who signs ---

rm -rf "$fleet/repository"
sign
expect 0 "a fleet is signed by a lone operator"
was=$(digest "$fleet")
sed -i 's/root: 1/root: 2/' "$fleet/keys.yaml"
sign
expect 2 "a threshold that no keys can reach is refused"
said 'keys\.yaml: root needs 2 signatures, but only 1 key has it' "with the reason"
[ "$(digest "$fleet")" = "$was" ] || fail "and nothing was signed"
ok "and nothing was signed"

keys=$XDG_DATA_HOME/fleetctl/keys/fleet
code=0
(cd "$fleet" && "$fleetctl" key new ann --role root --passphrase-fd 3) >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || code=$?
expect 0 "a second owner gets a key"
[ "$(stat -c %a "$keys" "$keys"/*.pem | sort -u | tr '\n' ' ')" = '600 700 ' ] || fail "that only its owner can read"
head -n 2 "$keys/ann.pem" | grep -q 'BEGIN ENCRYPTED PRIVATE KEY' || fail "encrypted"
ok "that only its owner can read, encrypted"
sign
expect 0 "the root is signed by both"
said '^  root: adds the key of ann; threshold 1 to 2' "which was said before"
[ "$(grep -c '"sig"' "$fleet/repository/metadata/2.root.json")" -eq 2 ] || fail "two signatures are on it"
ok "two signatures are on it"
ctl verify
expect 0 "and it verifies"
mv "$keys/ann.pem" "$T/ann.pem"
ctl key list
expect 0 "key list says who signs what, and which keys are here"
said '^root +root, targets, fleet, agent +yes +([0-9a-f]{4}-){3}[0-9a-f]{4} +ed25519 [0-9a-f]{64}$' "the own key"
said '^ann +root +no +([0-9a-f]{4}-){3}[0-9a-f]{4} +ed25519 [0-9a-f]{64}$' "ann's, which is not here"
said 'threshold of root: 2' "and the threshold"

mv "$keys/root.pem" "$T/root.pem"
sed -i 's/# version 1/# version 2/' "$fleet/scripts/small/probes/beat.sh"
sign
expect 0 "a release needs no key of the root"
mv "$T/root.pem" "$keys/root.pem"
was=$(digest "$fleet")
sed -i 's/root: 2/root: 1/' "$fleet/keys.yaml"
sign
expect 7 "a lower threshold needs the keys of the root before"
said 'root before: it needs 2 signatures, 1 can be made here; not here: ann' "with the one that is not here"
[ "$(digest "$fleet")" = "$was" ] || fail "and nothing was signed"
ok "and nothing was signed"
sed -i 's/root: 1/root: 2/' "$fleet/keys.yaml"

# --- a key in an ssh-agent ---

ssh-agent -D -a "$T/agent" >"$T/agent.log" 2>&1 &
pids+=($!)
until_true 50 test -S "$T/agent" || fail "the ssh-agent starts"
ssh-keygen -q -t ed25519 -N '' -C ann@laptop -f "$T/laptop"
SSH_AUTH_SOCK=$T/agent ssh-add -q "$T/laptop" 2>"$T/err" || fail "the ssh-agent takes the key"
rm "$T/laptop"
before=$(ls "$keys")
SSH_AUTH_SOCK=$T/agent ctl key new laptop --role plan-D --agent nobody@laptop
expect 2 "a key that the ssh-agent has not is refused"
SSH_AUTH_SOCK=$T/agent ctl key new laptop --role plan-D --agent ann@laptop
expect 0 "a key in the ssh-agent gets a plan"
[ "$(ls "$keys")" = "$before" ] || fail "and no file is made for it"
ok "and no file is made for it"
sed -i 's/# version 2/# version 3/' "$fleet/scripts/small/probes/beat.sh"
was=$(digest "$fleet")
sign
expect 7 "without the ssh-agent the plan is not signed"
said 'plan-D.*not here: laptop' "with the key that is not here"
[ "$(digest "$fleet")" = "$was" ] || fail "and nothing was signed"
ok "and nothing was signed"
export SSH_AUTH_SOCK=$T/agent
sign
expect 0 "with it the plan is signed"
said '^  plan-D: adds the key of laptop; drops the key of plans' "by its own key alone"
ctl verify
expect 0 "and it verifies"
ctl key list
said '^laptop +plan-D +yes +[0-9a-f-]+ +ed25519' "key list says that it is here"
unset SSH_AUTH_SOCK

# --- the passphrase ---

ctl sign --yes --passphrase "$passphrase"
expect 2 "no option takes a passphrase"
sed -i 's/# version 3/# version 4/' "$fleet/scripts/small/probes/beat.sh"
mkfifo "$T/word"
(cd "$fleet" && exec "$fleetctl" sign plan01s --yes --passphrase-fd 3 3<"$T/word" </dev/null >"$T/out" 2>"$T/err") &
signer=$!
exec 4>"$T/word"
printf 'correct' >&4
until_true 50 grep -qa passphrase-fd "/proc/$signer/cmdline" || fail "fleetctl waits for the rest of the passphrase"
grep -qa correct "/proc/$signer/cmdline" "/proc/$signer/environ" && fail "the passphrase shows in /proc"
printf ' horse\n' >&4
exec 4>&-
wait "$signer" || fail "the passphrase's second half"
ok "what is given on a descriptor shows nowhere, and signs"
