#!/usr/bin/env bash
# What a git server may do to a host: every row is one that does it, over real ssh or TLS. The host says what was wrong,
# takes no more than it may, and is none the worse for it: the next poll of a good server goes on.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/git.sh"

tower_begin
chmod 0755 "$T"
git_host_up
mkdir -p "$T/good/metadata"
echo '{"signed":{},"signatures":[]}' >"$T/good/metadata/timestamp.json"

# commit_of FOLDER BRANCH: with stock git, into the remote.
commit_of()
{
	git -C "$git_bare" --work-tree="$1" add -A -f
	git -C "$git_bare" --work-tree="$1" -c user.name=x -c user.email=x commit -q -m x
	git -C "$git_bare" update-ref "refs/heads/$2" HEAD
}
git -C "$git_bare" symbolic-ref HEAD refs/heads/scratch
git -C "$git_bare" config core.bare false
commit_of "$T/good" main
git -C "$git_bare" config core.bare true

host=$T/host
reads_well()
{
	rm -rf "$host/out"
	read_git metadata/timestamp.json
	[ "$code" -eq 0 ] || fail "$1"
	cmp -s "$host/out/metadata/timestamp.json" "$T/good/metadata/timestamp.json" || fail "$1"
	ok "$1"
}
reads_well "a good server is read"

# --- over ssh: what answers instead of git ---

# server NAME COMMAND: who comes with that key gets this.
server()
{
	mkdir -p "$T/keys"
	ssh-keygen -q -t ed25519 -N '' -f "$T/keys/$1"
	printf '#!/bin/sh\n%s\n' "$2" >"$T/keys/$1.sh"
	chmod +x "$T/keys/$1.sh"
	printf 'restrict,command="%s" %s\n' "$T/keys/$1.sh" "$(cat "$T/keys/$1.pub")" >>"$T/hosts/git/authorized"
}
# refuses KEY CODE SENTENCE [OPTIONS...]: with that server, another host's folder and ours; ours is as good as before.
refuses()
{
	local key=$1 says=$2 what=$3
	shift 3
	git_key=$T/keys/$key
	for host in "$T/fresh-$key" "$T/host"; do
		rm -rf "$host/out"
		read_git "$@" metadata/timestamp.json
		[ "$code" -eq 1 ] || fail "$what"
		grep -q "^$says: " "$T/err" || fail "$what: expected $says"
		[ ! -s "$host/out/metadata/timestamp.json" ] || fail "$what: nothing came of it"
	done
	ok "$what ($(head -c 150 "$T/err"))"
	git_key=$T/operator
}
server silent 'exec sleep 1000'
refuses silent timeout "a server that says nothing is waited for no longer than was agreed" --idle 1s
server greeting 'echo "Welcome to the machine!"'
refuses greeting '[a-z]*' "a shell's greeting is no git"
server endless 'exec yes "003a$(printf "%040d" 1) refs/heads/x"'
refuses endless limit "a list of refs without an end is cut off"
server gone 'exit 0'
refuses gone '[a-z]*' "a server that hangs up is said to"
server dripping 'while :; do printf 1; sleep 0.2; done'
refuses dripping timeout "a server that drips has so much time in all and no more" --total 2s
server cut "git-upload-pack $git_bare | head -c 700"
refuses cut '[a-z]*' "an answer that ends in its middle is none" --idle 1s
git -C "$git_bare" init -q --bare "$T/git/other.git"
server other "exec git-upload-pack $T/git/other.git"
refuses other missing "a remote without the branch is said to be one"
reads_well "and after all of them a good server is read"

# --- what is in it ---

# holds NAME: a remote whose main has what stands in $T/NAME.
holds()
{
	git init -q -b main "$T/git/$1.work"
	cp -a "$T/$1/." "$T/git/$1.work/"
	git -C "$T/git/$1.work" add -A
	git -C "$T/git/$1.work" -c user.name=x -c user.email=x commit -q -m x
	server "$1" "exec git-upload-pack $T/git/$1.work"
}
mkdir -p "$T/large/metadata" "$T/bomb/metadata" "$T/folder/metadata/timestamp.json" "$T/link/metadata"
head -c 80000000 /dev/urandom >"$T/large/metadata/snapshot.json"
holds large
refuses large limit "a pack above the cap is cut off"
head -c 400000000 /dev/zero >"$T/bomb/metadata/timestamp.json"
holds bomb
refuses bomb limit "a blob that swells is not read" --max 65536
echo x >"$T/folder/metadata/timestamp.json/x"
holds folder
refuses folder protocol "a folder where a file should be is refused"
rm -rf "$T/large" "$T/bomb" "$T/git/large.work" "$T/git/bomb.work"
ln -s /etc/passwd "$T/link/metadata/timestamp.json"
holds link
git_key=$T/keys/link
host=$T/fresh-link
read_git metadata/timestamp.json
[ "$(cat "$host/out/metadata/timestamp.json")" = /etc/passwd ] || fail "a link is its text, and leads nowhere"
ok "a link is its text, and leads nowhere"
git_key=$T/operator
host=$T/host
reads_well "and after all of them a good server is read"

# --- a card that forgets ---

