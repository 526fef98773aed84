#!/usr/bin/env bash
# Bad input gets a sentence with file, line, field and remedy; the repository and hosts.yaml stay as they were, to the byte.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
plan=$fleet/plans/plan-D.yaml
small=$fleet/scripts/small
ctl host add ber-D --plan plan-D --site berlin --address 127.0.0.1 --port 2222 --user fleet
expect 0 "a fleet is made and signed, and has a host"
cp -a "$fleet" "$T/good"

# What must not change: names, kinds, modes and bytes.
kept() { (cd "$fleet" && tar --format=posix --sort=name --mtime=@0 --pax-option=delete=atime,delete=ctime -cf - repository keys.yaml fleet.yaml | sha256sum); }
same() { [ "$(kept)" = "$was" ] || fail "$1: it changed what was signed"; }
was=$(kept)

restore()
{
	rm -rf "${fleet:?}/plans" "${fleet:?}/scripts" "${fleet:?}/hosts.yaml" "${fleet:?}/keys.yaml"
	cp -a "$T/good/plans" "$T/good/scripts" "$T/good/hosts.yaml" "$T/good/keys.yaml" "$fleet/"
}
# refused CODE PATTERN SENTENCE: what was just spoiled is not signed; then all is good again.
refused()
{
	local hosts
	hosts=$(cat "$fleet/hosts.yaml")
	sign
	expect "$1" "$3"
	said "$2" "  with the place and the reason"
	[ "$(cat "$fleet/hosts.yaml")" = "$hosts" ] || fail "$3: it changed hosts.yaml"
	same "$3"
	restore
}

# --- plans ---

sed -i 's/^checks:/cheks:/' "$plan"
refused 2 'plans/plan-D\.yaml:5: unknown field "cheks": did you mean "checks"' "an unknown field is refused, and the nearest is named"
sed -i 's/every: 10s/evry: 10s/' "$plan"
refused 2 'plans/plan-D\.yaml:4: probes\[0\]: unknown field "evry": did you mean "every"' "so is one further in"
sed -i 's/every: 10s/every: soon/' "$plan"
refused 2 'plans/plan-D\.yaml:4: probes\[0\]\.every: expected .*soon' "a wrong type is refused: what was expected, what was found"
sed -i 's/class: local/class: lokal/' "$plan"
refused 2 'plans/plan-D\.yaml:6: checks\[0\]\.class: .*local' "a class that there is not is refused"
sed -i 's/^scripts: .*/scripts: small/' "$plan"
refused 2 'plans/plan-D\.yaml:2: scripts: expected a list' "a text where a list should be is refused"
sed -i 's/^trial:.*/trial: {settle: 20s, deadline: 10s}/' "$plan"
refused 2 'plans/plan-D\.yaml:7: trial: settle must be below deadline' "a trial that could never settle is refused"
sed -i '4p' "$plan"
refused 2 'plans/plan-D\.yaml:5: probes\[1\]\.name: "beat" is there already \(line 4\)' "two probes of one name are refused"
sed -i '1p' "$plan"
refused 2 'plans/plan-D\.yaml:2: .plan. stands here twice, first in line 1' "a field that is there twice is refused"
sed -i 's/^trial:.*/trial: *same/' "$plan"
refused 2 'plans/plan-D\.yaml:7: aliases' "YAML that is clever is refused"
mv "$plan" "$fleet/plans/plan-E.yaml"
refused 2 'plans/plan-E\.yaml:1: plan: plan-D must stand in a file plan-D\.yaml' "a file that is named otherwise than its plan is refused"
sed 's/^plan: .*/plan: snapshot/' "$plan" >"$fleet/plans/snapshot.yaml"
refused 2 'plans/snapshot\.yaml:1: plan: .*snapshot.*role' "a plan named as a role is refused"
sed -i 's/^scripts: .*/scripts: [smal]/' "$plan"
refused 2 'plans/plan-D\.yaml:2: scripts\[0\]: there is no folder scripts/smal' "a scripts folder that is not there is refused"
rm "$small/probes/beat.sh"
refused 2 'plans/plan-D\.yaml:4: probes\[0\]\.run: no file probes/beat\.sh' "a probe whose file is not there is refused"
chmod 0644 "$small/checks/health.sh"
refused 2 'plans/plan-D\.yaml:6: checks\[0\]\.run: checks/health\.sh is not executable.*chmod' "a check that is not executable is refused, with the remedy"

# --- script trees ---

mkfifo "$small/pipe"
refused 2 'scripts/small/pipe: neither file nor folder nor link' "a fifo is refused"
perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) && chdir(shift) && bind(S, sockaddr_un("sock")) or die $!' "$small"
refused 2 'scripts/small/sock: neither' "a socket is refused"
if mknod "$small/null" c 1 3 2>/dev/null; then
	refused 2 'scripts/small/null: neither' "a device is refused"
