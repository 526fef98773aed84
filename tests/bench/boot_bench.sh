# shellcheck shell=bash disable=SC2034,SC2154
# How long a boot holds up the scripts: with nothing to settle, and after the worst that a power cut or a worn card leaves of a release of
# 1 MB. For bench.sh, which sources this and has `judge` and `compare`.

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

boot_costs()
{
	make_fleet
	host_make boot bench here
	roll boot
	change boot
	roll boot
	boot_tree=$(readlink -f "$T/hosts/boot/state/current/tree")
	boot_bundle=$T/hosts/boot/state/bundles/$(basename "$boot_tree").tar
	boots 'is what was signed' nothing peer_read
	judge boot-idle "$ms" 150 "ms, nothing to settle; sha256sum of the same files $peer_ms ms"
	boots 'healed: its tree' spoil_tree peer_unpack
	judge boot-heals "$ms" 2000 "ms, its tree again from its bundle; tar and sync $peer_ms ms"
	boots 'healed: its bundle' spoil_bundle peer_read
	judge boot-heals-bundle "$ms" 2000 "ms, its bundle again from its tree; sha256sum of both $peer_ms ms"
	boot_times=1
	boots 'runs now' spoil_both nothing
	judge boot-goes-back "$ms" 2000 "ms, neither is left: the release before"
}
