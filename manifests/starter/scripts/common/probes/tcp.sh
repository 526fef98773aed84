#!/bin/sh
# Does a TCP connection open? Nothing is sent but the handshake.
# needs: curl awk
# shellcheck source=/dev/null
. "${0%/*}/../lib/prom.sh"
how='HOST PORT'

[ $# -eq 2 ] || usage "$how"
host=$1 port=$2
is_host "$host" || usage "$how"
is_port "$port" || usage "$how"
case $host in *:*) shown="[$host]:$port" ;; *) shown=$host:$port ;; esac
probe_begin "$shown"

# Debian has no connect-only tool that tells the time, but curl's telnet looks at its options after the
# connection and before the first byte: a bad one (-t -) makes it leave exactly there.
left=$(left_ms)
facts=$(bounded curl -q -g -s --noproxy '*' -m "$(seconds $((left * 19 / 20)))" -t - \
	-w '%{stderr}%{time_namelookup} %{time_connect} %{errormsg}' --url "telnet://$shown" </dev/null 2>&1 >/dev/null)
resolve=${facts%% *} facts=${facts#* }
connect=${facts%% *} error=${facts#* }

metric probe_dns_lookup_time_seconds gauge 'Returns the time taken for probe dns lookup in seconds'
sample probe_dns_lookup_time_seconds "$resolve"
took=$(awk -v c="$connect" -v r="$resolve" 'BEGIN { if (c + 0 > 0) printf "%.6f", c - r }')
[ -n "$took" ] || probe_fail "tcp $shown: ${error:-no connection in $(seconds "$left") s}"

metric probe_tcp_duration_seconds gauge 'Duration of TCP connection by phase'
sample probe_tcp_duration_seconds "$took" phase connect
probe_pass "tcp $shown: connected in $(awk -v t="$took" 'BEGIN { printf "%.0f", t * 1000 }') ms"
