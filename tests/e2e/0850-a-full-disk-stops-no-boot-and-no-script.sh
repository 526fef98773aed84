#!/usr/bin/env bash
# On a full disk a pull is a clean "not now", and a boot still says what runs; with room again the release comes.
. "$(dirname "$0")/web.sh"

[ "$(id -u)" -eq 0 ] || { echo "skipped: a small disk needs root"; exit 77; }
tower_begin
disk=$T/hosts/ber-D/state
mkdir -p "$disk"
mount -t tmpfs -o size=12m,nr_inodes=4000 tmpfs "$disk" 2>/dev/null || { echo "skipped: nothing can be mounted here"; exit 77; }
mounts+=("$disk")
small_fleet plan-D
web_begin
puller ber-D plan-D
roll()
{
	sign
	ctl_sign rollout abort
	ctl_sign rollout start all --pull --any-time --allow-blind
	publish
}
fill() { rm -f "$disk/logs"; head -c "$((($(df -k --output=avail "$disk" | tail -n 1) - $1) * 1024))" /dev/zero >"$disk/logs"; }
boot() { code=0; "$agent" boot --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>"$T/err" </dev/null || code=$?; expect 0 "$1"; }

roll
pull ber-D --now
runs ber-D 1
head -c 800000 /dev/urandom >"$fleet/scripts/small/blob"
roll
fill 1500
pull ber-D --now
expect 1 "a release that does not fit is not taken now"
said 'failed: .*this update needs [0-9.]+ MB on this host' "and it says how much is missing"
runs ber-D 1
pull ber-D
said 'not-due' "it is tried again, later"
fill 0
pull ber-D --now
expect 1 "with no byte left"
said 'No space left|missing' "the same"
boot "a boot with no byte left"
said 'release 1 .* is what was signed' "is well"
tree=$(realpath "$disk/current/tree")
chmod -R u+w "$tree"
printf 'x' | dd of="$tree/probes/beat.sh" bs=1 seek=3 conv=notrunc 2>/dev/null
boot "and with a spoilt script"
said 'runs now' "something that is whole runs"
"$agent" verify --config-dir "$T/hosts/ber-D/etc" >"$T/out" 2>&1 || fail "and is what was signed: $(cat "$T/out")"
ok "and is what was signed"
rm "$disk/logs"
pull ber-D --now
expect 0 "with room again"
runs ber-D 2
