#!/bin/sh
# Does this name resolve to an address, and how fast? One question, one answer: a lost packet is a
# measurement, so nothing is asked twice. Without `dig` the system's resolver is asked (no SERVER then).
# needs: dig|getent awk
# shellcheck source=/dev/null
. "${0%/*}/../lib/prom.sh"
how='[--type A|AAAA] NAME [SERVER[:PORT]]'

type=A
if [ "${1-}" = --type ]; then
	case ${2-} in A | AAAA) type=$2 ;; *) usage "$how" ;; esac
	shift 2
fi
[ $# -eq 1 ] || [ $# -eq 2 ] || usage "$how"
name=$1 at=${2-}
is_host "$name" || usage "$how"

# 192.0.2.1  192.0.2.1:53  2001:db8::1  [2001:db8::1]:53
server='' port=53
case $at in
'') ;;
\[*\]:*) server=${at#\[} server=${server%%\]*} port=${at##*:} ;;
\[*\]) server=${at#\[} server=${server%\]} ;;
*:*:*) server=$at ;;
*:*) server=${at%:*} port=${at##*:} ;;
*) server=$at ;;
esac
[ -z "$at" ] || { is_host "$server" && is_port "$port"; } || usage "$how"

probe_begin "$name${at:+@$at}"

if ! command -v dig >/dev/null 2>&1; then
	[ -z "$at" ] || probe_fail "dns $name: to ask $at needs dig (package bind9-dnsutils)"
	found=$(bounded getent ahosts "$name" | awk '!seen[$1]++ { n++ } END { print n + 0 }')
	[ "$found" -gt 0 ] || probe_fail "dns $name: no address by the system's resolver"
	probe_pass "dns $name: $found addresses"
fi

# -r: no .digrc, -u: microseconds. dig counts whole seconds; `bounded` is the exact deadline.
left=$(left_ms)
set -- -r -u +tries=1 "+time=$((left / 1000 + 1))" +noall +comments +answer +stats -p "$port"
answer=$(bounded dig "$@" ${server:+"@$server"} -q "$name" -t "$type" 2>&1)

# status, number of answers, authorities, additionals, addresses, microseconds
facts=$(printf '%s\n' "$answer" | awk -v type="$type" '
	/^;; ->>HEADER<<-/ { s = $0; sub(/.*status: /, "", s); sub(/,.*/, "", s) }
	/^;; flags:/ {
		for (i = 1; i < NF; i++) {
			if ($i == "ANSWER:") an = $(i + 1) + 0
			if ($i == "AUTHORITY:") au = $(i + 1) + 0
			if ($i == "ADDITIONAL:") ad = $(i + 1) + 0
		}
	}
	/^;; Query time:/ { us = $4 }
	$3 == "IN" && $4 == type { n++ }
	END { if (s != "") print s, an + 0, au + 0, ad + 0, n + 0, us + 0 }')
if [ -z "$facts" ]; then
	why=$(printf '%s\n' "$answer" | sed -n 's/^;; //p' | head -n 1)
	probe_fail "dns $name: ${why:-no answer from ${at:-the resolver} in $(seconds "$left") s}"
fi
# shellcheck disable=SC2086 # six words
set -- $facts

metric probe_dns_query_succeeded gauge 'Displays whether or not the query was executed successfully'
sample probe_dns_query_succeeded 1
metric probe_dns_answer_rrs gauge 'Returns number of entries in the answer resource record list'
sample probe_dns_answer_rrs "$2"
metric probe_dns_authority_rrs gauge 'Returns number of entries in the authority resource record list'
sample probe_dns_authority_rrs "$3"
metric probe_dns_additional_rrs gauge 'Returns number of entries in the additional resource record list'
sample probe_dns_additional_rrs "$4"
metric probe_dns_duration_seconds gauge 'Duration of DNS request by phase'
sample probe_dns_duration_seconds "$(awk -v us="$6" 'BEGIN { printf "%.6f", us / 1e6 }')" phase request

[ "$1" = NOERROR ] || probe_fail "dns $name: ${at:-the resolver} answers $1"
[ "$5" -gt 0 ] || probe_fail "dns $name: ${at:-the resolver} knows no $type address"
probe_pass "dns $name: $(($6 / 1000)) ms, $5 addresses"
