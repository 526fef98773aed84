#!/usr/bin/env bash
# The thief of the rollout SSH key has fleetctl, the public repository, and frames written by hand. He starts and undoes what the
# plan's role permits, so often a day, and takes the lease; he brings nothing of his own, clears no mark, runs no command, fills
# no disk.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/thief.sh"

tower_begin
plain_fleet plan-D plan01s
access_host ber-D plan-D berlin
access_host tyo-D plan-D tokyo
stolen=$T/operator
beat=$fleet/scripts/small/probes/beat.sh
health=$fleet/scripts/small/checks/health.sh
repository=$fleet/repository
release() { echo "$repository"/targets/plan-D/releases/*."$1.json"; }
version=1
next_release()
{
	sed -i "s/# version $version\$/# version $((version + 1))/" "$beat"
	version=$((version + 1))
	sign
	[ "$code" -eq 0 ] || fail "release $version is signed"
}

# Seven releases, the last five permitted: 3 was guilty, 4 was taken back.
ctl rollout start all
cp -a "$repository" "$T/first"
next_release
ctl rollout start all
sed -i 's/exit 0/exit 1/' "$health"
sed -i 's/deadline: 10s/deadline: 1s/' "$fleet/plans/plan-D.yaml"
next_release
ctl rollout start ber-D
expect 8 "release 3 was tried and found guilty"
sed -i 's/exit 1/exit 0/' "$health"
next_release
ctl rollout start ber-D
ctl rollout undo
expect 0 "release 4 was taken back"
next_release
ctl rollout start all
next_release
next_release
[ "$(host_runs ber-D)-$(host_runs tyo-D)" = 5-5 ] || fail "both run release 5"
marks() { host_marks "$1" guilty; host_marks "$1" held; }
marked=$(marks ber-D)
[ "$(echo "$marked" | wc -l)" -eq 2 ] || fail "two releases are marked on ber-D"

# --- what he can: what the role permits ---

operators=$fleet
fleet=$T/thief XDG_DATA_HOME=$T/thief-data
cp -a "$operators" "$fleet"
rm -rf "$fleet/.fleetctl" "$fleet"/*.db
ctl status
expect 0 "the thief asks for the status"
ctl rollout start ber-D --allow-blind
expect 0 "he starts a trial of the current release"
runs ber-D 7
ctl rollout start ber-D --allow-blind --release "$(digest "$(release 6)")"
expect 0 "and of an older one that the plan's role still permits"
runs ber-D 6
ctl rollout undo
expect 0 "he undoes it, to the release before"
runs ber-D 7
order '{"action": "undo", "rollout": "theft", "take": true}' | speak ber-D
refused missing 'no release before this one' "and no further"
marked=$(marks ber-D)

# --- a day's trials ---

grep -q trials_per_day "$T/hosts/tyo-D/etc/agent.json" && fail "tyo-D has the usual number"
sed -i '0,/{/s//{"trials_per_day": 4, /' "$T/hosts/tyo-D/etc/agent.json"
ctl rollout start tyo-D --allow-blind # the operator's were three
runs tyo-D 7
ctl rollout start tyo-D --allow-blind --release "$(digest "$(release 6)")"
expect 6 "one trial more than a day has"
said '4 trials were begun here within a day' "is refused, and it says why"
runs tyo-D 7

# --- nothing of his own ---

was=$(kept ber-D)
for id in "$(digest "$(release 3)")" "$(digest "$(release 4)")"; do
	ctl rollout start ber-D --allow-blind --release "$id"
	[ "$code" -eq 6 ] || fail "a release that is marked is not tried: exit code $code"
	papers=
	update "$id" | speak ber-D
	refused refused 'fleet-agent allow' "a guilty or held mark is not cleared"
done
papers manifest "$T/first/targets/plan-D/releases/$(basename "$(echo "$T"/first/targets/plan-D/releases/*.1.json)")"
update "$(digest "$(echo "$T"/first/targets/plan-D/releases/*.1.json)")" | speak ber-D
refused signature 'not among those that role plan-D permits' "a release that the role permits no longer"
papers timestamp "$T/first/metadata/timestamp.json" snapshot "$T/first/metadata/1.snapshot.json" plan-D "$T/first/metadata/1.plan-D.json" \
	manifest "$(echo "$T"/first/targets/plan-D/releases/*.1.json)"
update "$(digest "$(echo "$T"/first/targets/plan-D/releases/*.1.json)")" | speak ber-D
refused older timestamp "nor with the metadata of its day"
other=$(echo "$repository"/targets/plan01s/releases/*.1.json)
papers manifest "$other"
update "$(digest "$other")" | speak ber-D
refused foreign 'is for plan plan01s, this host has plan-D' "another plan's release"
sed 's/"settle_ms":0/"settle_ms":1/; s/"number":7/"number":8/' "$(release 7)" >"$T/mine"
papers manifest "$T/mine"
update "$(digest "$T/mine")" | speak ber-D
refused signature 'not among' "a manifest of his own"
platform=debian12-gnu-$(dpkg --print-architecture)
printf '{"bundle":{"length":10240,"sha256":"%s"},"format":1,"platform":"%s","version":"99.0.0"}' "$(digest "$T/mine")" "$platform" >"$T/agent"
papers "agent/$platform" "$T/agent"
take_agent "$(digest "$T/agent")" | speak ber-D
refused missing 'nobody signs for it' "an agent of his own"
papers agent "$repository/metadata/7.plan-D.json" "agent/$platform" "$T/agent"
take_agent "$(digest "$T/agent")" | speak ber-D
refused missing 'nobody signs for it' "nor by another role's hand"
sed "s/$(digest "$(release 7)")/$(digest "$T/mine")/" "$repository"/metadata/7.plan-D.json >"$T/role"
papers plan-D "$T/role" manifest "$T/mine"
update "$(digest "$T/mine")" | speak ber-D
grep -q '^7 ' "$T/out" || fail "a role of his own"
ok "a role that he changed"
sed 's/# version 7/# version 8/' -i "$fleet/scripts/small/probes/beat.sh"
sign
[ "$code" -ne 0 ] || fail "without keys nothing is signed in this fleet's name"
fleet=$T/own XDG_DATA_HOME=$T/own-data
"$fleetctl" init "$fleet" >"$T/out" 2>"$T/err" || fail "he makes a fleet"
printf '\nssh: {identity: %s}\n' "$stolen" >>"$fleet/fleet.yaml"
rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
cp -a "$operators"/plans/. "$fleet/plans/"
cp -a "$operators"/scripts/. "$fleet/scripts/"
cp "$operators/hosts.yaml" "$fleet/hosts.yaml"
access_write operator:look,roll
ctl key new --all --plain
sign
[ "$code" -eq 0 ] || fail "and signs in it what he likes"
ctl rollout start ber-D --allow-blind
expect 7 "releases that he signs himself are refused"
metadata=$fleet/repository/metadata
mine=$(echo "$fleet"/repository/targets/plan-D/releases/*.1.json)
papers 2.root "$metadata/1.root.json" timestamp "$metadata/timestamp.json" manifest "$mine"
update "$(digest "$mine")" | speak ber-D
grep -qE '^7 .*"code": *"(signature|older)"' "$T/out" || fail "a root of his own"
ok "with a root of his own"
papers timestamp "$metadata/timestamp.json" manifest "$mine"
update "$(digest "$mine")" | speak ber-D
refused signature timestamp "with a timestamp of his own"
list=$(echo "$fleet"/repository/targets/fleet/*.access.json)
papers timestamp "$metadata/timestamp.json" snapshot "$metadata/1.snapshot.json" fleet "$metadata/1.fleet.json" fleet/access.json "$list"
{ order "{\"action\": \"access\", \"rollout\": \"theft\", \"take\": true, \"papers\": [$papers]}"; frame 3 <"$T/papers"; } | speak ber-D
refused signature timestamp "and so is his list of who may come in"
papers fleet/access.json "$list"
{ order "{\"action\": \"access\", \"rollout\": \"theft\", \"take\": true, \"papers\": [$papers]}"; frame 3 <"$T/papers"; } | speak ber-D
refused signature 'role fleet signs neither' "which role fleet did not sign"
[ "$(kept ber-D)" = "$was" ] || fail "nothing changed on the host: $(diff <(echo "$was") <(kept ber-D))"
ok "nothing changed on the host"
fleet=$operators XDG_DATA_HOME=$T/home/data

# --- no shell ---

no_shell()
{
	! grep -q 'uid=\|SSH-2\|root:\|PRIVATE' "$T/out" || fail "$1 gets nowhere"
	[ ! -e "$T/marker" ] || fail "$1 gets nowhere: a file was made"
	ok "$1 gets nowhere"
}
door ber-D -- id
no_shell "a command"
door ber-D -- "touch $T/marker; id"
no_shell "a command line"
door ber-D -tt </dev/null
no_shell "a terminal"
grep -q 'PTY allocation request failed' "$T/err" || fail "it is refused"
door ber-D -s -- sftp </dev/null
no_shell "sftp"
door ber-D -W "127.0.0.1:$(cat "$T/hosts/tyo-D/port")" </dev/null
[ "$code" -ne 0 ] || fail "forwarding is refused"
no_shell "forwarding to another host"
door ber-D -N -o ExitOnForwardFailure=yes -R "$T/marker:127.0.0.1:22" </dev/null
[ "$code" -ne 0 ] || fail "forwarding back is refused"
no_shell "forwarding back"
code=0
timeout 30 scp -q -F none -i "$stolen" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -P "$(cat "$T/hosts/ber-D/port")" \
	"$me@127.0.0.1:$T/hosts/ber-D/etc/agent.json" "$T/marker" >"$T/out" 2>"$T/err" </dev/null || code=$?
[ "$code" -ne 0 ] || fail "no file is read"
no_shell "scp"

# --- the disk ---

id=$(digest "$(release 5)") plan=$(release 5)
length=$(sed 's/.*"bundle":{"length":\([0-9]*\),.*/\1/' "$plan")
most=$((length + length / 128 + 65536))
papers manifest "$plan"
# stage DIGEST LENGTH BYTES [MORE]: so much of a payload.
stage()
{
	{ update "$id" "\"payload\": \"full\", \"payload_sha256\": \"$1\", \"payload_length\": $2${4:-}"; head -c "$3" /dev/zero | frame 4; } | speak ber-D
}
some() { printf 'ab%062d' "$1"; }
stage "$(some 0)" $((most + 1)) 0
refused limit "a payload of $((most + 1)) bytes" "a payload longer than any that the bundle can need"
stage "$(some 0)" 1000 1001
refused protocol 'more bytes than the payload has' "one that goes on behind its end"
stage "$(some 0)" 1000 1000
refused digest 'dropped' "one whose bytes are not what it is named by"
stage "$(some 0)" 1000 0
refused protocol 'without a byte' "one that never comes"
stage "$(some 0)" "$most" 10 ", \"at\": $((most - 20))"
refused protocol 'goes on at byte' "one that leaves a hole"
for n in 1 2 3 4 5 6; do stage "$(some "$n")" "$most" $((most / 2)); done
parts=$(find "$T/hosts/ber-D/state/staging" -name '*.part' | wc -l)
bytes=$(du -sb "$T/hosts/ber-D/state/staging" | cut -f1)
[ "$parts" -eq 2 ] || fail "of many payloads that he begins two are kept, not $parts"
[ "$bytes" -le $((2 * most + 65536)) ] || fail "they are no longer than two bundles: $bytes bytes"
ok "of many payloads that he begins two are kept, $bytes bytes in all"
ctl rollout start ber-D --allow-blind --take --release "$id"
runs ber-D 5

# --- frames without end ---

perl -e 'print pack("NC", 1, 200) . "x" for 1 .. 1001' | speak ber-D
refused limit 'more than 1000 frames' "frames of no known kind, without end"
perl -e 'print pack("NC", 1 << 31, 2), "x" x 100000' | speak ber-D
refused limit 'a frame of 2147483648 bytes' "a frame of 2 GiB"
order '{"action": "undo", "lease_ms": 999999999}' | speak ber-D
grep -q '^7 .*lease_ms' "$T/out" || fail "a lease for ever"
ok "a lease for ever"
order '{"action": "confirm", "nonce": "guess"}' | speak ber-D
refused refused 'no trial waits' "a confirmation that nobody waits for"
{ yes '{"action": "ask"}' | head -c 3000000 || true; } | door ber-D
said 'the other side greets with' "and what is no frame at all"

# --- many sessions ---

mkfifo "$T/quiet"
exec 9<>"$T/quiet"
idle=()
# eight at a time: sshd lets no more than ten in at once who have not shown a key yet
open() { [ "$(cat "$T"/idle.* | grep -ac fleetw1)" -ge "$1" ]; }
for n in $(seq 16); do
	(exec ssh -F none -i "$stolen" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		-p "$(cat "$T/hosts/ber-D/port")" "$me@127.0.0.1" <"$T/quiet" >"$T/idle.$n" 2>/dev/null) &
	idle+=($!)
	pids+=($!)
	[ $((n % 8)) -ne 0 ] || until_true 300 open "$n" || fail "$n sessions are open"
done
order '{"action": "ask"}' | speak ber-D
refused busy '16 sessions are open here' "the seventeenth session at once"
kill "${idle[@]}"
wait "${idle[@]}" 2>/dev/null || true
exec 9>&-
again() { order '{"action": "ask"}' | speak ber-D && grep -q '^6 ' "$T/out"; }
until_true 100 again || fail "when they end, the next is answered"
ok "when they end, the next is answered"

# --- the lease, and its owner ---

for _ in 1 2; do order '{"action": "undo", "rollout": "theft", "who": "thief", "lease_ms": 600000, "take": true}' | speak ber-D; done
refused missing 'no release before' "he undoes again, and has the lease"
next_release
ctl rollout start ber-D --allow-blind
expect 6 "which the operator's next release meets"
said 'rollout theft of thief holds this host' "and which is named"
ctl rollout start ber-D --allow-blind --take
expect 0 "the operator takes it back"
runs ber-D 8
ctl status --verify
expect 0 "what he did stands in receipts that are whole"
[ "$(marks ber-D | grep -cF "$marked")" -eq "$(echo "$marked" | wc -l)" ] || fail "every mark is where it was"
ok "every mark is where it was"
