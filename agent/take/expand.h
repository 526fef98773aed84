/* A staged payload becomes the bundle that the manifest names. */
#pragma once

#include "agent/store/store.h"
#include "manifests/manifest.h"

struct staged {
	int kind; /* enum payload_kind of the wire; not NONE */
	struct digest payload, base;
};
/* The bundle is held then. A payload that does not lead to it is of no use again, and dropped; one that only found no room is kept:
 * ERR_SPACE says how much is missing. */
must_check bool expand_staged(const struct store *s, const struct staged *staged, const struct bundle_named *b, struct err *e);
