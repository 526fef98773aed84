#!/bin/sh
# sysroot.sh ARCH DIR: Debian 12's headers and libraries for that architecture, unpacked into DIR and nothing of them run.
# From Debian's mirror, with its updates; where the mirror is between two states, from the release alone, and then it says so.
set -eu
arch=$1
dir=$2
[ ! -e "$dir/.whole" ] || exit 0
mkdir -p "$(dirname "$dir")"
packages=libc6-dev,libgcc-12-dev,libssl-dev,libarchive-dev,libzstd-dev,libjansson-dev,libseccomp-dev,libcurl4-openssl-dev
packages=$packages,libgit2-dev,libcmocka-dev,libyaml-dev,libssh-dev,libsqlite3-dev,libuv1-dev
log=$(mktemp)
# fetch [SOURCE...]: sources.list lines; none: the release, its updates and security
fetch()
{
	rm -rf "$dir"
	mmdebstrap --variant=extract --architectures="$arch" --include="$packages" bookworm "$dir" "$@" >"$log" 2>&1
}
if ! fetch; then
	why=$(sed -n 's/^E: *//p' "$log" | head -n 1)
	if ! fetch 'deb http://deb.debian.org/debian bookworm main'; then
		tail -n 20 "$log" >&2
		echo "sysroot.sh: no $arch system could be fetched; the log is $log" >&2
		exit 1
	fi
	cat >&2 <<-TEXT
	sysroot.sh: the mirror's updates and security fixes for $arch could not be fetched (${why:-no reason given}): $dir
	  is of bookworm as released. Nothing of it goes into a package, programs use the libraries of the host; remove the folder to fetch it again.
	TEXT
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
