#!/bin/sh
# Does one packet of BYTES (headers included) reach HOST and come back, unfragmented? Small pings pass
# where a tunnel drops full-size packets: then pages stall although "the network is up". IPv4.
# needs: ping awk
# shellcheck source=/dev/null
. "${0%/*}/../lib/prom.sh"
how='HOST BYTES'

[ $# -eq 2 ] || usage "$how"
is_host "$1" || usage "$how"
is_number "$2" || usage "$how"
[ "$2" -ge 68 ] || usage "$how" # RFC 791: what every path must carry; ping needs room for its clock
[ "$2" -le 65535 ] || usage "$how"
host=$1 bytes=$2
probe_begin "$host"
metric probe_mtu_bytes gauge 'Size of the unfragmented packet that was tried'
sample probe_mtu_bytes "$bytes"

left=$(left_ms)
said=$(timeout --foreground -s INT -k 1 "$(seconds "$left")" \
	ping -4 -n -c 1 -w $((left / 1000 + 1)) -M 'do' -s $((bytes - 28)) "$host" 2>&1)
rtt=$(printf '%s\n' "$said" | sed -n 's/.* time=\([0-9.]*\) ms$/\1/p' | head -n 1)
if [ -z "$rtt" ]; then
	why=$(printf '%s\n' "$said" | sed -n 's/^ping: //p' | head -n 1)
	probe_fail "mtu $host: a packet of $bytes bytes: ${why:-no answer in $(seconds "$left") s}"
fi
metric probe_icmp_duration_seconds gauge 'Duration of icmp request by phase'
sample probe_icmp_duration_seconds "$(awk -v ms="$rtt" 'BEGIN { printf "%.6f", ms / 1000 }')" phase rtt
probe_pass "mtu $host: a packet of $bytes bytes came back in $rtt ms"
