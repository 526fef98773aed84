#!/usr/bin/env bash
# A stock Debian with systemd as its first process, in namespaces, becomes a host by `host enroll`: said first, done once, and the
# second time nothing is left to do. Then what only a real machine shows: two users, a poll by the timer, a restart in the middle of
# a trial, an upgrade beside one, and what remove and purge leave. About 50 s, and a minute more where the Debian is not made yet.
. "$(dirname "$0")/tower.sh"
. "$here/tests/e2e/web.sh"
. "$here/tests/e2e/agents.sh"
. "$here/tests/machine/machine.sh"
machine_or_skip
tower_begin
trap machine_end EXIT

state() { pi sudo fleet-agent status --json | tr -d ' \n'; }
runs_there() { pi sudo fleet-agent status --json | jq -e ".number == $1" >/dev/null; }
at_step() { state | grep -q "\"step\":\"$1\""; }
at_rest() { ! state | grep -q '"step":"\(fetch\|verify\|unpack\|reread\|swap\|prove\|commit\|rollback\)"'; }
enroll() { ctl host enroll 127.0.0.1 --port "$port" --user pi --identity "$T/pi" --id pi-D --plan plan-D --site here --packages "$T/packages" "$@"; }

# --- the fleet: its check passes as fleet-probe alone, and a trial takes some seconds ---

small_fleet plan-D
cat >"$fleet/scripts/small/checks/health.sh" <<-'SCRIPT'
#!/bin/sh
[ "$(id -un)" = fleet-probe ] && ! touch /var/lib/fleet-agent/forged 2>/dev/null
SCRIPT
sed -i 's/settle: 0s, deadline: 10s/settle: 4s, deadline: 30s/' "$fleet/plans/plan-D.yaml"
web_begin
cat >"$fleet/sources.yaml" <<YAML
sources:
  - {kind: https, url: '$url/fleet/', ca: "$(awk '{ printf "%s\\n", $0 }' "$T/nginx/cert")"}
receipts: {kind: put, url: '$url/receipts/', ca: "$(awk '{ printf "%s\\n", $0 }' "$T/nginx/cert")"}
YAML
printf 'pi-D:%s\n' "$(openssl passwd -apr1 "secret of pi-D")" >>"$T/nginx/logins"
sign
[ "$code" -eq 0 ] || fail 'the release for the machine is signed'
publish # nobody may take anything of it yet
first=2
next_release()
{
	sed -i "s/^# version.*/# version $1/" "$fleet/scripts/small/probes/beat.sh"
	sign
	[ "$code" -eq 0 ] || fail "release $1 is signed"
}

mkdir "$T/packages"
(cd "$build" && cpack -B "$T/made") >"$T/out" 2>&1 || fail 'packages are made'
cp "$T"/made/fleet-agent_*.deb "$T/packages/"
version=$(dpkg-deb -f "$T"/packages/fleet-agent_*.deb Version)
machine_make ''
machine_up

# --- what is refused, and changes nothing ---

face >"$T/before"
enroll </dev/null
expect 2 'without a terminal and a word about the host key nothing is done'
said 'SHA256:' 'the fingerprint is shown'
enroll --host-key "$(cut -d' ' -f1,2 "$T/operator.pub")"
[ "$code" -ne 0 ] || fail 'another host key is refused'
said 'another host key' 'another host key is refused'
enroll --host-key "$key" --packages "$T/nothing"
[ "$code" -ne 0 ] || fail 'a folder without packages is refused'
mkdir "$T/none"
enroll --host-key "$key" --packages "$T/none"
[ "$code" -ne 0 ] || fail 'no package of its architecture is an error'
said 'fleet-agent_VERSION_amd64.deb' 'the package that is missing is named'
mv "$R/etc/sudoers.d/pi" "$T/sudoers"
enroll --host-key "$key"
expect 6 'a user whose sudo asks is refused'
said 'sudo asks for a password' 'and told what to do'
mv "$T/sudoers" "$R/etc/sudoers.d/pi"
enroll --host-key "$key" --dry-run
expect 0 'a dry run says what it would do'
for line in 'sudo -n tee /var/cache/fleet-enroll/fleet-agent.deb' 'apt-get install' 'fleet-agent enrol --id pi-D --plan plan-D --site here' 'systemctl start fleet-agent-apply.socket'; do
	said "$line" "the dry run says: $line"
