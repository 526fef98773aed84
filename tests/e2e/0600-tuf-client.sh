#!/usr/bin/env bash
# The conformance front end against a repository of ours behind nginx: what it asks for, what it keeps, and a page of forged
# repositories and hostile servers, each refused with what was held as it was.
. "$(dirname "$0")/tower.sh"

client=$build/tests/tuf-client
tower_begin
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
chmod 0755 "$T" # nginx's worker is another user
small_fleet plan-D plan01s
# A key of its own, else one plan's role could stand for the other's: they are signed for the same way.
ctl key new other --role plan01s --plain
expect 0 "plan01s gets a key of its own"
sign
expect 0 "and is signed with it"
cp -a "$fleet/repository" "$T/first"
sed -i 's/# version 1/# version 2/' "$fleet/scripts/small/probes/beat.sh"
sign
cp -a "$fleet/repository" "$T/second"
mkdir "$T/www"

# --- servers ---

# Names and CAs for TLS: ours, and one that nobody should believe.
tls_ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.pem" 2>/dev/null; }
tls_ca ours
tls_ca other
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server -keyout "$T/server.key" -out "$T/server.csr" 2>/dev/null
openssl x509 -req -in "$T/server.csr" -CA "$T/ours.pem" -CAkey "$T/ours.key" -days 30 -out "$T/server.pem" \
	-extfile <(echo subjectAltName=IP:127.0.0.1) 2>/dev/null

web_up()
{
	local tries=20 pid
	mkdir -p "$T/nginx"
	while [ "$tries" -gt 0 ]; do
		port=$((20000 + RANDOM % 20000)) tls=$((20000 + RANDOM % 20000))
		cat >"$T/nginx/conf" <<-CONF
		pid $T/nginx/pid; daemon off; worker_processes 1;
		events { worker_connections 64; }
		http {
			log_format short '\$status \$body_bytes_sent \$request_uri';
			access_log $T/nginx/access short;
			client_body_temp_path $T/nginx/a; proxy_temp_path $T/nginx/b; fastcgi_temp_path $T/nginx/c;
			uwsgi_temp_path $T/nginx/d; scgi_temp_path $T/nginx/e;
			server {
				listen 127.0.0.1:$port;
				listen 127.0.0.1:$tls ssl;
				ssl_certificate $T/server.pem; ssl_certificate_key $T/server.key;
				root $T/www;
			}
		}
		CONF
		nginx -c "$T/nginx/conf" -e "$T/nginx/log" >"$T/nginx/out" 2>&1 &
		pid=$!
		pids+=("$pid")
		until listening "$port" && listening "$tls" || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
		! kill -0 "$pid" 2>/dev/null || return 0
		tries=$((tries - 1))
	done
	fail "nginx listens"
}
web_up
serve "$T/www"

# --- the client ---

url=http://127.0.0.1:$port
# at URL [ENV=VALUE...] -- WORD...: the front end, output in $T/out and $T/err, exit code in $code; what nginx saw in $T/seen.
at()
{
	local url=$1 env=()
	shift
	while [ "$1" != -- ]; do env+=("$1"); shift; done
	shift
	: >"$T/nginx/access"
	code=0
	env "${env[@]}" "$client" --metadata-url "$url/metadata" --metadata-dir "$T/dir" --target-base-url "$url/targets/" --target-dir "$T/tdir" "$@" \
		>"$T/out" 2>"$T/err" </dev/null || code=$?
}
tuf() { at "$url" -- "$@"; }
# What nginx was asked for by the last call, its log being written after the answer: the last line tells.
asked()
{
	local wanted
	wanted=$(printf '%s\n' "${@:2}")
	seen() { [ "$(sed 's/^\([0-9]*\) [0-9]* /\1 /' "$T/nginx/access")" = "$wanted" ]; }
	until_true 50 seen || { cat "$T/nginx/access" >"$T/out"; fail "$1: expected these requests: $wanted"; }
	ok "$1"
}
put_up() { rm -rf "$T/www" && cp -a "$T/$1" "$T/www"; }
newest() { (cd "$T/$1/metadata" && printf '%s\n' [0-9]*."$2".json | sort -n | tail -n 1); }
# The manifest that a plan's newest role names.
current() { printf '%s/%s.manifest.json' "$2" "$(sed -n "\\|\"$2/manifest.json\"|,/sha256/s/.*\"sha256\": *\"\\([0-9a-f]*\\)\".*/\\1/p" "$T/$1/metadata/$(newest "$1" "$2")")"; }
held() { (cd "$T" && tar --format=ustar --sort=name --mtime=@0 -cf - dir tdir | sha256sum); }
same_bytes() { cmp -s "$1" "$2" || fail "$3"; ok "$3"; }

