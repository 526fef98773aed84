#!/usr/bin/env bash
# Receipts by PUT to another WebDAV server than nginx: Apache with mod_dav, over TLS, which serves what is published, too. Stages follow
# from what came home; what a thief puts there moves nothing.
. "$(dirname "$0")/web.sh"

command -v apache2 >/dev/null || { say "skipped: apache2-bin is not installed"; exit 77; }
tower_begin
small_fleet plan-D
sed -i '/^\[\]$/d' "$fleet/hosts.yaml"

# --- the server ---

d=$T/apache
mkdir -p "$d" "$T/nginx" "$T/published" "$T/receipts"
: >"$T/nginx/logins"
web_cert
user=
if [ "$(id -u)" -eq 0 ]; then # it does not run as root
	user='User www-data
Group www-data'
	chmod 0711 "$T"
	chown www-data "$T/receipts" "$d"
fi
apache_up()
{
	cat >"$d/conf" <<-CONF
	ServerRoot $d
	ServerName 127.0.0.1
	PidFile $d/pid
	ErrorLog $d/log
	Listen 127.0.0.1:$web_port
	$user
	$(for m in mpm_event authn_core authn_file authz_core authz_user auth_basic alias dav dav_fs socache_shmcb ssl; do
		echo "LoadModule ${m}_module /usr/lib/apache2/modules/mod_$m.so"
	done)
	LogFormat "%m %U %s %u" asked
	CustomLog $d/asked asked
	SSLEngine on
	SSLCertificateFile $T/nginx/cert
	SSLCertificateKeyFile $T/nginx/key
	DavLockDB $d/locks
	<Directory />
		Require all denied
	</Directory>
	Alias /fleet $T/published
	<Directory $T/published>
		Require all granted
	</Directory>
	Alias /receipts $T/receipts
	<LocationMatch "^/receipts/(?<who>[^/]+)/">
		Dav On
		AuthType Basic
		AuthName receipts
		AuthUserFile $T/nginx/logins
		<LimitExcept PUT MKCOL>
			Require all denied
		</LimitExcept>
		<Limit PUT MKCOL>
			Require expr %{REMOTE_USER} == %{env:MATCH_WHO}
		</Limit>
	</LocationMatch>
	CONF
	apache2 -f "$d/conf" -DFOREGROUND >"$d/out" 2>&1 &
	web_pid=$!
	pids+=("$web_pid")
	until listening "$web_port" || ! kill -0 "$web_pid" 2>/dev/null; do sleep 0.02; done
	kill -0 "$web_pid" 2>/dev/null
}
tries=20
while :; do
	web_port=$((20000 + RANDOM % 20000))
	! apache_up || break
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || fail "apache2 starts: $(cat "$d/out" "$d/log" 2>/dev/null)"
done
url=https://127.0.0.1:$web_port
cat >>"$fleet/fleet.yaml" <<YAML
publish:
  - {name: web, kind: folder, path: $T/published}
receipts: {kind: folder, path: $T/receipts}
YAML
puller ber-D plan-D berlin
puller tyo-D plan-D tokyo
chmod 0644 "$T/nginx/logins"

# --- stage by stage ---

ctl doctor
expect 0 "two folders of one server are two places"
ctl_sign rollout start all --pull --any-time
expect 0 "the first stage is signed"
said 'web: [0-9]+ files' "and published"
ctl_sign rollout resume
expect 4 "nothing has come home"
for host in ber-D tyo-D; do
	pull "$host" --now
	expect 0 "$host asks"
	! grep -q 'did not come home' "$T/err" || fail "its receipts came home"
done
first=ber-D second=tyo-D
[ "$(host_runs ber-D)" -eq 1 ] || { first=tyo-D second=ber-D; }
runs "$first" 1
runs "$second" 0
grep -q "MKCOL /receipts/$first/ 201 $first" "$d/asked" || fail "a folder of its own was made: $(cat "$d/asked")"
cmp -s "$T/receipts/$first/2.json" "$T/hosts/$first/state/receipts/2.json" || fail "the server has what the host wrote"
ok "the server has what the host wrote, in a folder that was made"
ctl_sign rollout resume
expect 4 "the receipt that came home opens the next stage"
said 'stage 2 of 2, 2 of 2 hosts' "which it says"
pull "$second" --now
runs "$second" 1
ctl_sign rollout resume
expect 0 "all committed: it is done"

# --- one host's login ---

# put LOGIN PATH: with another's login, and with the own one
put() { curl -s --cacert "$T/nginx/ca" -u "$1" -T "$T/junk" -o /dev/null -w '%{http_code}' "$url/$2"; }
echo junk >"$T/junk"
[ "$(put 'ber-D:secret of ber-D' receipts/tyo-D/99.json)" = 401 ] || fail "with one host's login another's receipts are put"
[ "$(put 'ber-D:secret of ber-D' fleet/metadata/timestamp.json)" != 201 ] || fail "or what is published"
[ ! -e "$T/receipts/tyo-D/99.json" ] || fail "with one host's login another's receipts are put"
ok "with one host's login nothing else is written"

# --- a store that says what it likes ---

small_change() { sed -i "s/# version .*/# version $1/" "$fleet/scripts/small/probes/beat.sh"; }
small_change 2
sign
ctl_sign rollout start all --pull --any-time
expect 0 "a second release"
id=$(sed -n 's/^rollout \([^:]*\):.*/\1/p' "$T/out")
for host in ber-D tyo-D; do
	n=$(basename "$(find "$T/receipts/$host" -name '*.json' | sort -V | tail -n 1)" .json)
	sed "s/\"rollout\": *\"[^\"]*\"/\"rollout\":\"$id\"/; s/\"number\": *$n,/\"number\":$((n + 1)),/" "$T/receipts/$host/$n.json" >"$T/receipts/$host/$((n + 1)).json"
done
shown=$(find "$T/published" -type f -exec sha256sum {} + | sort)
ctl_sign rollout resume
expect 4 "a receipt that nobody signed moves nothing"
said '-D: its receipts are not believed: receipt [0-9]+' "and is named"
ctl status
expect 7 "by status, too"
said 'not believed: receipt [0-9]+' "which says why"
[ "$(find "$T/published" -type f -exec sha256sum {} + | sort)" = "$shown" ] || fail "nothing is published"
for host in ber-D tyo-D; do
	pull "$host" --now # its own takes that place
done
first=ber-D second=tyo-D
[ "$(host_runs ber-D)" -eq 2 ] || { first=tyo-D second=ber-D; }
runs "$first" 2
runs "$second" 1
ctl_sign rollout resume
expect 4 "the host's own is believed"
said 'stage 2 of 2' "and opens the next stage"
pull "$second" --now
runs "$second" 2
ctl_sign rollout resume
expect 0 "and it is done"
ctl status --json
jq -e --arg host "$second" '.hosts[] | select(.host == $host) | .home.receipt.current_number == 2 and .home.result == "verified"' "$T/out" >/dev/null ||
	fail "status shows what hosts run that nobody can reach"
ok "status shows what hosts run that nobody can reach"
