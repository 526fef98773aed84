/* Receipts that came home: RECEIPTS/HOST/N.json, as a WebDAV server or a clone of the receipts' repository has them. */
#pragma once

#include "fleetctl/db/db.h"
#include "manifests/receipt.h"

/* The newest of this host that is of that rollout, believed by its chain. *found false: none has come yet. What must not be
 * believed is no receipt: *found is false, and `doubt` says why. */
must_check bool pull_home(struct receipt *out, struct buf *bytes, bool *found, char doubt[300], const struct fleet *f,
	struct db *db, const struct host *h, const char *rollout, struct err *e);