fi
ln -s /etc/passwd "$small/passwd"
refused 2 'scripts/small/passwd: .*the link is absolute: /etc/passwd' "an absolute link is refused"
ln -s ../../../fleet.yaml "$small/probes/out"
refused 2 'scripts/small/probes/out: .*the link leads outward' "a link that leads outward is refused"
ln -s nowhere "$small/lost"
refused 2 'lost: .*leads nowhere' "a link that leads nowhere is refused"
touch "$small/two words"
refused 2 "path 'two words' may hold only" "a name outside of the alphabet is refused"
chmod 4755 "$small/probes/beat.sh"
refused 2 'scripts/small/probes/beat\.sh: setuid' "a setuid file is refused"
touch "$small/probes/beat.sh~"
refused 2 'scripts/small/probes/beat\.sh~: left behind by a tool.*fleetignore' "what an editor left behind is refused, with the remedy"

# --- hosts ---

sed -n '$p' "$T/good/hosts.yaml" >>"$fleet/hosts.yaml"
refused 2 'hosts\.yaml:[0-9]+: \[1\]\.id: "ber-D" is there already' "a host that is there twice is refused"
sed -i '$s/ber-D/Ber-D/; $p' "$fleet/hosts.yaml" && sed -i '$s/Ber-D/ber-D/' "$fleet/hosts.yaml"
refused 2 'hosts\.yaml:[0-9]+: \[1\]\.id: "ber-D" differs from "Ber-D" only in case' "and one that differs only in case"
sed -i '$s/2222/ssh/' "$fleet/hosts.yaml"
refused 2 'hosts\.yaml:[0-9]+: \[0\]\.port: expected .*ssh' "a wrong type is refused"
sed -i '$s/site:/sit:/' "$fleet/hosts.yaml"
refused 2 'hosts\.yaml:[0-9]+: \[0\]: unknown field "sit": did you mean "site"' "an unknown field is refused"
ctl host add ber-D --plan plan-D --address 127.0.0.1
expect 2 "host add does not add what is there"
said 'host ber-D is in hosts\.yaml already' "  with the reason"
ctl host add tyo-D --plan plan-D --address 127.0.0.1 --label 'rack: {a}=b'
expect 2 "nor what could become YAML of its own"
same "host add"
cmp -s "$fleet/hosts.yaml" "$T/good/hosts.yaml" || fail "hosts.yaml is as it was"
ok "hosts.yaml is as it was"

# --- keys ---

printf '# version 2\n' >>"$small/probes/beat.sh"
passphrase='wrong horse' sign
expect 2 "a wrong passphrase is refused"
said 'key .*: .*passphrase' "  with the key's name"
same "a wrong passphrase"
passphrase='' sign
expect 2 "and an empty one"
same "an empty passphrase"
code=0
(cd "$fleet" && setsid -w "$fleetctl" sign --yes) >"$T/out" 2>"$T/err" </dev/null || code=$?
expect 2 "without a passphrase and without a terminal nothing is signed"
said 'no terminal to ask at.*--passphrase-fd' "  with the remedy"
same "no passphrase"
mv "$XDG_DATA_HOME/fleetctl/keys/fleet/plans.pem" "$T/plans.pem"
sign
expect 7 "without the plan's key nothing is signed"
said 'needs 1 signature.*not here: plans' "  with the name of the key that is not here"
same "a key that is not here"
mv "$T/plans.pem" "$XDG_DATA_HOME/fleetctl/keys/fleet/plans.pem"
git init -q "$T/tree"
ctl key new eve --role plans --plain --keys "$T/tree/secret/keys"
expect 6 "a key in a git work tree is not made"
said 'is in a git work tree' "  with the reason"
[ ! -e "$T/tree/secret" ] || fail "nothing was made there"
same "a key in a work tree"
ctl key new plans --role plans --plain
expect 2 "a key that is there is not made anew"
same "a key of the same name"

mkdir "$T/full" && touch "$T/full/file"
code=0
"$fleetctl" init "$T/full" >"$T/out" 2>"$T/err" || code=$?
expect 2 "a fleet does not begin in a folder that holds something"
said 'full is not empty \("file"\)' "  with what it holds"
[ "$(ls "$T/full")" = file ] || fail "nothing was put there"
ok "nothing was put there"

# --- and what is good is signed ---

sign
expect 0 "what is good is signed after all that"
[ "$(kept)" != "$was" ] || fail "the repository has the new release"
ctl verify
expect 0 "and verifies"
