/* What several targets share: what must hold, and a folder in memory for as long as one input is tried. */
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"

static inline void must(bool so)
{
	if (!so)
		abort();
}

struct room {
	char path[32];
	int dir;
};

static inline void room_make(struct room *r)
{
	struct err e;

	*r = (struct room){.path = "/dev/shm/fuzz.XXXXXX", .dir = -1};
	must(mkdtemp(r->path) && fs_open_dir(&r->dir, AT_FDCWD, r->path, &e));
}

static inline void room_end(struct room *r)
{
	struct err e;

	fd_close(&r->dir);
	must(fs_remove_tree(AT_FDCWD, r->path, &e));
}

/* Not fs_write: nothing of this lasts, so nothing is synced. */
static inline void room_put(const struct room *r, const char *file, struct str bytes)
{
	cleanup(fd_close) int fd = openat(r->dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct err e;

	must(fd >= 0 && fs_put(fd, bytes, &e));
}

/* What stands before the next NUL; *rest is what follows it. */
static inline struct str room_part(struct str *rest)
{
	return str_cut(*rest, 0, rest);
}
