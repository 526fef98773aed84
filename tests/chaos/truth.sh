# shellcheck shell=bash disable=SC2034,SC2154
# What must be true when all has come to rest. Source it after town.sh and updates.sh; rest; truth.

# --- rest ---

status_of() { "$T/hosts/$1/lib/fleet-agent" status --json --config-dir "$T/hosts/$1/etc"; }
# quiet ID: nothing of it runs but what always runs, and nothing is on trial
quiet()
{
	! whose "$1" | grep -vqE ' (sshd|probes|script)$' && ! on_trial "$1" && [ "$(status_of "$1" 2>/dev/null | jq -r 'has("trial")')" = false ]
}
# tells_all ID: its newest receipt is where receipts come home; else it is asked to bring it
tells_all()
{
	quiet "$1" || return 1
	[ ! -e "$T/receipts/$1/$(status_of "$1" | jq .receipt.number).json" ] || return 0
	polled "$1" --now
	return 1
}
all_up()
{
	local id
	nginx_up || return 1
	for id in "${hosts[@]}"; do
		probes_up "$id"
		! is_pushed "$id" || sshd_up "$id" || return 1
	done
}
# settled: the update that is under way comes to its end, with hosts that poll
settled()
{
	local id
	for id in "${pulling[@]}"; do
		[ "$(whose "$id" | grep -cE ' (pull|apply)$')" -gt 0 ] || polled "$id" --now
	done
	! control
}
comes_to_rest()
{
	local id
	until_true 100 all_up || fail "$1: sshd, nginx and probe runners start again"
	until_true 900 settled || fail "$1: the update ${kind:-} ends: ${todo[*]} is said $rounds times, rollout ${mine:-none} is $state: $(cat "$T/job.err")"
	for id in "${hosts[@]}"; do
		until_true 300 quiet "$id" || fail "$1: $id comes to rest: $(whose "$id" | tr '\n' ' ') $(cat "$T/hosts/$id/state/guard")"
	done
}
rest()
{
	local id last
	comes_to_rest 'in the end'
	for id in "${hosts[@]}"; do
		booted "$id"
	done
	for id in "${hosts[@]}"; do
		until_true 300 quiet "$id" || fail "after its boot $id comes to rest"
	done
	for last in last-D last-P; do # and there is a way forward
		begin "$last"
		comes_to_rest "the last update, $last"
		[ "$state" = "done" ] || fail "the last update, $last, is done: $mine is $state"
	done
	for id in "${pulling[@]}"; do # what it has to say comes home
		until_true 300 tells_all "$id" || fail "$id tells its last receipt"
	done
}

# --- truth ---

