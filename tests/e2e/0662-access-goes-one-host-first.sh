#!/usr/bin/env bash
# A list goes to one host first, and to the others only when that one was come in by it; a host that is away is left out, and one
# in a trial of its own is left alone.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
for id in ber-1 ber-2 ber-3; do
	access_host "$id" plan-D
done
operator_new ann
has_list() { grep -q "\"number\": $2" "$T/hosts/$1/state/access/current/access.json" 2>/dev/null; }
# reads ID FILE: its sshd reads the keys there.
reads()
{
	sed -i "s|^AuthorizedKeysFile.*|AuthorizedKeysFile $2|" "$T/hosts/$1/sshd_config"
	host_down "$1"
	host_up "$1"
}

# --- one is away ---

host_down ber-1
access_write operator:look,roll
sign
ctl access push
expect 4 "the first is away"
said 'ber-1: unreachable' "which is said"
has_list ber-1 1 && fail "it has nothing of it"
has_list ber-2 1 || fail "the next one went first"
has_list ber-3 1 || fail "and the others after it"
ok "the others have it"
host_up ber-1
ctl access push
expect 0 "it is brought later"
has_list ber-1 1 || fail "it has it now"

# --- the first does not come through ---

reads ber-1 "$T/hosts/ber-1/authorized_keys"
access_write operator:look,roll ann:look
sign
ctl access push --json
expect 8 "a first host that goes back halts the push"
has_list ber-1 1 || fail "it is back at the list before"
has_list ber-2 1 || fail "the second was not begun"
has_list ber-3 1 || fail "nor the third"
grep -q '"state": *"back"' "$T/out" || fail "--json says back"
grep -q '"state": *"not-begun"' "$T/out" || fail "--json says not-begun"
ok "no other was begun"
reads ber-1 "$T/hosts/ber-1/state/access/current/authorized_keys"

# --- a release is on trial there ---

cat >"$fleet/scripts/small/checks/health.sh" <<SCRIPT
#!/bin/sh
touch $T/on-trial
[ -e $T/go-on ]
SCRIPT
sed -i 's/^trial:.*/trial: {settle: 0s, deadline: 60s}/' "$fleet/plans/plan-D.yaml"
sign
(cd "$fleet" && exec "$fleetctl" rollout start ber-1 --allow-blind >"$T/rollout" 2>&1) &
pids+=($!)
on_trial() { [ -e "$T/on-trial" ]; }
until_true 100 on_trial || fail "a release is on trial"
ctl access push ber-1
expect 6 "a host that tries a release takes no list"
said 'is at step prove' "and says what it is at"
touch "$T/go-on"
settled() { [ "$(host_runs ber-1)" = 2 ] && [ "$(host_verdict ber-1)" = pass ]; }
until_true 100 settled || true
wait "${pids[-1]}" || true
ctl access push
expect 0 "afterwards it does"
has_list ber-1 2 || fail "it has it"
