#!/usr/bin/env bash
# Our figures beside those of OpenSSH, git and curl, measured in one run on this machine: bytes and time of an update over a slow
# line, of polls and pulls over git and HTTPS, CPU of the controller, memory on the host, how long a boot takes, what is left running.
# The last lines are the verdicts, and one that sums them up; a figure above its bound is MISSED. Exits 1 when one is, or when a
# section did not come to its end, and names it.
#   bench.sh [SECTION...]   all of them, or these
#   BENCH_PLANS=1000 BENCH_RELEASES=20 (of each plan, for signing)
#   BENCH_HOSTS=50  BENCH_BIG=200 (MiB)  BENCH_RTT=300 (ms)  BENCH_TIMES=5 (updates over the slow line)
# shellcheck disable=SC1091,SC2154 # tower.sh has them
. "$(dirname "$0")/../e2e/tower.sh"
. "$here/tests/bench/verdicts.sh"

MANY=${BENCH_HOSTS:-50}
BIG_MIB=${BENCH_BIG:-200}
RTT=${BENCH_RTT:-300}
TIMES=${BENCH_TIMES:-5}
PLANS=${BENCH_PLANS:-1000}
RELEASES=${BENCH_RELEASES:-20}
PARALLEL=8
PLUGINS=/usr/share/munin/plugins
relay=$build/tests/bench/relay
peak=$build/tests/bench/peak
section=none

# --- figures ---

# field NAME: of the JSON line on stdin.
field() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
most() { printf '%s\n' "$@" | sort -n | tail -n 1; }

# --- the tower ---

# bench_plan PLAN FOLDER: a health check that costs nothing, and no time to settle: what is left is the update.
bench_plan()
{
	cat >"$fleet/plans/$1.yaml" <<-PLAN
	plan: $1
	scripts: [$2, small]
	probes:
	  - {name: beat, run: probes/beat.sh, every: 1h, timeout: 5s}
	checks:
	  - {name: health, run: checks/health.sh, class: local, timeout: 5s}
	trial: {settle: 0s, deadline: 30s}
	PLAN
}

make_fleet()
{
	tower_fleet
	rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
	small_scripts
	mkdir "$fleet/scripts/munin"
	cp "$PLUGINS"/* "$fleet/scripts/munin/"
	bench_plan bench munin
	keys_new
	sign bench
	[ "$code" -eq 0 ] || fail "the real tree is signed"
	say "tree: $(find "$fleet/scripts/munin" -type f | wc -l) scripts, $(stat -c %s "$fleet/.fleetctl/build/bench.tar") bytes as a bundle, $(squeezed bench) compressed"
}
# squeezed PLAN: bytes of its newest bundle as it is sent.
squeezed() { stat -c %s "$fleet/repository/bundles/$(sha256sum <"$fleet/.fleetctl/build/$1.tar" | cut -d' ' -f1).tar.zst"; }

# change WORD: one line of one script, signed.
change()
{
	sed -i "2s/.*/# bench: $1/" "$fleet/scripts/munin/df"
	sign bench
	[ "$code" -eq 0 ] || fail "one changed line is signed"
}

# A key that may do anything, for those we are compared with. The file says where and with which key, all else is ssh's default.
peer_begin()
{
	ssh-keygen -q -t ed25519 -N '' -C peer -f "$T/peer"
	printf 'Host *\nHostName 127.0.0.1\nUser %s\nIdentityFile %s\nUserKnownHostsFile %s\n' "$me" "$T/peer" "$T/known" >"$T/ssh_config"
}
# peer_host ID PORT
peer_host()
{
	cat "$T/peer.pub" >>"$T/hosts/$1/authorized_keys"
	printf 'Host %s\nPort %s\n' "$1" "$2" >>"$T/ssh_config"
	printf '[127.0.0.1]:%s %s\n' "$2" "$(cut -d' ' -f1,2 "$T/hosts/$1/host_key.pub")" >>"$T/known"
}

# roll HOSTS [COMMAND...]: through COMMAND if given; every host must commit.
roll()
{
	local hosts=$1
	shift
	(cd "$fleet" && "$@" "$fleetctl" rollout start "$hosts" --allow-blind --canary 0 --waves 100% --parallel $PARALLEL -i "$T/operator") \
		>"$T/out" 2>"$T/err" </dev/null || fail "rollout to $hosts"
}

# --- bytes and time: one host at the other end of a slow line ---

lines() { wc -l <"$T/relay.out"; }
has_lines() { [ "$(lines)" -ge "$1" ]; }

