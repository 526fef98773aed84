#!/usr/bin/env bash
# A release that touches the network commits only when somebody reached the host over a new connection; else it goes back by
# its deadline, with nobody's help.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
plan=$fleet/plans/plan-D.yaml
host_make ber-D plan-D
h=$T/hosts/ber-D

# Its sessions, counted; with `shut` there, each but the one under way is refused.
cat >"$h/serve" <<SCRIPT
#!/bin/sh
echo session >>"$h/sessions"
if [ -e "$h/shut" ] && ! mkdir "$h/inside" 2>/dev/null; then
	exit 1
fi
"$agent" serve --config-dir "$h/etc"
code=\$?
rmdir "$h/inside" 2>/dev/null
exit \$code
SCRIPT
chmod +x "$h/serve"
sed -i "s|command=\"[^\"]*\"|command=\"$h/serve\"|" "$h/authorized_keys"
sessions() { wc -l <"$h/sessions"; }

ctl rollout start all --allow-blind
expect 0 "a release that touches nothing"
[ "$(sessions)" -eq 1 ] || fail "takes one session: it took $(sessions)"
ok "takes one session"
runs ber-D 1

sed -i 's/^trial:.*/trial: {settle: 0s, deadline: 10s, touches: [network]}/' "$plan"
sign
: >"$h/sessions"
ctl rollout start all --allow-blind
expect 0 "one that touches the network commits"
[ "$(sessions)" -eq 2 ] || fail "when it was reached once more: $(sessions) sessions"
ok "when it was reached once more"
runs ber-D 2
[ ! -e "$h/state/confirm" ] || fail "nothing is left of it"

# --- cut off ---

sed -i 's/^trial:.*/trial: {settle: 0s, deadline: 2s, touches: [network]}/' "$plan"
sign
: >"$h/sessions"
touch "$h/shut"
ctl rollout start all --allow-blind
expect 8 "one that nobody can reach over a new connection goes back"
said 'nobody reached this host over a new connection before the deadline' "by itself, by its deadline"
[ "$(sessions)" -ge 2 ] || fail "a second connection was tried"
runs ber-D 2
ended ber-D fail "which it remembers: guilty"

# --- no path worked before: nobody could be expected to come ---

rm "$h/shut"
sed -i 's/^trial:.*/trial: {settle: 0s, deadline: 10s, touches: [network]}/; s/class: local/class: path/' "$plan"
printf '#!/bin/sh\n[ -e %s ]\n' "$T/net" >"$fleet/scripts/small/checks/health.sh"
printf '#!/bin/sh\ntouch %s\n' "$T/net" >"$fleet/scripts/small/checks/start.sh"
chmod 0755 "$fleet/scripts/small/checks/start.sh"
echo 'hooks: {start: checks/start.sh}' >>"$plan"
sign
: >"$h/sessions"
ctl rollout start all --allow-blind
expect 0 "one that brings the network back needs no second connection"
[ "$(sessions)" -eq 1 ] || fail "one session is enough: it took $(sessions)"
ok "one session is enough"
runs ber-D 4
