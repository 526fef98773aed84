#!/usr/bin/env bash
# The thief of the web host serves what he likes to hosts that pull: nothing, something endless, other bytes, another place, the
# day before. He freezes, and wastes bytes up to a cap; nothing that runs changes, and the true repository is believed again.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/thief.sh"

tower_begin
slow=(slow-mute slow-stall slow-drip slow-fat slow-payload slow-next) # one plan each: all of them at once
plain_fleet plan-D "${slow[@]/#/plan-}"
web_begin
puller ber-D plan-D berlin
for id in "${slow[@]}"; do puller "$id" "plan-$id" berlin; done
state=$T/hosts/ber-D/state
serve "$T/published"

# The thief's server stands behind the fleet's own certificate: below /evil/PART/MODE/ that part comes in that way, the rest is true.
web_down
web_conf "proxy_buffering off; proxy_max_temp_file_size 0; }
	location ~ ^/evil/metadata/([a-z0-9-]+)/metadata/(.*)\$ { proxy_buffering off; proxy_buffer_size 512k; proxy_buffers 8 512k; proxy_busy_buffers_size 512k; proxy_pass http://127.0.0.1:$served/\$1/metadata/\$2; }
	location ~ ^/evil/bundles/([a-z0-9-]+)/bundles/(.*)\$ { proxy_buffering off; proxy_pass http://127.0.0.1:$served/\$1/bundles/\$2; }
	location ~ ^/evil/[a-z]+/[a-z0-9-]+/(.*)\$ { alias $T/published/\$1; } location /none/ {"
until_true 50 web_up || fail "nginx starts again: $(cat "$T/nginx/log")"
# serves PART MODE; honest: all of it is true.
from() { sed -i "s#$url/\(fleet\|evil/[^\"]*\)/\"#$url/$1/\"#" "$T/hosts/ber-D/etc/agent.json"; forget; }
serves() { from "evil/$1/$2"; }
honest() { from fleet; publish; }
next()
{
	printf '# more\n' >>"$fleet/scripts/small/probes/beat.sh"
	sign
	ctl rollout abort
	ctl rollout start all --pull --any-time --allow-blind
	[ "$code" -eq 0 ] || fail "a release is open to the host: $(cat "$T/err")"
	publish
}
live() { (cd "$state" && flock apply.lock find current releases trees bundles trust receipts access state state.2 \( -type f -o -type l \) -printf '%p %l ' -exec sha256sum {} \; 2>/dev/null | sort); }
# (who applied last may still be sweeping: its lock says so)
# sent: bytes that the server put on the line since the last `serves`.
sent() { asked | awk '{ n += $NF } END { print n + 0 }'; }

ctl rollout start all --pull --any-time --allow-blind
publish
pull ber-D --now
expect 0 "the host pulls release 1"
runs ber-D 1
for id in "${slow[@]}"; do
	pull "$id" --now
	[ "$(host_runs "$id")" = 1 ] || fail "$id pulls release 1"
done
next # release 2 waits

# --- what is slow takes long, so it begins first ---

# slow_from ID WHERE...: its sources
slow_from()
{
	local id=$1 config=$T/hosts/$1/etc/agent.json where list=
	shift
	for where; do list+=${list:+,}"(.sources.sources[0] | .url = \"$url/$where/\")"; done
	jq -c ".sources.sources = [$list]" "$config" >"$T/json"
	chmod u+w "$config"
	cat "$T/json" >"$config"
}
declare -A slow_pid slow_was
# begins ID WHERE...
begins()
{
	local id=$1
	slow_from "$@"
	state=$T/hosts/$id/state
	slow_was[$id]=$(live)
	"$agent" pull --now --config-dir "$T/hosts/$id/etc" >"$T/slow.$id" 2>&1 </dev/null &
	slow_pid[$id]=$!
}
ends()
{
	code=0
	wait "${slow_pid[$1]}" || code=$?
	cp "$T/slow.$1" "$T/out"
	: >"$T/err"
}
# gave_up ID PATTERN: of a poll that brought nothing
gave_up()
{
	[ "$code" -ne 0 ] || fail "$1: the poll fails"
	grep -qE "$2" "$T/out" || fail "$1: it says why"
	state=$T/hosts/$1/state
	[ "$(live)" = "${slow_was[$1]}" ] || fail "$1: nothing changes: $(diff <(echo "${slow_was[$1]}") <(live))"
	"$agent" verify --config-dir "$T/hosts/$1/etc" >"$T/verified" 2>&1 || fail "$1: what runs is what was signed"
}
rm -rf "$T/published/patches"
begins slow-mute evil/metadata/mute
probes_up slow-mute
begins slow-stall evil/metadata/stall
begins slow-drip evil/metadata/drip
begins slow-fat evil/metadata/fat-header
begins slow-payload evil/bundles/stall
begins slow-next evil/metadata/mute fleet
state=$T/hosts/ber-D/state

# --- metadata ---

most=$((8 * 1024 * 1024)) # what the kernel's and nginx's buffers hold beside the cap
was=$(live)
for mode in endless absent-endless claims-huge claims-less garbage hang-up broken forbidden gone to-other-host to-plain to-file to-itself; do
	serves metadata "$mode"
	pull ber-D --now
	[ "$code" -ne 0 ] || grep -q '^nothing' "$T/out" || fail "metadata, $mode: the pull fails or finds nothing"
	[ "$(live)" = "$was" ] || fail "metadata, $mode: nothing changes: $(diff <(echo "$was") <(live))"
	[ "$(sent)" -le "$most" ] || fail "metadata, $mode: at most $most bytes: $(sent)"
	ok "metadata, $mode: nothing changes ($(head -c 140 "$T/err" | tr '\n' ' '))"
done

# --- and what was slow ---

ends slow-mute
gave_up slow-mute 'said nothing for'
until_true 200 [ -s "$T/hosts/slow-mute/results/beat.prom" ] || fail "slow-mute: its scripts run on"
ok "a server that says nothing is given up, and the scripts run on"
ends slow-stall
gave_up slow-stall 'said nothing for'
ok "one that goes silent in a document, too"
ends slow-drip
gave_up slow-drip '.'
ok "one that drips, and has more to say than it may"
ends slow-fat
gave_up slow-fat '.'
ok "one whose header is larger than any (one without end: tests/unit/sources/fetch_test.c; no proxy lets it through)"
ends slow-payload
[ "$code" -ne 0 ] || fail "a payload that goes silent is no success"
[ "$(host_runs slow-payload)" = 1 ] || fail "and nothing that runs changes"
ends slow-next
[ "$code" -eq 0 ] || fail "where there is another source it is asked"
runs slow-next 2
for id in slow-mute slow-stall slow-drip slow-fat slow-payload; do
	slow_from "$id" fleet
	pull "$id" --now
	[ "$code" -eq 0 ] || fail "$id: the next poll comes through"
	runs "$id" 2
done
state=$T/hosts/ber-D/state

# --- freeze ---

honest
rm -rf "$T/next" && mv "$T/published" "$T/next"
mkdir "$T/published"
cp -a "$T/next/." "$T/published/"
cp "$state/trust/timestamp.json" "$T/published/metadata/timestamp.json"
pull ber-D --now
expect 0 "what the host knows already"
said 'nothing|not-due' "is no news: that is the freeze"
runs ber-D 1
"$agent" verify --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>"$T/err" || fail "what runs goes on, verified"
ok "what runs goes on, verified"
publish

# --- payloads ---

for mode in endless claims-huge claims-less garbage hang-up to-other-host broken; do
	was=$(live | grep -v ' *trust/')
	rm -rf "$T/published/patches"
	serves bundles "$mode"
	pull ber-D --now
	[ "$code" -ne 0 ] || fail "a payload, $mode: the pull fails"
	[ "$(live | grep -v ' *trust/' | grep -c .)" -eq "$(echo "$was" | grep -c .)" ] || fail "a payload, $mode: nothing is added"
	runs ber-D 1 >/dev/null
	[ "$(host_status ber-D | grep -c '"verdict":"pass"')" -eq 1 ] || fail "a payload, $mode: no trial was begun"
	[ "$(du -sb "$state/staging" | cut -f1)" -le 200000 ] || fail "a payload, $mode: staging is bounded"
	[ "$(sent)" -le "$most" ] || fail "a payload, $mode: at most $most bytes: $(sent)"
	ok "a payload, $mode: nothing that runs changes ($(head -c 140 "$T/err" | tr '\n' ' '))"
done
honest
rm -rf "$T/published/patches"
for file in "$T"/published/bundles/*; do printf 'x' | dd of="$file" bs=1 seek=100 conv=notrunc 2>"$T/dd"; done
pull ber-D --now
[ "$code" -ne 0 ] || fail "another byte in the payload"
said 'payload' "another byte in the payload is noticed"
runs ber-D 1
[ "$(find "$state/staging" -type f | wc -l)" -eq 0 ] || fail "and what came is dropped"
ok "and what came is dropped"

# --- the true repository ---

honest
pull ber-D --now
expect 0 "the true repository is believed again"
runs ber-D 2

# --- the day before ---

cp -a "$T/published" "$T/day"
next
pull ber-D --now
runs ber-D 3
cp "$T/day/metadata/timestamp.json" "$T/published/metadata/timestamp.json"
was=$(live)
pull ber-D --now
[ "$code" -ne 0 ] || fail "yesterday's repository is refused"
said 'timestamp.*version' "yesterday's repository is refused"
[ "$(live)" = "$was" ] || fail "and nothing changes"
publish
pull ber-D --now
expect 0 "today's is believed"
runs ber-D 3
