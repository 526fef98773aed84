#!/usr/bin/env bash
# `host enroll` by each way in: root, a user whose sudo asks, a key that only an ssh-agent has; without a network there; and
# what a machine may lack, each refused with a reason and nothing changed. About 30 s.
. "$(dirname "$0")/tower.sh"
. "$here/tests/machine/machine.sh"
machine_or_skip
tower_begin
trap machine_end EXIT

small_fleet plan-D
# where it would fetch from by git: nobody answers there, and its keys are made all the same
git_pin=$(cut -d' ' -f1,2 "$T/operator.pub")
cat >"$fleet/sources.yaml" <<YAML
sources:
  - {kind: git, url: 'ssh://git@127.0.0.1:9/srv/fleet.git', host_keys: ['$git_pin']}
receipts: {kind: git, url: 'ssh://git@127.0.0.1:9/srv/receipts.git', host_keys: ['$git_pin']}
YAML
sign
[ "$code" -eq 0 ] || fail 'sources are signed'
mkdir "$T/packages" "$T/needy"
(cd "$build" && cpack -B "$T/made") >"$T/out" 2>&1 || fail 'packages are made'
cp "$T"/made/fleet-agent_*.deb "$T/packages/"
machine_make ''
# no mirror answers it: what it gets, fleetctl brings
echo 'Acquire::http::Proxy "http://127.0.0.1:9";' >"$R/etc/apt/apt.conf.d/99offline"
echo 'pi:open sesame' | chroot "$R" chpasswd
install -d -m 0700 "$R/root/.ssh"
install -m 0600 "$T/pi.pub" "$R/root/.ssh/authorized_keys"
install -d -m 0755 "$R/usr/local/bin"
machine_up
cp "$fleet/hosts.yaml" "$T/hosts.none"

enroll() { ctl host enroll 127.0.0.1 --port "$port" --id pi-D --plan plan-D --packages "$T/packages" --host-key "$key" "$@"; }
as_pi() { enroll --user pi --identity "$T/pi" "$@"; }
# with the password on a descriptor
asked()
{
	code=0
	(cd "$fleet" && "$fleetctl" host enroll 127.0.0.1 --port "$port" --id pi-D --plan plan-D --packages "$T/packages" --host-key "$key" \
		--user pi --identity "$T/pi" --passphrase-fd 3 "${@:2}") >"$T/out" 2>"$T/err" 3<<<"$1" </dev/null || code=$?
}
is_host() { pi "sudo cat /etc/fleet-agent/agent.json" 2>/dev/null | tr -d ' \n' | grep -q '"id":"pi-D"'; }
stock_again()
{
	pi "sudo dpkg --purge fleet-agent" >"$T/out" 2>&1 || fail 'it is stock again'
	cp "$T/hosts.none" "$fleet/hosts.yaml"
}
# pretend PROGRAM COMMAND: what that program says there to who logs in
pretend() { printf '#!/bin/sh\n%s\n' "$2" | pi "sudo tee /usr/local/bin/$1 >/dev/null && sudo chmod 755 /usr/local/bin/$1"; }
honest() { pi "sudo rm /usr/local/bin/$1"; }
# refused CODE PATTERN SENTENCE: by the last one, and nothing was changed
refused()
{
	expect "$1" "$3"
	said "$2" '  and told why'
	face >"$T/after"
	diff "$T/before" "$T/after" >&2 || fail "$3: the machine was not changed"
	cmp -s "$T/hosts.none" "$fleet/hosts.yaml" || fail "$3: hosts.yaml was not changed"
}

# --- what is refused ---

ctl host enroll 127.0.0.1 --port "$(free_port)" --id pi-D --plan plan-D --packages "$T/packages" --yes
expect 4 'where nobody answers is unreachable'
if [ "$(grep -o '127\.0\.0\.1' "$T/err" | wc -l)" -ne 1 ] || ! grep -q '127\.0\.0\.1 port [0-9]*: ' "$T/err"; then
	fail 'the address is said once, with its port'
