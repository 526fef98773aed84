/* Rollouts as far as the receipts of hosts tell of them: for a database that was lost, or that never heard of them. */
#pragma once

#include "fleetctl/receipts/chain.h"
#include "fleetctl/show/show.h"

struct told_rollout; /* by receipts */
struct rebuild {
	char *lost;     /* where the database lies that was here before; NULL: it was good, and is completed */
	struct err why; /* what was wrong with it */
	struct told_rollout *rollout;
	size_t rollouts, receipts, hosts; /* that told something */
};
/* What one host said, with its chain; the caller believes it. Receipts of a key before the pinned one are passed over. */
void rebuild_learn(struct rebuild *r, const struct chain_heard *heard);
must_check bool rebuild_write(struct rebuild *r, struct db *db, struct err *e);
/* What was found, and what nobody can know. */
doc *rebuild_doc(const struct rebuild *r);
void rebuild_say(const struct rebuild *r, const struct show *show);
void rebuild_free(struct rebuild *r);
