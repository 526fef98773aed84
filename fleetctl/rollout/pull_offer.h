/* Which agent hosts that pull may take by themselves: `agent` of PLAN/rollout.json, whatever that says of the release. */
#pragma once

#include "fleetctl/receipts/home.h"
#include "fleetctl/repo/programs.h"
#include "fleetctl/rollout/pull_sheet.h"

struct offer {
	enum offer_share { OFFER_NONE, OFFER_HOSTS, OFFER_PERCENT, OFFER_ALL } share;
	int64_t n;           /* HOSTS, PERCENT: of each plan */
	const char *version; /* not NONE */
	bool blind;          /* as many as that at once, whatever receipts say */
	int64_t max_failed, max_unreachable; /* so many of a plan's hosts that it reaches went back, are not heard of: goes on all the same */
	const struct home *home; /* not NONE, not blind */
};
/* How far it came with a plan. */
enum offer_end {
	OFFER_WHOLE,   /* as many as was said */
	OFFER_WAITS,   /* for receipts of those whom it reaches */
	OFFER_REFUSED, /* too many went back, or it would be the only host of its plan */
};
/* The one version that is signed for every platform; borrowed from `all`. ERR_MISSING: none is; ERR_REFUSED: they differ. */
must_check bool offer_version(const char **out, const struct programs *all, struct err *e);
/* One plan's sheet, read and changed; `words` gets a line: what it says now, and what it waits for. A plan that has no rollout.json
 * yet gets one that opens no release. Never are more than half of its hosts on trial: those who may take it and did not say yet how
 * it went count, and so do those whom the version before reached. With OFFER_ALL one host goes first. */
must_check bool offer_plan(enum offer_end *end, struct sheets *all, struct buf *words, const struct offer *o, const struct repository *r,
	const struct fleet *f, const char *plan, struct err *e);
/* What a new sheet takes over from the one before: its offer, as far as it leads to nobody whom that one did not reach. */
void offer_keep(struct stage *to, struct stage *before);
