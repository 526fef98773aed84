/* A bundle's tar, entry by entry, with every rule of bundles/tree.h held to it. Bytes that were verified before: libarchive
 * sees no others. Only the tar that we write is read, in its one spelling: each byte of the file is a header, contents, their
 * padding or the zeros at the end; nothing can hide between them. */
#pragma once

#include "base/str.h"
#include "bundles/tree.h"

struct tar_reader;

must_check bool tar_open(struct tar_reader **out, int fd, struct err *e); /* from the start; the fd stays the caller's */
/* The next entry, NULL behind the last one; it lives until the next call. Contents that were not read are skipped without
 * reading. ERR_UNSAFE, ERR_LIMIT, or ERR_SYNTAX (damaged, cut off, or followed by other bytes). */
must_check bool tar_next(const struct tree_node **out, struct tar_reader *t, struct err *e);
/* The next piece of the entry's contents, empty at the end; it lives until the next call. */
must_check bool tar_read(struct str *piece, struct tar_reader *t, struct err *e);
/* What was read so far. */
const struct tree *tar_tree(const struct tar_reader *t);
void tar_close(struct tar_reader **t);
