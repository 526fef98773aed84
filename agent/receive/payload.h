/* The payload of an update: pieces into the staging folder, where they stay when the session breaks. */
#pragma once

#include "agent/receive/session.h"
#include "agent/store/store.h"
#include "manifests/manifest.h"

/* Is there room for what is to come: the rest of the payload, the bundle, its tree, and a reserve? ERR_SPACE says how much.
 * ERR_MISSING when its base is not here, ERR_LIMIT when it is longer than such a bundle can need. */
must_check bool payload_check(const struct store *s, const struct order *o, const struct bundle_named *b, struct err *e);
/* All of it, then its digest; nothing for an order that brings none. ERR_SPACE says how much is missing. */
must_check bool payload_receive(struct session *from, const struct store *s, const struct order *o, const struct bundle_named *b,
	struct err *e);
