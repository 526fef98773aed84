/* One poll: is there news, may this host take it now, and if so: take it, and see it through. Nothing live changes before all of
 * it is verified, and then only by apply. */
#pragma once

#include "agent/receive/launch.h"

/*      end        word        */
#define PULL_ENDS(X)                                                                              \
	X(NOT_DUE,   "not-due")   /* its time has not come: nothing was asked */                  \
	X(BUSY,      "busy")      /* a controller or a trial is at it: later */                   \
	X(NOTHING,   "nothing")   /* nothing that this host may take, and why */                  \
	X(WOULD,     "would")     /* --dry-run: it would take it, or go back */                   \
	X(COMMITTED, "committed") /* a release was taken */                                       \
	X(WENT_BACK, "went-back") /* one was tried, and is not kept; or taken back, as was asked */ \
	X(HANDED,    "handed-over") /* another agent is linked, and goes on with its own trial */ \
	X(FAILED,    "failed")    /* no source gave what is needed: later */

enum pull_end {
#define X(name, word) PULL_##name,
	PULL_ENDS(X)
#undef X
};
extern const char *const pull_end_words[];

struct pull {
	const struct config *config;
	const struct store *store;
	launch_apply_fn *launch;
	bool now; /* whether it is due or not */
	bool dry; /* decide, change nothing that runs */
};
struct pull_outcome {
	enum pull_end end;
	char why[900];
	bool more; /* a list or an agent was taken: a release may stand behind it, and another poll is due at once */
	char aside[300];  /* what it was told to follow and could not, beside the outcome; empty: nothing */
	char unsent[900]; /* why its receipts did not come home; empty: they did, or there are none */
};
/* False when it could not even be begun: no configuration to pull by, no ledger. What a source or a release did wrong is an
 * outcome. */
must_check bool pull_once(struct pull_outcome *out, const struct pull *p, struct err *e);
