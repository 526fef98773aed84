# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# What pulling over HTTPS costs, from a real nginx with a certificate of three; beside curl, which asks the same of it. For
# bench.sh, which sources this.
. "$here/tests/e2e/web.sh"

# plans_many COUNT: that many plans, to be published to the folder that nginx shows; `bench` has the real tree, and five releases.
# The others share a bundle: what is there of those is nothing to this host.
plans_many()
{
	local i plans
	tower_fleet
	rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
	small_scripts
	mkdir "$fleet/scripts/munin"
	cp "$PLUGINS"/* "$fleet/scripts/munin/"
	bench_plan bench munin
	for i in $(seq -w "$(($1 - 1))"); do
		small_plan "plan-$i"
	done
	keys_new
	printf 'publish: [{name: web, kind: folder, path: %s}]\nreceipts: %s\n' "$T/published" "$T/receipts" >>"$fleet/fleet.yaml"
	sed -i '/^\[\]$/d' "$fleet/hosts.yaml"
	for i in $(seq -w "$(($1 - 1))"); do
		printf -- '- {id: host-%s, plan: plan-%s, site: there, address: 127.0.0.1}\n' "$i" "$i" >>"$fleet/hosts.yaml"
	done
	sign
	[ "$code" -eq 0 ] || fail "$1 plans are signed"
	for i in 2 3 4 5; do
		change "release $i"
	done
}
# offered HOSTS: a rollout to them is signed, and published by that.
offered()
{
	ctl_sign rollout start "$1" --pull --allow-blind --canary 0 --waves 100%
	[ "$code" -eq 0 ] || fail "a rollout to $1 is signed"
}
# taken ID RELEASE: with one poll; $bodies is what the server sent without its headers, $requests how often it was asked.
taken()
{
	forget
	pull "$1" --now
	[ "$code" -eq 0 ] || fail "$1 pulls"
	[ "$(host_runs "$1")" -eq "$2" ] || fail "$1 takes release $2"
	bodies=$(awk '$1 == "GET" { n += $NF } END { print n + 0 }' "$T/nginx/asked")
	requests=$(awk '$1 == "GET"' "$T/nginx/asked" | wc -l)
}

# --- an idle poll, on the wire ---

web_relay_up()
{
	: >"$T/web.out"
	"$relay" 0 "$web_port" 0 >>"$T/web.out" &
	pids+=($!)
	until_true 50 grep -q port "$T/web.out" || fail "the relay starts"
	web_relayed=https://127.0.0.1:$(head -n 1 "$T/web.out" | field port)
}
# over_web COMMAND...: its one connection, both ways, in $bytes.
over_web()
{
	local before
	web_lines() { [ "$(wc -l <"$T/web.out")" -ge "$1" ]; }
	before=$(wc -l <"$T/web.out")
	"$@"
	until_true 100 web_lines $((before + 1)) || fail "the relay counted a connection of: $*"
	[ "$(wc -l <"$T/web.out")" -eq $((before + 1)) ] || fail "one connection and no more: $*"
	up=$(tail -n 1 "$T/web.out" | field up)
	down=$(tail -n 1 "$T/web.out" | field down)
	bytes=$((up + down))
}
# idle: a poll of $1 without news.
idle()
{
	forget
	pull "$1" --now
	[ "$(asked | cut -d' ' -f1-3)" = 'GET /fleet/metadata/timestamp.json 304' ] || fail "nothing new is one request: $(asked)"
}
curl_idle()
{
	curl -sS --cacert "$T/nginx/ca" -o "$T/out" -H "If-None-Match: $etag" "$web_relayed/fleet/metadata/timestamp.json" 2>"$T/err" || fail "curl"
}

idle_polls()
{
	local full resumed theirs etag root
	# what was published a moment ago is asked for once more: another of the same second would look the same
	settled() { forget && pull web --now && grep -q ' 304 ' "$T/nginx/asked"; }
	until_true 100 settled || fail "how the timestamp looks is remembered"
	etag=$(jq -r '.marks[0].etag' "$T/hosts/web/state/pull.json")
	rm -f "$T/hosts/web/state/pull.tls-0"
	over_web idle web
	full=$bytes
	say "https, idle poll in full: $bytes bytes (up $up, down $down), of which $(cat "$T/nginx/leaf" "$T/nginx/middle" | openssl_der) are certificates"
	over_web idle web
	resumed=$bytes
	say "https, idle poll with the session of the last: $bytes bytes (up $up, down $down)"
	rm -f "$T/hosts/web/state/pull.last"
	over_web pull web --now
	root=$((bytes - resumed))
	say "https, once a day a new root is asked for: $root bytes more"
	over_web curl_idle
	theirs=$bytes
	judge https-idle-poll "$full" 8191 "bytes on the wire, TCP's payload both ways; curl $theirs"
	judge https-idle-poll-resumed "$resumed" 3071 "bytes on the wire; $(awk -v a="$resumed" -v b="$theirs" 'BEGIN { printf "%.2f", a / b }') of curl's"
	# sessions end after a week: of 28 polls one is in full
	say "a month of one poll each 6h, with nothing new: https in full $(((full * 120 + root * 30) / 1000)) kB, with sessions $(((full * 120 / 28 + resumed * (120 - 120 / 28) + root * 30) / 1000)) kB"
}
openssl_der() { grep -v -- -- | base64 -d 2>/dev/null | wc -c; }

# --- one line ---

# line_by_https COUNT MOST: of one host among that many plans.
line_by_https()
{
	local bundle whole
	# every plan has a rollout, as it would be
	offered all
	taken web 5
	say "https, a new host among $1 plans: $requests requests, $bodies bytes of bodies"
	ctl_sign rollout abort
	[ "$code" -eq 0 ] || fail "it is ended"
	change 'one line'
	offered web
	taken web 6
	bundle=$(cd "$fleet/repository" && newest_bundle bench)
	whole=$(stat -c %s "$fleet/repository/$bundle")
	say "https, one line changed among $1 plans:" && sed 's/^/  /' "$T/nginx/asked"
	judge "https-one-line-$1" "$bodies" "$2" "bytes of bodies, $requests requests; the bundle alone would be $whole"
}

https_pull_costs()
{
	local mine=$fleet
	mkdir "$T/web-30" "$T/web-1000" "$T/published"
	in_memory "$T/web-1000"
	in_memory "$T/published"
	fleet=$T/web-30/none # what web_begin writes into
	mkdir "$fleet"
	echo '[]' >"$fleet/hosts.yaml"
	web_begin web_chain
	web_relay_up
	fleet=$T/web-30/thirty
	plans_many 30
	sources "$(web_source)"
	puller web bench here
	line_by_https 30 4096
	idle_polls
	rm -rf "$T/published"/* "$T/published"/.fleetctl* "$T/hosts/web" "$T/receipts/web" "$T/sources.json"
	fleet=$T/web-1000/thousand
	plans_many 1000
	sources "$(web_source)"
	puller web bench here
	line_by_https 1000 16384
	rm -rf "$T/published"/* "$T/web-1000"/* "$T/hosts/web"
	fleet=$mine
}
web_source() { printf '{"kind": "https", "url": "%s/fleet/", "ca": "%s"}' "$web_relayed" "$(awk '{ printf "%s\\n", $0 }' "$T/nginx/ca")"; }
