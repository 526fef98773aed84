#!/usr/bin/env bash
# A host's receipts are signed and chained: what was left out, changed, copied or said by another is named; and what a rollout
# takes in is signed by the host's own key, or not believed.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
beat=$fleet/scripts/small/probes/beat.sh
host_make ber-D plan-D berlin
host_make tyo-D plan-D tokyo
version=1

# next_release: another one, signed.
next_release()
{
	sed -i "s/# version $version\$/# version $((version + 1))/" "$beat"
	version=$((version + 1))
	sign
	[ "$code" -eq 0 ] || fail "release $version is signed"
}
# card ID: its state folder. copy_card, put_card NAME ID: as an SD card is read out and written.
card() { printf '%s/hosts/%s/state' "$T" "$1"; }
copy_card() { rm -rf "${T:?}/$1" && cp -a "$(card "$2")" "$T/$1"; }
put_card()
{
	chmod -R u+w "$(card "$2")"
	rm -rf "$(card "$2")"
	cp -a "$T/$1" "$(card "$2")"
}
receipt_file() { printf '%s/receipts/%s.json' "$(card "$1")" "$2"; }
# json HOST FIELD: of the chain in the last status --verify --json.
json()
{
	tr -d '\n' <"$T/out" | sed 's/"host":/\n&/g' | sed -n "s/^\"host\": *\"$1\".*\"chain\": *{\\([^}]*\\)}.*/\\1/p" |
		tr ',' '\n' | sed -n "s/.*\"$2\": *\"\\{0,1\\}\\([^\"]*\\)\"\\{0,1\\}\$/\\1/p"
}

# --- what is right ---

ctl rollout start all
expect 0 "release 1 is rolled out"
next_release
ctl rollout start all
expect 0 "release 2 is rolled out"
ctl status --verify
expect 0 "the chains of both are verified"
said 'ber-D +verified +1 to 3' "from the receipt of the enrolment on"
[ "$(sed -n '2s/^[0-9a-f]\{128\}$/signed/p' "$(receipt_file ber-D 3)")" = signed ] || fail "each receipt has its signature behind it"
grep -q "\"previous\":\"$(head -n 1 "$(receipt_file ber-D 2)" | tr -d '\n' | sha256sum | cut -c1-64)\"" "$(receipt_file ber-D 3)" ||
	fail "and the digest of the one before in it"
bundle=$(host_status ber-D | sed -n 's/.*"bundle":"\([0-9a-f]*\)".*/\1/p')
grep -q "\"disk\":\"$bundle\"" "$(receipt_file ber-D 3)" || fail "and the digest of what the disk holds"
ok "receipts are signed, chained, and say what the disk holds"
next_release
ctl rollout start all
ctl status --verify --json
expect 0 "what came since is verified"
[ "$(json ber-D from)-$(json ber-D to)" = 1-4 ] || fail "with what was seen before"
ok "with what was seen before"
ctl status --verify --cached
expect 2 "nothing is verified that was not heard now"

# --- one that was left out, at the end and in the middle ---

copy_card sound ber-D
rm "$(receipt_file ber-D 4)"
next_release
ctl rollout start all
expect 0 "a rollout goes on where a receipt was removed that was seen"
ctl status --verify
expect 0 "nothing is missing of what is needed"
next_release
ctl rollout start tyo-D --allow-blind
ctl rollout start all
next_release
ctl rollout start all
rm "$(receipt_file ber-D 6)"
ctl status --verify --json
expect 0 "a receipt that a rollout has seen is not needed again"
on_host() { code=0; "$agent" "$@" --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>"$T/err" || code=$?; }
on_host rollback
on_host allow --all
ctl rollout start ber-D --allow-blind
rm "$(receipt_file ber-D 8)"
ctl status --verify
expect 7 "one that nobody has seen is missing"
said 'ber-D +gap +8 ' "and named"
said 'tyo-D +verified' "of this host alone"
ctl status --verify
expect 0 "once told, the chain goes on behind it"
said 'ber-D +verified +9' "from there"
rm "$(receipt_file ber-D 9)"
ctl status --verify
expect 7 "so does the newest"
said 'ber-D +(back|gap) ' "by a lower number"

