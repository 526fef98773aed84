/* Inside fs.h, for fs*.c alone: the place where it happens. errno says what failed. */
#pragma once

#include <limits.h>

#include "base/fs.h"

enum { SIDE_MAX = 2 * NAME_MAX }; /* what is cut off is still too long for the kernel */

/* The folder that must be synced, and the name in it. The folder may be reached over links; the name is never followed. */
struct place {
	int folder;
	char *path;       /* owned */
	const char *name; /* its last component */
};
#define NOWHERE ((struct place){ .folder = -1 })

must_check bool place_open(struct place *out, int dir, const char *path);
void place_close(struct place *p);
must_check bool place_sync(const struct place *p, const char *why);
/* A name beside `name` that only fs uses and that the next run takes over: ".state.new", ".releases.gone". */
void place_side(char out[SIDE_MAX], const char *name, const char *what);

must_check bool durable_mkdir(const struct place *p, mode_t mode);

/* Shared by reading and changing. */
const char *fs_or_here(const char *path);             /* "" is the folder itself */
bool fs_open_failed(const char *path, struct err *e); /* errno in words; false */
struct dirent *fs_next_entry(DIR *dir);               /* but the dots; NULL with errno 0 at the end */
