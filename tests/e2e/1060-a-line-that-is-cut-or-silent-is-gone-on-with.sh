#!/usr/bin/env bash
# The connection is cut after so many bytes, up or down, or goes silent: by SSH, HTTPS and git the next try completes, brings no more
# than what is missing where the carrier can, and no process stays. Here an update of 100 KB at some places, and a few seconds of
# ./dev cut, which goes through every byte of a small one, and has lines that go silent.
. "$(dirname "$0")/../cut/carriers.sh"

heavy_change() { printf '# changed\n' >>"$fleet/scripts/small/probes/beat.sh"; head -c 100000 /dev/urandom >"$fleet/scripts/small/weight"; }
carriers_change=heavy_change
carriers_begin
CUT_QUIET=2 "$here/tests/cut/cut.sh" 25 --seed 1060 >"$T/cut" 2>&1 </dev/null &
cutting=$!
pids+=("$cutting")

# goes NAME CUT HOW: and the next try completes
goes()
{
	trial "$@"
	[ -z "$wrong" ] || { cp "$T/hosts/$1/said.err" "$T/err"; fail "${carrier_of[$1]}, $2 $3: $wrong"; }
	[ "$bitten" -gt 0 ] || fail "${carrier_of[$1]}, $2 $3: the line was cut"
}
# most UP|DOWN BYTES WORDS: the next try sent less
most() { [ "$1" -lt "$2" ] || fail "$3: $1 bytes, expected less than $2"; }
# places CARRIER HOW:PERCENT...: in $whole_up and $whole_down what an update sends
places()
{
	local carrier=$1 at cut how
	slot "$carrier" "$carrier-0"
	trial "$carrier-0" 0 down
	[ -z "$wrong" ] || fail "$carrier, a whole line: $wrong"
	whole_up=$first_up whole_down=$first_down
	shift
	for at; do
		how=${at%:*} cut=$((whole_down * ${at#*:} / 100))
		[ "$how" = down ] || cut=$((whole_up * ${at#*:} / 100))
		goes "$carrier-0" "$cut" "$how"
		"${carrier}_bounded"
	done
	ok "$carrier: cut at $# places, the next try completes"
}
# What came in whole pieces of 32 KiB is not sent again; the last two of them may be lost in sshd when the line is reset, and first it is
# asked what became of it.
ssh_bounded()
{
	[ "$how" != up ] || most "$again_up" $((whole_up - cut + 75000)) "ssh, cut after $cut of $whole_up up: no more than the rest goes up"
	most $((again_up + again_down)) $((whole_up + whole_down + 10000)) "ssh, $cut $how: in all"
}
https_bounded()
{
	[ "$how" != down ] || most "$again_down" $((whole_down - cut + 30000)) "https, cut after $cut of $whole_down down: no more than the rest comes"
	most $((again_up + again_down)) $((whole_up + whole_down + 3000)) "https, $cut $how: in all"
}
git_bounded() { most $((again_up + again_down)) $((whole_up + whole_down + 10000)) "git, $cut $how: in all"; }

places https down:3 down:40 down:85 up:20 up:80
places git down:3 down:40 down:85 up:20 up:80
places ssh up:10 up:50 up:85 down:30 down:80

# --- every byte of a small one, as far as the seconds last ---

code=0
wait "$cutting" || code=$?
cp "$T/cut" "$T/out"
expect 0 "each of these cuts and silences is gone on with"
said '^cut: [1-9][0-9]* offsets cut \(ssh [1-9][0-9]*, https [1-9][0-9]*, git [1-9][0-9]*\), ([6-9]|[1-9][0-9]+) stalls, of [0-9]+ offsets, 0 failed' "by each carrier, and at least six lines went silent"
