# shellcheck shell=bash
# What a thief does beyond fleetctl: any SSH, and frames written by hand. Source it after tower.sh.
#   stolen=KEYFILE; door ID [SSH-OPTIONS] [-- COMMAND]; { order '{...}'; frame KIND; } | speak ID; answered PATTERN SENTENCE

[ -n "${build:-}" ] || . "$(dirname "${BASH_SOURCE[0]}")/tower.sh"
stolen=

# key ARGS...: fleetctl key, which must do it. plain_fleet PLAN...: as small_fleet, with keys that have no passphrase: what is stolen
# here is a key in use.
key()
{
	ctl key "$@"
	[ "$code" -eq 0 ] || fail "key $*"
}
plain_plans()
{
	local plan
	tower_fleet
	rm -rf "${fleet:?}"/plans/* "${fleet:?}"/scripts/*
	small_scripts
	for plan in "$@"; do small_plan "$plan"; done
}
plain_fleet()
{
	plain_plans "$@"
	key new --all --plain
	sign
	[ "$code" -eq 0 ] || fail "the first releases are signed"
}

# door ID [OPTIONS] [-- COMMAND...]: into that host with the stolen key; the code is in $code.
door()
{
	local id=$1 options=()
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	code=0
	timeout 30 ssh -F none -i "$stolen" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR -p "$(cat "$T/hosts/$id/port")" "${options[@]}" "$me@127.0.0.1" "$@" >"$T/out" 2>"$T/err" || code=$?
}

# frame KIND: one around what comes on stdin. order JSON: an order.
frame() { perl -e 'local $/; my $body = <STDIN> // ""; print pack("NC", length $body, $ARGV[0]), $body' "$1"; }
order() { printf '%s' "$1" | frame 2; }

# speak ID: the greeting and the frames on stdin; then $T/out has the answers, "KIND BODY" a line.
speak()
{
	{ printf 'fleetw1\n'; cat; } | door "$1"
	mv "$T/out" "$T/heard"
	perl -e 'local $/; $_ = <STDIN> // ""; s/^fleetw1\n// or print "garbage $_";
		while (length) { my ($n, $kind) = unpack "NC", $_; print "$kind ", substr($_, 5, $n) =~ tr/\n/ /r, "\n"; $_ = substr $_, 5 + $n }' \
		<"$T/heard" >"$T/out"
}
# refused CODE PATTERN SENTENCE: the last answer is a refusal.
refused()
{
	grep -qE -e "^7 .*\"code\": *\"$1\".*$2" "$T/out" || fail "$3: expected a refusal of $1 with /$2/"
	ok "$3"
}

digest() { sha256sum "$1" | cut -c1-64; }
# papers NAME FILE...: what an order says of them is in $papers, and they are in $T/papers.
papers()
{
	papers=
	: >"$T/papers.plain"
	while [ $# -gt 0 ]; do
		papers+=${papers:+,}"{\"name\": \"$1\", \"length\": $(stat -c %s "$2"), \"sha256\": \"$(digest "$2")\"}"
		cat "$2" >>"$T/papers.plain"
		shift 2
	done
	zstd -qf "$T/papers.plain" -o "$T/papers"
}
# update RELEASE [MORE]: an order for it, with the papers of the last `papers`. take_agent DOCUMENT-ID: the same, of an agent.
update() { bring update "$@"; }
take_agent() { bring agent "$@"; }
bring()
{
	order "{\"action\": \"$1\", \"rollout\": \"theft\", \"who\": \"thief\", \"lease_ms\": 1000, \"take\": true, \"release\": \"$2\"${papers:+, \"papers\": [$papers]}${3:+, $3}}"
	[ -z "$papers" ] || frame 3 <"$T/papers"
}

# kept ID: what of a host must not change; compare before and after.
kept()
{
	(cd "$T/hosts/$1" && find etc state -name '*.lock' -prune -o -name lease -prune -o -type l -printf '%p -> %l\n' -o -type f -exec sha256sum {} + | sort)
}

# forge FILE KEYFILE CHANGE: metadata changed as jq is told, and signed again by that key alone; on stdout. As an owner of the key would.
forge()
{
	local sig
	jq -cSj ".signed | $3" "$1" >"$T/forged"
	sig=$(openssl pkeyutl -sign -rawin -inkey "$2" -in "$T/forged" | od -An -v -tx1 | tr -d ' \n')
	jq -S --arg sig "$sig" --arg keyid "${4:-$(jq -r '.signatures[0].keyid' "$1")}" "{signatures: [{keyid: \$keyid, sig: \$sig}], signed: (.signed | $3)}" "$1"
}
