#!/usr/bin/env bash
# Receipts by git over ssh, to a repository beside the published one: each host writes a branch of its own and nothing else, whatever
# it has lost; stages follow from what came home; what a thief puts there, of whichever place, moves nothing.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/git.sh"

tower_begin
small_fleet plan-D
sed -i '/^\[\]$/d' "$fleet/hosts.yaml"
git_host_up

# --- the server, as fleet-agent(8) says ---

home=$T/git/receipts.git
git init -q --bare "$home"
git -C "$home" config receive.hideRefs refs
git -C "$home" config receive.denyDeletes true
git -C "$home" config receive.denyNonFastForwards true
git -C "$home" config receive.fsckObjects true
git -C "$home" config receive.maxInputSize 1m
git -C "$home" config receive.unpackLimit 1 # so that each delivery is a pack: its bytes are counted below
ssh-keygen -q -t ed25519 -N '' -f "$T/reader"
printf 'restrict,command="git upload-pack %s" %s\n' "$home" "$(cat "$T/reader.pub")" >>"$T/hosts/git/authorized"
home_url=ssh://$me@127.0.0.1:$git_port$home
cat >>"$fleet/fleet.yaml" <<YAML
publish:
  - {name: hub, kind: git, url: '$git_url', identity: $T/operator, host_keys: ['$git_pin']}
receipts: {kind: git, url: '$home_url', identity: $T/reader, host_keys: ['$git_pin']}
YAML
printf '{"format": 1, "sources": [{"kind": "git", "url": "%s", "host_keys": ["%s"]}], "receipts": {"kind": "git", "url": "%s", "host_keys": ["%s"]}}\n' \
	"$git_url" "$git_pin" "$home_url" "$git_pin" >"$T/sources.json"
for host in ber-D tyo-D; do
	puller "$host" plan-D "site-$host"
	state=$T/hosts/$host/state/pull
	install -m 0600 "$T/operator" "$state/git-key"
	ssh-keygen -y -f "$state/push-key" >"$state/push-key.pub" # the one of its enrolment
	printf 'restrict,command="git -c receive.hideRefs='"'!refs/heads/receipts/%s'"' receive-pack %s" %s\n' \
		"$host" "$home" "$(cat "$state/push-key.pub")" >>"$T/hosts/git/authorized"
done
branch() { echo "refs/heads/receipts/$1"; }
tip() { git -C "$home" rev-parse -q --verify "$(branch "$1")" || true; }

ctl doctor
expect 0 "two repositories on one server are two places"

# --- stage by stage ---

ctl_sign rollout start all --pull --any-time
expect 0 "the first stage is signed"
said 'hub: .* is now at' "and published"
ctl_sign rollout resume
expect 4 "nothing has come home"
for host in ber-D tyo-D; do
	pull "$host" --now
	expect 0 "$host asks"
done
first=ber-D second=tyo-D
[ "$(host_runs ber-D)" -eq 1 ] || { first=tyo-D second=ber-D; }
runs "$first" 1
runs "$second" 0
[ -z "$(sed -n '/did not come home/p' "$T/err")" ] || fail "its receipts came home"
[ "$(git -C "$home" show "$(branch "$first"):2.json")" = "$(cat "$T/hosts/$first/state/receipts/2.json")" ] || fail "the branch has what the host wrote"
ok "the branch has what the host wrote"
[ ! -e "$T/hosts/$first/state/pull/post/scratch.git" ] || fail "and nothing of it stays on the card"
ok "and nothing of it stays on the card"
ctl_sign rollout resume
expect 4 "the receipt that came home opens the next stage"
said 'stage 2 of 2, 2 of 2 hosts' "which it says"
pull "$second" --now
runs "$second" 1
ctl_sign rollout resume
expect 0 "all committed: it is done"

# --- what one delivery costs ---

pack() { find "$home/objects/pack" -name '*.pack' -newer "$1" -printf '%s\n' | sort -n | tail -n 1; }
small_change 2
sign
touch -d '1 second ago' "$T/then"
ctl_sign rollout start all --pull --any-time
expect 0 "another release"
pull ber-D --now
pull tyo-D --now
first=ber-D second=tyo-D
[ "$(host_runs ber-D)" -eq 2 ] || { first=tyo-D second=ber-D; }
runs "$first" 2
n=$(basename "$(find "$T/hosts/$first/state/receipts" -name '*.json' | sort -V | tail -n 1)" .json)
cost=$(pack "$T/then")
bare=$(perl -MCompress::Zlib -0777 -ne 'print length compress($_)' "$T/hosts/$first/state/receipts/$n.json" 2>/dev/null || stat -c %s "$T/hosts/$first/state/receipts/$n.json")
say "a receipt of $(stat -c %s "$T/hosts/$first/state/receipts/$n.json") bytes ($bare packed) went in a pack of $cost"
[ $((cost - bare)) -lt 300 ] || fail "a delivery is the receipt and less than 300 bytes: $cost for $bare"
ok "a delivery is the receipt and less than 300 bytes"

