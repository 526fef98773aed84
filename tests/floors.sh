#!/bin/sh
# The include lines are the architecture; this holds them to it. Says file and line of everything that
#   climbs       base < keys < manifests bundles wire sources < agent fleetctl < tests; none looks at its neighbours
#   passes by    a foreign library's door (tests may: they look at what is behind it)
#   goes in a loop of files; x.c and x.h are one, and so is a header without a .c of its own that x.c includes and that
#                includes x.h back: it is the inside of x
#   is not written from the root, or stands in no room
# usage: floors.sh [ROOT]
set -eu
cd "${1:-$(dirname "$0")/..}"

# Build folders hold C of cmake's own, and whole systems.
set --
for folder in */; do
	case $folder in build*) continue ;; esac
	[ -e "$folder/CMakeCache.txt" ] || set -- "$@" "$folder"
done

find "$@" ./*.[ch] -type f -name '*.[ch]' 2>/dev/null | sed 's|//*|/|g; s|^\./||' | LC_ALL=C sort | awk '
BEGIN {
	rank["base"] = 1
	rank["keys"] = 2
	rank["manifests"] = rank["bundles"] = rank["wire"] = rank["sources"] = 3
	rank["agent"] = rank["fleetctl"] = 4
	rank["tests"] = 5

	door("jansson[a-z_]*[.]h", "base/doc[.]c")
	door("seccomp[.]h", "base/")
	door("openssl/", "keys/")
	door("yaml[.]h", "manifests/")
	door("archive[a-z_]*[.]h", "bundles/")
	door("(zstd[a-z_]*|zdict)[.]h", "bundles/")
	door("curl/", "sources/")
	door("git2([.]h|/)", "sources/")
	door("zlib[.]h", "sources/")
	door("libssh/", "(fleetctl|agent/sim)/")
	door("sqlite3[a-z]*[.]h", "fleetctl/")
	door("(postgresql/)?libpq", "fleetctl/")
	door("uv([.]h|/)", "fleetctl/")
}

{ files[++count] = $0; exists[$0] = 1 }

END {
	if (!count)
		say(".", "no C here")
	for (i = 1; i <= count; i++)
		read(files[i])
	for (i = 1; i <= edges; i++)
		find_inside(edge_from[i], edge_to[i])
	for (i = 1; i <= edges; i++)
		join(home(edge_from[i]), home(edge_to[i]), edge_at[i])
	for (i = 1; i <= count; i++)
		walk(home(files[i]), "")
	exit bad
}

function door(header, rooms) { doors["^" header] = "^" rooms }
function node(file) { sub(/[.][ch]$/, "", file); return file }
function home(file) { return file in inside ? inside[file] : node(file) }
function folder(file) { sub(/[^\/]*$/, "", file); return file }
function room(file) { return file ~ /\// ? substr(file, 1, index(file, "/") - 1) : "" }
function say(where, what) { print where ": " what; bad = 1 }

function read(file,    line, n) {
	if (!(room(file) in rank))
		say(file ":1", "stands in no room of the house")
	while ((getline line < file) > 0) {
		n++
		if (line ~ /^[ \t]*#[ \t]*include/)
			check(file, file ":" n, line)
	}
	close(file)
}

function check(file, where, line,    kind, target) {
	sub(/^[ \t]*#[ \t]*include[_a-z]*[ \t]*/, "", line)
	kind = substr(line, 1, 1)
	if (kind != "\"" && kind != "<") {
		say(where, "names its header by a macro: nobody can see which")
		return
	}
	target = substr(line, 2)
	sub(/[">].*/, "", target)
	foreign(file, where, target)
	if (kind == "\"" && !(target in exists))
		say(where, "\"" target "\" is not written from the root, or is not there")
	else if (kind == "<" && (target in exists))
		say(where, "<" target "> is ours: write \"" target "\"")
	if (target in exists)
		own(file, where, target)
}

function foreign(file, where, target,    header) {
	if (room(file) == "tests")
		return
	for (header in doors)
		if (target ~ header && file !~ doors[header])
			say(where, target " has its door elsewhere: " plain(doors[header]))
}

function plain(pattern) { gsub(/[\^()\[\]]/, "", pattern); gsub(/[|]/, " or ", pattern); return pattern }

function own(file, where, target,    from, to) {
	from = room(file)
	to = room(target)
	if (from != to && rank[to] >= rank[from])
		say(where, "climbs: " from "/ must not know " target)
	includes[file, target] = 1
	edges++
	edge_from[edges] = file
	edge_to[edges] = target
	edge_at[edges] = where
}

# Is `file` the inside of what `target` belongs to? Only beside it, and only if no .h shows it to others.
function find_inside(file, target) {
	if (file !~ /[.]h$/ || target !~ /[.]h$/ || (node(file) ".c") in exists || folder(file) != folder(target))
		return
	if (!(file in inside) && ((node(target) ".c", file) in includes) && !((target, file) in includes))
		inside[file] = node(target)
}

function join(from, to, where) {
	if (from == to || ((from, to) in at))
		return
	at[from, to] = where
	next_of[from] = next_of[from] to "\n"
}

# Depth first; `road` is the includes that led here, a loop is one that comes back to where it has been.
function walk(here, road,    list, n, i, to) {
	if (state[here] == "done")
		return
	state[here] = "open"
	n = split(next_of[here], list, "\n")
	for (i = 1; i < n; i++) {
		to = list[i]
		if (state[to] == "open")
			say(at[here, to], "goes in a loop:" loop(road " " here, to) " " to)
		else
			walk(to, road " " here)
	}
	state[here] = "done"
}

function loop(road, from) { return substr(road " ", index(road " ", " " from " "), length(road) + 1 - index(road " ", " " from " ")) }
' >&2
