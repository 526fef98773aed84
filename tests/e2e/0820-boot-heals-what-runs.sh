#!/usr/bin/env bash
# fleet-agent boot: what runs is what was signed, healed from what the Pi holds, without a network and without a clock; an open
# trial is taken up; then a pull brings what is missing.
. "$(dirname "$0")/web.sh"

tower_begin
small_fleet plan-D
mkdir "$fleet/scripts/small/lib"
printf 'one\n' >"$fleet/scripts/small/lib/one"
web_begin
puller ber-D plan-D
h=$T/hosts/ber-D
state=$h/state
# boot SENTENCE: exits 0, with its output in $T/out
boot() { code=0; "$agent" boot --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null || code=$?; expect 0 "$1"; }
checked() { "$agent" verify --config-dir "$h/etc" >"$T/verified" 2>&1 || fail "$1: $(cat "$T/verified")"; ok "$1"; }
# roll: what is signed now, by itself
roll()
{
	sign
	ctl_sign rollout abort
	ctl_sign rollout start all --pull --any-time --allow-blind
	publish
	pull ber-D --now
	[ "$code" -eq 0 ] || fail "a release is pulled"
}

boot "a host that has the baseline alone"
said 'release 0 .* is what was signed' "is well"
roll
printf '# 2\n' >>"$fleet/scripts/small/probes/beat.sh"
roll
runs ber-D 3
tree=$(realpath "$state/current/tree")
bundle=$state/bundles/$(basename "$tree").tar
spoil() { chmod -R u+w "$tree"; }

# --- one thing is spoilt ---

before=$(find "$state" -type f -printf '%p %i %T@\n' | sort)
boot "with nothing to settle"
said 'release 3 .* is what was signed' "it says so"
[ "$before" = "$(find "$state" -type f -printf '%p %i %T@\n' | sort)" ] || fail "and writes nothing"
ok "and writes nothing"

spoil
printf 'two\n' >"$tree/lib/one"
boot "a flipped byte in a script"
said 'release 3 .* healed: its tree, from its bundle' "is healed from the bundle"
checked "and what runs is what was signed"
[ "$(cat "$state/current/tree/lib/one")" = one ] || fail "the file is as it was"

spoil
rm -r "$tree"
boot "a tree that is gone, as a power cut while healing leaves it"
checked "is made again"

printf 'x' | dd of="$bundle" bs=1 seek=700 conv=notrunc 2>/dev/null
boot "a flipped byte in the bundle"
said 'healed: its bundle, from its tree' "is healed from the tree"
checked "and what runs is what was signed"

rm "$state/current/tree"
boot "the link between release and tree"
said 'healed: the link to its tree' "is made again"
checked "and what runs is what was signed"

# --- both are: the release before ---

spoil
printf 'two\n' >"$tree/lib/one"
printf 'x' | dd of="$bundle" bs=1 seek=700 conv=notrunc 2>/dev/null
boot "where bundle and tree are both spoilt"
said 'cannot be healed .*release 2 .* runs now' "the release before runs"
runs ber-D 2
checked "and is what was signed"
ended ber-D environment "the receipt blames nobody"
pull ber-D --now
said 'committed: release 3' "and the next pull brings it again"
runs ber-D 3
checked "whole"

# --- and that one too: the baseline, which was swept away long ago ---

for one in "$state"/bundles/*; do printf 'x' | dd of="$one" bs=1 seek=700 conv=notrunc 2>/dev/null; done
chmod -R u+w "$state"/trees
for one in "$state"/trees/*/lib/one; do printf 'two\n' >"$one"; done
boot "where all is spoilt"
said 'release 0 .* runs now' "the baseline runs, made anew"
runs ber-D 0
checked "and is what it should be"
pull ber-D --now
said 'committed: release 3' "and the next pull brings it again"

# --- no clock, no network ---

[ -e "$build/tests/clock-preload.so" ] || fail "the test of 1970 has its clock"
web_down
tree=$(realpath "$state/current/tree")
spoil
printf 'two\n' >"$tree/lib/one"
code=0
if command -v unshare >/dev/null && unshare -n true 2>/dev/null; then alone="unshare -n"; else alone=; fi
$alone env ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$build/tests/clock-preload.so" FLEET_TEST_TIME=60 "$agent" boot --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null || code=$?
expect 0 "in 1970 and without a network"
said 'healed: its tree' "it heals all the same"
pull ber-D --now
expect 1 "a pull without a network fails"
web_up
pull ber-D --now
expect 0 "and one that finds it, ten minutes later, does not"

# --- a trial that was open when the power went ---

sed -i 's/^trial:.*/trial: {settle: 3s, deadline: 60s}/' "$fleet/plans/plan-D.yaml"
printf '# 3\n' >>"$fleet/scripts/small/probes/beat.sh"
sign
ctl_sign rollout abort
ctl_sign rollout start all --pull --any-time --allow-blind
publish
"$agent" pull --now --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null &
pulling=$!
proving() { host_status ber-D | grep -q '"step":"prove"'; }
until_true 200 proving || fail "a trial begins"
applying=$(pgrep -f "^fleet-agent apply --config-dir $h/etc")
kill -9 "$pulling"
[ -z "$applying" ] || kill -9 "$applying"
wait "$pulling" 2>/dev/null || true
boot "a trial that was cut off"
said 'release 4 .* is at step prove.*: taken up' "is taken up, and nothing waits for it"
settled() { [ "$(host_status ber-D | grep -c '"trial":')" -eq 0 ]; }
until_true 200 settled || fail "it ends"
runs ber-D 4
ended ber-D pass "as if nothing had happened"
