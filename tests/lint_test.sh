#!/bin/sh
# Does lint.sh find what it is for? One tree for each; the forbidden words are put together here, or it would find this file.
set -eu
lint=$(cd "$(dirname "$0")" && pwd)/lint.sh
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
failed=0

# lay FILE LINE: a tree with one file
lay() { rm -rf "$t/tree" && mkdir -p "$t/tree/$(dirname "$1")" && printf '%s\n' "$2" >"$t/tree/$1"; }

accepts()
{
	lay "$2" "$3"
	GIT_CEILING_DIRECTORIES=$t "$lint" "$t/tree" >"$t/said" 2>&1 && [ ! -s "$t/said" ] && return
	echo "FAILED: $1: $(cat "$t/said")" >&2
	failed=1
}
refuses()
{
	lay "$3" "$4"
	if GIT_CEILING_DIRECTORIES=$t "$lint" "$t/tree" >"$t/said" 2>&1 || ! grep -q -e "$2" "$t/said"; then
		echo "FAILED: $1: $(cat "$t/said")" >&2
		failed=1
	fi
}

host=pypi
accepts 'a plain file' base/x.c 'int x; /* mktemp x.XXXXXX, ${dir}/work/a, homework/ */'
accepts 'what cmake made' build-x/x.c "/${host:+work}/x"
refuses 'a path of one machine' 'a path of one machine: base/x.c:1' base/x.c "/* /${host:+work}/x */"
refuses 'the home of root' 'a path of one machine: README.md:1' README.md "see /${host:+root}/x"
refuses 'a registry' 'a package registry: CMakeLists.txt:1' CMakeLists.txt "https://$host.org/simple"
refuses 'what is left for later' 'left for later: wire/x.h:1' wire/x.h "/* TO${host:+DO}: mend */"
refuses 'a script that is not quoted' 'SC2086' tests/e2e/x.sh '#!/bin/sh
rm $1'
refuses 'the one script' 'SC2086' dev '#!/bin/sh
rm $1'
exit $failed
