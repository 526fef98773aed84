#!/bin/sh
# Does this URL answer, with what, and how long does each phase take?
#   --ca FILE      trust this CA only (a path in the release, or absolute)
#   --insecure     do not verify the certificate
#   --expect CODE  instead of 2xx
#   --find TEXT    the body must contain TEXT; so a captive portal is no success
# needs: curl awk head grep
# shellcheck source=/dev/null
. "${0%/*}/../lib/prom.sh"
. "${0%/*}/../lib/curl.sh"
. "${0%/*}/../lib/limits.sh"
how='[--ca FILE | --insecure] [--expect CODE] [--find TEXT] URL'

ca='' insecure='' expect='2??' find=
while [ $# -gt 1 ]; do
	case $1 in
	--ca) ca=$2 && shift 2 ;;
	--insecure) insecure=1 && shift ;;
	--expect) expect=$2 && shift 2 ;;
	--find) find=$2 && shift 2 ;;
	*) usage "$how" ;;
	esac
done
[ $# -eq 1 ] || usage "$how"
is_url "$1" || usage "$how"
case $expect in "2??" | [1-5][0-9][0-9]) ;; *) usage "$how" ;; esac
url=$1
probe_begin "$url"
scratch

set -- "$(limit body_bytes)" "$url"
[ -z "$insecure" ] || set -- "$@" --insecure
# An empty --capath: this CA *instead of* the system's, not beside them.
[ -z "$ca" ] || { mkdir "$SCRATCH/ca" && set -- "$@" --cacert "$ca" --capath "$SCRATCH/ca"; }
fetch "$@"
http_metrics

status=$(fact status)
case $(fact exit) in
0) ;;
23) probe_fail "http $url: status $status, but the body is longer than $(limit body_bytes) bytes" ;;
*) probe_fail "http $url: $(fetch_why)" ;;
esac
# shellcheck disable=SC2254 # 2?? is a pattern
case $status in
$expect) ;;
*) probe_fail "http $url: status $status" ;;
esac
if [ -n "$find" ]; then
	grep -qF -e "$find" "$SCRATCH/body" && missing=0 || missing=1
	metric probe_failed_due_to_regex gauge 'Indicates if probe failed due to regex'
	sample probe_failed_due_to_regex "$missing"
	[ "$missing" -eq 0 ] || probe_fail "http $url: status $status, but the body lacks: $find"
fi
probe_pass "http $url: status $status, $(body_bytes) bytes in $(fact total) s"
