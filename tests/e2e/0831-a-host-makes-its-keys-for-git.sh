#!/usr/bin/env bash
# A host whose sources are git over ssh makes its two keys itself, and says what the server must know: ssh-keygen reads them, git
# takes them, and they stay what they are until a person wants others.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/git.sh"

tower_begin
small_fleet plan-D
sed -i '/^\[\]$/d' "$fleet/hosts.yaml"
printf '\nreceipts: %s\n' "$T/receipts" >>"$fleet/fleet.yaml"
git_host_up
cat >>"$fleet/fleet.yaml" <<YAML
publish:
  - {name: hub, kind: git, url: '$git_url', identity: $T/operator, host_keys: ['$git_pin']}
YAML
h=$T/hosts/ber-D etc=$T/hosts/ber-D/etc state=$T/hosts/ber-D/state
git_source="{\"kind\": \"git\", \"url\": \"$git_url\", \"host_keys\": [\"$git_pin\"]}"
again() { host_enrol ber-D plan-D --force --sources "$T/sources.json" "$@"; }
public() { "$agent" status --json --config-dir "$etc" | jq -r ".$1 // empty"; }

# --- made where they are needed ---

printf '{"format": 1, "sources": [{"kind": "folder", "url": "%s"}]}\n' "$T/stick" >"$T/sources.json"
host_enrol ber-D plan-D --sources "$T/sources.json"
holds() { [ ! -e "$state/pull/git-key" ] && [ ! -e "$state/pull/push-key" ] && [ -z "$(public git_key)$(public push_key)" ]; }
holds || fail "who needs no key has none"
ok "who needs no key has none"
printf '{"format": 1, "sources": [%s]}\n' "$git_source" >"$T/sources.json"
again
holds() { [ -e "$state/pull/git-key" ] && [ ! -e "$state/pull/push-key" ]; }
holds || fail "who fetches by git has that key alone"
ok "who fetches by git has that key alone"
git_key=$(public git_key)
printf '{"format": 1, "sources": [%s], "receipts": %s}\n' "$git_source" "${git_source/fleet.git/receipts.git}" >"$T/sources.json"
again
push_key=$(public push_key)
[ "$(public git_key)" = "$git_key" ] || fail "enrolled again, it keeps the key that it has"
ok "enrolled again, it keeps the key that it has"
holds() { [ -n "$push_key" ] && [ "$push_key" != "$git_key" ]; }
holds || fail "receipts go by another one"
ok "receipts go by another one"
holds() { grep -qxF "git key $git_key ber-D" "$T/out" && grep -qxF "push key $push_key ber-D" "$T/out"; }
holds || fail "enrolling says both"
ok "enrolling says both"
for key in git push; do
	[ "$(stat -c %a "$state/pull/$key-key")" = 600 ] || fail "$key-key is its owner's alone"
	[ "$(ssh-keygen -y -P '' -f "$state/pull/$key-key" | cut -d' ' -f1,2)" = "$(public "${key}_key")" ] || fail "ssh-keygen reads $key-key"
done
ok "both are their owner's alone, and ssh-keygen reads them"
again --new-key
holds() { [ "$(public git_key)" != "$git_key" ] && [ "$(public push_key)" != "$push_key" ]; }
holds || fail "with --new-key there are others"
ok "with --new-key there are others"

# --- the server knows it, for one repository and to read ---

printf -- '- {id: ber-D, plan: plan-D, site: here, address: 127.0.0.1, receipt_key: %s}\n' "$(host_receipt_key ber-D)" >>"$fleet/hosts.yaml"
ctl_sign rollout start all --pull --any-time --allow-blind
expect 0 "a rollout is signed and published"
pull ber-D --now
expect 1 "a server that does not know the key"
said 'does not take our key .*/pull/git-key' "  is said to, with the key's place"
printf 'restrict,command="git upload-pack %s" %s ber-D\n' "$git_bare" "$(public git_key)" >>"$T/hosts/git/authorized"
pull ber-D --now
expect 0 "one that does lets it fetch"
runs ber-D 1

# --- lost, or another's ---

git_key=$(public git_key)
rm "$state/pull/git-key"
pull ber-D --now
expect 1 "a key that was lost is made anew"
holds() { [ -n "$(public git_key)" ] && [ "$(public git_key)" != "$git_key" ]; }
holds || fail "  and shown, for the server to know"
install -m 0600 "$T/operator" "$state/pull/git-key"
again
[ "$(public git_key)" = "$(cut -d' ' -f1,2 "$T/operator.pub")" ] || fail "one that a person brought stays"
ok "one that a person brought stays"
openssl genpkey -algorithm ed25519 -out "$state/pull/git-key" 2>/dev/null
[ -z "$(public git_key)" ] || fail "of a key in another form nothing is shown"
ok "of a key in another form nothing is shown"
pull ber-D --now
expect 1 "nor is it taken"
