#!/bin/sh
# Before the swap: there is nothing to stop, the agent ends the probes. What start.sh wrote goes, and
# what a killed probe left half written. Results stay: they are true until the next release measures.
if [ ! -d "${FLEET_OUT-}" ]; then
	echo "stop.sh: FLEET_OUT is no folder: ${FLEET_OUT-not set}" >&2
	exit 2
fi
rm -f "$FLEET_OUT/fleet_release.prom" "$FLEET_OUT"/.*.prom.??????
