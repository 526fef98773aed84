#!/usr/bin/env bash
# A tower of six hosts on this machine, and the life of releases on it, with fleetctl as a person would call it: first the
# hosts are pushed to, then they pull (demo_pull.sh).
# Exits 0 only if every state that it claims was read back from the hosts. --keep leaves the tower up.
. "$(dirname "$0")/e2e/web.sh"
. "$(dirname "$0")/e2e/git.sh"
. "$(dirname "$0")/e2e/agents.sh"

keep=
case ${1:-} in
--keep) keep=yes ;;
'') ;;
*) echo "usage: ./dev demo [--keep]" >&2; exit 2 ;;
esac

[ ! -t 1 ] || { bold=$(printf '\033[1m'); plain=$(printf '\033[0m'); }
chapter() { printf '\n%s== %s%s\n' "${bold:-}" "$*" "${plain:-}"; }

# fc ARGS...: fleetctl as typed, shown with what it prints; its exit code in $code.
fc()
{
	printf '\n$ fleetctl %s\n' "$*"
	{ (cd "$fleet" && "$fleetctl" "$@") </dev/null 2>&1 && echo 0 >"$T/code" || echo $? >"$T/code"; } | tee "$T/out"
	code=$(cat "$T/code")
}
# fc_signs ARGS...: the same where keys are needed, with the passphrase that a person would type.
fc_signs()
{
	printf '\n$ fleetctl %s\n' "$*"
	{ (cd "$fleet" && "$fleetctl" "$@" --passphrase-fd 3) 3<<<"$passphrase" </dev/null 2>&1 && echo 0 >"$T/code" || echo $? >"$T/code"; } | tee "$T/out"
	code=$(cat "$T/code")
}
# signed: what changed; the number of the new releases in $number.
signed()
{
	fc_signs sign --yes
	[ "$code" -eq 0 ] || fail "it is signed"
	number=$(sed -n 's/^ *manifest \([0-9]*\) replaces.*/\1/p' "$T/out" | head -n 1)
}
must() { [ "$code" -eq "$1" ] || fail "$2: expected exit code $1, got $code"; ok "$2 (exit code $1)"; }
read_back() { for h in $all; do runs "$h" "$1"; done; }

all='ber-D tyo-D ber-01s tyo-01s ber-X3 tyo-X3'

# --- what the probes measure: a web server with TLS, a name server ---

free_port()
{
	local p
	while p=$((20000 + RANDOM % 20000)); do
		if ! listening "$p"; then
			printf '%s\n' "$p"
			return
		fi
	done
}
servers_up()
{
	http=$(free_port) tls=$(free_port) dns=$(free_port)
	mkdir -p "$T/www/v1" "$T/measured"
	echo 'NetworkManager is online' >"$T/www/nm"
	echo 's1.minimum s1.standard s1.4xfast' >"$T/www/v1/subscriber.speedClass"
	head -c 2000000 /dev/zero >"$T/www/ls-lR.gz"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/tls.key" -out "$T/tls.pem" -days 90 \
		-subj /CN=probe.test -addext 'subjectAltName=DNS:probe.test,IP:127.0.0.1' 2>/dev/null
	chmod 0644 "$T/tls.pem"
	cat >"$T/measured/nginx.conf" <<-CONF
	pid $T/measured/pid; error_log $T/measured/log; daemon off; worker_processes 1;
	events { worker_connections 64; }
	http {
		access_log off;
		client_body_temp_path $T/measured/a; proxy_temp_path $T/measured/b; fastcgi_temp_path $T/measured/c;
		uwsgi_temp_path $T/measured/d; scgi_temp_path $T/measured/e;
		server { listen 127.0.0.1:$http; root $T/www; }
		server { listen 127.0.0.1:$tls ssl; ssl_certificate $T/tls.pem; ssl_certificate_key $T/tls.key; root $T/www; }
	}
	CONF
	chmod 0755 "$T" # nginx's worker is another user
	nginx -c "$T/measured/nginx.conf" -e "$T/measured/log" >/dev/null 2>&1 &
	pids+=($!)
	dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --listen-address=127.0.0.1 --bind-interfaces \
		--port="$dns" --address=/probe.test/127.0.0.1 --pid-file="$T/dnsmasq.pid" >/dev/null 2>&1 &
	pids+=($!)
	until_true 100 listening "$http" || fail "the web server answers"
	until_true 100 listening "$tls" || fail "the TLS server answers"
	until_true 100 listening "$dns" || fail "the name server answers"
}

# The starter's plans, aimed at these servers, with trials that fit a demo.
aim_plans()
{
	sed -i -E \
		-e "s/args: \[soracom\.io\]/args: [probe.test, '127.0.0.1:$dns']/" \
		-e "s/args: \[soracom\.io, '443'\]/args: [127.0.0.1, '$tls']/" \
		-e "s/(--days, '14'), soracom\.io, '443'/\1, --ca, '${T//\//\\/}\/tls.pem', 127.0.0.1, '$tls'/" \
		-e "s/100\.127\.100\.127/127.0.0.1/" -e 's/wwan0/lo/' \
		-e "s|http://network-test.debian.org|http://127.0.0.1:$http|; s|http://metadata.soracom.io|http://127.0.0.1:$http|; s|http://deb.debian.org/debian|http://127.0.0.1:$http|" \
		-e 's/settle: [0-9]+s/settle: 1s/; s/deadline: [0-9]+m/deadline: 15s/' \
		"$fleet"/plans/*.yaml
	sed -i 's/ping_count) echo [0-9]*/ping_count) echo 1/' "$fleet"/scripts/*/lib/limits.sh
}

# --- the story ---