relay_up()
{
	: >"$T/relay.out"
	"$relay" 0 "$(cat "$T/hosts/line/port")" "$RTT" >>"$T/relay.out" &
	pids+=($!)
	until_true 50 has_lines 1 || fail "the relay starts"
	line_port=$(field port <"$T/relay.out")
	sed -i "/id: line,/s/port: [0-9]*/port: $line_port/" "$fleet/hosts.yaml"
	grep -q "port: $line_port" "$fleet/hosts.yaml" || fail "hosts.yaml leads through the relay"
	peer_host line "$line_port"
}
# over_line COMMAND...: its one connection, as the relay saw it, in $bytes and $ms.
over_line()
{
	local before
	before=$(lines)
	"$@"
	until_true 100 has_lines $((before + 1)) || fail "the relay counted a connection of: $*"
	[ "$(lines)" -eq $((before + 1)) ] || fail "one connection and no more: $*"
	up=$(tail -n 1 "$T/relay.out" | field up)
	down=$(tail -n 1 "$T/relay.out" | field down)
	ms=$(tail -n 1 "$T/relay.out" | field ms)
	bytes=$((up + down))
}
ssh_true() { ssh -F "$T/ssh_config" line true </dev/null || fail "ssh line true"; }

bytes_and_time()
{
	local i ours_bytes=() ours_ms=() ssh_bytes=() ssh_ms=()
	over_line roll line
	say "first release over ${RTT} ms: $bytes bytes (up $up, down $down), $ms ms"
	for i in $(seq "$TIMES"); do
		change "line $i"
		over_line roll line
		runs line $((i + 1)) >/dev/null
		ours_bytes+=("$bytes") ours_ms+=("$ms")
		say "one line changed over ${RTT} ms: $bytes bytes (up $up, down $down), $ms ms"
		over_line ssh_true
		ssh_bytes+=("$bytes") ssh_ms+=("$ms")
		say "ssh line true over ${RTT} ms: $bytes bytes (up $up, down $down), $ms ms"
	done
	compare bytes "$(most "${ours_bytes[@]}")" "$(median "${ssh_bytes[@]}")" 1.0 B
	compare time "$(median "${ours_ms[@]}")" "$(median "${ssh_ms[@]}")" 1.0 ms
}

# --- CPU of the controller ---

# cpu FILE: microseconds a host.
cpu() { echo $(($(field cpu_us <"$1") / MANY)); }

ssh_many()
{
	local id
	mkdir "$T/plain"
	tar -xf "$fleet/.fleetctl/build/bench.tar" -C "$T/plain"
	for id in "${many[@]}"; do
		mkdir "$T/hosts/$id/peer"
	done
	# compressed once, sent to each, unpacked there
	# shellcheck disable=SC2016
	printf '%s\n' "${many[@]}" | "$peak" "$T/cpu-ssh" sh -c '
		tar -C "$1/plain" -cf - . | zstd -q >"$1/plain.tar.zst" &&
		xargs -P "$2" -I ID sh -c "exec ssh -F $1/ssh_config ID \"zstd -dcq | tar -xf - -C $1/hosts/ID/peer\" <$1/plain.tar.zst"' \
		sh "$T" $PARALLEL >"$T/out" 2>"$T/err" || fail "xargs ssh"
	for id in "${many[@]}"; do
		[ -s "$T/hosts/$id/peer/df" ] || fail "ssh brought the tree to $id"
	done
}

cpu_many()
{
	local full patch theirs
	roll 'many-*' "$peak" "$T/cpu-full"
	full=$(cpu "$T/cpu-full")
	change many
	roll 'many-*' "$peak" "$T/cpu-patch"
	patch=$(cpu "$T/cpu-patch")
	ssh_many
	theirs=$(cpu "$T/cpu-ssh")
	say "$MANY hosts: fleetctl $(wall "$T/cpu-full") ms in all (full), $(wall "$T/cpu-patch") ms (patch); xargs -P $PARALLEL ssh $(wall "$T/cpu-ssh") ms"
	compare cpu-full "$full" "$theirs" 0.1 us/host
	compare cpu-patch "$patch" "$theirs" 0.1 us/host
}
wall() { echo $(($(field wall_us <"$1") / 1000)); }

# --- memory on the host ---

has_all() { grep -q '"all"' "$1" 2>/dev/null; }

# host_peak ID: from now on what its forced command and all it leaves behind took is written to $T/hosts/ID/peak.
host_peak() { sed -i "s|command=\"|command=\"$peak $T/hosts/$1/peak |" "$T/hosts/$1/authorized_keys"; }

