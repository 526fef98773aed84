#!/usr/bin/env bash
# The thief of the web host serves what he likes to hosts that pull: nothing, something endless, other bytes, another place, the
# day before. He freezes, and wastes bytes up to a cap; nothing that runs changes, and the true repository is believed again.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/thief.sh"

tower_begin
plain_fleet plan-D
web_begin
puller ber-D plan-D berlin
state=$T/hosts/ber-D/state
serve "$T/published"

# The thief's server stands behind the fleet's own certificate: below /evil/PART/MODE/ that part comes in that way, the rest is true.
web_down
web_conf "proxy_buffering off; proxy_max_temp_file_size 0; }
	location ~ ^/evil/metadata/([a-z0-9-]+)/metadata/(.*)\$ { proxy_buffering off; proxy_pass http://127.0.0.1:$served/\$1/metadata/\$2; }
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
next # release 2 waits

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