done
face >"$T/after"
diff "$T/before" "$T/after" >&2 || fail 'the machine was not changed'
! grep -q pi-D "$fleet/hosts.yaml" || fail 'hosts.yaml was not changed'
ok 'neither the machine nor hosts.yaml was changed'

# --- enrolled, once ---

enroll --host-key "$key"
expect 0 'a machine becomes a host'
said 'is a host of the fleet$' 'and is said to be one'
grep -q "pi-D.*plan-D" "$fleet/hosts.yaml" || fail 'it stands in hosts.yaml'
grep -q "host_key.*$(cut -d' ' -f2 <<<"$key")" "$fleet/hosts.yaml" || fail 'its host key is pinned'
grep -q "receipt_key.*$(pi sudo fleet-agent status --json | sed -n 's/.*"receipt_key": *"\([0-9a-f]*\)".*/\1/p')" "$fleet/hosts.yaml" || fail 'its receipt key is pinned'
[ "$(pi "sudo stat -c %U /var/lib/fleet-agent/state /etc/fleet-agent/agent.json" | tr '\n' ' ')" = 'fleet-agent root ' ] || fail 'the state is the agent'"'"'s, the configuration is root'"'"'s'
pi "systemctl is-enabled -q fleet-agent-boot.service && ! systemctl --failed --no-legend | grep fleet" || fail 'no unit of ours failed'
pi "test ! -e /var/cache/fleet-enroll" || fail 'nothing of it is left lying about'
ok 'state, configuration, keys and units are as they should be'
pi sudo systemctl restart fleet-agent-boot.service
pi "sudo journalctl -b -o cat -u fleet-agent-boot" | tail -n 3 | grep -q 'is what was signed' || fail 'a fresh host needs no healing'
ok 'a fresh host needs no healing'

# but for what its own timer may do meanwhile
still() { face | grep -v '^/var/lib/fleet-agent/\(access/[0-9a-f]\|agent.*[.]lock\|ballast\|guard\|progress\|pull\|receipts\|staging\|state\|trust\)'; }
still >"$T/before"
cp "$fleet/hosts.yaml" "$T/hosts.before"
enroll
expect 0 'the second time it is asked by the pinned key, without a question'
said 'nothing was to be changed' 'and nothing is to be done'
still >"$T/after"
diff "$T/before" "$T/after" >&2 || fail 'the second time nothing changes there'
cmp -s "$T/hosts.before" "$fleet/hosts.yaml" || fail 'the second time hosts.yaml stays'
ok 'the second time nothing changed'
ctl host enroll 127.0.0.1 --port "$port" --user pi --identity "$T/pi" --id other --plan plan-D --packages "$T/packages" --yes
[ "$code" -ne 0 ] || fail 'a host does not become another one'
said 'is host pi-D of this fleet already' 'a host does not become another one'

# --- a push: its scripts run as fleet-probe ---

ctl rollout start pi-D --allow-blind --yes
[ "$code" -ne 2 ] || ctl rollout start pi-D --allow-blind
expect 0 'a push commits: its check runs as fleet-probe and cannot write the state'
runs_there $first || fail "it runs release $first"

# --- a poll by the timer, whose plan says every six hours: the first is at boot ---

next_release 3
# what an operator writes: the poll begins at once
install -d "$R/etc/systemd/system/fleet-agent-pull.timer.d"
printf '[Timer]\nOnBootSec=\nOnUnitInactiveSec=\nOnBootSec=1s\nRandomizedDelaySec=0\nAccuracySec=1s\n' >"$R/etc/systemd/system/fleet-agent-pull.timer.d/test.conf"
printf 'pi-D:secret of pi-D\n' | pi "sudo -u fleet-agent sh -c 'mkdir -p /var/lib/fleet-agent/pull && cat >/var/lib/fleet-agent/pull/put-login'"
ctl_sign rollout start pi-D --pull --any-time --allow-blind
expect 0 'a rollout that is pulled is signed'
publish
machine_cut

# --- a start without a network: what brings it up waits, and everything behind it, but for the scripts ---

