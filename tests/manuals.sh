#!/bin/sh
# Do the manuals say what the programs do? mandoc finds nothing to warn of; fleetctl.1 has every command with its usage and
# every option with its letter and value, in that command's section, and none that is not there; fleet.5 has every field of
# the tables that read the files, and none that is not there.
# FLEET_BUILD: where fleetctl is. FLEET_MAN: other manuals of fleetctl (for manuals_test.sh).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
fleetctl=${FLEET_BUILD:-$root/build}/fleetctl/fleetctl
man=${FLEET_MAN:-$root/fleetctl/man}
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
bad=0
not() { printf 'not ok - %s\n' "$*" >&2; bad=1; }

# section FILE NAME: what stands under ".Ss NAME", which may go on with arguments.
section() { awk -v name="$2" '/^[.]S[hs] /{ on = $1 == ".Ss" && ($0 == ".Ss " name || index($0, ".Ss " name " ") == 1); next } on' "$1"; }
# same WHAT: two lists, sorted; what only one of them has is said.
same()
{
	sort -u "$t/code" >"$t/code.sorted"
	sort -u "$t/page" >"$t/page.sorted"
	comm -23 "$t/code.sorted" "$t/page.sorted" | while read -r line; do not "$1 lacks: $line"; done
	comm -13 "$t/code.sorted" "$t/page.sorted" | while read -r line; do not "$1 has what is not in the code: $line"; done
	cmp -s "$t/code.sorted" "$t/page.sorted" || bad=1
}

# --- mandoc ---

command -v mandoc >/dev/null || { not 'mandoc is not installed'; exit 1; }
for page in "$man"/*.[1-8] "$root"/agent/man/*.[1-8] "$root"/keys/*.[1-8]; do
	[ ! -e "$page" ] || mandoc -Tlint -W warning "$page" >&2 || not "mandoc warns of ${page##*/}"
done

# --- fleetctl.1 ---

page=$man/fleetctl.1
"$fleetctl" completion | sed -n 's/^_fleetctl_commands=(\(.*\))$/\1/p' | grep -oE '"[^"]+"' | tr -d '"' >"$t/commands"
[ -s "$t/commands" ] || not 'fleetctl names its commands'

# options COMMAND: as ".It" lines, from its help; the list that completion gives says whether all were read.
options()
{
	# shellcheck disable=SC2086 # a command is one word or two
	"$fleetctl" $1 --help >"$t/help"
	sed -nE 's/^  -(.), --([a-z-]+)( ([^ ]+))?  .*/.It Fl \1 , Fl -\2\3/p; s/^      --([a-z-]+)( ([^ ]+))?  .*/.It Fl -\1\2/p' "$t/help" |
		sed -E 's/^(.* -[a-z-]+) ([^ ]+)$/\1 Ar \2/'
	# shellcheck disable=SC2086
	"$fleetctl" $1 --complete-options | sed 's/^--//' >"$t/names"
}
while read -r command; do
	options "$command" >"$t/code"
	while read -r name; do
		grep -qE -e "Fl -$name( |\$)" "$t/code" || not "fleetctl $command --help lacks --$name"
	done <"$t/names"
	usage=$(sed -n '1s/^usage: fleetctl \(.*\) \[options\]$/\1/p' "$t/help")
	grep -qxF ".Ss $usage" "$page" || not "fleetctl.1 lacks: .Ss $usage"
	{ section "$page" "$command"; section "$page" 'Every command' | grep -vx '[.]It Fl h , Fl -help'; } | grep '^[.]It Fl' >"$t/page" || true
	same "fleetctl.1, $command"
done <"$t/commands"
sed -n '/^[.]Sh COMMANDS/,/^[.]Sh ENV/s/^[.]Ss //p' "$page" | while read -r head; do
	while read -r command; do
		case "$head " in "$command "*) continue 2 ;; esac
	done <"$t/commands"
	echo "$head"
done >"$t/stray"
[ ! -s "$t/stray" ] || not "fleetctl.1 has commands that are not there: $(cat "$t/stray")"

# --- fleet.5 ---

page=$man/fleet.5
# table, its file, its section
cat >"$t/tables" <<'TABLES'
fleet_shape fleetctl/fleet/fleet.c fleet.yaml
defaults_shape fleetctl/fleet/fleet.c defaults
ssh_shape fleetctl/fleet/fleet.c ssh
place_shape fleetctl/fleet/place.c publish
home_shape fleetctl/fleet/home.c receipts
host_shape fleetctl/fleet/fleet.c hosts.yaml
hosts_shape fleetctl/fleet/fleet.c -
plan_shape manifests/plan.c plans/PLAN.yaml
probe_shape manifests/plan.c probes
check_shape manifests/plan.c checks
hooks_shape manifests/plan.c hooks
trial_shape manifests/plan.c trial
poll_shape manifests/plan.c poll
window_shape manifests/window.c window
link_shape manifests/plan.c link
budget_shape manifests/plan.c budget
access_shape manifests/access.c -
access_yaml_shape manifests/access.c access.yaml
operator_shape manifests/access.c operators
origins_shape manifests/origins.c -
origins_yaml_shape manifests/origins.c sources.yaml
origin_shape manifests/origins.c sources
keyset_shape fleetctl/repo/keyset.c keys.yaml
key_shape fleetctl/repo/keyset.c keys
agents_shape fleetctl/repo/agents.c agents.yaml
agent_shape fleetctl/repo/agents.c agents
TABLES
for file in fleetctl/fleet/fleet.c manifests/plan.c manifests/window.c manifests/access.c manifests/origins.c fleetctl/repo/keyset.c \
	fleetctl/repo/agents.c; do
	sed -nE 's/^(static )?const struct shape_field ([a-z_]+)\[\] = .*/\2/p' "$root/$file" >"$t/names"
	while read -r table; do
		grep -q "^$table $file " "$t/tables" || not "$file: this test does not know the table $table"
	done <"$t/names"
done
while read -r table file name; do
	[ "$name" != - ] || continue
	awk -v table="$table" '/^(static )?const struct shape_field /{ on = index($0, " " table "[]") } on' "$root/$file" |
		sed '/^};/q' | sed -nE 's/^[ \t]*(\{ ?|[A-Z]+\()"([a-z_0-9]+)".*/\2/p' >"$t/code"
	[ -s "$t/code" ] || not "$file: no fields of $table were found"
	section "$page" "$name" | sed -nE 's/^[.]It Cm ([a-z_0-9]+).*/\1/p' >"$t/page"
	same "fleet.5, $name"
done <"$t/tables"

[ "$bad" -ne 0 ] || echo "ok - $(wc -l <"$t/commands") commands and $(wc -l <"$t/tables") tables stand in the manuals"
exit "$bad"
