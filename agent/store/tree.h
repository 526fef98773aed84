/* Unpacked bundles: trees/SHA256, whole or absent, sealed against writing. */
#pragma once

#include "agent/store/store.h"
#include "bundles/unpack.h"

/* From the bundle held; a tree already there stays. ERR_SPACE when there is no room for it. */
must_check bool tree_make(const struct store *s, struct digest bundle, struct err *e);
/* Anew from the bundle held, in place of what is there. Cut off, the tree is missing: then this is the way to have it again. */
must_check bool tree_heal(const struct store *s, struct digest bundle, struct err *e);
/* What the disk gives back against the bundle. */
must_check bool tree_compare(size_t *differences, const struct store *s, struct digest bundle, unpack_tell *tell,
	void *ctx, struct err *e);
must_check bool tree_remove(const struct store *s, struct digest bundle, struct err *e);
