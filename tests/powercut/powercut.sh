#!/usr/bin/env bash
# The power is cut, again and again: powercut.sh N [--seconds T] [--seed S] [--all] [--jobs J] | powercut.sh look FOLDER. Read README.md.
#   N       so many cuts of a virtual machine, each at a point that the seed chooses
#   --all   disks are rebuilt at each flush of every update, not of one that the seed chooses
#   look    what a failure left: the disk as the cut left it is started once more
. "$(dirname "$0")/world.sh"
. "$(dirname "$0")/machine.sh"

silence_s=300 # a machine that says nothing for so long hangs

usage()
{
	echo 'usage: powercut.sh N [--seconds T] [--seed S] [--all] [--jobs J] | powercut.sh look FOLDER' >&2
	exit 2
}
is_late() { [ -n "$budget" ] && [ "$SECONDS" -ge "$budget" ]; }

# --- chance: the same for the same seed ---

# chance N: $picked is 0 to N-1.
chance()
{
	luck=$((luck * 6364136223846793005 + 1442695040888963407))
	picked=$(((luck >> 33 & 0x7fffffff) % $1))
}

# --- what may not be lost ---

declare -A promised now
# hear LINE: of a life; false with $wrong when it tells of what must never be. Promised is what was seen where an update ended,
# or where a recovery did.
hear()
{
	local name
	case $1 in
	'@ bad '*)
		wrong=${1#@ bad }
		return 1
		;;
	'@ fact '*)
		name=${1#@ fact }
		now[${name%% *}]=${name#* }
		;;
	'@ settled' | '@ ended '*)
		kept_promises || return 1
		for name in "${!now[@]}"; do promised[$name]=${now[$name]}; done
		now=()
		;;
	'@ booted '*)
		name=${1#@ booted }
		[ "${name%% *}" -le "$slowest" ] || slowest=${name%% *}
		booted=$name
		;;
	esac
}
# A root that is new may have other keys for these: then what the old ones signed is dropped (TUF 5.3.11), and the floor with it.
newer_root()
{
	local name
	for name in "${!now[@]}"; do
		case $name in
		trust:*.root) [ -n "${promised[$name]:-}" ] || unset 'promised[trust:timestamp]' 'promised[trust:snapshot]' 'promised[floor]' ;;
		esac
	done
}
kept_promises()
{
	local name was is
	newer_root
	for name in "${!promised[@]}"; do
		was=${promised[$name]} is=${now[$name]:-}
		if [ -z "$is" ]; then
			wrong="$name was $was, and is lost"
		elif [ "$name" = key ] && [ "$is" != "$was" ]; then
			wrong="the key was $was, and is $is"
		elif [ "$name" != key ] && [ "$is" -lt "$was" ]; then
			wrong="$name went back from $was to $is"
		else
			continue
		fi
		return 1
	done
}
promises_save() { declare -p promised | sed '1s/^declare -A/declare -gA/' >"$1"; }

# keep NAME DISK CONSOLE WHY: what a failure leaves to look at.
keep()
{
	local to=$T/failed/$1
	mkdir -p "$to"
	cp --sparse=always "$2" "$to/disk.img"
	cp "$3" "$to/console"
	printf '%s\n' "$4" >"$to/why"
	say "not ok - $1: $4"
	say "  to look: tests/powercut/powercut.sh look $to"
}

# --- one machine's life, and where it is cut ---

now_ms() { local t=${EPOCHREALTIME/./}; echo $((t / 1000)); }
arm() { cut_at=$(($(now_ms) + $1)); }

