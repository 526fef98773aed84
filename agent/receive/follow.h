/* Staying with an apply until it has ended: what it says as STATE, then the newest RECEIPT. */
#pragma once

#include "agent/receive/caller.h"
#include "agent/receive/launch.h"
#include "agent/receive/session.h"

struct follow {
	struct session *session;
	const struct config *config;
	const struct store *store;
	launch_apply_fn *launch;
	struct caller caller;
	int said; /* what the apply says that was started here; serve_session sets it */
};
/* A new apply with the lock, which it inherits. */
must_check bool follow_launch(const struct follow *f, int lock, struct err *e);
/* An attempt that nobody works on is given a new apply. At once when nothing is tried. When each one ends before it is done,
 * ERR_FAILED, with what the last one said. */
must_check bool follow_apply(const struct follow *f, struct err *e);
must_check bool follow_receipt(const struct follow *f, struct err *e); /* the newest */
