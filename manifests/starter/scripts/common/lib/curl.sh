# One GET by curl, and what it says of each phase. Needs lib/prom.sh and a `scratch` folder.
# shellcheck shell=sh

# fetch MAX_BYTES URL [CURL OPTION]...: the body's first MAX_BYTES into $SCRATCH/body, facts beside it.
# No redirect is followed and no proxy used: what this SIM's path answers is what is measured.
# -q: no .curlrc, -g: brackets in a URL are brackets.
fetch() {
	fetch_max=$1 fetch_url=$2
	shift 2
	fetch_ms=$(left_ms)
	# curl's own deadline comes a little before the outer one, so that it can still say how far it came.
	{
		bounded curl -q -g -s --noproxy '*' --proto '=http,https' -A fleet-probe \
			-m "$(seconds $((fetch_ms * 19 / 20)))" -w "$(fetch_facts)" "$@" --url "$fetch_url" |
			head -c "$fetch_max" >"$SCRATCH/body"
	} 2>"$SCRATCH/facts"
}

fetch_facts() {
	printf '%s' '%{stderr}exit %{exitcode}\nstatus %{http_code}\nversion %{http_version}\nremote %{remote_ip}\n' \
		'length %header{content-length}\nresolve %{time_namelookup}\nconnect %{time_connect}\n' \
		'tls %{time_appconnect}\nsent %{time_pretransfer}\nfirst %{time_starttransfer}\ntotal %{time_total}\n' \
		'error %{errormsg}\n'
}

# fact NAME
fact() {
	sed -n "s/^$1 //p" "$SCRATCH/facts" | head -n 1
}

# body_bytes: how much arrived and was kept.
body_bytes() {
	wc -c <"$SCRATCH/body" | tr -d ' '
}

# fetch_why: why there was no answer, for people.
fetch_why() {
	fetch_error=$(fact error)
	printf '%s' "${fetch_error:-no answer in $(seconds "$fetch_ms") s}"
}

# http_metrics: blackbox_exporter's names. A phase that was not reached is 0, as there.
http_metrics() {
	metric probe_http_status_code gauge 'Response HTTP status code'
	sample probe_http_status_code "$(fact status | sed 's/^0*\(.\)/\1/')"
	metric probe_http_version gauge 'Returns the version of HTTP of the probe response'
	sample probe_http_version "$(fact version)"
	metric probe_http_content_length gauge 'Length of http content response'
	http_length=$(fact length)
	sample probe_http_content_length "${http_length:--1}"
	metric probe_http_uncompressed_body_length gauge 'Length of uncompressed response body'
	sample probe_http_uncompressed_body_length "$(body_bytes)"
	metric probe_http_ssl gauge 'Indicates if SSL was used for the final redirect'
	case $fetch_url in https:*) sample probe_http_ssl 1 ;; *) sample probe_http_ssl 0 ;; esac
	metric probe_ip_protocol gauge 'Specifies whether probe ip protocol is IP4 or IP6'
	case $(fact remote) in '') ;; *:*) sample probe_ip_protocol 6 ;; *) sample probe_ip_protocol 4 ;; esac
	metric probe_http_duration_seconds gauge 'Duration of http request by phase, summed over all redirects'
	for http_phase in resolve connect tls processing transfer; do
		sample probe_http_duration_seconds "$(http_phase_seconds "$http_phase")" phase "$http_phase"
	done
}

# curl gives moments since the start; a phase is the time between two of them.
http_phase_seconds() {
	awk -v phase="$1" '
		{ at[$1] = $2 + 0 }
		END {
			if (!("total" in at)) exit
			ready = at["tls"] > at["connect"] ? at["tls"] : at["connect"]
			if (phase == "resolve") d = at["resolve"]
			if (phase == "connect" && at["connect"]) d = at["connect"] - at["resolve"]
			if (phase == "tls" && at["tls"]) d = at["tls"] - at["connect"]
			if (phase == "processing" && at["first"]) d = at["first"] - ready
			if (phase == "transfer" && at["first"]) d = at["total"] - at["first"]
			printf "%.6f", (d > 0 ? d : 0)
		}' "$SCRATCH/facts"
}
