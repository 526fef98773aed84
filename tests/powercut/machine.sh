# shellcheck shell=bash disable=SC2154
# The virtual machine: a stock Debian cloud kernel, QEMU's software emulation, the system read-only, the host's disk on virtio.
# Source it after world.sh, then: kernel_make FOLDER; machine_make; machine_start IMAGE LOG FIRST LAST; machine_line; machine_kill.

# kernel_make FOLDER: the kernel's package, fetched once and only unpacked: nothing is installed on this machine.
kernel_make()
{
	local name
	kernel=$1
	[ ! -e "$kernel/whole" ] || return 0
	rm -rf "$kernel"
	mkdir -p "$kernel"
	name=$(apt-cache show --no-all-versions linux-image-cloud-amd64 | sed -n 's/^Depends: \(linux-image-[^ ]*\).*/\1/p')
	say "powercut: fetching ${name:-a kernel} from Debian"
	(cd "$kernel" && apt-get -o APT::Sandbox::User=root download -q "${name:?apt knows no linux-image-cloud-amd64}" >log 2>&1 && dpkg -x ./*.deb .) || {
		tail -n 5 "$kernel/log" >&2
		echo "powercut: no kernel could be fetched: apt-get update, then again" >&2
		exit 77
	}
	rm "$kernel"/*.deb
	touch "$kernel/whole"
}

modules='virtio/virtio_ring virtio/virtio virtio/virtio_pci_modern_dev virtio/virtio_pci_legacy_dev virtio/virtio_pci block/virtio_blk'

machine_make()
{
	local module first=$T/first
	mkdir -p "$first"/{bin,dev,proc,mod,system}
	cp "$(command -v busybox)" "$first/bin/busybox"
	for module in $modules; do
		cp "$kernel"/lib/modules/*/kernel/drivers/"$module.ko" "$first/mod/"
	done
	{
		printf '#!/bin/busybox sh\nmodules="%s"\n' "$modules"
		cat "$here/tests/powercut/init.sh"
	} >"$first/init"
	chmod 755 "$first/init"
	(cd "$first" && find . | cpio -o -H newc --quiet) >"$T/initramfs"
	# as it stands in the system's folder; what is mounted there is not in it
	mkfs.ext4 -q -O ^has_journal -m 0 -d "$system" "$T/system.img" 256M 2>"$T/err" || fail "the system's disk is made"
	mkfifo "$T/to" "$T/from"
}

# machine_start IMAGE LOG FIRST LAST: the machine lives through that life; every write to IMAGE is noted in LOG.
machine_start()
{
	truncate -s 0 "$2"
	truncate -s 1G "$2"
	# The host machine does not lose its power, so the files need no syncing there; the guest's flushes are noted all the same.
	qemu-system-x86_64 -M q35 -accel tcg -cpu qemu64,+rdrand -m 256 -nodefaults -no-user-config -display none -no-reboot \
		-kernel "$kernel"/boot/vmlinuz-* -initrd "$T/initramfs" \
		-append "console=ttyS0 quiet panic=-1 no_timer_check random.trust_cpu=on life=$3,$4" -serial stdio \
		-blockdev "driver=file,node-name=file,filename=$1,cache.no-flush=on" \
		-blockdev "driver=file,node-name=log,filename=$2,cache.no-flush=on" \
		-blockdev "driver=blklogwrites,node-name=disk,file=file,log=log,log-sector-size=512" \
		-device virtio-blk-pci,drive=disk \
		-blockdev "driver=file,node-name=system,filename=$T/system.img,read-only=on" \
		-device virtio-blk-pci,drive=system <"$T/to" >"$T/from" 2>"$T/qemu.err" &
	machine=$!
	pids+=("$machine")
	exec 8>"$T/to" 9<"$T/from"
}
# machine_line SECONDS: the next line that it says, in $line; false when there is none for so long, or when it ended.
machine_line()
{
	IFS= read -r -t "$1" -u 9 line || return 1
	line=${line%$'\r'}
	printf '%s\n' "$line" >>"$T/console"
}
machine_go_on() { echo >&8; }
# The power is gone.
machine_kill()
{
	kill -KILL "$machine" 2>/dev/null || true
	wait "$machine" 2>/dev/null || true
	exec 8>&- 9<&-
	machine=
}
