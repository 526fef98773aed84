#!/usr/bin/env bash
# A git remote behind a real sshd: published with libgit2, read by what a host's pull uses. What comes is what was signed,
# in few bytes, goes on where it broke, and a server that is not the one pinned gets nothing.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/git.sh"

tower_begin
small_fleet plan-D plan01s
head -c 300000 /dev/urandom | base64 >"$fleet/scripts/small/weight"
sign
expect 0 "a fleet is signed"
git_host_up
cat >>"$fleet/fleet.yaml" <<YAML
publish:
  - {name: hub, kind: git, url: '$git_url', identity: $T/operator, host_keys: ['$git_pin'], history: 3}
YAML

# --- publishing ---

ctl publish --dry-run
expect 0 "a first look changes nothing"
[ -z "$(git -C "$git_bare" for-each-ref)" ] || fail "  the remote is as empty as before"
ctl publish
expect 0 "the repository is published"
said "hub: .* is now at" "  and it says where it is"
git -C "$git_bare" fsck --strict >"$T/out" 2>"$T/err" || fail "  stock git finds nothing wrong with it"
[ "$(git -C "$git_bare" ls-tree -r --name-only main | sort)" = "$(cd "$fleet/repository" && newest_files)" ] ||
	fail "  the branch has exactly what the newest metadata leads to"
ok "  the branch has exactly what the newest metadata leads to"
ctl publish
said "stays at .* 0 payloads sent" "the same again sends nothing"

# --- reading ---

host=$T/host
read_git metadata/timestamp.json metadata/1.root.json metadata/9.root.json
expect 0 "a host reads it"
said '^bytes [0-9]+ 0 [0-9a-f]{40} metadata/timestamp.json' "  with a mark"
said '^absent metadata/9.root.json' "  and is told what is not there"
cmp -s "$host/out/metadata/timestamp.json" "$fleet/repository/metadata/timestamp.json" || fail "  the bytes are those that were signed"
mark=$(awk '/timestamp/ {print $4}' "$T/out")
read_git --known "$mark" metadata/timestamp.json
said '^unchanged metadata/timestamp.json' "what looks as it did is not given again"
[ -z "$(find "$host" -name '*.json' -not -path '*/out/*')" ] || fail "nothing of it was ever checked out"

bundle=$(cd "$fleet/repository" && newest_bundle plan-D)
read_git "$bundle"
expect 0 "a bundle is read, in pieces"
cmp -s "$host/out/$bundle" "$fleet/repository/$bundle" || fail "  whole"
read_git "bundles/$(printf '0%.0s' {1..64}).tar.zst"
said '^absent bundles/' "one that the remote has not is absent"

# --- a change ---

