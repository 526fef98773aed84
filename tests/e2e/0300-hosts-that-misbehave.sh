#!/usr/bin/env bash
# Hosts that are off, silent, strange or somebody else: each is told in a sentence, and none stops the others.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D plan01s
sed -i 's/^defaults: .*/defaults: {parallel: 8, connect: 3s, silence: 3s}/' "$fleet/fleet.yaml"

# says ID COMMAND: what the host's account runs instead of fleet-agent.
says()
{
	printf 'restrict,command="%s" %s\n' "$2" "$(cat "$T/operator.pub")" >"$T/hosts/$1/authorized_keys"
}
# told ID STATE PATTERN SENTENCE: of the newest rollout.
told()
{
	grep -qE -e "^$1 .* $2 .*$3" "$T/status" || { cp "$T/status" "$T/out"; fail "$4: expected $1 to be $2 with /$3/"; }
	ok "$4"
}
status_of_newest()
{
	ctl rollout status
	cp "$T/out" "$T/status"
}
one()
{
	ctl rollout start "$1" --max-failed 1
}

# The good ones stand first in hosts.yaml: one of them is the canary.
for id in good-1 good-2 good-3; do host_make "$id" plan-D berlin; done
host_make off plan-D berlin
host_make keyless plan-D berlin
host_make reborn plan-D berlin
host_make silent plan-D berlin
host_make chatty plan-D berlin
host_make bare plan-D berlin
host_make swapped plan-D berlin
host_make moved plan-D berlin
host_make other plan01s berlin

host_down off
: >"$T/hosts/keyless/authorized_keys"
host_down reborn
rm "$T/hosts/reborn/host_key" "$T/hosts/reborn/host_key.pub"
ssh-keygen -q -t ed25519 -N '' -f "$T/hosts/reborn/host_key"
host_up reborn
says silent 'exec cat >/dev/null'
says chatty "echo 'Welcome to Debian, have a nice day'; exec $agent serve --config-dir $T/hosts/chatty/etc"
says bare '/usr/local/bin/there-is-no-fleet-agent serve'
says swapped "exec $agent serve --config-dir $T/hosts/other/etc"
# enrolled for another plan than hosts.yaml says
rm -rf "$T/hosts/moved/etc" "$T/hosts/moved/state"
host_enrol moved plan01s

ctl rollout start plan=plan-D --max-failed 20 --waves 100%
expect 7 "a key that is not the pinned one weighs most of what went wrong"
said '3 committed' "every host that could be updated was"
for id in good-1 good-2 good-3; do runs "$id" 1; done
runs other 0

status_of_newest
told off unreachable 'no connection to 127.0.0.1 port [0-9]+: Connection refused' "a host that is off is unreachable, with the kernel's words"
told keyless unreachable 'refuses our SSH key.*authorized_keys' "a host that refuses the key is unreachable, with where to look"
told reborn refused 'another host key than the one pinned.*Nothing was sent' "a host with another host key gets nothing"
told silent unreachable 'nothing was said for 3s' "a host that hangs after the handshake is given up"
told chatty failed 'greets with .Welcome to Debian, have a nice day' "a greeting before the wire is quoted"
told bare failed 'status 127.*there-is-no-fleet-agent' "a host without the agent says what its shell said"
told swapped failed 'calls itself .other.' "a host that is another one is not updated"
told moved failed 'enrolled for plan plan01s, hosts.yaml says plan-D' "a host of another plan is not updated"

one off
expect 4 "only unreachable: exit code 4"
said 'try 1: .*again in' "and it was tried again"
one keyless
expect 4 "refused logins count as unreachable: exit code 4"
one reborn
expect 7 "another host key: exit code 7"
one chatty
expect 3 "a host that does not speak the wire failed: exit code 3"
one swapped
expect 7 "another host behind the address: exit code 7"
one moved
expect 7 "another plan: exit code 7"

ctl rollout start off silent reborn good-1 --max-unreachable 0
[ "$code" -eq 7 ] || [ "$code" -eq 8 ] || fail "more unreachable than allowed halts: exit code 8, or 7 when the key came first; got $code"
said 'halted: ' "more unreachable hosts than --max-unreachable halt the rollout"

ctl status off good-1
expect 4 "status tells of a host that is off"
said '^off .*(never|ago|now) .*Connection refused' "with the reason"
said '^good-1 .*1 [0-9a-f]{8}' "and of the one beside it what it runs"
ctl status swapped
expect 7 "status does not take another host's word"
ctl status --cached swapped
said 'swapped .*unknown' "nor keep it"

# The canary is off: the next host of its plan goes ahead in its place.
sed -i 's/# version 1/# version 2/' "$fleet/scripts/small/probes/beat.sh"
sign
[ "$code" -eq 0 ] || fail "a second release is signed"
host_down good-1
ctl rollout start good-1 good-2 good-3 --canary 1
expect 4 "a rollout whose canary is off goes on without it"
said 'good-1: unreachable' "it is given up"
said 'good-[23]: becomes the canary: the one before it proved nothing' "the next host becomes the canary"
said '2 committed, 1 unreachable of 3' "and the rest follows"
runs good-2 2
runs good-3 2

# It comes back, with an address that names nothing beside it.
host_up off
sed -i 's/^- {id: bare, plan: plan-D, site: .berlin., address: .127.0.0.1./- {id: bare, plan: plan-D, site: berlin, address: no-such-host.invalid/' "$fleet/hosts.yaml"
ctl rollout start off bare --max-failed 1
expect 4 "a name that is not found is unreachable"
said 'bare: .*no-such-host.invalid is not found' "and the name is said"
runs off 2
ctl rollout start ''
expect 2 "an empty selector means nobody"
