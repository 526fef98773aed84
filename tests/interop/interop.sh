#!/usr/bin/env bash
# tuf-js, another client of the standard, reads what fleetctl publishes: refreshes, downloads, follows rotated keys, and refuses
# what our own client refuses. Then what tuf-js's models sign is read by ours (as in tests/e2e/0630-*), made anew. Of both, a
# third implementation (Debian's python3-securesystemslib) verifies canonical form and signatures.
# Needs node and npm; installs into the build folder what package-lock.json pins.
. "$(dirname "$0")/../e2e/tower.sh"

interop=$build/interop
mkdir -p "$interop"
cp "$here"/tests/interop/{package.json,package-lock.json,.npmrc,client.mjs,foreign.mjs} "$interop"
if ! cmp -s "$interop/package-lock.json" "$interop/node_modules/.fleet-lock"; then
	(cd "$interop" && npm ci --no-audit --no-fund --ignore-scripts) >"$interop/npm.log" 2>&1 || { tail -n 20 "$interop/npm.log" >&2; exit 1; }
	cp "$interop/package-lock.json" "$interop/node_modules/.fleet-lock"
fi
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY

tower_begin
small_fleet plan-D plan01s plan-E
mkdir "$T/www"
mkfifo "$T/port"
"$build/tests/hostile-server" "$T/www" "$T/requests" >"$T/port" &
pids+=($!)
read -r port <"$T/port"
url=http://127.0.0.1:$port/plain
ours=("$build/tests/tuf-client")
# shellcheck disable=SC2034 # by name, in read_by
theirs=(node "$interop/client.mjs")