small_change 2
sign
ctl publish
expect 0 "a change is published"
old=${bundle#bundles/} new=$(cd "$fleet/repository" && newest_bundle plan-D)
new=${new#bundles/}
patch=patches/${old%.tar.zst}-${new%.tar.zst}.zst
[ -f "$fleet/repository/$patch" ] || fail "  with a patch"
relay_begin
read_git --plan plan-D metadata/timestamp.json "$patch"
expect 0 "a host of that plan reads it, and its patch"
relay_end
[ "$connections" -eq 1 ] || fail "  over one connection, not $connections"
[ "$down" -lt 12000 ] || fail "  in few bytes, not $down"
cmp -s "$host/out/$patch" "$fleet/repository/$patch" || fail "  as it was made"
rm "$host/out/metadata/timestamp.json"
read_git metadata/timestamp.json
cmp -s "$host/out/metadata/timestamp.json" "$fleet/repository/metadata/timestamp.json" || fail "  it is the new one"

for i in 3 4 5 6 7; do
	small_change "$i"
	sign
	ctl publish
	[ "$code" -eq 0 ] || fail "publishing number $i"
done
[ "$(git -C "$git_bare" rev-list --count main)" -le 4 ] || fail "the branch's history stays short"
ok "the branch's history stays short"
relay_begin
read_git --plan plan-D metadata/timestamp.json
expect 0 "a host that missed five of them is up to date again"
relay_end

# --- an idle poll ---

relay_begin
read_git metadata/timestamp.json
relay_end
ours=$((up + down))
relay_begin
GIT_SSH_COMMAND="ssh -F /dev/null -i $T/operator -o UserKnownHostsFile=$T/git_known -o LogLevel=ERROR" \
	git ls-remote "$git_relayed" >"$T/out" 2>"$T/err" || fail "stock git lists the remote"
relay_end
theirs=$((up + down))
say "# idle poll: $ours bytes, git ls-remote: $theirs"
[ $((ours * 10)) -le $((theirs * 12)) ] || fail "an idle poll costs at most 1.2 times git ls-remote: $ours, $theirs"
ok "an idle poll costs at most 1.2 times git ls-remote"
[ "$ours" -lt 8192 ] || fail "and less than 8 KiB"

# --- a line that breaks ---

bundle=$(cd "$fleet/repository" && newest_bundle plan01s)
size=$(stat -c %s "$fleet/repository/$bundle")
host=$T/broken
read_git metadata/timestamp.json
came=0 breaks=0
until [ "$code" -eq 0 ] && [ -f "$host/out/$bundle" ] && [ "$(stat -c %s "$host/out/$bundle")" -eq "$size" ]; do
	breaks=$((breaks + 1))
	[ "$breaks" -le 60 ] || fail "a bundle over a line that breaks arrives"
	relay_begin 100000
	read_git "$bundle"
	relay_end
	came=$((came + down))
done
ok "a bundle over a line that breaks after every 100 kB arrives, in $breaks pieces"
cmp -s "$host/out/$bundle" "$fleet/repository/$bundle" || fail "  whole"
# no connection carried as much as a third of it: what came before was kept
say "# $came bytes came for $size, a server's bites of 64 KiB being lost with each break"
[ -z "$(find "$host" -name 'pack_git2_*')" ] || fail "  nothing half is left"

# --- who is who ---

host=$T/wrong
real_pin=$git_pin
ssh-keygen -q -t ed25519 -N '' -f "$T/thief"
git_pin=$(cut -d' ' -f1,2 "$T/thief.pub")
read_git metadata/timestamp.json
expect 1 "a server that shows another host key than the one pinned is refused"
said '^hostkey: .*another host key' "  and named so"
[ ! -e "$host/main.git/objects/pack" ] || [ -z "$(ls "$host/main.git/objects/pack")" ] || fail "  nothing came from it"
git_pin=$real_pin
git_key=$T/thief
read_git metadata/timestamp.json
expect 1 "a server that does not know our key is said to"
said '^refused: .*does not take our key' "  with the key's name"
git_key=$T/operator
chmod 0644 "$T/operator"
read_git metadata/timestamp.json
said 'chmod 600' "a key that others may read is refused"
chmod 0600 "$T/operator"

# --- stopped halfway ---

# The server takes all but the branch, as if the line had broken in that moment.
hook=$git_bare/hooks/update
printf '#!/bin/sh\ncase $1 in refs/heads/*) exit 1 ;; esac\n' >"$hook"
chmod +x "$hook"
before=$(git -C "$git_bare" rev-parse main)
small_change half
sign
ctl publish
expect 6 "a branch that the server does not let move is said to be"
said 'the server refuses refs/heads/main' "  by its name"
[ "$(git -C "$git_bare" rev-parse main)" = "$before" ] || fail "  it has not moved"
host=$T/host
rm -rf "$host/out"
version=$(git -C "$git_bare" show main:metadata/timestamp.json | jq .signed.version)
read_git metadata/timestamp.json "$bundle"
expect 0 "a reader sees the old repository, whole"
[ "$(jq .signed.version "$host/out/metadata/timestamp.json")" = "$version" ] || fail "  the old one"
rm "$hook"
ctl publish
said 'is now at .* 0 payloads sent' "the next run sends what was missing"

# --- an operator's key in an agent ---

eval "$(ssh-agent -s)" >/dev/null
pids+=("$SSH_AGENT_PID")
cp "$fleet/fleet.yaml" "$T/fleet.yaml"
sed -i "s|identity: $T/operator, host_keys|host_keys|" "$fleet/fleet.yaml"
small_change agent
sign
ctl publish
expect 6 "an agent without the key is refused by the server"
ssh-add -q "$T/operator"
ctl publish
expect 0 "an agent with the key publishes"
cp "$T/fleet.yaml" "$fleet/fleet.yaml"
unset SSH_AUTH_SOCK

# --- two operators ---

cp -a "$fleet" "$T/second"
small_change 8
sign
ctl publish
expect 0 "one operator publishes"
fleet=$T/second
small_change 9
sign
before=$(git -C "$git_bare" rev-parse main)
ctl publish
expect 7 "the other, who signed apart, is refused"
said 'ahead of this folder, published by .*: pull' "  and told by whom and what to do"
[ "$(git -C "$git_bare" rev-parse main)" = "$before" ] || fail "  the remote stays as it was"
