#!/bin/sh
# What no compiler sees: shell that shellcheck would not sign, and words that must not stand in the house: where somebody
# built it, where somebody downloaded from, what somebody left for later. Says file and line of each.
# The starter's own scripts are looked at by tests/starter.sh.
# usage: lint.sh [ROOT]
set -eu
cd "${1:-$(dirname "$0")/..}"
bad=0
list=$(mktemp)
trap 'rm -f "$list"' EXIT

# What is committed or may be: all that git does not ignore. From an archive: all but what cmake made.
if ! git ls-files -z --cached --others --exclude-standard >"$list" 2>/dev/null || [ ! -s "$list" ]; then
	find . -path './build*' -prune -o -type f -print0 | sed -z 's|^\./||' >"$list"
fi

# In these scripts an argument may be left out (SC2119, SC2120), and a backquote in single quotes is meant (SC2016).
shell()
{
	command -v shellcheck >/dev/null || { echo "lint: shellcheck is not installed" >&2; return 1; }
	grep -zxE 'dev|[.]ci/run|tests/(.*/)?[^/]*[.]sh' "$list" | xargs -0 sh -c '
		for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' sh |
		xargs -0r shellcheck -x -P SCRIPTDIR -e SC2016,SC2119,SC2120
}

# nowhere WHAT PATTERN: in no file that is text.
nowhere()
{
	found=$(xargs -0r grep -InE -e "$2" /dev/null <"$list" 2>/dev/null || true)
	[ -n "$found" ] || return 0
	printf '%s\n' "$found" | sed "s|^|lint: $1: |" >&2
	bad=1
}

shell || bad=1
nowhere 'a path of one machine' '(^|[^A-Za-z0-9._}/-])/(work|root)/'
nowhere 'a package registry' '\<(pypi[.]org|pythonhosted[.]org|npmjs[.](org|com)|crates[.]io|proxy[.]golang[.]org|rubygems[.]org|repo1?[.]maven|conan[.]io|docker[.]io|ghcr[.]io|quay[.]io|gcr[.]io|artifact[o]ry|nexus[.])'
nowhere 'left for later' '\<(TOD[O]|FIXM[E]|XX[X])\>'
exit $bad
