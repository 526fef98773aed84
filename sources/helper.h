/* Our end of a helper program that fetches: ask, wait no longer than was agreed, believe nothing of what it says. */
#pragma once

#include "base/proc_talk.h"
#include "sources/parcel.h"

struct helper {
	char *path; /* owned */
	struct proc_talk talk;
};
enum { HELPER_GRACE_MS = 5 * 1000 }; /* it gives up first, and says why */

/* Where that program is: in the folder of the one that asks, in a build beside it, in `packaged`. ERR_MISSING; the caller frees. */
must_check bool helper_find(char **out, const char *name, const char *packaged, struct err *e);
/* ERR_MISSING or ERR_IO when it cannot be run. */
must_check bool helper_init(struct helper *out, const char *path, struct err *e);
/* One ask and its answer. The helper starts with the first, and again after one that it did not survive. It is ended when
 * it breaks the rules, says nothing for `patience_ms`, or has not finished after `total_ms`. */
must_check bool helper_ask(
	struct helper *h, struct str frame, struct reply *r, int64_t patience_ms, int64_t total_ms, struct err *e);
void helper_free(struct helper *h); /* ends it */
