# shellcheck shell=bash
# A web server over TLS for a tower: what is published, and where receipts come home. Source it after tower_begin's file.
#   web_begin [web_chain]; publish; puller ID PLAN SITE; pull ID [ARGS...]
[ -n "${build:-}" ] || . "$(dirname "${BASH_SOURCE[0]}")/tower.sh"

# web_conf [LINE]: LINE stands in the place where bundles and patches come from.
web_conf()
{
	cat >"$T/nginx/nginx.conf" <<-CONF
	pid $T/nginx/pid; daemon off; worker_processes 1;
	$([ "$(id -u)" -ne 0 ] || echo "user root;")
	events { worker_connections 64; }
	http {
		log_format asked '\$request_method \$uri \$status "\$http_range" \$body_bytes_sent';
		log_format tls '\$ssl_protocol \$ssl_session_reused \$status';
		access_log $T/nginx/asked asked;
		access_log $T/nginx/tls tls;
		client_body_temp_path $T/nginx/a; proxy_temp_path $T/nginx/b; fastcgi_temp_path $T/nginx/c;
		uwsgi_temp_path $T/nginx/d; scgi_temp_path $T/nginx/e;
		server {
			listen 127.0.0.1:$web_port ssl;
			ssl_certificate $T/nginx/cert; ssl_certificate_key $T/nginx/key; ${web_tls:-}
			location /fleet/ { alias $T/published/; gzip_static on; }
			location /fleet/bundles/ { alias $T/published/bundles/; ${1:-} }
			location ~ ^/receipts/(?<who>[^/]+)/ {
				root $T; dav_methods PUT MKCOL; create_full_put_path off;
				auth_basic receipts; auth_basic_user_file $T/nginx/logins;
				set \$whose "\$who"; if (\$remote_user != \$whose) { return 403; }
			}
		}
	}
	CONF
}
web_up()
{
	nginx -c "$T/nginx/nginx.conf" -e "$T/nginx/log" >/dev/null 2>&1 &
	web_pid=$!
	pids+=("$web_pid")
	until listening "$web_port" || ! kill -0 "$web_pid" 2>/dev/null; do sleep 0.02; done
	kill -0 "$web_pid" 2>/dev/null
}
web_down()
{
	kill "$web_pid"
	wait "$web_pid" 2>/dev/null || true
}

# The server's certificate in nginx/cert, its key in nginx/key, and in nginx/ca what hosts believe.
web_cert()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=tower -addext subjectAltName=IP:127.0.0.1 \
		-keyout "$T/nginx/key" -out "$T/nginx/cert" 2>"$T/err"
	cp "$T/nginx/cert" "$T/nginx/ca"
}
# The same as public authorities do it: RSA, one authority between, and all that they write into a certificate; some 3 KB.
web_chain()
{
	local d=$T/nginx scts
	scts=$(head -c 240 /dev/urandom | od -An -v -tx1 | tr -d '\n' | tr ' ' ':')
	cat >"$d/exts" <<-EXTS
	[middle]
	basicConstraints = critical, CA:TRUE, pathlen:0
	keyUsage = critical, keyCertSign, cRLSign, digitalSignature
	extendedKeyUsage = serverAuth, clientAuth
	authorityInfoAccess = caIssuers;URI:http://x1.i.example.org/
	crlDistributionPoints = URI:http://x1.c.example.org/
	certificatePolicies = 2.23.140.1.2.1
	[leaf]
	basicConstraints = critical, CA:FALSE
	keyUsage = critical, digitalSignature, keyEncipherment
	extendedKeyUsage = serverAuth, clientAuth
	subjectKeyIdentifier = hash
	authorityKeyIdentifier = keyid
	authorityInfoAccess = OCSP;URI:http://r3.o.example.org, caIssuers;URI:http://r3.i.example.org/
	crlDistributionPoints = URI:http://r3.c.example.org/97.crl
	certificatePolicies = 2.23.140.1.2.1
	subjectAltName = DNS:fleet.example.org, DNS:www.fleet.example.org, IP:127.0.0.1
	1.3.6.1.4.1.11129.2.4.2 = DER:04:81:f0$scts
	EXTS
	openssl req -x509 -newkey rsa:4096 -nodes -days 90 -subj '/C=US/O=Internet Example Research Group/CN=Example Root X1' -keyout "$d/ca.key" -out "$d/ca" 2>"$T/err"
	openssl req -new -newkey rsa:2048 -nodes -subj "/C=US/O=Let's Example/CN=R11" -keyout "$d/middle.key" -out "$d/csr" 2>"$T/err"
	openssl x509 -req -in "$d/csr" -CA "$d/ca" -CAkey "$d/ca.key" -days 90 -extfile "$d/exts" -extensions middle -out "$d/middle" 2>"$T/err"
	openssl req -new -newkey rsa:2048 -nodes -subj /CN=fleet.example.org -keyout "$d/key" -out "$d/csr" 2>"$T/err"
	openssl x509 -req -in "$d/csr" -CA "$d/middle" -CAkey "$d/middle.key" -days "${1:-90}" -extfile "$d/exts" -extensions leaf -out "$d/leaf" 2>"$T/err"
	cat "$d/leaf" "$d/middle" >"$d/cert"
}
web_begin()
{
	local tries=20
	command -v nginx >/dev/null || { say "skipped: nginx is not installed"; exit 77; }
	mkdir -p "$T/nginx" "$T/published" "$T/receipts"
	: >"$T/nginx/logins"
	"${1:-web_cert}"
	while :; do
		web_port=$((20000 + RANDOM % 20000))
		web_conf
		! web_up || break
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "nginx starts: $(cat "$T/nginx/log")"
	done
	url=https://127.0.0.1:$web_port
	printf '\nreceipts: %s\n' "$T/receipts" >>"$fleet/fleet.yaml"
	sed -i '/^\[\]$/d' "$fleet/hosts.yaml"
}
publish() { mkdir -p "$T/published" && cp -a "$fleet/repository/." "$T/published/"; }
# sheet PLAN JQ: of the plan's rollout.json that was signed last.
sheet()
{
	local role
	role=$(find "$fleet/repository/metadata" -name "*.rollout-$1.json" | sort -V | tail -n 1)
	jq -r "$2" "$fleet/repository/targets/$1/$(jq -r ".signed.targets[\"$1/rollout.json\"].hashes.sha256" "$role").rollout.json"
}
asked() { cat "$T/nginx/asked"; }
forget() { : >"$T/nginx/asked"; }

