#!/bin/sh
# Every fuzz target for its share of SECONDS, from corpus/NAME and from what earlier runs found interesting.
# The same seed and the same corpus try the same things: FUZZ_SEED says another. Exits 1 when something was found.
# usage: fuzz.sh SECONDS     (./dev fuzz SECONDS)
#        FUZZ_EACH=SECONDS fuzz.sh: every target for so long
set -eu
cd "$(dirname "$0")/../.."
set -- "${1:-${FUZZ_EACH:-}}" tests/fuzz/*_fuzz.c
seconds=$1
shift
case $seconds in
'' | 0 | *[!0-9]*) echo 'usage: ./dev fuzz SECONDS' >&2; exit 2 ;;
esac
seed=${FUZZ_SEED:-20260101}
build='build-fuzz'
found=$build/found

# Warnings are for the other builds.
[ -f $build/build.ninja ] || cmake -S . -B $build -G Ninja -DFLEET_FUZZ=ON -DCMAKE_C_COMPILER="${CC:-clang}" -DCMAKE_C_FLAGS=-w \
	-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG='-O1 -g' >/dev/null
ninja -C $build --quiet fuzzers
mkdir -p $found

targets=$#
share=${FUZZ_EACH:-$((seconds / targets))}
[ "$share" -gt 0 ] || share=1
executions=0 findings=0
for file in "$@"; do
	name=${file##*/}
	name=${name%_fuzz.c}
	kept=$build/corpus/$name log=$build/$name.log
	mkdir -p "$kept"
	good=yes
	UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=64 "$build/tests/fuzz/$name" -seed="$seed" -max_total_time="$share" -timeout=20 \
		-max_len=16384 -print_final_stats=1 -artifact_prefix="$found/$name-" "$kept" "tests/fuzz/corpus/$name" >"$log" 2>&1 || good=no
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
	edges=$(sed -n 's/^#[0-9]*.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1) # of the code that it is linked with
	executions=$((executions + ${runs:-0}))
	printf 'fuzz: %-10s %9s executions in %s s, %5s edges covered, %4s inputs kept%s\n' "$name" "${runs:-0}" "$share" "${edges:-0}" \
		"$(find "$kept" -type f | wc -l)" "$([ $good = yes ] || echo ': FOUND SOMETHING')"
	[ $good = no ] || continue
	findings=$((findings + 1))
	grep -E 'ERROR: |runtime error:|SUMMARY: |Test unit written|^ +#[0-9]+ ' "$log" | head -n 30 | sed 's/^/  | /' >&2
	echo "  whole log: $log; once it is mended, the input goes to tests/fuzz/corpus/$name/, where ctest replays it" >&2
done
echo "fuzz: $targets targets, $executions executions, $findings findings, seed $seed"
[ "$findings" -eq 0 ]
