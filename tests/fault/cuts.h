/* Un-synced writes dropped: from the record of a run, the disks that a power cut could have left. */
#pragma once

#include "tests/fault/points.h"
#include "tests/fault/trial.h"

void cuts_try(struct told *t, struct points *p);
/* The same in the start after a kill, whose un-synced writes are still so: of each, one by the seed. */
void cuts_try_later(struct told *t, struct points *p);

/* Each sync in the door, by the reason that it gives (base/door.h) and what it is for: left out, one after the other, it must be
 * missed. A mutant is the number of its row. */
struct sync_place {
	const char *why, *at; /* at: fnmatch(3) of the path, below the world's disk */
	const char *spare;    /* NULL, or why the host comes right without it */
	bool killed;          /* it makes good what a run that was killed left out: looked for after a kill, too */
};
extern const struct sync_place sync_places[]; /* places.c; ends with a NULL why */
/* Notes which places the record has. ERR_MISSING: one that is not listed. */
must_check bool cuts_know_places(const struct tape *t, struct points *p, struct err *e);
/* Of the disks that are only possible without it, `most` are tried, spread over all, until one fails: then it is missed. */
void cuts_leave_out(struct told *t, struct points *p, long most);