put_up first
root=$T/first/metadata/1.root.json
"$client" init --metadata-dir="$T/dir" "$root" || fail "init"
same_bytes "$T/dir/root.json" "$root" "init keeps the root as it was given"
tuf refresh
expect 0 "a first refresh is done"
asked "  with one request a role, in the specification's order, and no plan's" "404 /metadata/2.root.json" \
	"200 /metadata/timestamp.json" "200 /metadata/$(newest first snapshot)" "200 /metadata/$(newest first targets)"
for role in timestamp snapshot targets; do
	file=$role.json
	[ $role = timestamp ] || file=$(newest first $role)
	same_bytes "$T/dir/$role.json" "$T/first/metadata/$file" "  $role.json is kept to the byte"
done
[ "$(cd "$T/dir" && echo *.json)" = 'root.json snapshot.json targets.json timestamp.json' ] || fail "nothing else is kept as .json"
tuf --target-name plan-D/manifest.json download
expect 0 "a manifest is downloaded"
asked "  with the plan's role and the target" "404 /metadata/2.root.json" "200 /metadata/timestamp.json" \
	"200 /metadata/$(newest first plan-D)" "200 /targets/$(current first plan-D)"
same_bytes "$T/tdir/plan-D/manifest.json" "$T/first/targets/$(current first plan-D)" "  and stored under its plain name"
tuf --target-name plan-D/manifest.json download
expect 0 "the same again"
asked "  fetches neither role nor target" "404 /metadata/2.root.json" "200 /metadata/timestamp.json"
tuf --target-name plan-D/nothing.json --target-name plan01s/manifest.json download
expect 1 "a target that nobody signs for is refused"
[ ! -e "$T/tdir/plan01s" ] || fail "  and what comes after it is not fetched"
tuf --target-name ../dir/root.json download
expect 1 "a target's name that climbs is refused"
cp -a "$T/dir" "$T/dir.first"
cp -a "$T/tdir" "$T/tdir.first"

put_up second
tuf refresh
expect 0 "a refresh after a new release"
asked "  brings timestamp and snapshot only" "404 /metadata/2.root.json" "200 /metadata/timestamp.json" "200 /metadata/$(newest second snapshot)"
tuf --target-name plan-D/manifest.json --target-name plan01s/manifest.json download
expect 0 "and two downloads by one call"
same_bytes "$T/tdir/plan-D/manifest.json" "$T/second/targets/$(current second plan-D)" "  replace the older manifest"
same_bytes "$T/tdir/plan01s/manifest.json" "$T/second/targets/$(current second plan01s)" "  and bring the other plan's"
tuf refresh
expect 0 "a refresh with nothing new"
asked "  is two requests" "404 /metadata/2.root.json" "200 /metadata/timestamp.json"

# --- TLS ---

secure=https://127.0.0.1:$tls
at "$secure" FLEET_CA="$T/ours.pem" -- refresh
expect 0 "a refresh over TLS with the private CA"
was=$(held)
at "$secure" -- refresh
expect 1 "the system's CAs do not vouch for it"
said 'hostkey' "  as the reason says"
at "$secure" FLEET_CA="$T/other.pem" -- refresh
expect 1 "nor does another CA"
at "https://localhost:$tls" FLEET_CA="$T/ours.pem" -- refresh
expect 1 "nor the right one for another name"
at "$secure" FLEET_CA="$T/nothing.pem" -- refresh
expect 1 "a CA file that is not there is no reason to go on"
[ "$(held)" = "$was" ] || fail "  what is held has changed"

# --- forged repositories: the client holds the first release, the server has the second, spoiled ---

# as_before: the client as it was before the second release.
as_before() { rm -rf "$T/dir" "$T/tdir" && cp -a "$T/dir.first" "$T/dir" && cp -a "$T/tdir.first" "$T/tdir"; }
# refused WORD SENTENCE [ROLE...]: a download of what is served now, for that reason; these roles, being genuine, may have been kept, nothing else.
refused()
{
	local word=$1 what=$2 role file
	shift 2
	tuf --target-name plan-D/manifest.json download
	expect 1 "$what is refused"
	grep -q "^tuf-client: $word: " "$T/err" || fail "$what: refused for another reason than $word"
	mv "$T/dir" "$T/dir.now"
	mv "$T/tdir" "$T/tdir.now"
	as_before
	for role; do
		file=$role.json
		[ "$role" = timestamp ] || file=$(newest second "$role")
		cp "$T/second/metadata/$file" "$T/dir/$role.json"
	done
	diff -r "$T/dir" "$T/dir.now" >"$T/err" || fail "$what: more was kept than what is genuine"
	diff -r "$T/tdir" "$T/tdir.now" >"$T/err" || fail "$what: a target has changed"
	rm -rf "$T/dir.now" "$T/tdir.now"
	as_before
	put_up second
}
meta=$T/www/metadata
snapshot=$(newest second snapshot) role=$(newest second plan-D) target=$(current second plan-D)
spoil_signature() { sed -i 's/"sig": "0/"sig": "1/; t; s/"sig": "./"sig": "0/' "$1"; }