cat >"$R/etc/systemd/system/no-network.service" <<'UNIT'
[Unit]
Before=network.target
Wants=network.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'until [ -e /run/network-there ]; do sleep 0.1; done'
TimeoutStartSec=infinity
UNIT
ln -s ../no-network.service "$R/etc/systemd/system/multi-user.target.wants/no-network.service"
: >"$T/boot.log"
"$here/tests/machine/boot.sh" "$R" >"$T/boot.log" 2>&1 &
box=$!
inside() { nsenter -t "$(pgrep -P "$box" -x systemd)" --mount --pid --ipc --root --wd "$@" 2>/dev/null; }
until_true 600 inside systemctl is-active -q fleet-agent-probes.service || fail 'without a network the scripts start'
! inside systemctl is-active -q network.target || fail 'without a network the scripts start: there is one'
ok 'without a network the scripts start'
inside touch /run/network-there
until_true 300 answers || fail 'the network comes'
machine_cut
rm "$R/etc/systemd/system/no-network.service" "$R/etc/systemd/system/multi-user.target.wants/no-network.service"

machine_up
until_true 60 runs_there 3 || { pi "sudo journalctl -b -o cat -u fleet-agent-pull -u 'fleet-agent-apply@*'" >"$T/out" || true; fail 'the timer pulls it'; }
until_true 300 at_rest || fail 'its trial ends'
runs_there 3 || fail 'its check holds as fleet-probe'
ok 'a machine that nobody reaches pulls it at boot, by its timer'
settled() { ctl_sign rollout resume; [ "$code" -eq 0 ]; }
until_true 50 settled || { pi "sudo journalctl -b -o cat -u fleet-agent-pull" >>"$T/out" || true; fail 'its receipt comes home, and the rollout is done'; }
ok 'its receipt comes home, and the rollout is done'
if pi "systemctl --failed --no-legend | grep fleet" || pi "sudo journalctl -b -o cat _TRANSPORT=audit | grep 'fleet.*sig=31'"; then
	fail 'no unit of ours failed, and none asked the kernel for what it may not'
fi
[ "$(pi 'for p in $(grep -lsx fleet-agent /proc/[0-9]*/comm); do stat -c %U "${p%/comm}"; done | sort -u')" = fleet-probe ] || fail 'at rest nothing runs but the probe runner, as fleet-probe'
ok 'at rest nothing runs but the probe runner, as fleet-probe'
# the timer's minutes; `systemctl start` waits for the end of each
lines() { pi "sudo journalctl -b -o cat -u fleet-agent-pull.service | wc -l"; }
pi "sudo journalctl --sync"
before=$(lines)
[ "$before" -gt 0 ] || fail 'a poll that was due is in the journal'
for _ in 1 2 3; do pi "sudo systemctl start fleet-agent-pull.service"; done
pi "sudo journalctl --sync"
[ "$(lines)" = "$before" ] || { pi "sudo journalctl -b -o cat -u fleet-agent-pull.service" >"$T/out"; fail 'a poll that is not due leaves no line in the journal'; }
ok 'a poll that is not due leaves no line in the journal'
stamp() { pi "systemctl show $1 -p ExecMainStartTimestampMonotonic --value"; }
say "  from the start of boot to that of the probe runner: $((($(stamp fleet-agent-probes) - $(stamp fleet-agent-boot)) / 1000)) ms"

# --- the power goes in the middle of a trial ---

next_release 4
(cd "$fleet" && "$fleetctl" rollout start pi-D --allow-blind) >"$T/rollout.log" 2>&1 </dev/null &
rollout=$!
until_true 200 at_step prove || fail 'the trial is under way'
machine_cut
machine_up
wait "$rollout" || true
until_true 300 at_rest || fail 'the trial is settled after the restart'
runs_there 4 || runs_there 3 || fail 'a whole release runs'
pi "sudo fleet-agent verify" >"$T/out" 2>"$T/err" || fail 'what runs is what was signed'
pi "systemctl is-active -q fleet-agent-probes.service fleet-agent-pull.timer" || fail 'the units are back by themselves'
ok 'a trial that a power cut interrupted is settled by the machine alone'

# --- another agent: units start it through the launcher, and the hand-over is a unit ---

