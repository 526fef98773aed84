#!/usr/bin/env bash
# Puts each defect of a folder of patches back in turn, in a copy of the sources, and sees whether the tests that it names fail.
# A patch begins with "Row: what it undoes" and "Killed by: PROGRAM TEST" lines. Exits 1 when one survives, does not apply or
# does not build, or names a test that is not there.
# usage: mutate.sh FOLDER [PART-OF-NAME...]     (./dev mutate trust [one-key])
#   MUTATE_SHARE=N: every Nth patch only, beginning with another one each day
set -eu
cd "$(dirname "$0")/../.."
shopt -s nullglob
set=${1:-}
[ $# -eq 0 ] || shift
patches=(tests/mutate/"$set"/*.patch)
if [ -z "$set" ] || [ ${#patches[@]} -eq 0 ]; then
	echo "usage: ./dev mutate FOLDER [PART-OF-NAME...], FOLDER one of: $(cd tests/mutate && echo */ | tr -d /)" >&2
	exit 2
fi
build='build-mutate'
scratch=$build/mutate
share=${MUTATE_SHARE:-1}
first=$(($(date +%s) / 86400 % share))

# --- the copy: what has changed since the last run, and nothing else, is copied, so that little is built ---

same_tree()
{
	local file
	mkdir -p "$scratch/src"
	[ -e "$build/CMakeCache.txt" ] || : >"$build/CMakeCache.txt" # what floors.sh knows a build folder by
	while read -r file; do
		cmp -s "$file" "$scratch/src/$file" && continue
		mkdir -p "$scratch/src/$(dirname "$file")"
		cp "$file" "$scratch/src/$file"
	done < <(sources .)
	while read -r file; do
		[ -e "$file" ] || rm "$scratch/src/$file"
	done < <(sources "$scratch/src")
}
sources() { (cd "$1" && find . -path './build*' -prune -o -path './.git' -prune -o -path './tests/mutate' -prune -o -type f -print); }

# --- one patch ---

kills() { sed -n 's/^Killed by: //p' "$1"; }
programs() { kills "$1" | cut -d' ' -f1 | sort -u; }
touched() { sed -n 's|^+++ b/||p' "$1"; }
wanted()
{
	local word
	[ $# -gt 1 ] || return 0
	for word in "${@:2}"; do
		case $1 in *"$word"*) return 0 ;; esac
	done
	return 1
}

# run PROGRAM LOG: never longer than a minute; one that does not end has failed.
run() { timeout 60 "$build/tests/unit/$1" >"$2" 2>&1; }

# verdict PATCH: a word and a reason on stdout.
verdict()
{
	local patch=$1 program test log=$scratch/log
	if ! patch -d "$scratch/src" -p1 -s -F1 <"$patch" >"$log" 2>&1; then
		echo "does not apply: $(tail -n 1 "$log")"
		return
	fi
	# shellcheck disable=SC2046
	if ! ninja -C "$build" $(programs "$patch") >"$log" 2>&1; then
		echo "does not build: $(grep -m1 error: "$log")"
		return
	fi
	for program in $(programs "$patch"); do
		run "$program" "$log" && continue
		echo "$?" >>"$log"
		cp "$log" "$scratch/log.$program"
	done
	while read -r program test; do
		if [ ! -e "$scratch/log.$program" ]; then
			echo "SURVIVED $program"
			return
		fi
		grep -q "FAILED  \] $test\$" "$scratch/log.$program" || [ "$(tail -n 1 "$scratch/log.$program")" = 124 ] || {
			echo "SURVIVED $program: $test"
			return
		}
	done < <(kills "$patch")
	echo killed
}
restore()
{
	local file
	while read -r file; do
		cmp -s "$file" "$scratch/src/$file" || cp "$file" "$scratch/src/$file"
		rm -f "$scratch/src/$file.orig" "$scratch/src/$file.rej"
	done < <(touched "$1")
	rm -f "$scratch"/log.*
}

# --- all of them ---

same_tree
# One compiler, no warnings: a defect may leave a variable unused.
[ -f "$build/build.ninja" ] || cmake -S "$scratch/src" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-w \
	-DCMAKE_C_FLAGS_DEBUG=-O1 >/dev/null
mapfile -t all < <(for patch in "${patches[@]}"; do programs "$patch"; done | sort -u)
ninja -C "$build" --quiet "${all[@]}"
for program in "${all[@]}"; do
	run "$program" "$scratch/clean.$program" || { echo "mutate: $program fails without any defect" >&2; exit 1; }
done

killed=0 tried=0 at=0 bad=()
for patch in "${patches[@]}"; do
	name=$(basename "$patch" .patch)
	wanted "$name" "$@" || continue
	at=$((at + 1))
	[ $((at % share)) -eq "$first" ] || continue
	tried=$((tried + 1))
	word=
	while read -r program test; do
		grep -q " OK \] $test\$" "$scratch/clean.$program" || word="names a test that is not there: $program $test"
	done < <(kills "$patch")
	[ -n "$(kills "$patch")" ] || word="names no test"
	[ -n "$word" ] || word=$(verdict "$patch")
	restore "$patch"
	printf 'mutate: %-45s %s\n' "$name" "$word"
	if [ "$word" = killed ]; then
		killed=$((killed + 1))
	else
		bad+=("$name: $(sed -n 's/^Row: //p' "$patch")")
	fi
done
echo "mutate: $set: $killed of $tried killed, ${#patches[@]} in all, $((SECONDS)) s"
[ ${#bad[@]} -eq 0 ] || { printf '  %s\n' "${bad[@]}" >&2; exit 1; }
