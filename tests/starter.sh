#!/bin/sh
# The starter fleet's scripts, run as the agent runs them, against real servers on loopback.
# Each probe once where it must pass and once where it must fail: exit code, result file, and what is left behind.
# Names here have no white space, and `A && B || not_ok` is meant: both must hold.
# shellcheck disable=SC2013,SC2015,SC2044
set -u

root=$(cd "${0%/*}/.." && pwd)
starter=$root/manifests/starter
t=$(mktemp -d)
tree=$t/tree out=$t/out pids=
mkdir "$t/tmp" "$out" "$t/www" "$t/nginx" "$t/stubs" "$t/false" "$t/nodig"

cleanup() {
	for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
	rm -rf "$t"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

ok() { echo "ok - $1"; }
not_ok() {
	echo "not ok - $1"
	echo "# ${2-}"
	for file in "$t/line" "$t/why" "$out"/*.prom; do
		[ -s "$file" ] && sed "s|^|# ${file##*/}: |" "$file"
	done
	exit 1
}

for tool in nginx dnsmasq ping dig curl openssl shellcheck setsid; do
	command -v $tool >/dev/null || not_ok "the tools of this test are here" "$tool is not installed"
done

### The folder

check_folder() {
	odd=$(find "$starter" | sed "s|^$starter||" | grep '[^A-Za-z0-9._+@/-]')
	[ -z "$odd" ] || not_ok "names are of the alphabet of bundles" "$odd"
	find "$starter/scripts" -name '*.sh' -exec shellcheck -s sh "$0" {} + >"$t/line" || not_ok "shellcheck finds nothing"
	for script in $(find "$starter/scripts" -name '*.sh'); do
		case $script in
		*/lib/*) [ ! -x "$script" ] || not_ok "libs are not executable" "$script" ;;
		*) [ -x "$script" ] || not_ok "scripts are executable" "$script" ;;
		esac
	done
	! grep -nE '(^|[[{, ])[&*!][A-Za-z]' "$starter"/*.yaml "$starter"/plans/*.yaml >"$t/line" ||
		not_ok "the YAML has no anchors and no tags"
	ok "names, modes, shellcheck and YAML of the starter fleet are clean"
}

# lay PLAN: the tree as `fleetctl sign` packs it: folders over each other.
lay() {
	rm -rf "$tree" && mkdir "$tree"
	for folder in $(sed -n 's/^scripts: \[\(.*\)\]$/\1/p' "$starter/plans/$1.yaml" | tr -d ','); do
		cp -r "$starter/scripts/$folder/." "$tree"
	done
}

# With tools that only fail, a well called probe fails (1) and a badly called one is refused (2).
check_plans() {
	for tool in curl dig getent ping openssl mmcli; do ln -s /bin/false "$t/false/$tool"; done
	for plan in plan-D plan01s planX3; do
		lay $plan
		for hook in $(sed -n 's/^hooks: {start: \([^,]*\), stop: \(.*\)}$/\1 \2/p' "$starter/plans/$plan.yaml"); do
			[ -x "$tree/$hook" ] || not_ok "the hooks of $plan exist" "$hook"
		done
		grep 'run: probes/' "$starter/plans/$plan.yaml" >"$t/runs"
		[ -s "$t/runs" ] || not_ok "$plan runs probes"
		while read -r line; do
			script=$(echo "$line" | sed 's/.*run: \([^,}]*\).*/\1/')
			IFS=,
			# shellcheck disable=SC2046 # one word an argument
			set -- $(echo "$line" | sed -e 's/.*args: \[\([^]]*\)\].*/\1/' -e 's/, /,/g' -e "s/'//g")
			unset IFS
			path=$t/false:$PATH probe "$script" "$@"
			[ "$rc" -eq 1 ] || [ "$script" = probes/link.sh ] || not_ok "$plan calls $script as it wants to be called" "exit $rc: $line"
		done <"$t/runs"
		grep -o 'run: checks/[^,}]*' "$starter/plans/$plan.yaml" | while read -r _ script; do
			[ -x "$tree/$script" ] || not_ok "the checks of $plan exist" "$script"
		done || exit 1
		ok "every script of $plan exists and understands the plan's arguments"
	done
}

