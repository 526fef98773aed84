# shellcheck shell=bash disable=SC2034,SC2154
# How long a boot holds up the scripts: with nothing to settle, and after the worst that a power cut or a worn card leaves of a release of
# 1 MB; and how long until a trial that was cut off is settled. Nothing is fetched: nobody is there to fetch from. For bench.sh, which
# sources this and has `judge` and `compare`; a boot that takes longer than its bound fails it.

boot_times=9

# timed COMMAND...: in $us.
timed()
{
	local began=${EPOCHREALTIME/./}
	"$@" >"$T/out" 2>"$T/err" </dev/null || fail "$*: $(cat "$T/err")"
	us=$((${EPOCHREALTIME/./} - began))
}
# boots WORDS SPOIL PEER: $ms is the median of so many boots, each after SPOIL; $peer_ms that of PEER.
boots()
{
	local i ours=() theirs=()
	for i in $(seq "$boot_times"); do
		"$2"
		timed "$agent" boot --config-dir "$T/hosts/boot/etc"
		grep -q "$1" "$T/out" || fail "boot says $1: $(cat "$T/out")"
		ours+=("$us")
		timed "$3"
		theirs+=("$us")
	done
	ms=$(in_ms "$(median "${ours[@]}")") peer_ms=$(in_ms "$(median "${theirs[@]}")")
}
in_ms() { awk -v us="$1" 'BEGIN { printf "%.1f", us / 1000 }'; }

nothing() { :; }
spoil_tree() { chmod -R u+w "$boot_tree" && echo '# spoilt' >>"$boot_tree/df"; }
spoil_bundle() { printf 'x' | dd of="$boot_bundle" bs=1 seek=700 conv=notrunc 2>/dev/null; }
spoil_both() { spoil_tree && spoil_bundle; }
peer_read() { find "$boot_tree/" "$boot_bundle" -type f -exec sha256sum {} +; }
peer_unpack() { rm -rf "$T/unpacked" && mkdir "$T/unpacked" && tar -xf "$boot_bundle" -C "$T/unpacked" && sync -f "$T/unpacked"; }

# --- a trial that was cut off ---

# Hooks and the check wait as long as $T/hold.WHAT is there: that is where the power goes.
boot_scripts()
{
	local one
	mkdir -p "$fleet/scripts/small/hooks"
	for one in hooks/start hooks/stop checks/health; do
		printf '#!/bin/sh\nwhile [ -e %s ]; do sleep 0.05; done\n' "$T/hold.${one##*/}" >"$fleet/scripts/small/$one.sh"
		chmod 0755 "$fleet/scripts/small/$one.sh"
	done
	echo 'hooks: {start: hooks/start.sh, stop: hooks/stop.sh}' >>"$fleet/plans/bench.yaml"
	sign bench
	[ "$code" -eq 0 ] || fail "with hooks it is signed"
}
boot_is_at() { host_status boot | grep -q "\"step\":\"$1\""; }
settled() { ! host_status boot | grep -q '"trial":{'; }
# Nobody is at work there any more: who applied last may still be sweeping.
boot_put() { flock "$T/hosts/boot/state/apply.lock" true && chmod -R u+w "$T/hosts/boot/state" && rm -rf "$T/hosts/boot/state" && cp -a "$1" "$T/hosts/boot/state"; }
# cut_off HOLD STEP COMMAND...: the power goes when it is there; how the host lies there then is $T/boot.cut.
cut_off()
{
	local hold=$1 step=$2 driver
	shift 2
	boot_put "$T/boot.whole"
	touch "$T/hold.$hold"
	"$@" >"$T/out" 2>"$T/err" </dev/null &
	driver=$!
	until_true 300 boot_is_at "$step" || fail "it comes to $step"
	kill -9 "$driver"
	wait "$driver" 2>/dev/null || true
	pkill -9 -f -- "--config-dir $T/hosts/boot/etc" || true
	flock "$T/hosts/boot/state/apply.lock" true # until it is dead
	boot_is_at "$step" || fail "it was killed there"
	rm -rf "$T/boot.cut"
	cp -a "$T/hosts/boot/state" "$T/boot.cut"
	rm "$T/hold.$hold"
}
# settles NAME RELEASE: $ms is the median until nothing is on trial, $peer_ms until boot lets the scripts start.
settles()
{
	local began all=() boots=()
	for _ in $(seq "$boot_times"); do
		boot_put "$T/boot.cut"
		began=${EPOCHREALTIME/./}
		timed "$agent" boot --config-dir "$T/hosts/boot/etc"
		grep -q 'taken up' "$T/out" || fail "$1: boot takes it up: $(cat "$T/out")"
		boots+=("$us")
		until settled; do :; done
		all+=($((${EPOCHREALTIME/./} - began)))
		[ "$(host_runs boot)" = "$2" ] || fail "$1: release $2 runs: $(host_runs boot)"
	done
	ms=$(in_ms "$(median "${all[@]}")") peer_ms=$(in_ms "$(median "${boots[@]}")")
	judge "boot-cut-$1" "$ms" 2000 "ms until it is settled; scripts may start after $peer_ms ms"
}
push_boot() { cd "$fleet" && exec "$fleetctl" rollout start boot --allow-blind --canary 0 --waves 100% -i "$T/operator"; }
boot_trials()
{
	boot_scripts
	roll boot
	runs boot 3
	cp -a "$T/hosts/boot/state" "$T/boot.whole"
	change cut
	cut_off stop swap push_boot
	settles before-swap 4
	cut_off health prove push_boot
	settles after-swap 4
	cut_off stop rollback "$agent" rollback --config-dir "$T/hosts/boot/etc"
	settles on-the-way-back 2
}

boot_costs()
{
	make_fleet
	host_make boot bench here
	roll boot
	change boot
	roll boot
	boot_times=9
	boot_tree=$(readlink -f "$T/hosts/boot/state/current/tree")
	boot_bundle=$T/hosts/boot/state/bundles/$(basename "$boot_tree").tar
	boots 'is what was signed' nothing peer_read
	judge boot-idle "$ms" 150 "ms, nothing to settle; sha256sum of the same files $peer_ms ms"
	boots 'healed: its tree' spoil_tree peer_unpack
	judge boot-heals "$ms" 2000 "ms, its tree again from its bundle; tar and sync $peer_ms ms"
	boots 'healed: its bundle' spoil_bundle peer_read
	judge boot-heals-bundle "$ms" 2000 "ms, its bundle again from its tree; sha256sum of both $peer_ms ms"
	cp -a "$T/hosts/boot/state" "$T/boot.kept"
	boot_times=1
	boots 'runs now' spoil_both nothing
	judge boot-goes-back "$ms" 2000 "ms, neither is left: the release before"
	boot_put "$T/boot.kept"
	boot_times=9
	boot_trials
}