# --- who has lost what it sent goes on; two at once ---

declare -A before
for host in ber-D tyo-D; do
	rm -f "$T/hosts/$host/state/pull.json"
	before[$host]=$(tip "$host")
done
"$agent" pull --now --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>"$T/err" &
one=$!
"$agent" pull --now --config-dir "$T/hosts/tyo-D/etc" >"$T/out2" 2>"$T/err2" &
wait "$one"
wait $!
! grep 'did not come home' "$T/err" "$T/err2" || fail "two at once do not meet"
for host in ber-D tyo-D; do
	[ "$(git -C "$home" rev-parse "$(branch "$host")~1")" = "${before[$host]}" ] || fail "$host goes on behind what the server has"
done
ok "hosts that lost their memory bring all again, at once, each behind what the server has"
ctl_sign rollout resume
said 'stage 2 of 2' "and what came twice is believed as once"

# --- one host's key ---

git clone -q "$home" "$T/clone" 2>"$T/err"
git -C "$T/clone" fetch -q origin 'refs/heads/*:refs/remotes/origin/*'
git -C "$T/clone" -c user.name=t -c user.email=t commit -q --allow-empty -m theft 2>/dev/null
as()
{
	local key=$T/hosts/$1/state/pull/push-key
	shift
	code=0
	GIT_SSH_COMMAND="ssh -F none -i $key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR" \
		git -C "$T/clone" "$@" >"$T/out" 2>"$T/err" </dev/null || code=$?
}
# kept_out SENTENCE: the last one was refused, and every branch is where it was
kept_out()
{
	[ "$code" -ne 0 ] || fail "$1"
	[ "$(git -C "$home" for-each-ref)" = "$all" ] || fail "$1: $(git -C "$home" for-each-ref)"
	ok "$1"
}
all=$(git -C "$home" for-each-ref)
as ber-D push "$home_url" HEAD:refs/heads/receipts/tyo-D
kept_out "a host's key does not write another's branch"
as ber-D push --force "$home_url" HEAD:refs/heads/receipts/tyo-D
kept_out "not by force"
as ber-D push "$home_url" :refs/heads/receipts/tyo-D
kept_out "nor delete it"
as ber-D push "$home_url" :refs/heads/receipts/ber-D
kept_out "nor its own"
as ber-D push --force "$home_url" HEAD:refs/heads/receipts/ber-D
kept_out "nor write its own anew"
as ber-D push "$home_url" HEAD:refs/heads/main
kept_out "nor any other branch"
as ber-D push "$home_url" HEAD:refs/tags/x
kept_out "nor a tag"
as ber-D ls-remote "$home_url"
[ "$code" -ne 0 ] || ! grep -q tyo-D "$T/out" || fail "nor does it see the others"
ok "nor does it see the others"
as ber-D push "$git_url" HEAD:refs/heads/main
[ "$code" -ne 0 ] || fail "nor does it reach what is published"
ok "nor does it reach what is published"
as ber-D push "$home_url" origin/receipts/ber-D:refs/heads/receipts/ber-D
[ "$code" -eq 0 ] || fail "its own it may"
ok "its own it may write"

# --- a server that writes what it likes ---

pull "$second" --now
ctl_sign rollout resume
expect 0 "the second release is done"
small_change 3
sign
ctl_sign rollout start all --pull --any-time
expect 0 "a third one"
id=$(sed -n 's/^rollout \([^:]*\):.*/\1/p' "$T/out")
hub=$(git -C "$git_bare" rev-parse main)
export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x
# lay HOST N FILE: as the next commit of that branch
lay()
{
	local tree commit
	tree=$(printf '100644 blob %s\t%s.json\n' "$(git -C "$home" hash-object -w "$3")" "$2" | git -C "$home" mktree)
	commit=$(git -C "$home" commit-tree -p "$(tip "$1")" -m x "$tree")
	git -C "$home" update-ref "$(branch "$1")" "$commit"
}
# seal KEY: $T/statement, signed by it, in $T/forged
seal()
{
	{
		cat "$T/statement"
		echo
		openssl pkeyutl -sign -rawin -inkey "$1" -in "$T/statement" | od -An -v -tx1 | tr -d ' \n'
		echo
	} >"$T/forged"
}
last() { basename "$(find "$T/hosts/$1/state/receipts" -name '*.json' | sort -V | tail -n 1)" .json; }
# not_believed PATTERN SENTENCE: what lies on both branches moves nothing, and is named; then it is gone
not_believed()
{
	ctl_sign rollout resume
	expect 4 "$2: the stage stays"
	said "$1" "and it is said why"
	[ "$(git -C "$git_bare" rev-parse main)" = "$hub" ] || fail "$2: nothing is signed"
	for host in ber-D tyo-D; do
		git -C "$home" update-ref "$(branch "$host")" "$(tip_of "$host")"
	done
}
declare -A tips
for host in ber-D tyo-D; do tips[$host]=$(tip "$host"); done
tip_of() { echo "${tips[$1]}"; }

