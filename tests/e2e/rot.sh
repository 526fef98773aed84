# shellcheck shell=bash disable=SC2034,SC2154
# A byte rots on a host's card. Source it after web.sh. $h is the host's folder, $state its state, $T/whole how it was; it runs release 2.

# Signed, open to all who pull, published.
roll()
{
	sign
	ctl_sign rollout abort
	ctl_sign rollout start all --pull --any-time --allow-blind
	publish
}
whole() { chmod -R u+w "$h" && rm -rf "$h" && cp -a "$T/whole" "$h"; }
# flip FILE: one bit of one byte; where, is in $at.
flip()
{
	local byte
	at=$(((RANDOM * 32768 + RANDOM) % $(stat -c %s "$1")))
	byte=$(od -An -tu1 -j"$at" -N1 "$1")
	chmod u+w "$1"
	# shellcheck disable=SC2059
	printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$at" conv=notrunc 2>/dev/null
}
as_signed() { "$agent" verify --config-dir "$h/etc" >"$T/out" 2>&1 || fail "$1: what runs is not what was signed"; }
# rots FILE PATTERN END: flipped twice; boot says PATTERN. END healed: after it, or after a poll, it is as it was; again: the
# next boot has nothing to say of it; named: it comes again when it is needed.
rots()
{
	for _ in 1 2; do
		whole
		flip "$state/$1"
		code=0
		"$agent" boot --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null || code=$?
		[ "$code" -eq 0 ] || fail "$1, byte $at: a host boots"
		grep -qE -e "$2" "$T/out" || fail "$1, byte $at: boot says /$2/"
		as_signed "$1, byte $at"
		"$agent" status --config-dir "$h/etc" >"$T/out" 2>"$T/err" || fail "$1, byte $at: status answers"
		pull ber-D --now
		[ "$code" -eq 0 ] || fail "$1, byte $at: a poll comes through"
		as_signed "$1, byte $at, after a poll"
		[ "$(host_runs ber-D)" = 2 ] || fail "$1, byte $at: release 2 runs"
		case $3 in
		healed) cmp -s "$state/$1" "$T/whole/state/$1" || fail "$1, byte $at: it is as it was" ;;
		again)
			"$agent" boot --config-dir "$h/etc" >"$T/out" 2>"$T/err" </dev/null || fail "$1: a second boot"
			! grep -qE -e "$2" "$T/out" || fail "$1, byte $at: it is whole again"
			;;
		esac
	done
	ok "$1: found, and $3"
}
