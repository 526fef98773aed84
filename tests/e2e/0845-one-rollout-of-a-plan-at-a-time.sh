#!/usr/bin/env bash
# While hosts of a plan may take a release by themselves, no second rollout of that plan begins, neither for those who pull nor by a
# push: more than half of it could be on trial. Receipts that came home end the first, or an operator does; also where the database
# that knew it was lost.
. "$(dirname "$0")/web.sh"

tower_begin
small_fleet plan-D plan01s
web_begin
pulling=(h1 h2 h3 h4)
for host in "${pulling[@]}"; do puller "$host" plan-D "site-$host"; done
host_make ber-01 plan01s berlin
host_make tyo-01 plan01s tokyo
everybody()
{
	local host
	publish
	for host in "${pulling[@]}"; do pull "$host" --now; done
}
release()
{
	sed -i "s/^# version.*/# version $1/" "$fleet/scripts/small/probes/beat.sh"
	sign
}
noted() { sed -n 's/^rollout \(r-[0-9a-f-]*\).*/\1/p' "$T/out"; }
refused()
{
	expect 6 "$1"
	said "rollout $first of plan plan-D is not over: it has reached .*fleetctl rollout resume $first.*fleetctl rollout abort $first" "and what ends the first is said"
	[ "$(sheet plan-D .rollout)" = "$first" ] || fail "$1: it stays what hosts obey"
}

ctl_sign rollout start plan=plan-D --pull --any-time --canary 0 --waves 100%
expect 0 "a rollout is open to half of a plan"
first=$(noted)
release 2
ctl_sign rollout start plan=plan-D --pull --any-time
refused "a second one waits"
everybody
ctl_sign rollout resume
said 'stage 2 of 2, 4 of 4 hosts' "its last stage is open"
ctl_sign rollout start plan=plan-D --pull --any-time
refused "where the last stage is open and nobody has committed it, a second one waits, too"
ctl rollout start plan=plan-D
refused "and so does a push"
ctl rollout start plan=plan01s
expect 0 "another plan is pushed to meanwhile"
ctl_sign rollout pause "$first"
ctl_sign rollout start plan=plan-D --pull --any-time
refused "one that is paused is not over"
ctl_sign rollout resume "$first"
everybody
ctl_sign rollout start plan=plan-D --pull --any-time --canary 0 --waves 100%
expect 0 "when the receipts of all have come home, the next one looks at them itself"
second=$(noted)
ctl rollout status "$first"
expect 0 "the first is done"
ctl_sign rollout abort "$second"
release 3
ctl_sign rollout start plan=plan-D --pull --any-time
expect 0 "and what was aborted keeps nobody"
first=$(noted)

# --- a push that is to go on ---

ctl_sign rollout abort "$first"
ctl rollout start plan=plan-D
expect 7 "a push to hosts whose keys nobody pinned is halted"
pushed=$(sed -n 's/^rollout \(r-[0-9a-f-]*\): 4 hosts.*/\1/p' "$T/err")
ctl_sign rollout start plan=plan-D --pull --any-time
expect 0 "then hosts are to pull"
first=$(noted)
ctl rollout resume "$pushed" --max-failed 4
refused "the push does not go on beside it"

# --- a database that was lost ---

rm -rf "$fleet/.fleetctl"
release 4
ctl_sign rollout start plan=plan-D --pull --any-time
refused "one that the database does not know is not over"
ctl_sign rollout abort "$first"
expect 0 "and is ended all the same"
[ "$(sheet plan-D .state)" = abort ] || fail "hosts hear of it"
ctl_sign rollout abort r-20200101-000000-ffff
expect 2 "one that nobody follows is not known"
ctl_sign rollout start plan=plan-D --pull --any-time
expect 0 "the next one begins"
