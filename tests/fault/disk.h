/* A disk as a record tells of it: what it holds now, and what of that would survive a power cut. README.md says by which rules. */
#pragma once

#include "tests/fault/tape.h"
#include "tests/fault/world.h"

struct disk;
/* The disk of the world as it is now, all of it durable. */
struct disk *disk_load(struct world *w);
void disk_free(struct disk **d);
/* ERR_MISSING: the record speaks of what cannot be there, so something has changed without passing the door. */
must_check bool disk_apply(struct disk *d, const struct operation *o, struct err *e);
/* As world_list, of what it holds now. */
void disk_list(struct buf *out, const struct disk *d);

/* --- what a power cut leaves --- */

/* What becomes of bytes that were not synced. */
enum disk_bytes { BYTES_LOST, BYTES_KEPT, BYTES_ZERO, BYTES_HALF, BYTES_KINDS };
struct cut {
	const bool *kept;         /* of the names that are not yet durable, in their order: disk_pending of them */
	enum disk_bytes bytes;    /* of each file alike, unless */
	uint64_t mixed;           /* it is not 0: then each file by a draw of its own from this */
};
size_t disk_pending(const struct disk *d);
bool disk_has_unsynced_bytes(const struct disk *d);
/* What is left, told apart by its digest. */
struct digest disk_digest(const struct disk *d, const struct cut *c);
/* And made so in the world, whose disk is empty. */
void disk_write(const struct disk *d, const struct cut *c, struct world *w);