fi
ok 'the address is said once, with its port'
face >"$T/before"
pretend dpkg 'echo riscv64'
enroll --user pi --identity "$T/pi"
honest dpkg
refused 6 'riscv64.*amd64, arm64 and armhf' 'an architecture without a package is refused'
pretend uname 'echo armv6l'
as_pi
honest uname
refused 6 'armv6l.*Pi 1' 'a processor that is too old is refused'
pi "sudo sh -c 'mount -t tmpfs -o size=90m tmpfs /mnt && cp -a /var/. /mnt/ && mount --bind /mnt /var && fallocate -l \$((\$(df -Pk /var | awk \"END {print \\\$4}\") - 9000))k /var/fill'"
as_pi
pi "sudo sh -c 'umount /var && umount /mnt'"
refused 6 '8 MiB free in /var; 48 MiB are needed' 'a disk that is full is refused'
pi "sudo mount -t tmpfs -o size=64k tmpfs /var/cache"
as_pi
pi "sudo umount /var/cache"
refused 3 'its disk is full' 'a disk that runs full on the way is named'

dpkg-deb -R "$T"/packages/fleet-agent_*.deb "$T/needy.tree"
sed -i 's/^Depends: /Depends: fleet-absent (>= 2), fleet-lost, /' "$T/needy.tree/DEBIAN/control"
dpkg-deb --root-owner-group -b "$T/needy.tree" "$T/needy/$(basename "$T"/packages/*.deb)" >/dev/null
as_pi --packages "$T/needy"
pi "sudo rm -rf /var/cache/fleet-enroll /var/cache/apt/*.bin /var/lib/apt/lists/partial"
expect 3 'what a package depends on must be there'
said 'It lacks: fleet-absent \(>= 2\), fleet-lost' 'what the agent depends on and is not to be had is named'
said 'let it reach its mirror' 'and the way out'
! pi "dpkg-query -W fleet-agent" >/dev/null 2>&1 || fail 'nothing half installed is left'

# --- a user whose sudo asks ---

pi "echo 'pi ALL=(ALL) ALL' | sudo tee /etc/sudoers.d/pi >/dev/null"
asked 'open door'
expect 2 'a password that is wrong is refused'
said 'sudo does not take that password' 'and called so'
asked 'open sesame' --dry-run
expect 0 'with the right one there is a dry run'
said '^sudo tee /var/cache/fleet-enroll/fleet-agent.deb' 'which says what a person would type'
sed -n "/^env LC_ALL=C sh -s <<'LOOK'\$/,/^LOOK\$/p" "$T/out" | sed '1d;$d' >"$T/look"
grep -q '^echo arch' "$T/look" || fail 'the script that it looked with, too'
sh -n "$T/look" || fail 'the script that it looked with, too'
ok 'the script that it looked with, too'
said "^ssh -p $port fleet-agent@127.0.0.1" 'and the last greeting'
asked 'open sesame'
expect 0 'and it becomes a host'
asked 'open sesame'
expect 0 'once'
said 'nothing was to be changed' 'the second time nothing is to be done'
echo 'pi ALL=(ALL) NOPASSWD: ALL' >"$R/etc/sudoers.d/pi"
is_host || fail 'it is that host'
pi "sudo dpkg --verify fleet-agent" >"$T/out" || fail 'what was installed is what was sent'
[ ! -s "$T/out" ] || fail 'what was installed is what was sent'
! pi "sudo journalctl -b -o cat; sudo grep -rs sesame /var/cache /var/lib /etc --exclude=shadow*" | grep -q sesame || fail 'the password is written nowhere'
ok 'the password is written nowhere'
stock_again

# --- a key that only an ssh-agent has; the dry run says what is done ---

eval "$(ssh-agent -a "$T/agent.sock")" >/dev/null
pids+=("$SSH_AGENT_PID")
as_agent() { enroll --user pi "$@"; }
as_agent
expect 4 'an agent without a key lets nobody in'
ssh-add -q "$T/pi"
as_agent --dry-run --json
expect 0 'a key of the agent does'
jq -e '.host == "pi-D" and .changed == false and ([.steps[].state] | index("to do") != null)' "$T/out" >/dev/null || fail 'a dry run speaks JSON'
jq -r '.steps[].commands[]' "$T/out" | sed -n 's/^sudo -n \([a-z-]*\) \([^ ]*\).*/\1 \2/p' >"$T/promised"
before=$(pi "date +%s")
sleep 1 # the journal is asked by the second
as_agent --json
expect 0 'it becomes a host'
cp "$T/out" "$T/enrolled"
jq -e '.changed and ([.steps[].state] | unique == ["done"]) and (.hosts | length) == 1' "$T/out" >/dev/null || fail 'and that is said in JSON'
pi "sudo journalctl -b -o cat --since @$before _COMM=sudo" | sed -n 's/.*COMMAND=\(.*\)/\1/p' | sed -n 's/^[a-z/]*\/\([a-z-]*\) \([^ ]*\).*/\1 \2/p' |
	grep -vxE 'journalctl .*|sshd -T' >"$T/done"
