#!/usr/bin/env bash
# Whatever the clock says, in every state of the network: a host runs on, takes what is newer and nothing older, and its trials end
# by a clock that only counts on. A clock that the kernel vouches for is believed, one that it does not is none.
. "$(dirname "$0")/web.sh"

preload=$build/tests/clock-preload.so
[ -e "$preload" ] || { say "skipped: no other clock for this build"; exit 77; }
tower_begin
small_fleet plan-D
web_begin

# The line to the server: up, down, or one that breaks after so many bytes.
relay_port=0
line_up()
{
	: >"$T/relay"
	"$build/tests/bench/relay" "$relay_port" "$web_port" 0 "${1:-0}" >"$T/relay" &
	relay_pid=$!
	pids+=("$relay_pid")
	until_true 50 grep -q port "$T/relay" || fail "the line is up"
	relay_port=$(sed -n 's/{"port":\([0-9]*\)}/\1/p' "$T/relay")
}
line_down()
{
	kill "$relay_pid"
	wait "$relay_pid" 2>/dev/null || true
}
line_up
ca=$(awk '{ printf "%s\\n", $0 }' "$T/nginx/ca")
sources "{\"kind\": \"https\", \"url\": \"https://127.0.0.1:$relay_port/fleet/\", \"ca\": \"$ca\"}"
puller ber-D plan-D
h=$T/hosts/ber-D
state=$h/state
roll()
{
	sign
	ctl_sign rollout abort
	ctl_sign rollout start all --pull --any-time --allow-blind
	publish
}

# Release 2 runs and 3 is published; a server that went back has what was before 2.
roll
cp -a "$T/published" "$T/older"
head -c 60000 /dev/urandom >"$fleet/scripts/small/weight"
roll
pull ber-D --now
runs ber-D 2
floor=$(head -n 1 "$state/trust/floor")
head -c 60000 /dev/urandom >"$fleet/scripts/small/weight"
roll
cp -a "$T/published" "$T/newer"
rm -rf "$T/newer/patches"
cp -a "$state" "$T/whole"
back() { chmod -R u+w "$state" && rm -rf "$state" && cp -a "$T/whole" "$state"; }
serves() { rm -rf "$T/published" && cp -a "$T/$1" "$T/published"; }

# at CLOCK SYNCED COMMAND...: the agent under that clock
at()
{
	local clock=$1 synced=$2
	shift 2
	code=0
	env ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$preload" FLEET_TEST_TIME="$clock" FLEET_TEST_SYNCED="$synced" \
		"$agent" "$@" --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null || code=$?
}
now=$(date +%s)
ahead=$((now + 10 * 365 * 86400))

# flaps NAME CLOCK SYNCED: a line that breaks in every payload.
flaps()
{
	local tries
	line_up 40000
	for ((tries = 0; tries < 8; tries++)); do
		at "$2" "$3" pull --now
		[ "$code" -ne 0 ] || break
	done
	[ "$(host_runs ber-D)" = 3 ] || fail "$1: over a line that breaks again and again the release comes in the end"
	[ "$tries" -gt 0 ] || fail "$1: the line broke"
	line_down
}
# takes NAME CLOCK SYNCED: release 3, in every state of the line; then nothing older.
takes()
{
	local name=$1
	back
	serves newer
	line_down
	at "$2" "$3" boot
	[ "$code" -eq 0 ] || fail "$name: a host boots without a network"
	at "$2" "$3" pull --now
	[ "$code" -eq 1 ] || fail "$name: without a network nothing comes"
	[ "$(host_runs ber-D)" = 2 ] || fail "$name: and what runs runs on"
	[ "$2" -eq "$ahead" ] || flaps "$@"
	line_up
	back
	at "$2" "$3" pull --now
	[ "$(host_runs ber-D)" = 3 ] || fail "$name: over one that is up at once"
	serves older
	at "$2" "$3" pull --now
	[ "$(host_runs ber-D)" = 3 ] || fail "$name: what is older is not taken"
	[ "$(head -n 1 "$state/trust/floor")" -ge "$floor" ] || fail "$name: the floor never sinks"
	ok "$name: in every state of the line the newer release, and never an older one"
}

takes "1970" 60 no
takes "a day before the newest signature" $((floor - 86400)) no
takes "the right time" "$now" yes
takes "ten years ahead, and nobody vouches for it" "$ahead" no
grep -hq '"stale":true' "$state"/receipts/*.json || fail "its receipt says that dates were let pass"
ok "its receipt says that dates were let pass"

# Once the newer documents are held they are newer no more: with such a clock a payload that broke waits for a right one.
back
serves newer
line_down
line_up 40000
at "$ahead" no pull --now
at "$ahead" no pull --now
[ "$(host_runs ber-D)" = 2 ] || fail "what was running runs on"
line_down
line_up
at "$now" yes pull --now
said 'committed: release 3' "a payload that broke under it is gone on with when the clock is right again"

# --- a day behind, and the kernel vouches for it: the server's certificate of today is not valid yet ---

back
serves newer
at $((floor - 86400)) yes pull --now
expect 1 "a clock that is behind, and vouched for"
said 'not yet valid' "is believed by the line, too"
[ "$(host_runs ber-D)" = 2 ] || fail "what runs runs on"

# --- ten years ahead, and the kernel vouches for it: all has expired ---

back
serves newer
line_down
line_up
at "$ahead" yes boot
expect 0 "ten years ahead, and vouched for: a host boots"
at "$ahead" yes pull --now
expect 1 "nothing new is taken"
said 'expired' "and it says why"
[ "$(host_runs ber-D)" = 2 ] || fail "what runs runs on"
at "$ahead" yes verify
expect 0 "what runs runs on"
at "$ahead" yes rollback
expect 0 "and the way back needs no date"
back
at "$now" yes pull --now
said 'committed: release 3' "the clock is right again: the release comes"

# --- it jumps in the middle of a trial ---

sed -i 's/^trial:.*/trial: {settle: 2s, deadline: 60s}/' "$fleet/plans/plan-D.yaml"
roll
rm -rf "$T/published/patches"
for jump in "$ahead" 60; do
	back
	echo "$now" >"$T/clock"
	ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$preload" FLEET_TEST_TIME="@$T/clock" FLEET_TEST_SYNCED=no \
		"$agent" pull --now --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null &
	pulling=$!
	proving() { host_status ber-D | grep -q '"step":"prove"'; }
	until_true 300 proving || fail "a trial begins"
	echo "$jump" >"$T/clock.new"
	mv "$T/clock.new" "$T/clock"
	left=$(host_status ber-D | sed -n 's/.*"left_ms":\([0-9]*\).*/\1/p')
	[ "${left:-60000}" -le 60000 ] || fail "a jump gives a trial no more time"
	code=0
	wait "$pulling" || code=$?
	expect 0 "a clock that jumps to $jump in the middle of a trial"
	said 'committed: release 4' "ends nothing early"
	ended ber-D pass "and the trial has the end that it had without"
	runs ber-D 4
done
