#!/usr/bin/env bash
# A host that polls sends and gets no certificates again: its TLS session goes on, from a file. What was verified once is not
# verified again by that, so: never for another server or under another authority, not after the certificate has run out, and
# not for ever. Whatever the file holds, the poll goes well.
. "$(dirname "$0")/web.sh"

fetch=$build/tests/fetch-client
export FLEET_FETCH_HTTPS=$build/sources/fleet-fetch-https
tower_begin
unset http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY
small_fleet plan-D
web_tls='ssl_protocols TLSv1.3; ssl_session_timeout 30d;'
web_begin web_chain
puller ber-D plan-D berlin
publish

# Did the server see a session go on? "r" or ".", of each connection since the last time, when as many lines are there.
reused()
{
	as_many() { [ "$(wc -l <"$T/nginx/tls")" -ge "$1" ]; }
	until_true 50 as_many "$1" || fail "the server answered $1 times: $(cat "$T/nginx/tls")"
	cut -d' ' -f2 "$T/nginx/tls" | tr -d '\n'
	: >"$T/nginx/tls"
}
# --- a host polls ---

session=$T/hosts/ber-D/state/pull.tls-0
pull ber-D --now
expect 0 "a first poll"
[ -s "$session" ] || fail "  leaves its session"
ok "  leaves its session"
[ "$(stat -c %a "$session")" = 600 ] || fail "  for nobody else to read"
[ "$(stat -c %s "$session")" -le 16384 ] || fail "  no larger than is read"
: >"$T/nginx/tls"
pull ber-D --now
expect 0 "the next"
[ "$(reused 1)" = r ] || fail "  goes on with it"
ok "  goes on with it"
web_down
pull ber-D --now
expect 1 "where nobody answers"
[ -s "$session" ] || fail "  it is kept: nobody has refused it"
web_up || fail "the server comes back"
: >"$T/nginx/tls"
pull ber-D --now
expect 0 "a server that has forgotten all sessions is asked as ever"
[ "$(reused 1)" = . ] || fail "  in full"
pull ber-D --now
[ "$(reused 1)" = r ] || fail "  and gives a new one"
ok "  and gives a new one"

# --- what the file may hold ---

export FLEET_SESSION=$T/session FLEET_CA=$T/nginx/ca
# get [PORT-OR-URL]: one document; $code.
get()
{
	code=0
	rm -f "$T/got"
	"$fetch" "${1:-$url/fleet/metadata/}" timestamp.json "$T/got" 100000 >"$T/out" 2>"$T/err" </dev/null || code=$?
}
# at DAYS: as get, so many days later, for us and the helper.
at()
{
	local when=$(($(date +%s) + $1 * 86400))
	code=0
	rm -f "$T/got"
	ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$build/tests/clock-preload.so FLEET_TEST_TIME=$when \
		"$fetch" "$url/fleet/metadata/" timestamp.json "$T/got" 100000 >"$T/out" 2>"$T/err" </dev/null || code=$?
}
get
expect 0 "a session to spoil"
: >"$T/nginx/tls"
cp "$FLEET_SESSION" "$T/good"
spoilt=0
while IFS= read -r how; do
	eval "$how" <"$T/good" >"$FLEET_SESSION"
	get
	expect 0 "a file that is spoilt ($how)"
	[ "$(reused 1)" = . ] || fail "  is no session"
	cmp -s "$T/got" "$T/published/metadata/timestamp.json" || fail "  what is asked for comes"
	get
	[ "$(reused 1)" = r ] || fail "  and the next one is good"
	spoilt=$((spoilt + 1))
done <<'HOW'
printf garbage
printf ''
head -c 100000 /dev/urandom
head -c 1000
sed 's/"session":"......../"session":"30030201/'
sed 's/"session":"30/"session":"xy/'
sed 's/"format":1/"format":2/'
sed 's/"until_s":[0-9]*/"until_s":-1/'
jq -c '.session = .session[0:200]'
jq -c 'del(.boot)'
jq -c '.whose = "0000000000000000000000000000000000000000000000000000000000000000"'
HOW
ok "$spoilt kinds of garbage are survived, and replaced"

# --- for whom ---

get
reused 1 >/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=other -keyout "$T/other.key" -out "$T/other" 2>/dev/null
FLEET_CA=$T/other get
expect 1 "under an authority that does not vouch for the server, its session is none"
said 'hostkey' "  as the reason says"
cp "$T/nginx/ca" "$T/was"
cat "$T/other" >>"$T/nginx/ca"
: >"$T/nginx/tls"
get
expect 0 "a file of authorities that has changed"
[ "$(reused 1)" = . ] || fail "  begins anew, even where the old one is still in it"
ok "  begins anew, even where the old one is still in it"
cp "$T/other" "$T/nginx/ca"
get
expect 1 "and one that was exchanged for another's ends it"
cp "$T/was" "$T/nginx/ca"
get
: >"$T/nginx/tls"
get
[ "$(reused 1)" = r ] || fail "with the right one it goes on"
get "https://localhost:$web_port/fleet/metadata/"
expect 1 "under another name the same server is not believed"
said 'hostkey' "  as the reason says"

# --- until when ---

rm -f "$FLEET_SESSION"
get
: >"$T/nginx/tls"
at 6
expect 0 "six days later"
[ "$(reused 1)" = r ] || fail "  it goes on"
at 8
expect 0 "after a week since certificates were looked at"
[ "$(reused 1)" = . ] || fail "  it does not, though each connection gave a new one"
ok "  they are looked at again, though each connection gave a new session"
web_chain 2
web_down
web_up || fail "nginx has a certificate of two days"
rm -f "$FLEET_SESSION"
get
expect 0 "a certificate of two days"
: >"$T/nginx/tls"
at 1
[ "$(reused 1)" = r ] || fail "  goes on the next day"
at 3
expect 1 "when it has run out, no session makes it live on"
said 'hostkey.*expired' "  as the reason says"
[ ! -s "$T/got" ] || fail "  and nothing comes"
: >"$T/nginx/tls"
FLEET_CLOCK_UNSURE=1 at 3
expect 0 "where the clock is not sure, dates do not count"
[ "$(reused 1)" = r ] || fail "  and the server would have gone on"
rm -f "$FLEET_SESSION"
FLEET_CLOCK_UNSURE=1 get
FLEET_CLOCK_UNSURE=1 get
get
[ "$(reused 3)" = .r. ] || fail "a session that began without dates is none where they count"
ok "a session that began without dates is none where they count"

# --- TLS 1.2 ---

web_tls='ssl_protocols TLSv1.2; ssl_session_timeout 30d;'
web_conf
web_down
web_up || fail "nginx speaks TLS 1.2"
rm -f "$FLEET_SESSION"
: >"$T/nginx/tls"
get
get
get
expect 0 "a server of TLS 1.2"
[ "$(reused 3)" = .rr ] || fail "  goes on, too"
ok "  goes on, too"
FLEET_CA=$T/other get
expect 1 "but not under another authority"
