#!/usr/bin/env bash
# The connection is cut after so many bytes, up or down, or goes silent: by SSH, HTTPS and git the next try completes, brings no more
# than what is missing where the carrier can, and no process stays. Some places in CI; FLEET_ALL=1: every byte of a small update.
. "$(dirname "$0")/web.sh"
. "$(dirname "$0")/git.sh"

tower_begin
small_fleet plan-D plan-P plan-Q plan-R plan-S # one host each: all of them at once
web_begin
git_host_up
cat >>"$fleet/fleet.yaml" <<YAML
publish:
  - {name: hub, kind: git, url: '$git_url', identity: $T/operator, host_keys: ['$git_pin']}
YAML

# --- lines that break ---

declare -A line_port line_pid
# line NAME TARGET-PORT [CUT HOW]: what NAME goes through from now on; on the port of its first time.
line()
{
	local name=$1
	[ -z "${line_pid[$name]:-}" ] || line_end "$name"
	: >"$T/line-$name"
	"$build/tests/bench/relay" "${line_port[$name]:-0}" "$2" 0 "${@:3}" >"$T/line-$name" &
	line_pid[$name]=$!
	pids+=("$!")
	until_true 100 grep -q port "$T/line-$name" || fail "the line $name is there"
	line_port[$name]=$(sed -n 's/{"port":\([0-9]*\)}/\1/p' "$T/line-$name")
}
line_end()
{
	kill "${line_pid[$1]}" 2>/dev/null || true
	wait "${line_pid[$1]}" 2>/dev/null || true
	line_pid[$1]=
}
# most NAME up|down: bytes of its largest connection.
most() { jq -s "[.[] | select(.ms) | .$2] | max" "$T/line-$1"; }
# places HOW:PERCENT...: "CUT HOW" a line; how much a whole one sends is in $up and $down. All of them for FLEET_ALL.
places()
{
	local at
	if [ -n "${FLEET_ALL:-}" ]; then
		seq -f '%.0f down' $((down - 1))
		seq -f '%.0f up' $((up - 1))
		return
	fi
	for at in "$@"; do
		case $at in
		up:*) echo "$((up * ${at#*:} / 100)) up" ;;
		*) echo "$((down * ${at#*:} / 100)) down" ;;
		esac
	done
}
alone() { ! pgrep -f "$T/hosts/$1/etc" >/dev/null; }
nobody() { until_true 150 alone "$1" || fail "$2: somebody still works on $1: $(pgrep -af "$T/hosts/$1/etc")"; }

# --- hosts ---

weight() { [ -n "${FLEET_ALL:-}" ] || head -c 100000 /dev/urandom >"$fleet/scripts/small/weight"; }
change() { printf '# changed\n' >>"$fleet/scripts/small/probes/beat.sh"; weight; sign; [ "$code" -eq 0 ] || fail "signed"; }
start_pull()
{
	ctl_sign rollout abort
	ctl_sign rollout start site=far --pull --any-time --allow-blind
	[ "$code" -eq 0 ] || fail "a rollout is open"
	publish
	rm -rf "$T/published/patches"
}
host_make ber-D plan-D
line push "$(cat "$T/hosts/ber-D/port")"
sed -i "s/port: $(cat "$T/hosts/ber-D/port")/port: ${line_port[push]}/" "$fleet/hosts.yaml"
line web "$web_port"
line git "$git_port"
ca=$(awk '{ printf "%s\\n", $0 }' "$T/nginx/ca")
# https_source PORT, git_source PORT
https_source() { sources "{\"kind\": \"https\", \"url\": \"https://127.0.0.1:$1/fleet/\", \"ca\": \"$ca\"}"; }
git_source() { sources "{\"kind\": \"git\", \"url\": \"ssh://$me@127.0.0.1:$1$git_bare\", \"host_keys\": [\"$git_pin\"]}"; }
# pulls ID PLAN KIND LINE
pulls()
{
	"$3_source" "${line_port[$4]}"
	puller "$1" "$2" far
	install -m 0600 "$T/operator" "$T/hosts/$1/state/pull/git-key"
}
line web-still "$web_port"
line git-still "$git_port"
pulls tyo plan-P https web
pulls osa plan-Q git git
pulls nyc plan-R https web-still
pulls bos plan-S git git-still
start_pull
for id in tyo osa nyc bos; do
	pull "$id" --now
	runs "$id" 1
done
change
start_pull
for id in tyo osa nyc bos; do cp -a "$T/hosts/$id/state" "$T/whole-$id"; done
back() { chmod -R u+w "$T/hosts/$1/state" && rm -rf "$T/hosts/$1/state" && cp -a "$T/whole-$1" "$T/hosts/$1/state"; }

