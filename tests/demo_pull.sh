# shellcheck shell=bash disable=SC2154
# The second part of the demo, in the same tower: the hosts pull. Those in Berlin from a git repository behind a real sshd, those
# in Tokyo from nginx over TLS. They keep their own sshd: over it they are told once where to fetch from, and looked at in the
# end. Sourced by demo.sh.

berlin='ber-D ber-01s ber-X3'
tokyo='tyo-D tyo-01s tyo-X3'

# poll HOSTS: what their timers would do, at once, by the launcher; how each poll ended.
poll()
{
	local h waits=()
	printf '\n$ fleet-agent pull --now    (on %s)\n' "$1"
	for h in $1; do
		launched_as "$h" pull --now --config-dir "$T/hosts/$h/etc" >"$T/poll.$h" 2>&1 </dev/null &
		waits+=($!)
	done
	wait "${waits[@]}" || true # what came of it is read from the hosts
	for h in $1; do
		sed -E -e 's/.*: line [0-9]+: +[0-9]+ (Segmentation fault).*/crashed: \1/' -e "s/^/  $h: /" "$T/poll.$h"
	done
}
# polled HOSTS: each poll ended so.
polled()
{
	local h
	for h in $1; do
		grep -qE "$2" "$T/poll.$h" || fail "$3: $h says $(cat "$T/poll.$h")"
	done
	ok "$3"
}
# those COMMAND...: of all hosts those of which it is true, in $those. one_a_plan SENTENCE: they are one of each plan.
those()
{
	local h
	those=
	for h in $all; do
		! "$@" "$h" || those="$those${those:+ }$h"
	done
}
one_a_plan()
{
	[ "$(tr ' ' '\n' <<<"$those" | sed 's/.*-//' | sort | paste -sd ' ')" = '01s D X3' ] || fail "$1: '$those'"
	ok "$1: $those"
}
is_at() { [ "$(host_runs "$2")" = "$1" ]; }
is_version() { [ "$(launched_as "$2" status --json --config-dir "$T/hosts/$2/etc" | jq -r .agent)" = "$1" ]; }
# each says which agent it runs
agents_back() { for h in $all; do agent_is "$h" "$1" "host $h runs agent $1"; done; }

chapter "The same six hosts shall pull: a git repository behind a real sshd, and nginx with TLS"
web_begin
git_host_up
ca=$(awk '{ printf "%s\\n", $0 }' "$T/nginx/ca")
cat >>"$fleet/fleet.yaml" <<YAML
publish:
  - {name: hub, kind: git, url: '$git_url', identity: $T/operator, host_keys: ['$git_pin']}
  - {name: web, kind: folder, path: $T/published}
YAML
cat >"$fleet/sources.yaml" <<YAML
sources:
  - {kind: git, url: '$git_url', host_keys: ['$git_pin']}
  - {kind: https, url: '$url/fleet/', ca: "$ca"}
receipts: {kind: put, url: '$url/receipts/', ca: "$ca"}
YAML
for h in $all; do
	mkdir -p "$T/hosts/$h/state/pull"
	(umask 077 && printf '%s:secret of %s\n' "$h" "$h" >"$T/hosts/$h/state/pull/put-login")
	printf '%s:%s\n' "$h" "$(openssl passwd -apr1 "secret of $h")" >>"$T/nginx/logins"
done
for h in $berlin; do # a key of its own, that can read this repository and do nothing else
	ssh-keygen -q -t ed25519 -N '' -C "$h" -f "$T/hosts/$h/state/pull/git-key"
	printf 'restrict,command="git upload-pack %s" %s\n' "$git_bare" "$(cat "$T/hosts/$h/state/pull/git-key.pub")" >>"$T/hosts/git/authorized"
done
signed
fc access push
must 0 "every host knows its sources: git first, the web server where git is of no use"
fc access status
fc publish
must 0 "the signed repository is in both places"

poll "$berlin"
polled "$berlin" '^nothing: no rollout' "who pulls advances only by a rollout"
! grep -q ' /fleet/' "$T/nginx/asked" || fail "Berlin asks git alone"
ok "Berlin, whose hosts have a key for it, asks git alone"
poll "$tokyo"
polled "$tokyo" 'nothing: no rollout' "nor does Tokyo"
[ "$(grep -c 'GET /fleet/metadata/timestamp.json 200' "$T/nginx/asked")" -eq 3 ] || fail "Tokyo asks the web server: $(cat "$T/nginx/asked")"
ok "Tokyo, without a key, went on to the web server"
read_back 2

