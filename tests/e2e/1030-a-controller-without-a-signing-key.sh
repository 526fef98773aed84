#!/usr/bin/env bash
# What 0670 leaves: the thief of the rollout SSH key sends papers and payloads that swell, and orders by the thousand. Each is
# refused in bounded memory and disk, nothing that runs changes, and the operator's next rollout finds the host as it was.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/thief.sh"

tower_begin
plain_fleet plan-D
host_make ber-D plan-D berlin
host_make tyo-D plan-D tokyo
ctl rollout start all --waves 100%
expect 0 "two hosts run release 1"
sed -i 's/# version 1/# version 2/' "$fleet/scripts/small/probes/beat.sh"
sign
stolen=$T/operator
next=$(echo "$fleet"/repository/targets/plan-D/releases/*.2.json)
metadata=$fleet/repository/metadata
# the agent as it is, but with no more memory than a Pi lends it; a sanitizer maps more than there is
grep -qa __asan_init "$agent" || sed -i "s|command=\"|command=\"ulimit -v 400000; exec |" "$T/hosts/ber-D/authorized_keys"
was=$(kept ber-D)
unchanged()
{
	[ "$(kept ber-D)" = "$was" ] || fail "$1: nothing changed: $(diff <(echo "$was") <(kept ber-D))"
	[ "$(du -sm "$T/hosts/ber-D/state" | cut -f1)" -lt 4 ] || fail "$1: the disk is not filled"
	ok "$1"
}

# --- papers that swell ---

head -c 1000000000 /dev/zero | zstd -q -c >"$T/bomb"
length=$(stat -c %s "$T/bomb")
papers manifest "$next"
cp "$T/bomb" "$T/papers"
update "$(digest "$next")" | speak ber-D
grep -qE '^7 .*"code": *"(limit|digest|syntax|protocol|signature)"' "$T/out" || fail "papers of $length bytes that swell to a gigabyte are refused"
unchanged "papers of $length bytes that swell to a gigabyte are refused"
papers manifest "$next"
order "{\"action\": \"update\", \"rollout\": \"theft\", \"release\": \"$(digest "$next")\", \"papers\": [$(for n in $(seq 97); do
	printf '%s{"name": "manifest", "length": 16000000, "sha256": "%064d"}' "${comma:-}" "$n"
	comma=,
done)]}" | speak ber-D
grep -q '^7 .*papers' "$T/out" || fail "an order that announces a gigabyte and a half of papers is refused"
unchanged "an order that announces a gigabyte and a half of papers is refused"

# --- a payload that swells: it is what it is named by, and no more than a bundle may take, until it is opened ---

papers timestamp "$metadata/timestamp.json" snapshot "$metadata/2.snapshot.json" plan-D "$metadata/2.plan-D.json" manifest "$next"
{
	update "$(digest "$next")" "\"payload\": \"full\", \"payload_sha256\": \"$(digest "$T/bomb")\", \"payload_length\": $length"
	split -b 32768 --filter='perl -e "local \$/; my \$b = <STDIN>; print pack(q(NC), length \$b, 4), \$b"' "$T/bomb"
} | speak ber-D
! grep -qE '^6 .*"verdict": *"(pass|unproven)"' "$T/out" || fail "a payload of $length bytes that swells to a gigabyte is not taken"
runs ber-D 1
[ "$(du -sm "$T/hosts/ber-D/state" | cut -f1)" -lt 8 ] || fail "nor does it fill the disk"
ok "a payload of $length bytes that swells to a gigabyte is not taken, and does not fill the disk"

# --- orders by the thousand ---

was=$(kept ber-D)
perl -e 'print pack("NC", 16, 2), "{\"action\":\"ask\"}" for 1 .. 3000' >"$T/orders"
speak ber-D <"$T/orders"
[ "$(grep -c '^6 ' "$T/out")" -le 1 ] || fail "of thousands of orders in one session one is heard"
unchanged "of thousands of orders in one session one is heard"
perl -e 'print pack("NC", 1 << 20, 2), "[" x (1 << 20)' | speak ber-D
grep -q '^7 ' "$T/out" || fail "an order of a million levels is refused"
unchanged "an order of a million levels is refused"
for kind in 1 5 6 8; do
	order '{"action":"ask"}' | perl -e 'local $/; print pack("NC", 2, $ARGV[0]), "{}", <STDIN>' "$kind" | speak ber-D
	grep -q '^7 ' "$T/out" || fail "a frame that only a host says (kind $kind) is refused"
done
unchanged "frames that only a host says are refused"

# --- and then ---

ctl rollout start all --waves 100% --take
expect 0 "the operator's next rollout finds the host as it was"
runs ber-D 2
ctl status --verify
expect 0 "and its receipts are whole"