# memory HOST NAME: of one update; $serve and $apply in KiB.
memory()
{
	local h=$T/hosts/$1
	rm -f "$h/peak"
	roll "$1"
	until_true 100 has_all "$h/peak" || fail "apply of $1 ends"
	serve=$(grep '"command"' "$h/peak" | field peak_kib)
	apply=$(grep '"left"' "$h/peak" | field peak_kib | sort -n | tail -n 1)
	say "memory, $2: serve $serve KiB, apply $apply KiB"
	judge "memory-serve-$2" "$(mib "$serve")" 12 "MiB at its peak"
	judge "memory-apply-$2" "$(mib "$apply")" 12 "MiB at its peak"
}
mib() { awk -v k="$1" 'BEGIN { printf "%.2f", k / 1024 }'; }

# Random files. Level 19 would take minutes over bytes that cannot get smaller: a quick pass is put where sign looks first.
make_big()
{
	local i tar
	mkdir "$fleet/scripts/big"
	for i in $(seq "$BIG_MIB"); do
		head -c 1048576 /dev/urandom >"$fleet/scripts/big/$i.bin"
	done
	bench_plan big big
	sign --dry-run big
	[ "$code" -eq 0 ] || fail "the big tree is packed"
	tar=$fleet/.fleetctl/build/big.tar
	zstd -q -1 "$tar" -o "$fleet/repository/bundles/$(sha256sum <"$tar" | cut -d' ' -f1).tar.zst"
	sign big
	[ "$code" -eq 0 ] || fail "the big tree is signed"
	rm -rf "$fleet/scripts/big"
}

memories()
{
	local serve apply serve_1 apply_1
	memory mem 1MB
	serve_1=$serve apply_1=$apply
	change mem
	memory mem patch
	make_big
	host_make mem-big big here
	host_peak mem-big
	memory mem-big "${BIG_MIB}MB"
	judge memory-serve-grows "$(awk -v a="$serve" -v b="$serve_1" 'BEGIN { printf "%.3f", a / b }')" 1.25 "${BIG_MIB} MB over 1 MB"
	judge memory-apply-grows "$(awk -v a="$apply" -v b="$apply_1" 'BEGIN { printf "%.3f", a / b }')" 1.25 "${BIG_MIB} MB over 1 MB"
}

# --- what is left running ---

# Of this tower's agents, all but probe runners: "PID COMMAND LINE".
left()
{
	local p line
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/exe" 2>/dev/null)" = "$(readlink -f "$agent")" ] || continue
		line=$(tr '\0' ' ' 2>/dev/null <"$p/cmdline") || continue
		case $line in
		*" probes "*) ;;
		*"$T/"*) echo "${p##*/} $line" ;;
		esac
	done
}
nothing_left() { [ -z "$(left)" ]; }

# --- all of it ---

# What the trust code costs: five roles, Ed25519; and the most that a server without a key can make it take.
trust_cost()
{
	"$build/tests/bench/trust" >"$T/trust.json"
	say "trust: $(cat "$T/trust.json")"
	judge refresh-cpu "$(field refresh_cpu_us <"$T/trust.json")" 2000 "us of CPU, five roles"
	judge refresh-memory "$(field refresh_heap_kib <"$T/trust.json")" 2048 "KiB of heap, all five held"
	judge hostile-memory "$(field hostile_kib <"$T/trust.json")" 65536 "KiB at most, whatever 5 MB are served"
}

# --- signing: one plan of a thousand changes ---

