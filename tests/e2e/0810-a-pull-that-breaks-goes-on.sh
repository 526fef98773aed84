#!/usr/bin/env bash
# A transfer that breaks goes on at its byte, at another source too; a source that is away, behind or false costs a try and
# nothing else; who cannot reach any waits longer and longer.
. "$(dirname "$0")/web.sh"

tower_begin
small_fleet plan-D
web_begin
head -c 400000 /dev/urandom >"$fleet/scripts/small/weight"
sign
mkdir "$T/folder"
ca=$(awk '{ printf "%s\\n", $0 }' "$T/nginx/cert")
web="{\"kind\": \"https\", \"url\": \"$url/fleet/\", \"ca\": \"$ca\"}"
sources "$web, {\"kind\": \"folder\", \"url\": \"$T/folder\"}"
puller ber-D plan-D
state=$T/hosts/ber-D/state
ctl_sign rollout start all --pull --any-time --allow-blind
expect 0 "a release of 400 kB is open to the host"
publish

# --- broken, and killed ---

web_down
web_conf 'limit_rate 100k;'
web_up
"$agent" pull --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>"$T/err" </dev/null &
puller=$!
half() { [ "$(stat -c %s "$state"/staging/*.part 2>/dev/null | head -n 1)" -gt 20000 ] 2>/dev/null; }
until_true 200 half || fail "it begins to arrive"
kill -9 "$puller"
wait "$puller" 2>/dev/null || true
# the helper ends with its parent
until_true 100 eval '! lsof -t "$state"/staging/*.part >/dev/null 2>&1' || fail "the helper ends"
held=$(stat -c %s "$state"/staging/*.part)
web_down
web_conf
web_up
forget
pull ber-D --now
expect 0 "killed in the middle of a transfer, the next pull"
runs ber-D 2
ok "takes the release"
asked | grep -q "GET /fleet/bundles/.* 206 \"bytes=$held-\"" || fail "from byte $held on: $(asked)"
ok "and asks for the rest alone"
[ "$(find "$state/staging" -type f | wc -l)" -eq 0 ] || fail "nothing is left in staging"

# --- the second source ---

sed -i 's/deadline: 10s/deadline: 11s/' "$fleet/plans/plan-D.yaml"
sign
ctl_sign rollout abort
ctl_sign rollout start all --pull --any-time --allow-blind
expect 0 "another release"
cp -a "$fleet/repository/." "$T/folder/"
pull ber-D --now
said 'nothing: .*release 2 runs here already|nothing:' "a first source that is behind answers for itself"
runs ber-D 2
web_down
pull ber-D --now
expect 0 "a first source that is away"
runs ber-D 3
ok "leaves the second, a folder"

# --- none ---

rm -rf "$T/folder"
pull ber-D --now
expect 1 "no source at all is a failure"
said "failed: $url/fleet/: .*; $T/folder: " "which names each of them, and why"
pull ber-D
expect 0 "and the next try is not at once"
said 'not-due: the next poll is in ([3-9][0-9]|1m)' "but within a minute"
for _ in 1 2 3 4; do pull ber-D --now; done
pull ber-D
said 'not-due: the next poll is in ([89]|1[0-6])m' "after five failures in minutes"
grep -q '"failures": 5' "$state/pull.json" || fail "it is on the disk: $(cat "$state/pull.json")"
runs ber-D 3

# --- a false one ---

web_up
publish
printf '%s\n' "$(sed 's/"version": 1/"version": 9/' "$T/published/metadata/timestamp.json")" >"$T/published/metadata/timestamp.json"
sed -i 's/"sig": "../"sig": "00/' "$T/published/metadata/timestamp.json"
cp "$state/trust/timestamp.json" "$T/held"
pull ber-D --now
expect 1 "a timestamp that nobody signed"
cmp -s "$T/held" "$state/trust/timestamp.json" || fail "is not kept"
publish
grep -q '"failures"' "$state/pull.json" || fail "failures were counted"
pull ber-D --now
expect 0 "the true one is believed again"
! grep -q '"failures"' "$state/pull.json" || fail "and no failure is counted any more"
ok "and no failure is counted any more"

# --- what arrives is not the bundle ---

printf '# 3\n' >>"$fleet/scripts/small/probes/beat.sh"
sign
ctl_sign rollout abort
ctl_sign rollout start all --pull --any-time --allow-blind
publish
rm -f "$T"/published/patches/*
for file in "$T"/published/bundles/*; do [ -e "$fleet/repository/bundles/${file##*/}" ] && printf 'x' | dd of="$file" bs=1 seek=100 conv=notrunc 2>/dev/null; done
pull ber-D --now
expect 1 "a bundle with another byte"
said 'failed: .*payload' "is refused, and no trial begins"
[ "$(host_verdict ber-D)" = pass ] || fail "no receipt speaks of it"
runs ber-D 3
publish
pull ber-D --now
expect 0 "the true one"
runs ber-D 4

# --- a lease of a controller ---

sed -i 's/deadline: 11s/deadline: 12s/' "$fleet/plans/plan-D.yaml"
sign
ctl_sign rollout abort
ctl_sign rollout start all --pull --any-time --allow-blind
publish
printf '{"rollout":"r-1","who":"ann","boot":"%s","until_ms":99999999999}\n' "$(cat /proc/sys/kernel/random/boot_id)" >"$state/lease"
pull ber-D --now
expect 3 "where a controller drives"
said 'busy: rollout r-1 of ann drives this host' "a pull leaves it to him"
runs ber-D 4
rm "$state/lease"
pull ber-D --now --dry-run
expect 0 "a dry run"
said 'would: it would take release 5' "says what it would take"
runs ber-D 4

# --- what touches the network is confirmed by a fetch over a new connection ---

sed -i 's/^trial:.*/trial: {settle: 0s, deadline: 12s, touches: [network]}/' "$fleet/plans/plan-D.yaml"
sign
ctl_sign rollout abort
ctl_sign rollout start all --pull --any-time --allow-blind
publish
forget
pull ber-D --now
expect 0 "a release that touches the network commits"
runs ber-D 6
[ "$(asked | grep -c 'GET /fleet/metadata/timestamp.json')" -eq 2 ] || fail "when the source was asked once more: $(asked)"
ok "when the source was asked once more"
sed -i 's/^trial:.*/trial: {settle: 0s, deadline: 2s, touches: [network]}/; s/^checks:/hooks: {start: checks\/cut.sh}\nchecks:/' "$fleet/plans/plan-D.yaml"
worker=$(pgrep -P "$web_pid")
printf '#!/bin/sh\nkill -STOP %s\n' "$worker" >"$fleet/scripts/small/checks/cut.sh"
chmod 0755 "$fleet/scripts/small/checks/cut.sh"
sign
ctl_sign rollout abort
ctl_sign rollout start all --pull --any-time --allow-blind
publish
"$agent" pull --now --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>"$T/err" </dev/null &
pulling=$!
went_back() { [ "$(host_verdict ber-D)" = fail ]; }
until_true 300 went_back || fail "it goes back: $(host_verdict ber-D)"
kill -CONT "$worker"
code=0
wait "$pulling" || code=$?
expect 9 "one that cuts the line"
runs ber-D 6
ended ber-D fail "one that cuts the line goes back by its deadline"
