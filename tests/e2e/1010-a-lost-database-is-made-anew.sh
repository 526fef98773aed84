#!/usr/bin/env bash
# The fleet's database is history, and what hosts run they say themselves. One that is a copy, came out of a backup, is another
# folder's or has broken bytes is noticed before anything is done with it, moved aside, and made anew from the hosts' receipts.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D plan01s
for id in ber-D ham-D muc-D; do host_make "$id" plan-D "${id%-D}"; done
host_make ber-01 plan01s berlin
health=$fleet/scripts/small/checks/health.sh
state=$fleet/.fleetctl
release()
{
	sed -i "s/# version .*/# version $1/" "$fleet/scripts/small/probes/beat.sh"
	sign
	[ "$code" -eq 0 ] || fail "release $1 is signed"
}
# field JQ VALUE SENTENCE: of the last --json.
field()
{
	local is
	is=$(jq -r "$1" "$T/out")
	[ "$is" = "$2" ] || fail "$3: $1 is $is, not $2"
	ok "$3"
}
rollouts() { ctl rollout status --all --json; jq -r '.rollouts[].id' "$T/out" | sort | tr '\n' ' '; }

# Three rollouts: one good, one that is red on a host and halts, one that is taken back.
ctl rollout start all --waves 100% --allow-blind
expect 0 "a first rollout reaches all"
first=$(sed -n 's/^rollout \(r-[^:]*\): 4 hosts.*/\1/p' "$T/err")
printf '#!/bin/sh\n[ "$FLEET_ID" != ber-D ]\n' >"$health"
sed -i 's/deadline: 10s/deadline: 1s/' "$fleet/plans/plan-D.yaml"
release 2
ctl rollout start plan=plan-D --waves 100%
expect 8 "a second is halted by a host that went back"
printf '#!/bin/sh\nexit 0\n' >"$health"
release 3
ctl rollout start ham-D
expect 0 "a third reaches one host"
ctl rollout undo
expect 0 "and is taken back"
known=$(rollouts)
[ "$(wc -w <<<"$known")" -eq 4 ] || fail "four rollouts are known: $known"
ctl status --verify
expect 0 "all receipts were seen"
cp "$state/fleet.db" "$T/backup.db"

# --- a database that is not this folder's own ---

# nobody_uses_it PATTERN SENTENCE: all that reads or drives refuses, and nothing is written.
nobody_uses_it()
{
	local was command
	was=$(cd "$state" && sha256sum fleet.db)
	for command in "rollout start all" "rollout resume" "rollout undo" "rollout status" "rollout pause" "status"; do
		# shellcheck disable=SC2086
		ctl $command
		[ "$code" -eq 6 ] || fail "$2: fleetctl $command is refused: exit code $code"
		grep -qE "$1" "$T/err" || fail "$2: fleetctl $command says why"
		grep -qF 'fleetctl status --rebuild' "$T/err" || fail "$2: fleetctl $command says what to do"
	done
	[ "$(cd "$state" && sha256sum fleet.db)" = "$was" ] || fail "$2: it is left as it was"
	ok "$2"
}
original=$fleet
fleet=$T/copied
cp -a "$original" "$fleet"
state=$fleet/.fleetctl
nobody_uses_it 'fleet.db is a copy: this folder was copied' "a fleet folder that was copied with its database is noticed"
ctl status --rebuild --json
expect 0 "it is made this folder's own"
field '.rebuilt.why | test("is a copy")' true "which says why"
[ -s "$(jq -r .rebuilt.lost "$T/out")/fleet.db" ] || fail "the copy is kept aside"
ok "and keeps the copy aside"
ctl rollout status
expect 4 "then it can be used"
fleet=$original
state=$fleet/.fleetctl
ctl rollout status
expect 0 "the folder that was copied goes on"

mv "$fleet" "$T/moved"
fleet=$T/moved
ctl rollout status
expect 0 "one that was only moved goes on as well"
mv "$T/moved" "$original"
fleet=$original

fleet=$T/other
state=$fleet/.fleetctl
cp -a "$original" "$fleet"
rm -rf "$state"
ctl rollout status
expect 2 "a clone of the fleet has no rollouts"
cp "$original/.fleetctl/fleet.db" "$state/fleet.db"
nobody_uses_it 'fleet.db is the database of another fleet folder' "the database of another folder is noticed"
rm "$state/deed"
nobody_uses_it 'fleet.db stands without the file' "and one that lost what was made with it"
fleet=$original
state=$fleet/.fleetctl

release 4
ctl rollout start muc-D
expect 0 "a fifth rollout"
after=$(rollouts)
cp "$state/fleet.db" "$T/newest.db"
cp "$T/backup.db" "$state/fleet.db"
rm -f "$state"/fleet.db-*
nobody_uses_it 'fleet.db is an older one, put back' "an older database that was put back into its place is noticed"
cp "$T/newest.db" "$state/fleet.db"
ctl rollout status
expect 0 "the newest one in its place is not"