publish() { rm -rf "$T/www/repository" && cp -R "$fleet/repository" "$T/www/repository"; }
# start: both clients know this root, and nothing else.
start()
{
	local who
	for who in ours theirs; do
		rm -rf "${T:?}/$who"
		mkdir -p "$T/$who/targets"
		"${ours[@]}" --metadata-dir "$T/$who/metadata" init "$1" || fail "init"
	done
}
# read_by WHO REPOSITORY NAME...: exit code in $code.
read_by()
{
	local who=$1 at=$url/$2 name names=()
	declare -n client=$who
	shift 2
	for name; do names+=(--target-name "$name"); done
	code=0
	"${client[@]}" --metadata-dir "$T/$who/metadata" --metadata-url "$at/metadata" --target-dir "$T/$who/targets" --target-base-url "$at/targets" \
		"${names[@]}" download >"$T/out" 2>"$T/err" </dev/null || code=$?
}
wanted=(plan-D/manifest.json plan01s/manifest.json plan-E/manifest.json)
both_read()
{
	local who
	for who in ours theirs; do
		read_by "$who" repository "${wanted[@]}" "plan-D/releases/$2.json"
		expect 0 "$1: read by ${who/theirs/tuf-js}"
	done
	diff -r "$T/ours/targets" "$T/theirs/targets" >/dev/null || fail "  both have the same bytes"
	grep -q "\"number\":$2," "$T/theirs/targets/plan-D/manifest.json" || fail "  it is release $2"
}
both_refuse()
{
	local who
	for who in ours theirs; do
		rm -rf "$T/$who.kept"
		cp -R "$T/$who" "$T/$who.kept"
		rm -rf "$T/$who/targets"/*
		read_by "$who" repository "${wanted[@]}"
		expect 1 "$1: refused by ${who/theirs/tuf-js}"
		rm -rf "${T:?}/$who"
		mv "$T/$who.kept" "$T/$who"
	done
	publish
}
# third REPOSITORY...: by the interpreter that Debian's packages belong to.
third() { /usr/bin/python3 "$here/tests/interop/third.py" "$@" >"$T/out" 2>"$T/err" || fail "a third implementation verifies $*"; }
change() { printf '# %s\n' "$1" >>"$fleet/scripts/small/probes/beat.sh"; }
# signed SENTENCE: the plans' next releases, published.
signed()
{
	change "$1"
	sign
	[ "$code" -eq 0 ] || fail "$1: it is signed"
	publish
}

# --- a fleet's life ---

publish
start "$fleet/repository/metadata/1.root.json"
both_read "the first releases" 1
signed "second releases"
both_read "the next ones, by clients that knew the first" 2

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/p256.pem" 2>/dev/null
ctl key new p256 --role plan-E --uri "file:$T/p256.pem"
expect 0 "a plan gets a P-256 key"
signed "third releases"
both_read "a plan that a P-256 key signs" 3

# Rotation: another key for root beside the first and a threshold of two; then the online key is replaced.
ctl key new second --role root,targets --plain
expect 0 "root gets a second key"
sed -i 's/threshold: {root: 1/threshold: {root: 2/' "$fleet/keys.yaml"
signed "root needs two"
ctl key new online2 --role snapshot,timestamp --plain
sed -i '/name: online,/d' "$fleet/keys.yaml"
signed "the online key is another"
[ -e "$fleet/repository/metadata/3.root.json" ] || fail "each of these changes made a root"
both_read "after rotations, by clients that knew the first keys" 5
cp -R "$T/www/repository" "$T/before"
third "$fleet/repository"
ok "a third implementation verifies all of it: $(cat "$T/out") signatures"
start "$fleet/repository/metadata/1.root.json"
both_read "and by clients that know the first root only" 5

# --- forgeries ---

signed "a release that both know"
both_read "one release more" 6
www=$T/www/repository/metadata
newest() { (cd "$www" && printf '%s\n' [0-9]*."$1".json | sort -n | tail -n 1); }
forge()
{
	sed -i "$2" "$www/$1"
	! cmp -s "$www/$1" "$fleet/repository/metadata/$1" || fail "$1 is forged"
}

cp "$T/before/metadata/timestamp.json" "$www/timestamp.json"
both_refuse "an older timestamp"
start "$fleet/repository/metadata/1.root.json"
find "$T/www/repository/targets" -name '*.manifest.json' -exec sed -i 's/"number":6/"number":7/' {} +
both_refuse "a manifest of another number"
for role in timestamp.json "$(newest snapshot)" "$(newest targets)" "$(newest plan-D)"; do
	forge "$role" 's/"expires": "20/"expires": "21/'
	both_refuse "$role with a later date"
done
forge 2.root.json '0,/"threshold": 1/s//"threshold": 9/'
both_refuse "a root between the first and the last that is changed"
cp "$www/$(newest plan01s)" "$www/$(newest plan-E)"
both_refuse "one plan's role in the place of another's"
rm "$www/$(newest snapshot)"
both_refuse "a snapshot that is not there"
both_read "and what was published is still good" 6

# --- what others sign ---

node "$interop/foreign.mjs" "$T/foreign" || fail "tuf-js's models make repositories"
cp -R "$T/foreign" "$T/www/foreign"
for repository in "$T"/foreign/*/; do
	what=$(basename "$repository")
	[ "$what" != rsa ] || continue # tuf-js knows no RSA-PSS
	start "$repository/metadata/1.root.json"
	mapfile -t found < <(sed -n 's/^+ //p' "$repository/wanted")
	read_by theirs "foreign/$what" "${found[@]}"
	expect 0 "$what: tuf-js finds what it should"
	while read -r name; do
		read_by theirs "foreign/$what" "$name"
		expect 1 "  and not $name"
	done < <(sed -n 's/^- //p' "$repository/wanted")
done
third "$T"/foreign/*/
ok "a third implementation verifies all of these: $(cat "$T/out") signatures"
# The forgery beside it: one digit of one signature.
sed -E -i '0,/"sig": "/{s/("sig": "[0-9a-f]{60})[0-7]/\18/;t;s/("sig": "[0-9a-f]{60})[89a-f]/\17/}' "$T/www/foreign/bins/metadata/1.targets.json"
(third "$T/www/foreign/bins") 2>/dev/null && fail "  which it would not if one were false"
FLEET_FOREIGN=$T/foreign "$here/tests/e2e/0630-repositories-of-other-signers.sh" >"$T/out" 2>"$T/err" || fail "and so does our client"
ok "and so does our client"
