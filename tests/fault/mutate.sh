#!/usr/bin/env bash
# ./dev fault --mutate: each sync in the door is left out, and each pair of neighbouring steps in the tables of a life is swapped,
# in turn: the suite must fail each time, and must not where nothing was changed.
# usage: mutate.sh BUILD [SECONDS] [options of BUILD/tests/fault]
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
shift
seconds=
case ${1:-} in
'' | -*) ;;
*)
	seconds=$1
	shift
	;;
esac
end=$((SECONDS + ${seconds:-0}))
swapped=0 spared=0 unmissed=0 late=0 failed=0

# left: what of the time is still there; nothing where there is no end to it.
left()
{
	[ -z "$seconds" ] || echo $((end - SECONDS > 1 ? end - SECONDS : 1))
}

is_late()
{
	[ -n "$seconds" ] && [ "$SECONDS" -ge "$end" ]
}

# shellcheck disable=SC2046
"$build/tests/fault" "$build" $(left) --syncs "$@" || failed=1

# The sources once more, with what is built kept from one mutant to the next.
T=$(mktemp -d "${TMPDIR:-/tmp}/mutate.XXXXXX")
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT TERM
mkdir "$T/src"
tar -c -C "$here" --exclude='./build*' --exclude=./.git . | tar -x -C "$T/src"
table=$T/src/agent/apply/apply.c
cp "$table" "$T/table"
cmake -S "$T/src" -B "$T/build" -G Ninja -DFLEET_FAULT=ON >/dev/null

# The order in which each table runs its steps, where a trial is kept and where it is not; and the stories it belongs to.
lives='
release_rows step_fetch step_verify step_unpack step_reread step_swap step_prove step_confirm step_commit step_settle
release_rows step_prove step_rollback step_settle
access_rows access_step_swap access_step_confirm access_step_commit step_settle
access_rows access_step_confirm access_step_back step_settle
program_rows step_fetch step_verify step_unpack step_reread program_step_swap program_step_confirm program_step_commit step_settle
program_rows program_step_swap program_step_back step_settle'

stories_of()
{
	case $1 in
	release_rows) echo 'update by push,bad release by push,undo,update that is confirmed' ;;
	access_rows) echo 'access list,bad access list' ;;
	program_rows) echo 'another agent,bad agent' ;;
	esac
}

# swap TABLE A B: where that table runs the one it runs the other.
swap()
{
	awk -v table="$1" -v a="$2" -v b="$3" '
	/^static const struct row / { here = index($0, " " table "[") > 0 }
	/^};/ { here = 0 }
	here && index($0, "{" a ",") { sub("{" a ",", "{" b ","); print; next }
	here && index($0, "{" b ",") { sub("{" b ",", "{" a ",") }
	{ print }' "$T/table" >"$table"
	[ "$(diff "$T/table" "$table" | grep -c '^>')" -eq 2 ] || { echo "mutate: no rows $2 and $3 in $1 of apply.c" >&2; exit 1; }
}

make_it()
{
	ninja -C "$T/build" --quiet fault >"$T/log" 2>&1 || { tail -n 20 "$T/log" >&2; exit 1; }
}

# suite STORIES [OPTIONS]
suite()
{
	stories=$1
	shift
	"$T/build/tests/fault" "$T/build" --story "$stories" --first --kills 0 --twice 0 --overdue 0 --cuts 0 --later 0 --reads 0 --error rot "$@" &&
		"$T/build/tests/fault" "$T/build" --story "$stories" --first --kills 40 --twice 0 --overdue 0 --cuts 40 --later 0 --errors 0 --reads 0 "$@"
}

# What is right in either order, and why; the others must be missed.
spare()
{
	case $1 in
	'release_rows: step_fetch and step_verify' | 'program_rows: step_fetch and step_verify')
		echo "expanding holds every byte to the bundle's digest itself: fetch only says sooner, and better, what is wrong" ;;
	*) return 1 ;;
	esac
}

# Where nothing is swapped nothing fails: else a mutant would be missed for the machine's sake.
make_it
for t in release_rows access_rows program_rows; do
	suite "$(stories_of "$t")" "$@" >"$T/log" 2>&1 && continue
	tail -n 20 "$T/log" >&2
	echo "mutate: with no step swapped the suite of $t fails: nothing can be said of the mutants" >&2
	exit 1
done

# mutant TABLE A B
mutant()
{
	pair="$1: $2 and $3"
	if is_late; then
		late=$((late + 1))
		return
	fi
	swap "$1" "$2" "$3"
	make_it
	swapped=$((swapped + 1))
	if ! suite "$(stories_of "$1")" "${options[@]}" >"$T/log" 2>&1; then
		echo "missed: steps $pair swapped: $(grep -E -m 1 'FAILED|ERROR|undisturbed' "$T/log" | cut -c 1-300)"
	elif why=$(spare "$pair"); then
		echo "spare: steps $pair swapped: $why"
		spared=$((spared + 1))
	else
		echo "NOT MISSED: steps $pair swapped"
		unmissed=$((unmissed + 1))
	fi
}

options=("$@")
while read -r name steps; do
	[ -n "$name" ] || continue
	read -r -a step <<<"$steps"
	for ((i = 0; i + 1 < ${#step[@]}; i++)); do
		mutant "$name" "${step[i]}" "${step[i + 1]}"
	done
done <<<"$lives"
echo "fault: $swapped pairs of steps swapped, $spared of them spare: $unmissed were not missed, there was no time for $late"
[ "$failed" -eq 0 ] && [ "$unmissed" -eq 0 ]