### Servers

# A port that nobody has, TCP or UDP. Ours start in this range of their own.
next_port=$((20000 + $$ % 9000))
free_port() {
	while :; do
		next_port=$((next_port + 1))
		cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 2>/dev/null |
			grep -qi ":$(printf %04X $next_port) " || break
	done
	port=$next_port
}

# wait_for SENTENCE COMMAND...: until it succeeds, at most 5 s.
wait_for() {
	what=$1 tries=0
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 250 ] || not_ok "$what" "waited 5 s for: $*"
		sleep 0.02
	done
}

make_cert() { # NAME START END: self-signed, so it is its own CA
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$t/$1.key" -out "$t/$1.csr" \
		-subj "/CN=example.test" -addext 'subjectAltName=DNS:example.test,IP:127.0.0.1' 2>/dev/null &&
		openssl ca -batch -config "$t/ca.cnf" -selfsign -notext -keyfile "$t/$1.key" -in "$t/$1.csr" \
			-out "$t/$1.pem" -startdate "$2" -enddate "$3" 2>/dev/null || not_ok "a certificate is made" "$1"
}

start_servers() {
	cat >"$t/ca.cnf" <<-END
		[ca]
		default_ca = own
		[own]
		database = $t/index
		new_certs_dir = $t/tmp
		rand_serial = yes
		default_md = sha256
		policy = policy
		copy_extensions = copy
		unique_subject = no
		[policy]
		commonName = supplied
	END
	: >"$t/index"
	make_cert good "$(date -u -d '1 day ago' +%Y%m%d%H%M%SZ)" "$(date -u -d '90 days' +%Y%m%d%H%M%SZ)"
	make_cert near "$(date -u -d '1 day ago' +%Y%m%d%H%M%SZ)" "$(date -u -d '3 days' +%Y%m%d%H%M%SZ)"
	make_cert expired 20200101000000Z 20200201000000Z
	make_cert future "$(date -u -d '30 days' +%Y%m%d%H%M%SZ)" "$(date -u -d '90 days' +%Y%m%d%H%M%SZ)"
	rm -f "$t"/tmp/*

	for server in http good near expired future silent dns closed; do
		free_port
		case $server in
		http) http=$port ;; good) good=$port ;; near) near=$port ;; expired) expired=$port ;;
		future) future=$port ;; silent) silent=$port ;; dns) dns=$port ;; closed) closed=$port ;;
		esac
	done

	truncate -s 200000 "$t/www/ranges.bin"
	truncate -s 8000000 "$t/www/whole.bin" "$t/www/unannounced.bin"
	cat >"$t/nginx.conf" <<-END
		daemon off;
		master_process off;
		pid $t/nginx.pid;
		error_log $t/nginx.err;
		events { worker_connections 64; }
		http {
			log_format bytes '\$request_uri \$body_bytes_sent';
			access_log $t/access.log bytes;
			client_body_temp_path $t/nginx; proxy_temp_path $t/nginx; fastcgi_temp_path $t/nginx;
			uwsgi_temp_path $t/nginx; scgi_temp_path $t/nginx;
			root $t/www;
			ssl_certificate $t/good.pem; ssl_certificate_key $t/good.key;
			server {
				listen 127.0.0.1:$http;
				listen 127.0.0.1:$good ssl;
				location / { return 200 "hello fleet\n"; }
				location /missing { return 404 "no\n"; }
				location /moved { return 302 http://127.0.0.1:$closed/; }
				location /ranges.bin { }
				location /whole.bin { max_ranges 0; limit_rate 100k; }
				location /unannounced.bin { ssi on; ssi_types *; limit_rate 100k; }
			}
			server {
				listen 127.0.0.1:$near ssl;
				ssl_certificate $t/near.pem; ssl_certificate_key $t/near.key;
				location / { return 200 "near\n"; }
			}
			server {
				listen 127.0.0.1:$expired ssl;
				ssl_certificate $t/expired.pem; ssl_certificate_key $t/expired.key;
				location / { return 200 "expired\n"; }
			}
			server {
				listen 127.0.0.1:$future ssl;
				ssl_certificate $t/future.pem; ssl_certificate_key $t/future.key;
				location / { return 200 "future\n"; }
			}
		}
	END
	nginx -c "$t/nginx.conf" -e "$t/nginx.err" 2>/dev/null &
	pids="$pids $!"
	dnsmasq --no-daemon --conf-file=/dev/null --port="$dns" --listen-address=127.0.0.1 --bind-interfaces \
		--no-resolv --no-hosts --address=/example.test/127.0.0.2 --address=/gone.test/ 2>"$t/dnsmasq.err" &
	dnsmasq=$!
	# Accepts and never answers: stopped, while the kernel goes on shaking hands for it.
	openssl s_server -accept "127.0.0.1:$silent" -cert "$t/good.pem" -key "$t/good.key" >/dev/null 2>&1 &
	silent_server=$!
	pids="$pids $dnsmasq $silent_server"
	wait_for "nginx starts" curl -s "http://127.0.0.1:$http/"
	wait_for "dnsmasq starts" dig -r +tries=1 +time=1 -p "$dns" @127.0.0.1 example.test
	wait_for "a silent server starts" grep -qi ":$(printf %04X "$silent") 00000000:0000 0A" /proc/net/tcp
	kill -STOP $silent_server
}

### Running a probe

# probe SCRIPT [ARG]...: in the agent's environment. Sets rc and took_ms; $t/line and $t/why are its output.
plan='plan-D' name='' ms=5000 path=$PATH
probe() {
	probe_script=$1
	shift
	probe_as=${name:-$(basename "$probe_script" .sh)}
	rm -rf "$out" && mkdir "$out"
	read -r up _ </proc/uptime
	rc=0
	(
		cd "$tree" || exit 99
		exec env -i PATH="$path" LANG=C TZ=UTC HOME="$t" TMPDIR="$t/tmp" FLEET_ID=ber-D FLEET_PLAN="$plan" \
			FLEET_RELEASE=0123abcd FLEET_RELEASE_DIR="$tree" ${name:+FLEET_PROBE="$name"} \
			FLEET_OUT="$out" FLEET_TIMEOUT_MS="$ms" "./$probe_script" "$@" </dev/null >"$t/line" 2>"$t/why"
	) || rc=$?
	read -r now _ </proc/uptime
	took_ms=$(awk -v a="$up" -v b="$now" 'BEGIN { printf "%d", (b - a) * 1000 }')
}

# must RC SENTENCE [PATTERN]...: exit code, one whole result and nothing beside it, one line, and each
# PATTERN in the result.
must() {
	must_rc=$1 sentence=$2
	shift 2
	[ "$rc" -eq "$must_rc" ] || not_ok "$sentence" "exit $rc, expected $must_rc"
	[ -z "$(ls -A "$t/tmp")" ] || not_ok "$sentence" "left behind: $(ls -A "$t/tmp")"
	if [ "$must_rc" -eq 2 ]; then
		[ -z "$(ls -A "$out")" ] || not_ok "$sentence" "a wrong call wrote: $(ls -A "$out")"
		[ -s "$t/why" ] || not_ok "$sentence" "no usage"
		ok "$sentence"
		return
	fi
	[ "$(ls -A "$out")" = "$probe_as.prom" ] || not_ok "$sentence" "the result folder has: $(ls -A "$out")"
	[ "$(stat -c %a "$out/$probe_as.prom")" = 644 ] || not_ok "$sentence" "others cannot read the result"
	FLEET_OUT=$out "$starter/scripts/common/checks/results.sh" >/dev/null || not_ok "$sentence" "the result does not parse"
	if [ "$rc" -eq 0 ]; then said=$t/line silent_file=$t/why; else said=$t/why silent_file=$t/line; fi
	[ "$(wc -l <"$said")" -eq 1 ] || not_ok "$sentence" "not one line for people"
	[ ! -s "$silent_file" ] || not_ok "$sentence" "words on the wrong stream"
	for pattern in "^probe_success{probe=\"$probe_as\",plan=.*,target=.*} $((1 - rc))$" '^probe_duration_seconds{.*} [0-9.]*$' "$@"; do
		grep -q -e "$pattern" "$out/$probe_as.prom" || not_ok "$sentence" "no $pattern"
	done
	ok "$sentence"
}

said() { grep -q -e "$1" "$t/line" "$t/why" || not_ok "$sentence" "does not say: $1"; }

check_dns() {
	probe probes/dns.sh example.test "127.0.0.1:$dns"
	must 0 "dns passes where the name has an address" '^probe_dns_answer_rrs{.*} 1$' '^probe_dns_duration_seconds{.*,phase="request"} 0\.0'
	said '^dns example.test: [0-9]* ms, 1 addresses$'
	probe probes/dns.sh gone.test "127.0.0.1:$dns"
	must 1 "dns fails where the name is unknown" '^probe_dns_query_succeeded{.*} 1$'
	said NXDOMAIN
	probe probes/dns.sh --type AAAA example.test "127.0.0.1:$dns"
	must 1 "dns fails where the name has no address of the type"
	probe probes/dns.sh example.test "127.0.0.1:$closed"
	must 1 "dns fails where nobody listens"
	said refused
	[ "$took_ms" -lt 2000 ] || not_ok "a refused question is not asked until the deadline" "$took_ms ms"
	probe probes/dns.sh '+short'
	must 2 "dns refuses an option in place of a name"
	probe probes/dns.sh example.test 127.0.0.1:99999
	must 2 "dns refuses a port that is none"
	for tool in sh sed awk getent timeout mktemp mv chmod rm; do ln -s "$(command -v $tool)" "$t/nodig/$tool"; done
	ln -s "$(command -v env)" "$t/nodig/env"
	path=$t/nodig probe probes/dns.sh localhost
	must 0 "dns asks the system's resolver where dig is missing"
}

check_tcp() {
	probe probes/tcp.sh 127.0.0.1 "$http"
	must 0 "tcp passes where somebody listens" '^probe_tcp_duration_seconds{.*,phase="connect"} 0\.0' '^probe_dns_lookup_time_seconds{'
	probe probes/tcp.sh 127.0.0.1 "$silent"
	must 0 "tcp passes where the server accepts and keeps silent"
	[ "$took_ms" -lt 2000 ] || not_ok "tcp does not wait for words" "$took_ms ms"
	probe probes/tcp.sh 127.0.0.1 "$closed"
	must 1 "tcp fails at a closed port"
	! grep -q '^probe_tcp_duration_seconds' "$out/tcp.prom" || not_ok "what was not measured is left out"
	probe probes/tcp.sh 127.0.0.1 0
	must 2 "tcp refuses port 0"
}

check_http() {
	probe probes/http.sh "http://127.0.0.1:$http/"
	must 0 "http passes with a status and five phases" '^probe_http_status_code{.*} 200$' \
		'phase="resolve"} [0-9.]*$' 'phase="connect"} 0\.00*[1-9]' 'phase="tls"} 0\.000000$' \
		'phase="processing"} [0-9.]*$' 'phase="transfer"} [0-9.]*$' '^probe_http_ssl{.*} 0$' '^probe_http_content_length{.*} 12$'
	probe probes/http.sh "http://127.0.0.1:$http/missing"
	must 1 "http fails with 404" '^probe_http_status_code{.*} 404$'
	probe probes/http.sh --expect 404 "http://127.0.0.1:$http/missing"
	must 0 "http passes with 404 where that is expected"
	probe probes/http.sh "http://127.0.0.1:$http/moved"
	must 1 "http follows no redirect" '^probe_http_status_code{.*} 302$'
	probe probes/http.sh --find 'hello fleet' "http://127.0.0.1:$http/"
	must 0 "http passes where the body has the text" '^probe_failed_due_to_regex{.*} 0$'
	probe probes/http.sh --find 'hello portal' "http://127.0.0.1:$http/"
	must 1 "http fails where the body lacks the text" '^probe_failed_due_to_regex{.*} 1$'
	probe probes/http.sh "http://127.0.0.1:$http/ranges.bin"
	must 1 "http fails where the body is longer than the plan's limit" '^probe_http_uncompressed_body_length{.*} 8192$'
	said 'longer than 8192'
	probe probes/http.sh "http://127.0.0.1:$closed/"
	must 1 "http fails at a closed port" '^probe_http_status_code{.*} 0$'
	probe probes/http.sh --ca "$t/good.pem" "https://127.0.0.1:$good/"
	must 0 "https passes with its CA" '^probe_http_ssl{.*} 1$' 'phase="tls"} 0\.0*[1-9]'
	probe probes/http.sh "https://127.0.0.1:$good/"
	must 1 "https fails without its CA"
	probe probes/http.sh --ca "$t/near.pem" "https://127.0.0.1:$good/"
	must 1 "https fails with another CA"
	probe probes/http.sh --insecure "https://127.0.0.1:$good/"
	must 0 "https passes unverified where that is asked for"
	probe probes/http.sh --ca "$t/expired.pem" "https://127.0.0.1:$expired/"
	must 1 "https fails with an expired certificate"
	probe probes/http.sh "file:///etc/hostname"
	must 2 "http refuses another scheme"

	plan='pl"an\D' probe probes/http.sh "http://127.0.0.1:$http/a\"b"
	must 0 "quotes and backslashes in labels are escaped" 'plan="pl\\"an\\\\D",target="http://127.0.0.1:[0-9]*/a\\"b"} 1$'
	plan='two
