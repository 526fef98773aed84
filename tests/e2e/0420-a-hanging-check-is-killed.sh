#!/usr/bin/env bash
# A check that hangs is killed with everything it started, and counts as red; so does one that is green too late for `settle`.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
plan=$fleet/plans/plan-D.yaml
health=$fleet/scripts/small/checks/health.sh
host_make ber-D plan-D
ctl rollout start all --allow-blind
expect 0 "a good release is rolled out"

# Nothing of what the checks started runs any more; what only waits for a parent to look does not run.
none_left()
{
	local pid
	while read -r pid; do
		! grep -qs '^State:.[^ZX]' "/proc/$pid/status" || return 1
	done <"$T/children"
}

# --- a check that leaves something behind ---

cat >"$health" <<SCRIPT
#!/bin/sh
sleep 1000 &
echo \$! >>"$T/children"
SCRIPT
sign
ctl rollout start all --allow-blind
expect 0 "a check that is green, but leaves a process behind, is green"
[ -s "$T/children" ] || fail "it left one"
until_true 50 none_left || fail "which is gone"
ok "which is gone"
runs ber-D 2

# --- one that hangs ---

: >"$T/children"
cat >"$health" <<SCRIPT
#!/bin/sh
trap '' TERM
sleep 1000 &
echo \$! >>"$T/children"
(trap '' TERM; sleep 1000) &
echo \$! >>"$T/children"
echo \$\$ >>"$T/children"
echo "asking the modem"
sleep 1000
SCRIPT
sed -i 's/timeout: 5s}$/timeout: 500ms}/; s/deadline: 10s/deadline: 2s/' "$plan"
sign
ctl rollout start all --allow-blind
expect 8 "a release whose check hangs halts the rollout"
runs ber-D 2
ctl rollout status --history
said 'check health \(local\): red' "the history names the check"
said 'killed after [0-9]+ms' "that it was killed"
said 'asking the modem' "and what it had said"
[ "$(wc -l <"$T/children")" -ge 3 ] || fail "it had children"
until_true 50 none_left || fail "nothing of it is left, not even what ignores SIGTERM"
ok "nothing of it is left, not even what ignores SIGTERM"

# --- a hook that hangs or fails ---

printf '#!/bin/sh\nexit 0\n' >"$health"
printf '#!/bin/sh\necho "no such interface" >&2\nexit 4\n' >"$fleet/scripts/small/checks/start.sh"
chmod 0755 "$fleet/scripts/small/checks/start.sh"
echo 'hooks: {start: checks/start.sh}' >>"$plan"
sign
ctl rollout start all --allow-blind
expect 8 "a release whose start hook fails goes back"
ctl rollout status --history
said 'check hook.start \(local\): red, status 4' "the history names the hook"
said 'no such interface' "and what it said"
runs ber-D 2
sed -i '/^hooks:/d' "$plan"

# --- one that is green too late ---

cat >"$health" <<SCRIPT
#!/bin/sh
[ -e "$T/asked" ] || { touch "$T/asked"; exit 1; }
SCRIPT
sed -i 's/^trial:.*/trial: {settle: 1900ms, deadline: 2s}/' "$plan"
sign
ctl rollout start all --allow-blind
expect 8 "a check that is green at the deadline, but not for settle, is red"
ctl rollout status --history
said 'green, but not for as long as settle asks' "which the history says"
runs ber-D 2
sed -i 's/^trial:.*/trial: {settle: 1s, deadline: 20s}/' "$plan"
sign
ctl rollout start all --allow-blind
expect 0 "with a settle that it can reach, it commits"
runs ber-D 6
