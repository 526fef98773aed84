#!/usr/bin/env bash
# A host in a thief's hands says to fleetctl whatever it likes: words that drive terminals, frames without end, drops without end,
# receipts that it made up, receipts of others. What it says of itself may be wrong. It never drives the operator's terminal,
# holds nobody up for long, fills no memory, and is never taken for good; and the host beside it is served as always.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
patience() { sed -i "s/^defaults: .*/defaults: {parallel: 8, connect: 40s, silence: $1}/" "$fleet/fleet.yaml"; }
patience 30s
for id in good other ill; do host_make "$id" plan-D here; done
ctl rollout start good other ill --waves 100%
expect 0 "three hosts run release 1"
ctl status --verify
expect 0 "with good receipts"
release=$(sha256sum "$fleet"/repository/targets/plan-D/releases/*.1.json | cut -c1-64)
own=$(find "$T/hosts/ill/state/receipts" -name '*.json' | sort -V | tail -n 1)
first=$(find "$T/hosts/ill/state/receipts" -name '*.json' | sort -V | head -n 1)
others=$(find "$T/hosts/other/state/receipts" -name '*.json' | sort -V | tail -n 1)
sed -i 's/# version 1/# version 2/' "$fleet/scripts/small/probes/beat.sh"
sign

# ill.pl HOW: what answers for the host.
cat >"$T/ill.pl" <<'PERL'
use strict;
use Socket;
use Time::HiRes;
my ($how, $release, $own, $others, $first) = @ARGV;
$| = 1;
binmode STDOUT;
binmode STDIN;
my $bad = "\e]0;owned\a\e[2J\x{c2}\x{9b}31m\r\x08\x7f";
my $json_bad = '\u001b]0;owned\u0007\u001b[2J\u009b31m\r\b\u007f'; # as JSON says them
sub frame { my ($kind, $body) = @_; print pack("NC", length $body, $kind), $body }
sub hello { my %f = (id => '"ill"', agent => '"0.1.0"', boot => '"b"', receipt => 2, @_);
	frame 1, '{"oldest":1,"newest":1,"plan":"plan-D","release":"' . $release . '","number":1,"free":1000000000,' . join(',', map { "\"$_\":$f{$_}" } sort keys %f) . '}' }
sub heard { my $buf; sysread STDIN, $buf, 65536 }
sub file { local $/; open my $f, '<', $_[0] or die; binmode $f; <$f> }
my %ways = (
	shout => sub { print STDERR $bad x 100; exit 3 },
	greeting => sub { print $bad },
	name => sub { print "fleetw1\n"; hello(id => "\"$json_bad\"") },
	words => sub { print "fleetw1\n"; hello(agent => "\"$json_bad\"", boot => "\"$json_bad\"", lease => "{\"rollout\":\"$json_bad\",\"who\":\"$json_bad\",\"left_ms\":1000}",
		trial => "{\"step\":\"prove\",\"left_ms\":1000,\"rollout\":\"$json_bad\",\"who\":\"$json_bad\"}") },
	state => sub { print "fleetw1\n"; hello(); heard(); frame 128, $bad; frame 5, "{\"step\":\"prove\",\"text\":\"$json_bad\"}"; frame 7, "{\"code\":\"refused\",\"text\":\"$json_bad\"}" },
	code => sub { print "fleetw1\n"; hello(); heard(); frame 7, '{"code":"stopped","text":"you stopped me"}' },
	early => sub { print "fleetw1\n"; frame 5, '{"step":"prove"}' },
	giant => sub { print "fleetw1\n"; print pack("NC", 1 << 31, 1), "x" x 100000; sleep 60 },
	deep => sub { print "fleetw1\n"; frame 1, ('[' x 500000) . (']' x 500000) },
	wide => sub { print "fleetw1\n"; frame 1, '{' . join(',', map { "\"$_\":1" } 1 .. 90000) . '}' },
	many => sub { print "fleetw1\n"; hello(bundles => '[' . join(',', ("{\"id\":\"$release\"}") x 10000) . ']') },
	kinds => sub { print "fleetw1\n"; for my $k (129 .. 255) { frame $k, "x" for 1 .. 20 } sleep 60 },
	unknown => sub { print "fleetw1\n"; frame 77, "x"; sleep 60 },
	reversed => sub { print "fleetw1\n"; hello(); frame 2, '{"action":"ask"}'; sleep 60 },
	flood => sub { print "fleetw1\n"; hello(); heard(); 1 while frame 128, "x" x 1000000 },
	noise => sub { 1 while print "fleetw1\n" . ("\0" x 65536) },
	drip => sub { print "fleetw1\n"; print pack("NC", 1000, 1); for (1 .. 600) { print " "; Time::HiRes::sleep 0.5 } },
	drone => sub { print "fleetw1\n"; hello(); heard(); for (1 .. 600) { frame 128, "x"; Time::HiRes::sleep 0.5 } },
	chatter => sub { print "fleetw1\n"; hello(id => '"other"'); heard(); for (1 .. 600) { frame 5, '{"step":"prove","left_ms":1000000}'; Time::HiRes::sleep 0.5 } },
	unasked => sub { print "fleetw1\n"; frame 6, file($own) },
	changed => sub { print "fleetw1\n"; hello(); heard(); frame 6, file($own) =~ s/"verdict": *"pass"/"verdict":"fail"/r },
	unsigned => sub { print "fleetw1\n"; hello(); heard(); frame 6, (split /\n/, file($own))[0] . "\n" },
	replayed => sub { print "fleetw1\n"; hello(); heard(); frame 6, file($others) },
	older => sub { print "fleetw1\n"; hello(receipt => 1); heard(); frame 6, file($first) },
	long => sub { print "fleetw1\n"; hello(); heard(); frame 6, "{" . " " x 1000000 },
	chains => sub { print "fleetw1\n"; hello(); heard(); 1 while frame 8, file($own) },
	nothing => sub { print "fleetw1\n"; hello(); heard(); frame 6, '{}' },
);
$ways{$how}->();
PERL
# ill HOW [ID]: from now on.
ill()
{
	printf 'restrict,command="exec perl %s %s %s %s %s %s" %s\n' "$T/ill.pl" "$1" "$release" "$own" "$others" "$first" "$(cat "$T/operator.pub")" \
		>"$T/hosts/${2:-ill}/authorized_keys"
}
# harmless: the last ctl printed nothing that drives a terminal, and little.
harmless()
{
	! LC_ALL=C grep -qaP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$T/out" "$T/err" || fail "$1: what it prints drives no terminal"
	[ "$(cat "$T/out" "$T/err" | wc -c)" -lt 40000 ] || fail "$1: what it prints is bounded"
}
# bounded: in memory and in time; the limits are far above what is needed, and far below what the host would take.
bounded()
{
	code=0
	(ulimit -v "$room" && cd "$fleet" && exec timeout 150 "$fleetctl" "$@") >"$T/out" 2>"$T/err" </dev/null || code=$?
	[ "$code" -ne 124 ] || fail "fleetctl $*: it ends"
}
room=unlimited # a sanitizer maps more than there is
grep -qa __asan_init "$fleetctl" || room=400000

# met HOW CODES PATTERN SENTENCE [MORE]: by status and by the chain, with MORE also by what is kept and printed as JSON.
met()
{
	local command
	ill "$1"
	for command in "status" "status --verify" ${5:+"status --cached" "status --json"}; do
		# shellcheck disable=SC2086
		bounded $command good ill
		harmless "$4 ($command)"
		[ "$command" = "status --cached" ] || [[ $code =~ ^($2)$ ]] || fail "$4 ($command): exit code $code"
		grep -q good "$T/out" || fail "$4 ($command): the good one is told of"
		[ "$command" != status ] || grep -aqE -e "$3" "$T/out" || fail "$4: expected to read /$3/"
	done
	ok "$4"
}
met shout 3 'status 3' "escapes on its standard error"
met greeting 3 'greets with' "escapes for a greeting"
met name '3|7' 'control|hello' "escapes for a name"
met words '4' 'on trial' "escapes in every word of its hello" also-kept
met state '6' '\?' "escapes in what happens" also-kept
met code '3' 'you stopped me' "a code that only a person gives"
met early '3' 'before it was given an order' "a trial that nobody began"
met giant '3' 'a frame of 2147483648 bytes' "a frame of 2 GiB"
met deep '3' 'hello' "JSON of half a million levels"
met wide '3' 'hello|calls itself' "JSON of 90000 fields"
met many '3' 'hello' "ten thousand bundles"
met kinds '3' 'more than 1000 frames' "every unknown kind of frame, again and again"
met unknown '3' 'kind 77' "a kind that must be known"
met reversed '3' 'only a controller' "an order of its own"
met flood '3' 'more than 8 MiB' "notes without end"
met noise '3' 'kind 0|hello' "zeros without end"
met unasked '3' 'before it was asked' "a receipt before it was asked"
met changed '7' 'not believed' "a receipt that it changed" also-kept
met unsigned '7' 'not believed' "one that is not signed"
met replayed '7' 'not believed' "one of another host"
met long '3' 'receipt' "one of a megabyte"
met nothing '3' 'receipt' "one that says nothing"
met chains '3' 'more receipts than a host keeps' "receipts without end"
ill older
ctl status --verify good ill
expect 7 "an older receipt than was seen"
said 'ill +(back|gap)' "is told"
patience 1s
ill drip
bounded status ill
expect 4 "a drop now and then, and never a hello, is silence"
said 'nothing was said for 1s' "and said to be"
ill drone
ill chatter other
for _ in 1 2 3; do # this machine may be slower than our patience
	bounded status ill other
	[ "$(grep -c 'it speaks, but was not done after 30s' "$T/out")" -ne 2 ] || break
done
expect 5 "a note now and then, or a trial that never was, is not waited for without end"
said 'it speaks, but was not done after 30s' "and told"
patience 30s

# A rollout meets the worst of them.
for how in shout words state changed replayed; do
	ill "$how"
	bounded rollout start ill good --waves 100% --canary 0 --max-failed 5
	harmless "a rollout that meets $how"
	[ "$code" -ne 0 ] || fail "a rollout that meets $how is no success"
	grep -qE 'good: (committed|same)' "$T/err" || fail "a rollout that meets $how goes on with the others"
	ctl rollout status --history
	harmless "the history of $how"
	[ "$code" -ne 0 ] || fail "nor is it one later"
	! grep -qE '^ill .* (committed|same) ' "$T/out" || fail "$how is never taken for good"
done
ok "a rollout takes none of it for good, prints nothing that drives a terminal, and goes on with the others"