lines' probe probes/link.sh lo
	must 0 "a line end in a label is escaped" 'plan="two\\nlines"'
}

check_tls() {
	end=$(date -u -d "$(openssl x509 -in "$t/good.pem" -noout -enddate | cut -d= -f2)" +%s)
	probe probes/tls.sh --ca "$t/good.pem" 127.0.0.1 "$good"
	must 0 "tls passes and tells the end date" "^probe_ssl_earliest_cert_expiry{.*} $end\$" '^probe_tls_version_info{.*version="TLS 1.[23]"} 1$'
	probe probes/tls.sh --ca "$t/good.pem" --name example.test 127.0.0.1 "$good"
	must 0 "tls passes with the name in the certificate"
	probe probes/tls.sh --ca "$t/good.pem" --name other.test 127.0.0.1 "$good"
	must 1 "tls fails with another name" "^probe_ssl_earliest_cert_expiry{.*} $end\$"
	said 'hostname mismatch'
	probe probes/tls.sh 127.0.0.1 "$good"
	must 1 "tls fails without its CA"
	probe probes/tls.sh --ca "$t/near.pem" 127.0.0.1 "$good"
	must 1 "tls fails with another CA"
	probe probes/tls.sh --insecure 127.0.0.1 "$good"
	must 0 "tls passes unverified where that is asked for"
	probe probes/tls.sh --ca "$t/near.pem" 127.0.0.1 "$near"
	must 0 "tls passes three days before the end"
	probe probes/tls.sh --ca "$t/near.pem" --days 14 127.0.0.1 "$near"
	must 1 "tls fails three days before the end where 14 are wanted"
	probe probes/tls.sh --ca "$t/expired.pem" 127.0.0.1 "$expired"
	must 1 "tls fails with an expired certificate" '^probe_ssl_earliest_cert_expiry{.*} 1580515200$'
	probe probes/tls.sh --insecure 127.0.0.1 "$expired"
	must 1 "tls fails with an expired certificate even unverified"
	probe probes/tls.sh --ca "$t/future.pem" 127.0.0.1 "$future"
	must 0 "tls passes with a certificate from the future: a Pi without network has a late clock"
	probe probes/tls.sh 127.0.0.1 "$http"
	must 1 "tls fails where no TLS is spoken"
	probe probes/tls.sh 127.0.0.1 "$closed"
	must 1 "tls fails at a closed port"
	probe probes/tls.sh --days many 127.0.0.1 "$good"
	must 2 "tls refuses days that are no number"
}

