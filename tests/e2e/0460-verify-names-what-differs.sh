#!/usr/bin/env bash
# fleet-agent verify reads the release that runs back from the disk, and names every file that is not what was signed.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
small=$fleet/scripts/small
mkdir "$small/lib"
printf 'one\n' >"$small/lib/one"
ln -s one "$small/lib/link"
sign
host_make ber-D plan-D
ctl rollout start all --allow-blind
expect 0 "a release is rolled out"
h=$T/hosts/ber-D
tree=$(realpath "$h/state/current/tree")
cp -a "$tree" "$T/tree"

# checked CODE SENTENCE
checked() { code=0; "$agent" verify --config-dir "$h/etc" >"$T/out" 2>"$T/err" || code=$?; expect "$1" "$2"; }
# The tree as it was, but for its folders, which are read-only there.
restore() { chmod -R u+w "$tree" && rm -rf "$tree" && cp -a "$T/tree" "$tree" && chmod -R u+w "$tree"; }
# differs LINE SENTENCE: that and nothing else is named; then all is good again.
differs()
{
	checked 1 "$2"
	[ "$(cat "$T/out")" = "$1" ] || fail "$2: expected '$1' and nothing else"
	ok "  and nothing else is named: $1"
	restore
}

checked 0 "what was signed is what runs"
said 'release 2 \([0-9a-f]{12}\) is what was signed' "which it says"
[ ! -w "$tree/probes" ] || [ "$(id -u)" -eq 0 ] || fail "its folders are read-only"
restore

sed -i 's/probe_success 1/probe_success 0/' "$tree/probes/beat.sh"
differs 'changed probes/beat.sh' "a file of the same length with another byte"
printf '# more\n' >>"$tree/lib/one"
differs 'changed lib/one' "a file that is longer"
: >"$tree/lib/one"
differs 'changed lib/one' "a file that is empty, as a power cut leaves it"
rm "$tree/checks/health.sh"
differs 'missing checks/health.sh' "a file that is gone"
touch "$tree/probes/left.tmp"
differs 'extra probes/left.tmp' "a file that was left there"
chmod 0644 "$tree/probes/beat.sh"
differs 'mode probes/beat.sh' "a script that cannot be run"
ln -sfn ../probes "$tree/lib/link"
differs 'link lib/link' "a link that leads elsewhere"
rm "$tree/lib/one" && ln -s ../checks/health.sh "$tree/lib/one"
differs 'changed lib/one' "a link where a file was"
rm "$tree/lib/one" && mkfifo "$tree/lib/one"
differs 'changed lib/one' "a pipe where a file was: it is not waited for"

sed -i 's/one/two/' "$tree/lib/one"
rm "$tree/probes/beat.sh"
mkdir "$tree/extra"
checked 1 "three that differ"
[ "$(sort "$T/out")" = "$(printf '%s\n' 'changed lib/one' 'extra extra' 'missing probes/beat.sh')" ] || fail "are all named"
said '3 files differ from what was signed' "are named and counted"
restore

# --- what the tree is held against is held against its own digest ---

bundle=$(grep -l probe_success "$h"/state/bundles/*.tar | head -n 1)
cp "$bundle" "$T/bundle"
sed -i 's/probe_success 1/probe_success 0/' "$bundle"
checked 1 "an altered bundle"
said 'the bundle on the disk is not what was signed' "is no measure"
cp "$T/bundle" "$bundle"
manifest=$h/state/current/manifest.json
cp "$manifest" "$T/manifest"
sed -i 's/"number":2/"number":3/' "$manifest"
checked 1 "nor is an altered manifest"
said 'manifest.json is not what the release is named by' "which it says"
cp "$T/manifest" "$manifest"
checked 0 "all is good again"
runs ber-D 2
