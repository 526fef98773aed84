#!/usr/bin/env bash
# What a host is sent and finds to be no bundle, or another one, is told apart from a host that failed: exit code 7.
. "$(dirname "$0")/tower.sh"

tower_begin
small_fleet plan-D
host_make ber-D plan-D
ctl rollout start all --allow-blind
expect 0 "a release is rolled out"
cp -r "$fleet/repository/bundles" "$T/bundles.1"
echo '# version 2' >>"$fleet/scripts/small/probes/beat.sh"
sign
rm -f "$fleet"/repository/patches/*
new=$(cd "$fleet/repository/bundles" && for file in *; do [ -e "$T/bundles.1/$file" ] || echo "$file"; done)
cp "$fleet/repository/bundles/$new" "$T/good"

# refused WORD SENTENCE: the newest release, as it lies there now.
refused()
{
	ctl rollout start all --allow-blind
	expect 7 "$2"
	said 'ber-D: failed: .*expand' "and the host says what is wrong with it"
	ctl rollout status --json
	said "\"state\":\"failed\".*\"code\":\"$1\"" "in a word, too: $1"
	ended ber-D refused "it never ran"
	runs ber-D 1
	[ -z "$(host_marks ber-D guilty)" ] || fail "the release is not guilty of that"
	ok "the release is not guilty of that"
}
cp "$T"/bundles.1/* "$fleet/repository/bundles/$new"
refused digest "another bundle under its name is refused"
head -c 100 "$T/good" >"$fleet/repository/bundles/$new"
refused syntax "half a bundle is refused"

cp "$T/good" "$fleet/repository/bundles/$new"
ctl rollout start all --allow-blind
expect 0 "the right one is taken"
runs ber-D 2
