# shellcheck shell=bash disable=SC2034,SC2154
# What pulling over git costs, beside stock git on the same sshd; for bench.sh, which sources this and has `judge` and `compare`.
. "$here/tests/e2e/git.sh"

# git_plans COUNT: a fleet of that many plans with a bundle each, one of them with the real tree; signed and published three times.
git_plans()
{
	local i mine=$fleet
	fleet=$T/git-fleet
	tower_fleet
	rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
	small_scripts
	mkdir "$fleet/scripts/munin"
	cp "$PLUGINS"/* "$fleet/scripts/munin/"
	bench_plan bench munin
	for i in $(seq -w "$(($1 - 1))"); do
		small_plan "plan-$i"
		sed -i "s/scripts: .*/scripts: [small, own-$i]/" "$fleet/plans/plan-$i.yaml"
		mkdir "$fleet/scripts/own-$i"
		echo "plan $i" >"$fleet/scripts/own-$i/name"
	done
	keys_new
	printf "publish: [{name: hub, kind: git, url: '%s', identity: %s, host_keys: ['%s'], releases: ${BENCH_GIT_RELEASES:-2}}]\n" "$git_url" "$T/operator" "$git_pin" >>"$fleet/fleet.yaml"
	for i in 1 2 3; do
		small_change "$i"
		sign
		[ "$code" -eq 0 ] || fail "$1 plans are signed"
		git_publish
	done
}
git_publish()
{
	ctl publish
	[ "$code" -eq 0 ] || fail "it is published"
}
# stock DIR COMMAND...: git with the same key, through the relay.
stock()
{
	local dir=$1
	shift
	GIT_SSH_COMMAND="ssh -F /dev/null -i $T/operator -o UserKnownHostsFile=$T/git_known -o LogLevel=ERROR" git -C "$dir" "$@" \
		>"$T/out" 2>"$T/err" || fail "stock git $1"
}
# counted COMMAND...: the bytes both ways, in $bytes.
counted()
{
	relay_begin
	"$@"
	relay_end
	bytes=$((up + down))
}
git_read()
{
	read_git "$@"
	[ "$code" -eq 0 ] || fail "a host reads it: $(cat "$T/err")"
}
stock_fetch() { stock "$T/stock.git" fetch -q "$git_relayed" +refs/heads/main:refs/heads/main; }
stock_list() { stock "$T" ls-remote "$git_relayed"; }

git_pull_costs()
{
	local mine=$fleet plans=30 ours theirs old new
	git_host_up
	git_plans "$plans"
	host=$T/git-poll
	git init -q --bare "$T/stock.git"
	counted git_read --plan bench metadata/timestamp.json
	say "git, first fetch with $plans plans, no bundle: $bytes bytes"
	counted stock_fetch
	counted git_read --plan bench metadata/timestamp.json
	say "git, idle poll while $(git -C "$git_bare" show refs/fleet/old:old | wc -l) payloads of the release before last are in their grace: $bytes bytes"
	ctl publish --prune
	[ "$code" -eq 0 ] || fail "what is old goes"
	counted git_read --plan bench metadata/timestamp.json
	ours=$bytes
	counted stock_list
	theirs=$bytes
	compare git-idle-poll "$ours" "$theirs" 1.2 "bytes, $(git -C "$git_bare" for-each-ref | wc -l) refs" 'git ls-remote' bytes
	judge git-idle-poll-bytes "$ours" 12288 "bytes, of $plans plans"
	say "a month of one poll each 6h, with nothing new: git over ssh $((ours * 120 / 1000)) kB, with $plans plans"

	old=$(cd "$fleet/repository" && newest_bundle bench)
	sed -i "2s/.*/# bench: one/" "$fleet/scripts/munin/df"
	sign bench
	git_publish
	new=$(cd "$fleet/repository" && newest_bundle bench)
	old=${old#bundles/} new=${new#bundles/}
	rm -rf "$host/out"
	counted git_read --plan bench metadata/timestamp.json "patches/${old%.tar.zst}-${new%.tar.zst}.zst"
	ours=$bytes
	counted stock_fetch
	compare git-one-line "$ours" "$bytes" 1.3 "bytes, patch included" 'git fetch of the branch alone' bytes
	git_new_host
	fleet=$mine
}
# A host without anything: metadata of all plans, and its own bundle.
git_new_host()
{
	local bundle
	bundle=$(cd "$fleet/repository" && newest_bundle bench)
	host=$T/git-new
	counted git_read --plan bench metadata/timestamp.json "$bundle"
	say "git, a new host: $bytes bytes, of which $(stat -c %s "$fleet/repository/$bundle") are the bundle, $connections connections"
}
