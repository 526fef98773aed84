#!/usr/bin/env bash
# The front end against repositories made for one question each, as the suites that compare TUF clients put them: expiry with a
# faked clock, rollback of each role, fast-forward and the way back, rotations, thresholds, odd names, graphs of delegations.
. "$(dirname "$0")/tower.sh"

client=$build/tests/tuf-client
forge=$build/tests/tuf-forge
tower_begin
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
mkdir "$T/www"
serve "$T/www"
url=http://127.0.0.1:$served/plain
day=86400

# repo LINE...: begins a repository, and a client that has init'ed with its first root. What no line writes is written at the end.
mkfifo "$T/say" "$T/said"
forging=
repo()
{
	local role
	exec 7>&- # the forge before ends, and must have ended before another hears the same pipe
	[ -z "$forging" ] || wait "$forging"
	exec 8<&-
	rm -rf "$T/www" "$T/dir" "$T/tdir"
	mkdir -p "$T/www/metadata" "$T/www/targets"
	"$forge" "$T/www" <"$T/say" >"$T/said" 2>"$T/forge.err" &
	forging=$!
	exec 7>"$T/say" 8<"$T/said"
	more new "$@"
	for role in 'root r' 'targets t' 'snapshot s' 'timestamp m'; do
		case " $* " in *" write ${role% *} "*) ;; *) more "write $role" ;; esac
	done
	"$client" --metadata-dir "$T/dir" init "$T/www/metadata/1.root.json" || fail "init"
}
# more LINE...: goes on with it.
more()
{
	local answer
	printf '%s\n' "$@" 'say done' >&7
	read -r answer <&8 || { cp "$T/forge.err" "$T/err"; fail "the repository is forged: $*"; }
	[ "$answer" = 'done' ] || fail "the repository is forged: $answer"
}
tuf()
{
	code=0
	: >"$T/requests"
	env "${env[@]}" "$client" --metadata-url "$url/metadata" --metadata-dir "$T/dir" --target-base-url "$url/targets/" --target-dir "$T/tdir" "$@" \
		>"$T/out" 2>"$T/err" </dev/null || code=$?
}
env=(FLEET_IDLE_MS=2000)
good() { tuf refresh && expect 0 "$1"; }
# bad WORD SENTENCE: a refresh is refused for that reason.
bad()
{
	tuf refresh
	expect 1 "$2"
	grep -q "^tuf-client: $1: " "$T/err" || fail "$2: for another reason than $1"
}
version() { sed -n 's/^ *"version": \([0-9]*\),\{0,1\}$/\1/p' "$T/dir/$1.json" | tail -n 1; }
# holds ROLE N: the version on disk, 0: none.
holds()
{
	local n=0
	[ ! -e "$T/dir/$1.json" ] || n=$(version "$1")
	[ "$n" = "$2" ] || fail "  $1 $2 is held, not $n"
}
all_hold() { holds root "$1"; holds timestamp "$2"; holds snapshot "$3"; holds targets "$4"; }
asked_for() { cut -d' ' -f3- "$T/requests" | sed 's|^metadata/||; s|^targets/|=|' | tr '\n' ' '; }
# a new version of timestamp, of snapshot with it, of targets with both
stamp() { printf '%s\n' "set timestamp version $1" "meta timestamp snapshot $2" "write timestamp m"; }
snap() { printf '%s\n' "set snapshot version $1" "meta snapshot targets $2" "write snapshot s"; }
many() { local l; mapfile -t l; more "${l[@]}"; }

# --- basics ---

repo
good "a first refresh"
all_hold 1 1 1 1
good "and one without anything new"
"$client" --metadata-dir "$T/dir" init "$T/www/metadata/1.root.json" || fail "init again"
good "init again is no harm"
code=0
"$client" --metadata-dir "$T/none" --metadata-url "$url/metadata" refresh 2>"$T/err" || code=$?
expect 1 "without init there is no refresh"
more "write root -"
code=0
"$client" --metadata-dir "$T/dir" init "$T/www/metadata/1.root.json" 2>"$T/err" || code=$?
expect 1 "an unsigned root is no anchor"

# --- root ---

