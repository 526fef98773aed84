#!/bin/sh
# root.sh FOLDER: a stock Debian 12 as one gets it on a Pi, with sshd and sudo, in FOLDER/KEY, made once (about a minute, from the
# mirror that this machine's apt uses); says where. The key is the list of packages: the agent's dependencies are in it, so that
# what installs the agent needs no network. Without what only people read: each test copies it.
set -eu
packages=systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,ca-certificates,libarchive13,libcurl4,libgit2-1.5,libjansson4,libseccomp2,libssl3,libzstd1,tzdata,zlib1g
unread='path-exclude=/usr/share/doc/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*'
key=$(printf '%s\n' "$packages" "$unread" | sha256sum | cut -c 1-16)
root=$1/$key
mkdir -p "$1"
exec 9>"$1/lock"
flock 9 # two tests may want it at once
if [ ! -e "$root.whole" ]; then
	rm -rf "$root"
	if ! mmdebstrap --quiet --variant=minbase --dpkgopt="$unread" --include="$packages" bookworm "$root" >"$1/log" 2>&1; then
		tail -n 20 "$1/log" >&2
		echo "root.sh: no system could be fetched; the log is $1/log" >&2
		exit 77
	fi
	rm -rf "$root"/var/cache/apt/archives/*.deb "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" # what is installed later is installed whole
	touch "$root.whole"
fi
echo "$root"