sent_of() { grep -q "^/$1 " "$t/access.log" && sent=$(sed -n "s|^/$1 ||p" "$t/access.log" | tail -n 1); }

check_throughput() {
	: >"$t/access.log"
	probe probes/throughput.sh "http://127.0.0.1:$http/ranges.bin" 50000
	must 0 "throughput measures" '^probe_throughput_bytes{.*} 50000$' '^probe_throughput_bytes_per_second{.*} [1-9][0-9]*$'
	wait_for "nginx logs the range" sent_of ranges.bin
	sent_of ranges.bin
	[ "$sent" -eq 50000 ] || not_ok "the server sends the byte limit and no more" "$sent"
	ok "the server sends the byte limit and no more"
	probe probes/throughput.sh "http://127.0.0.1:$http/ranges.bin" 900000
	must 0 "throughput measures a file that is shorter than the limit" '^probe_throughput_bytes{.*} 200000$'
	probe probes/throughput.sh "http://127.0.0.1:$http/whole.bin" 50000
	must 1 "throughput ends at the headers where a server ignores ranges" '^probe_throughput_bytes{.*} 0$'
	probe probes/throughput.sh "http://127.0.0.1:$http/unannounced.bin" 50000
	must 0 "throughput cuts an answer of unknown length at the limit" '^probe_throughput_bytes{.*} 50000$'
	for file in whole.bin unannounced.bin; do
		wait_for "nginx logs $file" sent_of $file
		sent_of $file
		[ "$sent" -lt 1000000 ] || not_ok "a careless server cannot send all of its file" "$file: $sent of 8000000"
	done
	ok "a careless server cannot send all of its file"
	probe probes/throughput.sh "http://127.0.0.1:$http/missing" 50000
	must 1 "throughput fails with 404"
	probe probes/throughput.sh "http://127.0.0.1:$closed/" 50000
	must 1 "throughput fails at a closed port"
	probe probes/throughput.sh "http://127.0.0.1:$http/ranges.bin"
	must 2 "throughput refuses to run without a byte limit"
}

