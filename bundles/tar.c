/* The layout of a tar. */
#include "bundles/tar.h"

enum { PLAIN_NAME_MAX = 100 };

/* A record of its own: header and, as no name is longer than PATH_LEN_MAX, one block. */
static uint64_t long_name(size_t len)
{
	return len > PLAIN_NAME_MAX ? 2 * TAR_BLOCK : 0;
}

uint64_t tar_header_bytes(const struct tree_node *n)
{
	size_t slash = n->kind == TREE_FOLDER;

	return TAR_BLOCK + long_name(strlen(n->path) + slash) + long_name(n->link ? strlen(n->link) : 0);
}

uint64_t tar_entry_bytes(const struct tree_node *n)
{
	return tar_header_bytes(n) + (n->size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

bool tar_check_length(uint64_t bytes, struct err *e)
{
	return bytes <= BUNDLE_BYTES_MAX || err_set(e, ERR_LIMIT, "a bundle of %llu bytes, %llu are allowed",
						    (unsigned long long)bytes, (unsigned long long)BUNDLE_BYTES_MAX);
}