# Another fleet's repository, signed by keys of its own: all of it, or some of its files in place of ours.
cp -a "$fleet" "$T/ours"
rm -rf "$fleet" "$XDG_DATA_HOME"
small_fleet plan-D plan01s
cp -a "$fleet/repository" "$T/alien"
as_before

put_up second
spoil_signature "$meta/timestamp.json"
refused signature "a timestamp with another signature"
sed -i 's/"version": \([0-9]*\)/"version": 9\1/' "$meta/timestamp.json"
refused signature "a timestamp with another version"
cp "$T/alien/metadata/timestamp.json" "$meta/"
refused signature "another fleet's timestamp"
rm "$meta/timestamp.json"
refused missing "no timestamp"
: >"$meta/timestamp.json"
refused syntax "an empty timestamp"
head -c 100 "$T/second/metadata/timestamp.json" >"$meta/timestamp.json"
refused syntax "a timestamp that is cut"
head -c 20000 /dev/zero | tr '\0' ' ' >>"$meta/timestamp.json"
refused limit "a timestamp longer than 16,384 bytes"
printf '[%.0s' {1..5000} >"$meta/timestamp.json"
refused limit "a timestamp of brackets"
cp "$T/second/metadata/$snapshot" "$meta/timestamp.json"
refused syntax "a snapshot as timestamp"
cp "$T/first/metadata/$(newest first snapshot)" "$meta/$snapshot"
refused older "an older snapshot in place of the new" timestamp
spoil_signature "$meta/$snapshot"
refused signature "a snapshot with another signature" timestamp
cp "$T/alien/metadata/$(newest alien snapshot)" "$meta/$snapshot"
refused signature "another fleet's snapshot" timestamp
rm "$meta/$snapshot"
refused missing "no snapshot" timestamp
cp "$T/first/metadata/$(newest first plan-D)" "$meta/$role"
refused older "an older role of the plan" timestamp snapshot
cp "$T/second/metadata/$(newest second plan01s)" "$meta/$role"
refused signature "another plan's role" timestamp snapshot
spoil_signature "$meta/$role"
refused signature "a plan's role with another signature" timestamp snapshot
cp "$T/alien/metadata/$(newest alien plan-D)" "$meta/$role"
refused signature "another fleet's role of that plan" timestamp snapshot
rm "$meta/$role"
refused missing "no role of the plan" timestamp snapshot
cp "$T/first/targets/$(current first plan-D)" "$T/www/targets/$target"
refused digest "an older manifest in place of the new" timestamp snapshot plan-D
printf '\n' >>"$T/www/targets/$target"
refused limit "a manifest that is longer" timestamp snapshot plan-D
truncate -s -1 "$T/www/targets/$target"
refused digest "a manifest that is shorter" timestamp snapshot plan-D
sed -i 's/"every_ms":10000/"every_ms":20000/' "$T/www/targets/$target"
refused digest "an altered manifest" timestamp snapshot plan-D
rm "$T/www/targets/$target"
refused missing "no manifest" timestamp snapshot plan-D
cp "$T/alien/metadata/1.root.json" "$meta/2.root.json"
refused signature "another fleet's root as the next"
cp "$T/second/metadata/1.root.json" "$meta/2.root.json"
refused older "the same root as the next"
echo '{"signed":{},"signatures":[]}' >"$meta/2.root.json"
refused syntax "a next root of nothing"
put_up alien
refused signature "the whole repository of another fleet"

# Back to an older repository, when the new one is known.
put_up second
tuf --target-name plan-D/manifest.json download
expect 0 "the second release is downloaded"
cp -a "$T/dir" "$T/dir.second"
was=$(held)
put_up first
tuf --target-name plan-D/manifest.json download
expect 1 "the first repository again, after the second, is refused"
said 'older' "  as the reason says"
[ "$(held)" = "$was" ] || fail "  what is held has changed"