check_icmp() {
	probe probes/icmp.sh 127.0.0.2
	must 0 "icmp passes, with as many pings as the plan's limit" '^probe_icmp_duration_seconds{.*,phase="rtt"} 0\.0' \
		'^probe_icmp_reply_hop_limit{.*} [0-9]*$' '^probe_icmp_packets_sent{.*} 1$'
	probe probes/icmp.sh 255.255.255.255
	must 1 "icmp fails where ping refuses, with ping's words"
	printf '#!/bin/sh\necho "2 packets transmitted, 0 received, 100%% packet loss, time 1001ms"\nexit 1\n' >"$t/stubs/ping"
	chmod 755 "$t/stubs/ping"
	path=$t/stubs:$PATH probe probes/icmp.sh 127.0.0.2
	must 1 "icmp fails where nothing comes back" '^probe_icmp_packets_sent{.*} 2$' '^probe_icmp_packets_received{.*} 0$'
	rm "$t/stubs/ping"
	probe probes/icmp.sh -f
	must 2 "icmp refuses an option in place of a host"
	lay plan01s
	probe probes/mtu.sh 127.0.0.1 1400
	must 0 "mtu passes where the packet fits" '^probe_mtu_bytes{.*} 1400$'
	probe probes/mtu.sh 255.255.255.255 1400
	must 1 "mtu fails where nothing comes back"
	lay plan-D
}

