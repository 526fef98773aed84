# shellcheck shell=bash
# A tower on this machine, for tests and the demo: real sshd on loopback, a state folder a host, one forced command.
# Source it, then: tower_begin; tower_fleet; host_make ID PLAN SITE ...; everything ends with the script.

set -Eeuo pipefail
trap '[ "$BASHPID" -ne $$ ] || echo "not ok - ended at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND" >&2' ERR # never without a word
export LC_ALL=C
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${FLEET_BUILD:-$here/build}
fleetctl=$build/fleetctl/fleetctl
agent=${FLEET_AGENT:-$build/agent/fleet-agent}
me=$(id -un)

tower_begin()
{
	T=$(mktemp -d "${TMPDIR:-/tmp}/tower.XXXXXX")
	trap tower_end EXIT
	trap 'exit 130' INT TERM
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd # sshd as root insists on it
	mkdir -p "$T/hosts" "$T/home"
	export HOME=$T/home XDG_DATA_HOME=$T/home/data XDG_CONFIG_HOME=$T/home/config
	unset SSH_AUTH_SOCK
	ssh-keygen -q -t ed25519 -N '' -C operator -f "$T/operator"
	fleet=$T/fleet
	passphrase='correct horse'
	pids=()
	mounts=()
}

# mine PID: a child of this test that lives. Numbers come again: one that has ended may be another test's server by now.
mine() { [ "$(sed -n 's/^PPid:\t//p' "/proc/$1/status" 2>/dev/null)" = $$ ]; }

tower_end()
{
	local code=$? pid mount
	trap - EXIT
	for pid in "${pids[@]:-}"; do
		[ -z "$pid" ] || ! mine "$pid" || kill "$pid" 2>/dev/null || true
	done
	for pid in "${pids[@]:-}"; do
		[ -z "$pid" ] || wait "$pid" 2>/dev/null || true
	done
	for mount in "${mounts[@]:-}"; do
		[ -z "$mount" ] || umount -l "$mount"
	done
	if [ "${KEEP:-}" = yes ]; then
		echo "kept: $T" >&2
	else
		chmod -R u+w "$T" 2>/dev/null || true
		rm -rf "$T"
	fi
	exit "$code"
}

say() { printf '%s\n' "$*"; }
ok() { printf 'ok - %s\n' "$*"; }
fail()
{
	printf 'not ok - %s\n' "$*" >&2
	[ ! -s "$T/out" ] || sed 's/^/  out| /' "$T/out" >&2
	[ ! -s "$T/err" ] || sed 's/^/  err| /' "$T/err" >&2
	exit 1
}

