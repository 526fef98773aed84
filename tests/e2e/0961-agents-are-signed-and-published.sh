#!/bin/bash
# The agent comes into the fleet as a build of each platform, is signed by a role whose threshold is at least the root's, published
# with patches, and offered to hosts that pull. What is no such build, goes back, or was changed since is found before a host sees it.
. "$(dirname "$0")/tower.sh"
tower_begin
small_fleet plan-D

arch=$(dpkg --print-architecture)
case $arch in
amd64) other=arm64 machine='\267' ;;
arm64) other=amd64 machine='\076' ;;
*) say "no test for $arch"; exit 77 ;;
esac
here_is=debian12-gnu-$arch there_is=debian12-gnu-$other
# build_of FOLDER PROGRAM: as /usr/lib/fleet-agent, stripped as the package is.
build_of()
{
	mkdir -p "$1"
	strip -o "$1/fleet-agent" "$2"
	strip -o "$1/fleet-fetch-https" "$build/sources/fleet-fetch-https"
	cp "$build/agent/fleet-guard" "$1/"
}
# for_the_other FOLDER: the same programs, as if they were built for the other machine.
for_the_other()
{
	sed -i "s/$here_is/$there_is/g" "$1/fleet-agent"
	for program in "$1"/*; do
		printf "%b" "\\0${machine#?}" | dd of="$program" bs=1 seek=18 conv=notrunc status=none
	done
}
# deb_of FOLDER VERSION ARCH FILE
deb_of()
{
	rm -rf "$T/deb"
	mkdir -p "$T/deb/DEBIAN" "$T/deb/usr/lib" "$T/deb/usr/share"
	cp -r "$1" "$T/deb/usr/lib/fleet-agent"
	printf 'Package: fleet-agent\nVersion: %s\nArchitecture: %s\nMaintainer: nobody <nobody@example.org>\nDescription: a test\n' "$2" "$3" \
		>"$T/deb/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$T/deb" "$4" >/dev/null
}
now=$("$agent" --version | sed 's/.* //')
build_of "$T/now" "$agent"
build_of "$T/next" "$build/tests/agent-next/fleet-agent"
build_of "$T/last" "$build/tests/agent-broken/fleet-agent"
noted() { sed -n "s/.*platform: $1, version: \([0-9.]*\),.*/\1/p" "$fleet/agents.yaml"; }
bundle_of() { sed -n "s/.*platform: $1, .*sha256: \([0-9a-f]*\)}/\1/p" "$fleet/agents.yaml"; }
stamp() { sha256sum "$fleet/repository/metadata/timestamp.json"; }

# --- added ---

ctl agent add "$T/now"
expect 2 "a folder does not say what it is, and is refused"
said 'add --platform OS-ABI-ARCH and --version VERSION' "and the remedy is named"
ctl agent add "$T/now" --platform "$there_is" --version "$now"
expect 2 "a program of another machine is refused"
said "fleet-agent: it is built for another machine than $other" "and named"
ctl agent add "$T/now" --platform "$here_is" --version 98.0.0
expect 2 "one that calls itself otherwise is refused"
said 'it does not call itself 98.0.0' "and it is said how"
ctl agent add "$T/now" --platform "debian11-gnu-$arch" --version "$now"
expect 2 "one that is built for another platform is refused"
mkdir "$T/half" && cp "$T/now/fleet-agent" "$T/half/"
ctl agent add "$T/half" --platform "$here_is" --version "$now"
expect 2 "an agent without its helper is refused"
cp -r "$T/now" "$T/text" && echo '#!/bin/sh' >"$T/text/fleet-agent"
ctl agent add "$T/text" --platform "$here_is" --version "$now"
expect 2 "what is no program is refused"
deb_of "$T/now" "$now-1" "$other" "$T/wrong.deb"
ctl agent add "$T/wrong.deb"
expect 2 "a package whose programs are not of its architecture is refused"
head -c 4000 "$T/wrong.deb" >"$T/cut.deb"
ctl agent add "$T/cut.deb"
expect 2 "a package that is cut is refused"
said 'cut.deb: dpkg-deb: ' "in the words of who reads it"
[ ! -e "$fleet/agents.yaml" ] || fail "nothing of it was noted"
ok "nothing of it was noted"

deb_of "$T/now" "$now-1" "$arch" "$T/now.deb"
ctl agent add "$T/now.deb"
expect 0 "a package is added"
first=$(bundle_of "$here_is")
zstd -qdc "$fleet/repository/bundles/$first.tar.zst" | tar -t | sort >"$T/files"
printf '%s\n' fleet-agent fleet-fetch-https version | cmp -s - "$T/files" || fail "the bundle holds: $(cat "$T/files")"
ok "its bundle holds the programs and their version, and no guard"
ctl agent add "$T/now" --platform "$here_is" --version "$now"
[ "$(bundle_of "$here_is")" = "$first" ] || fail "the same programs give the same bundle"
ok "the same programs give the same bundle"

# --- signed ---

cp "$fleet/keys.yaml" "$T/keys.yaml"
sed -i 's/, agent\]/]/' "$fleet/keys.yaml"
before=$(stamp)
sign
expect 2 "without a key of role agent nothing is signed"
said 'no key has the role agent' "and it is said which is missing"
cp "$T/keys.yaml" "$fleet/keys.yaml"
[ "$(stamp)" = "$before" ] || fail "nothing was written"
sign
expect 0 "the agent is signed"
said "^agent $here_is: $now, bundle" "in words"
ctl agent list --json
said '"current":true' "the list says so"
ctl agent add "$T/next" --platform "$here_is" --version 98.0.0
ctl agent list
said " 98.0.0 +$now " "what is added and not signed shows in the list"
sign
expect 0 "the version after it is signed"
said "^agent $here_is: $now -> 98.0.0, bundle" "in words"
second=$(bundle_of "$here_is")
patch=$fleet/repository/patches/$first-$second.zst
[ "$(stat -c %s "$patch")" -lt "$(stat -c %s "$fleet/repository/bundles/$second.tar.zst")" ] || fail "a patch leads from the one before"
ok "a patch leads from the one before, and is shorter"

cp "$fleet/agents.yaml" "$T/agents.yaml"
before=$(stamp)
ctl agent add "$T/now" --platform "$here_is" --version "$now"
sign
expect 7 "a version below the signed one is not signed"
said "version $now is below 98.0.0, which is signed" "and it is said why"
printf 'x' >>"$T/next/fleet-fetch-https"
ctl agent add "$T/next" --platform "$here_is" --version 98.0.0
sign
expect 6 "other programs under the signed version are not signed"
sed "s/$second/$first/" "$T/agents.yaml" | sed 's/98\.0\.0/98.0.1/' >"$fleet/agents.yaml"
sed -i 's/length: [0-9]*/length: 77/' "$fleet/agents.yaml"
sign
expect 7 "a bundle of another length than agents.yaml says is not signed"
sed "s/$second/$(printf '0%.0s' $(seq 64))/; s/98\.0\.0/98.0.1/" "$T/agents.yaml" >"$fleet/agents.yaml"
sign
expect 2 "a bundle that is not there is not signed"
sed 's/98\.0\.0/98.0.x/' "$T/agents.yaml" >"$fleet/agents.yaml"
sign
expect 2 "a version that is none is not signed"
said 'agents.yaml:3: ' "and its line is named"
cp "$T/agents.yaml" "$fleet/agents.yaml"
[ "$(stamp)" = "$before" ] || fail "nothing of it was written"
ok "nothing of it was written"

# --- by a key elsewhere ---

keys=$(dirname "$(find "$XDG_DATA_HOME" -name root.pem)")
mkdir -m 700 "$T/away" && mv "$keys/root.pem" "$T/away/"
for_the_other "$T/now"
deb_of "$T/now" "$now" "$other" "$T/other.deb"
ctl agent add "$T/other.deb"
expect 0 "a build for another machine is added"
sign --request "$T/the.request"
expect 0 "a key elsewhere is asked"
code=0
(cd "$T/away" && "$fleetctl" sign --answer "$T/the.request" --out "$T/the.answer" --keys "$T/away" --passphrase-fd 3 --yes) \
	>"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || code=$?
expect 0 "it answers"
said "^agent $there_is: $now, bundle" "after it has read in words what it signs"
sign --collect "$T/the.request" "$T/the.answer"
expect 0 "the answer is collected"
mv "$T/away/root.pem" "$keys/"
ctl verify
expect 0 "the repository is good"
said "agent for $there_is +$now" "and says which agents it has"

# --- forged ---

# forged FILE CODE SENTENCE: with the file changed, verify and publish refuse.
www=$T/www
printf 'publish: [{name: web, kind: folder, path: %s}]\n' "$www" >>"$fleet/fleet.yaml"
forged()
{
	cp "$1" "$T/was"
	"${@:3}" "$1"
	ctl verify
	expect 7 "$2 is found"
	ctl doctor
	expect 7 "$2 is found by doctor, too"
	ctl publish
	expect 7 "$2 is not published"
	[ ! -e "$www/metadata" ] || fail "$2: nothing was published"
	cp "$T/was" "$1"
}
other_bytes() { zstd -qdc "$1" | tr 'a' 'b' | zstd -qc >"$1.forged" && mv "$1.forged" "$1"; }
older() { sed -i 's/"version":"98.0.0"/"version":"97.0.0"/' "$1"; }
elsewhere() { sed -i "s/$here_is/$there_is/" "$1"; }
document=$(echo "$fleet"/repository/targets/agent/*."$here_is" | tr ' ' '\n' | xargs grep -l 98.0.0)
forged "$fleet/repository/bundles/$second.tar.zst" "another bundle" other_bytes
forged "$fleet/repository/bundles/$second.tar.zst" "a bundle that is gone" rm
forged "$document" "a document of an older version" older
forged "$document" "a document of another platform" elsewhere

# --- published ---

ctl publish
expect 0 "agents are published"
for file in "bundles/$second.tar.zst" "bundles/$(bundle_of "$there_is").tar.zst" "patches/$first-$second.zst"; do
	cmp -s "$fleet/repository/$file" "$www/$file" || fail "published: $file"
done
[ ! -e "$www/bundles/$first.tar.zst" ] || fail "the bundle before is published no more"
ok "their bundles and the patch are there, the bundle before is not"

# --- offered ---

newest() { # of all rollout.json, by counter
	for file in "$fleet"/repository/targets/plan-D/*.rollout.json; do
		echo "$(sed 's/.*"counter":\([0-9]*\).*/\1/' "$file") $file"
	done | sort -n | tail -n 1 | cut -d' ' -f2- | xargs cat
}
offer()
{
	code=0
	(cd "$fleet" && "$fleetctl" agent offer --passphrase-fd 3 "$@") >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || code=$?
}
for id in a b c; do
	printf -- '- {id: %s, plan: plan-D, address: 127.0.0.1, site: %s}\n' "$id" "$id" >>"$T/hosts.yaml"
done
cp "$T/hosts.yaml" "$fleet/hosts.yaml"
offer --all
expect 6 "platforms whose signed versions differ are not offered"
said "98.0.0 is signed for $here_is, but $now for $there_is" "and it is said which"
build_of "$T/third" "$build/tests/agent-next/fleet-agent"
for_the_other "$T/third"
ctl agent add "$T/third" --platform "$there_is" --version 98.0.0
sign
expect 0 "all platforms come to one version"
offer
expect 2 "an offer says to how many"
offer --all --hosts 1
expect 2 "and says it once"
offer --all nowhere
expect 2 "a plan without hosts is named"
before=$(stamp)
offer --hosts 1 --dry-run
expect 0 "an offer is looked at"
said '^plan-D: agent 98.0.0 to 1 of 3 hosts \(was: no agent\)' "in words"
[ "$(stamp)" = "$before" ] || fail "a look signs nothing"
offer --hosts 1
expect 0 "an agent is offered to one host of the plan"
newest | grep -q '"agent":{"hosts":1,"version":"98.0.0"}.*"counter":1,.*"open":0,.*"state":"hold"' || fail "rollout.json says so: $(newest)"
ok "rollout.json says so, and opens no release"
grep -qr '"agent":{"hosts":1' "$www/targets/plan-D" || fail "and it is published"
before=$(stamp)
offer --hosts 1
[ "$(stamp)" = "$before" ] || fail "the same again signs nothing"
ok "the same again signs nothing"
offer --percent 50
expect 4 "more wait for receipts, which come home nowhere"
newest | grep -q '"agent":{"hosts":1,.*"counter":1,' || fail "nobody else may take it: $(newest)"
offer --percent 50 --allow-blind
expect 0 "unless they are not waited for"
newest | grep -q '"agent":{"hosts":2,.*"counter":2,' || fail "half of three is two: $(newest)"
ok "half of three is two"

code=0
(cd "$fleet" && "$fleetctl" rollout start --pull --any-time --canary 1 --passphrase-fd 3 plan=plan-D) >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || code=$?
expect 0 "a rollout of the plan begins"
newest | grep -q '"agent":{"hosts":2,"version":"98.0.0"}.*"counter":3,.*"open":1,.*"state":"go"' || fail "it keeps the offer: $(newest)"
ok "it keeps the offer"
offer --none
newest | grep -q '"counter":4,.*"open":1,.*"state":"go"' || fail "the offer is taken back: $(newest)"
! newest | grep -q '"agent"' || fail "the offer is taken back"
ok "the offer is taken back, the rollout goes on"
ctl verify
expect 0 "the repository is good"
