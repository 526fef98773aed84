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
"$agent" apply --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>"$T/err" || fail "the next start settles it"
ok "the next start settles it"
runs ber-D 1
[ "$(host_verdict ber-D)" = environment ] || fail "and blames nobody"
ok "and blames nobody"
