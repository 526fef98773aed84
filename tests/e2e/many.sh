# shellcheck shell=bash
# Many hosts behind few sshds: the address that is called tells which. Source it after tower.sh; many_begin PLAN ID...; many_keep; then
# many_back puts everything back to where many_keep found it.

[ -n "${build:-}" ] || . "$(dirname "${BASH_SOURCE[0]}")/tower.sh"
many=()

# many_sshd GROUP ID...: up to sixteen of them, at 127.9.GROUP.1 and on; $port is its port.
many_sshd()
{
	local group=$1 h=$T/sshd-$1 n=0 tries=20 id pid
	shift
	mkdir "$h"
	ssh-keygen -q -t ed25519 -N '' -C many -f "$h/host_key"
	printf 'restrict %s\n' "$(cat "$T/operator.pub")" >"$h/authorized_keys"
	cat >"$h/sshd_config" <<-CONFIG
	HostKey $h/host_key
	AuthorizedKeysFile $h/authorized_keys
	PidFile none
	StrictModes no
	UsePAM no
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	PermitRootLogin prohibit-password
	MaxStartups 100
	CONFIG
	for n in $(seq $#); do echo "ListenAddress 127.9.$group.$n" >>"$h/sshd_config"; done
	n=0
	for id in "$@"; do
		n=$((n + 1))
		printf 'Match LocalAddress 127.9.%d.%d\n\tForceCommand %s serve --config-dir %s\n' "$group" "$n" "$agent" "$T/hosts/$id/etc" >>"$h/sshd_config"
	done
	while :; do
		port=$((20000 + RANDOM % 20000))
		: >"$h/sshd.log"
		"$(command -v /usr/sbin/sshd)" -D -e -f "$h/sshd_config" -p "$port" -E "$h/sshd.log" &
		pid=$!
		until [ "$(grep -c '^Server listening' "$h/sshd.log")" -eq $# ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
		! kill -0 "$pid" 2>/dev/null || break
		wait "$pid" 2>/dev/null || true
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "sshd starts: $(cat "$h/sshd.log")"
	done
	pids+=("$pid")
}

# many_begin PLAN ID...: enrolled, in hosts.yaml, reached.
many_begin()
{
	local plan=$1 id n=0 group=0
	sed -i '/^\[\]$/d' "$fleet/hosts.yaml"
	shift
	many=("$@")
	for id in "$@"; do
		mkdir -p "$T/hosts/$id/results"
		host_enrol "$id" "$plan"
	done
	for id in "$@"; do
		if [ $((n % 10)) -eq 0 ]; then
			group=$((group + 1))
			many_sshd "$group" "${many[@]:n:10}"
		fi
		printf -- "- {id: %s, plan: %s, site: site-%d, address: 127.9.%d.%d, port: %d, user: %s, host_key: '%s', receipt_key: '%s'}\n" \
			"$id" "$plan" $((n % 4)) "$group" $((n % 10 + 1)) "$port" "$me" "$(cut -d' ' -f1,2 "$T/sshd-$group/host_key.pub")" \
			"$(host_receipt_key "$id")" >>"$fleet/hosts.yaml"
		n=$((n + 1))
	done
}

# What changes in a rollout: the hosts' state, and the fleet's own, whose database must stay the file that it is.
many_keep()
{
	local id
	for id in "${many[@]}"; do echo "hosts/$id/state"; done >"$T/folders"
	tar -C "$T" -cf "$T/kept.tar" -T "$T/folders"
	rm -rf "$T/kept"
	cp -a "$fleet/.fleetctl" "$T/kept"
}
many_back()
{
	(cd "$T" && xargs chmod -R u+w && xargs rm -rf <"$T/folders") <"$T/folders"
	tar -C "$T" -xpf "$T/kept.tar"
	rm -f "$fleet/.fleetctl"/fleet.db-*
	cat "$T/kept/fleet.db" >"$fleet/.fleetctl/fleet.db"
	cp "$T/kept/deed" "$fleet/.fleetctl/deed"
}

# many_tried ID NUMBER: how often the release of that number was tried there, by the host's receipts.
many_tried()
{
	{ grep -lE "\"release_number\": ?$2[,}]" "$T/hosts/$1/state/receipts"/*.json || true; } | wc -l
}
