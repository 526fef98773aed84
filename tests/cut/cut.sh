#!/usr/bin/env bash
# An update is cut at every byte of its TCP connections, both ways, by each carrier, as far as the seconds last. Read README.md.
#   cut.sh SECONDS [--seed S]           offsets and stalls in the order of the seed
#   cut.sh at CARRIER CUT HOW           one trial: ssh|https|git, after CUT bytes, down|up|stall-down|stall-up
[ ! -w /dev/shm ] || export TMPDIR="${TMPDIR:-/dev/shm}" # what a disk keeps is not asked here
. "$(dirname "$0")/carriers.sh"

usage()
{
	echo 'usage: cut.sh SECONDS [--seed S] | cut.sh at ssh|https|git CUT down|up|stall-down|stall-up' >&2
	exit 2
}

# A push waits three seconds before it tries again, so there are more of them; who waits in silence costs next to nothing.
declare -A busy=([ssh]=4 [https]=1 [git]=2)
quiet=${CUT_QUIET:-4}
# What the next try may send beyond a whole update: by SSH each time it first asks what became of the one before; by HTTPS a TLS session
# is opened anew; by git the server packs anew, and what it packs against what differs from time to time.
declare -A more=([ssh]=8000 [https]=1500 [git]=7000) whole_up whole_down
# By HTTPS what has come stays, but for the TLS record that was on its way (of so small an update: all of the payload), and what opens a
# session.
unfinished=7000

# measure CARRIER NAME: what a whole update sends. Twice: the first time a server may have something to prepare.
measure()
{
	local i
	for i in 1 2; do
		trial "$2" 0 down
		[ -z "$wrong" ] || fail "$1: over a whole line: $wrong"
	done
	whole_up[$1]=$first_up whole_down[$1]=$first_down
}
# bounded NAME CUT HOW: of the trial that was just made
bounded()
{
	local carrier=${carrier_of[$1]} tries=0 most
	[ "$carrier" != ssh ] || tries=$(sed -n 's/.*: try \([0-9]*\): .*/\1/p' "$T/hosts/$1/said.err" | tail -n 1)
	most=$((whole_up[$carrier] + whole_down[$carrier] + more[$carrier] * (${tries:-0} + 1)))
	[ $((again_up + again_down)) -le "$most" ] || fails "the next try sends $again_up up and $again_down down: more than $most"
	[ "$carrier $3" = 'https down' ] || return 0
	most=$((whole_down[https] - $2 + unfinished))
	[ "$again_down" -le "$most" ] || fails "what had come is sent again: $again_down bytes, more than $most"
}
attempt() # NAME CUT HOW
{
	trial "$@"
	[ "$bitten" -eq 0 ] || bounded "$@"
}

# offsets CARRIER SEED [stall-]: "CUT HOW" a line, all of them, shuffled.
chance() { openssl enc -aes-256-ctr -pass "pass:$1" -nosalt -pbkdf2 </dev/zero 2>/dev/null; }
offsets()
{
	{
		seq -f "%.0f $3up" $((whole_up[$1] - 1))
		seq -f "%.0f $3down" $((whole_down[$1] - 1))
	} | shuf --random-source=<(chance "$2 $1")
}

# worker NAME OFFSETS: one trial after the other until the time is over, one in any case. A line each in done/NAME:
# "CARRIER CUT HOW BITTEN WRONG".
worker()
{
	local cut how n=0
	trap 'exit 1' TERM
	while read -r cut how; do
		[ "$n" -eq 0 ] || [ "$SECONDS" -lt "$3" ] || break
		attempt "$1" "$cut" "$how"
		echo "${carrier_of[$1]} $cut $how $bitten $wrong" >>"$T/done/$1"
		[ -z "$wrong" ] || cp "$T/hosts/$1/said.err" "$T/said/$1.$cut.$how"
		n=$((n + 1))
	done <"$2"
}
# each NTH OF: of the lines on stdin
each() { awk -v nth="$1" -v of="$2" 'NR % of == nth'; }
start()
{
	local name=$1
	worker "$@" </dev/null >>"$T/worker.log" 2>&1 &
	workers[$!]=$name
	pids+=("$!")
}