# --- silent lines: the longest wait, so they begin first ---

still_after=${FLEET_ALL:+3000} # of a small update there is less
line web-still "$web_port" "${still_after:-30000}" stall-down
line git-still "$git_port" "${still_after:-30000}" stall-down
declare -A still
for id in nyc bos; do
	"$agent" pull --now --config-dir "$T/hosts/$id/etc" >"$T/still-$id" 2>&1 </dev/null &
	still[$id]=$!
done

# --- pulling ---

# cut_pulls ID LINE TARGET-PORT PLACE...
cut_pulls()
{
	local id=$1 name=$2 port=$3 cut how n=0
	line "$name" "$port"
	pull "$id" --now
	runs "$id" 2
	line_end "$name"
	up=$(most "$name" up)
	down=$(most "$name" down)
	while read -r cut how; do
		back "$id"
		line "$name" "$port" "$cut" "$how"
		pull "$id" --now
		[ "$code" -ne 0 ] || continue # it needed less than the one that was measured
		case $(host_runs "$id") in 1 | 2) ;; *) fail "$id: something whole runs" ;; esac
		nobody "$id" "cut after $cut bytes $how"
		line "$name" "$port"
		pull "$id" --now
		[ "$(host_runs "$id")" = 2 ] || fail "$id: cut after $cut bytes $how, the next pull completes"
		line_end "$name"
		if [ "$name" = web ] && [ "$how" = down ] && [ "$cut" -gt $((down / 2)) ] && [ -z "${FLEET_ALL:-}" ]; then
			[ "$(most "$name" down)" -lt $((down - cut + 30000)) ] || fail "$id: cut after $cut of $down bytes, no more than the rest comes: $(most "$name" down)"
		fi
		n=$((n + 1))
	done < <(shift 3; places "$@")
	[ "$n" -ge 3 ] || fail "$id: the line was cut at $n places only"
	ok "$id: cut at $n places, the next pull completes"
}
cut_pulls tyo web "$web_port" down:3 down:40 down:85 up:20 up:80
cut_pulls osa git "$git_port" down:3 down:40 down:85 up:20 up:80

# --- pushing ---

ctl rollout start ber-D --allow-blind
expect 0 "a push over a whole line"
runs ber-D 2
line_end push
sshd_port=$(cat "$T/hosts/ber-D/port")
up=$(most push up)
down=$(most push down)
# A rollout tries again by itself: when the first try is over, the line is whole.
n=0
bitten=0
while read -r cut how; do
	name="push, cut after $cut bytes $how"
	change
	line push "$sshd_port" "$cut" "$how"
	(cd "$fleet" && exec "$fleetctl" rollout start ber-D --allow-blind) >"$T/out" 2>"$T/err" </dev/null &
	rolling=$!
	pids+=("$rolling")
	until_true 300 eval '! kill -0 "$rolling" 2>/dev/null || grep -q "try 1: .*again in" "$T/err"' || fail "$name: it says that it tries again"
	! grep -q 'try 1: ' "$T/err" || bitten=$((bitten + 1))
	line push "$sshd_port"
	code=0
	wait "$rolling" || code=$?
	[ "$code" -eq 0 ] || fail "$name: the next try completes"
	n=$((n + 1))
	[ "$(host_runs ber-D)" = $((n + 2)) ] || fail "$name: it runs $(host_runs ber-D)"
	nobody ber-D "$name"
	line_end push
	# what came in whole pieces of 32 KiB is not sent again; the last of them may be lost with the line
	[ "$how" != up ] || [ "$cut" -lt $((up * 3 / 4)) ] || [ -n "${FLEET_ALL:-}" ] || [ "$(most push up)" -lt $((up - 30000)) ] ||
		fail "$name of $up: not all goes up again: $(most push up)"
done < <(places up:10 up:50 up:85 down:30 down:80)
[ "$bitten" -ge 3 ] || fail "push: the line was cut at $bitten places only"
ok "push: cut at $bitten places, the next try completes"

# --- and what was silent ---

for id in nyc bos; do
	code=0
	wait "${still[$id]}" || code=$?
	[ "$code" -ne 0 ] || fail "$id: a line that goes silent is no success"
	grep -q 'failed: .*said nothing for' "$T/still-$id" || fail "$id: it says so: $(cat "$T/still-$id")"
	nobody "$id" "silent"
done
line web-still "$web_port"
line git-still "$git_port"
for id in nyc bos; do
	pull "$id" --now
	runs "$id" 2
done
ok "a line that went silent was given up, and the next pull completes"