# until TRIES COMMAND...: tenths of a second; what is waited for, not how long, decides.
until_true()
{
	local tries=$1
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

# ctl ARGS...: fleetctl in the fleet, output in $T/out and $T/err, exit code in $code.
ctl()
{
	code=0
	(cd "$fleet" && "$fleetctl" "$@") >"$T/out" 2>"$T/err" </dev/null || code=$?
}
# expect CODE SENTENCE: of the last ctl.
expect()
{
	[ "$code" -eq "$1" ] || fail "$2: expected exit code $1, got $code"
	ok "$2"
}
# said PATTERN SENTENCE: the last ctl said so, on either stream.
said()
{
	grep -qE -e "$1" "$T/out" "$T/err" || fail "$2: expected to read /$1/"
	ok "$2"
}

# sign [ARGS...]: with the passphrase on a descriptor.
sign()
{
	code=0
	(cd "$fleet" && "$fleetctl" sign --passphrase-fd 3 --yes "$@") >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || code=$?
}
keys_new()
{
	(cd "$fleet" && "$fleetctl" key new --all --passphrase-fd 3) >"$T/out" 2>"$T/err" 3<<<"$passphrase" </dev/null || fail "keys are made"
}

# A fleet with the starter's shape but nothing that needs a network: the caller writes plans and scripts.
tower_fleet()
{
	"$fleetctl" init "$fleet" >"$T/out" 2>"$T/err" || fail "a fleet is made"
	printf '\nssh: {identity: %s}\n' "$T/operator" >>"$fleet/fleet.yaml"
}

# small_plan PLAN: one probe, one local check, a trial that settles at once.
small_plan()
{
	cat >"$fleet/plans/$1.yaml" <<-PLAN
	plan: $1
	scripts: [small]
	probes:
	  - {name: beat, run: probes/beat.sh, every: 10s, timeout: 5s}
	checks:
	  - {name: health, run: checks/health.sh, class: local, timeout: 5s}
	trial: {settle: 0s, deadline: 10s}
	link: {apn: example, class: s1.minimum, kbit: 32}
	PLAN
}
small_scripts()
{
	mkdir -p "$fleet/scripts/small/probes" "$fleet/scripts/small/checks"
	cat >"$fleet/scripts/small/probes/beat.sh" <<-'SCRIPT'
	#!/bin/sh
	# version 1
	printf 'probe_success 1\n' >"$FLEET_OUT/$FLEET_PROBE.tmp" && mv "$FLEET_OUT/$FLEET_PROBE.tmp" "$FLEET_OUT/$FLEET_PROBE.prom"
	SCRIPT
	cat >"$fleet/scripts/small/checks/health.sh" <<-'SCRIPT'
	#!/bin/sh
	exit 0
	SCRIPT
	chmod 0755 "$fleet"/scripts/small/*/*.sh
}
# small_fleet PLAN...: those plans and no others, keys made, signed.
small_fleet()
{
	local plan
	tower_fleet
	rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
	small_scripts
	for plan in "$@"; do
		small_plan "$plan"
	done
	keys_new
	sign
	[ "$code" -eq 0 ] || fail "the first releases are signed"
}

# serve FOLDER: by the server that can misbehave; $served is its port, below /plain/ it is well-behaved. What it was asked: $T/requests.
# shellcheck disable=SC2034 # for the tests
serve()
{
	unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
	mkfifo "$T/served"
	"$build/tests/hostile-server" "$1" "$T/requests" >"$T/served" &
	pids+=($!)
	read -r served <"$T/served"
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# host_up ID: its sshd, on the port of its first start.
host_up()
{
	local h=$T/hosts/$1 tries=20 port
	port=$(cat "$h/port" 2>/dev/null || true)
	while :; do
		[ -n "$port" ] || port=$((20000 + RANDOM % 20000))
		: >"$h/sshd.log"
		"$(command -v /usr/sbin/sshd)" -D -e -f "$h/sshd_config" -p "$port" -E "$h/sshd.log" &
		local pid=$!
		# up when it says so, taken when it ended; that something answers there may be another tower's
		until grep -q '^Server listening' "$h/sshd.log" || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
		if kill -0 "$pid" 2>/dev/null; then
			break
		fi
		wait "$pid" 2>/dev/null || true
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "sshd of $1 starts: $(cat "$h/sshd.log")"
		port=
	done
	echo "$port" >"$h/port"
	echo "$pid" >"$h/pid"
	pids+=("$pid")
}
host_down()
{
	local pid
	pid=$(cat "$T/hosts/$1/pid")
	kill "$pid"
	wait "$pid" 2>/dev/null || true
}

# host_enrol ID PLAN [OPTIONS]: its config, state and results folders. What lies in memory or in a container is refused unless allowed.
host_enrol()
{
	local id=$1 plan=$2 h=$T/hosts/$1 volatile=()
	shift 2
	mkdir -p "$h/state"
	case $(stat -f -c %T "$h/state") in
	tmpfs | ramfs | overlay*) volatile=(--allow-volatile) ;;
	esac
	"$agent" enrol "${volatile[@]}" --id "$id" --plan "$plan" --root "$fleet/repository/metadata/1.root.json" --config-dir "$h/etc" --state-dir "$h/state" \
		--results "$h/results" "$@" >"$T/out" 2>"$T/err" || fail "host $id is enrolled"
}

# host_receipt_key ID: what signs its receipts, as the host itself says.
host_receipt_key() { "$agent" status --json --config-dir "$T/hosts/$1/etc" | sed -n 's/.*"receipt_key": *"\([0-9a-f]*\)".*/\1/p'; }

# host_join ID PLAN SITE COMMAND: what is enrolled gets an sshd that runs COMMAND for the operator, and is in hosts.yaml with its keys pinned.
host_join()
{
	local h=$T/hosts/$1
	ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$h/host_key"
	printf 'restrict,command="%s" %s\n' "$4" "$(cat "$T/operator.pub")" >"$h/authorized_keys"
	cat >"$h/sshd_config" <<-CONFIG
	ListenAddress 127.0.0.1
	HostKey $h/host_key
	AuthorizedKeysFile $h/authorized_keys
	PidFile none
	StrictModes no
	UsePAM no
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	PermitRootLogin prohibit-password
	CONFIG
	host_up "$1"
	ctl host add "$1" --plan "$2" --site "$3" --address 127.0.0.1 --port "$(cat "$h/port")" --user "$me" --host-key "$(cut -d' ' -f1,2 "$h/host_key.pub")" \
		--receipt-key "$(host_receipt_key "$1")"
	[ "$code" -eq 0 ] || fail "host $1 is added"
}
# host_make ID PLAN [SITE]: enrolled, its sshd running, in hosts.yaml.
host_make()
{
	local h=$T/hosts/$1
	mkdir -p "$h/results"
	host_enrol "$1" "$2"
	host_join "$1" "$2" "${3:-here}" "$agent serve --config-dir $h/etc"
}
# access_host ID PLAN [SITE]: as host_make, and its sshd reads the keys that the agent keeps: first the operator's alone.
access_host()
{
	local h=$T/hosts/$1
	host_make "$@"
	host_enrol "$1" "$2" --force --keys "$T/operator.pub" --serve "$agent serve --config-dir $h/etc"
	sed -i "s|^AuthorizedKeysFile.*|AuthorizedKeysFile $h/state/access/current/authorized_keys|" "$h/sshd_config"
	host_down "$1"
	host_up "$1"
}
# operator_new NAME: a key pair $T/NAME.
operator_new() { ssh-keygen -q -t ed25519 -N '' -C "$1@laptop" -f "$T/$1"; }
# access_write NAME:MAY ...: access.yaml, with a deadline that a test can wait for.
access_write()
{
	local one
	{
		echo 'deadline: 3s'
		echo 'operators:'
		for one in "$@"; do
			printf "  - {name: %s, key: '%s', may: [%s]}\n" "${one%%:*}" "$(cat "$T/${one%%:*}.pub")" "${one#*:}"
		done
	} >"$fleet/access.yaml"
}
# probes_up ID: its probe runner.
probes_up()
{
	"$agent" probes --config-dir "$T/hosts/$1/etc" >"$T/hosts/$1/probes.log" 2>&1 &
	pids+=($!)
}

# host_runs ID: the number of the release that it runs, as the host itself says.
host_runs()
{
	"$agent" status --json --config-dir "$T/hosts/$1/etc" | sed -n 's/.*"number": *\([0-9]*\).*/\1/p' | head -n 1
}
runs()
{
	local now
	now=$(host_runs "$1")
	[ "$now" = "$2" ] || fail "host $1 runs release $2: it runs $now"
	ok "host $1 runs release $2"
}

# host_verdict ID: how its last trial ended. host_marks ID guilty|held: the releases so marked, one a line.
host_status() { "$agent" status --json --config-dir "$T/hosts/$1/etc" | tr -d ' \n'; }
host_verdict() { host_status "$1" | sed -n 's/.*"verdict":"\([a-z-]*\)".*/\1/p'; }
host_marks() { host_status "$1" | sed -n "s/.*\"$2\":\[\([^]]*\)\].*/\1/p" | tr -d '"' | tr ',' '\n' | grep . || true; }
# ended ID VERDICT SENTENCE: so its last trial ended.
ended()
{
	local verdict
	verdict=$(host_verdict "$1")
	[ "$verdict" = "$2" ] || fail "$3: it ended with $verdict"
	ok "$3"
}
