#!/bin/sh
# Is the interface up, with an address? Where ModemManager runs, also what the modem and SIM say.
# Costs no bytes. SIM identities are masked here, at the source: nothing downstream can leak them.
# needs: ip awk
# shellcheck source=/dev/null
. "${0%/*}/../lib/prom.sh"
how='INTERFACE'

[ $# -eq 1 ] || usage "$how"
link=$1
case $link in '' | . | .. | -* | *[!A-Za-z0-9._@-]*) usage "$how" ;; esac
probe_begin "$link"
sys=/sys/class/net/$link

# mask IDENTITY: the last 4 digits; three stars, so that the length does not show either.
mask() {
	case $1 in
	'' | --) ;;
	?????*) printf '***%s' "${1#"${1%????}"}" ;;
	*) printf '***' ;;
	esac
}
# value KEY: of mmcli's "key : value" lines on stdin; "--" means unknown.
value() {
	awk -v key="$1" '$1 == key { sub(/^[^:]*: */, ""); if ($0 != "--") print; exit }'
}

modem=
if command -v mmcli >/dev/null 2>&1; then
	modem=$(bounded mmcli -m any -K 2>/dev/null) || modem=
fi
if [ -n "$modem" ]; then
	sim=$(printf '%s\n' "$modem" | value modem.generic.sim)
	case $sim in /*) sim=$(bounded mmcli -i "$sim" -K 2>/dev/null) || sim= ;; esac
	state=$(printf '%s\n' "$modem" | value modem.generic.state)
	operator=$(printf '%s\n' "$modem" | value modem.3gpp.operator-code)
	metric probe_modem_connected gauge 'Whether the modem says that it is connected'
	case $state in connected) sample probe_modem_connected 1 ;; *) sample probe_modem_connected 0 ;; esac
	metric probe_modem_signal_ratio gauge 'Signal quality, 0 to 1'
	sample probe_modem_signal_ratio "$(printf '%s\n' "$modem" | value modem.generic.signal-quality.value |
		awk '/^[0-9]+$/ { printf "%.2f", $1 / 100 }')"
	metric probe_modem_info gauge 'What modem and SIM say; identities masked'
	sample probe_modem_info 1 \
		operator "$operator" \
		registration "$(printf '%s\n' "$modem" | value modem.3gpp.registration-state)" \
		technology "$(printf '%s\n' "$modem" | value 'modem.generic.access-technologies.value[1]')" \
		imsi "$(mask "$(printf '%s\n' "$sim" | value sim.properties.imsi)")" \
		iccid "$(mask "$(printf '%s\n' "$sim" | value sim.properties.iccid)")"
fi
says=${state:+, modem $state${operator:+ at $operator}}

[ -d "$sys" ] || probe_fail "link $link: no such interface$says"
# PPP and raw-IP modems never say more than "unknown" when they are up.
flags=$(cat "$sys/flags") oper=$(cat "$sys/operstate")
up=0
case $oper in up | unknown) up=$((flags & 1)) ;; esac
addresses=$(ip -o addr show dev "$link" | awk '/ scope (global|host|site) / { n++ } END { print n + 0 }')
metric probe_link_up gauge 'Whether the interface is up'
sample probe_link_up "$up"
metric probe_link_addresses gauge 'Addresses of the interface that are not link-local'
sample probe_link_addresses "$addresses"
metric probe_link_receive_bytes_total counter 'Bytes received since the interface appeared'
sample probe_link_receive_bytes_total "$(cat "$sys/statistics/rx_bytes")"
metric probe_link_transmit_bytes_total counter 'Bytes sent since the interface appeared'
sample probe_link_transmit_bytes_total "$(cat "$sys/statistics/tx_bytes")"

[ "$up" -eq 1 ] || probe_fail "link $link: down ($oper)$says"
[ "$addresses" -gt 0 ] || probe_fail "link $link: up, but without an address$says"
probe_pass "link $link: up, $addresses addresses$says"
