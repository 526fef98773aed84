#!/usr/bin/env bash
# A key that stays behind an OpenSSL provider signs: keys of other tools by `file:`, and one in a TPM (swtpm) by tpm2-openssl.
# What cannot work is said when the key is added, and a PIN never stands in a URI.
. "$(dirname "$0")/tower.sh"

client=$build/tests/tuf-client
tower_begin
small_fleet plan-D
serve "$T"
url=http://127.0.0.1:$served/plain/fleet/repository
keys=$HOME/data/fleetctl/keys/$(basename "$fleet")
pin='secret pin'
cp -a "$fleet" "$T/before"
fresh() { rm -rf "$fleet" "$keys"/*.uri && cp -a "$T/before" "$fleet"; }
# add ARGS...: a key for plan-D, its PIN on a descriptor.
add()
{
	code=0
	(cd "$fleet" && "$fleetctl" key new far --role plan-D --passphrase-fd 3 "$@") >"$T/out" 2>"$T/err" 3<<<"${with:-$pin}" </dev/null || code=$?
}
# signs SENTENCE TYPE: the key signs plan-D's next release, and our client takes it. Both passphrases are one here.
signs()
{
	printf '# %s\n' "$1" >>"$fleet/scripts/small/probes/beat.sh"
	sign
	expect 0 "$1 signs"
	ctl key list
	said "^far +plan-D +yes" "  is listed as at hand"
	ctl verify
	expect 0 "  what fleetctl verifies"
	grep -q "\"keytype\": \"$2\"" "$fleet"/repository/metadata/*.targets.json || fail "  as a key of type $2"
	rm -rf "$T/dir" "$T/tdir"
	"$client" --metadata-dir "$T/dir" init "$fleet/repository/metadata/1.root.json" || fail "init"
	"$client" --metadata-dir "$T/dir" --metadata-url "$url/metadata" --target-name plan-D/manifest.json \
		--target-dir "$T/tdir" --target-base-url "$url/targets" download >"$T/out" 2>"$T/err" || fail "  and our client accepts"
	grep -q '"number":2' "$T/tdir/plan-D/manifest.json" || fail "  the new release"
	ok "  and our client accepts"
}
# nothing_left SENTENCE
nothing_left()
{
	[ -e "$keys/far.uri" ] && fail "$1"
	cmp -s "$T/before/keys.yaml" "$fleet/keys.yaml" || fail "$1"
	ok "$1"
}

# --- keys of other tools, by OpenSSL's own provider ---

pin=$passphrase
make() { openssl genpkey -quiet "$@" 2>/dev/null || openssl genpkey "$@" 2>/dev/null; }
make -algorithm ED25519 -aes-256-cbc -pass "pass:$pin" -out "$T/ed25519.pem"
make -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes-256-cbc -pass "pass:$pin" -out "$T/ecdsa.pem"
make -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$T/rsa.pem"
make -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$T/p384.pem"
for type in ed25519 ecdsa rsa; do
	add --uri "file:$T/$type.pem"
	expect 0 "a key of type $type is added by its file: URI"
	grep -q PRIVATE "$keys/far.uri" && fail "  and stays where it is"
	[ "$(stat -c %a "$keys/far.uri")" = 600 ] || fail "  far.uri is its owner's"
	signs "openssl's $type key" "$type"
	add --uri "file:$T/$type.pem"
	expect 2 "  a name that is taken is refused"
	fresh
done
# The key is changed behind the name: what it signs does not verify, and nothing is written.
add --uri "file:$T/ecdsa.pem"
make -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes-256-cbc -pass "pass:$pin" -out "$T/ecdsa.pem"
printf '# changed\n' >>"$fleet/scripts/small/probes/beat.sh"
sign
expect 7 "another key at the same place is noticed"
said 'far.*does not verify' "  and named"
diff -r "$T/before/repository" "$fleet/repository" >/dev/null || fail "  nothing was written"
fresh

with='wrong' add --uri "file:$T/ed25519.pem"
expect 2 "a wrong passphrase is refused"
said "wrong password" "  and said"
nothing_left "  and leaves nothing"
add --uri "file:$T/p384.pem"
expect 2 "a key that no TUF client verifies is refused"
nothing_left "  and leaves nothing"
add --uri "file:$T/absent.pem"
expect 2 "a URI where nothing is"
said 'absent.pem' "  is named"
nothing_left "  and leaves nothing"
for uri in 'pkcs11:token=fleet;object=k?pin-value=1234' 'pkcs11:token=fleet?PIN-VALUE=1234'; do
	add --uri "$uri" --provider pkcs11
	expect 2 "a PIN in a URI is refused"
	said 'leave it out' "  and what to do is said"
done
add --uri pkcs11:token=fleet --provider ../../tmp/evil
expect 2 "a provider is a name, not a path"
add --uri handle:0x81000001 --provider nosuch
expect 2 "a provider that is not installed"
said 'no provider nosuch' "  is named"
add --provider tpm2
expect 2 "a provider without a URI is refused"
nothing_left "nothing of all this is left"
printf '# fleet public key: ed25519 00\ndefault file:/x\n' >"$keys/odd.uri"
ctl key list
expect 2 "a damaged NAME.uri is refused"
said 'odd.uri' "  and named"
rm "$keys/odd.uri"

# --- a key in a TPM ---

for tool in swtpm tpm2_createprimary; do
	command -v "$tool" >/dev/null || { say "# swtpm, tpm2-tools and tpm2-openssl are not all installed here: no TPM was tried"; exit 0; }
done
openssl list -providers -provider tpm2 >/dev/null 2>"$T/err" || grep -qE 'tpm:|tcti' "$T/err" || {
	say "# tpm2-openssl is not installed here: no TPM was tried"
	exit 0
}
pin=$passphrase
export TSS2_LOG=all+NONE
add --uri 'handle:0x81000001?pass' --provider tpm2
expect 4 "without a TPM, the provider does not start"
said 'provider tpm2: .*TPM2OPENSSL_TCTI' "  and is named"
nothing_left "  and leaves nothing"

mkdir "$T/tpm"
swtpm socket --tpm2 --tpmstate "dir=$T/tpm" --server "type=unixio,path=$T/tpm.sock" --ctrl "type=unixio,path=$T/tpm.sock.ctrl" \
	--flags not-need-init,startup-clear >"$T/swtpm.log" 2>&1 &
pids+=($!)
until_true 100 test -S "$T/tpm.sock" || fail "swtpm starts: $(cat "$T/swtpm.log")"
export TPM2TOOLS_TCTI=swtpm:path=$T/tpm.sock TPM2OPENSSL_TCTI=swtpm:path=$T/tpm.sock
# tpm_key HANDLE ALGORITHM: made in the TPM, with a PIN, never outside of it.
tpm_key()
{
	(
		cd "$T" &&
			tpm2_createprimary -Q -C o -g sha256 -G ecc -c primary.ctx &&
			tpm2_create -Q -C primary.ctx -G "$2" -u key.pub -r key.priv -p "$pin" &&
			tpm2_flushcontext -t &&
			tpm2_load -Q -C primary.ctx -u key.pub -r key.priv -c key.ctx &&
			tpm2_flushcontext -t &&
			tpm2_evictcontrol -Q -C o -c key.ctx "$1" &&
			tpm2_flushcontext -t
	) >"$T/out" 2>"$T/err" || fail "a key is made in the TPM"
}
tpm_key 0x81000001 ecc256:ecdsa-sha256
add --uri 'handle:0x81000001?pass' --provider tpm2
expect 0 "a P-256 key of the TPM is added"
signs "the TPM's P-256 key" ecdsa
fresh
with=wrong add --uri 'handle:0x81000001?pass' --provider tpm2
expect 6 "a wrong PIN is refused by the TPM"
said 'authorization' "  and said"
nothing_left "  and leaves nothing"
tpm_key 0x81000002 rsa2048:rsapss-sha256:null
add --uri 'handle:0x81000002?pass' --provider tpm2
expect 0 "an RSA key of the TPM is added"
signs "the TPM's RSA key" rsa
fresh
add --uri 'handle:0x81000009?pass' --provider tpm2
expect 2 "a handle where nothing is"
nothing_left "  leaves nothing"