repo
more "set root version 2" "keys root R 1" "write root rR" "set root version 3" "keys root rRq 2" "write root Rq" "set root version 4" "write root rq"
good "keys and threshold of root change three times"
holds root 4
asked_for | grep -q '^2.root.json 3.root.json 4.root.json 5.root.json timestamp.json ' || fail "  step by step: $(asked_for)"
repo
more "set root version 2" "keys root R 1" "write root rR" "set root version 3" "write root r"
bad signature "an intermediate root that the one before did not sign"
holds root 2
repo
more "set root version 2" "keys root rR 2" "write root r"
bad signature "a root that misses its own threshold"
holds root 1
repo
more "set root version 2" "write root r" "set root version 2" "write root r 3.root.json"
bad older "a root of the same version under the next name"
holds root 2
repo
more "set root version 3" "write root r 2.root.json"
bad signature "a root that is two versions on"
holds root 1
repo
more "set root version 2" "expires root -$day" "write root r" "set root version 3" "expires root $day" "write root r"
good "an intermediate root has expired"
holds root 3
repo
more "set root version 2" "expires root -$day" "write root r"
bad expired "the last root has expired"
holds root 2
holds timestamp 0
more "set root version 3" "expires root $day" "write root r"
good "and the next one heals it"
repo "expires root -$day" "write root r"
bad expired "the root of init has expired, and there is no newer"
repo "keys timestamp - 1" "write root r"
bad signature "a role for which no key is known cannot verify"
repo "keys root rR 2" "write root rR"
good "a threshold of two"
more "set root version 2" "write root r"
bad signature "and one signature"
repo
more "set root version 2" "set root _type \"timestamp\"" "write root r 2.root.json"
bad syntax "a root that says it is another kind"
repo
more "set root version 2" "set root spec_version \"2.0.0\"" "write root r"
bad syntax "a root of another major version"

# --- timestamp and snapshot: rollback, expiry, mix ---

repo
{ snap 2 1; stamp 2 2; } | many
good "a newer snapshot"
all_hold 1 2 2 1
stamp 1 2 | many
bad older "timestamp goes back"
all_hold 1 2 2 1
stamp 3 1 | many
bad older "timestamp's snapshot goes back"
all_hold 1 2 2 1
{ snap 3 1; stamp 4 3; } | many
good "and neither blocks what comes later"
all_hold 1 4 3 1
{ snap 4 1; printf 'meta snapshot odd 1\nwrite snapshot s\n'; stamp 5 4; } | many
good "a role is listed"
repo "meta snapshot odd 2"
good "a role is listed"
{ printf 'meta snapshot odd 1\n'; snap 2 1; stamp 2 2; } | many
bad older "its version goes back"
holds snapshot 1
{ printf 'set snapshot meta {}\n'; snap 3 1; stamp 3 3; } | many
bad older "it is no longer listed"
holds snapshot 1
repo
stamp 2 7 | many
bad missing "a snapshot that is not there"
holds timestamp 2
repo
more "write snapshot s 2.snapshot.json"
stamp 2 2 | many
bad older "a snapshot of another version than listed"
repo "expires timestamp -1" "write timestamp m"
bad expired "an expired timestamp"
holds timestamp 0
repo "expires snapshot -1"
bad expired "an expired snapshot"
holds timestamp 1
holds snapshot 0
repo "expires targets -1"
bad expired "expired targets"
holds targets 0
repo "write targets t" "hash snapshot targets 1" "write snapshot s" "hash timestamp snapshot 1"
good "length and hashes are listed"
printf ' ' >>"$T/www/metadata/1.snapshot.json"
rm "$T/dir/snapshot.json"
bad limit "a snapshot longer than listed"
truncate -s -2 "$T/www/metadata/1.snapshot.json"
bad digest "and one that is shorter"
repo
more "write timestamp s"
bad signature "a timestamp by the snapshot's key"
repo "keys snapshot sS 2" "write root r" "write snapshot s"
bad signature "a snapshot below its threshold"

# --- time ---

