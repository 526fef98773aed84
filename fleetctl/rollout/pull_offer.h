/* Which agent hosts that pull may take by themselves: `agent` of PLAN/rollout.json, whatever that says of the release. */
#pragma once

#include "fleetctl/repo/programs.h"
#include "fleetctl/rollout/pull_sheet.h"

struct offer {
	enum offer_share { OFFER_NONE, OFFER_HOSTS, OFFER_PERCENT, OFFER_ALL } share;
	int64_t n;           /* HOSTS, PERCENT: of each plan */
	const char *version; /* not NONE */
};
/* The one version that is signed for every platform; borrowed from `all`. ERR_MISSING: none is; ERR_REFUSED: they differ. */
must_check bool offer_version(const char **out, const struct programs *all, struct err *e);
/* One plan's sheet, read and changed; `words` gets a line: what it says now. A plan that has no rollout.json yet gets one that opens
 * no release. */
must_check bool offer_plan(struct sheets *all, struct buf *words, const struct offer *o, const struct fleet *f, const struct repository *r,
	const char *plan, struct err *e);
