/* Where hosts write must not be what all of them obey: receipts come home to another place than the published one. */
#pragma once

#include "fleetctl/fleet/fleet.h"

/* Of fleet.yaml, sources.yaml and the list of sources that is signed together, by whatever spelling: ERR_REFUSED names both places and what to do. What sources.yaml does
 * wrong by itself is an error of its own. */
must_check bool apart_check(const struct fleet *f, struct err *e);
