#!/usr/bin/env bash
# A host that is never heard of again stops a rollout of those who pull only until somebody says so; and its place stays free, so
# that never more than half of a plan is on trial if it comes back.
. "$(dirname "$0")/web.sh"

tower_begin
small_fleet plan-D
web_begin
hosts=(h1 h2 h3 h4)
for host in "${hosts[@]}"; do
	puller "$host" plan-D "site-$host"
done
many() { # how many run release 1
	local n=0 host
	for host in "${hosts[@]}"; do
		[ "$(host_runs "$host")" -ne 1 ] || n=$((n + 1))
	done
	echo "$n"
}
everybody()
{
	local host
	publish
	for host in "${hosts[@]}"; do
		[ "$host" = "${dead:-}" ] || pull "$host" --now
	done
}

ctl_sign rollout start all --pull --any-time --waves 100%
expect 0 "stage one: one of four"
everybody
[ "$(many)" -eq 1 ] || fail "one takes it: $(many)"
ctl_sign rollout resume
said 'stage 2 of 3, 3 of 4 hosts' "stage two: two more, half of them"
publish
for host in "${hosts[@]}"; do
	[ "$(host_runs "$host")" -eq 1 ] || [ -n "${dead:-}" ] || { "$agent" pull --now --dry-run --config-dir "$T/hosts/$host/etc" | grep -q '^would' && dead=$host; } || true
done
[ -n "${dead:-}" ] || fail "somebody is to take it"
everybody
[ "$(many)" -eq 2 ] || fail "one of the two takes it, the other is dead: $(many)"
ctl_sign rollout resume
expect 4 "nobody is left behind by chance"
[ "$(sheet plan-D .open)" = 2 ] || fail "the stage stays"
everybody
[ "$(many)" -eq 2 ] || fail "and nobody advances"
ok "and nobody advances"
ctl_sign rollout resume --max-unreachable 1
said 'stage 3 of 3, 4 of 4 hosts' "unless somebody says so"
everybody
[ "$(many)" -eq 3 ] || fail "the last one takes it: $(many)"
ctl_sign rollout resume --max-unreachable 1
said 'done: 3 committed, 1 waiting|done: .*3 committed' "three committed, and it is done"
