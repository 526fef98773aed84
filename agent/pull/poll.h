/* One poll while it runs; for the files of this room alone. */
#pragma once

#include "agent/pull/offer.h"
#include "agent/pull/pull.h"
#include "agent/store/ledger.h"
#include "agent/store/release.h"
#include "manifests/origins.h"

struct poll {
	const struct pull *pull;
	struct pull_state state;
	struct pull_last last;
	struct ledger ledger;
	struct origins origins;
	struct release now; /* what runs */
	int lock;           /* the store's */
	bool begun;         /* an attempt is in the ledger */
	struct pull_outcome *out;
};

/* Always true: an end that is no error. */
bool poll_end(struct poll *p, enum pull_end end, const char *form, ...) printf_like(3, 4);

/* act.c: what a source says, in this order; each begins an attempt (p->begun), ends the poll (poll_end), or leaves it to the next. */
/* who may come in, and where to fetch from; `again`: one that failed here before, which waits for all else */
must_check bool poll_lists(struct poll *p, struct fetched *f, bool again, struct err *e);
must_check bool poll_agent(struct poll *p, struct offer *o, struct err *e);   /* the agent itself, before what it shall understand */
must_check bool poll_release(struct poll *p, struct offer *o, struct err *e); /* take it, go back, or not */