agent_there() { state | grep -q "\"agent\":\"$1\","; }
agent_build next 98.0.0
sign
ctl agent push pi-D
expect 0 'a host takes another agent'
agent_there 98.0.0 || fail 'which runs there'
state | grep -q '"self":true.*"verdict":"pass"' || fail 'and wrote its receipt'
ok 'which runs there, and wrote its receipt'
agent_build broken 99.0.0
sign
ctl agent push pi-D
expect 9 'one that dies at its start goes back'
agent_there 98.0.0 || fail 'the one before runs'
at_rest || fail 'nothing is on trial'
ok 'the one before runs, and nothing is on trial'
pi "systemctl --failed --no-legend | grep -v fleet-agent-apply@ | grep fleet" && fail 'no other unit of ours failed'

# --- an upgrade beside a trial ---

dpkg-deb -R "$T"/packages/fleet-agent_*.deb "$T/newer"
sed -i "s/^Version:.*/Version: $version.1/" "$T/newer/DEBIAN/control"
dpkg-deb --root-owner-group -b "$T/newer" "$T/packages/fleet-agent_$version.1_amd64.deb" >/dev/null
next_release 5
(cd "$fleet" && "$fleetctl" rollout start pi-D --allow-blind) >"$T/rollout.log" 2>&1 </dev/null &
rollout=$!
until_true 200 at_step prove || fail 'the next trial is under way'
applies() { pi "systemctl list-units --no-legend --plain 'fleet-agent-apply@*' | cut -d' ' -f1 | while read -r u; do systemctl show -p MainPID --value \$u; done"; }
pid=$(applies)
[ -n "$pid" ] || fail 'apply runs'
enroll
expect 0 'host enroll upgrades the package'
[ "$(pi "dpkg-query -W -f '\${Version}' fleet-agent")" = "$version.1" ] || fail 'the newer package is installed'
code=0
wait "$rollout" || code=$?
cp "$T/rollout.log" "$T/out"
expect 0 'an upgrade beside a trial does not end it'
runs_there 5 || fail 'it runs release 5'
! pi "sudo journalctl -b -o cat" | grep -E 'apply@.*(signal|SIGTERM)' || fail "apply ($pid) was not killed"
[ "$(pi "sudo cat /etc/fleet-agent/agent.json | tr -d ' \n'" | grep -c '"id":"pi-D"')" = 1 ] || fail 'the host is the same'
ok 'after an upgrade it is the same host'

# --- gone again ---

pi "sudo dpkg --remove fleet-agent" >"$T/out" 2>&1 || fail 'the package is removed'
pi "! systemctl list-units --no-legend 'fleet-agent*' | grep -E 'running|waiting|listening'" || fail 'nothing of it runs'
pi "sudo test -e /var/lib/fleet-agent/current/manifest.json -a -e /etc/fleet-agent/agent.json" || fail 'remove leaves what the host is'
enroll
expect 0 'a package that was removed is brought back, and the host is the same'
runs_there 5 || fail 'it runs release 5 still'
pi "sudo mount --bind /var/lib/fleet-agent /var/lib/fleet-agent" # as one does whose state is a disk of its own
pi "sudo dpkg --purge fleet-agent" >"$T/out" 2>&1 || fail 'the package is purged'
grep -q '/var/lib/fleet-agent stays: is it a mount point' "$T/out" || fail 'a disk of its own is emptied, and said to stay'
ok 'a disk of its own is emptied, and said to stay'
pi "sudo umount /var/lib/fleet-agent && sudo rmdir /var/lib/fleet-agent" || fail 'it is empty'
drop_in=/etc/systemd/system/fleet-agent-pull.timer.d
pi "grep -q OnBootSec=1s $drop_in/test.conf" || fail 'what an operator wrote stays'
ok 'what an operator wrote stays'
left=$(pi "sudo find / -xdev -name '*fleet*' ! -path '/proc/*' ! -path '/var/log/*' ! -path '/var/lib/systemd/*' ! -path '$drop_in' 2>/dev/null" || true)
[ -z "$left" ] || fail "purge leaves nothing: $left"
pi "getent passwd fleet-agent fleet-probe >/dev/null && sudo sshd -t" || fail 'the users stay, and sshd is well'
ok 'purge leaves nothing but the users'
last=$box
machine_cut
swept() { [ -z "$(find /sys/fs/cgroup -maxdepth 2 -name "machine.$last")" ]; }
until_true 100 swept || fail "the machine leaves no cgroup behind"
