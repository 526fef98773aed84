#!/bin/bash
# What goes between machines that never meet is foreign: links, forgeries, old requests and people who are missing are refused,
# and the repository stays as it was, to the byte.
. "$(dirname "$0")/tower.sh"
tower_begin
tower_fleet
rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
small_scripts
small_plan plan-D
usb=$T/usb
mkdir "$usb"

# on MACHINE ARGS...: fleetctl on a machine without the fleet's folder.
on()
{
	local machine=$1
	shift
	mkdir -p "$T/$machine"
	code=0
	(cd "$T/$machine" && HOME=$T/$machine XDG_DATA_HOME='' "$fleetctl" "$@" --passphrase-fd 3) >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || code=$?
}
name=$(sed -n 's/^name: //p' "$fleet/fleet.yaml")
keys_new
on bob key new bob --offline "$name" --out "$usb/bob.pub"
expect 0 "bob makes a key on his machine"
on cy key new cy --offline "$name" --out "$usb/cy.pub"
on cy key new cy --offline "$name" --out "$usb/cy2.pub"
expect 2 "a key that is there is not made again"
ctl key add "$usb/bob.pub" --role root,targets,agent
expect 0 "bob's key is added"
ctl key add "$usb/cy.pub" --role root,targets,agent
expect 0 "and cy's"
sign
expect 0 "one key signs the first root"
ctl key threshold root 2
expect 0 "two shall sign the root"
as_it_was() { diff -r "$T/kept" "$fleet/repository" >"$T/out" || fail "$1: the repository is as it was"; ok "$1: the repository is as it was"; }
cp -r "$fleet/repository" "$T/kept"

# --- links, and files that are there ---

ln -s "$usb/elsewhere" "$usb/two.request"
sign --request "$usb/two.request"
expect 2 "a request is not written through a link"
said 'is a link' "which is said"
sign --request "$usb/two.request" --force
expect 2 "nor in the place of one, by force"
[ ! -e "$usb/elsewhere" ] || fail "nothing was written through the link"
rm "$usb/two.request"
sign --request "$usb/two.request"
expect 0 "a request is written"
said 'root: 1 of 2, signed by root; missing: 1 of bob, cy' "and who is missing"
sign --request "$usb/two.request"
expect 2 "it is not written over"
cp "$usb/two.request" "$usb/two.kept"
ln -s two.request "$usb/link.request"
on bob sign --answer "$usb/link.request" --yes
expect 2 "a request behind a link is not read"
mkfifo "$usb/pipe.request"
on bob sign --answer "$usb/pipe.request" --yes
expect 2 "nor one that is a pipe"

# --- forged ---

sed 's/"threshold": 2/"threshold": 1/' "$usb/two.kept" >"$usb/forged.request"
on bob sign --answer "$usb/forged.request" --yes
expect 7 "a request whose bytes were changed is refused"
said 'what root signed is not this' "and says whose signature does not fit"
[ -z "$(find "$usb" "$T/bob" -name '*.answer')" ] || fail "no answer to it was written"
{ head -c 3000 "$usb/two.kept"; } >"$usb/cut.request"
on bob sign --answer "$usb/cut.request" --yes
expect 2 "half of one is refused"
on bob sign --answer "$usb/two.request"
expect 2 "without a terminal and --yes nothing is signed"
on bob sign --answer "$usb/two.request" --dry-run
expect 0 "a look signs nothing"
said 'root: threshold 1 to 2' "it says the change in words"
digest=$(sed -n 's/^digest for all signers to compare: //p' "$T/out")
[ -z "$(find "$usb" "$T/bob" -name '*.answer')" ] || fail "a look writes no answer"
cp -r "$fleet" "$T/clone"
on bob sign --answer "$usb/two.request" --dry-run --fleet "$T/clone"
expect 0 "where a clone of the fleet's folder is at hand"
said "is what this fleet's repository has, verified" "the request is held against its repository"
on bob sign --answer "$usb/two.request" --yes
expect 0 "bob answers"
said "rests on the request's word" "without one that is said"
[ "$(sed -n 's/^digest for all signers to compare: //p' "$T/out")" = "$digest" ] || fail "everybody sees the same digest"
ok "everybody sees the same digest"
said 'nobody is missing' "after it nobody is missing"
on eve sign --answer "$usb/two.request" --yes
expect 2 "a machine without a key that counts signs nothing"

# --- collected ---

sign --collect "$usb/two.request"
expect 7 "with one missing nothing is written"
as_it_was "one missing"
sed '/"sig"/y/0123456789/1234567890/' "$usb/two.bob.answer" >"$usb/wrong.answer"
sign --collect "$usb/two.request" "$usb/wrong.answer"
expect 7 "a wrong signature is refused"
said 'wrong.answer: root: ' "with its file and role"
as_it_was "a wrong signature"
ln -s two.bob.answer "$usb/link.answer"
sign --collect "$usb/two.request" "$usb/link.answer"
expect 2 "an answer behind a link is not read"
sed -i 's/version 1/version 2/' "$fleet/scripts/small/probes/beat.sh"
sign --collect "$usb/two.bob.answer" "$usb/two.request" "$usb/two.bob.answer"
expect 0 "a script that changed meanwhile is signed here; files come in any order, and twice"
ctl verify
expect 0 "the repository verifies"
cp -r "$fleet/repository" "$T/new" && rm -rf "$T/kept" && mv "$T/new" "$T/kept"
sign --collect "$usb/two.request" "$usb/two.bob.answer"
expect 6 "what was collected is not collected again"
said 'superseded' "which is said"
as_it_was "a superseded request"
on cy sign --answer "$usb/two.request" --yes --fleet "$fleet"
expect 6 "a clone that is further refuses to answer it"
said 'starts from another root' "which is said"

# --- old ---

ctl key threshold targets 2
SOURCE_DATE_EPOCH=$(($(date +%s) - 10 * 86400)) sign --request "$usb/old.request"
expect 0 "a request of ten days ago"
on cy sign --answer "$usb/old.request" --yes
said 'the request is 10 days old' "its age is said"
expect 0 "it can still be signed"
SOURCE_DATE_EPOCH=$(($(date +%s) + 400 * 86400)) sign --collect "$usb/old.request" "$usb/old.cy.answer"
expect 7 "when its dates have run out it is refused"
said 'has run out' "which is said"
as_it_was "an expired request"

# --- the transcript ---

ctl key transcript --verify --json
expect 0 "the transcript is whole"
[ "$(grep -c . "$fleet/keys.log")" -ge 8 ] || fail "every step left a line"
ctl key transcript --end 0000-0000-0000-0000
expect 7 "an end that it never had is no end of it"
