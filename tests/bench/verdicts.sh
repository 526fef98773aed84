# shellcheck shell=bash
# Figures held against their bounds, for bench.sh: in the array `verdicts`, a line each.
verdicts=()

# judge NAME FIGURE BOUND WORDS: the figure may be as large as the bound.
judge()
{
	local word=MISSED
	! awk -v a="$2" -v b="$3" 'BEGIN { exit !(a <= b) }' || word=ok
	verdicts+=("$word $1 $2 ($4) bound $3")
}
# compare NAME OURS THEIRS BOUND UNIT [WHOSE [UNIT]]: a ratio.
compare()
{
	judge "$1" "$(awk -v a="$2" -v b="$3" 'BEGIN { printf "%.3f", a / b }')" "$4" "ours $2 $5, ${6:-ssh} $3 ${7:-$5}"
}

# The last line. False where a figure is missed: that is a failure, as of any other test.
summary()
{
	local missed
	missed=$(printf '%s\n' "${verdicts[@]}" | awk '$1 == "MISSED" { printf " %s", $2 }')
	if [ -n "$missed" ]; then
		printf 'bench: MISSED:%s\n' "$missed"
		return 1
	fi
	printf 'bench: %d figures, none above its bound\n' "${#verdicts[@]}"
}
