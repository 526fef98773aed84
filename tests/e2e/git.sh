# shellcheck shell=bash disable=SC2034,SC2154
# A git remote behind a real sshd, as a hosting has it: one key, one command. For tests that source tower.sh, too.

git_client=$build/tests/git-client
git_helper=$build/sources/fleet-fetch-git
git_pids=()

# Everything over one sshd: git_bare, git_url; git_relayed and what is read go through a relay that counts, and that cuts.
git_host_up()
{
	local g=$T/hosts/git
	git_bare=$T/git/fleet.git
	mkdir -p "$g" "$T/git"
	git init -q --bare -b main "$git_bare"
	git -C "$git_bare" config receive.fsckObjects true
	ssh-keygen -q -t ed25519 -N '' -f "$g/key"
	ssh-keygen -q -t ecdsa -N '' -f "$g/key-ecdsa" # libssh2 would rather have this one; the pin decides
	cat >"$g/sshd_config" <<-CONF
	ListenAddress 127.0.0.1
	HostKey $g/key
	HostKey $g/key-ecdsa
	PidFile none
	AuthorizedKeysFile $g/authorized
	StrictModes no
	UsePAM no
	PasswordAuthentication no
	CONF
	printf 'restrict,command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"" %s\n' "$(cat "$T/operator.pub")" >"$g/authorized"
	host_up git
	git_port=$(cat "$g/port")
	git_pin=$(cut -d' ' -f1,2 "$g/key.pub")
	git_key=$T/operator
	git_url=ssh://$me@127.0.0.1:$git_port$git_bare
	git_relayed=$git_url
}

# relay_begin [CUT]: what is read from now on goes through it; each connection ends after CUT bytes.
relay_begin()
{
	local line
	: >"$T/relay" # the last one's port is not this one's
	"$build/tests/bench/relay" 0 "$git_port" 0 "${1:-0}" >"$T/relay" &
	relay_pid=$!
	pids+=("$relay_pid")
	until_true 50 grep -q port "$T/relay" || fail "the relay listens"
	line=$(head -n 1 "$T/relay")
	relay_port=${line//[^0-9]/}
	git_relayed=ssh://$me@127.0.0.1:$relay_port$git_bare
	printf '[127.0.0.1]:%s %s\n' "$relay_port" "$git_pin" >"$T/git_known"
}
# What went through it: connections, up, down.
relay_end()
{
	local sum
	kill "$relay_pid"
	wait "$relay_pid" 2>/dev/null || true
	sum=$(tail -n 1 "$T/relay")
	read -r connections up down < <(jq -r '"\(.connections) \(.up) \(.down)"' <<<"$sum")
	git_relayed=$git_url
}

# read_git [OPTIONS] PART/NAME...: as a host does, whose folder is $host; files in $host/out.
read_git()
{
	code=0
	"$git_client" --helper "$git_helper" --url "$git_relayed" --dir "$host" --out "$host/out" --key "$git_key" --pin "$git_pin" \
		--idle 10s "$@" >"$T/out" 2>"$T/err" || code=$?
}

# In repository/: the files that the newest metadata leads to, sorted; and a plan's newest bundle.
newest_files()
{
	local v f p
	{
		ls metadata/*.root.json metadata/timestamp.json
		v=$(jq -r '.signed.meta["snapshot.json"].version' metadata/timestamp.json)
		echo "metadata/$v.snapshot.json"
		jq -r '.signed.meta | to_entries[] | "metadata/\(.value.version).\(.key)"' "metadata/$v.snapshot.json" | while read -r f; do
			echo "$f"
			jq -r '.signed.targets | to_entries[] | "\(.value.hashes.sha256) \(.key)"' "$f" | while read -r hash p; do
				echo "targets/$(dirname "$p")/$hash.$(basename "$p")"
			done
		done
	} | sort
}
newest_bundle()
{
	local v f
	v=$(jq -r '.signed.meta["snapshot.json"].version' metadata/timestamp.json)
	v=$(jq -r ".signed.meta[\"$1.json\"].version" "metadata/$v.snapshot.json")
	f=$(jq -r ".signed.targets[\"$1/manifest.json\"].hashes.sha256" "metadata/$v.$1.json")
	echo "bundles/$(jq -r .bundle.sha256 "targets/$1/$f.manifest.json").tar.zst"
}
small_change() { sed -i "s/# version .*/# version $1/" "$fleet/scripts/small/probes/beat.sh"; }
