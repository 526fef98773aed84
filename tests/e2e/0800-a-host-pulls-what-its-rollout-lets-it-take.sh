#!/usr/bin/env bash
# Hosts that nobody connects to: over TLS from a web server, only as far as the rollout lets them; one small request when
# there is no news; receipts come home by themselves; an abort reaches who asks.
. "$(dirname "$0")/web.sh"

tower_begin
small_fleet plan-D
web_begin
puller ber-D plan-D berlin
puller tyo-D plan-D tokyo
publish

# --- nobody advances without a rollout ---

pull ber-D
expect 0 "a repository without a rollout is no error"
said 'nothing: no rollout of plan plan-D is open' "and nobody advances by it"
runs ber-D 0

# --- stage one: one of two ---

ctl_sign rollout start all --pull
expect 0 "the first stage is signed"
said 'until repository/ is published: fleetctl publish' "and says what is next"
publish
for host in ber-D tyo-D; do
	pull "$host" --now
	expect 0 "$host asks"
done
[ "$(($(host_runs ber-D) + $(host_runs tyo-D)))" -eq 1 ] || fail "one of the two takes it: $(host_runs ber-D) $(host_runs tyo-D)"
ok "one of the two takes it"
first=ber-D second=tyo-D
[ "$(host_runs ber-D)" -eq 1 ] || { first=tyo-D second=ber-D; }
ended "$first" pass "its checks hold"
[ -s "$T/receipts/$first/2.json" ] || fail "its receipt came home"
ok "its receipt came home"
grep -q 'MKCOL /receipts/ber-D/ 201' "$T/nginx/asked" || fail "into a folder of its own, which was made"
cp "$T/hosts/$second/state/pull/put-login" "$T/login"
cp "$T/hosts/$first/state/pull/put-login" "$T/hosts/$second/state/pull/put-login"
pull "$second" --now
[ ! -e "$T/receipts/$second/2.json" ] || fail "with another's login nobody's receipts are put"
cp "$T/login" "$T/hosts/$second/state/pull/put-login"
pull "$second" --now
said 'reaches 1 of 2 hosts, and this one is number 2' "the other is told that it is not its turn"

# --- nothing new: one conditional request, and nothing is written ---

# what was signed a moment ago is asked for once more: another of the same second and length would look the same
settled() { pull "$first" --now && asked | tail -n 1 | grep -q ' 304 '; }
until_true 100 settled || fail "how the timestamp looks is remembered"
find "$T/hosts/$first/state" -newermt '2000-01-01' ! -name "pull.last" ! -name "pull.tls-*" ! -name '*.lock' -type f -printf '%p %T@ %i\n' | sort >"$T/before"
forget
pull "$first" --now
expect 0 "nothing new"
[ "$(asked)" = 'GET /fleet/metadata/timestamp.json 304 "-" 0' ] || fail "is one request: $(asked)"
ok "is one request, answered 304 without a body"
find "$T/hosts/$first/state" -newermt '2000-01-01' ! -name "pull.last" ! -name "pull.tls-*" ! -name '*.lock' -type f -printf '%p %T@ %i\n' | sort >"$T/after"
cmp -s "$T/before" "$T/after" || fail "and nothing that lasts is written: $(diff "$T/before" "$T/after")"
ok "and nothing that lasts is written"
forget
pull "$first"
said 'not-due: the next poll is in 5h' "by itself it asks again only when the plan says"
[ ! -s "$T/nginx/asked" ] || fail "before that nothing is asked: $(asked)"

# --- stage two, when the receipt of the first is home ---

ctl_sign rollout resume
expect 4 "the next stage is signed, and is not done"
said 'stage 2 of 2, 2 of 2 hosts' "since the first one committed"
publish
pull "$second" --now
said 'committed: release 1' "the second takes it"
runs "$second" 1
ctl_sign rollout resume
expect 0 "all committed: it is done"
said 'done: 2 committed of 2' "which it says"

# --- a bad release aborts at stage one ---

printf '#!/bin/sh\necho broken on purpose\nexit 1\n' >"$fleet/scripts/small/checks/health.sh"
sed -i 's/deadline: 10s/deadline: 1s/' "$fleet/plans/plan-D.yaml"
sign
ctl_sign rollout start all --pull
publish
pull ber-D --now
pull tyo-D --now
[ "$(($(host_runs ber-D) + $(host_runs tyo-D)))" -eq 2 ] || fail "it goes back where it was tried"
bad=$(cat "$T"/hosts/*/state/receipts/3.json | grep -c '"verdict":"fail"')
[ "$bad" -eq 1 ] || fail "one host tried it: $bad"
ok "a release whose check fails goes back, on the one host that tried it"
ctl_sign rollout resume
expect 8 "its receipt halts the rollout"
said 'halted: .*1 rolled-back' "at stage one"
publish
for host in ber-D tyo-D; do
	pull "$host" --now
	expect 0 "$host hears of it"
	said 'nothing: rollout .* is held' "and stays"
done
ctl_sign rollout abort
expect 0 "it is aborted"
ctl_sign rollout resume
expect 2 "and does not go on"

# --- an abort that takes the release back ---

printf '#!/bin/sh\nexit 0\n' >"$fleet/scripts/small/checks/health.sh"
sign
ctl_sign rollout start all --pull --canary 1
publish
pull ber-D --now
pull tyo-D --now
[ "$(($(host_runs ber-D) + $(host_runs tyo-D)))" -eq 4 ] || fail "one runs release 3: $(host_runs ber-D) $(host_runs tyo-D)"
ctl_sign rollout abort --back
expect 0 "an abort that takes it back"
publish
for host in ber-D tyo-D; do
	pull "$host" --now
	runs "$host" 1
done
cat "$T"/hosts/*/state/receipts/*.json | grep -q '"verdict":"undone"' || fail "the receipt says that it was undone"
ok "reaches who committed it with its next poll"