# --- bytes that are broken ---

# broken SENTENCE: whoever needs it says so, and how to go on.
broken()
{
	ctl rollout status --history
	[ "$code" -eq 1 ] || fail "$1: exit code $code"
	grep -qE 'fleet.db is broken: .*fleetctl status --rebuild' "$T/err" || fail "$1: said with the remedy"
	ctl rollout start all
	[ "$code" -eq 1 ] || fail "$1: no rollout is begun with it: exit code $code"
	ok "$1"
}
whole() { rm -f "$state"/fleet.db-*; cp "$T/newest.db" "$state/fleet.db"; }
whole
dd if=/dev/zero of="$state/fleet.db" bs=1 count=16 conv=notrunc 2>/dev/null
broken "a file that is no database is noticed"
whole
truncate -s 12388 "$state/fleet.db"
broken "one that was cut short is noticed"
pages=$(($(stat -c %s "$T/newest.db") / 4096)) noticed=0
for page in $(seq 0 $((pages - 1))); do
	whole
	head -c 4096 /dev/urandom | dd of="$state/fleet.db" bs=4096 seek="$page" conv=notrunc 2>/dev/null
	ctl rollout start ber-D --max-failed 0 --release "$(printf '%064d' 0)"
	[ "$code" -ne 1 ] || noticed=$((noticed + 1))
done
[ "$noticed" -eq "$pages" ] || fail "noise in any page is noticed before a rollout begins: in $noticed of $pages"
ok "noise in any of its $pages pages is noticed before a rollout begins"
whole
sed 's/halted/hurted/g' "$T/newest.db" >"$state/fleet.db"
ctl rollout status --all
expect 1 "a word that nobody writes is noticed"
said 'is broken: a state "hurted", which no fleetctl writes; .*status --rebuild' "and named"
whole
truncate -s 12388 "$state/fleet.db"

# --- made anew ---

ctl rollout status "$first"
host_down ber-01
ctl status --rebuild --json
expect 4 "it is made anew from the hosts; one that is off is told by the exit code"
field '.rebuilt.why | test("is broken")' true "why it was needed is said"
field '.rebuilt.rollouts' 5 "five rollouts are told by receipts"
field '.rebuilt.hosts' 3 "of three hosts"
field '[.hosts[] | select(.live)] | length' 3 "what three hosts run is known"
field '.rebuilt.not_known | length' 3 "what cannot be known is said"
field '.rebuilt.not_known[0] | test("who began a rollout")' true "first of all, who decided"
[ "$(rollouts)" = "$after" ] || fail "the same rollouts are known as before: $(rollouts), not $after"
ok "the same rollouts are known as before"
ctl rollout status "$first" --history --json
expect 4 "one of them is not called good: nobody knows whom it did not reach"
field .rollout.state rebuilt "its state is a word of its own"
field '.rollout.reason | test("not known")' true "which says what is not known"
field '[.rollout.hosts[] | .host + "=" + .state] | sort | join(" ")' "ber-D=committed ham-D=committed muc-D=committed" "its hosts stand where they stood, but for the one that is off"
field '[.rollout.history[].text] | unique | join(" ")' committed "with their history"
host_up ber-01
ctl status --rebuild --json
expect 0 "when the last host is back, the same completes it"
field .rebuilt.lost null "and nothing is moved aside: nothing was wrong"
ctl rollout status "$first" --json
field '.rollout.hosts | length' 4 "the first rollout has all its hosts again"
second=$(cut -d' ' -f2 <<<"$after")
ctl rollout status "$second"
said 'ber-D .* rolled-back' "a host that went back is told as such"
ctl rollout resume "$second"
expect 2 "what was rebuilt is not resumed"
said 'is rebuilt: start a new one' "and that is said"
ctl rollout abort "$second"
expect 2 "nor aborted"
ctl status --rebuild
expect 0 "a second time changes nothing"
said 'nothing is wrong with this folder' "and says so"
ctl status --verify
expect 0 "receipts are verified as before"
release 5
ctl rollout start all --waves 100% --allow-blind
expect 0 "and the next rollout goes on"
ctl rollout status
expect 0 "which is the newest"
said '4 committed of 4' "and whole"

# --- who may not ---

ctl status --rebuild ber-D
expect 2 "it is made anew from all hosts, not from some"
ctl status --rebuild --cached
expect 2 "and not from memory"
exec 8>"$state/lock"
flock 8
ctl status --rebuild
expect 6 "and not under the hands of who drives a rollout"
exec 8>&-

# a receipt that another key signed tells nothing
sed -i "s/receipt_key: '[0-9a-f]*'/receipt_key: '$(printf '%064d' 0)'/" "$fleet/hosts.yaml"
rm -rf "$state"
ctl status --rebuild --json
expect 7 "receipts that the pinned key did not sign are not believed"
field .rebuilt.receipts 0 "and tell no history"