host=$T/card
reads_well "a new host reads it"
object=$(find "$host/main.git/objects" -name '*.pack' | head -n 1)
chmod u+w "$object"
truncate -s 100 "$object"
read_git metadata/timestamp.json
reads_well "a broken store of objects is made anew"
# The commit and its trees are well, a file is not.
blob=$(git -C "$host/main.git" rev-parse main:metadata/timestamp.json)
packs=$(find "$host/main.git/objects/pack" -type f)
mkdir "$T/packs"
# shellcheck disable=SC2086
mv $packs "$T/packs/"
git -C "$host/main.git" unpack-objects -q <"$(find "$T/packs" -name '*.pack' | head -n 1)"
rm -f "$host/main.git/objects/${blob:0:2}/${blob:2}"
read_git metadata/timestamp.json
said '^unreachable: .*fetched again' "a file that cannot be read any more is said to be"
reads_well "  and fetched again"

# --- https ---

tls_ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.pem" 2>/dev/null; }
# tls_cert NAME DAYS SUBJECT-ALT-NAME: signed by ours; below 0 days it has expired.
tls_cert()
{
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server -keyout "$T/$1.key" -out "$T/$1.csr" 2>/dev/null
	openssl x509 -req -in "$T/$1.csr" -CA "$T/ours.pem" -CAkey "$T/ours.key" -days "$2" -out "$T/$1.pem" -extfile <(echo "subjectAltName=$3") 2>/dev/null
}
tls_ca ours
tls_ca theirs
tls_cert valid 30 IP:127.0.0.1,DNS:localhost
tls_cert expired -1 IP:127.0.0.1,DNS:localhost
tls_cert misnamed -1 DNS:elsewhere.example

socket=$T/fcgi
fcgiwrap -s "unix:$socket" &
pids+=($!)
until_true 50 test -S "$socket" || fail "fcgiwrap listens"
chmod 0777 "$socket"
declare -A tls
web_up()
{
	local tries=20 pid name
	mkdir -p "$T/nginx"
	while [ "$tries" -gt 0 ]; do
		for name in valid expired misnamed; do tls[$name]=$((20000 + RANDOM % 20000)); done
		{
			echo "pid $T/nginx/pid; daemon off; worker_processes 1; events { worker_connections 64; } http { access_log $T/nginx/access;"
			echo "client_body_temp_path $T/nginx/a; proxy_temp_path $T/nginx/b; fastcgi_temp_path $T/nginx/c; uwsgi_temp_path $T/nginx/d; scgi_temp_path $T/nginx/e;"
			for name in valid expired misnamed; do
				cat <<-CONF
				server {
					listen 127.0.0.1:${tls[$name]} ssl;
					ssl_protocols TLSv1.2;
					ssl_certificate $T/$name.pem; ssl_certificate_key $T/$name.key;
					location / {
						fastcgi_pass unix:$socket;
						fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
						fastcgi_param GIT_PROJECT_ROOT $T/git; fastcgi_param GIT_HTTP_EXPORT_ALL 1; fastcgi_param HOME $T;
						fastcgi_param PATH_INFO \$uri; fastcgi_param QUERY_STRING \$query_string;
						fastcgi_param REQUEST_METHOD \$request_method; fastcgi_param CONTENT_TYPE \$content_type;
						fastcgi_param CONTENT_LENGTH \$content_length;
					}
				}
				CONF
			done
			echo "}"
		} >"$T/nginx/conf"
		nginx -c "$T/nginx/conf" -e "$T/nginx/log" >"$T/nginx/out" 2>&1 &
		pid=$!
		pids+=("$pid")
		until listening "${tls[misnamed]}" || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
		! kill -0 "$pid" 2>/dev/null || return 0
		tries=$((tries - 1))
	done
	fail "nginx listens"
}
web_up

# read_tls NAME HOST [OPTIONS]: from the server with that certificate, by that name.
read_tls()
{
	local name=$1 by=$2
	shift 2
	host=$T/tls-$name
	rm -rf "$host/out"
	code=0
	"$git_client" --helper "$git_helper" --url "https://$by:${tls[$name]}/fleet.git" --dir "$host" --out "$host/out" --idle 10s "$@" \
		metadata/timestamp.json >"$T/out" 2>"$T/err" || code=$?
}
read_tls valid localhost --ca "$T/ours.pem"
expect 0 "https with a pinned CA is read"
read_tls valid localhost --ca "$T/theirs.pem"
expect 1 "a certificate of another CA is refused"
said '^hostkey: ' "  as who it is not"
read_tls valid localhost
expect 1 "a private CA that is not pinned is refused"
read_tls expired localhost --ca "$T/ours.pem"
expect 1 "an expired certificate is refused where the clock is sure"
read_tls expired localhost --ca "$T/ours.pem" --unsure
expect 0 "and believed where it is not, its issuer being pinned"
read_tls misnamed localhost --ca "$T/ours.pem" --unsure
expect 1 "but not for another name"
said '^hostkey: .*not for that name' "  which is said"
read_tls expired localhost --ca "$T/theirs.pem" --unsure
expect 1 "nor by another issuer"
read_tls valid localhost --unsure
expect 1 "a clock that is not sure and no pinned issuer is refused"
said '^refused: .*the clock is not sure' "  with a sentence"
