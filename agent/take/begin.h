/* What every trial from outside begins with, pushed or pulled: the lock, the marks, the room. */
#pragma once

#include "agent/store/ledger.h"
#include "manifests/manifest.h"

/* Those who only look at the lock hold it for a moment: that is not busy yet. */
must_check bool begin_lock(int *lock, bool *taken, const struct store *s, struct err *e);
/* ERR_REFUSED when that release was found guilty, or was taken back. */
must_check bool begin_allowed(const struct ledger *l, struct digest release, struct err *e);

/* The longest payload that such a bundle can need. */
int64_t begin_payload_most(const struct bundle_named *b);
/* Is there room for `rest` bytes of payload, the bundle, its tree, and a reserve? ERR_SPACE says how much. */
must_check bool begin_room(const struct store *s, const struct bundle_named *b, int64_t rest, struct err *e);