# chain ID: each receipt names the one before; in $newest the newest's number
chain()
{
	local dir=$T/hosts/$1/state/receipts n first digest='' previous
	newest=$(basename -s .json -a "$dir"/*.json | sort -n | tail -n 1)
	first=$(basename -s .json -a "$dir"/*.json | sort -n | head -n 1)
	for ((n = first; n <= newest; n++)); do
		[ -s "$dir/$n.json" ] || fail "$1: receipt $n is missing"
		previous=$(head -n 1 "$dir/$n.json" | jq -r .previous)
		[ -z "$digest" ] || [ "$previous" = "$digest" ] || fail "$1: receipt $n does not follow receipt $((n - 1))"
		digest=$(head -n 1 "$dir/$n.json" | tr -d '\n' | sha256sum | cut -c1-64)
		receipt_keep "$1" "$n"
	done
}
# A receipt that was seen once does not change; the newest 64 are kept there, all of them here.
receipt_keep()
{
	local file=$T/hosts/$1/state/receipts/$2.json kept=$T/seen/$1/$2.json
	mkdir -p "$T/seen/$1"
	if [ ! -e "$kept" ]; then
		cp "$file" "$kept"
	else
		cmp -s "$file" "$kept" || fail "$1: receipt $2 is another than it was"
	fi
}
# those that came since the last look, or changed
receipts_look()
{
	local id file
	touch "$T/look"
	for id in "${hosts[@]}"; do
		while read -r file; do
			receipt_keep "$id" "$(basename -s .json "$file")"
		done < <(find "$T/hosts/$id/state/receipts" -name '[0-9]*.json' -newer "$T/looked")
	done
	mv "$T/look" "$T/looked"
}
# lines ROLLOUT RELEASE VERDICT NUMBER of what host ID ever tried
tried()
{
	local file
	for file in "$T/seen/$1"/*.json; do head -n 1 "$file"; done | jq -r 'select(.rollout) | "\(.rollout) \(.release) \(.verdict) \(.release_number)"'
}

host_truth()
{
	local h=$T/hosts/$1 left told
	"$h/lib/fleet-agent" verify --config-dir "$h/etc" >"$T/out" 2>"$T/err" || fail "$1: what runs is what was signed"
	status_of "$1" >"$T/status"
	[ "$(jq 'has("trial")' "$T/status")" = false ] || fail "$1: nothing is tried: $(jq -c .trial "$T/status")"
	! on_trial "$1" || fail "$1: the guard's record has no trial: $(cat "$h/state/guard")"
	chain "$1"
	[ "$(jq -r '"\(.receipt.number) \(.receipt.current_number)"' "$T/status")" = "$newest $(jq -r .number "$T/status")" ] ||
		fail "$1: the newest receipt, $newest, says what runs: $(jq -c '[.number, .receipt.number, .receipt.current_number]' "$T/status")"
	told=$(jq -c --arg id "$1" '.hosts[] | select(.host == $id) | [.hello.number // .home.receipt.current_number, .wanted_number, (.home // .chain).result]' "$T/told")
	[ "$told" = "$(jq -c '[.number, .number, "verified"]' "$T/status")" ] ||
		fail "$1: fleetctl status says what runs, what is wanted, and that the receipts are its own: $told, and it runs $(jq .number "$T/status")"
	left=$(find "$h/state/staging" -mindepth 1; find "$h/state" -name '.*.new' -o -name '.*.gone')
	[ -z "$left" ] || fail "$1: nothing is left over: $left"
	left=$(tried "$1" | grep -E ' (pass|unproven|fail) ' | sort | uniq -d)
	[ -z "$left" ] || fail "$1: no rollout updated it twice: $left"
}
# Where a rollout says that a host committed or went back, the host has a receipt that says so.
history_truth()
{
	local id rollout state number
	(cd "$fleet" && "$fleetctl" rollout status --all --json) >"$T/told.all" 2>"$T/err" || true
	for rollout in $(jq -r '.rollouts[].id' "$T/told.all"); do
		(cd "$fleet" && "$fleetctl" rollout status "$rollout" --json) >"$T/told.one" 2>"$T/err" || true
		[ "$(jq -r .rollout.state "$T/told.one")" != running ] || fail "rollout $rollout is over"
		while read -r id state number; do
			case $state in
			committed) tried "$id" | grep -qE "^$rollout [0-9a-f]+ (pass|unproven) $number\$" ;;
			rolled-back) tried "$id" | grep -qE "^$rollout [0-9a-f]+ (fail|environment|refused) $number\$" ;;
			undone) tried "$id" | grep -qE "^$rollout [0-9a-f]+ undone " ;;
			esac || fail "rollout $rollout says that $id is $state at $number, and its receipts do not: $(tried "$id" | grep "^$rollout" | tr '\n' ';')"
		done < <(jq -r '.rollout.hosts[] | select(.state == "committed" or .state == "rolled-back" or .state == "undone") | "\(.host) \(.state) \(.number)"' "$T/told.one")
	done
}
strays()
{
	local id pid known
	known=" $(for id in "${hosts[@]}"; do whose "$id" | grep -E ' (sshd|probes|script)$' | cut -d' ' -f1; done | tr '\n' ' ')"
	for pid in $(below "$T"); do
		[[ $known == *" $pid "* ]] || ! [ -e "/proc/$pid" ] || fail "a stray process: $pid $(args "$pid")"
	done
}
truth()
{
	local id
	ctl status --json
	cp "$T/out" "$T/told"
	[ "$code" -eq 4 ] || fail "fleetctl status hears all but those whom nobody connects to: exit code $code"
	: >"$T/out"
	for id in "${hosts[@]}"; do
		host_truth "$id"
	done
	ctl status --verify plan=plan-D
	[ "$code" -eq 0 ] || fail 'the chains of receipts are unbroken'
	history_truth
	ctl doctor
	[ "$code" -eq 0 ] || fail 'the repository can be followed'
	strays
}

# --- the judge is judged: each of these must be noticed ---

# noticed SENTENCE PATTERN: the first host, and strays, are looked at once more
noticed()
{
	! (host_truth "${hosts[0]}" && strays) 2>"$T/noticed" || fail "it is noticed that $1"
	grep -qE "$2" "$T/noticed" || fail "it is noticed that $1: $(cat "$T/noticed")"
}
forgeries()
{
	local h=$T/hosts/${hosts[0]} file
	touch "$h/state/staging/left"
	noticed 'something is left in staging' 'nothing is left over'
	rm "$h/state/staging/left"
	file=$(find "$h/state/receipts" -name '[0-9]*.json' | sort -V | tail -n 2 | head -n 1)
	cp "$file" "$T/kept"
	sed -i '1s/"time"/"Time"/' "$file"
	noticed 'a receipt is another one' 'is another than it was|does not follow'
	rm "$file"
	noticed 'a receipt is missing' 'is missing'
	cp "$T/kept" "$file"
	cp "$h/state/guard" "$T/kept" && sed -i 's|^release .*|release 60000 0 releases/0|' "$h/state/guard"
	noticed 'something is on trial' "guard's record has no trial"
	cp "$T/kept" "$h/state/guard"
	file=$(readlink -f "$h/state/current/tree")/checks/health.sh
	cp -p "$file" "$T/kept" && chmod u+w "$file" && echo >>"$file"
	noticed 'a script is another one' 'what runs is what was signed'
	cat "$T/kept" >"$file" && chmod 0755 "$file"
	later sh -c 'cd "$1" && sleep 30' sh "$h"
	until_true 50 pgrep -f "sh $h\$" >/dev/null || true
	noticed 'a process strays' 'stray process'
	power_off "${hosts[0]}"
}
