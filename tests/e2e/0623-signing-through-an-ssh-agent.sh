#!/usr/bin/env bash
# A real ssh-agent signs a plan's releases: with an Ed25519 key, a P-256 key, and a P-256 key that never leaves its PKCS#11
# token. What it signed is accepted by our client; what another key of the agent would sign is not.
. "$(dirname "$0")/tower.sh"

client=$build/tests/tuf-client
module=$(find /usr/lib -name libsofthsm2.so -print -quit 2>/dev/null || true)
tower_begin
small_fleet plan-D plan01s plan-E
serve "$T"
url=http://127.0.0.1:$served/plain/fleet/repository
# The agent loads modules only from folders that it is told: the usual ones.
ssh-agent -D -P '/usr/lib/*,/usr/local/lib/*' -a "$T/agent" >/dev/null &
pids+=($!)
until_true 100 test -S "$T/agent" || fail "ssh-agent starts"
export SSH_AUTH_SOCK=$T/agent

# published PLAN: our client, from the first root, takes the plan's manifest.
published()
{
	rm -rf "$T/dir" "$T/tdir"
	"$client" --metadata-dir "$T/dir" init "$fleet/repository/metadata/1.root.json" || fail "init"
	"$client" --metadata-dir "$T/dir" --metadata-url "$url/metadata" --target-name "$1/manifest.json" \
		--target-dir "$T/tdir" --target-base-url "$url/targets" download >"$T/out" 2>"$T/err"
}
# change SENTENCE: something that every plan's release has.
change() { printf '# %s\n' "$1" >>"$fleet/scripts/small/probes/beat.sh"; }
# takes_over PLAN NAME COMMENT TYPE: the agent's key becomes the plan's only one, and signs its next release.
takes_over()
{
	ctl key new "$2" --role "$1" --agent "$3"
	expect 0 "the agent's key $3 is named for $1"
	change "$2"
	sign
	expect 0 "  and signs"
	grep -q "\"keytype\": \"$4\"" "$fleet"/repository/metadata/*.targets.json || fail "  as a key of type $4"
	ctl verify
	expect 0 "  what fleetctl verifies"
	[ -e "$HOME/data/fleetctl/keys/$(basename "$fleet")/$2.pem" ] && fail "  no private key is written"
	published "$1" || fail "  and our client accepts"
	grep -q '"number":2' "$T/tdir/$1/manifest.json" || fail "  the new release"
	ok "  and our client accepts"
}

ssh-keygen -q -t ed25519 -N '' -C ann@laptop -f "$T/ann"
ssh-keygen -q -t ecdsa -b 256 -N '' -C bob@laptop -f "$T/bob"
ssh-keygen -q -t rsa -b 2048 -N '' -C rita@laptop -f "$T/rita"
ssh-add -q "$T/ann" "$T/bob" "$T/rita" 2>/dev/null || fail "the agent takes the keys"

cp -a "$fleet" "$T/before"
fresh() { rm -rf "$fleet" && cp -a "$T/before" "$fleet"; }

takes_over plan-D ann ann@laptop ed25519
fresh
takes_over plan01s bob bob@laptop ecdsa

# The forgery beside it: the agent has lost the key that keys.yaml names, and another of its keys is no help.
ssh-add -q -d "$T/bob.pub" 2>/dev/null || fail "the agent forgets bob"
cp -a "$fleet/repository" "$T/kept"
change 'without bob'
sign
expect 7 "without its key, the plan is not signed"
said 'bob' "  and whose is missing is said"
diff -r "$T/kept" "$fleet/repository" >/dev/null || fail "  nothing was written"
published plan01s || fail "  what was signed before still is"
ok "  what was signed before still is"

ctl key new rita --role plan-E --agent rita@laptop
expect 2 "an RSA key of the agent is refused: it signs otherwise than TUF wants"
said 'Ed25519 or P-256' "  and what would do is said"

if [ -z "$module" ] || ! command -v softhsm2-util >/dev/null || ! command -v pkcs11-tool >/dev/null; then
	say "# softhsm2 and opensc are not installed here: no PKCS#11 token was tried"
	exit 0
fi
fresh
mkdir "$T/tokens"
echo "directories.tokendir = $T/tokens" >"$T/softhsm.conf"
export SOFTHSM2_CONF=$T/softhsm.conf
softhsm2-util --init-token --free --label fleet --so-pin 12345678 --pin 4321 >"$T/out" 2>"$T/err" || fail "a token is made"
pkcs11-tool --module "$module" --login --pin 4321 --token-label fleet --keypairgen --key-type EC:prime256v1 --id 01 \
	--label token-key >"$T/out" 2>"$T/err" || fail "a P-256 key is made in it"
# An agent of its own: it inherits where the token is.
ssh-agent -D -P '/usr/lib/*,/usr/local/lib/*' -a "$T/agent2" >/dev/null 2>"$T/agent2.log" &
pids+=($!)
until_true 100 test -S "$T/agent2" || fail "ssh-agent starts"
export SSH_AUTH_SOCK=$T/agent2
printf '#!/bin/sh\necho 4321\n' >"$T/askpass"
chmod 0755 "$T/askpass"
SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force ssh-add -s "$module" >"$T/out" 2>"$T/err" </dev/null || fail "the agent takes the token"
takes_over plan-D hsm token-key ecdsa
ssh-add -e "$module" >"$T/out" 2>"$T/err" || fail "the token is pulled"
change 'without the token'
sign
expect 7 "without the token, the plan is not signed"