check_link() {
	probe probes/link.sh lo
	must 0 "link passes on an interface that is up" '^probe_link_up{.*} 1$' '^probe_link_receive_bytes_total{.*} [0-9]*$'
	probe probes/link.sh nope0
	must 1 "link fails where there is no such interface"
	probe probes/link.sh ../lo
	must 2 "link refuses a path"
	cat >"$t/stubs/mmcli" <<-'END'
		#!/bin/sh
		case $1 in
		-m) printf '%s\n' 'modem.generic.state : connected' 'modem.generic.signal-quality.value : 62' \
			'modem.generic.sim : /org/freedesktop/ModemManager1/SIM/0' 'modem.3gpp.operator-code : 44010' \
			'modem.3gpp.imei : 490154203237518' 'modem.3gpp.registration-state : roaming' \
			'modem.generic.access-technologies.value[1] : lte' ;;
		-i) printf '%s\n' 'sim.properties.imsi : 440103098765432' 'sim.properties.iccid : 8981100022334455667' ;;
		esac
	END
	chmod 755 "$t/stubs/mmcli"
	path=$t/stubs:$PATH probe probes/link.sh lo
	must 0 "link tells what the modem says, identities masked" '^probe_modem_connected{.*} 1$' '^probe_modem_signal_ratio{.*} 0.62$' \
		'operator="44010",registration="roaming",technology="lte",imsi="\*\*\*5432",iccid="\*\*\*5667"} 1$'
	# A counter of bytes may have as many digits: labels and words are looked at, not values.
	sed 's/} [0-9.e+]*$/}/' "$out/link.prom" "$t/line" "$t/why" >"$t/told"
	! grep -qE '[0-9]{8}' "$t/told" || not_ok "no identity leaves the Pi whole"
	ok "no identity leaves the Pi whole"
}