repo "expires timestamp $day" "expires snapshot $((3 * day))" "expires targets $((5 * day))"
good "today it is fresh"
env+=(LD_PRELOAD="$build/tests/clock-preload.so" ASAN_OPTIONS=verify_asan_link_order=0)
env+=(FLEET_TEST_TIME=$(($(date +%s) + 2 * day)))
bad expired "in two days timestamp has expired"
all_hold 1 1 1 1
more "set timestamp version 2" "expires timestamp $((4 * day))" "write timestamp m"
good "a newer timestamp, though what is held has expired"
env+=(FLEET_TEST_TIME=$(($(date +%s) + 10 * day)))
bad expired "in ten days all has expired"
{ printf 'expires timestamp %s\nexpires snapshot %s\n' $((20 * day)) $((20 * day)); snap 2 1; stamp 1 2; } | many
bad older "expired metadata on the disk is still a floor"
env=(FLEET_IDLE_MS=2000)

# --- fast forward, and the way back ---

repo
{ snap 99999 1; stamp 99999 99999; } | many
good "a thief counts up"
all_hold 1 99999 99999 1
{ snap 2 1; stamp 2 2; } | many
bad older "the owners cannot go on below"
more "set root version 2" "keys timestamp M 1" "keys snapshot S 1" "write root r" "write snapshot S" "write timestamp M"
good "until new keys of timestamp and snapshot lead back"
all_hold 2 2 2 1
repo
printf '%s\n' "set targets version 99999" "write targets t" "$(snap 2 99999)" "$(stamp 2 2)" | many
good "a thief counts targets up"
printf '%s\n' "set root version 2" "keys snapshot S 1" "write root r" "set targets version 2" "write targets t" "set snapshot version 3" \
	"meta snapshot targets 2" "write snapshot S" "$(stamp 3 3)" | many
good "a new snapshot key leads back"
all_hold 2 3 3 2

# --- targets ---

repo "target targets a.txt hello" "target targets sub/dir/b.txt there"
tuf --target-name a.txt --target-name sub/dir/b.txt download
expect 0 "two targets, one in a folder"
[ "$(cat "$T/tdir/a.txt") $(cat "$T/tdir/sub/dir/b.txt")" = "hello there" ] || fail "  as signed"
tuf --target-name a.txt download
expect 0 "the same once more"
case $(asked_for) in *=*) fail "  is taken from where it lies" ;; *) ok "  is taken from where it lies" ;; esac
printf 'bent' >"$T/tdir/a.txt"
tuf --target-name a.txt download
expect 0 "one that was changed where it lies"
[ "$(cat "$T/tdir/a.txt")" = hello ] || fail "  is brought again"
find "$T/www/targets" -name '*b.txt' -exec sh -c 'printf thIre >"$1"' sh {} \;
rm "$T/tdir/sub/dir/b.txt"
tuf --target-name sub/dir/b.txt download
expect 1 "a server that gives other bytes"
[ ! -e "$T/tdir/sub/dir/b.txt" ] || fail "  leaves no file"
repo "target targets a.txt hello" 'set targets targets {"a.txt":{"length":5,"hashes":{"md9":"00"}}}'
tuf --target-name a.txt download
expect 1 "a target without a hash that we know"
repo "set root consistent_snapshot false" "write root r" "write targets t targets.json" "write snapshot s snapshot.json" "target targets sub/a.txt hello" "write targets t targets.json"
tuf --target-name sub/a.txt download
expect 0 "without consistent snapshots"
[ "$(asked_for)" = "2.root.json timestamp.json snapshot.json targets.json =sub/a.txt " ] || fail "  nothing is prefixed: $(asked_for)"

# --- odd names ---

for role in '?' '#' '/delegatedrole' '../delegatedrole' 'a%2Fb' '..' 'root.json' 'ä'; do
	repo "link targets $role p 1 *" "body $role" "target $role x $RANDOM" "meta snapshot $role 1" "write $role p"
	tuf --target-name x download
	expect 0 "a role named $role"
	[ "$(find "$T/dir" -maxdepth 1 -name '*.json' | wc -l)" -eq 5 ] || fail "  has a file of its own"
	[ -z "$(find "$T" -maxdepth 1 -name '*delegatedrole*')" ] || fail "  in the folder"
	mv "$T/www" "$T/away"
	mkdir -p "$T/www/metadata"
	cp "$T/away/metadata/timestamp.json" "$T/www/metadata/"
	cp -r "$T/away/targets" "$T/www/"
	tuf --target-name x download
	expect 0 "  that is found again"
	rm -rf "$T/away"
