/* One rollout of a plan at a time, by whatever way: who begins another one has ended the one before, for nobody else knows which of
 * its hosts are on trial. Of hosts that pull, the plan's rollout.json says how far it went, and the database whether it is over. */
#pragma once

#include "fleetctl/db/db.h"
#include "fleetctl/repo/repository.h"
#include "manifests/stage.h"

/* `s`: as it is signed. ERR_REFUSED names the rollout and the two commands that end it. */
must_check bool before_over(struct db *db, const struct stage *s, struct err *e);
/* The same of a plan whose hosts are to be pushed to: as its newest metadata says. No rollout.json: nobody pulls. */
must_check bool before_push(struct db *db, const struct repository *r, const char *plan, struct err *e);
