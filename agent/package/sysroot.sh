#!/bin/sh
# sysroot.sh ARCH DIR: Debian 12's headers and libraries for that architecture, unpacked into DIR and nothing of them run.
# From the mirror that this machine's apt uses.
set -eu
arch=$1
dir=$2
[ ! -e "$dir/.whole" ] || exit 0
rm -rf "$dir"
mkdir -p "$(dirname "$dir")"
packages=libc6-dev,libgcc-12-dev,libssl-dev,libarchive-dev,libzstd-dev,libjansson-dev,libseccomp-dev,libcurl4-openssl-dev
packages=$packages,libgit2-dev,libcmocka-dev,libyaml-dev,libssh-dev,libsqlite3-dev,libuv1-dev
log=$(mktemp)
if ! mmdebstrap --quiet --variant=extract --architectures="$arch" --include="$packages" bookworm "$dir" >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "sysroot.sh: no $arch system could be fetched; the log is $log" >&2
	exit 1
fi
rm -f "$log"
# Links that are absolute would lead to this machine's own libraries.
find "$dir/usr/lib" -type l -lname '/*' | while read -r link; do
	ln -sfn "$(realpath -sm --relative-to="$(dirname "$link")" "$dir$(readlink "$link")")" "$link"
done
# No more of it than is compiled and linked against: qemu takes a path that is in here for this one, and then /dev/shm would be empty.
find "$dir" -mindepth 1 -maxdepth 1 ! -name lib ! -name usr -exec rm -rf {} +
find "$dir/usr" -mindepth 1 -maxdepth 1 ! -name include ! -name lib ! -name share -exec rm -rf {} +
find "$dir/usr/share" -mindepth 1 -maxdepth 1 ! -name pkgconfig -exec rm -rf {} +
touch "$dir/.whole"
