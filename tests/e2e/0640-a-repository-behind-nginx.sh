#!/usr/bin/env bash
# HTTPS as a source, against a real web server: what is asked for on a condition, what goes on where it broke, where a redirect
# may lead, what a proxy sees; and how little a refresh costs, counted from nginx's own log.
. "$(dirname "$0")/tower.sh"

client=$build/tests/tuf-client
fetch=$build/tests/fetch-client
export FLEET_FETCH_HTTPS=$build/sources/fleet-fetch-https
tower_begin
unset http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY
chmod 0755 "$T" # nginx's worker is another user
mkdir -p "$T/www" "$T/nginx"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=ca -keyout "$T/ca.key" -out "$T/ca.pem" 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server -keyout "$T/server.key" -out "$T/server.csr" 2>/dev/null
openssl x509 -req -in "$T/server.csr" -CA "$T/ca.pem" -CAkey "$T/ca.key" -days 30 -out "$T/server.pem" \
	-extfile <(echo subjectAltName=IP:127.0.0.1) 2>/dev/null

# Plain, TLS, another server, a proxy: four ports of one nginx.
web_up()
{
	local tries=20 pid
	while [ "$tries" -gt 0 ]; do
		port=$((20000 + RANDOM % 10000)) tls=$((30000 + RANDOM % 10000)) other=$((40000 + RANDOM % 10000)) proxy=$((50000 + RANDOM % 9000))
		cat >"$T/nginx/conf" <<-CONF
		pid $T/nginx/pid; daemon off; worker_processes 1;
		events { worker_connections 64; }
		http {
			log_format short '\$server_port \$status \$body_bytes_sent \$request_uri';
			access_log $T/nginx/access short;
			client_body_temp_path $T/nginx/a; proxy_temp_path $T/nginx/b; fastcgi_temp_path $T/nginx/c;
			uwsgi_temp_path $T/nginx/d; scgi_temp_path $T/nginx/e;
			server {
				listen 127.0.0.1:$port;
				listen 127.0.0.1:$tls ssl;
				ssl_certificate $T/server.pem; ssl_certificate_key $T/server.key;
				root $T/www;
				location /here/ { return 302 \$scheme://\$http_host/files/big; }
				location /there/ { return 302 http://127.0.0.1:$other/files/big; }
				location /plain/ { return 302 http://127.0.0.1:$port/files/big; }
				location /round/ { return 302 \$scheme://\$http_host/round/again; }
				location /locked/ { return 401; }
				location /gone/ { return 410; }
			}
			server { listen 127.0.0.1:$other; root $T/www; }
			server { listen 127.0.0.1:$proxy; location / { proxy_pass http://\$http_host\$request_uri; } }
		}
		CONF
		nginx -c "$T/nginx/conf" -e "$T/nginx/log" >"$T/nginx/out" 2>&1 &
		pid=$!
		pids+=("$pid")
		until { listening "$port" && listening "$tls" && listening "$other" && listening "$proxy"; } || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
		! kill -0 "$pid" 2>/dev/null || return 0
		tries=$((tries - 1))
	done
	fail "nginx listens"
}
web_up
url=http://127.0.0.1:$port secure=https://127.0.0.1:$tls

# seen LINES: what nginx has answered since the last call, one "PORT STATUS BYTES PATH" a line, when as many lines are there.
seen()
{
	as_many() { [ "$(wc -l <"$T/nginx/access")" -ge "$1" ]; }
	until_true 50 as_many "$1" || { cat "$T/nginx/access" >"$T/out"; fail "nginx saw $1 requests"; }
	[ "$(wc -l <"$T/nginx/access")" -eq "$1" ] || { cat "$T/nginx/access" >"$T/out"; fail "nginx saw no more than $1 requests"; }
	cat "$T/nginx/access"
	: >"$T/nginx/access"
}
# get BASE NAME FILE [ETAG [ALSO]]: $code, the answer in $T/out.
get()
{
	code=0
	"$fetch" "$1" "$2" "$3" 50000000 "${@:4}" >"$T/out" 2>"$T/err" </dev/null || code=$?
}
answer() { cat "$T/out"; }
same_bytes() { cmp -s "$1" "$2" || fail "$3"; ok "$3"; }

# --- a large file ---

mkdir "$T/www/files"
head -c 5000000 /dev/urandom >"$T/www/files/big"
: >"$T/nginx/access"
get "$url/files/" big "$T/a"
expect 0 "a large file is brought"
same_bytes "$T/a" "$T/www/files/big" "  whole"
etag=$(answer | cut -d' ' -f4)
[ -n "$etag" ] || fail "nginx marks its files"
seen 1 >/dev/null
truncate -s 0 "$T/a"
get "$url/files/" big "$T/a" "$etag"
expect 0 "asked for again, on the condition that it has changed"
[ "$(answer)" = unchanged ] || fail "  it has not"
[ "$(seen 1)" = "$port 304 0 /files/big" ] || fail "  and not a byte of a body"
head -c 3000000 "$T/www/files/big" >"$T/a"
get "$url/files/" big "$T/a" "$etag"
expect 0 "after a break"
same_bytes "$T/a" "$T/www/files/big" "  it goes on"
[ "$(seen 1)" = "$port 206 2000000 /files/big" ] || fail "  with the bytes that were missing, and no others"
get "$url/files/" big "$T/a" "$etag"
expect 0 "what is there whole"
case $(seen 1) in "$port 416 "*) ok "  costs an error's page" ;; *) fail "  costs an error's page" ;; esac
same_bytes "$T/a" "$T/www/files/big" "  and stays"
head -c 3000000 "$T/www/files/big" >"$T/a"
head -c 5000000 /dev/urandom >"$T/www/files/big"
touch -d '1 minute ago' "$T/www/files/big"
get "$url/files/" big "$T/a" "$etag"
expect 0 "a file that was exchanged in between"
same_bytes "$T/a" "$T/www/files/big" "  is brought whole, not mended with another one's end"
[ "$(seen 1)" = "$port 200 5000000 /files/big" ] || fail "  by one request"
head -c 1000 /dev/urandom >"$T/www/files/big"
get "$url/files/" big "$T/a" "$etag"
expect 0 "one that has become shorter than what is held"
same_bytes "$T/a" "$T/www/files/big" "  too"
seen 1 >/dev/null
head -c 2000 /dev/zero >"$T/a"
get "$url/files/" big "$T/a"
expect 1 "where nobody knows how it looked, more than there is"
said 'protocol.*less of it than is held' "  is said"
seen 1 >/dev/null
code=0
"$fetch" "$url/files/" big "$T/b" 999 >"$T/out" 2>"$T/err" || code=$?
expect 1 "a file longer than allowed by one byte is refused"
said 'limit' "  as the reason says"
[ ! -s "$T/b" ] || fail "  and nothing is written"
: >"$T/nginx/access"

# --- redirects ---

get "$url/here/" x "$T/c"
expect 0 "a redirect to the same server is followed"
same_bytes "$T/c" "$T/www/files/big" "  to its end"
seen 2 >/dev/null
rm -f "$T/c"
get "$url/there/" x "$T/c"
expect 1 "one to another server is not"
said 'refused.*another server' "  as the reason says"
[ "$(seen 1 | cut -d' ' -f1)" = "$port" ] || fail "  and the other server was not asked"
[ ! -s "$T/c" ] || fail "  nothing came"
get "$url/there/" x "$T/c" '' "http://127.0.0.1:$other"
expect 0 "unless it is allowed by name"
same_bytes "$T/c" "$T/www/files/big" "  then it is"
seen 2 >/dev/null
FLEET_CA=$T/ca.pem get "$secure/plain/" x "$T/d"
expect 1 "a redirect from TLS to plain HTTP is refused"
said 'refused' "  though the host is the same"
seen 1 >/dev/null
get "$url/round/" x "$T/d"
expect 1 "a circle ends"
[ "$(wc -l <"$T/nginx/access")" -le 6 ] || fail "  soon"
six() { [ "$(wc -l <"$T/nginx/access")" -eq 6 ]; }
until_true 50 six || fail "  after five"
: >"$T/nginx/access"
get "$url/locked/" x "$T/d"
expect 1 "what needs a password is refused"
get "$url/gone/" x "$T/d"
expect 0 "what is gone"
[ "$(answer)" = absent ] || fail "  is absent"
seen 2 >/dev/null

# --- TLS ---

FLEET_CA=$T/ca.pem get "$secure/files/" big "$T/d"
expect 0 "TLS with the private CA"
get "$secure/files/" big "$T/e"
expect 1 "the system's CAs do not vouch for it"
said 'hostkey' "  as the reason says"
FLEET_CA=$T/ca.pem get "https://localhost:$tls/files/" big "$T/e"
expect 1 "nor ours for another name"
said 'hostkey' "  as the reason says"
[ ! -s "$T/e" ] || fail "  nothing came"
: >"$T/nginx/access"

# --- a proxy ---

http_proxy=http://127.0.0.1:$proxy get "$url/files/" big "$T/f"
expect 0 "a proxy of the environment is used"
[ "$(seen 2 | cut -d' ' -f1 | sort | tr '\n' ' ')" = "$(printf '%s\n' "$port" "$proxy" | sort | tr '\n' ' ')" ] || fail "  and it asks the server"
http_proxy=http://127.0.0.1:$proxy no_proxy=127.0.0.1 get "$url/files/" big "$T/g"
expect 0 "but not where the environment says so"
[ "$(seen 1 | cut -d' ' -f1)" = "$port" ] || fail "  the server alone was asked"
# A port where nobody listens: a socket that was bound and closed.
free=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
FLEET_CA=$T/ca.pem https_proxy=http://127.0.0.1:$free get "$secure/files/" big "$T/h"
expect 1 "a proxy that is not there is an error, and no way around it"
said 'unreachable' "  as the reason says"
[ ! -s "$T/nginx/access" ] || fail "  the server was not asked"

# --- what a refresh costs: thirty plans ---

plans=()
for n in $(seq -w 1 30); do plans+=("plan-$n"); done
small_fleet "${plans[@]}"
cp -a "$fleet/repository/." "$T/www/"
"$client" --metadata-dir "$T/held" init "$T/www/metadata/1.root.json" || fail "init"
tuf()
{
	code=0
	: >"$T/nginx/access"
	"$client" --metadata-url "$url/metadata" --metadata-dir "$T/held" --target-base-url "$url/targets/" --target-dir "$T/targets" "$@" \
		>"$T/out" 2>"$T/err" </dev/null || code=$?
}
newest() { (cd "$T/www/metadata" && printf '%s\n' [0-9]*."$1".json | sort -n | tail -n 1); }
tuf --target-name plan-17/manifest.json download
expect 0 "the first refresh of a host among thirty plans"
seen 6 >"$T/log"
[ "$(sed -n '2,5s/.* //p' "$T/log" | tr '\n' ' ')" = "/metadata/timestamp.json /metadata/$(newest snapshot) /metadata/$(newest targets) /metadata/$(newest plan-17) " ] ||
	fail "  fetches one file of each role, and of the plans only its own"
ok "  fetches one file of each role, and of the plans only its own"
bytes=$(awk '{ n += $3 } END { print n }' "$T/log")
say "# first refresh and manifest: 6 requests, $bytes bytes of bodies"
tuf refresh
expect 0 "a whole refresh with nothing new"
seen 2 >"$T/log"
bytes=$(awk '{ n += $3 } END { print n }' "$T/log")
[ "$bytes" -lt 1024 ] || fail "  is two requests and less than 1 KiB of bodies: $bytes"
ok "  is two requests and less than 1 KiB of bodies: $bytes"
get "$url/metadata/" timestamp.json "$T/stamp"
etag=$(answer | cut -d' ' -f4)
seen 1 >/dev/null
rm "$T/stamp"
get "$url/metadata/" timestamp.json "$T/stamp" "$etag"
expect 0 "a poll with nothing new"
[ "$(answer) $(seen 1)" = "unchanged $port 304 0 /metadata/timestamp.json" ] || fail "  is one request on a condition, and no body"
ok "  is one request on a condition, and no body"
