/* What role `fleet` says now of who may come in and where to fetch from, pushed or pulled alike: verified, and ready to be
 * tried by apply_begin_access. The store's lock is held by the caller. */
#pragma once

#include "agent/store/access.h"
#include "agent/take/obey.h"

struct take_documents {
	const struct obey *obey; /* after obey_refresh */
	/* A target's bytes, at most its length; `out` left empty: there are none to be had. */
	bool (*bring)(struct buf *out, void *ctx, const char *path, const struct trust_target *t, struct err *e);
	void *ctx;
};
/* *same: it is what is in force already. What is not signed at all leaves what is in force. ERR_SIGNATURE: role `fleet` signs
 * nothing, or other bytes; ERR_OLDER: a number went back. */
must_check bool take_access(struct access_set *out, bool *same, struct trust *t, const struct take_documents *with, struct err *e);