diff "$T/promised" "$T/done" >&2 || fail 'what was done there is what the dry run said'
ok 'what was done there is what the dry run said'
for kind in git push; do
	pi sudo fleet-agent status --json | jq -er ".${kind}_key" >"$T/$kind.key" || fail "it has made its $kind key"
done
[ "$(jq -r '.authorized_keys[] | "\(.server) \(.to) \(.line)"' "$T/enrolled")" = "git@127.0.0.1:9 fetch restrict,command=\"git upload-pack /srv/fleet.git\" $(cat "$T/git.key") pi-D
git@127.0.0.1:9 bring receipts restrict,command=\"git -c receive.hideRefs='!refs/heads/receipts/pi-D' receive-pack /srv/receipts.git\" $(cat "$T/push.key") pi-D" ] ||
	fail 'what the git servers must know is in the JSON'
ok 'what the git servers must know is in the JSON'
stock_again
kill "$SSH_AGENT_PID"
unset SSH_AUTH_SOCK

# --- root; interrupted half way ---

cat >"$R/usr/local/bin/hold" <<'PERL'
#!/usr/bin/perl
# as another dpkg that is at work
use Fcntl;
open my $lock, '>>', '/var/lib/dpkg/lock-frontend' or die;
my $whole = pack('s s x![q] q q i x![q]', F_WRLCK, 0, 0, 0, 0);
fcntl($lock, F_SETLK, $whole) or die;
open my $up, '>', '/run/held' or die;
sleep 1 while -e '/run/held';
PERL
chmod 755 "$R/usr/local/bin/hold"
pi "sudo systemd-run -q --unit=held /usr/local/bin/hold"
until_true 100 pi test -e /run/held || fail 'another dpkg is at work'
(cd "$fleet" && exec "$fleetctl" host enroll 127.0.0.1 --port "$port" --id pi-D --plan plan-D --packages "$T/packages" --host-key "$key" --user root \
	--identity "$T/pi") >"$T/out" 2>"$T/err" </dev/null &
half=$!
waits() { pi "grep -qsx apt-get /proc/[0-9]*/comm"; }
until_true 200 waits || fail 'it is half way'
kill -INT "$half"
code=0
wait "$half" || code=$?
expect 130 'it is interrupted half way'
cmp -s "$T/hosts.none" "$fleet/hosts.yaml" || fail 'which made no host'
pi "sudo rm /run/held"
enroll --user root --identity "$T/pi"
expect 0 'the next time it goes on, as root'
is_host || fail 'it is that host'
ctl status pi-D --json
expect 0 'and rollouts reach it'

# --- it is no longer who it was ---

pi "sudo sh -c 'rm /etc/ssh/ssh_host_ed25519_key* && ssh-keygen -q -t ed25519 -N \"\" -f /etc/ssh/ssh_host_ed25519_key && systemctl restart ssh'"
until_true 100 answers || fail 'its sshd is back'
ctl host enroll 127.0.0.1 --port "$port" --id pi-D --plan plan-D --packages "$T/packages" --user root --identity "$T/pi" --yes
expect 7 'another host key than the pinned one is refused, whatever is said'
said 'shows another host key than the one expected' '  and told why'

# --- a root file system that takes nothing, and one that forgets ---

machine_cut
cp "$T/hosts.none" "$fleet/hosts.yaml"
machine_up ro
face >"$T/before"
as_pi
refused 6 'read-only.*remount,rw' 'a root file system that is read-only is refused'
machine_cut
machine_make -overlay
machine_up
face >"$T/before"
as_pi
refused 6 'overlay.*raspi-config' 'an overlay is refused'
