#!/bin/sh
# Is what the probes wrote text that Prometheus can read? One broken file costs a collector all of them.
# That there are results at all is not asked here: that is the built-in check `alive`.
# needs: awk
if [ ! -d "${FLEET_OUT-}" ]; then
	echo "results.sh: FLEET_OUT is no folder: ${FLEET_OUT-not set}" >&2
	exit 2
fi

bad=0 files=0
for file in "$FLEET_OUT"/*.prom; do
	[ -e "$file" ] || continue
	files=$((files + 1))
	awk -v file="${file##*/}" '
		function fail(why) { printf "results: %s line %d: %s\n", file, NR, why; failed = 1; exit 1 }
		/^# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* ./ { if ($2 == "TYPE") type[$3] = 1; next }
		/^#/ || /^$/ { next }
		!/^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*",?)*\})? [-+]?([0-9]+\.?[0-9]*([eE][-+]?[0-9]+)?|Inf|NaN)$/ { fail("not a sample") }
		{
			series = $0; sub(/ [^ ]*$/, "", series)
			name = series; sub(/\{.*/, "", name)
			if (!(name in type)) fail(name " has no TYPE")
			if (seen[series]++) fail("a second time")
			n++
		}
		END { if (!failed && !n) { printf "results: %s is empty\n", file; exit 1 } }' "$file" >&2 || bad=$((bad + 1))
done
[ "$bad" -eq 0 ] || exit 1
echo "results: $files files, all readable"
