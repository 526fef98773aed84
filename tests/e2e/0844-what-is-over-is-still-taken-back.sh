#!/usr/bin/env bash
# That a release is bad is found out later: hosts that pull go back, too, when the rollout was aborted before, or is done; as long as
# their plan follows no other one.
. "$(dirname "$0")/web.sh"

tower_begin
small_fleet plan-D plan01s
web_begin
puller ber-D plan-D berlin
puller tyo-D plan-D tokyo
puller ber-01 plan01s berlin
puller tyo-01 plan01s tokyo
all=(ber-D tyo-D ber-01 tyo-01)
everybody()
{
	local host
	publish
	for host in "${all[@]}"; do pull "$host" --now; done
}
noted() { sed -n 's/^rollout \(r-[0-9a-f-]*\).*/\1/p' "$T/out"; }
# take WORD: all of them take the release that is current
take()
{
	ctl_sign rollout start all --pull --any-time --waves 100% --canary 0
	[ "$code" -eq 0 ] || fail "$1 is begun"
	mine=$(noted)
	everybody
	ctl_sign rollout resume
	everybody
	ctl_sign rollout resume
	expect 0 "$1 is done"
}
release()
{
	sed -i "s/^# version.*/# version $1/" "$fleet/scripts/small/probes/beat.sh"
	sign
}
all_run()
{
	local host
	for host in "${all[@]}"; do [ "$(host_runs "$host")" = "$1" ] || fail "$2: $host runs $(host_runs "$host")"; done
	ok "$2"
}

take "release 1"
release 2
take "release 2"
ctl_sign rollout abort
expect 2 "one that is done is not aborted"
said 'rollout undo' "and what takes it back is named"
ctl_sign rollout undo
expect 0 "but it is undone"
everybody
all_run 1 "all go back"
ctl rollout status
expect 8 "it counts as aborted"
ctl_sign rollout undo "$mine"
expect 0 "once more changes nothing"

release 3
ctl_sign rollout start all --pull --any-time --waves 100% --canary 0
second=$(noted)
everybody
ctl_sign rollout resume
everybody
ctl_sign rollout abort
expect 0 "another is aborted, and who has it keeps it"
everybody
all_run 3 "they keep it"
ctl_sign rollout abort
expect 2 "which is not done twice"
ctl_sign rollout abort "$second" --back
expect 0 "but it is taken back afterwards"
everybody
all_run 1 "all go back"

# --- where another one has taken its place ---

release 4
ctl_sign rollout start plan=plan-D --pull --any-time --waves 100% --canary 0
expect 0 "one plan follows another rollout"
ctl_sign rollout abort "$second" --back
expect 0 "the other plan can still go back"
said 'plan plan-D follows rollout .* and stays as it is' "and this one stays as it is"
[ "$(sheet plan-D .state)" = go ] || fail "its rollout goes on"
ok "its rollout goes on"
ctl_sign rollout abort
ctl_sign rollout start plan=plan01s --pull --any-time --waves 100% --canary 0
ctl_sign rollout abort "$second" --back
expect 6 "when no plan follows it any more, nobody can go back"
