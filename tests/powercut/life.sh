#!/bin/sh
# shellcheck shell=dash
# One life of the host, from the moment the power is back: boots as the unit would, looks, then one update after the other.
#   life.sh FIRST LAST [ask]
# What it finds goes to its output, a line each, for the one outside who remembers:
#   @ up                  the disk is mounted
#   @ booted MS TEXT      fleet-agent boot came back
#   @ fact NAME VALUE     what may only rise (or, for keys and marks, stay)
#   @ update N NAME       it begins
#   @ ended N CODE TEXT
#   @ whole               all of them are done
#   @ bad TEXT            what must never be
# Behind LAST there may be nothing to do: FIRST is then LAST and one. With `ask` it waits for a line of input where an update begins and where it ended.
set -u
export PATH=/usr/bin:/bin LC_ALL=C
first=$1 last=$2 ask=${3:-} status_known=
state=/var/lib/fleet-agent world=/world out=/run/life

say() { echo "@ $*"; }
bad()
{
	say "bad $*"
	exit 1
}
wait_for_leave() { [ -z "$ask" ] || read -r _; }
as_user() { /usr/bin/setpriv --reuid fleet-agent --regid fleet-agent --clear-groups --no-new-privs "$@"; }
as_agent() { as_user /usr/bin/fleet-agent "$@"; } # the launcher
read_file() { cat "$world/$1/$2"; }
told() { tr '\n' ' ' <$out | cut -c 1-300; }

# --- looking ---

status() { as_agent status --json >/run/status 2>&1 || bad "status: $(cat /run/status)"; }
# field NAME: of the status, on a line of its own
field() { sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" /run/status | head -n 1; }
on_trial() { grep -q '^ *"trial":' /run/status; }

verified()
{
	as_agent verify >$out 2>&1 || bad "$1: what runs does not verify: $(told)"
}

# The version of a document itself is the last of that name in it: canonical order.
versions()
{
	[ -z "$(find $state/trust -name '*.json' -size 0)" ] || bad "$1: an empty file in $state/trust"
	for file in "$state"/trust/*.json; do
		[ -e "$file" ] || return 0 # nothing was fetched yet
	done
	awk '{ while (match($0, /"version": *[0-9]+/)) { found = substr($0, RSTART, RLENGTH); sub(/.*: */, "", found); last[FILENAME] = found; $0 = substr($0, RSTART + RLENGTH) } }
		END { for (i = 1; i < ARGC; i++) { name = ARGV[i]; gsub(/.*\/|[.]json$/, "", name); print "@ fact trust:" name, last[ARGV[i]] } }' "$state"/trust/*.json
	[ ! -e $state/trust/floor ] || say "fact floor $(head -n 1 $state/trust/floor)"
}

# Each receipt names the one before by the digest of its line.
chain()
{
	rm -rf /run/lines
	mkdir /run/lines
	awk 'FNR == 1 { n = FILENAME; gsub(/.*\/|[.]json$/, "", n); printf "%s", $0 >("/run/lines/" n); close("/run/lines/" n)
		match($0, /"previous":"[0-9a-f]*"/); print n, substr($0, RSTART + 12, RLENGTH - 13) }' $state/receipts/*.json >/run/named
	(cd /run/lines && sha256sum ./*) | sed 's|^\([0-9a-f]*\)  [.]/\(.*\)|\2 \1|' >/run/digests
	awk 'NR == FNR { digest[$1] = $2; next }
		{ previous[$1] = $2; if ($1 + 0 > last) last = $1 + 0; if (!first || $1 + 0 < first) first = $1 + 0 }
		END { for (n = first + 1; n <= last; n++) {
				if (!(n in digest)) { print "receipt " n " is missing"; exit }
				if (previous[n] != digest[n - 1]) { print "receipt " n " does not follow receipt " n - 1; exit }
			}
			print last }' /run/digests /run/named >$out
	case $(cat $out) in
	'' | *[!0-9]*) bad "$1: $(told)" ;;
	esac
	say "fact receipt $(cat $out)"
}

# look WHEN: what must hold at any time when nothing is tried
look()
{
	verified "$1"
	[ -n "$status_known" ] || status
	status_known=
	on_trial && bad "$1: a trial is open"
	chain "$1"
	versions "$1"
	say "fact key $(field receipt_key)"
	say "fact agent $(field agent | cut -d . -f 1)"
	number=$(field number)
}

# What nobody needs any more is gone when an update is over.
tidy()
{
	local left
	left=$(find $state/staging -mindepth 1; find $state -name '.*.new' -o -name '.*.gone')
	[ -z "$left" ] || bad "$1: left behind: $left"
	for left in releases trees bundles; do
		[ "$(find $state/$left -mindepth 1 -maxdepth 1 | wc -l)" -le 4 ] || bad "$1: more than 4 $left are kept"
	done
}

# --- living ---

now_ms() { sed 's/^\([0-9]*\)[.]\([0-9][0-9]\).*/\1\20/' /proc/uptime; }

# As the units do, the guard's timer included.
boot()
{
	local began
	began=$(now_ms)
	as_user /usr/lib/fleet-agent/fleet-agent boot >$out 2>&1 || bad "boot: $(told)"
	say "booted $(($(now_ms) - began)) $(told)"
	as_user /usr/lib/fleet-agent/fleet-guard >$out 2>&1 || bad "guard: $(told)"
}

# A trial that was open settles; who pulled it sees it through, as the timer's unit does.
settle()
{
	local tries=600
	status
	status_known=yes
	on_trial || return 0
	verified "at once after boot, with a trial open"
	as_agent pull >$out 2>&1
	while status; on_trial; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || bad "an open trial does not settle: $(grep -A8 '"trial"' /run/status | tr -d '\n ')"
		sleep 0.1
	done
}

update()
{
	local n="$1" op code=0 heard
	publish "$n"
	say "update $n $(read_file "$n" name)"
	wait_for_leave
	op=$(read_file "$n" op)
	if [ "$op" = pull ]; then
		as_agent pull --now >$out 2>&1 || code=$?
	elif [ "$number" != "$(read_file "$n" runs)" ]; then
		as_agent "$op" >$out 2>&1 || code=$?
	fi
	case ,$(read_file "$n" code), in
	*",$code,"*) ;;
	*) bad "update $n, $(read_file "$n" name): exit code $code: $(told)" ;;
	esac
	heard=$(told)
	look "after update $n"
	[ "$number" = "$(read_file "$n" runs)" ] || bad "update $n, $(read_file "$n" name): release $number runs, not $(read_file "$n" runs): $heard"
	tidy "after update $n"
	say "ended $n $code $heard"
	wait_for_leave
}
publish()
{
	! grep -q ' /run/published ' /proc/mounts || umount /run/published
	mkdir -p /run/published
	mount -o bind "$world/$1/repository" /run/published || bad "update $1 is not published"
}

say up
boot
begun=$((first < last ? first : last)) # behind the last there is none
publish "$begun"
settle
look "after boot"
case $number in
"$(read_file $((first - 1)) runs)" | "$(read_file "$begun" runs)") ;;
*) bad "after boot: release $number runs" ;;
esac
say "settled"
n=$first
while [ "$n" -le "$last" ]; do
	update "$n"
	n=$((n + 1))
done
say whole
