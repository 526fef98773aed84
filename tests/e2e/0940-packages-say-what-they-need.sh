#!/usr/bin/env bash
# What the programs link, and what the packages say of it: the agent little, the guard and the launcher the C library alone, no
# library that Depends forgets; lintian finds no error; systemd understands the units, and how much they may is bounded.
. "$(dirname "$0")/tower.sh"

! ldd "$fleetctl" | grep asan >/dev/null || { echo 'packages are made of the plain build'; exit 77; }
tower_begin

# --- what is linked ---

needed() { readelf -d "$1" | sed -n 's/.*NEEDED.*\[\(.*\)\]$/\1/p'; }
# may_link FILE LIBRARY...: these and no others.
may_link()
{
	local file=$1 lib
	shift
	for lib in $(needed "$file"); do
		case " $* " in
		*" ${lib%%.so*} "*) ;;
		*) [[ $lib == ld-linux* ]] || fail "${file##*/} must not link $lib" ;;
		esac
	done
}
may_link "$agent" libc libcrypto libzstd libarchive libjansson libseccomp
may_link "$build/agent/fleet-guard" libc
may_link "$build/agent/launch/fleet-agent" libc
ok 'the agent links few libraries, guard and launcher the C library alone'

# --- packages ---

(cd "$build" && cpack -B "$T/made") >"$T/out" 2>&1 || fail 'packages are made'
# names_what_it_links DEB: each library that its programs link is of a package in Depends.
names_what_it_links()
{
	local deb=$1 file lib owner from=$T/tree.${1##*/}
	dpkg-deb -x "$deb" "$from"
	dpkg-deb -f "$deb" Depends | tr ',' '\n' | awk '{print $1}' >"$T/depends"
	while IFS= read -r file; do
		for lib in $(needed "$file"); do
			owner=$(dpkg-query -S "*/$lib" 2>/dev/null | sed 's/:.*//' | sort -u | head -n 1)
			[ -n "$owner" ] || { echo "${file##*/} links $lib, which is of no package" >"$T/err"; return 1; }
			grep -qx "$owner" "$T/depends" || { echo "${file##*/} links $lib of $owner, and ${deb##*/} does not depend on it" >"$T/err"; return 1; }
			echo "$owner" >>"$T/used"
		done
	done < <(find "$from/usr/lib" "$from/usr/bin" -type f -perm -u+x)
	while IFS= read -r owner; do
		grep -qx "$owner" "$T/used" || { echo "${deb##*/} depends on $owner, which nothing links" >"$T/err"; return 1; }
	done < <(grep -E '^lib' "$T/depends")
}
for deb in "$T"/made/*.deb; do
	: >"$T/used"
	names_what_it_links "$deb" || fail 'Depends is what is linked'
done
ok 'Depends is what is linked, no more and no less'
# the forgery: a package that forgets one
dpkg-deb -R "$T"/made/fleet-agent_*.deb "$T/forged"
sed -i 's/libarchive13 ([^)]*), //' "$T/forged/DEBIAN/control"
dpkg-deb --root-owner-group -b "$T/forged" "$T/forged.deb" >/dev/null
! names_what_it_links "$T/forged.deb" || fail 'a dependency that is forgotten is noticed'
grep -q 'libarchive13' "$T/err" || fail 'it is named'
ok 'a dependency that is forgotten is noticed'

dpkg-deb -f "$T"/made/fleet-agent_*.deb Depends | grep -qw tzdata || fail 'the zones of windows come with the agent'
ok 'the zones of windows come with the agent'

# --- completions, by the program itself ---

# completes WORD...: what the last one may become
completes()
{
	PATH=$(dirname "$agent"):$PATH bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fleet_agent; printf "%s\n" "${COMPREPLY[@]}"' \
		bash "$here/agent/package/fleet-agent.bash" "$@"
}
[ "$(completes fleet-agent st)" = status ] || fail 'bash completes a command of the agent'
[ "$(completes fleet-agent pull --q)" = --quiet ] || fail 'bash completes an option of the agent'
[ "$(completes fleet-agent '' | sort | tr '\n' ' ')" = "$("$agent" --help | awk '/^  [a-z]/ {print $1}' | sort | tr '\n' ' ')" ] || fail 'all of its commands'
[ -e "$T/tree.$(basename "$T"/made/fleet-agent_*.deb)/usr/share/bash-completion/completions/fleet-agent" ] || fail 'the package has that'
ok 'bash completes what the agent has'

if command -v lintian >/dev/null; then
	lintian --allow-root --fail-on error "$T"/made/*.deb >"$T/out" 2>&1 || fail 'lintian finds no error'
	ok 'lintian finds no error'
fi

# --- units ---

command -v systemd-analyze >/dev/null || { ok 'no systemd-analyze here: the units were not looked at'; exit 0; }
mkdir "$T/units"
for unit in "$here"/agent/units/*; do
	name=${unit##*/}
	cp "$unit" "$T/units/${name/@./@1.}"
done
for unit in "$T"/units/*; do
	SYSTEMD_UNIT_PATH=$T/units: systemd-analyze verify --man=no --recursive-errors=no "$unit" 2>&1 | grep -v 'is not executable' >"$T/err" || true
	! grep -F "$T/units" "$T/err" >/dev/null || fail "systemd understands ${unit##*/}"
done
ok 'systemd understands each unit'
echo 'ProtectEverythig=yes' >>"$T/units/fleet-agent-guard.service"
(SYSTEMD_UNIT_PATH=$T/units: systemd-analyze verify --man=no "$T/units/fleet-agent-guard.service" 2>&1 || true) >"$T/err"
grep -q "Unknown key.*ProtectEverythig" "$T/err" || fail 'a key that does not exist is noticed'
ok 'a key that does not exist is noticed'
for unit in "$here"/agent/units/*.service; do
	name=${unit##*/} gate=25
	case $name in # those that run scripts, which measure a network as a customer feels it
	*probes* | *script*) gate=50 ;;
	esac
	copy=$T/units/scored/${name/@./@1.}
	mkdir -p "$T/units/scored"
	cp "$unit" "$copy"
	score=$(systemd-analyze security --offline=true --threshold=100 "$copy" 2>/dev/null | sed -n 's/.*Overall exposure level[^:]*: \([0-9]*\)\.\([0-9]\).*/\1\2/p')
	[ -n "$score" ] || fail "$name has a score"
	[ "$score" -le "$gate" ] || fail "$name: exposure $score tenths, at most $gate"
	say "  $name ${score%?}.${score: -1}"
done
ok 'what units may do is bounded'
