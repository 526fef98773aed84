#!/usr/bin/env bash
# Does the bench fail when a figure is missed?
set -euo pipefail
. "$(dirname "$0")/bench/verdicts.sh"
fail() { echo "FAILED: $*" >&2; exit 1; }

judge small 3 4 bytes
judge just 4 4 bytes
compare ratio 12 10 1.2 bytes git
said=$(summary) || fail "figures within their bounds are no failure: $said"
[ "$said" = 'bench: 3 figures, none above its bound' ] || fail "they are counted: $said"
[ "${verdicts[2]}" = 'ok ratio 1.200 (ours 12 bytes, git 10 bytes) bound 1.2' ] || fail "a ratio is one: ${verdicts[2]}"
judge large 5 4 bytes
judge small 3 4 bytes
compare far 13 10 1.2 bytes
! said=$(summary) || fail "a figure above its bound is a failure"
[ "$said" = 'bench: MISSED: large far' ] || fail "it is named, and each that is: $said"
# and bench.sh ends with that
grep -q '^	summary || status=' "$(dirname "$0")/bench/bench.sh" || fail "bench.sh exits with it"
