/* Starting apply so that it outlives the session that asked for it. */
#pragma once

#include "agent/config.h"
#include "agent/store/store.h"

/* A process of its own session, started from /proc/self/exe, that inherits the store's lock `lock`: nobody can step between.
 * Its stderr is `said` (said.h), or the null device when that is -1. */
typedef bool launch_apply_fn(const struct config *c, const struct store *s, int lock, int said, struct err *e);
must_check bool launch_apply(const struct config *c, const struct store *s, int lock, int said, struct err *e);
