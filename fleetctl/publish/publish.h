/* The repository to one place. A reader there sees at any moment the old one or the new one, whole. */
#pragma once

#include "fleetctl/fleet/fleet.h"
#include "fleetctl/publish/contents.h"

struct publish {
	const struct fleet *fleet;
	const struct repository *repository;
	const struct fleet_place *place;
	const struct contents *contents;
	int64_t now;  /* unix seconds */
	bool dry;     /* look, and say what would be done */
	bool prune;   /* what nothing names any more goes at once */
};
struct publish_report {
	bool changed;       /* readers see something new */
	size_t added, removed; /* files, or refs of git */
	uint64_t bytes;     /* of the files that are new */
	char commit[48];    /* git: where the branch is */
};
must_check bool publish_folder(struct publish_report *out, const struct publish *p, struct err *e);
must_check bool publish_git(struct publish_report *out, const struct publish *p, struct err *e);
