#!/bin/sh
# ./dev fault: usage: fault.sh BUILD [SECONDS] [--seed S] [--mutate] [further options of BUILD/tests/fault]
set -eu
build=$1
shift
mutate=no
for word; do # each once: the others keep their order
	shift
	if [ "$word" = --mutate ]; then mutate=yes; else set -- "$@" "$word"; fi
done
[ "$mutate" = no ] || exec "$(dirname "$0")/mutate.sh" "$build" "$@"
exec "$build/tests/fault" "$build" "$@"
