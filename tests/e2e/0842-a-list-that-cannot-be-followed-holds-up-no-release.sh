#!/usr/bin/env bash
# What a host is told beside releases may be wrong: an agent that is signed otherwise than it is offered, a list of sources of which
# none answers. Releases go on all the same, and the way back from one comes first of all.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/agents.sh"

tower_begin
small_fleet plan-D
web_begin
puller ber-D plan-D
change() { printf '# %s\n' "$1" >>"$fleet/scripts/small/probes/beat.sh"; }
roll()
{
	sign
	ctl_sign rollout abort
	ctl_sign rollout start all --pull --any-time --allow-blind
	[ "$code" -eq 0 ] || fail "release is open to the host: $1"
	publish
}
roll first
pull ber-D --now
runs ber-D 1

# --- an agent that is another than the one offered ---

agent_build next 98.0.0
sign
ctl_sign agent offer --all --allow-blind
agent_build broken 99.0.0
change 2
roll 'beside an agent that is not the one offered'
pull ber-D --now
said 'rollout.json offers 98.0.0, and role agent signs 99.0.0' "an agent that is not the one offered is told"
runs ber-D 2
ctl_sign rollout abort --back
publish
pull ber-D --now
expect 9 "and an abort reaches its host"
runs ber-D 1

# --- sources of which none answers ---

mv "$fleet/agents.yaml" "$T/" 2>/dev/null || true
cat >"$fleet/access.yaml" <<YAML
deadline: 3s
operators:
  - {name: operator, key: '$(cat "$T/operator.pub")', may: [look, roll]}
YAML
printf "sources:\n  - {kind: https, url: 'https://127.0.0.1:9/fleet/'}\n" >"$fleet/sources.yaml"
change 3
roll 'beside sources of which none answers'
pull ber-D --now
expect 9 "sources that do not answer are tried and left"
said 'list .*: fail' "and that is said"
pull ber-D --now
[ "$(host_runs ber-D)" = 3 ] || pull ber-D --now
runs ber-D 3
ok "the release is taken by the next poll, before they are tried again"
ctl_sign rollout abort --back
publish
pull ber-D --now
runs ber-D 1
ok "and so is the way back"

# --- a source whose own disk is wrong gives way to the next ---

ca=$(awk '{ printf "%s\\n", $0 }' "$T/nginx/ca")
ln -s loop "$T/loop"
sources "{\"kind\": \"folder\", \"url\": \"$T/loop\"}, {\"kind\": \"https\", \"url\": \"$url/fleet/\", \"ca\": \"$ca\"}"
puller tyo-D plan-D
rm "$fleet/sources.yaml" "$fleet/access.yaml"
forget
pull tyo-D --now
asked | grep -q 'GET /fleet/metadata/timestamp.json 200' || fail "a source whose disk is wrong gives way: $(cat "$T/out" "$T/err")"
ok "a source whose disk is wrong gives way to the next"
