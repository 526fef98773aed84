/* Starting apply so that it outlives the session that asked for it. */
#pragma once

#include "agent/config.h"
#include "agent/store/store.h"

/* A process that has the store's lock `lock` from us: nobody can step between. It is the unit fleet-agent-apply's where the
 * configuration names the units' sockets and it answers; else one of its own session, started by the
 * launcher that started us, or from /proc/self/exe. Its stderr is `said` (said.h), or the null device when that is -1. */
typedef bool launch_apply_fn(const struct config *c, const struct store *s, int lock, int said, struct err *e);
must_check bool launch_apply(const struct config *c, const struct store *s, int lock, int said, struct err *e);
/* The unit's side: the lock that came over `socket`, and our stderr is what the caller hears. */
must_check bool launch_taken(int *lock, int socket, struct err *e);
