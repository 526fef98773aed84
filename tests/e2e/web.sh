# shellcheck shell=bash
# A web server over TLS for a tower: what is published, and where receipts come home. Source it after tower_begin's file.
#   web_begin; publish; puller ID PLAN SITE; pull ID [ARGS...]
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
		access_log $T/nginx/asked asked;
		client_body_temp_path $T/nginx/a; proxy_temp_path $T/nginx/b; fastcgi_temp_path $T/nginx/c;
		uwsgi_temp_path $T/nginx/d; scgi_temp_path $T/nginx/e;
		server {
			listen 127.0.0.1:$web_port ssl;
			ssl_certificate $T/nginx/cert; ssl_certificate_key $T/nginx/key;
			location /fleet/ { alias $T/published/; }
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

web_begin()
{
	local tries=20
	command -v nginx >/dev/null || { say "skipped: nginx is not installed"; exit 77; }
	mkdir -p "$T/nginx" "$T/published" "$T/receipts"
	: >"$T/nginx/logins"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=tower -addext subjectAltName=IP:127.0.0.1 \
		-keyout "$T/nginx/key" -out "$T/nginx/cert" 2>"$T/err"
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
asked() { cat "$T/nginx/asked"; }
forget() { : >"$T/nginx/asked"; }

# sources [SOURCE...]: where hosts fetch from, as JSON; without any, the web server.
sources()
{
	local ca list
	ca=$(awk '{ printf "%s\\n", $0 }' "$T/nginx/cert")
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
	printf '%s:%s\n' "$1" "$(openssl passwd -apr1 "secret of $1")" >>"$T/nginx/logins"
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