# --- a byte ---

put_card sound ber-D
rm "$fleet"/.fleetctl/fleet.db*
ctl status --verify
expect 0 "an older copy is as good as any where nothing was seen"
rm "$fleet"/.fleetctl/fleet.db*
sed -i '1s/"verdict":"pass"/"verdict":"fail"/' "$(receipt_file ber-D 2)"
ctl status --verify
expect 7 "one word of an old receipt changed"
said 'ber-D +forged .*receipt 2: .*not signed by the key' "is seen"
put_card sound ber-D
sed -i '2d' "$(receipt_file ber-D 4)"
ctl status
expect 7 "the newest without its signature"
said 'ber-D .*not believed: receipt 4: .*is not signed' "is not believed by status either"

# --- the card copied: two hosts with one key ---

put_card sound ber-D
rm "$fleet"/.fleetctl/fleet.db*
host_runs ber-D >"$T/number"
ctl rollout start ber-D --allow-blind
expect 0 "the one is updated"
ctl status --verify ber-D
expect 0 "and its chain verified"
copy_card one ber-D
put_card sound ber-D
ctl status --verify ber-D
expect 7 "then its copy answers"
said 'ber-D +back +4' "which is behind"
ctl status --verify ber-D
expect 7 "as often as one asks"
ctl rollout start ber-D --allow-blind
expect 0 "it is updated: what this trial came to, its key has signed"
said 'receipts fork: receipt 5 was' "but the rollout names the fork"
ctl status --verify --json ber-D
expect 7 "two receipts have one number"
[ "$(json ber-D result)" = fork ] || fail "that is a fork"
[ "$(json ber-D from)" = 5 ] || fail "at number 5"
[ "$(json ber-D seen)" = "$(head -n 1 "$T/one/receipts/5.json" | tr -d '\n' | sha256sum | cut -c1-64)" ] || fail "with the digest that was seen"
[ "$(json ber-D shown)" = "$(head -n 1 "$(receipt_file ber-D 5)" | tr -d '\n' | sha256sum | cut -c1-64)" ] || fail "and the one that is shown"
ok "the fork is named, with both digests"
next_release
ctl rollout start ber-D --allow-blind
ctl status --verify ber-D
expect 7 "longer chains heal no fork"
put_card one ber-D
ctl status --verify ber-D
expect 0 "the card that was seen first is the one that holds"

# --- a new key ---

old=$(host_receipt_key ber-D)
"$agent" enrol --force --new-key --allow-volatile --id ber-D --plan plan-D --root "$fleet/repository/metadata/1.root.json" \
	--config-dir "$T/hosts/ber-D/etc" --state-dir "$(card ber-D)" --results "$T/hosts/ber-D/results" >"$T/out"
new=$(sed -n 's/^receipt key //p' "$T/out")
[ -n "$new" ] || fail "its public half is shown"
[ "$new" != "$old" ] || fail "a new key is made when asked for"
ok "a new key is made when asked for, and shown"
ctl status --verify ber-D
expect 7 "which nobody has vouched for"
said "ber-D +new-key .*$new.*host pin --replace ber-D" "the remedy is named"
ctl rollout start ber-D --allow-blind
expect 7 "a rollout does not believe it"
said 'ber-D: failed: its receipt is not believed' "and says so"
cp "$fleet/hosts.yaml" "$T/hosts.before"
ctl host pin ber-D
expect 6 "a pinned key is not replaced unasked"
cmp -s "$fleet/hosts.yaml" "$T/hosts.before" || fail "hosts.yaml is as it was"
ctl host pin --replace ber-D
expect 0 "asked, it is"
[ "$(diff "$T/hosts.before" "$fleet/hosts.yaml" | grep -c '^>')" = 1 ] || fail "one line of hosts.yaml changes"
grep -q "receipt_key: '$new'" "$fleet/hosts.yaml" || fail "to the new key"
ctl status --verify ber-D
expect 0 "its chain is verified from then on"
said 'ber-D .*a new chain' "as a new one"
ctl rollout start ber-D --allow-blind
expect 0 "and its receipts are believed"

