#!/bin/sh
# How fast do MAX_BYTES arrive? Three limits, because bytes are money: the server is asked for that
# range only; an answer that announces more ends at its headers; an unannounced one is cut while reading
# (then up to one TCP window more may have been on its way).
#   --ca FILE, --insecure   as in http.sh
# needs: curl awk head
# shellcheck source=/dev/null
. "${0%/*}/../lib/prom.sh"
. "${0%/*}/../lib/curl.sh"
how='[--ca FILE | --insecure] URL MAX_BYTES'

ca='' insecure=
case ${1-} in
--ca) ca=${2-} && shift $(($# < 2 ? $# : 2)) ;;
--insecure) insecure=1 && shift ;;
esac
[ $# -eq 2 ] || usage "$how"
is_url "$1" || usage "$how"
is_number "$2" || usage "$how"
[ "$2" -ge 1 ] || usage "$how"
url=$1 max=$2
probe_begin "$url"
scratch

set -- "$max" "$url" --range "0-$((max - 1))" --max-filesize "$max"
[ -z "$insecure" ] || set -- "$@" --insecure
[ -z "$ca" ] || { mkdir "$SCRATCH/ca" && set -- "$@" --cacert "$ca" --capath "$SCRATCH/ca"; }
fetch "$@"
http_metrics

got=$(body_bytes)
metric probe_throughput_bytes gauge 'Bytes of body that arrived'
sample probe_throughput_bytes "$got"

status=$(fact status)
case $(fact exit) in
0) ;;
23) ;; # cut at MAX_BYTES: the server knows no ranges, the measurement holds
63) probe_fail "throughput $url: the server ignores ranges and would send $(fact length) bytes, more than $max" ;;
*) probe_fail "throughput $url: $(fetch_why) ($got bytes arrived)" ;;
esac
case $status in
200 | 206) ;;
*) probe_fail "throughput $url: status $status" ;;
esac
[ "$got" -gt 0 ] || probe_fail "throughput $url: status $status, but no body"

# From the request to the last byte: one round trip is in it, so a short transfer is never flattered.
rate=$(awk -v bytes="$got" '{ at[$1] = $2 } END { t = at["total"] - at["sent"]; if (t > 0) printf "%.0f", bytes / t }' "$SCRATCH/facts")
metric probe_throughput_bytes_per_second gauge 'Bytes of body by the time from request to last byte'
sample probe_throughput_bytes_per_second "$rate"
probe_pass "throughput $url: $((${rate:-0} * 8 / 1000)) kbit/s over $got bytes"
