/* Receipts on their way home: to a place that cannot write what is published. That it can't be reached never undoes anything. */
#pragma once

#include "agent/pull/memory.h"
#include "manifests/origins.h"

enum { REPORT_MAX = 16 }; /* receipts of one poll: the newest */
/* Those that have not come home, oldest first, as URL/HOST/N.json or as N.json on the branch receipts/HOST; state->sent is the
 * newest that was taken. */
must_check bool report_home(struct pull_state *state, const struct origin *to, const struct config *c, const struct store *s,
	struct err *e);
