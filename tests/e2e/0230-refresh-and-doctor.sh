#!/usr/bin/env bash
# The repository stays alive unattended: refresh signs what nears its end, by the online keys alone; doctor counts the days,
# says what is broken and what to do, to people, to cron and to Prometheus.
# shellcheck disable=SC1091,SC2154 # tower.sh has them
. "$(dirname "$0")/tower.sh"

tower_begin
tower_fleet
rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
small_scripts
small_plan plan-D
small_plan plan01s
keys_new
metadata=$fleet/repository/metadata
day=86400
now=$(date +%s)
digest() { (cd "$fleet" && find repository -type f -exec sha256sum {} + | sort | sha256sum); }
# aged DAYS: the fleet, signed as if it were so many days ago.
aged()
{
	rm -rf "$fleet/repository"
	SOURCE_DATE_EPOCH=$((now - $1 * day)) sign
	[ "$code" -eq 0 ] || fail "a fleet is signed $1 days ago"
}
# refresh [ARGS...]
refresh()
{
	code=0
	(cd "$fleet" && "$fleetctl" refresh --passphrase-file "$T/passphrase" "$@") >"$T/out" 2>"$T/err" </dev/null || code=$?
}
printf '%s\n' "$passphrase" >"$T/passphrase"
chmod 600 "$T/passphrase"

# --- refresh ---

ctl refresh
expect 2 "before the first signature there is nothing to refresh"
aged 3
was=$(digest)
refresh
expect 0 "a timestamp of three days is not due"
said 'nothing is due' "and refresh says so"
[ "$(digest)" = "$was" ] || fail "and writes nothing"
ok "and writes nothing"
refresh --now
expect 0 "--now signs it all the same"
said '^timestamp 2 \(was 1, renewed\)' "the timestamp alone"
[ ! -e "$metadata/2.snapshot.json" ] || fail "not the snapshot"
ok "not the snapshot"
ctl verify
expect 0 "it verifies"

aged 9
mv "$fleet/plans" "$T/plans"
mv "$fleet/scripts" "$T/scripts"
mv "$fleet/keys.yaml" "$T/keys.yaml"
refresh
expect 0 "one of nine days is signed again, without plans, scripts or keys.yaml"
said '^timestamp 2 \(was 1, renewed\)' "the timestamp"
[ ! -e "$metadata/2.snapshot.json" ] || fail "and nothing else"
ok "and nothing else"
mv "$T/plans" "$fleet/plans"
mv "$T/scripts" "$fleet/scripts"
mv "$T/keys.yaml" "$fleet/keys.yaml"
aged 25
refresh
expect 0 "after 25 days"
said '^snapshot 2 \(was 1, renewed\)' "the snapshot is, too"
ctl verify
expect 0 "and all verifies"
if [ -e "$metadata/2.root.json" ] || [ -e "$metadata/2.targets.json" ]; then
	fail "what lies offline was never touched"
fi
ok "what lies offline was never touched"

aged 9
was=$(digest)
mv "$XDG_DATA_HOME/fleetctl/keys/fleet/online.pem" "$T/online.pem"
refresh
expect 7 "without the online key it is an error, so that the timer fails"
said 'not here: online' "which names the key"
mv "$T/online.pem" "$XDG_DATA_HOME/fleetctl/keys/fleet/online.pem"
printf 'wrong\n' >"$T/passphrase"
refresh
expect 2 "a wrong passphrase is"
printf '%s\n' "$passphrase" >"$T/passphrase"
chmod 644 "$T/passphrase"
refresh
expect 2 "so is one that others can read"
said 'chmod 600' "and what to do is said"
chmod 600 "$T/passphrase"
refresh --passphrase-fd 0
expect 2 "or two of them"
SOURCE_DATE_EPOCH=$((now - 20 * day)) refresh --now
expect 6 "and a clock behind the last signature"
said 'set the clock' "which is said"
[ "$(digest)" = "$was" ] || fail "nothing was signed by any of them"
ok "nothing was signed by any of them"

# --- the units ---

units=$here/fleetctl/units
if command -v systemd-analyze >/dev/null; then
	mkdir "$T/units"
	cp "$units"/fleetctl-refresh.timer "$T/units/"
	sed "s|/usr/bin/fleetctl|$fleetctl|" "$units/fleetctl-refresh.service" >"$T/units/fleetctl-refresh.service"
	grep -q "^ExecStart=$fleetctl refresh " "$T/units/fleetctl-refresh.service" || fail "the service runs refresh"
	systemd-analyze verify --man=no "$T"/units/fleetctl-refresh.* >"$T/out" 2>"$T/err" || fail "systemd takes the units"
	[ ! -s "$T/err" ] || fail "systemd takes the units without a warning"
	ok "systemd takes the units without a warning"
else
	say "skipped: no systemd-analyze here"
fi

# --- doctor ---

aged 0
ctl doctor
expect 0 "a fresh repository is well"
said '^root +1 +36[45] +20' "the days of each role are listed"
said '^timestamp +1 +1[34] ' "online ones, too"
said '1 root to start from, 2 releases: all signatures, digests and bundles are good' "and what was looked at"
ctl doctor --days 400
expect 10 "fewer days than asked for is another exit code"
said 'soon.*: root: 36[45] days are left' "and said"
said 'next: fleetctl sign' "with what to do"

aged 10
ctl doctor
expect 10 "a timestamp that nobody refreshed, too"
said 'soon.*: timestamp: [34] days are left' "and said"
said 'next: fleetctl refresh' "with what to do"
ctl doctor --online-days 2
expect 0 "unless fewer are enough"
ctl doctor --prometheus
expect 10 "to Prometheus"
said '^fleet_role_days_left\{role="timestamp"\} [34]$' "the days are told"
said '^fleet_repository_good 1$' "and that it is good"
[ "$(grep -c '^# HELP' "$T/out") $(grep -c '^# TYPE .* gauge$' "$T/out")" = '6 6' ] || fail "each with HELP and TYPE"
grep -vE '^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{role="[A-Za-z0-9._-]+"\})? -?[0-9]+)$' "$T/out" && fail "in its format, line by line"
ok "each with HELP and TYPE, in its format, line by line"
ctl doctor --json
expect 10 "to programs"
said '"state":"soon"' "in one document"
ctl doctor --json --prometheus
expect 2 "not both"

aged 20
ctl doctor
expect 7 "one that has expired is broken"
said 'timestamp: expired on' "and said"
said '^root +1 +34[45] ' "the others are still listed"
ctl doctor --prometheus
said '^fleet_repository_good 0$' "Prometheus hears of it"
said '^fleet_role_days_left\{role="timestamp"\} -[67]$' "with its days"

aged 0
key_new() { (cd "$fleet" && "$fleetctl" key new "$@" --passphrase-fd 3) >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || fail "a key is made"; }
key_new bob --role root
sign
key_new cyd --role root
sign
ctl doctor
said '^3 roots to start from' "each root ever shipped is tried"
rm "$metadata/2.root.json"
ctl doctor
expect 7 "a root that is missing between is broken"
said 'from root 1: 2.root.json is not there, so no host gets to root 3' "though the newest is there"
aged 0
bundle=$(echo "$fleet"/repository/bundles/*.tar.zst)
echo more >>"$bundle"
ctl doctor
expect 7 "a bundle that is not the signed one is broken"
said "bundles/$(basename "$bundle") is not what was signed" "and named"
said 'next: git checkout repository/' "with what to do"