done
for name in ../x a/../../x /x .; do
	repo "target targets x hello"
	tuf --target-name "$name" download
	expect 1 "a target named $name is not asked for"
done

# --- delegations ---

# graph SENTENCE FOUND VISITED LINE...: where "x" is found (no: nowhere), and which roles were fetched for that.
graph()
{
	local what=$1 found=$2 visited=$3 want='' role
	shift 3
	repo "$@"
	rm -rf "$T/tdir"
	tuf --target-name x download
	expect "$([ "$found" = no ] && echo 1 || echo 0)" "$what"
	[ "$found" = no ] || [ "$(cat "$T/tdir/x")" = "from-$found" ] || fail "  it is from $(cat "$T/tdir/x")"
	for role in $visited; do want+="1.$role.json "; done
	case $(asked_for) in *"1.targets.json $want="* | *"1.targets.json $want") ;; *) fail "  visits $visited: $(asked_for)" ;; esac
}
nodes() { local r l=(); for r; do l+=("body $r" "meta snapshot $r 1" "write $r $r"); done; printf '%s\n' "${l[@]}"; }
mapfile -t abc < <(nodes a b c)
graph "nobody signs for it" no 'a b c' "${abc[@]}" "link targets a a 1 *" "link targets b b 1 *" "link targets c c 1 *"
graph "the second of a list" b 'a b' "${abc[@]}" "link targets a a 1 *" "link targets b b 1 *" "link targets c c 1 *" "target b x from-b" "write b b"
graph "the first found ends the search" a 'a' "${abc[@]}" "link targets a a 1 *" "link targets b b 1 *" "target a x from-a" "target b x from-b" "write a a" "write b b"
graph "depth first" c 'a c' "${abc[@]}" "link targets a a 1 *" "link targets b b 1 *" "link a c c 1 *" "target c x from-c" "target b x from-b" "write a a" "write b b" "write c c"
graph "a terminating role without it ends the search" no 'a' "${abc[@]}" "link targets a a 1 * end" "link targets b b 1 *" "target b x from-b" "write b b"
graph "also below" no 'a c' "${abc[@]}" "link targets a a 1 *" "link targets b b 1 *" "link a c c 1 * end" "target b x from-b" "write a a" "write b b"
graph "a circle ends" no 'a b' "${abc[@]}" "link targets a a 1 *" "link a b b 1 *" "link b a a 1 *" "write a a" "write b b"
graph "a role that delegates to itself" no 'a' "${abc[@]}" "link targets a a 1 *" "link a a a 1 *" "write a a"
graph "a path that does not match is not followed" b 'b' "${abc[@]}" "link targets a a 1 other/*" "link targets b b 1 *" "target b x from-b" "write b b"
graph "top-level targets come first" targets '' "${abc[@]}" "link targets a a 1 *" "target targets x from-targets" "target a x from-a" "write a a"
repo "${abc[@]}" "link targets a ab 2 *" "target a x from-a" "write a a"
tuf --target-name x download
expect 1 "a delegated role below its threshold"
more "write a ab"
tuf --target-name x download
expect 0 "and at it"
repo "${abc[@]}" "link targets a a 1 *" "target a x one" "write a a"
tuf --target-name x download
expect 0 "a delegated role"
printf '%s\n' "set a version 2" "target a x two" "write a a" "meta snapshot a 2" "$(snap 2 1)" "$(stamp 2 2)" | many
tuf --target-name x download
expect 0 "  and its next version"
[ "$(cat "$T/tdir/x")" = two ] || fail "  brings the next target"
printf '%s\n' "set a version 1" "write a a 3.a.json" "meta snapshot a 3" "$(snap 3 1)" "$(stamp 3 3)" | many
tuf --target-name x download
expect 1 "  that goes back under a new name is refused"
[ "$(cat "$T/tdir/x") $(version a)" = 'two 2' ] || fail "  and what was good stays"
