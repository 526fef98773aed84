#!/usr/bin/env bash
# The agent of another architecture, cross-built, under qemu's user emulation: foreign.sh ARCH BUILD SYSROOT. Its unit tests,
# then one whole push and one whole pull of a host whose agent it is; FLEET_BUILD is this machine's own programs. Needs root: the
# kernel is told to start such programs by qemu, until the end.
set -euo pipefail
shopt -s nullglob
root=$(cd "$(dirname "$0")/.." && pwd)
arch=$1
build=$(cd "$2" && pwd)
sysroot=$(cd "$3" && pwd)
case $arch in
arm64) qemu=qemu-aarch64-static machine='\xb7\x00' class='\x02' ;;
armhf) qemu=qemu-arm-static machine='\x28\x00' class='\x01' ;;
*) echo "foreign.sh: no such architecture: $arch" >&2; exit 2 ;;
esac
[ "$(id -u)" -eq 0 ] || { echo 'needs root: the kernel must be told of qemu'; exit 77; }

# A mount point and a name of our own: another run of this script is not disturbed.
own=$(mktemp -d)
name=fleet-$arch-$$
done_with()
{
	[ ! -e "$own/misc/$name" ] || echo -1 >"$own/misc/$name"
	! mountpoint -q "$own/misc" || umount "$own/misc"
	rm -rf --one-file-system "$own"
}
trap done_with EXIT
chmod 755 "$own"
mkdir "$own/misc" "$own/logs"
mount -t binfmt_misc none "$own/misc" || { echo 'needs binfmt_misc'; exit 77; }
# What sshd or the agent start gets an environment of theirs, so what qemu must know is in its arguments.
cat >"$own/qemu" <<SCRIPT
#!/bin/sh
exec $(command -v "$qemu") -L '$sysroot' -E 'LD_PRELOAD=$build/tests/openat2-preload.so' "\$@"
SCRIPT
chmod 755 "$own/qemu"
zeros='\x00\x00\x00\x00\x00\x00\x00\x00'
any='\xff\xff\xff\xff\xff\xff\xff\xff'
printf '%s' ":$name:M::\\x7fELF$class\\x01\\x01\\x00$zeros\\x02\\x00$machine:${any%????}\\x00$any\\xfe\\xff\\xff\\xff:$own/qemu:" >"$own/misc/register"

# --- units: what the agent is made of; its own first, they take longest ---

units=()
for test in "$build"/tests/unit/{agent,bundles,base,keys,manifests,wire}-*; do
	case ${test##*/} in
	base-sandbox) echo "skipped on $arch: base-sandbox: qemu lets no program of its own be filtered by seccomp" ;;
	keys-secret | keys-ssh_agent | keys-provider) ;; # no part of an agent
	base-canonical) echo "skipped on $arch: base-canonical: slow here; every signature below is over such bytes, made by this machine's programs" ;;
	bundles-squeeze) echo "skipped on $arch: bundles-squeeze: slow here; what is unpacked below was squeezed by this machine's programs" ;;
	*) units+=("$test") ;;
	esac
done
unit()
{
	local log=$own/logs/${1##*/}
	"$1" >"$log" 2>&1 || { echo "not ok - $arch: ${1##*/}"; grep -E 'ERROR|LINE|FAILED' "$log" | head -n 6; return 1; }
}
export -f unit
export own arch
code=0
# shellcheck disable=SC2016 # for the inner shell
printf '%s\0' "${units[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'unit "$1"' unit || code=$?
echo "${#units[@]} unit programs on $arch"
[ "$code" -eq 0 ]

# --- one whole push, one whole pull ---

export FLEET_AGENT=$build/agent/fleet-agent
"$root/tests/e2e/0100-first-release-and-failed-check.sh"
"$root/tests/e2e/0800-a-host-pulls-what-its-rollout-lets-it-take.sh"
