/* Un-synced writes dropped: from the record of a run, the disks that a power cut could have left. */
#pragma once

#include "tests/fault/points.h"
#include "tests/fault/trial.h"

void cuts_try(struct told *t, struct points *p);

/* Each sync in the door, by the reason that it gives (base/door.h): left out, one after the other, it must be missed. */
struct sync_reason {
	const char *reason;
	const char *spare; /* NULL, or why the host comes right without it: what it saves is room, or a sync that comes anyhow */
};
extern const struct sync_reason sync_reasons[]; /* ends with a NULL reason */
/* ERR_MISSING: the record has one that is not listed. */
must_check bool cuts_know_reasons(const struct told *t, struct err *e);
/* Of the disks that are only possible without it, `most` are tried, spread over all, until one fails: true, and why. */
bool cuts_miss(char why[1200], struct told *t, const char *reason, long most, uint64_t seed);
