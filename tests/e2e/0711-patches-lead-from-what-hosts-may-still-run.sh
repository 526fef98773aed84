#!/usr/bin/env bash
# A place has a patch to what a plan runs now from each of the last K bundles that the plan had, also where their releases are
# permitted no more, and where several releases have one bundle: a host that was away for long takes a patch.
. "$(dirname "$0")/tower.sh"
. "$(dirname "$0")/git.sh"

tower_begin
www=$T/www
small_fleet plan-D plan01s
printf 'publish: [{name: web, kind: folder, path: %s, patches: 7}]\n' "$www" >>"$fleet/fleet.yaml"

next() { (cd "$fleet/repository" && newest_bundle "$1") | sed 's|bundles/\(.*\)\.tar\.zst|\1|'; }
publish()
{
	ctl publish --prune
	[ "$code" -eq 0 ] || fail "it is published"
}
# patches_are BUNDLE...: to the newest bundle, from these and no others
patches_are()
{
	local from
	for from in "$@"; do echo "$from-$(next plan-D).zst"; done | sort >"$T/wanted"
	find "$www/patches" -name "*-$(next plan-D).zst" -printf '%f\n' | sort >"$T/there"
	diff "$T/wanted" "$T/there" >"$T/out"
}

bundles=("$(next plan-D)")
for i in 2 3 4 5 6 7 8 9 10; do
	small_change "$i"
	sign
	[ "$code" -eq 0 ] || fail "release $i is signed"
	bundles+=("$(next plan-D)")
done
permitted=$(cd "$fleet/repository/metadata" && jq -r '.signed.targets | keys[] | select(test("/releases/"))' "$(find . -name '*.plan-D.json' | sort -V | tail -n 1)" | wc -l)
[ "$permitted" -lt 8 ] || fail "of ten releases fewer than eight are permitted: $permitted"
publish
patches_are "${bundles[@]:2:7}" || fail "from each of the last seven bundles there is a patch, though $permitted releases are permitted"
ok "from each of the last seven bundles there is a patch, though $permitted releases are permitted"

# plan-D's words change, its scripts do not
for i in 31 32 33 34 35 36; do
	sed -i "s/deadline: .*}/deadline: ${i}s}/" "$fleet/plans/plan-D.yaml"
	sign
	[ "$code" -eq 0 ] || fail "release with a deadline of $i s is signed"
done
[ "$(next plan-D)" = "${bundles[9]}" ] || fail "six releases have one bundle"
publish
patches_are "${bundles[@]:2:7}" || fail "releases that share a bundle use none of the patches up"
ok "releases that share a bundle use none of the patches up"

small_change 11
sign
rm "$fleet/repository/bundles/${bundles[4]}.tar.zst"
publish
patches_are "${bundles[@]:2:2}" "${bundles[@]:5:5}" || fail "a bundle that this folder has no more counts for none"
ok "a bundle that this folder has no more counts for none"