chapter "A staged rollout, driven by the receipts that come home"
sed -i 's/^# Does this name resolve, and how fast?/# Does this name resolve? And how fast?/' "$fleet/scripts/common/probes/dns.sh"
signed
good=$number
fc_signs rollout start all --pull --any-time
must 0 "stage one is signed, and published"
fc_signs rollout resume
must 4 "no receipt has come home: nobody else may go"
poll "$all"
those is_at "$good"
one_a_plan "stage one took release $good on one host of each plan"
for h in $those; do
	[ -n "$(ls "$T/receipts/$h")" ] || fail "the receipt of $h came home"
done
fc_signs rollout resume
must 4 "their receipts open stage two"
poll "$all"
read_back "$good"
fc_signs rollout resume
must 0 "all committed"

chapter "A release that is bad on one plan"
mkdir -p "$fleet/scripts/plan-D/checks"
printf '#!/bin/sh\necho "syntax: probes/dns.sh line 41: unexpected end of file" >&2\nexit 1\n' >"$fleet/scripts/plan-D/checks/syntax.sh"
chmod 0755 "$fleet/scripts/plan-D/checks/syntax.sh"
sed -i 's/^# Does this name resolve? And how fast?/# Does this name resolve, how fast?/' "$fleet/scripts/common/probes/dns.sh"
sed -i 's/deadline: 15s/deadline: 6s/' "$fleet/plans/plan-D.yaml"
signed
bad=$number
fc_signs rollout start all --pull --any-time
must 0 "stage one is signed, and published"
poll "$all"
runs ber-D "$good"
runs tyo-D "$good"
those is_at "$bad"
[ "$(wc -w <<<"$those")" -eq 2 ] || fail "stage one of the other plans committed it: $those"
ok "plan-D went back by itself; stage one of the other plans committed release $bad: $those"
fc_signs rollout resume
must 8 "the receipt of the one that went back halts the rollout, at stage one"
poll "$all"
those is_at "$bad"
[ "$(wc -w <<<"$those")" -eq 2 ] || fail "nobody else takes it: $those"
ok "nobody else takes it"
fc_signs rollout abort --back
must 0 "it is aborted, and taken back where it is"
poll "$all"
read_back "$good"
rm -r "$fleet/scripts/plan-D/checks"
sed -i 's/deadline: 6s/deadline: 15s/' "$fleet/plans/plan-D.yaml"

chapter "A newer agent"
printf '\n$ fleetctl agent add agents/next-98.0.0 --version 98.0.0\n'
agent_build next 98.0.0
cat "$T/out" "$T/err"
must 0 "its programs are in the fleet"
signed
fc_signs agent offer --hosts 1
must 0 "one host of each plan may take it"
poll "$all"
those is_version 98.0.0
one_a_plan "agent 98.0.0 came through its trial on one host of each plan"
fc_signs agent offer --all
must 0 "now every host may"
poll "$all"
agents_back 98.0.0
for h in $all; do
	receipt_is "$h" pass "host $h says so in a receipt, written by the new agent"
done

chapter "An agent that crashes at its start"
printf '\n$ fleetctl agent add agents/broken-99.0.0 --version 99.0.0\n'
agent_build broken 99.0.0
cat "$T/out" "$T/err"
must 0 "its programs are in the fleet"
signed
fc_signs agent offer --hosts 1
must 0 "one host of each plan may take it"
poll "$all"
those on_trial
one_a_plan "it is on trial on one host of each plan"
tried=$those
for _ in 1 2 3 4; do
	poll "$tried"
	those on_trial
	[ -n "$those" ] || break
done
[ -z "$those" ] || fail "nothing is on trial any more: $those"
agents_back 98.0.0
for h in $all; do
	case " $tried " in
	*" $h "*) receipt_is "$h" fail "host $h blames it, and came back by itself" ;;
	*) [ "$(host_receipts "$h")" = "$(cat "$T/before.$h")" ] || fail "host $h never tried it" ;;
	esac
done
ok "the others never tried it"
poll "$tried"
agents_back 98.0.0
fc_signs agent offer --none
must 0 "nobody is offered it any more"

chapter "What every host runs now, looked at over SSH once more"
fc status all
[ "$code" -eq 0 ] || fail "every host answers"
fc status all --verify
must 0 "each host's chain of receipts is whole, and the host's own"
fc agent list
read_back "$good"