# live IMAGE FIRST LAST [KIND UPDATE MS]: until it is over or cut: $cut says whether. False with $wrong. KIND is when:
#   within   MS after that update began          boot    MS after the disk was mounted
#   hook     where its MS-th script is called    ended   where it has said that the update ended
live()
{
	local image=$1 first=$2 last=$3 kind=${4:-} update=${5:-} ms=${6:-0} wait_s left n
	cut_at='' cut=no updating=$first ended='' booted=
	: >"$T/console"
	machine_start "$image" "$T/log" "$first" "$last"
	while :; do
		wait_s=$silence_s
		if [ -n "$cut_at" ]; then
			left=$((cut_at - $(now_ms)))
			[ "$left" -gt 0 ] || { cut=yes; break; }
			wait_s=$((left / 1000)).$(printf '%03d' $((left % 1000)))
		fi
		if ! machine_line "$wait_s"; then
			[ -z "$cut_at" ] || continue
			wrong="the machine says nothing any more: $(tail -n 1 "$T/console")"
			machine_kill
			return 1
		fi
		hear "$line" || { machine_kill; return 1; }
		n=${line#@ * }
		n=${n%% *}
		case $kind:$line in
		*:'@ over') break ;;
		boot:'@ up') arm "$ms" ;;
		within:"@ update $update "*) arm "$ms" ;;
		hook:'@ at '*)
			[ "$updating" = "$update" ] || continue
			ms=$((ms - 1))
			[ "$ms" -gt 0 ] || { cut=yes; break; }
			;;
		ended:"@ ended $update "* | hook:"@ ended $update "*) ended=$update cut=yes; break ;;
		esac
		case $line in
		'@ update '*) updating=$n ;;
		'@ ended '*) ended=$n ;;
		*) continue ;;
		esac
		heard "$n"
		machine_go_on
	done
	machine_kill
}
# shellcheck disable=SC2317
heard() { :; } # of live: the machine waits where an update begins or has ended

# --- the record: a whole life that is not cut ---

record()
{
	local entries
	recorded=$T/record
	mkdir "$recorded"
	cp --sparse=always "$base" "$T/disk.img"
	# shellcheck disable=SC2317 # called by live
	heard()
	{
		entries=$("$replay" entries "$T/log")
		case $line in
		'@ update '*)
			echo "$entries" >"$recorded/begin.$1"
			began=$(now_ms)
			;;
		*)
			echo "$entries" >"$recorded/end.$1"
			took[$1]=$(($(now_ms) - began))
			promises_save "$recorded/promised.$1"
			;;
		esac
		[ "$1 $line" != "1 @ update 1 first" ] || promises_save "$recorded/promised.0"
	}
	live "$T/disk.img" 1 "$updates" || { keep record "$base" "$T/console" "$wrong"; exit 1; }
	heard() { :; }
	[ "${promised[agent]}" = 98 ] || { say "not ok - the other agent was not taken"; exit 1; }
	boot_ms=$((slowest + 500))
	mv "$T/log" "$recorded/log"
	"$replay" flushes "$recorded/log" >"$recorded/flushes"
	controls
	say "recorded: $updates updates, $(wc -l <"$recorded/flushes") flushes, $("$replay" entries "$recorded/log") requests"
}

# Would it be noticed? What is rebuilt of all requests is the disk that the machine left; a disk that lost the last update is refused.
controls()
{
	cp --sparse=always "$base" "$T/before.img"
	"$replay" build "$recorded/log" "$T/before.img" 0 "$("$replay" entries "$recorded/log")"
	cmp -s "$T/before.img" "$T/disk.img" || { say 'not ok - the log rebuilds another disk than the machine left'; exit 1; }
	cp --sparse=always "$base" "$T/before.img"
	"$replay" build "$recorded/log" "$T/before.img" 0 "$(cat "$recorded/end.$((updates - 1))")"
	now=()
	! started "$T/before.img" "$T/control" "$updates" || { say 'not ok - a disk that lost the last update was not noticed'; exit 1; }
	say "a disk that lost the last update is noticed: $wrong"
}

# --- disks as they were at each flush ---

