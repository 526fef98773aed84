/* How a bundle lies in its tar (POSIX ustar header, GNU records for long names). */
#pragma once

#include "bundles/tree.h"

enum {
	TAR_BLOCK = 512,
	TAR_TAIL = 345, /* from here on a header of ours is zero: ustar's prefix, GNU's other times and sparse map */
	TAR_END_BYTES = 2 * TAR_BLOCK, /* of zeros, at least */
};
uint64_t tar_header_bytes(const struct tree_node *n); /* that say name, kind, mode and size, and no more */
uint64_t tar_entry_bytes(const struct tree_node *n);  /* with its contents, padded */
/* The whole tar: what BUNDLE_BYTES_MAX is held against. */
must_check bool tar_check_length(uint64_t bytes, struct err *e);
