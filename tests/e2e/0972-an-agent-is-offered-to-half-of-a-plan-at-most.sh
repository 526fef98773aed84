#!/usr/bin/env bash
# An agent goes to one host of a plan first, and on only where receipts say that it stayed: never are more than half of a plan on
# trial of it. One that does not stay goes no further, and the only host of a plan is not tried at all; unless somebody says so.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/agents.sh"

hosts=(h1 h2 h3 h4 h5)
# everybody [BUT]
everybody()
{
	local host
	publish
	for host in "${hosts[@]}"; do [ "$host" = "${1:-}" ] || polls "$host" --now; done
}
# how many run agent $1
run_it()
{
	local n=0 host
	for host in "${hosts[@]}"; do
		[ "$(launched_as "$host" status --json --config-dir "$T/hosts/$host/etc" | jq -r .agent)" != "$1" ] || n=$((n + 1))
	done
	echo "$n"
}
offered() { [ "$(sheet plan-D .agent.hosts)" = "$1" ] || fail "$2: $(sheet plan-D .agent)"; ok "$2"; }

tower_begin
small_fleet plan-D plan01s
web_begin
for host in "${hosts[@]}"; do puller "$host" plan-D "site-$host"; done
puller only plan01s berlin
agent_build next 98.0.0
sign

ctl_sign agent offer plan01s --all
expect 6 "the only host of a plan is not put on trial"
said 'the only host of its plan: .*--allow-blind' "and what is to be done is said"
ctl_sign agent offer plan-D --all
expect 4 "an agent is offered to all of a plan"
offered 1 "one goes first"
ctl_sign agent offer plan-D --all
expect 4 "before its receipt has come home"
said 'more when receipts say that it stayed on h[1-5]$' "it is waited for, by name"
offered 1 "nobody else may"
ctl_sign agent offer plan-D --hosts 4
expect 4 "by whatever number"
offered 1 "nobody else may"
everybody
[ "$(run_it 98.0.0)" -eq 1 ] || fail "it stays on one: $(run_it 98.0.0)"
ctl_sign agent offer plan-D --all
expect 4 "its receipt lets half of the plan follow"
offered 3 "two more of five"
publish
for host in "${hosts[@]}"; do
	[ "$(launched_as "$host" status --json --config-dir "$T/hosts/$host/etc" | jq -r .agent)" = 98.0.0 ] && continue
	polls "$host" --now --dry-run
	if grep -q '^would' "$T/out"; then dead=$host; fi
done
everybody "$dead"
[ "$(run_it 98.0.0)" -eq 2 ] || fail "one of the two takes it: $(run_it 98.0.0)"
ctl_sign agent offer plan-D --all
expect 4 "a host that is not heard of is waited for"
said "stayed on $dead\$" "by name"
offered 3 "and nobody follows"
ctl_sign agent offer plan-D --all --max-unreachable 1
expect 4 "unless somebody says so"
offered 4 "but it keeps its place: one more, and not two"
everybody
ctl_sign agent offer plan-D --all
expect 0 "all may, in the end"
offered 5 "the last one, too"
everybody
[ "$(run_it 98.0.0)" -eq 5 ] || fail "and all run it: $(run_it 98.0.0)"
ok "and all run it"

# --- other hosts in the next rollout's document ---

ctl_sign rollout start h1 h2 --pull --any-time
expect 0 "a rollout to two of them keeps the offer"
offered 2 "for those who had it"
ctl_sign rollout abort
puller h6 plan-D site-h6
hosts+=(h6)
ctl_sign rollout start all --pull --any-time --allow-blind
[ "$(sheet plan-D .agent.hosts)" -le 2 ] || fail "a host that was never offered it is not reached by chance: $(sheet plan-D .agent)"
ok "a host that was never offered it is not reached by chance"
ctl_sign agent offer plan-D --all
expect 0 "it is when that is said: the others run it"
offered 6 "and so all may"

# --- one that does not stay ---

agent_build broken 99.0.0
sign
ctl_sign agent offer plan-D --percent 100
expect 4 "another version begins again"
offered 3 "with half of the plan, of which one may still be on trial of the version before" # h6, which is among the first three
for _ in 1 2 3 4 5; do everybody; done
ctl_sign agent offer plan-D --all
expect 6 "where it did not stay, it goes no further"
said 'agent 99.0.0 did not stay on h[1-6]' "and the host is named"
offered 3 "nobody follows"
[ "$(run_it 99.0.0)" -eq 0 ] || fail "nobody runs it"
ctl_sign agent offer plan-D --all --allow-blind
expect 0 "unless somebody says that, too"
offered 6 "all at once"
ctl_sign agent offer --none
expect 0 "it is taken back"
ctl_sign agent offer plan01s --all --allow-blind
expect 0 "the only host of a plan may, when somebody says so"
[ "$(sheet plan01s .agent.hosts)" = 1 ] || fail "it is offered to the only host"
