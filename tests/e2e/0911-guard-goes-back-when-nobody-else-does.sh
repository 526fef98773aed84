#!/usr/bin/env bash
# A trial whose apply is gone, on a host that nobody starts anything on: the guard leads back when the time is over, and the next
# start of the agent sees that, writes its receipt and blames nobody.
. "$(dirname "$0")/agents.sh"

tower_begin
small_fleet plan-D
host_make ber-D plan-D
guard=$build/agent/fleet-guard
state=$T/hosts/ber-D/state
ctl rollout start all --allow-blind
expect 0 "release 1 runs"
on_trial ber-D && fail "nothing is on trial when it is settled"
ok "nothing is on trial when it is settled"

cat >"$fleet/scripts/small/checks/health.sh" <<SCRIPT
#!/bin/sh
[ ! -e $T/again ] || exit 0
touch $T/asked
sleep 60
SCRIPT
sed -i 's/^trial:.*/trial: {settle: 0s, deadline: 60s}/' "$fleet/plans/plan-D.yaml"
sed -i "/name: health/s/timeout: 5s/timeout: 59s/" "$fleet/plans/plan-D.yaml"
sign
(cd "$fleet" && exec "$fleetctl" rollout start ber-D --allow-blind >"$T/rollout" 2>&1) &
rollout=$!
pids+=("$rollout")
asked() { [ -e "$T/asked" ]; }
until_true 200 asked || fail "release 2 is asked how it is"
on_trial ber-D || fail "the guard's record says so"
[ "$(readlink "$state/current")" != "releases/$(host_status ber-D | sed -n 's/.*"previous":"\([0-9a-f]*\)".*/\1/p')" ] || fail "release 2 runs"
ok "release 2 is on trial, and the guard's record says so"
before=$(sed -n 's/^release [0-9]* [0-9]* //p' "$state/guard")
kill -9 "$rollout"
wait "$rollout" 2>/dev/null || true
host_down ber-D
# serve, apply and the check: all of this host, all at once
gone()
{
	local pid left
	left=$(pgrep -f "$T/hosts/ber-D/etc" || true)
	for pid in $left; do kill -9 "$pid" 2>/dev/null || true; done
	[ -z "$left" ]
}
until_true 200 gone || fail "nobody works on it any more"

"$guard" "$state" 2>"$T/err" || fail "guard looks"
[ "$(readlink "$state/current")" != "$before" ] || fail "before its time nothing moves"
ok "before its time nothing moves"
sed -e '/^crc/d' -e 's/^\(release\) [0-9]*/\1 0/' "$state/guard" >"$T/record"
{ cat "$T/record"; printf 'crc %s\n' "$(crc "$T/record")"; } >"$state/guard"
"$guard" "$state" 2>"$T/err" || fail "guard looks again"
[ "$(readlink "$state/current")" = "$before" ] || fail "when it is overdue, current leads back"
ok "when it is overdue, current leads back"
on_trial ber-D && fail "and nothing is on trial"

touch "$T/again"
# The timer's poll is what comes next, on a host that knows no source, too: whoever's the trial was, it is taken up.
code=0
"$agent" pull --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>"$T/err" || code=$?
expect 3 "the next poll takes up what nobody works on"
said 'busy: release 2' "and says whose it is"
settled() { host_status ber-D | jq -e 'has("trial") | not' >/dev/null; }
until_true 300 settled || fail "it is settled"
runs ber-D 1
[ "$(host_verdict ber-D)" = environment ] || fail "and blames nobody"
ok "and blames nobody"

# --- enrolled again in the middle of a trial: what was tried then is nobody's way back any more ---

host_up ber-D
rm "$T/again" "$T/asked"
printf '# 3\n' >>"$fleet/scripts/small/checks/health.sh"
sign
sed -i "s/port: [0-9]*/port: $(cat "$T/hosts/ber-D/port")/" "$fleet/hosts.yaml"
(cd "$fleet" && exec "$fleetctl" rollout start ber-D --allow-blind >"$T/rollout" 2>&1) &
rollout=$!
pids+=("$rollout")
until_true 200 asked || fail "release 3 is on trial: $(cat "$T/rollout")"
kill -9 "$rollout"
wait "$rollout" 2>/dev/null || true
host_down ber-D
until_true 200 gone || fail "nobody works on it any more"
on_trial ber-D || fail "the guard's record says so"
sed -e '/^crc/d' -e 's/^\(release\) [0-9]*/\1 0/' "$state/guard" >"$T/record"
host_enrol ber-D plan-D --force
on_trial ber-D && fail "an enrolment ends every trial"
ok "an enrolment ends every trial"
"$agent" boot --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>"$T/err" || fail "it boots"
now=$(readlink "$state/current")
{ cat "$T/record"; printf 'crc %s\n' "$(crc "$T/record")"; } >"$state/guard" # as an older agent left it
"$guard" "$state" 2>"$T/err" && fail "a way back that is gone is not taken"
said 'is not there: what is on trial stays' "a way back that is gone is not taken"
[ "$(readlink "$state/current")" = "$now" ] || fail "what runs goes on"
"$agent" boot --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>"$T/err" || fail "it boots again"
said 'guard had a trial that nobody knows of: it is over' "a trial that nobody knows of is over"
"$guard" "$state" 2>"$T/err" || fail "then guard has nothing to do"
