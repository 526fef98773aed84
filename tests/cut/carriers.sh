# shellcheck shell=bash disable=SC2034,SC2154
# Lines that break, and hosts behind them that take a release: pushed by SSH, pulled by HTTPS, pulled by git over SSH. Source it; then
# carriers_begin; slot CARRIER NAME ...; trial NAME CUT HOW. A slot is a host of its own, with its own line, put back before each trial.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/web.sh"
. "$here/tests/e2e/git.sh"

carriers=(ssh https git)
declare -A host_of=([ssh]=ber [https]=tyo [git]=osa) plan_of=([ssh]=plan-D [https]=plan-P [git]=plan-Q)
declare -A carrier_of line_in line_out line_port

# --- lines ---

# line_begin NAME TARGET-PORT: whole until it is ordered otherwise; its port in ${line_port[NAME]}.
line_begin()
{
	local io=$T/line-$1 into from said
	mkfifo "$io.in" "$io.out"
	"$build/tests/bench/relay" 0 "$2" 0 - <"$io.in" >"$io.out" &
	pids+=("$!")
	exec {into}>"$io.in" {from}<"$io.out"
	read -r said <&"$from"
	line_in[$1]=$into line_out[$1]=$from line_port[$1]=${said//[^0-9]/}
}
# order NAME CUT HOW | order NAME end: in $up, $down what went through since the last order, in $broke the connections that broke.
order()
{
	local name=$1 said=
	shift
	echo "$*" >&"${line_in[$name]}"
	until [[ $said =~ \"connections\":[0-9]+,\"up\":([0-9]+),\"down\":([0-9]+),\"cut\":([0-9]+) ]]; do
		read -r said <&"${line_out[$name]}" || return 1
	done
	up=${BASH_REMATCH[1]} down=${BASH_REMATCH[2]} broke=${BASH_REMATCH[3]}
}

# --- hosts ---

# Its programs lie in its own folder, so that the kernel says whose a process is.
programs_of()
{
	local lib=$T/hosts/$1/lib
	mkdir -p "$lib"
	cp "$build/agent/fleet-agent" "$build"/sources/fleet-fetch-{https,git} "$lib/"
	agent=$lib/fleet-agent
}
# below FOLDER: the processes whose program or working folder is in there.
below() { find /proc -maxdepth 2 \( -name exe -o -name cwd \) -lname "$1/*" -printf '%h\n' 2>/dev/null | awk -F/ '$3 ~ /^[0-9]+$/ && !seen[$3]++ { print $3 }'; }
alone() { [ -z "$(below "$T/hosts/$1")" ]; }

small_change() { printf '# changed\n' >>"$fleet/scripts/small/probes/beat.sh"; head -c 3000 /dev/urandom >"$fleet/scripts/small/weight"; }
release()
{
	local one
	sign
	[ "$code" -eq 0 ] || fail 'it is signed'
	ctl rollout status --all --json
	for one in $(jq -r '.rollouts[] | select(.action == "pull" and .state == "running") | .id' "$T/out"); do
		ctl_sign rollout abort "$one"
	done
	ctl_sign rollout start site=far --pull --any-time --allow-blind
	[ "$code" -eq 0 ] || fail 'it is open to hosts that pull'
	publish
	rm -rf "$T/published/patches"
}
source_of() # CARRIER
{
	local ca port=${line_port[${host_of[$1]}]} one
	ca=$(awk '{ printf "%s\\n", $0 }' "$T/nginx/ca")
	case $1 in
	https) one="{\"kind\": \"https\", \"url\": \"https://127.0.0.1:$port/fleet/\", \"ca\": \"$ca\"}" ;;
	git) one="{\"kind\": \"git\", \"url\": \"ssh://$me@127.0.0.1:$port$git_bare\", \"host_keys\": [\"$git_pin\"]}" ;;
	esac
	printf '{"format": 1, "sources": [%s]}\n' "$one" >"$T/sources.json"
}
# Each host runs release 1; release 2 waits for it.
carriers_begin()
{
	local carrier id
	tower_begin
	small_fleet plan-D plan-P plan-Q
	web_begin
	git_host_up
	sed -i '/^defaults:/d' "$fleet/fleet.yaml"
	cat >>"$fleet/fleet.yaml" <<-YAML
	defaults: {parallel: 4, connect: 8s, silence: ${carriers_silence:-8s}}
	publish:
	  - {name: hub, kind: git, url: '$git_url', identity: $T/operator, host_keys: ['$git_pin']}
	YAML
	programs_of ber
	host_make ber plan-D
	for carrier in https git; do
		id=${host_of[$carrier]}
		if [ "$carrier" = https ]; then line_begin "$id" "$web_port"; else line_begin "$id" "$git_port"; fi
		programs_of "$id"
		source_of "$carrier"
		puller "$id" "${plan_of[$carrier]}" far
		install -m 0600 "$T/operator" "$T/hosts/$id/state/pull/git-key"
	done
	release
	ctl rollout start ber --allow-blind
	[ "$code" -eq 0 ] || fail 'release 1 is pushed'
	for id in tyo osa; do
		agent=$T/hosts/$id/lib/fleet-agent
		pull "$id" --now
		[ "$(host_runs "$id")" = 1 ] || fail "$id pulls release 1"
	done
	"${carriers_change:-small_change}"
	release
	mkdir "$T/whole"
}
# slot CARRIER NAME: the host of that carrier once more, behind a line of its own.
slot()
{
	local from=${host_of[$1]} to=$2 h=$T/hosts/$2 port
	carrier_of[$to]=$1
	cp -a "$T/hosts/$from" "$h"
	chmod u+w "$h/etc/agent.json"
	sed -i "s#/hosts/$from/#/hosts/$to/#g" "$h/etc/agent.json"
	case $1 in
	ssh)
		sed -i "s#/hosts/$from/#/hosts/$to/#g" "$h/authorized_keys" "$h/sshd_config"
		rm "$h/port"
		host_up "$to"
		line_begin "$to" "$(cat "$h/port")"
		cp -a "$fleet" "$T/whole/$to.fleet"
		rm -rf "$T/whole/$to.fleet/.fleetctl" # a copied database is refused, and this one's history begins with each trial
		sed -i "s/port: $(cat "$T/hosts/$from/port")/port: ${line_port[$to]}/" "$T/whole/$to.fleet/hosts.yaml"
		;;
	*)
		if [ "$1" = https ]; then port=$web_port; else port=$git_port; fi
		line_begin "$to" "$port"
		sed -i "s#127.0.0.1:${line_port[$from]}#127.0.0.1:${line_port[$to]}#g" "$h/etc/agent.json"
		;;
	esac
	cp -a "$h/state" "$T/whole/$to"
}

