# One result of one probe, as Prometheus text. Sourced by every probe; functions only.
# A result is whole or absent: it is built in memory, written under another name and renamed.
# No dates in it: a Pi has no clock at boot. Durations come from the uptime, which never jumps.
# shellcheck shell=sh

LC_ALL=C
export LC_ALL

# usage TEXT: how this script is called; exit 2.
usage() {
	printf 'usage: %s %s\n' "${0##*/}" "$1" >&2
	exit 2
}

# What may reach a tool's command line: never an option, never white space.
is_host() {
	case $1 in '' | -* | *[!A-Za-z0-9._:%-]*) return 1 ;; esac
}
is_number() {
	case $1 in '' | *[!0-9]* | ??????????*) return 1 ;; esac
}
is_port() {
	is_number "$1" && [ "$1" -ge 1 ] && [ "$1" -le 65535 ]
}
is_url() {
	case $1 in http://?* | https://?*) ;; *) return 1 ;; esac
	case $1 in *[[:space:][:cntrl:]]*) return 1 ;; esac
}

# probe_begin TARGET: starts the clock and fixes the labels of every sample.
probe_begin() {
	if [ -z "${FLEET_OUT-}" ]; then
		echo "${0##*/}: FLEET_OUT is not set: name the folder for the result, e.g. FLEET_OUT=/tmp" >&2
		exit 2
	fi
	probe_name=${0##*/}
	probe_name=${FLEET_PROBE:-${probe_name%.sh}}
	case $probe_name in
	.* | *[!A-Za-z0-9._-]*)
		echo "${0##*/}: FLEET_PROBE is no file name: $probe_name" >&2
		exit 2
		;;
	esac
	if ! is_number "${FLEET_TIMEOUT_MS:-10000}"; then
		echo "${0##*/}: FLEET_TIMEOUT_MS is no number: $FLEET_TIMEOUT_MS" >&2
		exit 2
	fi
	probe_started=$(uptime_ms)
	probe_labels="probe=\"$(escape "$probe_name")\",plan=\"$(escape "${FLEET_PLAN-}")\",target=\"$(escape "$1")\""
	probe_text=
}

# probe_pass LINE, probe_fail LINE: write the result, say the line, leave with 0 or 1.
probe_pass() {
	probe_write 1
	printf '%s\n' "$1"
	exit 0
}
probe_fail() {
	probe_write 0
	printf '%s\n' "$1" >&2
	exit 1
}

# metric NAME TYPE HELP: must stand before the samples of NAME.
# Keep the three words the same wherever NAME is used: collectors that merge files insist on it.
metric() {
	probe_text="$probe_text# HELP $1 $3
# TYPE $1 $2
"
}

# sample NAME VALUE [LABEL VALUE]...: what was not measured (no number) is left out, never a 0.
sample() {
	sample_name=$1 sample_value=$2 sample_labels=$probe_labels
	shift 2
	case $sample_value in '' | *[!0-9.eE+-]*) return 0 ;; esac
	while [ $# -ge 2 ]; do
		sample_labels="$sample_labels,$1=\"$(escape "$2")\""
		shift 2
	done
	probe_text="$probe_text$sample_name{$sample_labels} $sample_value
"
}

probe_write() {
	metric probe_success gauge 'Displays whether or not the probe was a success'
	sample probe_success "$1"
	metric probe_duration_seconds gauge 'Returns how long the probe took to complete in seconds'
	sample probe_duration_seconds "$(seconds $(($(uptime_ms) - probe_started)))"
	prom_write "$FLEET_OUT/$probe_name.prom" "$probe_text" || exit 1
}

# prom_write FILE TEXT: atomic; readable by the collector, which is another user.
# The name in between does not end in .prom, so no collector takes it.
prom_write() {
	prom_temp=$(mktemp "${1%/*}/.${1##*/}.XXXXXX") || return 1
	if printf '%s' "$2" >"$prom_temp" && chmod 0644 "$prom_temp" && mv -fT "$prom_temp" "$1" 2>/dev/null; then
		return 0
	fi
	rm -f "$prom_temp"
	echo "${0##*/}: cannot write $1" >&2
	return 1
}

# escape TEXT: a label value: backslash, quote and line end. Most have none: no process for those.
escape() {
	case $1 in *[!A-Za-z0-9._:/@*\ -]*) ;; *) printf '%s' "$1" && return ;; esac
	printf '%s\n' "$1" | sed -e ':a' -e '$!{N;ba' -e '}' -e 's/[\\"]/\\&/g' -e 's/\n/\\n/g'
}

uptime_ms() {
	read -r uptime_now _ </proc/uptime
	# 1xx - 100: "08" alone would be an octal number.
	echo $((${uptime_now%.*} * 1000 + (1${uptime_now#*.} - 100) * 10))
}

# left_ms: time for the network. The agent kills at FLEET_TIMEOUT_MS; a tenth and 200 ms are kept
# back, so that a probe that fails still writes that it failed.
left_ms() {
	left=$((${FLEET_TIMEOUT_MS:-10000} * 9 / 10 - 200 - ($(uptime_ms) - probe_started)))
	[ "$left" -ge 100 ] || left=100
	echo "$left"
}

# seconds MS: 1234 is 1.234
seconds() {
	printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
}

# bounded COMMAND...: ends at the deadline (then 124). In the foreground: `timeout` would otherwise
# leave the process group by which the agent ends a probe.
bounded() {
	timeout --foreground -k 1 "$(seconds "$(left_ms)")" "$@"
}

# scratch: makes an empty folder of this run, gone when it ends: $SCRATCH.
scratch() {
	SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/${0##*/}.XXXXXX") || exit 1
	trap 'rm -rf "$SCRATCH"' EXIT
	trap 'exit 1' HUP INT TERM
}
