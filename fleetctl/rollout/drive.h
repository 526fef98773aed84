/* What start, resume and undo do alike: open all that a rollout needs, run it, tell the end. */
#pragma once

#include "fleetctl/fleet/select.h"
#include "fleetctl/rollout/live.h"

struct drive {
	const struct show *show;
	struct fleet fleet;
	struct repository repository;
	struct db *db;
	struct login *login;
	struct loop *loop;
	struct live live;
	struct rollout rollout;
};
/* Also takes the fleet's lock: one driver a folder. */
must_check bool drive_open(struct drive *d, const struct show *show, const char *fleet, const char *identity, struct err *e);
/* After rollout_new or rollout_load: to its end; prints the summary; the exit code. */
int drive_run(struct drive *d);
void drive_close(struct drive *d);

const char *drive_who(void); /* "ann@controller", for leases and histories; static */

/* A rollout's rows for people, or as a document for --json (`member` NULL: without its hosts). */
doc *rollout_doc(const struct rollout_row *row, const struct member_row *member, size_t count);
void rollout_print(const struct show *show, const struct rollout_row *row, const struct member_row *member, size_t count);
/* "9 committed, 1 rolled-back of 10" */
void rollout_summary(char out[200], const struct member_row *member, size_t count);