for host in ber-D tyo-D; do # it cannot know who is first
	n=$(last "$host")
	sed "s/\"rollout\": *\"[^\"]*\"/\"rollout\":\"$id\"/; s/\"number\": *$n,/\"number\":$((n + 1)),/" "$T/hosts/$host/state/receipts/$n.json" >"$T/forged"
	lay "$host" $((n + 1)) "$T/forged"
done
not_believed 'not believed: receipt [0-9]+' "a receipt that says so, and is not signed"

lay ber-D $(($(last ber-D) + 1)) "$T/hosts/tyo-D/state/receipts/$(last tyo-D).json"
lay tyo-D $(($(last tyo-D) + 1)) "$T/hosts/ber-D/state/receipts/$(last ber-D).json"
not_believed 'not believed: signed by another key' "another host's receipt"

for host in ber-D tyo-D; do
	openssl genpkey -algorithm ed25519 -out "$T/thief.pem" 2>/dev/null
	n=$(last "$host")
	head -n 1 "$T/hosts/$host/state/receipts/$n.json" | tr -d '\n' |
		sed "s/\"rollout\": *\"[^\"]*\"/\"rollout\":\"$id\"/; s/\"number\": *$n,/\"number\":$((n + 1)),/; s/\"key\": *\"[0-9a-f]*\"/\"key\":\"$(openssl pkey -in "$T/thief.pem" -pubout -outform DER | tail -c 32 | od -An -v -tx1 | tr -d ' \n')\"/" >"$T/statement"
	seal "$T/thief.pem"
	lay "$host" $((n + 1)) "$T/forged"
done
not_believed 'not believed: signed by another key' "a receipt that a thief signed"

for host in ber-D tyo-D; do
	head -c 200000 /dev/zero >"$T/forged"
	lay "$host" 99 "$T/forged"
done
not_believed 'not believed' "bytes without end"

for host in ber-D tyo-D; do # one who copied the card writes another past
	n=$(last "$host")
	head -n 1 "$T/hosts/$host/state/receipts/$n.json" | tr -d '\n' | sed 's/"time": *[0-9]*/"time":77777/' >"$T/statement"
	seal "$T/hosts/$host/state/receipts/key"
	lay "$host" "$n" "$T/forged"
done
not_believed 'not believed: receipt [0-9]+ was .* and is now .*two hosts write with one key' "one number, two receipts"

# --- and the true ones count ---

pull ber-D --now
pull tyo-D --now
ctl_sign rollout resume
said 'stage 2 of 2' "what the hosts signed themselves opens the next stage"
pull ber-D --now
pull tyo-D --now
runs ber-D 3
runs tyo-D 3
ctl_sign rollout resume
expect 0 "and it is done"

# --- what went away is missed, once ---

for host in ber-D tyo-D; do
	"$agent" rollback --config-dir "$T/hosts/$host/etc" >"$T/out" 2>"$T/err" || fail "$host goes back by hand"
	pull "$host" --now
	git -C "$home" cat-file -e "$(branch "$host"):$(last "$host").json" || fail "its receipt came home"
	git -C "$home" update-ref -d "$(branch "$host")" # before anybody has looked
done
small_change 4
sign
ctl_sign rollout start all --pull --any-time
pull ber-D --now
pull tyo-D --now
hub=$(git -C "$git_bare" rev-parse main)
ctl_sign rollout resume
expect 4 "where one is missing, the stage stays"
said 'not believed: receipts ([0-9]+) to \1 are missing' "and it is said which"
[ "$(git -C "$git_bare" rev-parse main)" = "$hub" ] || fail "nothing is signed"
ctl_sign rollout resume
said 'stage 2 of 2' "who knows that, goes on"
pull ber-D --now
pull tyo-D --now
ctl_sign rollout resume
ctl_sign rollout resume
expect 0 "and who found no branch has begun one"
runs ber-D 4
runs tyo-D 4
git -C "$home" fsck --strict --no-dangling >"$T/out" 2>&1 || fail "the repository is whole"
! grep -qE 'error|missing' "$T/out" || fail "the repository is whole"
ok "the repository is whole"
