#!/bin/sh
# Can every script of this release run on this Pi? Each parses, is executable (lib/ is only read), and
# the tools on its "# needs:" line exist (a|b: one of them). Touches no network, writes nothing.
# needs: find grep sed
cd "${0%/*}/.." || exit 1

bad=0 scripts=0
complain() {
	printf 'syntax: %s\n' "$1" >&2
	bad=$((bad + 1))
}
has_one() {
	while [ $# -gt 0 ]; do
		! command -v "$1" >/dev/null 2>&1 || return 0
		shift
	done
	return 1
}

# Names in a bundle have no white space.
for script in $(find . -type f -name '*.sh' | LC_ALL=C sort); do
	scripts=$((scripts + 1))
	why=$(sh -n "$script" 2>&1) || complain "${why:-$script does not parse}"
	case $script in ./lib/*) ;; *) [ -x "$script" ] || complain "$script is not executable" ;; esac
	# shellcheck disable=SC2013 # words are wanted
	for tools in $(sed -n 's/^# needs: //p' "$script"); do
		# shellcheck disable=SC2046 # a|b is two words
		has_one $(printf '%s' "$tools" | tr '|' ' ') || complain "$script needs $tools, which is not installed"
	done
done
[ "$scripts" -gt 0 ] || complain "no script in $PWD"
[ "$bad" -eq 0 ] || exit 1
echo "syntax: $scripts scripts, all can run here"