check_deadlines() {
	kill -STOP "$dnsmasq"
	ms=2500
	for call in "tls.sh 127.0.0.1 $silent" "http.sh http://127.0.0.1:$silent/" "https.sh https://127.0.0.1:$silent/" \
		"throughput.sh http://127.0.0.1:$silent/ 1000" "dns.sh example.test 127.0.0.1:$dns"; do
		[ "${call%% *}" != https.sh ] || call="http.sh ${call#* }"
		# shellcheck disable=SC2086 # words
		probe probes/$call
		must 1 "${call%% *} ends before its deadline where the server never answers, and says so"
		[ "$took_ms" -lt "$ms" ] || not_ok "$sentence" "$took_ms ms"
	done
	ms=5000
	kill -CONT "$dnsmasq"

	# The agent ends a probe by its process group: nothing may have left the group.
	rm -rf "$out" && mkdir "$out"
	env FLEET_OUT="$out" TMPDIR="$t/tmp" FLEET_TIMEOUT_MS=20000 setsid "$tree/probes/http.sh" "http://127.0.0.1:$silent/" >/dev/null 2>&1 &
	group=$!
	wait_for "curl of the probe runs" running curl "$group"
	kill -TERM "-$group"
	wait "$group" 2>/dev/null
	wait_for "a probe that is killed leaves no process" gone "$group"
	[ -z "$(ls -A "$out")$(ls -A "$t/tmp")" ] || not_ok "a probe that is killed leaves nothing" "$(ls -A "$out" "$t/tmp")"
	ok "a probe that is killed leaves no process and no file"
}

# running COMMAND GROUP, gone GROUP: by /proc, field 5 of stat is the process group.
running() { cat /proc/[0-9]*/stat 2>/dev/null | awk -v c="($1)" -v g="$2" '$2 == c && $5 == g { f = 1 } END { exit !f }'; }
gone() { ! cat /proc/[0-9]*/stat 2>/dev/null | awk -v g="$1" '$5 == g && $3 != "Z" { f = 1 } END { exit !f }'; }

