#!/bin/sh
# boot.sh ROOT [ro]: a Debian system in the folder ROOT is started as a machine of its own: its systemd is PID 1 in new namespaces,
# the network is this machine's; with `ro` its root file system is read-only. Ends when that system powers off or this program is
# killed. Needs root and cgroup2.
set -eu
root=$1
cgroup=
for at in /sys/fs/cgroup /sys/fs/cgroup/unified; do
	if [ "$(stat -f -c %T "$at" 2>/dev/null)" = cgroup2fs ]; then cgroup=$at; fi
done
[ -n "$cgroup" ] || { echo 'boot.sh: no cgroup2 hierarchy' >&2; exit 77; }
here=$cgroup/machine.$$
mkdir "$here"
# It goes when nobody is left in it, also after a kill that nothing in it can hear of.
(
	while kill -0 $$ || grep -qx 'populated 1' "$here/cgroup.events"; do sleep 0.1; done
	for _ in 1 2 3 4 5 6 7 8 9 10; do # who has just died may still be counted
		find "$here" -depth -type d -exec rmdir {} \;
		[ -e "$here" ] || break
		sleep 0.5
	done
) </dev/null >/dev/null 2>&1 &
echo $$ >"$here/cgroup.procs"
: >"$root/console"
# shellcheck disable=SC2016 # for the inner shell
exec unshare --mount --pid --fork --uts --ipc --cgroup --kill-child sh -euc '
	R=$1
	mount --make-rprivate /
	mount --bind "$R" "$R"
	mount -t proc proc "$R/proc"
	mount -t sysfs -o ro sysfs "$R/sys"
	mount -t tmpfs tmpfs "$R/dev"
	for f in null zero full random urandom tty; do touch "$R/dev/$f"; mount --bind "/dev/$f" "$R/dev/$f"; done
	mkdir "$R/dev/pts" "$R/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666 devpts "$R/dev/pts"
	ln -s pts/ptmx "$R/dev/ptmx"
	mount -t tmpfs tmpfs "$R/dev/shm"
	touch "$R/dev/console"
	mount --bind "$R/console" "$R/dev/console"
	mount -t tmpfs tmpfs "$R/run"
	mount -t tmpfs tmpfs "$R/tmp"
	mount -t cgroup2 cgroup2 "$R/sys/fs/cgroup"
	hostname "$(cat "$R/etc/hostname" 2>/dev/null || echo machine)"
	[ -z "$2" ] || mount -o "remount,bind,$2" "$R"
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test chroot "$R" /lib/systemd/systemd --show-status=yes --log-target=console
' sh "$root" "${2:-}" </dev/null >>"$root/console" 2>&1
