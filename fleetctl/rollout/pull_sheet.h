/* PLAN/rollout.json of each plan of a rollout, as it is signed and as it shall be. */
#pragma once

#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/passphrase.h"
#include "fleetctl/repo/repository.h"
#include "manifests/stage.h"

/* One plan's, as it stands and as it shall be. */
struct sheet {
	char *plan, *role, *path;
	struct stage stage;
	struct stage before;  /* whose place it takes; zero: nobody's */
	struct buf bytes;
	bool changed;
	bool elses;           /* another rollout's, or none is there: not ours to change */
	size_t seen, missing; /* members gone through, and those of them that may take it and have not ended */
};
struct sheets {
	struct sheet *sheet;
	size_t count;
	struct trust *trust; /* in what was signed when the first was read */
};

void sheets_free(struct sheets *all);
/* The plan's; made when it is not among them. Valid until the next is made. */
struct sheet *sheet_of(struct sheets *all, const char *plan);
/* What was signed when the first of `all` was read; *there false: nothing yet. */
must_check bool sheet_read(struct stage *out, bool *there, struct sheets *all, const struct repository *r, const struct sheet *p, struct err *e);
/* A host more, and the window of the plan's release that it names, if there is one. */
void sheet_add_host(struct stage *s, const struct host *h);
must_check bool sheet_add_window(struct stage *s, const struct repository *r, struct err *e);
struct sheet_keys {
	const struct fleet *fleet;
	const char *dir; /* of private keys; NULL: the usual */
	struct passphrase *passphrase;
};
/* All that changed, under one snapshot and timestamp: hosts see all of it or nothing. *news is set when something was signed.
 * ERR_BUSY: somebody else signed one of them since it was read, and perhaps to end it. */
must_check bool sheets_sign(bool *news, struct sheets *all, const struct sheet_keys *keys, struct err *e);
