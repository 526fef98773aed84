#!/usr/bin/env bash
# Documents lie beside themselves as NAME.gz, for web servers that answer with what is ready: a host is sent fewer bytes of the same
# documents. What comes out of it is counted: a small file that grows without end is cut off, and one that is none is refused.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/git.sh"

fetch=$build/tests/fetch-client
export FLEET_FETCH_HTTPS=$build/sources/fleet-fetch-https
tower_begin
small_fleet plan-D
web_begin
printf 'publish: [{name: web, kind: folder, path: %s, grace: 7d}]\n' "$T/published" >>"$fleet/fleet.yaml"
puller ber-D plan-D berlin

# --- what is published ---

ctl publish
expect 0 "a folder is published"
(
	cd "$T/published"
	find metadata targets -name '*.gz' | sort >"$T/squeezed"
	[ -s "$T/squeezed" ] || fail "documents lie there squeezed, too"
	while read -r file; do
		gunzip -c "$file" | cmp -s - "${file%.gz}" || fail "  and are the same: $file"
		[ "$(stat -c %s "$file")" -lt "$(stat -c %s "${file%.gz}")" ] || fail "  and smaller: $file"
	done <"$T/squeezed"
)
ok "documents lie there squeezed, too, and are the same"
for role in snapshot plan-D targets root; do
	grep -q "[.]$role.json.gz$" "$T/squeezed" || fail "role $role is among them"
done
! grep -q timestamp "$T/squeezed" || fail "timestamp.json, which changes under its name, is not"
ok "timestamp.json, which changes under its name, is not"
snapshot=$(cd "$T/published/metadata" && echo [0-9]*.snapshot.json)
echo stale >"$T/published/metadata/timestamp.json.gz"
rm "$T/published/metadata/$snapshot.gz"
ctl publish --prune
[ ! -e "$T/published/metadata/timestamp.json.gz" ] || fail "one that somebody else has made goes"
[ -s "$T/published/metadata/$snapshot.gz" ] || fail "one that is missing is made again"
ok "one that is missing is made again, one that somebody else has made goes"
small_change 2
sign
ctl publish --prune
[ ! -e "$T/published/metadata/$snapshot.gz" ] || fail "what nothing names any more goes in both forms"
ok "what nothing names any more goes in both forms"

# --- what a host is sent ---

ctl_sign rollout start all --pull --allow-blind
ctl publish
forget
pull ber-D --now
expect 0 "a host takes a release"
runs ber-D 2
sent=$(awk '$2 ~ /snapshot.json$/ { print $NF }' "$T/nginx/asked")
snapshot=$(cd "$T/published/metadata" && printf '%s\n' [0-9]*.snapshot.json | sort -n | tail -n 1)
[ "$sent" -eq "$(stat -c %s "$T/published/metadata/$snapshot.gz")" ] || fail "by squeezed documents: $(asked)"
ok "by squeezed documents"

# --- what a server may do with that ---

# get FILE MAX: through the helper, $code.
get()
{
	code=0
	rm -f "$T/got"
	FLEET_CA=$T/nginx/ca FLEET_DOCUMENT=yes "$fetch" "$url/fleet/metadata/" "$1" "$T/got" "$2" >"$T/out" 2>"$T/err" </dev/null || code=$?
}
cd "$T/published/metadata"
printf '{"small": 1}' >bomb.json
head -c 50000000 /dev/zero | gzip -9 >bomb.json.gz
get bomb.json 1000000
expect 1 "a small file that becomes a large one"
said 'limit.*longer than 1000000 bytes' "  is refused where it is longer than may be"
[ ! -s "$T/got" ] || fail "  and not kept"
get bomb.json 50000000
expect 0 "  and was one that could be read"
cp bomb.json broken.json
printf 'this is no gzip' >broken.json.gz
get broken.json 1000
expect 1 "what is not what it says"
said 'protocol' "  is refused"
