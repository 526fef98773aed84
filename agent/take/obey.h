/* The host's client of trust. What it wants is brought by whoever there is, a controller's papers or a source; what was accepted
 * is made to last before the next is looked at. The store's lock is held by the caller. */
#pragma once

#include "agent/store/trustdir.h"
#include "manifests/manifest.h"

struct obey {
	const struct store *store;
	/* The document that is wanted, at most want->max bytes; *absent: there is none. */
	bool (*bring)(struct buf *out, bool *absent, void *ctx, const struct trust_want *want, struct err *e);
	void *ctx;
};
/* The refresh, TUF 5.3 to 5.6; then the clock's floor is what the newest timestamp says. */
must_check bool obey_refresh(struct trust *t, const struct obey *o, struct err *e);
must_check bool obey_seek(struct trust_target *out, bool *found, struct trust *t, const char *path, const struct obey *o,
	struct err *e);
/* Is this manifest one that the plan's role signs now? ERR_SIGNATURE when it is not permitted, ERR_OLDER when only
 * `PLAN/manifest.json` names it and its number is not above `number`, which runs. */
must_check bool obey_permits(struct trust *t, const struct manifest *m, struct str bytes, int64_t number,
	const struct obey *o, struct err *e);
