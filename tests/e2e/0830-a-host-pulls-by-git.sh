#!/usr/bin/env bash
# The same by git over ssh: published by the rollout itself, fetched with the host's own key from the server whose key is pinned;
# and a signed list of sources takes the place of what the host was enrolled with.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/git.sh"

tower_begin
small_fleet plan-D
web_begin
git_host_up
cat >>"$fleet/fleet.yaml" <<YAML
publish:
  - {name: hub, kind: git, url: '$git_url', identity: $T/operator, host_keys: ['$git_pin']}
YAML
ssh-keygen -q -t ed25519 -N '' -f "$T/other"
git_source() { printf '{"kind": "git", "url": "%s", "host_keys": ["%s"]}' "$git_url" "$1"; }
sources "$(git_source "$(cut -d' ' -f1,2 "$T/other.pub")")"
puller tyo-D plan-D tokyo
sources "$(git_source "$git_pin")"
puller ber-D plan-D berlin
for host in ber-D tyo-D; do
	mkdir -p "$T/hosts/$host/state/pull"
	install -m 0600 "$T/operator" "$T/hosts/$host/state/pull/git-key"
done

ctl_sign rollout start all --pull --any-time
expect 0 "a rollout is signed"
said 'hub: .* is now at' "and published at once"
pull tyo-D --now
expect 1 "a server that is not the one pinned"
said 'failed: ssh://.*key' "is asked for nothing"
for _ in 1 2; do
	pull ber-D --now
	expect 0 "a host fetches from the one pinned"
	ctl_sign rollout resume
done
runs ber-D 1
pull ber-D --now
expect 0 "and finds nothing new"
said 'nothing: release 1 runs here already' "which it says"

# --- the signed sources take over ---

cat >"$fleet/sources.yaml" <<YAML
sources:
  - {kind: https, url: '$url/fleet/', ca: "$(awk '{ printf "%s\\n", $0 }' "$T/nginx/cert")"}
receipts: {kind: put, url: '$url/receipts/', ca: "$(awk '{ printf "%s\\n", $0 }' "$T/nginx/cert")"}
YAML
sign
[ "$code" -eq 0 ] || fail "sources are signed"
ctl publish
expect 0 "a list of sources is published"
publish
forget
pull ber-D --now
expect 0 "the host takes it"
said 'committed: list 1' "and says so"
asked | grep -q 'GET /fleet/metadata/timestamp.json 200' || fail "when the new source had answered"
ok "when the new source had answered"
forget
pull ber-D --now
asked | grep -q 'GET /fleet/metadata/timestamp.json' || fail "from now on it asks there"
ok "from now on it asks there"
