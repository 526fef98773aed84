#!/usr/bin/env bash
# Hosts can write where their receipts go: doctor, and publish with it, refuse that as a place that hosts fetch from, by whatever
# spelling; places that only look alike are let alone.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
cp "$fleet/fleet.yaml" "$T/fleet.yaml"
mkdir -p "$T/published" "$T/elsewhere"
ln -s published "$T/link"
git init -q --bare "$T/hub.git"
key="host_keys: ['$(cut -d' ' -f1,2 "$T/operator.pub")']"

# places PUBLISH RECEIPTS: what fleet.yaml says of both
places()
{
	cp "$T/fleet.yaml" "$fleet/fleet.yaml"
	printf 'publish:\n  - %s\nreceipts: %s\n' "$1" "$2" >>"$fleet/fleet.yaml"
}
one() # SENTENCE
{
	ctl doctor
	expect 7 "$1"
	said 'receipts of .* and (publish\[x\]|sources\[0\]|the signed repository) .* are one place: .*give receipts a place of their own' "which doctor says"
}
two() # SENTENCE
{
	ctl doctor
	expect 0 "$1"
}

places "{name: x, kind: folder, path: $T/published}" "$T/published"
one "one folder"
ctl publish
expect 6 "publish refuses it too"
said 'not published: .*are one place' "and says why"
[ -z "$(ls -A "$T/published")" ] || fail "nothing is published"
ok "nothing is published"
places "{name: x, kind: folder, path: $T/published}" "$T/link/../link/receipts"
one "a folder in it, by a link and not made yet"
places "{name: x, kind: folder, path: $T/published/fleet}" "{kind: folder, path: $T/link}"
one "a folder around it"
places "{name: x, kind: git, url: 'file://$T/hub.git'}" "{kind: git, url: 'file://$T//hub'}"
one "one repository on a disk"
places "{name: x, kind: git, url: 'ssh://git@Git.Example:22/fleet.git', $key}" "{kind: git, url: 'ssh://other@git.example/fleet/', $key}"
one "one repository of a server"
places "{name: x, kind: git, url: 'https://git.example/fleet'}" "{kind: git, url: 'ssh://git@git.example/fleet.git', $key}"
one "by another way"
places "{name: x, kind: folder, path: $T/published}" repository/receipts
one "the signed repository itself"

places "{name: x, kind: folder, path: $T/published}" "$T/published-receipts"
two "a folder beside it is another place"
places "{name: x, kind: git, url: 'ssh://git@git.example/fleet.git', $key}" "{kind: git, url: 'ssh://git@git.example/receipts.git', $key}"
two "another repository of the server"
places "{name: x, kind: git, url: 'ssh://git@git.example/fleet.git', $key}" "{kind: git, url: 'ssh://git@git.example:2222/fleet.git', $key}"
two "another port"

# --- and what hosts are told ---

sources() { printf 'sources:\n  - {kind: %s, url: "%s"}\nreceipts: {kind: put, url: "%s"}\n' "$1" "$2" "$3" >"$fleet/sources.yaml"; }
places "{name: x, kind: folder, path: $T/published}" "$T/elsewhere"
sources https https://cdn.example/fleet/ https://dav.example/receipts/
two "sources.yaml with a place for each"
sources https https://cdn.example/fleet/ https://CDN.example:443/fleet/../fleet/receipts
ctl doctor
expect 7 "sources.yaml with one for both"
said 'sources.yaml:[0-9]+: receipts: .* lies where sources\[0\] is' "is told with its line"
sources folder "$T/elsewhere/stick" https://dav.example/receipts/
one "where receipts come home, hosts fetch"
sign
sources https https://cdn.example/fleet/ https://dav.example/receipts/
one "the list that hosts obey until another is signed"
said 'sources\[0\] of the list that is signed' "which is named"
sign
two "once it is signed, the other list counts"
rm "$fleet/sources.yaml"
places "{name: x, kind: folder, path: $T/published}" '{kind: git, url: "https://git.example/x"}'
ctl doctor
expect 2 "an address that receipts cannot be read from"
said 'fleet.yaml:[0-9]+: receipts: url: expected ssh://' "is told with its line"
places "{name: x, kind: folder, path: $T/published}" '{kind: git, url: "ssh://git@git.example/x"}'
ctl doctor
expect 2 "a server without a pinned key"
said 'receipts: host_keys' "is refused"
