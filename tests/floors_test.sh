#!/bin/sh
# Is every way out of the house refused? One tree for each, with file and line in the answer.
set -eu
floors=$(cd "$(dirname "$0")" && pwd)/floors.sh
house=$(mktemp -d)
trap 'rm -rf "$house"' EXIT
failed=0

# build FILE CONTENT ...: a house with the rooms that are always there, and these files in it
build()
{
	rm -rf "$house/tree"
	mkdir "$house/tree"
	set -- base/err.h '' base/doc.c '#include "base/doc.h"
#include <jansson.h>' base/doc.h '#include "base/err.h"' keys/sign.h '#include "base/doc.h"' \
		wire/frame.h '' bundles/pack.h '' agent/main.c '#include "keys/sign.h"' fleetctl/cmd/push.h '' "$@"
	while [ $# -gt 0 ]; do
		mkdir -p "$house/tree/$(dirname "$1")"
		printf '%s\n' "$2" >"$house/tree/$1"
		shift 2
	done
}

accepts()
{
	sentence=$1
	shift
	build "$@"
	"$floors" "$house/tree" 2>"$house/said" && [ ! -s "$house/said" ] && return
	echo "FAILED: $sentence: $(cat "$house/said")" >&2
	failed=1
}

refuses()
{
	sentence=$1 expected=$2
	shift 2
	build "$@"
	if "$floors" "$house/tree" 2>"$house/said"; then
		echo "FAILED: $sentence: accepted" >&2
		failed=1
	elif [ "$(cat "$house/said")" != "$expected" ]; then
		echo "FAILED: $sentence: $(cat "$house/said")" >&2
		failed=1
	fi
}

accepts 'a house in order'
accepts 'a test that looks behind a door' \
	tests/unit/keys/sign_test.c '#include <openssl/evp.h>
#include "keys/sign.h"
#include "wire/frame.h"'
accepts 'every door used from its own room' \
	base/proc.c '#include <seccomp.h>' keys/digest.c '#include <openssl/evp.h>' manifests/yaml.c '#include <yaml.h>' \
	bundles/pack.c '#include <archive.h>
#include <archive_entry.h>
#include <zstd.h>' \
	sources/git.c '#include <git2.h>' sources/https.c '#include <curl/curl.h>' agent/sim/ssh.c '#include <libssh/server.h>' \
	fleetctl/db/db.c '#include <sqlite3.h>
#include <libpq-fe.h>
#include <uv.h>
#include <libssh/libssh.h>'
accepts 'folders that cmake made' build-x/CMakeCache.txt '' build-x/id.c '#include "nowhere.h"'
accepts 'names that only look like a foreign header' base/x.c '#include <uvwxyz.h>
#include <linux/seccomp.h>'
accepts 'a header that is the inside of the file beside it' \
	agent/a.h '' agent/a.c '#include "agent/a.h"
#include "agent/steps.h"' \
	agent/steps.h '#include "agent/a.h"' agent/step_one.c '#include "agent/steps.h"'

refuses 'base that knows of keys' 'base/x.c:2: climbs: base/ must not know keys/sign.h' \
	base/x.c '#include <stdio.h>
#include "keys/sign.h"'
refuses 'keys that know of manifests' 'keys/x.h:1: climbs: keys/ must not know manifests/plan.h' \
	manifests/plan.h '' keys/x.h '#include "manifests/plan.h"'
refuses 'neighbours that know each other' 'wire/x.c:1: climbs: wire/ must not know bundles/pack.h' \
	wire/x.c '#include "bundles/pack.h"'
refuses 'an agent that knows of fleetctl' 'agent/x.c:1: climbs: agent/ must not know fleetctl/cmd/push.h' \
	agent/x.c '#include "fleetctl/cmd/push.h"'
refuses 'fleetctl that knows of the agent' 'fleetctl/x.c:1: climbs: fleetctl/ must not know agent/store/store.h' \
	agent/store/store.h '' fleetctl/x.c '#include "agent/store/store.h"'
refuses 'code that knows of its tests' 'agent/x.c:1: climbs: agent/ must not know tests/help.h' \
	tests/help.h '' agent/x.c '#include "tests/help.h"'

door()
{
	refuses "$2 through another door" "$1:1: $2 has its door elsewhere: $3" "$1" "#include <$2>"
}
door base/x.c jansson.h base/doc.c
door base/doc.h jansson.h base/doc.c
door agent/net/x.c seccomp.h base/
door manifests/x.c openssl/evp.h keys/
door fleetctl/x.c yaml.h manifests/
door agent/x.c archive_entry.h bundles/
door agent/x.c zstd_errors.h bundles/
door agent/net/x.c curl/curl.h sources/
door fleetctl/repo/x.c git2/oid.h sources/
door agent/net/x.c libssh/libssh.h 'fleetctl or agent/sim/'
door agent/store/x.c sqlite3.h fleetctl/
door agent/store/x.c libpq-fe.h fleetctl/
door agent/x.c uv.h fleetctl/

refuses 'two headers in a loop' 'keys/b.h:1: goes in a loop: keys/a keys/b keys/a' \
	keys/a.h '#include "keys/b.h"' keys/b.h '#include "keys/a.h"'
refuses 'a loop through the .c files' 'keys/b.c:2: goes in a loop: keys/a keys/b keys/a' \
	keys/a.h '' keys/a.c '#include "keys/b.h"' keys/b.h '' keys/b.c '#include "keys/b.h"
#include "keys/a.h"'
refuses 'a long loop entered from outside' 'agent/d.h:1: goes in a loop: agent/b agent/c agent/d agent/b' \
	agent/a.c '#include "agent/b.h"' agent/b.h '#include "agent/c.h"' agent/c.h '#include "agent/d.h"' agent/d.h '#include "agent/b.h"'
refuses 'an inside that its own header shows to everybody' 'agent/steps.h:1: goes in a loop: agent/a agent/steps agent/a' \
	agent/a.h '#include "agent/steps.h"' agent/a.c '#include "agent/steps.h"' agent/steps.h '#include "agent/a.h"'
refuses 'an inside with a .c of its own' 'agent/steps.h:1: goes in a loop: agent/a agent/steps agent/a' \
	agent/a.h '' agent/a.c '#include "agent/steps.h"' agent/steps.c '' agent/steps.h '#include "agent/a.h"'
refuses 'an inside in another folder' 'agent/b/steps.h:1: goes in a loop: agent/a agent/b/steps agent/a' \
	agent/a.h '' agent/a.c '#include "agent/b/steps.h"' agent/b/steps.h '#include "agent/a.h"'
refuses 'a loop that goes by way of an inside' 'agent/b.h:1: goes in a loop: agent/a agent/b agent/a' \
	agent/a.h '' agent/a.c '#include "agent/steps.h"' agent/b.h '#include "agent/a.h"' \
	agent/steps.h '#include "agent/a.h"
#include "agent/b.h"'
refuses 'a loop back into an inside' 'agent/b.c:1: goes in a loop: agent/a agent/b agent/a' \
	agent/a.h '' agent/a.c '#include "agent/steps.h"
#include "agent/b.h"' agent/steps.h '#include "agent/a.h"' agent/b.h '' agent/b.c '#include "agent/steps.h"'
refuses 'a loop between tests' 'tests/b.h:1: goes in a loop: tests/a tests/b tests/a' \
	tests/a.h '#include "tests/b.h"' tests/b.h '#include "tests/a.h"'

refuses 'a header not written from the root' 'keys/sign.c:1: "sign.h" is not written from the root, or is not there' \
	keys/sign.c '#include "sign.h"'
refuses 'a header written by way of a parent' 'keys/x.c:1: "../base/err.h" is not written from the root, or is not there' \
	keys/x.c '# include "../base/err.h"'
refuses 'a header of ours in angle brackets' 'keys/x.c:1: <base/err.h> is ours: write "base/err.h"' \
	keys/x.c '#include <base/err.h>'
refuses 'a header hidden in a macro' 'keys/x.c:1: names its header by a macro: nobody can see which' \
	keys/x.c '#include HEADER'
refuses 'a folder that is no room' 'util/x.c:1: stands in no room of the house' util/x.c ''
refuses 'a file that stands before the door' 'x.c:1: stands in no room of the house' x.c ''
refuses 'two mistakes at once' 'base/x.c:1: climbs: base/ must not know wire/frame.h
base/x.c:2: uv.h has its door elsewhere: fleetctl/' \
	base/x.c '#include "wire/frame.h"
#include <uv.h>'

exit $failed
