#!/usr/bin/env bash
# Repositories that another signer made (tests/interop/foreign, with what each is for) are read by our client as their makers
# meant them, found or not found; each signature and each byte of them that is changed is refused.
. "$(dirname "$0")/tower.sh"

client=$build/tests/tuf-client
tower_begin
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
cp -R "${FLEET_FOREIGN:-$here/tests/interop/foreign}" "$T/foreign"
chmod -R u+w "$T/foreign"
serve "$T"

# get NAME...: from $repository, by a client that knows its first root and nothing else.
get()
{
	local url=http://127.0.0.1:$served/plain/${repository#"$T/"} names=() name
	for name; do names+=(--target-name "$name"); done
	rm -rf "$T/dir" "$T/tdir"
	"$client" --metadata-dir "$T/dir" init "$repository/metadata/1.root.json" || fail "init"
	code=0
	"$client" --metadata-dir "$T/dir" --metadata-url "$url/metadata" --target-dir "$T/tdir" --target-base-url "$url/targets" "${names[@]}" download \
		>"$T/out" 2>"$T/err" </dev/null || code=$?
}
# refused SENTENCE: something that was found before is not, now.
refused()
{
	get "${found[@]}"
	expect 1 "$1 is refused"
	rm -rf "$repository"
	cp -R "$T/good" "$repository"
}

for repository in "$T"/foreign/*/; do
	repository=${repository%/}
	what=$(basename "$repository")
	mapfile -t found < <(sed -n 's/^+ //p' "$repository/wanted")
	mapfile -t absent < <(sed -n 's/^- //p' "$repository/wanted")
	[ "$((${#found[@]} * ${#absent[@]}))" -gt 0 ] || fail "$what: wanted says what is in it, and what is not"
	: >"$T/requests"
	get "${found[@]}"
	cp "$T/requests" "$T/asked"
	expect 0 "$what: all ${#found[@]} targets are found"
	for name in "${found[@]}"; do
		printf 'this is %s\n' "$name" | cmp -s - "$T/tdir/$name" || fail "  $name is what it was"
	done
	for name in "${absent[@]}"; do
		get "$name"
		expect 1 "  $name is not"
		said 'nobody signs for it|the snapshot does not list it' "  because nobody signs for it"
	done

	rm -rf "$T/good"
	cp -R "$repository" "$T/good"
	for file in "$T/good"/metadata/*.json; do
		name=$(basename "$file")
		grep -qF "/metadata/$name" "$T/asked" || continue # of roles that only what is absent leads to
		# One digit of the first signature; what is signed by two has two good ones no more.
		sed -E -i '0,/"sig": "/{s/("sig": "[0-9a-f]{60})[0-7]/\18/;t;s/("sig": "[0-9a-f]{60})[89a-f]/\17/}' "$repository/metadata/$name"
		cmp -s "$file" "$repository/metadata/$name" && fail "  $name has a signature"
		refused "  $name with a broken signature"
		sed -i '0,/"expires": "2099/s//"expires": "2098/' "$repository/metadata/$name"
		refused "  $name with another date"
	done
	find "$repository/targets" -type f -exec sed -i 's/this/That/' {} +
	refused "  a changed target"
done
