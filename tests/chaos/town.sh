# shellcheck shell=bash disable=SC2034,SC2154
# The tower that chaos lives in: hosts that are pushed to, hosts that pull, a web server. Each program of a host is run from the host's
# own folder, so that the kernel says whose a process is. Source it; then town_begin PUSHED PULLING.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/web.sh"
. "$here/tests/e2e/agents.sh"

platform=debian12-gnu-$(dpkg --print-architecture)
programs=$build # where the house was built; what runs is a copy of it

# plan_write PLAN NUMBER HEALTH TOUCHES [SETTLE]: scripts of its own, so that one update is one plan's.
plan_write()
{
	local s=$fleet/scripts/$1
	mkdir -p "$s/probes" "$s/checks" "$s/hooks"
	cat >"$fleet/plans/$1.yaml" <<-PLAN
	plan: $1
	scripts: [$1]
	hooks: {start: hooks/start.sh, stop: hooks/stop.sh}
	probes:
	  - {name: beat, run: probes/beat.sh, every: 2s, timeout: 1s}
	checks:
	  - {name: health, run: checks/health.sh, class: local, timeout: 5s}
	trial: {settle: ${5:-1s}, deadline: 8s, touches: [$4]}
	link: {apn: example, class: s1.minimum, kbit: 32}
	PLAN
	printf '#!/bin/sh\n# version %s\nprintf "probe_success 1\\n" >"$FLEET_OUT/beat.tmp" && mv "$FLEET_OUT/beat.tmp" "$FLEET_OUT/beat.prom"\n' "$2" >"$s/probes/beat.sh"
	printf '#!/bin/sh\nsleep 0.2\nexit %s\n' "$3" >"$s/checks/health.sh"
	printf '#!/bin/sh\nsleep 0.1\n' >"$s/hooks/start.sh"
	cp "$s/hooks/start.sh" "$s/hooks/stop.sh"
	chmod 0755 "$s"/*/*.sh
}

# --- making it ---

# programs_of ID: its package, by which enrolment and launcher go from now on.
programs_of()
{
	local lib=$T/hosts/$1/lib
	mkdir -p "$lib" "$T/hosts/$1/results"
	: >"$T/hosts/$1/sessions"
	[ -e "$lib/fleet-agent" ] || cp "$programs/agent/fleet-agent" "$programs"/sources/fleet-fetch-{https,git} "$programs/sources/fleet-post-git" "$programs/agent/fleet-guard" "$lib/"
	[ -e "$lib/launch" ] || cp "$programs/agent/launch/fleet-agent" "$lib/launch"
	agent=$lib/fleet-agent launch=$lib/launch
}
# A host takes part in as many trials as chaos has for it.
many_trials() { jq -c '. + {trials_per_day: 1000}' "$T/hosts/$1/etc/agent.json" >"$T/json" && chmod u+w "$T/hosts/$1/etc/agent.json" && cat "$T/json" >"$T/hosts/$1/etc/agent.json"; }
pushed_make()
{
	local h=$T/hosts/$1 serve
	programs_of "$1"
	serve="/usr/bin/$(launcher "$1") serve --config-dir $h/etc"
	host_enrol "$1" plan-D --keys "$T/operator.pub" --serve "$serve"
	echo $((20000 + RANDOM % 12000)) >"$h/port" # below what the kernel hands out, so that it is free again after a restart
	host_join "$1" plan-D "${1%-*}" "$serve"
	kill "$(cat "$h/pid")"
	wait "$(cat "$h/pid")" || true
	sed -i "s|^AuthorizedKeysFile.*|AuthorizedKeysFile $h/state/access/current/authorized_keys|" "$h/sshd_config"
	many_trials "$1"
}
pulling_make()
{
	programs_of "$1"
	puller "$1" plan-P "${1%-*}"
	many_trials "$1"
}
# town_begin PUSHED PULLING: so many hosts of each; in $pushed, $pulling, $hosts.
town_begin()
{
	local sites=(ber tyo muc) i
	tower_begin
	mkdir "$T/bin"
	cp "$programs/fleetctl/fleetctl" "$T/bin/"
	fleetctl=$T/bin/fleetctl
	tower_fleet
	sed -i '/^defaults:/d' "$fleet/fleet.yaml"
	printf 'defaults: {parallel: 4, connect: 4s, silence: 8s}\npublish:\n  - {name: web, kind: folder, path: %s}\n' "$T/published" >>"$fleet/fleet.yaml"
	rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
	plan_write plan-D 1 0 ''
	plan_write plan-P 1 0 ''
	ctl key new --all --plain
	[ "$code" -eq 0 ] || fail 'keys are made'
	ctl sign --yes
	[ "$code" -eq 0 ] || fail 'the first releases are signed'
	web_begin
	pushed=() pulling=()
	for ((i = 0; i < $1; i++)); do pushed+=("${sites[i]}-D"); pushed_make "${sites[i]}-D"; done
	for ((i = 0; i < $2; i++)); do pulling+=("${sites[i]}-P"); pulling_make "${sites[i]}-P"; done
	hosts=("${pushed[@]}" "${pulling[@]}")
	disown "$web_pid"
	operator_new ann
	ctl publish
	[ "$code" -eq 0 ] || fail 'the repository is published'
}

# --- who is there ---

is_pushed() { [[ $1 == *-D ]]; }
# below FOLDER: the processes whose program or working folder is in there.
below() { { find /proc -maxdepth 2 \( -name exe -o -name cwd \) -lname "$1/*" -printf '%h\n' 2>/dev/null || true; } | awk -F/ '$3 ~ /^[0-9]+$/ && !seen[$3]++ { print $3 }'; }
# children PID...: all that came from them
children()
{
	local pid
	for pid; do
		pid=$(pgrep -P "$pid" || true)
		# shellcheck disable=SC2086
		[ -z "$pid" ] || { echo "$pid"; children $pid; }
	done
}
args() { { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null || true; }
# born PID: the number, and when it began: it may be another's tomorrow
born() { sed -n "s/^\([0-9]*\) .*) [A-Y]\( [-0-9]*\)\{18\} \([0-9]*\) .*/\1 \3/p" "/proc/$1/stat" 2>/dev/null || true; }
# runs_as FILE PATTERN: the process that FILE names lives, and is that one
runs_as()
{
	local pid
	[ -e "$1" ] && read -r pid <"$1" && [ -e "/proc/$pid" ] && [[ $(args "$pid") == *$2* ]]
}
sshd_lives() { runs_as "$T/hosts/$1/pid" "$T/hosts/$1/sshd_config"; }
probes_live() { runs_as "$T/hosts/$1/probes.pid" "$T/hosts/$1/etc"; }
web_lives() { [[ $(args "$web_pid") == *$T/nginx/nginx.conf* ]]; }
controllers() { find /proc -maxdepth 2 -name exe -lname "$T/bin/*" -printf '%h\n' 2>/dev/null | sed 's|/proc/||' | grep -x '[0-9]*' || true; }
# whose ID: lines PID NAME of all that runs for that host
whose()
{
	sessions "$1"
	named "$(below "$T/hosts/$1")"
}
sessions()
{
	local h=$T/hosts/$1 pid words
	if sshd_lives "$1"; then
		read -r pid <"$h/pid"
		echo "$pid sshd"
		for pid in $(children "$pid"); do
			words=$(born "$pid")
			[[ $(readlink "/proc/$pid/exe") != */sshd ]] || grep -qx "$words" "$h/sessions" || echo "$words" >>"$h/sessions"
		done
	fi
	while read -r pid words; do # they outlive their sshd
		[ ! -e "/proc/$pid" ] || [ "$(born "$pid")" != "$pid $words" ] || echo "$pid session"
	done <"$h/sessions"
}
named()
{
	local pid words
	for pid in $1; do
		read -ra words <<<"$(args "$pid")" || true
		case ${words[0]:-} in
		*fleet-fetch-* | *fleet-post-*) echo "$pid fetch" ;;
		*fleet-guard) echo "$pid guard" ;;
		*fleet-agent | *launch) echo "$pid ${words[1]:-agent}" ;;
		?*) echo "$pid script" ;;
		esac
	done
}