# boundary_jobs UPDATE...: a line each: entry of the flush, update that it falls into, first update to be lived then
boundary_jobs()
{
	local n begin end
	for n; do
		begin=$(cat "$recorded/begin.$n") end=$(cat "$recorded/end.$n")
		awk -v n="$n" -v begin="$begin" -v end="$end" -v last="$updates" \
			'$1 >= begin && $1 <= end { print $1, n, $1 == end && n < last ? n + 1 : n }' "$recorded/flushes"
	done
}
# started DISK NAME FIRST: from here, in place of the machine; false with $wrong.
started()
{
	local line wrong_one=
	"${inside[@]}" "$silence_s" "$1" sh /powercut/life.sh "$3" "$3" >"$2.console" 2>&1 &
	child=$!
	wait "$child" || wrong_one="it ended with $?"
	while IFS= read -r line; do
		hear "$line" || { wrong_one=$wrong; break; }
	done <"$2.console"
	[ -n "$wrong_one" ] || [ "$(tail -n 1 "$2.console")" = '@ whole' ] || wrong_one="it never came to an end"
	wrong=$wrong_one
	[ -z "$wrong" ]
}
# boundaries WORKER JOBS: all disks of these jobs, each as it was at the flush, and with some of what came after it
boundaries()
{
	local own=$T/worker.$1 entry update first at=0 some tried=0 failed=0
	child=
	trap '[ -z "$child" ] || kill -KILL "$child" 2>/dev/null; exit 143' TERM
	mkdir "$own"
	cp --sparse=always "$base" "$own/disk.img"
	while read -r entry update first && ! is_late; do
		"$replay" build "$recorded/log" "$own/disk.img" "$at" "$entry"
		at=$entry
		for some in '' "$((seed + entry))"; do
			cp --sparse=always "$own/disk.img" "$own/one.img"
			# shellcheck disable=SC2086 # no seed, no argument
			"$replay" build "$recorded/log" "$own/one.img" "$entry" "$entry" $some
			cp --sparse=always "$own/one.img" "$own/before.img"
			# shellcheck disable=SC1090
			. "$recorded/promised.$((first - 1))"
			now=()
			tried=$((tried + 1))
			started "$own/one.img" "$own/one" "$first" && continue
			failed=$((failed + 1))
			keep "flush-$entry${some:+-some}" "$own/before.img" "$own/one.console" "update $update: $wrong"
		done
		printf '%s %s %s\n' "$tried" "$failed" "$slowest" >"$own/result"
	done <"$2"
}
boundaries_begin()
{
	local i total
	if [ "$all" = yes ]; then
		mapfile -t chosen < <(seq "$updates")
	else
		chance "$updates"
		chosen=($((picked + 1)))
	fi
	boundary_jobs "${chosen[@]}" >"$T/jobs"
	total=$(wc -l <"$T/jobs")
	flushes_wanted=$((2 * total))
	say "rebuilding $total disks of update ${chosen[*]}, each twice: as it was at the flush, and with some of what came after"
	split -n "l/$jobs" -d "$T/jobs" "$T/jobs."
	workers=()
	for ((i = 0; i < jobs; i++)); do
		boundaries "$i" "$(printf '%s/jobs.%02d' "$T" "$i")" &
		workers+=($!)
		pids+=($!)
	done
}
boundaries_end()
{
	local i tried bad slow
	flushes=0
	for ((i = 0; i < jobs; i++)); do
		wait "${workers[i]}" || { say "not ok - worker $i of the rebuilt disks ended with $?"; failed=$((failed + 1)); }
		[ -e "$T/worker.$i/result" ] || continue
		read -r tried bad slow <"$T/worker.$i/result"
		flushes=$((flushes + tried))
		failed=$((failed + bad))
		[ "$slow" -le "$slowest_here" ] || slowest_here=$slow
	done
}

# --- cuts ---

