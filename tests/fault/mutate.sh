#!/usr/bin/env bash
# ./dev fault --mutate: each sync in the door is left out, and each pair of neighbouring steps of apply's table is swapped, in
# turn: the suite must fail each time.
# usage: mutate.sh BUILD [options of BUILD/tests/fault]
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
shift
survived=0

"$build/tests/fault" "$build" --syncs "$@" || survived=1

# The sources once more, with what is built kept from one mutant to the next.
T=$(mktemp -d "${TMPDIR:-/tmp}/mutate.XXXXXX")
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT TERM
mkdir "$T/src"
tar -c -C "$here" --exclude='./build*' --exclude=./.git . | tar -x -C "$T/src"
table=$T/src/agent/apply/apply.c
cp "$table" "$T/table"
cmake -S "$T/src" -B "$T/build" -G Ninja -DFLEET_FAULT=ON >/dev/null

# swap A B: where the table of releases runs the one it runs the other.
swap()
{
	awk -v a="step_$1" -v b="step_$2" '
	/^static const struct row release_rows/ { here = 1 }
	/^};/ { here = 0 }
	here && $0 ~ "{" a "," { sub("{" a ",", "{" b ","); print; next }
	here && $0 ~ "{" b "," { sub("{" b ",", "{" a ",") }
	{ print }' "$T/table" >"$table"
	! cmp -s "$T/table" "$table" || { echo "mutate: no rows step_$1 and step_$2 in apply.c" >&2; exit 1; }
}

suite()
{
	"$T/build/tests/fault" "$T/build" --kills 0 --twice 0 --cuts 0 --error rot "$@" &&
		"$T/build/tests/fault" "$T/build" --kills 40 --twice 0 --cuts 40 --errors 0 "$@"
}

# What is right in either order, and why; the others must be missed.
spare()
{
	case $1 in
	fetch) echo "expanding holds every byte to the bundle's digest itself: fetch only says sooner, and better, what is wrong" ;;
	*) return 1 ;;
	esac
}

steps=(fetch verify unpack reread swap prove confirm commit)
for ((i = 0; i + 1 < ${#steps[@]}; i++)); do
	pair="${steps[i]} and ${steps[i + 1]}"
	swap "${steps[i]}" "${steps[i + 1]}"
	ninja -C "$T/build" --quiet fault >"$T/log" 2>&1 || { tail -n 20 "$T/log" >&2; exit 1; }
	if suite "$@" >"$T/log" 2>&1; then
		if why=$(spare "${steps[i]}"); then
			echo "spare: steps $pair swapped: $why"
			continue
		fi
		echo "NOT MISSED: steps $pair swapped"
		survived=1
	else
		echo "missed: steps $pair swapped: $(grep -E -m 1 'FAILED|undisturbed' "$T/log" | cut -c 1-300)"
	fi
done
exit $survived