# --- up and down ---

# later COMMAND...: on its own, nobody's child. What it says: $T/log.
later() { setsid -f "$@" >>"$T/log" 2>&1 </dev/null; }
sshd_up()
{
	local h=$T/hosts/$1 pid
	! sshd_lives "$1" || return 0
	: >"$h/sshd.log"
	"$(command -v /usr/sbin/sshd)" -D -e -f "$h/sshd_config" -p "$(cat "$h/port")" -E "$h/sshd.log" </dev/null &
	pid=$!
	echo "$pid" >"$h/pid"
	disown "$pid"
	until grep -q '^Server listening' "$h/sshd.log" || [ -z "$(born "$pid")" ]; do sleep 0.02; done
	sshd_lives "$1"
}
probes_up()
{
	! probes_live "$1" || return 0
	"$T/hosts/$1/lib/fleet-agent" probes --config-dir "$T/hosts/$1/etc" >>"$T/log" 2>&1 </dev/null &
	echo $! >"$T/hosts/$1/probes.pid"
	disown $!
	until probes_live "$1" || [ -z "$(born "$!")" ]; do sleep 0.02; done # until it is itself
}
nginx_up()
{
	web_lives || { web_up || true; disown "$web_pid" 2>/dev/null || true; }
	web_lives
}
# as the units do at boot
booted()
{
	local h=$T/hosts/$1
	later sh -c '"$1/lib/fleet-guard" "$1/state"; exec "$1/lib/fleet-agent" boot --config-dir "$1/etc"' boot "$h"
}
polled() # ID [ARGS...]
{
	local id=$1 by
	shift
	read -ra by <<<"$(launch=$T/hosts/$id/lib/launch agent=$T/hosts/$id/lib/fleet-agent launcher "$id")"
	later "${by[@]}" pull --config-dir "$T/hosts/$id/etc" "$@"
}
# end SIGNAL PID...
end()
{
	local signal=$1
	shift
	[ $# -eq 0 ] || kill -s "$signal" "$@" 2>/dev/null || true
}
# All that is the host's, at once, again and again until nothing is left: what was just being born is found the next time.
power_off()
{
	local left tries=50
	while [ "$tries" -gt 0 ]; do
		left=$(whose "$1" | cut -d' ' -f1)
		[ -n "$left" ] || return 0
		# shellcheck disable=SC2086
		end KILL $left
		tries=$((tries - 1))
	done
	fail "the processes of $1 can be killed: $(whose "$1" | tr '\n' ' ')"
}
nginx_down() # SIGNAL: the workers too, as a unit's end does
{
	web_lives || return 1
	# shellcheck disable=SC2046
	end "$1" "$web_pid" $(children "$web_pid")
}
with_code() { return "$1"; }
town_end()
{
	local code=$? id
	trap - EXIT
	set +e
	for id in "${hosts[@]:-}"; do
		[ -z "$id" ] || power_off "$id"
	done
	# shellcheck disable=SC2046
	end KILL $(controllers)
	[ -z "${web_pid:-}" ] || nginx_down KILL
	[ "$code" -eq 0 ] || [ "$code" -eq 77 ] || KEEP=yes
	with_code "$code"
	tower_end
}
