#!/usr/bin/env bash
# A folder that a web server shows: whoever reads it sees the old repository or the new one, also when publishing is stopped
# before any of its durable operations; what nothing names any more goes after a while.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/git.sh"

tower_begin
www=$T/reader/repository
small_fleet plan-D plan01s
printf 'publish: [{name: web, kind: folder, path: %s, grace: 7d}]\n' "$www" >>"$fleet/fleet.yaml"

# reads SENTENCE: our client, from the first root, through every role and permitted manifest to each bundle.
mkdir "$T/reader"
cp "$fleet/fleet.yaml" "$fleet/hosts.yaml" "$T/reader/"
reads() { (cd "$T/reader" && "$fleetctl" verify) >"$T/read" 2>&1 || fail "$1: $(cat "$T/read")"; }
seen() { (cd "$www" && jq -r .signed.version metadata/timestamp.json); }

# --- publishing ---

ctl publish --dry-run
said 'web: would write [0-9]+ files' "a dry run says what would be done"
[ ! -e "$www" ] || fail "a dry run makes nothing"
ctl publish
expect 0 "the repository is published"
reads "and read"
ok "and read"
[ "$(cd "$www" && find metadata -type f ! -name "*.gz" | sort)" = "$(cd "$fleet/repository" && newest_files | grep ^metadata/)" ] || fail "nothing else is in its metadata"
ctl publish
said 'web: 0 files' "the same again writes nothing"

small_change 2
sign
cp -a "$www" "$T/before"
ctl publish
expect 0 "a change is published"
reads "and read"
[ -n "$(ls "$www/patches")" ] || fail "with patches to the new bundle"
ok "with patches to the new bundle"
old=$(comm -23 <(cd "$T/before" && find . -name '*.plan-D.json' | sort) <(cd "$fleet/repository" && newest_files | sed 's|^|./|'))
[ -f "$www/$old" ] || fail "what was named before is still there, for those who are reading it"
ok "what was named before is still there, for those who are reading it"
ctl publish --prune
[ ! -e "$www/$old" ] || fail "until it is pruned"
ok "until it is pruned"
reads "and all that is named stays"

# --- what may not be overwritten ---

cp -a "$fleet" "$T/second"
small_change 3
sign
ctl publish
expect 0 "one operator publishes"
cp -a "$www" "$T/held"
fleet=$T/second
ctl publish
expect 7 "the other, whose folder is older, is refused"
said 'is ahead of this folder' "  and told what to do"
diff -r "$www" "$T/held" >"$T/out" || fail "  nothing was changed"
fleet=$T/fleet
file=$(find "$fleet/repository/bundles" -name '*.zst' | sort | head -n 1)
cp "$file" "$T/good"
printf x >>"$file"
small_change 4
ctl publish
expect 7 "a repository that doctor calls broken is not published"
diff -r "$www" "$T/held" >"$T/out" || fail "  nothing was changed"
cp "$T/good" "$file"
printf 'publish: [{name: web, kind: folder}]\n' >"$T/one"
cp "$fleet/fleet.yaml" "$T/fleet.yaml"
sed -i '/^publish/d' "$fleet/fleet.yaml"
cat "$T/one" >>"$fleet/fleet.yaml"
ctl publish
said 'fleet.yaml:[0-9]+: publish\[0\]: path: where the folder is' "a place without a path is named with its line"
cp "$T/fleet.yaml" "$fleet/fleet.yaml"
ctl publish --to nowhere
said 'no place "nowhere"' "a place that is not there is said to be none"

# --- stopped anywhere ---

small_change 5
sign
FLEET_FAULT_AT=1 ctl publish
if [ "$code" -eq 0 ]; then
	say "# not a build with fault points: stops were not tried"
	exit 0
fi
old_version=$(seen) new_version=$(jq -r .signed.version "$fleet/repository/metadata/timestamp.json")
rm -rf "$T/held"
cp -a "$www" "$T/held"
stops=0 new=0
while :; do
	rm -rf "$www"
	cp -a "$T/held" "$www"
	stops=$((stops + 1))
	FLEET_FAULT_AT=$stops ctl publish
	reads "stopped before operation $stops, readers see a whole repository"
	version=$(seen)
	[ "$version" = "$old_version" ] || [ "$version" = "$new_version" ] || fail "the old one or the new one, not $version"
	[ "$version" = "$old_version" ] || new=$((new + 1))
	[ "$code" -ne 0 ] || break
done
ok "stopped before each of $((stops - 1)) durable operations, readers see a whole repository"
[ "$new" -ge 1 ] || fail "the last run published it"
ctl publish
reads "and the next run ends what was begun"
[ -z "$(find "$www" -name '*.new')" ] || fail "nothing half is left"
ok "and the next run ends what was begun"