# What lies on the disk is believed by nobody either.
put_up second
cp "$T/alien/metadata/1.root.json" "$T/dir/root.json"
tuf refresh
expect 0 "a root.json exchanged on the disk"
same_bytes "$T/dir/root.json" "$root" "  is mended from the root of init"
cp "$T/alien/metadata/timestamp.json" "$T/alien/metadata/$(newest alien targets)" "$T/dir/"
mv "$T/dir/$(newest alien targets)" "$T/dir/targets.json"
tuf refresh
expect 0 "another fleet's timestamp and targets on the disk are fetched anew"
same_bytes "$T/dir/targets.json" "$T/second/metadata/$(newest second targets)" "  as they should be"

# --- servers that misbehave ---

as_before
was=$(held)
# hostile MODE FILE WORD SENTENCE: in that mode for that file, plain for the others; refused for that reason.
hostile()
{
	at "http://127.0.0.1:$served/$1@$2" FLEET_IDLE_MS=300 -- refresh
	expect 1 "$4 is refused"
	grep -q "^tuf-client: $3: " "$T/err" || fail "$4: refused for another reason than $3"
	[ "$(held)" = "$was" ] || fail "  what is held has changed"
}
hostile endless timestamp.json limit "a timestamp without end"
hostile claims-huge timestamp.json limit "a timestamp that claims a terabyte"
hostile early timestamp.json unreachable "a timestamp that breaks off"
hostile claims-less timestamp.json syntax "a timestamp longer than it claims"
hostile claims-more timestamp.json timeout "a timestamp shorter than it claims"
hostile stall timestamp.json timeout "a timestamp that stops half way"
hostile mute timestamp.json timeout "a server that says nothing"
hostile hang-up timestamp.json unreachable "a server that hangs up"
hostile endless-headers timestamp.json limit "headers without end"
hostile fat-header timestamp.json limit "a header of 200 KiB"
hostile garbage timestamp.json protocol "what is not HTTP"
hostile broken timestamp.json unreachable "a server that is broken"
hostile forbidden timestamp.json missing "a forbidden timestamp"
hostile to-file timestamp.json refused "a redirect to a file"
hostile to-other-host timestamp.json refused "a redirect to another host"
hostile to-itself timestamp.json protocol "a redirect in a circle"
hostile endless 2.root.json limit "a root without end"
hostile hang-up 2.root.json unreachable "a server that hangs up on the next root"
hostile broken 2.root.json unreachable "a server that is broken on the next root"
at "http://127.0.0.1:$served/http10" -- --target-name plan-D/manifest.json download
expect 0 "HTTP/1.0 without a length is read"
as_before
at "http://127.0.0.1:$served/to-plain" -- --target-name plan-D/manifest.json download
expect 0 "a redirect to the same server is followed"

# --- time, and another signer ---

as_before
was=$(held)
later=$(($(date +%s) + 2 * 365 * 86400))
faked=(LD_PRELOAD="$build/tests/clock-preload.so" ASAN_OPTIONS=verify_asan_link_order=0)
at "$url" "${faked[@]}" FLEET_TEST_TIME=$later -- refresh
expect 1 "in two years all of it has expired"
said 'expired' "  as the reason says"
at "$secure" "${faked[@]}" FLEET_TEST_TIME=$later FLEET_CA="$T/ours.pem" -- refresh
expect 1 "and the server's certificate before it"
said 'hostkey.*expired' "  as the reason says"
at "$secure" "${faked[@]}" FLEET_TEST_TIME=$later FLEET_CA="$T/ours.pem" FLEET_CLOCK_UNSURE=1 -- refresh
said 'expired: timestamp|expired: root' "whose date does not count where the clock is not sure"
at "$secure" "${faked[@]}" FLEET_TEST_TIME=$later FLEET_CA="$T/other.pem" FLEET_CLOCK_UNSURE=1 -- refresh
said 'hostkey' "but its issuer does"
[ "$(held)" = "$was" ] || fail "  what is held has changed"

foreign=${FLEET_FIXTURES:-$here/../shared/fixtures}/tuf/tuf-on-ci-0.11
if [ -d "$foreign" ]; then
	rm -rf "$T/dir" "$T/tdir" "$T/www"
	cp -aL "$foreign" "$T/www"
	chmod -R u+w,a+rX "$T/www"
	"$client" --metadata-dir "$T/dir" init "$foreign/initial_root.json" || fail "init with another signer's root"
	at "$url" "${faked[@]}" \
		FLEET_TEST_TIME="$(date -d "$(cat "$foreign/faketime")" +%s)" -- --target-name "$(cat "$foreign/targetpath")" download
	expect 0 "another signer's repository is read at its own time"
	same_bytes "$T/tdir/$(cat "$foreign/targetpath")" "$(echo "$foreign/targets/$(dirname "$(cat "$foreign/targetpath")")"/*."$(basename "$(cat "$foreign/targetpath")")")" "  and its target is downloaded"
else
	say "# no fixtures of other signers here: skipped"
fi
