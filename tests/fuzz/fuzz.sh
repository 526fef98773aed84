#!/bin/sh
# Every fuzz target for its share of the seconds, from corpus/NAME and from what earlier runs found interesting; two side by side where
# there are two cores. The same seed and the same corpus try the same things. Exits 1 when something was found. README.md.
# usage: fuzz.sh SECONDS [--seed S] [--jobs N]     so long in all      (./dev fuzz SECONDS [--seed S])
#        fuzz.sh --each SECONDS [--seed S] [--jobs N]   each target so long
set -eu
cd "$(dirname "$0")/../.."
build='build-fuzz'
found=$build/found

usage()
{
	echo 'usage: ./dev fuzz SECONDS [--seed S] [--jobs N]' >&2
	exit 2
}

# is_number WORD: above 0
is_number()
{
	case $1 in
	'' | 0* | *[!0-9]*) return 1 ;;
	esac
}

# stat NAME: of libFuzzer's last words
stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }

# fuzz_one NAME SECONDS SEED: says how it went, and leaves the figures in $build/NAME.figures.
fuzz_one()
{
	name=$1 kept=$build/corpus/$1 log=$build/$1.log good=yes begun=$(date +%s)
	mkdir -p "$kept"
	cat "$build/words.dict" >"$build/$name.dict"
	[ ! -e "tests/fuzz/$name.dict" ] || cat "tests/fuzz/$name.dict" >>"$build/$name.dict"
	UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=64 "$build/tests/fuzz/$name" -seed="$3" -max_total_time="$2" -timeout=20 \
		-max_len=16384 -print_final_stats=1 -dict="$build/$name.dict" -artifact_prefix="$found/$name-" "$kept" "tests/fuzz/corpus/$name" >"$log" 2>&1 || good=no
	took=$(($(date +%s) - begun)) runs=$(stat number_of_executed_units)
	edges=$(sed -n 's/^#[0-9]*.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1) # of the code that it is linked with
	echo "${runs:-0} ${edges:-0} $took $good" >"$build/$name.figures"
	printf 'fuzz: %-10s %9s executions in %s s, %5s edges covered, %4s inputs kept%s\n' "$name" "${runs:-0}" "$took" "${edges:-0}" \
		"$(find "$kept" -type f | wc -l)" "$([ $good = yes ] || echo ': FOUND SOMETHING')"
	[ $good = no ] || return 0
	{
		grep -E 'ERROR: |runtime error:|SUMMARY: |Test unit written|^ +#[0-9]+ ' "$log" | head -n 30 | sed 's/^/  | /'
		echo "  whole log: $log; once it is mended, the input goes to tests/fuzz/corpus/$name/, where ctest replays it"
	} >&2
}

# One of those side by side; see the end.
if [ "${1:-}" = one ]; then
	fuzz_one "$2" "$3" "$4"
	exit 0
fi

seconds='' each='' seed=20260101 jobs=1
[ "$(nproc)" -lt 2 ] || jobs=2
while [ $# -gt 0 ]; do
	case $1 in
	--each | --seed | --jobs)
		is_number "${2:-}" || usage
		case $1 in
		--each) each=$2 ;;
		--seed) seed=$2 ;;
		--jobs) jobs=$2 ;;
		esac
		shift 2
		;;
	*)
		{ [ -z "$seconds" ] && is_number "$1"; } || usage
		seconds=$1
		shift
		;;
	esac
done
[ -n "$seconds$each" ] || usage

# Warnings are for the other builds.
[ -f $build/build.ninja ] || cmake -S . -B $build -G Ninja -DFLEET_FUZZ=ON -DCMAKE_C_COMPILER="${CC:-clang}" -DCMAKE_C_FLAGS=-w \
	-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG='-O1 -g' >/dev/null
ninja -C $build --quiet fuzzers
mkdir -p $found

# What a fuzzer does not guess: the fields of all documents, as JSON and as YAML.
grep -rhE --include='*.c' '^[[:space:]]*([{] ?|[A-Z0-9_]+[(])"[a-z_0-9]+"' agent base fleetctl keys manifests sources wire |
	sed -nE 's/^[[:space:]]*([{] ?|[A-Z0-9_]+[(])"([a-z_0-9]+)".*/"\\"\2\\":"\n"\2: "/p' | sort -u >$build/words.dict

set -- tests/fuzz/*_fuzz.c
targets=$#
share=${each:-$((seconds / targets))}
[ "$share" -gt 0 ] || share=1
for file in "$@"; do
	name=${file##*/}
	rm -f "$build/${name%_fuzz.c}.figures"
	echo "${name%_fuzz.c}"
done | xargs -P "$jobs" -I NAME tests/fuzz/fuzz.sh one NAME "$share" "$seed"

executions=0 edges=0 findings=0 took=0
for file in "$@"; do
	name=${file##*/}
	read -r runs covered seconds good <"$build/${name%_fuzz.c}.figures"
	executions=$((executions + runs)) edges=$((edges + covered)) took=$((took + seconds))
	[ "$good" = yes ] || findings=$((findings + 1))
done
echo "fuzz: $targets targets, $executions executions, $edges edges covered, $findings findings, seed $seed, $took s of fuzzing"
[ "$findings" -eq 0 ]
