#!/usr/bin/env bash
# Everything of a tower is killed and started again in an order that a seed chooses. Read README.md.
#   chaos.sh SECONDS [--seed S]     so long, then all comes to rest and must be what the history says
#   chaos.sh stored                 the stored seeds, a few seconds each
#   chaos.sh choices N [--seed S]   the first N choices, and nothing else
. "$(dirname "$0")/town.sh"
. "$here/tests/chaos/updates.sh"
. "$here/tests/chaos/truth.sh"

usage()
{
	echo 'usage: chaos.sh SECONDS [--seed S] | chaos.sh stored | chaos.sh choices N [--seed S]' >&2
	exit 2
}

# --- chance: the same for the same seed, whatever the machine does meanwhile ---

# chance STREAM N: $picked is 0 to N-1. Two streams, so that how many updates there is time for changes nothing for the steps.
declare -A luck
chance()
{
	luck[$1]=$((${luck[$1]} * 6364136223846793005 + 1442695040888963407))
	picked=$(((${luck[$1]} >> 33 & 0x7fffffff) % $2))
}
pick() # STREAM WORD...: $picked is one of them
{
	local stream=$1
	shift
	chance "$stream" $#
	shift "$picked"
	picked=$1
}

acts=(kill kill kill kill kill kill kill kill kill kill kill reboot reboot mend mend mend mend mend poll poll poll control control control control control control guard)
prey=(serve apply apply pull pull boot probes guard sshd session fetch script nginx fleetctl fleetctl)
signals=(KILL KILL TERM)
waits=(0.01 0.02 0.05 0.1 0.2 0.4 0.6)

# choose: the next step: $act $at $what $signal $wait, always five draws, so that no outcome moves the next choice
choose()
{
	steps=$((steps + 1))
	pick steps "${acts[@]}"; act=$picked
	chance steps 60; at=$picked
	pick steps "${prey[@]}"; what=$picked
	pick steps "${signals[@]}"; signal=$picked
	pick steps "${waits[@]}"; wait=$picked
	choice="$steps: $act $at $what $signal $wait"
}
choose_update()
{
	pick updates "${kinds[@]}"
	next_kind=$picked
}
choices_begin()
{
	steps=0
	luck=([steps]=$seed [updates]=$((seed + 7)))
	chance steps 1000 # the first few of a small seed are alike
	chance updates 1000
	chance steps 2; town_d=$((2 + picked))
	chance steps 2; town_p=$((2 + picked))
}
choices_print()
{
	choices_begin
	for ((n = 0; n < $1; n++)); do
		choose
		echo "$choice"
	done
}

# --- what a choice does ---

note() { printf '%s %s\n' "$(date +%H:%M:%S.%3N)" "$*" >>"$T/chaos.log"; }
hit() # SIGNAL NAME PID...
{
	local signal=$1 name=$2
	shift 2
	end "$signal" "$@"
	kills=$((kills + $#))
	note "  $signal $name $*"
}
# lines HOST PID NAME
everybody()
{
	local id words
	for id in "${hosts[@]}"; do
		whose "$id" | while read -r words; do echo "$id $words"; done
	done
}
act_kill()
{
	local all list id pid
	case $what in
	nginx)
		nginx_down "$signal" || return 0
		kills=$((kills + 1))
		note "  $signal nginx"
		return 0
		;;
	fleetctl)
		list=$(controllers)
		# shellcheck disable=SC2086
		[ -z "$list" ] || hit "$signal" fleetctl $list
		return 0
		;;
	esac
	all=$(everybody)
	list=$(grep " $what\$" <<<"$all" || true)
	[ -n "$list" ] || list=$(grep -vE ' (sshd|probes)$' <<<"$all" || true) # none of these is there: another one that is at work,
	[ -n "$list" ] || [ $((at % 2)) -eq 0 ] || list=$all                    # or, every other time, any
	[ -n "$list" ] || return 0
	read -r id pid what <<<"$(sed -n "$((at % $(wc -l <<<"$list") + 1))p" <<<"$list")"
	hit "$signal" "$id/$what" "$pid"
}
act_reboot()
{
	local left
	left=$(whose "$host" | wc -l)
	power_off "$host"
	kills=$((kills + left)) reboots=$((reboots + 1))
	note "  $host is off"
	sleep "$wait"
	[ "$signal" != TERM ] || ! is_pushed "$host" || sshd_up "$host" || true # units start side by side
	booted "$host"
	[ "$signal" = TERM ] || probes_up "$host"
}
# All that is down starts, from host $at on; which of its programs first, the signal says.
act_mend()
{
	local i id
	[ "$signal" = TERM ] || nginx_up || note '  nginx does not start'
	for ((i = 0; i < ${#hosts[@]}; i++)); do
		id=${hosts[(at + i) % ${#hosts[@]}]}
		[ "$signal" = TERM ] || probes_up "$id"
		! is_pushed "$id" || sshd_up "$id" || note "  sshd of $id does not start"
		probes_up "$id"
	done
	nginx_up || note '  nginx does not start'
	receipts_look
}
# Their timers, from host $at on.
act_poll()
{
	local i
	for ((i = 0; i < ${#pulling[@]}; i++)); do
		polled "${pulling[(at + i) % ${#pulling[@]}]}" --now
	done
}
act_guard() { later "$T/hosts/$host/lib/fleet-guard" "$T/hosts/$host/state"; }
act_control()
{
	control && return 0
	choose_update
	begin "$next_kind"
}

# --- one run ---

run()
{
	local end
	choices_begin
	kills=0 reboots=0 host=
	town_begin "$town_d" "$town_p"
	trap town_end EXIT
	touch -d @0 "$T/looked"
	note "seed $seed: ${hosts[*]}"
	all_up || fail 'the tower starts'
	act_control
	end=$((SECONDS + seconds))
	while [ "$SECONDS" -lt "$end" ]; do
		choose
		note "$choice"
		echo "$choice" >>"$T/choices"
		host=${hosts[at % ${#hosts[@]}]}
		"act_$act"
		sleep "$wait"
	done
	note "rest"
	rest
	truth
	choices_print "$(wc -l <"$T/choices")" | cmp -s - "$T/choices" || fail 'the choices are those of the seed'
	[ -z "${FLEET_CHAOS_FORGERIES:-}" ] || forgeries
	say "chaos: $kills kills, $reboots reboots, $updates updates, ${#hosts[@]} hosts, $seconds s, seed $seed: state is what the history says"
}
stored()
{
	[ "${CI:-}" = true ] || [ -n "${FLEET_CHAOS:-}" ] || { echo 'the longer share: with CI=true, or FLEET_CHAOS=yes'; exit 77; }
	local seed
	while read -r seed; do
		FLEET_CHAOS_FORGERIES=yes "$0" "${FLEET_CHAOS_SECONDS:-10}" --seed "$seed" </dev/null || exit 1
	done <"$here/tests/chaos/seeds"
}

seed=$(($(date +%s) % 100000)) words=()
while [ $# -gt 0 ]; do
	case $1 in
	--seed)
		[ $# -gt 1 ] || usage
		seed=$2
		shift
		;;
	*) words+=("$1") ;;
	esac
	shift
done
case $seed${words[1]:-} in *[!0-9]*) usage ;; esac
case ${words[0]:-} in
stored) stored ;;
choices) choices_print "${words[1]:-20}" ;;
'' | *[!0-9]*) usage ;;
*)
	seconds=${words[0]}
	run
	;;
esac
