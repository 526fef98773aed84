# The first program of the virtual machine: the disks, then one life on them. Behind a first line and one that sets `modules`,
# which machine.sh writes.
# shellcheck shell=sh disable=SC2154,SC2094
export PATH=/bin
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
for module in $modules; do
	/bin/busybox insmod "/mod/${module##*/}.ko"
done
/bin/busybox stty -echo -onlcr </dev/console
/bin/busybox mount -t ext4 -o ro /dev/vdb /system
/bin/busybox mount -t ext4 /dev/vda /system/var/lib/fleet-agent || echo '@ bad the disk can not be mounted'
/bin/busybox mount -t tmpfs run /system/run
/bin/busybox mount -t tmpfs tmp /system/tmp
/bin/busybox mount -o move /dev /system/dev
/bin/busybox mount -o move /proc /system/proc
/bin/busybox chmod 1777 /system/tmp /system/run
/bin/busybox chmod 666 /system/dev/ttyS0
life=$(/bin/busybox sed 's/.* life=\([0-9]*\),\([0-9]*\).*/\1 \2/' /system/proc/cmdline)
# shellcheck disable=SC2086 # two words
/bin/busybox chroot /system /bin/sh /powercut/life.sh $life ask </system/dev/ttyS0 >/system/dev/ttyS0 2>&1
echo '@ over' >/system/dev/ttyS0
while :; do /bin/busybox sleep 1000; done