check_results_are_whole() {
	rm -rf "$out" && mkdir "$out"
	(for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		FLEET_OUT=$out "$tree/probes/link.sh" lo
	done >/dev/null; : >"$t/written") &
	writer=$!
	pids="$pids $writer"
	reads=0
	while [ ! -e "$t/written" ]; do
		for file in "$out"/*.prom; do
			[ -e "$file" ] || continue
			reads=$((reads + 1))
			tail -n 1 "$file" | grep -q '^probe_duration_seconds{' || not_ok "a reader never sees half a result"
		done
	done
	wait $writer
	[ $reads -gt 0 ] || not_ok "a reader sees results" "none was there to be read"
	[ "$(ls -A "$out")" = link.prom ] || not_ok "nothing is left beside the results" "$(ls -A "$out")"
	ok "a reader never sees half a result"

	mkdir "$t/blocked" "$t/blocked/link.prom"
	! FLEET_OUT=$t/blocked "$tree/probes/link.sh" lo >"$t/line" 2>"$t/why" || not_ok "a result that cannot be written is a failure"
	[ "$(find "$t/blocked" | wc -l)" -eq 2 ] || not_ok "a result that cannot be written leaves nothing"
	FLEET_OUT='' "$tree/probes/link.sh" lo >"$t/line" 2>"$t/why"
	[ $? -eq 2 ] || not_ok "a probe without a folder for its result is refused"
	name=sim-link probe probes/link.sh lo
	must 0 "a result has the name of the probe in the plan" 'probe="sim-link"'
	name=../x probe probes/link.sh lo
	must 2 "a probe's name is no path"
}

check_checks() {
	probe checks/syntax.sh
	[ "$rc" -eq 0 ] && [ -z "$(ls -A "$out")" ] || not_ok "syntax passes on the starter scripts"
	ok "syntax passes on the starter scripts"
	echo 'if then' >"$tree/probes/broken.sh" && chmod 755 "$tree/probes/broken.sh"
	probe checks/syntax.sh
	[ "$rc" -eq 1 ] && grep -q broken.sh "$t/why" || not_ok "syntax fails on a script that does not parse"
	ok "syntax fails on a script that does not parse"
	printf '#!/bin/sh\n# needs: sed no-such-tool|nor-this\n' >"$tree/probes/broken.sh"
	probe checks/syntax.sh
	[ "$rc" -eq 1 ] && grep -q 'no-such-tool|nor-this' "$t/why" || not_ok "syntax fails where a tool is missing"
	ok "syntax fails where a tool is missing"
	printf '#!/bin/sh\n# needs: no-such-tool|sed\n' >"$tree/probes/broken.sh"
	probe checks/syntax.sh
	[ "$rc" -eq 0 ] || not_ok "one of two tools is enough"
	chmod 644 "$tree/probes/broken.sh"
	probe checks/syntax.sh
	[ "$rc" -eq 1 ] || not_ok "syntax fails on a script that is not executable"
	ok "syntax fails on a script that is not executable"
	rm "$tree/probes/broken.sh"

	mkdir "$t/r"
	good='# TYPE a gauge
a{l="x\"y\\z"} 1
a{l="b"} NaN
'
	printf '%s' "$good" >"$t/r/a.prom"
	FLEET_OUT=$t/r "$tree/checks/results.sh" >/dev/null || not_ok "results passes on readable files"
	for bad in 'b 1' 'a{l="x"y"} 1' 'a{l="b"} 2' 'a{l="c"}' 'a{l="c"} 1.2.3' 'a{l="half'; do
		printf '%s%s\n' "$good" "$bad" >"$t/r/a.prom"
		! FLEET_OUT=$t/r "$tree/checks/results.sh" >/dev/null 2>&1 || not_ok "results fails on a broken file" "$bad"
	done
	: >"$t/r/a.prom"
	! FLEET_OUT=$t/r "$tree/checks/results.sh" >/dev/null 2>&1 || not_ok "results fails on an empty file"
	ok "results passes on readable files and fails on broken ones"
}

check_hooks() {
	probe hooks/start.sh
	[ "$rc" -eq 0 ] && grep -q '^fleet_release_info{plan="plan-D",release="0123abcd"} 1$' "$out/fleet_release.prom" || not_ok "start notes the release"
	FLEET_OUT=$out "$tree/checks/results.sh" >/dev/null || not_ok "start notes the release readably"
	ok "start notes the release"
	: >"$out/dns.prom" && : >"$out/.dns.prom.Ab3dE6"
	FLEET_OUT=$out "$tree/hooks/stop.sh" || not_ok "stop succeeds"
	[ "$(ls -A "$out")" = dns.prom ] || not_ok "stop takes away the note and half results, and leaves results" "$(ls -A "$out")"
	ok "stop takes away the note and half results, and leaves results"
}

check_folder
check_plans
plan='plan-D'
lay $plan
start_servers
check_dns
check_tcp
check_http
check_tls
check_throughput
check_icmp
check_link
check_deadlines
check_results_are_whole
check_checks
check_hooks
