#!/usr/bin/env bash
# Who reads a branch that has just moved still finds its payloads: what nothing names any more stays for the place's grace, which
# the remote itself remembers, so that any operator's machine counts on. And the cache of a publishing does not grow for ever.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/git.sh"

tower_begin
small_fleet plan-D
head -c 100000 /dev/urandom | base64 >"$fleet/scripts/small/weight"
sign
expect 0 "a fleet is signed"
git_host_up
cat >>"$fleet/fleet.yaml" <<YAML
publish:
  - {name: hub, kind: git, url: '$git_url', identity: $T/operator, host_keys: ['$git_pin'], releases: 1, grace: 10m}
YAML
ref_of() { printf 'refs/fleet/%s' "$(printf '%s' "$1" | sha256sum | cut -c1-16)"; }
there() { git -C "$git_bare" rev-parse -q --verify "$1" >/dev/null; }
listed() { git -C "$git_bare" show refs/fleet/old:old 2>/dev/null | grep -q " $1\$"; }
# at SECONDS: publishing, so much later than now
at()
{
	local when=$(($(date +%s) + $1))
	code=0
	(cd "$fleet" && ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$build/tests/clock-preload.so FLEET_TEST_TIME=$when "$fleetctl" publish) \
		>"$T/out" 2>"$T/err" </dev/null || code=$?
	expect 0 "it is published, $1 s later"
}

ctl publish
expect 0 "it is published"
! there refs/fleet/old || fail "nothing is old yet"
bundle=$(cd "$fleet/repository" && newest_bundle plan-D) host=$T/host
old=$(ref_of "$bundle")
there "$old" || fail "its bundle is there"
read_git metadata/timestamp.json
expect 0 "a host reads the branch, and not yet the bundle"

# --- the branch moves on ---

small_change 2
sign
ctl publish
expect 0 "the next release is published, and the first one's bundle is named no more"
said ' 0 old ones removed' "  nothing went"
rm -rf "$host/out"
read_git "$bundle"
expect 0 "the host that reads the old branch has its bundle"
cmp -s "$host/out/$bundle" "$fleet/repository/$bundle" || fail "  whole"
listed "$old" || fail "the remote remembers since when"
ok "the remote remembers since when"
git -C "$git_bare" fsck --strict >"$T/out" 2>"$T/err" || fail "stock git finds nothing wrong with it"
listing=$(git -C "$git_bare" rev-parse refs/fleet/old)
ctl publish
said 'stays at .* 0 payloads sent, 0 old ones removed' "the same again changes nothing"
[ "$(git -C "$git_bare" rev-parse refs/fleet/old)" = "$listing" ] || fail "  nor what is remembered"

# --- another machine, which never published, after a while ---

rm -rf "$fleet/.fleetctl/publish"
at 300
there "$old" || fail "half of the grace has passed: it is there"
ok "half of the grace has passed: it is there"
rm -rf "$fleet/.fleetctl/publish"
at 660
! there "$old" || fail "all of it has passed: it went"
ok "all of it has passed: it went"
! there refs/fleet/old || fail "  and nothing is remembered"

# --- what comes back is old no more; what is pruned goes at once ---

second=$(cd "$fleet/repository" && newest_bundle plan-D)
small_change 3
sign
ctl publish
listed "$(ref_of "$second")" || fail "the second release's bundle is old now"
small_change 2
sign
ctl publish
[ "$(cd "$fleet/repository" && newest_bundle plan-D)" = "$second" ] || fail "a release has the second one's bundle again"
there "$(ref_of "$second")" || fail "it is there"
! listed "$(ref_of "$second")" || fail "what is named again is old no more"
ok "what is named again is old no more"
third=$(git -C "$git_bare" show refs/fleet/old:old | head -n 1 | cut -d' ' -f2)
ctl publish --prune
said ' [1-9] old ones removed' "what is pruned goes at once"
! there "$third" || fail "  from the remote"

# --- the cache ---

cache=$fleet/.fleetctl/publish/hub/push.git
loose() { git -C "$cache" count-objects | cut -d' ' -f1; }
[ "$(git -C "$cache" for-each-ref refs/fleet | wc -l)" -eq "$(git -C "$git_bare" for-each-ref refs/fleet | wc -l)" ] || fail "it has names for what is published, and no others"
ok "it has names for what is published, and no others"
# as after some thousand publishings
mkdir "$T/junk"
for i in $(seq 5000); do echo "$i" >"$T/junk/$i"; done
find "$T/junk" -type f | git -C "$cache" hash-object -w --stdin-paths >"$T/out"
[ "$(loose)" -gt 5000 ] || fail "it holds a lot"
ctl publish
expect 0 "it is published"
[ "$(loose)" -lt 10 ] || fail "what nothing leads to went from it: $(loose) loose objects"
ok "what nothing leads to went from it"
git -C "$cache" fsck --strict >"$T/out" 2>"$T/err" || fail "  all else is there"
[ "$(find "$cache/objects/pack" -name '*.pack' | wc -l)" -eq 1 ] || fail "  in one pack"
ctl publish
said 'stays at .* 0 payloads sent, 0 old ones removed' "the next run finds all that it needs"
small_change 4
sign
ctl publish
expect 0 "and publishes on"
rm -rf "$host"
read_git metadata/timestamp.json "$(cd "$fleet/repository" && newest_bundle plan-D)"
expect 0 "which hosts read"

# --- another remote in its place ---

small_change 5
sign
ctl publish
there refs/fleet/old || fail "something is old"
rm -rf "$git_bare"
git init -q --bare -b main "$git_bare"
ctl publish
expect 0 "a remote that was made anew is published to, whatever the cache remembers of the last one"
! there refs/fleet/old || fail "  nothing is old there"
