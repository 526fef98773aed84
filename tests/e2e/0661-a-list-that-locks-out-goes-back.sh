#!/usr/bin/env bash
# A list that nobody comes in by goes back by its deadline, with nobody's help: also when its apply is killed, and when the host
# was restarted meanwhile.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
access_host ber-D plan-D
h=$T/hosts/ber-D
operator_new ann
operator_new bob
inside() { readlink "$h/state/access/current"; }

access_write operator:look,roll
sign
ctl access push
expect 0 "a first list"
first=$(inside)

# --- sshd reads elsewhere: the list in force lets nobody in ---

access_write operator:look,roll ann:look,roll
sign
sed -i "s|^AuthorizedKeysFile.*|AuthorizedKeysFile $h/authorized_keys|" "$h/sshd_config"
host_down ber-D
host_up ber-D
ctl access push
expect 9 "a list that sshd does not read is not confirmed"
said 'nobody came in by the new keys' "and goes back by its deadline"
said 'AuthorizedKeysFile' "what is wrong there is said"
[ "$(inside)" = "$first" ] || fail "the list before is in force again"
ended ber-D fail "which the host states"
sed -i "s|^AuthorizedKeysFile.*|AuthorizedKeysFile $h/state/access/current/authorized_keys|" "$h/sshd_config"
host_down ber-D
host_up ber-D

# --- the pusher drops himself, and comes with a key that is not let in ---

access_write ann:look,roll
sign
ctl access push
expect 6 "fleetctl knows before that this locks out who pushes"
# its second connection comes with a key that is in no list; the repository says it is ann's
ctl access push --confirm-identity "$T/bob"
expect 6 "and by whom it would be confirmed"

# with an agent's keys nobody knows before: the host goes back
eval "$(ssh-agent -s)" >/dev/null
pids+=("$SSH_AGENT_PID")
ssh-add -q "$T/operator"
sed -i '/^ssh:/d' "$fleet/fleet.yaml"
ctl access push
expect 9 "a list that locks out who pushes goes back"
[ "$(inside)" = "$first" ] || fail "the list before is in force again"
ctl status ber-D
expect 0 "and the operator comes in as before"

# --- killed in the middle: the next start goes on with what is left of the time ---

# pids_of WORDS: who was started with those; they name this test's own folder
pids_of() { pgrep -f -- "$1" || true; }
(cd "$fleet" && exec "$fleetctl" access push >"$T/push" 2>&1) &
pusher=$!
pids+=("$pusher")
on_trial() { [ "$(inside)" != "$first" ]; }
works() { [ -n "$(pids_of "--state-dir $h/state --lock-fd")" ]; }
until_true 100 on_trial || fail "the list is on trial"
until_true 100 works || fail "an apply works on it"
host_down ber-D
# the host's serve would start another
for words in "serve --config-dir $h/etc" "--state-dir $h/state --lock-fd"; do
	for pid in $(pids_of "$words"); do
		kill -9 "$pid" 2>/dev/null || true
	done
done
kill "$pusher" 2>/dev/null || true
wait "$pusher" 2>/dev/null || true
works && fail "nobody works on it"
[ "$(inside)" != "$first" ] || fail "it is still the list on trial"
"$agent" apply --config-dir "$h/etc" || fail "the next start goes on"
[ "$(inside)" = "$first" ] || fail "and goes back by the deadline"
ok "a killed trial goes back when the host starts again"
ended ber-D fail "which the host states"
host_up ber-D
ctl status ber-D
expect 0 "the operator comes in as before"

# --- a second chance: the same list, and a key that it knows ---

ssh-add -q "$T/ann"
ctl access push
expect 0 "the same list holds once somebody comes in by it"
ssh-add -q -d "$T/ann"
ctl status ber-D
expect 4 "and lets the one before in no more"