started=$SECONDS
tower_begin
chapter "A fleet from the starter: three plans, real probes"
printf '\n$ fleetctl init fleet --name demo\n'
"$fleetctl" init "$fleet" --name demo 2>&1
printf 'ssh: {identity: %s}\n' "$T/operator" >>"$fleet/fleet.yaml"
servers_up
aim_plans

chapter "Keys, and the first signed releases"
fc_signs key new --all
must 0 "every role has its key"
fc key list
signed
fc verify
must 0 "our own client accepts the repository"

chapter "Six hosts, two sites: each a real sshd whose only command is fleet-agent serve"
for h in $all; do
	case $h in ber-*) site=berlin ;; *) site=tokyo ;; esac
	case $h in *-D) plan='plan-D' ;; *-01s) plan=plan01s ;; *) plan=planX3 ;; esac
	launched "$h" "$plan" "$site"
	probes_launched "$h"
done
fc host list
read_back 0
fc preview all

chapter "Roll out everywhere"
fc rollout start all
must 0 "every host committed its first release"
read_back 1
for h in $all; do
	grep -q '^probe_success.* 1$' "$T/hosts/$h/results/dns.prom" || fail "the probes of $h measure"
done
ok "the probes run for real on every host, against the servers on loopback"

chapter "One line of one script changes"
sed -i 's/^# Does this name resolve to an address, and how fast?/# Does this name resolve, and how fast?/' "$fleet/scripts/common/probes/dns.sh"
signed
fc preview all
fc rollout start all
must 0 "every host committed the second release"
read_back 2
fc rollout status --json >"$T/json"
grep -oE '"host":"[^"]*"|"bytes_(in|out)":[0-9]+' "$T/out" | paste - - - |
	sed -E 's/"host":"([^"]*)"\t"bytes_in":([0-9]+)\t"bytes_out":([0-9]+)/  \1: \3 bytes to the host, \2 back, all of SSH counted/'
"$agent" verify --config-dir "$T/hosts/ber-D/etc"
ok "ber-D holds exactly what was signed"

chapter "A release whose health check fails"
cp "$fleet/scripts/common/checks/syntax.sh" "$T/syntax.sh"
printf '#!/bin/sh\necho "syntax: probes/dns.sh line 41: unexpected end of file" >&2\nexit 1\n' >"$fleet/scripts/common/checks/syntax.sh"
signed
fc rollout start all --canary 1
must 8 "the rollout halted at the canary"
read_back 2
fc rollout status --history
grep -q 'check syntax (local): red, status 1' "$T/out" || fail "the history names the check"
grep -q 'unexpected end of file' "$T/out" || fail "the history has the check's output"
grep -qE '(ber|tyo)-[^ ]*: rolled-back' "$T/out" || fail "the history names the host that went back"
ok "the history names the check, its output and the host that went back"
fc rollout abort

chapter "A release whose check hangs"
hang=1000.$$ # a length that no other process on this machine sleeps
printf '#!/bin/sh\nsleep %s & sleep %s\n' "$hang" "$hang" >"$fleet/scripts/common/checks/syntax.sh"
sed -i -E 's/(name: syntax.*timeout: )[0-9]+s/\12s/; s/deadline: 15s/deadline: 4s/' "$fleet"/plans/*.yaml
signed
fc rollout start plan=plan-D
must 8 "the rollout halted, the hanging check was killed"
read_back 2
pgrep -f "sleep $hang" >/dev/null && fail "no process of the hanging check is left"
ok "no process of the hanging check is left"
fc rollout abort

chapter "Undo"
cp "$T/syntax.sh" "$fleet/scripts/common/checks/syntax.sh"
sed -i -E 's/deadline: 4s/deadline: 15s/' "$fleet"/plans/*.yaml
signed
fc rollout start plan=plan-D
must 0 "plan-D took release $number"
runs ber-D "$number"
runs tyo-D "$number"
fc rollout undo
must 0 "and was taken back"
runs ber-D 2
runs tyo-D 2

chapter "A tampered bundle, and a manifest of another plan"
bundle=$(find "$fleet/repository/bundles" -name '*.tar.zst' | head -n 1)
cp "$bundle" "$T/bundle"
printf 'X' | dd of="$bundle" bs=1 seek=200 conv=notrunc 2>/dev/null
fc verify
must 7 "a tampered bundle is refused"
cp "$T/bundle" "$bundle"
"$fleetctl" host show ber-D --fleet "$fleet" >/dev/null
sed -i '/^- {id: ber-D,/s/plan: plan-D/plan: planX3/' "$fleet/hosts.yaml"
fc rollout start ber-D --allow-blind
must 7 "a manifest of another plan is refused"
runs ber-D 2
sed -i '/^- {id: ber-D,/s/plan: planX3/plan: plan-D/' "$fleet/hosts.yaml"

chapter "What every host runs now"
fc status all
[ "$code" -eq 0 ] || fail "every host answers"
read_back 2

. "$(dirname "$0")/demo_pull.sh"

printf '\nAll claims were read back from the hosts. %d s.\n' $((SECONDS - started))

if [ "$keep" = yes ]; then
	cat <<-TEXT

	The tower is up; ^C takes it down.
	  cd $fleet
	  export PATH=$build/fleetctl:$build/agent:\$PATH
	  fleetctl status
	  fleetctl rollout start all
	  fleetctl sign                 (the passphrase is: $passphrase; keys are under XDG_DATA_HOME=$XDG_DATA_HOME)
	  fleet-agent status --config-dir $T/hosts/ber-D/etc
	  fleetctl rollout start all --pull --any-time; fleetctl rollout resume
	  $(launcher ber-D) pull --now --config-dir $T/hosts/ber-D/etc
	TEXT
	sleep infinity &
	pids+=($!)
	wait $! || true
fi
