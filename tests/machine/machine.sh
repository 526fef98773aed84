# shellcheck shell=bash disable=SC2034,SC2154
# A stock Debian with systemd as its first process and a real sshd, in namespaces, for tests that source tower.sh first:
#   machine_or_skip; machine_make; machine_up; ... ; machine_cut. Its files are in $R, its sshd is 127.0.0.1 port $port, its user pi
#   comes in by the key $T/pi. trap machine_end EXIT after tower_begin.

machine_or_skip()
{
	[ "$(id -u)" -eq 0 ] || { echo 'needs root: for namespaces'; exit 77; }
	[ "${CI:-}" = true ] || [ -n "${FLEET_MACHINE:-}" ] || { echo 'the longer share: with CI=true, or FLEET_MACHINE=yes'; exit 77; }
	command -v mmdebstrap >/dev/null || { echo 'needs mmdebstrap'; exit 77; }
	grep -qs cgroup2 /proc/mounts || { echo 'needs cgroup2'; exit 77; }
	! ldd "$fleetctl" | grep asan >/dev/null || { echo 'packages are made of the plain build'; exit 77; }
	base=$("$here/tests/machine/root.sh" "$build/machine") || { echo 'needs a Debian mirror'; exit 77; }
	box=
}

free_port()
{
	local port
	while :; do
		port=$((40000 + RANDOM % 20000))
		listening "$port" || { echo "$port"; return; }
	done
}
# machine_make WORD: in $T/rootWORD; when that is not empty, its root file system is an overlay over the one that all share.
machine_make()
{
	R=$T/root$1
	case $(stat -f -c %T "$T") in
	tmpfs | overlay*) echo 'needs a disk below TMPDIR: what a machine keeps must last'; exit 77 ;;
	esac
	if [ -n "$1" ]; then
		mkdir "$R" "$T/upper" "$T/work"
		mount -t overlay -o "lowerdir=$base,upperdir=$T/upper,workdir=$T/work" overlay "$R"
		mounts+=("$R")
	else
		cp -a "$base" "$R"
	fi
	port=$(free_port)
	printf 'Port %s\nListenAddress 127.0.0.1\n' "$port" >"$R/etc/ssh/sshd_config.d/test.conf"
	echo stock >"$R/etc/hostname"
	echo '127.0.0.1 localhost stock' >"$R/etc/hosts"
	chroot "$R" useradd -m -s /bin/bash pi
	[ -e "$T/pi" ] || ssh-keygen -q -t ed25519 -N '' -C pi -f "$T/pi"
	install -d -m 0700 -o 1000 -g 1000 "$R/home/pi/.ssh"
	install -m 0600 -o 1000 -g 1000 "$T/pi.pub" "$R/home/pi/.ssh/authorized_keys"
	echo 'pi ALL=(ALL) NOPASSWD: ALL' >"$R/etc/sudoers.d/pi"
}
answers() { pi true 2>/dev/null; }
# machine_up [ro]
machine_up()
{
	: >"$T/boot.log"
	"$here/tests/machine/boot.sh" "$R" "$@" >"$T/boot.log" 2>&1 &
	box=$!
	until_true 1200 answers || { tail -n 30 "$R/console"; cat "$T/boot.log"; fail "the machine starts"; }
	key=$(cut -d' ' -f1,2 "$R/etc/ssh/ssh_host_ed25519_key.pub")
}
# as a power cut: nothing is told
machine_cut()
{
	[ -n "$box" ] || return 0
	kill -KILL "$box"
	wait "$box" 2>/dev/null || true
	box=
}
# Its first process hears no SIGTERM.
machine_end()
{
	local code=$?
	set +e
	machine_cut
	(exit "$code")
	tower_end
}
pi() { ssh -i "$T/pi" -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes -o ConnectTimeout=5 pi@127.0.0.1 "$@"; }
# what the machine is made of: a digest of every file that a step might touch
face() { pi "sudo sh -c 'find /etc /usr /lib/systemd /var/lib/fleet-agent /var/lib/dpkg /var/cache -xdev -type f ! -path \"/var/lib/fleet-agent/receipts/*\" -printf \"%p %s %T@\\n\" 2>/dev/null | sort'"; }
