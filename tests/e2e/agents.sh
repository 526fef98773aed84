# shellcheck shell=bash disable=SC2034
# Hosts whose agent is started by the launcher, and agents that come after the packaged one. Source it in tower.sh's place.
[ -n "${build:-}" ] || . "$(dirname "${BASH_SOURCE[0]}")/tower.sh"
launch=$build/agent/launch/fleet-agent

# What starts host ID's agent, as /usr/bin/fleet-agent does.
launcher() { printf 'env FLEET_LAUNCH_PACKAGED=%s FLEET_LAUNCH_STATE=%s %s' "$agent" "$T/hosts/$1/state" "$launch"; }
# launched_as ID WORD...: by hand.
launched_as()
{
	local id=$1 by
	shift
	read -ra by <<<"$(launcher "$id")"
	"${by[@]}" "$@"
}
# polls ID [ARGS...]: as its timer's unit does; output in $T/out and $T/err, exit code in $code.
polls()
{
	local id=$1
	shift
	code=0
	launched_as "$id" pull --config-dir "$T/hosts/$id/etc" "$@" >"$T/out" 2>"$T/err" </dev/null || code=$?
}
# probes_launched ID: its probe runner, as the unit starts it.
probes_launched()
{
	local by
	read -ra by <<<"$(launcher "$1")"
	"${by[@]}" probes --config-dir "$T/hosts/$1/etc" >"$T/hosts/$1/probes.log" 2>&1 &
	pids+=($!)
}
# launched ID PLAN [SITE]: as host_make.
launched()
{
	local h=$T/hosts/$1
	mkdir -p "$h/results"
	host_enrol "$1" "$2"
	host_join "$1" "$2" "${3:-here}" "$(launcher "$1") serve --config-dir $h/etc"
}
# agent_build NAME VERSION: build/tests/agent-NAME comes into the fleet, as that version; and what hosts said last is noted.
agent_build()
{
	local at=$T/agents/$1-$2 id
	mkdir -p "$at"
	cp "$build/tests/agent-$1/fleet-agent" "$build/sources/fleet-fetch-https" "$build/sources/fleet-fetch-git" "$build/sources/fleet-post-git" "$at"
	printf '%s\0' "$2" >>"$at/fleet-agent" # `agent add` looks whether it calls itself so
	for id in "$T"/hosts/*/etc; do
		[ -d "$id" ] || continue
		id=$(basename "${id%/etc}")
		host_receipts "$id" >"$T/before.$id"
	done
	ctl agent add "$at" --platform "debian12-gnu-$(dpkg --print-architecture)" --version "$2"
}
# How many receipts host ID has written.
host_receipts() { launched_as "$1" status --json --config-dir "$T/hosts/$1/etc" | jq .receipt.number; }
agent_is()
{
	local is
	is=$(launched_as "$1" status --json --config-dir "$T/hosts/$1/etc" | jq -r .agent)
	[ "$is" = "$2" ] || fail "$3 (agent $is)"
	ok "$3"
}
# receipt_is ID VERDICT SENTENCE: the newest, about an agent; it lies in $T/receipt.
receipt_is()
{
	launched_as "$1" status --json --config-dir "$T/hosts/$1/etc" | jq .receipt >"$T/receipt"
	[ "$(jq -r '"\(.self) \(.verdict)"' "$T/receipt")" = "true $2" ] || { cat "$T/receipt" >&2; fail "$3"; }
	ok "$3"
}
# Does the guard's record say that something is on trial there?
on_trial() { grep -Eq '^(release|agent) [0-9]+ [0-9]+ [^-]' "$T/hosts/$1/state/guard" 2>/dev/null; }
# crc FILE: as the guard's record has it
crc() { gzip -c "$1" | tail -c 8 | od -An -tx4 -N4 --endian=little | tr -d ' \n'; }