# --- one trial ---

put_back()
{
	local h=$T/hosts/$1
	chmod -R u+w "$h/state" && rm -rf "$h/state" && cp -a "$T/whole/$1" "$h/state"
	[ ! -d "$T/whole/$1.fleet" ] || { rm -rf "$h/fleet" && cp -a "$T/whole/$1.fleet" "$h/fleet"; }
}
is_over() { ! kill -0 "$1" 2>/dev/null || grep -q 'try 1: .*again in' "$2"; }
# What runs is one of the two, and as it was signed.
whole_runs()
{
	local h=$T/hosts/$1
	"$h/lib/fleet-agent" verify --config-dir "$h/etc" >"$h/out" 2>"$h/err" && case $(host_runs "$1") in 1 | 2) ;; *) false ;; esac
}
# fails WORDS: this trial did not go as it must; the first reason counts.
fails() { wrong=${wrong:-$*}; }

# A rollout tries again by itself: when the first try is over, the line is whole.
pushed()
{
	local h=$T/hosts/$1 rolling
	: >"$h/said.err" # what the last one said counts for nothing
	(cd "$h/fleet" && exec "$fleetctl" rollout start ber --allow-blind) >"$h/said" 2>"$h/said.err" </dev/null &
	rolling=$!
	until_true 900 is_over "$rolling" "$h/said.err" || fails 'the first try has no end'
	order "$1" 0 down
	first_up=$up first_down=$down bitten=$broke
	whole_runs "$1" || fails 'after the cut something whole runs'
	code=0
	until_true 1800 eval "! kill -0 $rolling 2>/dev/null" || { fails 'the next try has no end'; kill "$rolling"; }
	wait "$rolling" || code=$?
	[ "$code" -eq 0 ] || fails "the next try completes: $(tail -n 1 "$h/said.err")"
}
pulled()
{
	local h=$T/hosts/$1
	code=0
	timeout -k 5 150 "$h/lib/fleet-agent" pull --now --config-dir "$h/etc" >"$h/said" 2>"$h/said.err" </dev/null || code=$?
	[ "$code" -lt 124 ] || fails 'the first pull has no end'
	order "$1" 0 down
	first_up=$up first_down=$down bitten=$broke
	whole_runs "$1" || fails 'after the cut something whole runs'
	[ "$code" -ne 0 ] || return 0 # its last words were cut off, or it went on by itself
	until_true 150 alone "$1" || fails "somebody still works there: $(below "$h" | xargs -r ps -o pid,args -p | tail -n +2)"
	code=0
	"$h/lib/fleet-agent" pull --now --config-dir "$h/etc" >"$h/said" 2>"$h/said.err" </dev/null || code=$?
	[ "$code" -eq 0 ] || fails "the next pull completes: $(tail -n 1 "$h/said.err")"
}
# trial NAME CUT HOW: an update over a line that goes when CUT bytes went through it, and the next try. $bitten: how many connections
# broke; $wrong: what did not go as it must; $first_up, $first_down, $again_up, $again_down: the bytes of both.
trial()
{
	local name=$1 h=$T/hosts/$1 agent=$T/hosts/$1/lib/fleet-agent patience=200
	wrong=
	put_back "$name"
	order "$name" end
	order "$name" "$2" "$3"
	case ${carrier_of[$name]} in
	ssh) pushed "$name" ;;
	*) pulled "$name" ;;
	esac
	order "$name" 0 down
	again_up=$up again_down=$down
	[ "$(host_runs "$name")" = 2 ] || fails "release 2 runs"
	whole_runs "$name" || fails "it is what was signed"
	# a session that hears nothing, not even that the other side is gone, ends by itself within a minute
	case $3 in stall-*) patience=900 ;; esac
	until_true "$patience" alone "$name" || fails "somebody still works there: $(below "$h" | xargs -r ps -o pid,args -p | tail -n +2)"
	order "$name" end
}