# said_all WORD: every plan says it, so every plan has another release.
said_all() { sed -i "s/args: \[[a-z0-9]*\]/args: [$1]/" "$fleet"/plans/*.yaml; }
metadata() { (cd "$fleet/repository/metadata" && sha256sum -- * | sort -k 2); }
# seconds FILE: of what peak wrote.
seconds() { field wall_us <"$1" | awk '{ printf "%.2f", $1 / 1000000 }'; }

# in_memory DIR: where that can be had. A disk would mostly show how fast it syncs the making of a large fleet.
in_memory() { ! mount -t tmpfs tmpfs "$1" 2>"$T/err" || mounts+=("$1"); }

many_plans()
{
	local i
	mkdir "$T/many"
	in_memory "$T/many"
	fleet=$T/many/thousand
	tower_fleet
	rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
	small_scripts
	printf 'releases: %d\n' "$RELEASES" >>"$fleet/fleet.yaml"
	for i in $(seq -w "$PLANS"); do
		small_plan "plan-$i"
		sed -i 's/run: probes\/beat.sh/&, args: [v0]/' "$fleet/plans/plan-$i.yaml"
	done
	keys_new
	for i in $(seq "$RELEASES"); do
		said_all "v$i"
		sign
		[ "$code" -eq 0 ] || fail "release $i of $PLANS plans is signed"
	done
	git -C "$fleet" init -q
	git -C "$fleet" add -A
	git -C "$fleet" -c user.name=bench -c user.email=bench@example commit -qm 'all of them'
}

# sign_many: the whole fleet is compiled and held against what was signed; the peer commits what came of it.
sign_many()
{
	local mine=$fleet plan ours git hash
	many_plans
	plan=plan-$(seq -w "$PLANS" | sed -n "$((PLANS / 2))p")
	metadata >"$T/before"
	sed -i 's/args: \[[a-z0-9]*\]/args: [changed]/' "$fleet/plans/$plan.yaml"
	(cd "$fleet" && exec "$peak" "$T/cpu-sign" "$fleetctl" sign --yes --passphrase-fd 3) >"$T/out" 2>"$T/err" 3<<<"$passphrase" ||
		fail "one changed plan is signed"
	metadata >"$T/after"
	{ diff "$T/before" "$T/after" || true; } | sed -n 's/^> [0-9a-f]*  [0-9]*[.]*\([a-zA-Z0-9-]*\)[.]json$/\1/p' | sort | tr '\n' ' ' >"$T/changed"
	[ "$(cat "$T/changed")" = "$plan snapshot timestamp " ] || fail "its role, snapshot and timestamp change: $(cat "$T/changed")"
	(cd "$fleet" && exec "$peak" "$T/cpu-git" sh -c 'git add -A && git -c user.name=bench -c user.email=bench@example commit -qm one') \
		>"$T/out" 2>"$T/err" || fail "git commits it"
	(cd "$fleet" && exec "$peak" "$T/cpu-hash" sh -c 'find repository/metadata -type f -exec sha256sum {} +') >"$T/out" || fail "sha256sum"
	ours=$(seconds "$T/cpu-sign") git=$(seconds "$T/cpu-git") hash=$(seconds "$T/cpu-hash")
	say "one of $PLANS plans of $RELEASES releases: fleetctl sign $ours s ($(field cpu_us <"$T/cpu-sign") us of CPU); git commit of it $git s; sha256sum of all metadata $hash s"
	judge sign-one-plan "$ours" 10 "s, of $PLANS plans of $RELEASES releases"
	judge sign-to-git "$(awk -v a="$ours" -v b="$git" 'BEGIN { printf "%.3f", a / (b > 0.01 ? b : 0.01) }')" 20 "times git add and commit of the same change"
	fleet=$mine
}

# --- the tower, and all of it ---

. "$here/tests/bench/boot_bench.sh"
. "$here/tests/bench/git_bench.sh"
. "$here/tests/bench/https_bench.sh"

over_ssh()
{
	make_fleet
	peer_begin
	host_make line bench here
	probes_up line
	relay_up
	bytes_and_time
	many=()
	local n
	for n in $(seq -w "$MANY"); do
		many+=("many-$n")
		host_make "many-$n" bench here
		peer_host "many-$n" "$(cat "$T/hosts/many-$n/port")"
	done
	cpu_many
	host_make mem bench here
	host_peak mem
	memories
	until_true 50 nothing_left || left
	judge processes-left "$(left | wc -l)" 0 "of fleet-agent, besides the probe runner"
}

# section     function
sections='
trust       trust_cost
sign        sign_many
boot        boot_costs
git         git_pull_costs
https       https_pull_costs
ssh         over_ssh
'
# wanted NAME [SECTION...]: none named are all.
wanted()
{
	local name=$1
	shift
	[ -n "$name" ] || return 1
	[ $# -eq 0 ] || printf '%s\n' "$@" | grep -qx -- "$name"
}
bench_end()
{
	local status=$?
	trap - EXIT
	[ "${#verdicts[@]}" -eq 0 ] || printf '%s\n' '' "${verdicts[@]}"
	[ "$status" -eq 0 ] || printf 'NOT TO ITS END: section %s\n' "$section"
	summary || status=$((status ? status : 1))
	set +e
	(exit "$status")
	tower_end
}

tower_begin
trap bench_end EXIT
unset http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY
chmod 0755 "$T" # nginx's worker may be another user
say "machine: $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg); $(ssh -V 2>&1)"
for name in "$@"; do
	awk -v s="$name" '$1 == s { found = 1 } END { exit !found }' <<<"$sections" || fail "no section $name; there are: $(awk '{ printf "%s ", $1 }' <<<"$sections")"
done
while read -r section function; do
	wanted "$section" "$@" || continue
	say "" "# $section, after $SECONDS s"
	"$function" </dev/null
done <<<"$sections"
section=none
