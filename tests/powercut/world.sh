# shellcheck shell=bash
# What the power is cut on: a system with the packaged agent, a disk with an enrolled host, and one published repository after the
# other for it to follow. Source it, then: world_begin FOLDER.
#   FOLDER/system     the system, the same for the virtual machine and for disks that are started from here
#   FOLDER/base.img   the disk that holds /var/lib/fleet-agent, as the enrolment left it
#   FOLDER/system/world/N/{repository,op,code,runs}
#                     what is published at update N; what the host does then (pull, rollback); the exit codes it may have;
#                     the number of the release that runs in the end
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/tower.sh"

agent_uid=990 # the package's user

# --- the system ---

# with_libraries FILE...: what they are linked with stands in the system where it stands here.
with_libraries()
{
	local lib
	for lib in $(ldd "$@" | sed -n 's/.*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p' | sort -u); do
		mkdir -p "$system${lib%/*}"
		cp -L "$lib" "$system$lib"
	done
}
system_make()
{
	mkdir -p "$system"/{bin,dev,etc,proc,run,sys,tmp,usr/bin,usr/sbin,usr/lib,var/lib/fleet-agent,world,powercut}
	ln -s usr/lib "$system/lib"
	mkdir "$system/usr/lib64"
	ln -s usr/lib64 "$system/lib64"
	DESTDIR=$system cmake --install "$build" --component fleet-agent --strip >"$T/out" 2>"$T/err" || fail "the package's files are installed"
	with_libraries "$system"/usr/lib/fleet-agent/* "$(command -v setpriv)"
	cp "$(command -v setpriv)" "$system/usr/bin/"
	cp "$(command -v busybox)" "$system/bin/busybox"
	chroot "$system" /bin/busybox --install -s /bin
	printf 'root:x:0:0::/:/bin/sh\nfleet-agent:x:%s:%s::/var/lib/fleet-agent:/bin/sh\n' "$agent_uid" "$agent_uid" >"$system/etc/passwd"
	printf 'root:x:0:\nfleet-agent:x:%s:\n' "$agent_uid" >"$system/etc/group"
	cp "$here/tests/powercut/life.sh" "$system/powercut/life.sh"
}

# "${inside[@]}" SECONDS IMAGE COMMAND...: in the system, with that disk in its place, in namespaces of its own: all ends with the
# command, or when the time is over.
inside_begin()
{
	# shellcheck disable=SC2016 # for the inner shell
	inside=(unshare --mount --pid --fork --kill-child --ipc --uts sh -euc '
		system=$1 seconds=$2 image=$3
		shift 3
		mount -o loop "$image" "$system/var/lib/fleet-agent"
		mount -t tmpfs run "$system/run"
		mount -t tmpfs tmp "$system/tmp"
		mount -t proc proc "$system/proc"
		mount -t tmpfs dev "$system/dev"
		for f in null zero urandom; do touch "$system/dev/$f"; mount --bind "/dev/$f" "$system/dev/$f"; done
		chmod 1777 "$system/tmp" "$system/run"
		chroot "$system" /bin/env -i PATH=/usr/bin:/bin TERM="${TERM:-dumb}" /bin/timeout -s KILL "$seconds" "$@"' sh "$system")
}

# --- the disk ---

disk_make()
{
	local sources='{"format": 1, "sources": [{"kind": "folder", "url": "/run/published"}]}'
	truncate -s 64M "$base"
	mkfs.ext4 -q -b 4096 -m 0 -E lazy_itable_init=0,lazy_journal_init=0,root_owner=$agent_uid:$agent_uid "$base"
	printf '%s\n' "$sources" >"$system/powercut/sources.json"
	cp "$fleet/repository/metadata/1.root.json" "$system/powercut/"
	"${inside[@]}" 60 "$base" sh -euc "rmdir /var/lib/fleet-agent/lost+found
		fleet-agent enrol --id ber-D --plan plan-D --root /powercut/1.root.json --sources /powercut/sources.json
		chown -R $agent_uid:$agent_uid /var/lib/fleet-agent" >"$T/out" 2>"$T/err" || fail "the host is enrolled"
}

# --- what is published, one after the other ---

signed() { [ "$code" -eq 0 ] || fail "world: $1"; }
change() { printf '# change %s\n' "$updates" >>"$fleet/scripts/small/probes/beat.sh"; }
# publish NAME OP CODES RUNS: the next update
publish()
{
	local to
	updates=$((updates + 1))
	to=$system/world/$updates
	ctl publish
	signed "published: $1"
	mkdir "$to"
	cp -a "$T/published" "$to/repository"
	printf '%s\n' "$1" >"$to/name"
	printf '%s\n' "$2" >"$to/op"
	printf '%s\n' "$3" >"$to/code"
	printf '%s\n' "$4" >"$to/runs"
}
# roll: what is signed now is for the host to take.
roll()
{
	sign
	signed "signed: $1"
	ctl rollout abort
	ctl rollout start all --pull --any-time --allow-blind
	signed "open to the host: $1"
}
plan()
{
	cat >"$fleet/plans/plan-D.yaml" <<-PLAN
	plan: plan-D
	scripts: [small]
	hooks: {start: hooks/start.sh, stop: hooks/stop.sh}
	probes:
	  - {name: beat, run: probes/beat.sh, every: 10s, timeout: 5s}
	checks:
	  - {name: health, run: checks/health.sh, class: local, timeout: 20s}
	trial: {settle: 0s, deadline: $1, touches: [$2]}
	link: {apn: example, class: s1.minimum, kbit: 32}
	PLAN
}
health() { printf '#!/bin/sh\n[ ! -w /dev/ttyS0 ] || echo "@ at check" >/dev/ttyS0\nexit %s\n' "$1" >"$fleet/scripts/small/checks/health.sh"; }
scripts()
{
	local word
	mkdir -p "$fleet/scripts/small/hooks" "$fleet/scripts/small/lib"
	for word in start stop; do
		printf '#!/bin/sh\n[ ! -w /dev/ttyS0 ] || echo "@ at %s" >/dev/ttyS0\n' "$word" >"$fleet/scripts/small/hooks/$word.sh"
	done
	health 0
	chmod 0755 "$fleet"/scripts/small/*/*.sh
	library 1
}
# library SEED: forty files and one of a megabyte, the same for the same seed; most of it compresses well, or signing would take long.
library()
{
	local i
	for i in $(seq 40); do
		awk -v seed="$1$i" 'BEGIN { srand(seed); for (n = 0; n < 90; n++) print "word" int(rand() * 100000), int(rand() * 1000) }' >"$fleet/scripts/small/lib/$i"
	done
	{ yes "library $1" || true; } 2>/dev/null | head -c 1000000 >"$fleet/scripts/small/lib/large"
}
# next_agent: another agent, as a later version, for every host.
next_agent()
{
	local at=$T/next
	mkdir "$at"
	cp "$build/tests/agent-next/fleet-agent" "$build/sources/fleet-fetch-https" "$build/sources/fleet-fetch-git" "$build/sources/fleet-post-git" "$at"
	strip "$at"/*
	printf '98.0.0\0' >>"$at/fleet-agent" # `agent add` looks whether it calls itself so
	ctl agent add "$at" --platform "debian12-gnu-$(dpkg --print-architecture)" --version 98.0.0
	signed 'another agent'
	sign
	signed 'another agent'
	ctl agent offer --all --allow-blind
	signed 'another agent is offered'
}
worlds_make()
{
	updates=0
	mkdir "$system/world/0" && echo 0 >"$system/world/0/runs"
	roll first && publish first pull 0 1
	change && roll patch && publish patch pull 0 2
	plan 2s '' && health 1 && roll bad && publish bad pull 9,0 2
	plan 60s '' && health 0 && library 2 && roll large && publish large pull 0 4
	plan 60s network && change && roll confirmed && publish confirmed pull 0 5
	ctl rollout abort --back && signed back && publish back pull 9,0 4
	plan 60s '' && change
	ctl key new stamp --role timestamp --plain && signed "a key" && ctl key revoke online --role timestamp && signed "revoked"
	roll keys && publish keys pull 0 6
	publish undone rollback 0 4
	printf "deadline: 60s\noperators:\n  - {name: ann, key: '%s', may: [look, roll]}\n" "$(cut -d' ' -f1,2 "$T/operator.pub")" >"$fleet/access.yaml"
	sign && signed list && publish list pull 0 4
	next_agent && publish agent pull 0,9 4
	change && roll last && publish last pull 0 7
}

world_begin()
{
	T=$1
	system=$T/system base=$T/base.img
	system_make
	inside_begin
	tower_fleet
	rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
	small_scripts
	scripts
	plan 60s ''
	ctl key new --all --plain
	signed "keys"
	printf 'publish: [{name: web, kind: folder, path: %s, grace: 7d}]\n' "$T/published" >>"$fleet/fleet.yaml"
	sed -i '/^\[\]$/d' "$fleet/hosts.yaml"
	printf -- '- {id: ber-D, plan: plan-D, site: here, address: 127.0.0.1}\n' >>"$fleet/hosts.yaml"
	worlds_make
	disk_make
}
