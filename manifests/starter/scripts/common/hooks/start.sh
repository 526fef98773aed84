#!/bin/sh
# After the swap: note which release the results beside it come from. Nothing else has to be started:
# the agent runs the probes.
# shellcheck source=/dev/null
. "${0%/*}/../lib/prom.sh"

if [ ! -d "${FLEET_OUT-}" ]; then
	echo "start.sh: FLEET_OUT is no folder: ${FLEET_OUT-not set}" >&2
	exit 2
fi
prom_write "$FLEET_OUT/fleet_release.prom" "# HELP fleet_release_info The release that runs
# TYPE fleet_release_info gauge
fleet_release_info{plan=\"$(escape "${FLEET_PLAN-}")\",release=\"$(escape "${FLEET_RELEASE-}")\"} 1
"
