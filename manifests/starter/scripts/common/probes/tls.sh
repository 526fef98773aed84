#!/bin/sh
# Does the TLS handshake hold (CA and name), and when does the first certificate of the chain expire?
#   --ca FILE      trust this CA only
#   --insecure     CA and name do not count; the end date still does
#   --days N       fail when a certificate ends within N days (default 0: when it has ended)
#   --name NAME    the name in the certificate, if it is not HOST
# The begin date is not judged: after a boot without network the clock of a Pi is late, and a fresh
# certificate would look like one from the future. An end date that has passed by a late clock has passed.
# needs: openssl awk date
# shellcheck source=/dev/null
. "${0%/*}/../lib/prom.sh"
how='[--ca FILE | --insecure] [--days N] [--name NAME] HOST PORT'

ca='' insecure='' days=0 name=
while [ $# -gt 2 ]; do
	case $1 in
	--ca) ca=$2 && shift 2 ;;
	--insecure) insecure=1 && shift ;;
	--days) days=$2 && shift 2 ;;
	--name) name=$2 && shift 2 ;;
	*) usage "$how" ;;
	esac
done
[ $# -eq 2 ] || usage "$how"
is_host "$1" || usage "$how"
is_port "$2" || usage "$how"
is_number "$days" || usage "$how"
[ "$days" -le 20000 ] || usage "$how" # openssl counts seconds in 31 bits
host=$1 port=$2 name=${name:-$1}
is_host "$name" || usage "$how"
case $host in *:*) shown="[$host]:$port" ;; *) shown=$host:$port ;; esac
probe_begin "$shown"
scratch

case $name in
*:*) set -- -noservername -verify_ip "$name" ;;
*[!0-9.]*) set -- -servername "$name" -verify_hostname "$name" ;;
*) set -- -noservername -verify_ip "$name" ;;
esac
[ -z "$ca" ] || set -- "$@" -CAfile "$ca" -no-CApath -no-CAstore
left=$(left_ms)
bounded openssl s_client -connect "$shown" "$@" -no_check_time -showcerts \
	</dev/null >"$SCRATCH/out" 2>"$SCRATCH/err"
awk -v dir="$SCRATCH" '/BEGIN CERTIFICATE/ { n++ } n && n <= 10 { print >(dir "/" n ".pem") }' "$SCRATCH/out"
if [ ! -s "$SCRATCH/1.pem" ]; then
	why=$(sed -n 's/^[0-9A-F]*:error:[^:]*:[^:]*:[^:]*:\([^:]*\):.*/\1/p' "$SCRATCH/err" | tail -n 1)
	probe_fail "tls $shown: ${why:-no handshake in $(seconds "$left") s}"
fi

# openssl compares the dates; `date` (which on armhf ends in 2038) is asked for the number only.
first='' ends='' ended=
for cert in "$SCRATCH"/*.pem; do
	end=$(openssl x509 -in "$cert" -noout -enddate) || continue
	end=${end#notAfter=}
	openssl x509 -in "$cert" -noout -checkend $((days * 86400)) >/dev/null || ended=${ended:-$end}
	at=$(date -u -d "$end" +%s 2>/dev/null) || continue
	if [ -z "$first" ] || [ "$at" -lt "$first" ]; then first=$at ends=$end; fi
done
metric probe_ssl_earliest_cert_expiry gauge 'Returns last SSL chain expiry in unixtime'
sample probe_ssl_earliest_cert_expiry "$first"
version=$(sed -n 's/^New, TLSv\([0-9.]*\), .*/\1/p' "$SCRATCH/out" | head -n 1)
metric probe_tls_version_info gauge 'Returns the TLS version used or NaN when unknown'
sample probe_tls_version_info "${version:+1}" version "TLS $version"

verdict=$(sed -n 's/^Verification error: //p' "$SCRATCH/out" | head -n 1)
if [ -z "$insecure" ] && ! grep -qx 'Verification: OK' "$SCRATCH/out"; then
	probe_fail "tls $shown: ${verdict:-the chain could not be verified}"
fi
[ -n "$version" ] || probe_fail "tls $shown: the handshake was not finished"
[ -z "$ended" ] || probe_fail "tls $shown: a certificate ends $ended; $days more days are wanted from now, $(date -u +%F)"
probe_pass "tls $shown: TLS $version, certificates until $ends"
