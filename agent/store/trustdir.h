/* trust/: metadata as it was received, under percent-encoded names, and the clock's floor. */
#pragma once

#include "agent/config.h"
#include "agent/store/store.h"
#include "base/clock.h"
#include "manifests/trust.h"

/* The anchor and all that is kept, ready for trust_next. Its time is max(clock, floor). */
must_check bool trustdir_open(struct trust **out, const struct store *s, const struct config *c, struct moment now,
	struct err *e);
must_check bool trustdir_keep(const struct store *s, const struct trust_keep *keep, struct str bytes, struct err *e);
/* Bytes kept of a role added to `out`; absent ones add nothing. */
must_check bool trustdir_add(struct buf *out, const struct store *s, const char *role, struct err *e);
/* The newest verified x-fleet-signed; the floor never sinks. */
must_check bool trustdir_raise_floor(const struct store *s, int64_t unix_s, struct err *e);
/* Which of what is kept is no longer what was verified, "timestamp.json, floor" added to `names`: it counts for nothing, and
 * comes again with what needs it. A root that was passed over since may be why a role's document is among them. */
must_check bool trustdir_damaged(struct buf *names, const struct store *s, const struct config *c, struct err *e);
must_check bool trustdir_clear(const struct store *s, struct err *e);