# sources [SOURCE...]: where hosts fetch from, as JSON; without any, the web server.
sources()
{
	local ca list
	ca=$(awk '{ printf "%s\\n", $0 }' "$T/nginx/ca")
	list=${1:-"{\"kind\": \"https\", \"url\": \"$url/fleet/\", \"ca\": \"$ca\"}"}
	printf '{"format": 1, "sources": [%s], "receipts": {"kind": "put", "url": "%s/receipts/", "ca": "%s"}}\n' "$list" "$url" "$ca" >"$T/sources.json"
}
# puller ID PLAN [SITE]: a host that nobody connects to.
puller()
{
	local h=$T/hosts/$1 volatile=() key
	mkdir -p "$h/state" "$h/results"
	case $(stat -f -c %T "$h/state") in
	tmpfs | ramfs | overlay*) volatile=(--allow-volatile) ;;
	esac
	[ -e "$T/sources.json" ] || sources
	"$agent" enrol "${volatile[@]}" --id "$1" --plan "$2" --site "${3:-here}" --root "$fleet/repository/metadata/1.root.json" --config-dir "$h/etc" \
		--state-dir "$h/state" --results "$h/results" --sources "$T/sources.json" >"$T/out" 2>"$T/err" || fail "host $1 is enrolled"
	mkdir -p "$h/state/pull"
	printf '%s:secret of %s\n' "$1" "$1" >"$h/state/pull/put-login"
	[ ! -d "$T/nginx" ] || printf '%s:%s\n' "$1" "$(openssl passwd -apr1 "secret of $1")" >>"$T/nginx/logins"
	key=$("$agent" status --json --config-dir "$h/etc" | sed -n 's/.*"receipt_key": *"\([0-9a-f]*\)".*/\1/p')
	printf -- '- {id: %s, plan: %s, site: %s, address: 127.0.0.1%s}\n' "$1" "$2" "${3:-here}" "${key:+, receipt_key: $key}" >>"$fleet/hosts.yaml"
}
# pull ID [ARGS...]: output in $T/out and $T/err, exit code in $code.
pull()
{
	local id=$1
	shift
	code=0
	"$agent" pull --config-dir "$T/hosts/$id/etc" "$@" >"$T/out" 2>"$T/err" </dev/null || code=$?
}
# with the passphrase on a descriptor
ctl_sign()
{
	code=0
	(cd "$fleet" && "$fleetctl" "$@" --passphrase-fd 3) >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || code=$?
}
