#!/bin/sh
# Does manuals.sh notice? The manuals with a line less, or one that should not be there: once one fault alone, once all.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
failed=0

# spoil PAGE SED-SCRIPT WHAT-WILL-BE-SAID
spoil()
{
	cp "$t/man/$1" "$t/before"
	sed "$2" "$t/before" >"$t/man/$1"
	printf '%s\n' "$3" >>"$t/expected"
	! cmp -s "$t/before" "$t/man/$1" || { echo "FAILED: $2 changes nothing in $1" >&2; failed=1; }
}
begin() { rm -rf "$t/man" "$t/expected" && mkdir "$t/man" && cp "$here"/../fleetctl/man/*.[1-8] "$t/man"; }
refused()
{
	if FLEET_MAN=$t/man "$here/manuals.sh" >"$t/said" 2>&1; then
		echo 'FAILED: accepted' >&2
		failed=1
	fi
	while read -r line; do
		grep -qF -e "$line" "$t/said" || { echo "FAILED: not said: $line; but: $(cat "$t/said")" >&2; failed=1; }
	done <"$t/expected"
}

begin
spoil fleetctl.1 '/^[.]It Fl -soak/,/^[.]Ql/d' 'fleetctl.1, rollout start lacks: .It Fl -soak Ar TIME'
refused
begin
spoil fleetctl.1 's/^[.]It Fl n , Fl -dry-run/.It Fl -dry-run/' 'fleetctl.1, sign lacks: .It Fl n , Fl -dry-run'
spoil fleetctl.1 's/^[.]It Fl -cached/.It Fl -never/' 'fleetctl.1, status has what is not in the code: .It Fl -never'
spoil fleetctl.1 '/^[.]Ss host show/d' 'fleetctl.1 lacks: .Ss host show ID'
spoil fleetctl.1 's/^[.]Ss verify/.Ss verify\n.Ss vanish/' 'commands that are not there: vanish'
spoil fleetctl.1 '/^[.]It Fl -json/d' 'fleetctl.1, verify lacks: .It Fl -json'
spoil fleetctl.1 's/^[.]Bl -tag -width Ds$/.Bl -tag/' 'mandoc warns of fleetctl.1'
spoil fleet.5 '/^[.]It Cm samples/d' 'fleet.5, checks lacks: samples'
spoil fleet.5 '/^[.]It Cm host_key/d' 'fleet.5, hosts.yaml lacks: host_key'
spoil fleet.5 's/^[.]It Cm apn/.It Cm operator/' 'fleet.5, link has what is not in the code: operator'
refused
exit $failed
