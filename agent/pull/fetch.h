/* What one source says, and how much of it may be believed: metadata and targets, each asked for once, as little as can be. The
 * caller holds the store's lock. */
#pragma once

#include "agent/pull/memory.h"
#include "agent/take/access.h"
#include "agent/take/obey.h"
#include "agent/take/program.h"
#include "sources/source.h"

struct fetched {
	const struct config *config; /* these five are borrowed, set by the caller */
	const struct store *store;
	struct source *source;
	const char *url;
	struct pull_last *last;
	struct trust *trust;
	struct buf timestamp;        /* as it came, or as it is held */
	struct source_mark mark;     /* of it; empty when it did not change */
	bool news;                   /* it is another than the one held */
	int64_t bytes;               /* received, of files */
};
/* Refreshed: one conditional request when there is no news; root is asked for once a day, and with every news. */
must_check bool fetch_refresh(struct fetched *f, const struct pull_state *state, struct err *e);
/* Another new connection: is the source there, and its timestamp signed by those who may? Nothing is kept. */
must_check bool fetch_proof(struct fetched *f, struct err *e);

/* A target that `role` itself signs for; false with ERR_MISSING when none is there, ERR_SIGNATURE when another signed it. */
must_check bool fetch_seek(struct trust_target *out, struct fetched *f, const char *path, const char *role, struct err *e);
/* Its bytes, at most `max`, checked. */
must_check bool fetch_target(struct buf *out, struct fetched *f, const char *path, const struct trust_target *target,
	uint64_t max, struct err *e);
/* As obey_permits. */
must_check bool fetch_permits(struct fetched *f, const struct manifest *m, struct str bytes, int64_t number, struct err *e);
/* As take_access: who may come in and where to fetch from, as role `fleet` signs it now. */
must_check bool fetch_access(struct access_set *out, bool *same, struct fetched *f, struct err *e);
/* As take_program: the agent that role `agent` signs for this platform now. */
must_check bool fetch_program(struct program *out, struct buf *document, struct fetched *f, struct err *e);
void fetched_free(struct fetched *f); /* what it owns; not the source */