# --- the key of another Pi, and none ---

cp "$(card tyo-D)/receipts/key" "$(card ber-D)/receipts/key"
next_release
ctl rollout start ber-D --allow-blind
expect 7 "the key of another Pi does not speak for this one"
runs ber-D "$version"
ctl status --verify ber-D
expect 7 "its receipt"
said 'ber-D +new-key' "is signed by a key that is not its own"
sed -i "/id: tyo-D/s/, receipt_key: '[0-9a-f]*'//" "$fleet/hosts.yaml"
ctl rollout start tyo-D --allow-blind
expect 0 "a host without a pinned key is believed"
said 'tyo-D: receipts unpinned: .*host pin' "which is told"
ctl status --verify tyo-D
expect 7 "but not verified"
sed -i "/id: tyo-D/s/}\$/, receipt_key: abc}/" "$fleet/hosts.yaml"
ctl status
expect 2 "a key that is none"
said 'hosts.yaml:[0-9]+: .*receipt_key: expected 64 hexadecimal digits' "is named with its line"

# --- pinned when it is added ---

sed -i '/id: tyo-D/d' "$fleet/hosts.yaml"
ctl host add tyo-D --plan plan-D --address 127.0.0.1 --port "$(cat "$T/hosts/tyo-D/port")" --user "$me" --scan
expect 0 "a host is added with the keys that it shows"
grep -q "id: tyo-D.*host_key: 'ssh-ed25519 .*receipt_key: '$(host_receipt_key tyo-D)'" "$fleet/hosts.yaml" || fail "both are pinned"
ctl status --verify tyo-D
expect 0 "and its chain is verified"
host_down tyo-D
sed -i '/id: tyo-D/s/, receipt_key: .*}/}/' "$fleet/hosts.yaml"
cp "$fleet/hosts.yaml" "$T/hosts.before"
ctl host pin tyo-D
expect 4 "one that does not answer is pinned by nobody"
cmp -s "$fleet/hosts.yaml" "$T/hosts.before" || fail "hosts.yaml is as it was"
ctl status --verify tyo-D
expect 4 "nor verified"
said 'tyo-D +not heard' "which is said"
host_up tyo-D
ctl host pin tyo-D
expect 0 "its key is pinned over SSH"

# --- a script changed on the disk ---

# altered: what runs is changed there; the release that is pushed next fails.
altered()
{
	local tree
	tree=$(readlink -f "$(card tyo-D)/current/tree")
	chmod -R u+w "$tree"
	echo '# not signed' >>"$tree/probes/beat.sh"
	next_release
}
cat >"$fleet/scripts/small/checks/health.sh" <<-'SCRIPT'
#!/bin/sh
exit 1
SCRIPT
sed -i 's/deadline: 10s/deadline: 1s/' "$fleet/plans/plan-D.yaml"
altered
ctl rollout start tyo-D --allow-blind
expect 8 "after a trial that failed the release before runs again"
ctl status --verify tyo-D
expect 0 "as it was signed: it was healed before it ran"
altered
rm "$(card tyo-D)/bundles/$(basename "$(readlink -f "$(card tyo-D)/current/tree")").tar"
ctl rollout start tyo-D --allow-blind
expect 8 "where there is nothing to heal it with"
ctl status --verify tyo-D
expect 7 "it is not as it was signed"
said 'tyo-D +altered .*fleet-agent verify' "the receipt says what the disk held"
