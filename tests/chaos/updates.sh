# shellcheck shell=bash disable=SC2034,SC2154
# The controller: one update after the other, each a row of words; one word is one start of fleetctl. Who is killed is started again with
# what an operator would say then. `control` moves on by one word, whenever it is called; `begin KIND` is the next update.

# What each kind of update is made of. $mine is the rollout that it began.
declare -A words_of=(
	[good-D]='sign start' [touch-D]='sign start' [bad-D]='sign start' [undo-D]='undo'
	[good-P]='sign pull' [touch-P]='sign pull' [bad-P]='sign pull' [back-P]='sign pull-some back'
	[last-D]='sign start' [last-P]='sign pull'
	[access]='sign access' [agent]='sign agent offer'
)
# Of twenty-four that come, so many are of a kind.
kinds=(good-D good-D good-D good-D touch-D touch-D bad-D bad-D bad-D undo-D undo-D undo-D
	good-P good-P good-P good-P touch-P bad-P bad-P back-P back-P access access agent)

updates=0 version=1 mine='' state=none agents=0 todo=() job='' rounds=0 of='' patience=40

# --- what it looks like before fleetctl begins ---

begin()
{
	kind=$1 mine='' rounds=0
	updates=$((updates + 1))
	read -ra todo <<<"${words_of[$kind]}"
	version=$((version + 1))
	case $kind in
	good-?) plan_write "plan-${kind#*-}" "$version" 0 '' ;;
	last-?) plan_write "plan-${kind#*-}" "$version" 0 '' 0s ;;
	touch-?) plan_write "plan-${kind#*-}" "$version" 0 network ;;
	bad-?) plan_write "plan-${kind#*-}" "$version" 1 '' ;;
	back-P) plan_write plan-P "$version" 0 '' ;;
	access) if [ -e "$T/two" ]; then rm "$T/two" && access_write operator:look,roll; else touch "$T/two" && access_write operator:look,roll ann:look; fi ;;
	agent) agent_begin ;;
	esac
	note "update $updates: $kind"
	rollouts >"$T/known" || fail "the rollouts are listed before update $updates"
}
# The first is a good one, the second dies at its start; then there is none that is newer, and it is asked for once more.
agent_begin()
{
	local which
	agents=$((agents + 1))
	case $agents in
	1) which='next 98.0.0' ;;
	2) which='broken 99.0.0' ;;
	*) return 0 ;;
	esac
	# shellcheck disable=SC2086
	agent_build $which
	[ "$code" -eq 0 ] || fail "agent $which is added"
}

# --- starts of fleetctl ---

# job ARGS...: in the background; its exit code comes into $T/job.code.
job()
{
	rm -f "$T/job.code"
	note "  fleetctl $*"
	{
		local was=0
		(cd "$fleet" && exec "$fleetctl" "$@") >"$T/job.out" 2>"$T/job.err" </dev/null || was=$?
		echo "$was" >"$T/job.new" && mv "$T/job.new" "$T/job.code"
	} 2>/dev/null &
	disown $!
	job=${todo[0]}
}
rollouts() { (cd "$fleet" && "$fleetctl" rollout status --all --json 2>"$T/err") | jq -r '.rollouts[]? | "\(.id) \(.state) \(.action)"'; }
# The rollout that this update began, and where it stands: $mine, $state.
mine_is()
{
	local now
	now=$(rollouts)
	[ -n "$mine" ] || mine=$(grep -vxFf <(cut -d' ' -f1 "$T/known") <(cut -d' ' -f1 <<<"$now") | head -n 1) || true
	state=none
	[ -z "$mine" ] || state=$(sed -n "s/^$mine \([^ ]*\) .*/\1/p" <<<"$now")
}
# go ARGS...: begins the rollout, or goes on with it
go()
{
	mine_is
	case $state in
	none) job "$@" ;;
	*) job rollout resume "$mine" ;;
	esac
}
word_start() { go rollout start plan=plan-D --waves 50%,100% --allow-blind; }
word_pull() { go rollout start plan=plan-P --pull --any-time --waves 50%,100% --allow-blind; }
word_pull-some() { word_pull; }
word_undo()
{
	[ -n "$of" ] || of=$(rollouts | awk '$3 == "update" && !of { of = $1 } END { print of }')
	if [ -n "$of" ]; then
		go rollout undo "$of"
	else
		todo=() # nothing was pushed yet
	fi
}
word_abort()
{
	mine_is
	job rollout abort "$mine"
}
word_back()
{
	mine_is
	job rollout abort "$mine" --back
}
word_sign() { job sign --yes; }
word_access() { job access push plan=plan-D; }
word_agent() { job agent push plan=plan-D; }
word_offer() { job agent offer --all --allow-blind; }

# --- what came of one: is the word said? ---

killed() { [ "$1" -ge 128 ]; }
# after WORD CODE: true when the next word follows, false when this one is said again
after()
{
	case $1 in
	start | undo | pull)
		mine_is
		case $state in
		done | aborted) return 0 ;;
		none) [ "$2" -eq 2 ] || [ "$2" -eq 6 ] ;; # nothing to undo, or a host is another's
		*) # what halts, what was never signed, and what no patience ends, an operator ends
			[ "$state" = halted ] || [ "$1 $2" = 'pull 6' ] || [ "$rounds" -ge "$patience" ] || return 1
			todo=("$1" abort)
			;;
		esac
		;;
	pull-some) mine_is && [ "$state" != none ] && [ "$rounds" -ge 3 ] ;;
	sign | offer | abort | back)
		killed "$2" || [ "$2" -eq 0 ] || note "  $1 ended with $2: $(tail -n 2 "$T/job.err" | tr '\n' ' ')"
		[ "$2" -eq 0 ] || { ! killed "$2" && [ "$rounds" -ge 4 ]; }
		;;
	access | agent) [ "$2" -eq 0 ] || [ "$2" -eq 6 ] || [ "$rounds" -ge 4 ] ;;
	esac
}

# One step of the controller: nothing where fleetctl is at it, else the word that is next. False when there is none.
control()
{
	local was word
	if [ -n "$job" ]; then
		[ -e "$T/job.code" ] || return 0
		read -r was <"$T/job.code"
		word=$job job='' rounds=$((rounds + 1))
		note "  $word: $was"
		if after "$word" "$was"; then
			todo=("${todo[@]:1}") rounds=0 of=''
		fi
	fi
	[ ${#todo[@]} -gt 0 ] || return 1
	"word_${todo[0]}"
}
