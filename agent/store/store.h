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

/* Who changes the ledger, the releases or `current` holds this lock: serve while it receives, then apply, which inherits it. */
must_check bool store_lock(int *out, bool *taken, const struct store *s, struct err *e);
/* Does anybody hold it? */
bool store_is_locked(const struct store *s);

/* A little room kept for the ledger, so that the way back never fails for want of a block. */
must_check bool store_ballast(const struct store *s, struct err *e);
void store_drop_ballast(const struct store *s);
