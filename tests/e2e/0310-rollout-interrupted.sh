#!/usr/bin/env bash
# A rollout that is interrupted, killed, paused, aborted or started twice: hosts finish their trials by themselves, resume goes
# on from what they really run, and no host is updated twice.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
gate=$T/gate
mkdir "$gate"
# A trial that stands still until the gate opens, and says whose it is.
cat >"$fleet/scripts/small/checks/health.sh" <<-SCRIPT
	#!/bin/sh
	touch "$gate/on-\$FLEET_ID"
	while [ ! -e "$gate/open" ]; do sleep 0.05; done
SCRIPT
sed -i 's/timeout: 5s}$/timeout: 50s}/; s/every: 10s/every: 60s/; s/deadline: 10s/deadline: 100s/' "$fleet/plans/plan-D.yaml"
for id in ber-D ham-D muc-D; do host_make "$id" plan-D "${id%-D}"; done

version=1
new_release()
{
	version=$((version + 1))
	sed -i "s/# version .*/# version $version/" "$fleet/scripts/small/probes/beat.sh"
	sign
	[ "$code" -eq 0 ] || fail "release $version is signed"
	rm -f "$gate"/*
}
open_gate() { touch "$gate/open"; }
anybody_on_trial() { compgen -G "$gate/on-*" >/dev/null; }
# start ARGS...: fleetctl in the background, as $driver; its streams in $T/driver.*
start()
{
	: >"$T/driver.err" # before it is waited for: what the last one said is not what this one says
	"$fleetctl" "$@" --fleet "$fleet" >"$T/driver.out" 2>"$T/driver.err" </dev/null &
	driver=$!
	pids+=("$driver")
}
driver_said() { grep -qE -e "$1" "$T/driver.err"; }
wait_said() { until_true 600 driver_said "$1" || { cp "$T/driver.err" "$T/err"; fail "fleetctl says /$1/"; }; }
wait_trial() { until_true 600 anybody_on_trial || { cp "$T/driver.err" "$T/err"; fail "a host comes on trial"; }; }
# ended: its exit code in $code, what it said where `said` looks.
ended()
{
	code=0
	wait "$driver" || code=$?
	cp "$T/driver.out" "$T/out"
	cp "$T/driver.err" "$T/err"
}
killed()
{
	kill -KILL "$driver"
	ended 2>/dev/null # bash says "Killed"
}
# tried ID N: how often the release with number $version was tried there, by its receipts.
tried()
{
	local n
	n=$({ grep -lE "\"release_number\": ?${version}[,}]" "$T/hosts/$1/state/receipts"/*.json || true; } | wc -l)
	[ "$n" -eq "$2" ] || fail "host $1 tried release $version $2 times: it tried $n times"
}
now_runs() { [ "$(host_runs "$1")" = "$version" ]; }
all_once()
{
	local id
	for id in ber-D ham-D muc-D; do
		runs "$id" "$version"
		tried "$id" 1
	done
	ok "and each host was updated once"
}

# --- ^C ---
new_release
start rollout start all --waves 100%
wait_trial
kill -INT "$driver"
wait_said 'interrupted: hosts on trial are waited for'
kill -0 "$driver" || fail "fleetctl waits for the host on trial"
open_gate
ended
expect 130 "^C pauses"
said 'ber-D: committed' "after the host on trial was waited for"
said 'to go on: fleetctl rollout resume r-[0-9]' "the command that goes on is printed"
runs ham-D 0
ctl rollout status
expect 130 "status tells a paused rollout by its exit code"
said 'paused: interrupted' "and in words"
resume=$(sed -n 's/^to go on: fleetctl //p' "$T/driver.err")
# shellcheck disable=SC2086
ctl $resume
expect 0 "the printed command goes on"
all_once
ctl rollout resume
expect 2 "what is done is not resumed"
said 'is done: start a new one' "with the next command"

# --- ^C twice ---
new_release
start rollout start all --waves 100%
wait_trial
kill -INT "$driver"
wait_said 'interrupted'
kill -INT "$driver"
ended
expect 130 "^C twice leaves at once, with a host on trial"
[ ! -e "$gate/open" ] || fail "the trial had not ended"
ctl rollout status
said 'ber-D .* running' "the host on trial is known"
open_gate
ctl rollout resume
expect 0 "resume follows the trial that went on alone"
all_once

# --- SIGKILL, wherever it was ---
killed_at()
{
	new_release
	[ "$2" = closed ] || open_gate
	start rollout start all --waves 50%,100%
	if [ -n "$1" ]; then wait_said "$1"; else wait_trial; fi
	killed
	ctl rollout status
	if [ "$2" = open ] && [ "$code" -eq 0 ]; then
		ok "killed $3: it had just ended"
		all_once
		return
	fi
	expect 4 "killed $3: it is not done"
	open_gate
	ctl rollout resume
	expect 0 "killed $3: resume ends it"
	all_once
}
killed_at '^rollout r-' closed "as soon as it had begun"
killed_at '^canary' closed "in its canary"
killed_at '' closed "while a host was on trial"
killed_at 'ber-D: committed' open "after the first commit"
killed_at '^wave 2' open "in its last wave"

# --- from another process ---
new_release
start rollout start all --waves 100%
wait_trial
ctl rollout pause
expect 0 "another fleetctl asks it to pause"
said 'asked to pause; hosts on trial are waited for' "and says what is waited for"
ctl rollout start all
expect 6 "a second rollout from this folder is refused"
said "are being driven by .*@.* \(process $driver\)" "with the name of the other"
ctl rollout resume
expect 6 "so is a resume"
open_gate
ended
expect 130 "it paused"
said 'paused: asked by .fleetctl rollout pause.' "because it was asked"
ctl rollout pause
expect 2 "what is paused is not paused again"
ctl rollout resume
expect 0 "and goes on"
all_once

new_release
start rollout start all --waves 100%
wait_trial
ctl rollout pause
ctl rollout abort
expect 0 "a pause that is under way may become an abort"
open_gate
ended
expect 8 "an aborted rollout"
said 'aborted: asked by .fleetctl rollout abort.' "says so"
runs ber-D "$version"
runs ham-D $((version - 1))
ctl rollout resume
expect 2 "an aborted rollout is not resumed"
ctl rollout start all --waves 100%
expect 0 "a new one brings the rest"
said '2 committed, 1 same of 3' "and leaves alone what has it"
all_once

new_release
start rollout start all --waves 100%
wait_trial
killed
open_gate
ctl rollout abort
expect 0 "a rollout that nobody drives is aborted at once"
ctl rollout status
expect 8 "and is aborted"
until_true 600 now_runs ber-D || fail "the host ends its trial by itself"
ok "while the host on trial ends it by itself"

# --- the connection is lost, not the host ---
new_release
start rollout start all --waves 100%
wait_trial
sshd=$(cat "$T/hosts/ber-D/pid")
for session in $(ps -o pid= --ppid "$sshd"); do kill "$session"; done
wait_said 'ber-D: try 1: .*again in'
open_gate
ended
expect 0 "a host that is lost in its trial is followed when it is back"
said 'ber-D: committed' "and its own receipt says how it ended"
all_once

# --- soak ---
new_release
open_gate
start rollout start all --canary 1 --waves 100% --soak 10m
wait_said 'soaking for 10m'
kill -INT "$driver"
ended
expect 130 "^C ends a soak at once"
start rollout resume
wait_said 'soaking for 10m'
ctl rollout pause
ended
expect 130 "a rollout that goes on soaks before a wave that had not begun"
tried ham-D 0
tried muc-D 0

# --- a host leaves the fleet meanwhile ---
sed -i '/id: muc-D/d' "$fleet/hosts.yaml"
start rollout resume
wait_said 'soaking for 10m'
ctl rollout abort
ended
expect 8 "an abort ends a soak as well"
ctl rollout status
said 'muc-D .* deferred .*is no longer in hosts.yaml' "a host that left is deferred"
ctl host add muc-D --plan plan-D --address 127.0.0.1 --port "$(cat "$T/hosts/muc-D/port")" --user "$me" \
	--host-key "$(cut -d' ' -f1,2 "$T/hosts/muc-D/host_key.pub")"
ctl rollout start all --waves 100%
expect 0 "a new rollout brings the rest"
all_once

# --- a limit that was reached ---
open_gate
printf '#!/bin/sh\nexit 1\n' >"$fleet/scripts/small/checks/health.sh"
sed -i 's/timeout: 50s/timeout: 2s/; s/deadline: 100s/deadline: 3s/' "$fleet/plans/plan-D.yaml"
sign
[ "$code" -eq 0 ] || fail "a release with a failing check is signed"
version=$((version + 1))
ctl rollout start all --waves 100%
expect 8 "a failed canary halts" # and the lease of the soak that was left is no obstacle
tried ber-D 1
ctl rollout resume
expect 8 "resume without another limit stays halted"
tried ham-D 0
tried muc-D 0
ok "and puts nobody on trial"
ctl rollout resume --max-failed 1
expect 8 "with one failure more allowed the next host is tried, and halts it again"
tried ber-D 1
