/* Writing a bundle's tar: only what `n` says goes into a header, so the same tree gives the same bytes everywhere. */
#pragma once

#include "bundles/tree.h"
#include "keys/digest.h"

struct tar_writer;

must_check bool tar_start(struct tar_writer **out, int fd, struct err *e); /* the fd stays the caller's */
/* A file's contents follow: exactly n->size bytes. */
must_check bool tar_entry(struct tar_writer *t, const struct tree_node *n, struct err *e);
must_check bool tar_bytes(struct tar_writer *t, struct str bytes, struct err *e);
must_check bool tar_finish(struct digest *digest, uint64_t *length, struct tar_writer *t, struct err *e);
void tar_drop(struct tar_writer **t); /* any time */
