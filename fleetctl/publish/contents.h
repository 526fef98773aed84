/* What a publishing takes of repository/: all that its newest metadata leads to, in the order in which it may be written so
 * that nothing is named before it is there. */
#pragma once

#include "fleetctl/repo/repository.h"

enum content_kind { CONTENT_BUNDLE, CONTENT_PATCH, CONTENT_TARGET, CONTENT_METADATA, CONTENT_TIMESTAMP };
struct content {
	char *path; /* below repository/ */
	enum content_kind kind;
	char *plan; /* of a patch; NULL: it is an agent's */
	uint64_t size;
};
struct contents {
	struct content *at;
	size_t count;
	size_t left_out; /* bundles of releases that are permitted, but not taken along */
};
struct contents_wish {
	int64_t releases; /* of each plan, bundles of so many of its newest; 0: of all that are permitted */
	int64_t patches;  /* to the current bundle of each plan and agent, from so many bundles before it; made where they are missing */
};
must_check bool contents_of(struct contents *out, const struct repository *r, const struct repository_facts *facts,
	const struct contents_wish *wish, struct err *e);
const struct content *contents_find(const struct contents *c, const char *path); /* NULL: it is not taken along */
void contents_free(struct contents *c);
