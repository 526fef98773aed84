#!/bin/sh
# Does HOST answer a ping? Success is one answer; how many were lost is in the result.
# needs: ping awk
# shellcheck source=/dev/null
. "${0%/*}/../lib/prom.sh"
. "${0%/*}/../lib/limits.sh"
how='[--count N] HOST'

count=$(limit ping_count)
if [ "${1-}" = --count ]; then
	is_number "${2-}" || usage "$how"
	count=$2
	shift 2
fi
[ $# -eq 1 ] || usage "$how"
is_host "$1" || usage "$how"
[ "$count" -ge 1 ] || usage "$how"
[ "$count" -le 100 ] || usage "$how"
host=$1
probe_begin "$host"

# SIGINT, because ping then still tells what it has seen. -w: the exact deadline is `timeout`'s.
left=$(left_ms)
said=$(timeout --foreground -s INT -k 1 "$(seconds "$left")" \
	ping -n -c "$count" -w $((left / 1000 + 1)) "$host" 2>&1)

# sent, received, mean round trip in seconds, hop limit of the last answer
facts=$(printf '%s\n' "$said" | awk '
	/ bytes from / { for (i = 1; i <= NF; i++) if ($i ~ /^ttl=/) ttl = substr($i, 5) }
	/ packets transmitted, / { sent = $1; for (i = 2; i <= NF; i++) if ($i ~ /^received/) got = $(i - 1) }
	/^rtt / { split($4, ms, "/"); rtt = sprintf("%.6f", ms[2] / 1000) }
	END { if (sent != "") print sent, got + 0, (rtt == "" ? "-" : rtt), (ttl == "" ? "-" : ttl) }')
[ -n "$facts" ] || probe_fail "icmp $host: $(printf '%s\n' "${said:-no address in $(seconds "$left") s}" | tail -n 1)"
# shellcheck disable=SC2086 # four words
set -- $facts

metric probe_icmp_packets_sent gauge 'Echo requests sent'
sample probe_icmp_packets_sent "$1"
metric probe_icmp_packets_received gauge 'Echo replies received'
sample probe_icmp_packets_received "$2"
[ "$2" -gt 0 ] || probe_fail "icmp $host: $1 sent, none came back in $(seconds "$left") s"

metric probe_icmp_duration_seconds gauge 'Duration of icmp request by phase'
sample probe_icmp_duration_seconds "$3" phase rtt
metric probe_icmp_reply_hop_limit gauge 'Replied packet hop limit (TTL for ipv4)'
sample probe_icmp_reply_hop_limit "$4"
probe_pass "icmp $host: $(awk -v s="$3" 'BEGIN { printf "%.1f", s * 1000 }') ms, $2 of $1 came back"