run()
{
	local carrier i name all=0 end=$((SECONDS + seconds))
	declare -gA workers
	carriers_begin
	mkdir "$T/done" "$T/said"
	for carrier in "${carriers[@]}"; do
		for ((i = 0; i < busy[$carrier]; i++)); do slot "$carrier" "$carrier-$i"; done
		for ((i = 0; i < quiet; i++)); do slot "$carrier" "$carrier-still-$i"; done
		measure "$carrier" "$carrier-0"
		all=$((all + whole_up[$carrier] + whole_down[$carrier] - 2))
		offsets "$carrier" "$seed" '' >"$T/offsets"
		for ((i = 0; i < busy[$carrier]; i++)); do each "$i" "${busy[$carrier]}" <"$T/offsets" >"$T/offsets.$carrier-$i"; done
		offsets "$carrier" "$seed still" stall- >"$T/offsets"
		for ((i = 0; i < quiet; i++)); do each "$i" "$quiet" <"$T/offsets" | awk -v way=$((i % 2)) '/-up/ == way' >"$T/offsets.$carrier-still-$i"; done
	done
	for carrier in "${carriers[@]}"; do
		for ((i = 0; i < quiet; i++)); do start "$carrier-still-$i" "$T/offsets.$carrier-still-$i" $((end - 90)); done
		for ((i = 0; i < busy[$carrier]; i++)); do start "$carrier-$i" "$T/offsets.$carrier-$i" "$end"; done
	done
	failed=0
	for i in "${!workers[@]}"; do
		wait "$i" || { say "failed: the worker ${workers[$i]} ended: $(tail -n 3 "$T/worker.log")"; failed=$((failed + 1)); }
	done
	cat "$T"/done/* >"$T/all"
	summary "$all"
}
count() { awk "$1 { n++ } END { print n + 0 }" "$T/all"; }
summary()
{
	awk 'NF > 4 { what = $1 ", " $2 " " $3; $1 = $2 = $3 = $4 = ""; print "failed: " what ":" $0 }' "$T/all" | tr -s ' '
	failed=$((failed + $(count 'NF > 4')))
	say "cut: $(count '$4 && $3 !~ /-/') offsets cut (ssh $(count '$4 && $3 !~ /-/ && $1 == "ssh"'), https $(count '$4 && $3 !~ /-/ && $1 == "https"'), git $(count '$4 && $3 !~ /-/ && $1 == "git"')), $(count '$4 && $3 ~ /-/') stalls, of $1 offsets, $failed failed (seed $seed)"
	[ "$failed" -eq 0 ] || { export KEEP=yes; exit 1; }
}

one() # CARRIER CUT HOW
{
	[ -n "${host_of[$1]:-}" ] || usage
	carriers_begin
	slot "$1" "$1-0"
	measure "$1" "$1-0"
	attempt "$1-0" "$2" "$3"
	say "cut: $1, $2 $3 of ${whole_up[$1]} up and ${whole_down[$1]} down: $bitten connections broke; the first try sent $first_up up and $first_down down, the next $again_up and $again_down: ${wrong:-as it must}"
	[ -z "$wrong" ]
}

seed=$(($(date +%s) % 100000)) words=()
while [ $# -gt 0 ]; do
	case $1 in
	--seed)
		[ $# -gt 1 ] || usage
		seed=$2
		shift
		;;
	*) words+=("$1") ;;
	esac
	shift
done
case ${words[0]:-} in
at)
	[ ${#words[@]} -eq 4 ] || usage
	one "${words[@]:1}"
	;;
'' | *[!0-9]*) usage ;;
*)
	[ ${#words[@]} -eq 1 ] || usage
	seconds=${words[0]}
	run
	;;
esac
