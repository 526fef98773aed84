/* A verified bundle becomes a tree on disk, and nothing escapes. All headers are checked before the first file is made. */
#pragma once

#include "keys/digest.h"

struct unpack_facts {
	size_t entries;
	uint64_t bytes;     /* of file contents */
	uint64_t disk;      /* what it will take, blocks rounded up */
};
/* tar format only, as pack writes it (GNU tar's gnu format passes too); the bytes were verified before. ERR_UNSAFE or
 * ERR_LIMIT name the entry; ERR_SYNTAX: damaged, cut off, or bytes that belong to nothing. */
must_check bool unpack_check(struct unpack_facts *out, int tar_fd, struct err *e);
/* Into `dir`, an empty folder (else ERR_EXISTS); modes 0755 and 0644; folders are left 0755 (the store seals them). Then
 * syncfs. */
must_check bool unpack_tree(int tar_fd, int dir, struct err *e);

/* Does the tree on disk equal the bundle? Each difference is told with its path: "changed", "missing", "extra", "link", "mode"
 * (a file is executable or not against the bundle, or may not be read). The page cache of each file is dropped before it is
 * read, so that it is the disk that answers. `tell` may be NULL. */
typedef void unpack_tell(void *ctx, const char *path, const char *what);
must_check bool unpack_compare(size_t *differences, int tar_fd, int dir, unpack_tell *tell, void *ctx, struct err *e);
