#!/usr/bin/env bash
# The two users of a host: the agent owns the state, scripts run as another and cannot write it. The units' sockets are real:
# systemd-socket-activate starts one program a connection, as systemd does.
. "$(dirname "$0")/tower.sh"
[ "$(id -u)" -eq 0 ] || { echo "needs root: it runs programs as two other users"; exit 77; }
command -v systemd-socket-activate >/dev/null || { echo "needs systemd-socket-activate"; exit 77; }
tower_begin
chmod 0755 "$T" "$T/hosts" "$T/home"

agent_uid=61001
probe_uid=61002

# what its hooks and checks say of who they are and what they can write
small_fleet plan-D
h=$T/hosts/ber
mkdir -p "$h/state" "$h/results" "$h/run" "$fleet/scripts/small/hooks"
chown "$agent_uid:$agent_uid" "$h/state" "$h/run"
chown "$probe_uid:$probe_uid" "$h/results"
cat >"$fleet/scripts/small/checks/health.sh" <<SCRIPT
#!/bin/sh
id -u >"$h/results/check"
touch "$h/state/mine" 2>/dev/null && exit 1
[ ! -r "$h/state/receipts/key" ]
SCRIPT
cat >"$fleet/scripts/small/hooks/start.sh" <<SCRIPT
#!/bin/sh
id -u >"$h/results/hook"
SCRIPT
chmod 0755 "$fleet"/scripts/small/*/*.sh
sed -i 's|^checks:|hooks: {start: hooks/start.sh}\nchecks:|' "$fleet/plans/plan-D.yaml"
sign
expect 0 "a release whose scripts look at who they are is signed"

host_enrol_units()
{
	local volatile=()
	case $(stat -f -c %T "$h/state") in
	tmpfs | ramfs | overlay*) volatile=(--allow-volatile) ;;
	esac
	"$agent" enrol "${volatile[@]}" --id ber --plan plan-D --root "$fleet/repository/metadata/1.root.json" --config-dir "$h/etc" \
		--state-dir "$h/state" --results "$h/results" --run "$h/run" >"$T/out" 2>"$T/err" || fail "the host is enrolled by root"
}
host_enrol_units
[ "$(stat -c %u "$h/state/state" "$h/state/receipts/key" "$h/state/current" | sort -u)" = "$agent_uid" ] || fail "root enrols, and the state is the agent's"
ok "root enrols, and the state is the agent's"
[ "$(stat -c %u "$h/etc/agent.json" "$h/etc/root.json" | sort -u)" = 0 ] || fail "the configuration and the root of trust are root's"
ok "the configuration and the root of trust are root's"

# unit NAME UID WORDS...: a socket, and a program for each connection
unit()
{
	local name=$1 uid=$2
	shift 2
	systemd-socket-activate --accept --inetd -l "$h/run/$name.sock" setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs \
		"$agent" "$@" --config-dir "$h/etc" >"$h/$name.log" 2>&1 &
	pids+=($!)
	echo $! >"$h/$name.pid"
	until_true 100 test -S "$h/run/$name.sock" || fail "the socket $name is there"
	chown "$agent_uid" "$h/run/$name.sock"
	chmod 0600 "$h/run/$name.sock"
}
unit apply "$agent_uid" apply --handed-over
unit script "$probe_uid" script

# the forced command as the agent's user
host_join ber plan-D here "setpriv --reuid $agent_uid --regid $agent_uid --clear-groups --no-new-privs $agent serve --config-dir $h/etc"
ok "the host is in the fleet"
setpriv --reuid "$probe_uid" --regid "$probe_uid" --clear-groups --no-new-privs "$agent" probes --config-dir "$h/etc" >"$h/probes.log" 2>&1 &
pids+=($!)

ctl rollout start ber --allow-blind
expect 0 "a release is tried and committed by the units"
ended ber pass "its verdict is pass"
[ "$(cat "$h/results/hook")" = "$probe_uid" ] || fail "the hook ran as the scripts' user"
ok "the hook ran as the scripts' user"
[ "$(cat "$h/results/check")" = "$probe_uid" ] || fail "the check ran as the scripts' user, who can write no state and read no key"
ok "the check ran as the scripts' user, who can write no state and read no key"
[ ! -e "$h/state/mine" ] || fail "nothing of theirs is in the state"
[ "$(find "$h/state" ! -uid "$agent_uid" | wc -l)" -eq 0 ] || fail "all of the state is the agent's"
ok "all of the state is the agent's"

# a check that never ends is killed on the other side of the socket, too
cat >"$fleet/scripts/small/checks/health.sh" <<SCRIPT
#!/bin/sh
echo \$\$ >"$h/results/hanging"
exec sleep 1000
SCRIPT
sign
ctl rollout start ber --allow-blind
expect 8 "a release whose check hangs goes back"
ended ber fail "and is guilty"
! kill -0 "$(cat "$h/results/hanging")" 2>/dev/null || fail "the check that hung is gone"
ok "the check that hung is gone"

# without the unit no script runs at all: least of all as the agent
kill "$(cat "$h/script.pid")"
rm -f "$h/run/script.sock" "$h/results/hook"
cat >"$fleet/scripts/small/checks/health.sh" <<'SCRIPT'
#!/bin/sh
# once more
exit 0
SCRIPT
sign
ctl rollout start ber --allow-blind
[ "$code" -ne 0 ] || fail "without the scripts' unit nothing commits"
ok "without the scripts' unit nothing commits"
[ ! -e "$h/results/hook" ] || fail "and no script ran as the agent"
ok "and no script ran as the agent"
ctl rollout status
said 'fleet-agent-script.socket' "the history names the unit to start"
