#!/bin/bash
# keys.7 is followed as it stands: its lines are typed on three machines, which are three home folders with a USB stick between
# them, and what they answer is held against what the manual shows. Then a client walks the roots from the first.
. "$(dirname "$0")/tower.sh"
tower_begin

page=$here/keys/keys.7
unset XDG_DATA_HOME XDG_CONFIG_HOME
mkdir "$T/usb"
for machine in ann bob cy; do
	mkdir "$T/$machine"
	ln -s "$T/usb" "$T/$machine/usb"
done
at=$T/ann # where Ann is

# plain: digests, dates, people and homes are another's each time.
plain()
{
	sed -E -e "s#$T/(ann|bob|cy)#~#g" -e 's/[0-9a-f]{4}(-[0-9a-f]{4}){3}/DIGEST/g' -e 's/20[0-9-]{8}T[0-9:]{8}Z/DATE/g' \
		-e 's/[A-Za-z0-9._-]+@[A-Za-z0-9._-]+/WHO/g' -e 's/^[0-9]+ lines,/N lines,/'
}

# fits SHOWN IS: the lines of SHOWN are those of IS, "..." for any of them, or for the rest of one.
fits()
{
	awk 'function same(shown, is) { return shown == is || (sub(/[.][.][.]$/, "", shown) && index(is, shown) == 1) }
	NR == FNR { shown[++count] = $0; next } { is[++lines] = $0 }
	END {
		at = 1
		for (i = 1; i <= count; i++) {
			if (shown[i] == "...") { any = 1; continue }
			while (any && at <= lines && !same(shown[i], is[at]))
				at++
			if (at > lines || !same(shown[i], is[at])) {
				printf "the manual shows: %s\n", shown[i]
				exit 1
			}
			at++
			any = 0
		}
		if (!any && at <= lines) {
			printf "the manual does not show: %s\n", is[at]
			exit 1
		}
	}' "$1" "$2"
}

# typed MACHINE LINE: as a person does it; both streams together, as a terminal shows them.
typed()
{
	local machine=$1 line=$2 where=$T/$1
	[ "$machine" != ann ] || where=$at
	case $line in
	'cd '*)
		at=$where/${line#cd }
		: >"$T/is"
		return
		;;
	'fleetctl sign '*) line="$line --yes --passphrase-fd 3" ;;
	'fleetctl key new '*) line="$line --passphrase-fd 3" ;;
	esac
	(export HOME=$T/$machine && PATH=$(dirname "$fleetctl"):$PATH && cd "$where" && eval "$line") >"$T/raw" 2>&1 3<<<"$passphrase" </dev/null || true
	plain <"$T/raw" >"$T/is"
}

# The blocks of the manual, a line each; one that ends in a backslash goes on in the next.
sed -n '/^[.]Sh A FIRST ROOT/,$p' "$page" | sed -n '/^[.]Bd -literal/,/^[.]Ed/{/^[.]/d;p}' | sed -e 's/^\\&//' -e 's/\\e$/\\/' |
	sed -e ':a' -e '/\\$/{N;s/\\\n//;ta' -e '}' >"$T/blocks"
count=0
# check: the last line typed, against what the manual showed for it.
check()
{
	[ -n "$command" ] || return 0
	plain <"$T/shown.raw" >"$T/shown"
	fits "$T/shown" "$T/is" >"$T/why" || { cp "$T/raw" "$T/out"; cat "$T/why" >"$T/err"; fail "keys.7: $command"; }
	count=$((count + 1))
}
command=
while IFS= read -r line <&4; do
	case $line in
	'ann$ '* | 'bob$ '* | 'cy$ '*)
		check
		command=$line
		: >"$T/shown.raw"
		typed "${line%%\$*}" "${line#*\$ }"
		;;
	*) printf '%s\n' "$line" >>"$T/shown.raw" ;;
	esac
done 4<"$T/blocks"
check
[ "$count" -gt 40 ] || fail "the manual has a ceremony: only $count lines were found"
ok "the $count command lines of keys.7 do what it shows"

# What is left behind.
fleet=$T/ann/tower
[ "$(find "$fleet/repository/metadata" -name '*.root.json' | wc -l)" -eq 4 ] || fail "four roots were made"
ctl verify
expect 0 "the repository verifies"
! grep -rqs 'PRIVATE KEY' "$fleet" "$T/usb" || fail "no private key is in the fleet's folder or on the stick"
ok "no private key is in the fleet's folder or on the stick"

# A host that slept since the first root walks all of them.
mkdir -p "$T/dir" "$T/www"
cp -r "$fleet/repository/." "$T/www"
serve "$T/www"
"$build/tests/tuf-client" --metadata-dir "$T/dir" init "$fleet/repository/metadata/1.root.json" || fail "init"
"$build/tests/tuf-client" --metadata-dir "$T/dir" --metadata-url "http://127.0.0.1:$served/plain/metadata" refresh 2>"$T/err" || fail "a client walks the roots"
cmp -s "$T/dir/root.json" "$fleet/repository/metadata/4.root.json" || fail "the client holds root 4"
ok "a client that holds root 1 walks to root 4"

# One digest in the manual's transcript is changed: it shows.
sed -i '3s/plans/root/' "$fleet/keys.log"
ctl key transcript --verify
expect 7 "a changed line of the transcript is found"
said 'does not follow the line before' "which is said"