kinds=(within within within within boot hook hook ended)
# choose: where the next cut is
choose()
{
	chance "${#kinds[@]}"
	kind=${kinds[picked]}
	chance 2
	target=$((next + picked))
	[ "$target" -le "$updates" ] || target=$updates
	ms=0
	case $kind in
	within) chance $((took[target] * 12 / 10)) && ms=$picked ;;
	boot) chance "$boot_ms" && ms=$picked target=- ;;
	hook) chance 4 && ms=$((picked + 1)) ;;
	esac
	chance 2
	lost=$picked
	chance 1000000
	some=$picked
}
# cache_lost BEFORE DISK: what was not flushed is on the disk only as far as chance has it.
cache_lost()
{
	local flush
	flush=$("$replay" flushes "$T/log") || return 1
	flush=$(tail -n 1 <<<"$flush")
	cp --sparse=always "$1" "$2"
	"$replay" build "$T/log" "$2" 0 "${flush:-0}" "$some"
}
fresh()
{
	cp --sparse=always "$base" "$T/disk.img"
	next=1 promised=() told=
}
# session NUMBER [cut]: from where the last cut left it. Its recovery is what is judged.
session()
{
	local args=()
	cp --sparse=always "$T/disk.img" "$T/before.img"
	now=()
	if [ -n "${2:-}" ] && [ "$next" -le "$updates" ]; then
		choose
		args=("$kind" "$target" "$ms")
	fi
	if ! live "$T/disk.img" "$next" "$updates" "${args[@]}"; then
		failed=$((failed + 1))
		keep "cut-$cuts" "$T/before.img" "$T/console" "${told:-before any cut}: $wrong"
		fresh
		return
	fi
	[ -z "$told" ] || [ -z "$booted" ] || say "ok - cut $cuts: $told; then: ${booted#* }"
	next=$updating
	[ -z "$ended" ] || next=$((ended + 1))
	if [ "$cut" = no ]; then
		fresh
		return
	fi
	cuts=$((cuts + 1))
	told="update $next, $kind $target +$ms"
	if [ "$lost" = 1 ] && cache_lost "$T/before.img" "$T/disk.img"; then
		told="$told, cache lost"
	fi
}
cut_all()
{
	local i=0
	fresh
	while [ "$cuts" -lt "$1" ] && ! is_late; do
		i=$((i + 1))
		session "$i" cut
	done
	[ -z "$told" ] || session $((i + 1))
}

# --- ---

look()
{
	local at
	at=$(cd "$1" && pwd)
	T=$(cd "$at/../.." && pwd)
	system=$T/system
	cat "$at/why"
	cp --sparse=always "$at/disk.img" "$at/again.img"
	echo "The disk stands at /var/lib/fleet-agent, the system around it; /powercut/life.sh N N lives through update N. exit ends." >&2
	inside_begin
	"${inside[@]}" 86400 "$at/again.img" sh
}

cuts_wanted=
seed=$((RANDOM * 32768 + RANDOM)) all=no jobs=$(nproc) budget=''
[ "${1:-}" != look ] || { look "${2:?look at which folder?}"; exit; }
while [ $# -gt 0 ]; do
	case $1 in
	--seed) seed=${2:?} && shift ;;
	--jobs) jobs=${2:?} && shift ;;
	--seconds) budget=${2:?} && shift ;;
	--all) all=yes ;;
	[0-9]*) cuts_wanted=$1 ;;
	*) usage ;;
	esac
	shift
done
[ -n "$cuts_wanted" ] || usage
[ "$(id -u)" -eq 0 ] || { echo 'powercut: disks are mounted: needs root' >&2; exit 77; }
[ "$(uname -m)" = x86_64 ] || { echo 'powercut: the machine is an amd64: run it on one' >&2; exit 77; }

# In memory, where there is room: what must be synced to a real disk takes its time, and no test of ours is served by it.
if [ -z "${TMPDIR:-}" ] && [ "$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 3000000 ]; then
	export TMPDIR=/dev/shm
fi
replay=$build/tests/powercut-replay
luck=$seed cuts=0 failed=0 slowest=0 booted='' slowest_here=0
took=()
say "powercut: $cuts_wanted cuts, seed $seed"
tower_begin
world_begin "$T"
kernel_make "${FLEET_KERNEL:-$here/build-powercut/kernel}"
machine_make
record
slowest=0
boundaries_begin
cut_all "$cuts_wanted"
boundaries_end
[ "$failed" -eq 0 ] || KEEP=yes
say "slowest boot: $slowest ms in the machine, $slowest_here ms from here"
late=''
if [ "$cuts" -lt "$cuts_wanted" ] || [ "$flushes" -lt "$flushes_wanted" ]; then
	late=", there was no time for $((cuts_wanted > cuts ? cuts_wanted - cuts : 0)) and $((flushes_wanted - flushes))"
fi
say "powercut: $cuts cuts (seed $seed), $flushes flush boundaries, $failed failed$late"
[ "$failed" -eq 0 ]
