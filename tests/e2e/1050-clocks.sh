#!/usr/bin/env bash
# Whatever the clock says {1970, a day before the newest signature, the right time, ten years ahead, jumping in the middle of a trial}, in
# every state of the network {up, down, flapping}: a host runs on, takes what is newer and nothing older, and its trials end by a clock that
# only counts on. A clock that the kernel vouches for is believed, one that it does not is none.
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
	kill "$relay_pid" 2>/dev/null || true
	wait "$relay_pid" 2>/dev/null || true
}
# Up and down again, until flapping_end.
flapping()
{
	(
		trap 'line_down; exit 0' TERM
		for ((;;)); do
			line_up
			sleep 0.5 &
			wait $!
			line_down
			sleep 0.2 &
			wait $!
		done
	) &
	flap_pid=$!
	pids+=("$flap_pid")
}
flapping_end()
{
	kill "$flap_pid" 2>/dev/null || true
	wait "$flap_pid" 2>/dev/null || true
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
behind=$((floor - 86400))

# What must hold in each cell: release N runs, as it was signed; the floor never sank, and nothing is on trial.
stands()
{
	local now_at
	[ "$(host_runs ber-D)" = "$1" ] || fail "$2: release $1 runs: $(host_runs ber-D)"
	"$agent" verify --config-dir "$h/etc" >"$T/out" 2>"$T/err" || fail "$2: it is what was signed"
	now_at=$(head -n 1 "$state/trust/floor")
	[ "$now_at" -ge "$floor" ] || fail "$2: the floor never sinks: $now_at"
	! host_status ber-D | grep -q '"trial":{' || fail "$2: nothing is on trial"
}
# tries CLOCK SYNCED: over a line that breaks in every payload, until it is there or eight times; in $tried.
tries()
{
	line_up 40000
	for ((tried = 1; tried < 9; tried++)); do
		at "$1" "$2" pull --now
		[ "$code" -ne 0 ] || break
		[ "$(host_runs ber-D)" = 2 ] || fail "after a try that broke, what was running runs on"
	done
	line_down
}
begins() { back; serves newer; line_down; at "$@" boot; [ "$code" -eq 0 ] || fail "clock $1, vouched for: $2: a host boots without a network"; }

# takes NAME CLOCK SYNCED: release 3 in every state of the line, but for one that is down; then nothing older.
takes()
{
	local name=$1
	shift
	begins "$@"
	at "$@" pull --now
	[ "$code" -eq 1 ] || fail "$name: without a network nothing comes"
	stands 2 "$name, down"
	tries "$@"
	[ "$tried" -gt 1 ] || fail "$name: the line broke"
	stands 3 "$name, flapping"
	begins "$@"
	line_up
	at "$@" pull --now
	stands 3 "$name, up"
	line_down
	line_up
	serves older
	at "$@" pull --now
	stands 3 "$name, what is older is not taken"
	line_down
	ok "$name: in every state of the line the newer release, and never an older one"
}
# refuses NAME CLOCK SYNCED WHY: nothing new is taken, and what runs runs on; when the clock is right it comes.
refuses()
{
	local name=$1 why=$4
	set -- "$2" "$3"
	begins "$@"
	at "$@" pull --now
	[ "$code" -eq 1 ] || fail "$name: without a network nothing comes"
	stands 2 "$name, down"
	tries "$@"
	grep -q "$why" "$T/err" "$T/out" || fail "$name, flapping: it says $why"
	stands 2 "$name, flapping"
	line_up
	at "$@" pull --now
	[ "$code" -eq 1 ] || fail "$name: nothing new is taken"
	grep -q "$why" "$T/err" "$T/out" || fail "$name, up: it says $why"
	stands 2 "$name, up"
	at "$@" boot
	[ "$code" -eq 0 ] || fail "$name: it boots"
	at "$now" yes pull --now
	said 'committed: release 3' "$name: nothing new in any state of the line, what runs runs on, and when the clock is right the release comes"
	line_down
}

takes "1970" 60 no
takes "a day before the newest signature" "$behind" no
takes "the right time, and nobody vouches for it" "$now" no
takes "the right time" "$now" yes

# Vouched for, it is believed: by the line, too, whose certificate of today is not valid yet, or no more.
refuses "1970, and vouched for" 60 yes 'not yet valid'
refuses "a day before the newest signature, and vouched for" "$behind" yes 'not yet valid'
refuses "ten years ahead, and vouched for" "$ahead" yes 'expired'
begins "$ahead" yes
at "$ahead" yes rollback
expect 0 "ten years ahead, and vouched for: the way back needs no date"

# Ten years ahead, and nobody vouches for it: dates block nothing that is newer. Once the newer documents are held they are newer no
# more: with such a clock a payload that broke waits for a right one.
begins "$ahead" no
at "$ahead" no pull --now
[ "$code" -eq 1 ] || fail "ten years ahead: without a network nothing comes"
stands 2 "ten years ahead, down"
line_up
at "$ahead" no pull --now
stands 3 "ten years ahead, up"
grep -hq '"stale":true' "$state"/receipts/*.json || fail "its receipt says that dates were let pass"
serves older
at "$ahead" no pull --now
stands 3 "ten years ahead, what is older is not taken"
begins "$ahead" no
tries "$ahead" no
[ "$tried" -eq 9 ] || fail "ten years ahead, flapping: a payload that broke waits for a right clock"
grep -q expired "$T/err" "$T/out" || fail "ten years ahead, flapping: it says why"
stands 2 "ten years ahead, flapping"
line_up
at "$now" no pull --now
said 'committed: release 3' "ten years ahead, and nobody vouches for it: the newer release, and the receipt says that dates were let pass; over a line that breaks it waits for the clock"
line_down

# --- it jumps in the middle of a trial, and the line does what it does ---

serves newer
line_up
sed -i 's/^trial:.*/trial: {settle: 2s, deadline: 60s}/' "$fleet/plans/plan-D.yaml"
roll
rm -rf "$T/published/patches"
cp -a "$T/published" "$T/quiet"
sed -i 's/^trial:.*/trial: {settle: 1s, deadline: 8s, touches: [network]}/' "$fleet/plans/plan-D.yaml"
roll
rm -rf "$T/published/patches"
cp -a "$T/published" "$T/touching"
sed -i 's/deadline: 8s/deadline: 60s/' "$fleet/plans/plan-D.yaml" # where it is reached, it is, however busy this machine is
roll
rm -rf "$T/published/patches"
cp -a "$T/published" "$T/patient"

is_at() { host_status ber-D | grep -q "\"step\":\"$1\""; }
# jumps JUMP LINE REPOSITORY MOST_MS: from the right time to JUMP when a trial proves itself, and from then on the line is up, down or flapping.
jumps()
{
	local left
	back
	serves "$3"
	line_down
	line_up
	echo "$now" >"$T/clock"
	ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$preload" FLEET_TEST_TIME="@$T/clock" FLEET_TEST_SYNCED=no \
		"$agent" pull --now --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null &
	pulling=$!
	until_true 300 is_at prove || fail "a trial begins"
	[ "$2" = up ] || line_down
	[ "$2" != flapping ] || flapping
	echo "$1" >"$T/clock.new"
	mv "$T/clock.new" "$T/clock"
	left=$(host_status ber-D | sed -n 's/.*"left_ms":\([0-9]*\).*/\1/p')
	[ "${left:-0}" -le "$4" ] || fail "a jump gives a trial no more time: $left ms"
	code=0
	wait "$pulling" || code=$?
	[ "$2" != flapping ] || flapping_end
}
for jump in "$ahead" "$behind" 60; do
	for line in up down flapping; do
		jumps "$jump" "$line" quiet 60000
		[ "$code" -eq 0 ] || fail "a clock that jumps to $jump in the middle of a trial, the line $line: exit code $code"
		grep -q 'committed: release 4' "$T/out" || fail "a jump to $jump, the line $line, ends nothing early"
		[ "$(host_verdict ber-D)" = pass ] || fail "a jump to $jump, the line $line: the end that it had without"
		stands 4 "a jump to $jump, the line $line"
	done
	ok "a clock that jumps to $jump in the middle of a trial, the line up, down or flapping: it ends as it would have"
done

# What touches the network must be reached again, by a clock that jumped, too; and when it is not, it goes back by its deadline.
for jump in "$ahead" 60; do
	for line in up flapping; do
		jumps "$jump" "$line" patient 60000
		[ "$(host_verdict ber-D)" = pass ] || fail "a jump to $jump, the line $line: what touches the network is confirmed"
		stands 6 "a jump to $jump, the line $line, touching the network"
	done
	jumps "$jump" down touching 8000
	[ "$code" -ne 0 ] || fail "a jump to $jump, the line down: what touches the network is not confirmed"
	[ "$(host_verdict ber-D)" = fail ] || fail "a jump to $jump, the line down: it went back: $(host_verdict ber-D)"
	stands 2 "a jump to $jump, the line down, touching the network"
	ok "and one that touches the network, with a jump to $jump: confirmed where the line comes back, else gone back by its deadline"
done
