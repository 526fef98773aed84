/* The bundles this Pi holds: bundles/SHA256.tar, each verified when it was put there. */
#pragma once

#include "agent/store/store.h"
#include "keys/digest.h"

bool bundle_has(const struct store *s, struct digest d);
must_check bool bundle_open(int *out, const struct store *s, struct digest d, struct err *e);
/* Is it still what it is named by? ERR_DIGEST when not. */
must_check bool bundle_check(const struct store *s, struct digest d, uint64_t length, struct err *e);
/* A verified file of the staging folder becomes the bundle. */
must_check bool bundle_keep(const struct store *s, struct digest d, const char *staged, struct err *e);
must_check bool bundle_remove(const struct store *s, struct digest d, struct err *e);
/* Digests that are file names in `folder`, with `ending` behind; names that are none are passed over. */
must_check bool digest_names(struct digest **out, size_t *count, const struct store *s, const char *folder,
	const char *ending, struct err *e);
