/* The state folder (design, section 4). Everything below it is reached through this one open folder. */
#pragma once

#include "base/fs.h"

struct store {
	int dir;    /* only when path is set */
	char *path; /* absolute, links resolved: what processes are shown */
};
/* ERR_MISSING when it was never enrolled. */
must_check bool store_open(struct store *out, const char *path, struct err *e);
/* All its folders; those there already stay. */
must_check bool store_make(const char *path, struct err *e);
void store_close(struct store *s);

#define STORE_LOCK "apply.lock"
/* Who changes the ledger, the releases or `current` holds this lock: serve while it receives, then apply, which inherits it. */
must_check bool store_lock(int *out, bool *taken, const struct store *s, struct err *e);
/* Does anybody hold it? */
bool store_is_locked(const struct store *s);

/* A little room kept for what must be written when the disk is full: the way back never fails for want of a block.
 * Made again, as large as there is room for: after each use, before anything that is not ours may run and fill the disk. */
void store_ballast(const struct store *s);
/* Some of it makes room, for what failed with `why`. False: none is left, or that is not what was wrong. */
bool store_shed(const struct store *s, const struct err *why);
/* As fs_write and fs_link; where there is no room, ballast is shed until there is, or none is left. */
must_check bool store_write(const struct store *s, const char *path, struct str bytes, mode_t mode, struct err *e);
must_check bool store_link(const struct store *s, const char *target, const char *path, struct err *e);

/* ERR_SPACE when there is not so much room; the sentence says how much is missing. `who` begins it: "unpacking". */
must_check bool store_needs(const struct store *s, uint64_t bytes, const char *who, struct err *e);
