#!/usr/bin/env bash
# A plan's rollouts are delegated when the plan is signed, so that whoever has the rollout key and the online ones begins its first,
# while the keys of root, targets and plans are far away. Where the rollout key itself was far away then, sign says so.
. "$(dirname "$0")/web.sh"

tower_begin
small_fleet plan-D
web_begin
puller ber-D plan-D berlin
puller tyo-D plan-D tokyo
links() { jq -r '.signed.delegations.roles[].name' "$fleet/repository/metadata/$(find "$fleet/repository/metadata" -name '*.targets.json' -printf '%f\n' | sort -V | tail -n 1)" | tr '\n' ' '; }
[ "$(links)" = 'rollout-plan-D plan-D ' ] || fail "rollouts come before their plan: $(links)"
ok "a plan's rollouts are delegated with it, and before it"
publish
pull ber-D --now
expect 0 "a host asks before there is any"
said 'no rollout of plan plan-D is open' "and nothing is open to it"
keys=$(dirname "$(find "$XDG_DATA_HOME" -name '*.pem' | head -n 1)")
mkdir -m 700 "$T/away"
# those of keys.yaml that sign what is no rollout
while read -r key; do mv "$keys/$key.pem" "$T/away/"; done < <(sed -n '/rollouts\|snapshot/!s/.*{name: \([^,]*\), roles.*/\1/p' "$fleet/keys.yaml")
[ -n "$(ls "$T/away")" ] || fail "keys are away"
sign --dry-run
ctl_sign rollout start all --pull --any-time --canary 0 --waves 100%
expect 0 "its first rollout needs none of the keys that are away"
publish
pull ber-D --now
pull tyo-D --now
[ "$(($(host_runs ber-D) + $(host_runs tyo-D)))" -eq 1 ] || fail "the canary takes it"
ok "and hosts believe it"
ctl verify
expect 0 "the repository verifies"

# --- the other way round: the rollout key is away when a plan is new ---

mv "$T/away"/* "$keys/"
roll=$(sed -n '/rollouts/s/.*{name: \([^,]*\), roles.*/\1/p' "$fleet/keys.yaml" | head -n 1)
sed -n '/rollouts/p' "$fleet/keys.yaml" >"$T/line"
if grep -q 'snapshot' "$T/line"; then
	(cd "$fleet" && "$fleetctl" key new roll --role rollout-plan01s --passphrase-fd 3) >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || fail "a key for one plan's rollouts"
	roll=roll
fi
small_plan plan01s
mv "$keys/$roll.pem" "$T/away/"
sign
expect 0 "a plan is signed without the key of its rollouts"
said 'rollout-plan01s is not delegated yet, so its first rollout by pull will need the keys of targets' "which says what that costs"
case $(links) in *rollout-plan01s*) fail "it is not delegated" ;; esac
mv "$T/away/$roll.pem" "$keys/"
sign
expect 0 "with the key it is made up for"
case $(links) in *'rollout-plan01s plan01s '*) ok "before its plan" ;; *) fail "before its plan: $(links)" ;; esac
