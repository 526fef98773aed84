/* The state folder. */
#include "agent/store/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/door.h"
#include "base/shape.h"

enum {
	BALLAST = 1 * MIB, /* the largest ledger */
	BALLAST_STEP = 32 * KIB,
	BALLAST_SLICE = 128 * KIB,
};

static const struct {
	const char *name;
	mode_t mode;
} folders[] = {
	{"", 0755},
	{"trust", 0755},
	{"bundles", 0755},
	{"trees", 0755},
	{"releases", 0755},
	{"staging", 0700},
	{"receipts", 0755},
	{"access", 0755},
	{"agent", 0755},
};

bool store_make(const char *path, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		cleanup(free_ptr) char *folder = path_form("%s%s%s", path, i ? "/" : "", folders[i].name);
		if (!fs_mkdir(AT_FDCWD, folder, folders[i].mode, e))
			return false;
	}
	return true;
}

bool store_open(struct store *out, const char *path, struct err *e)
{
	cleanup(free_ptr) char *real = realpath(path, NULL);
	int dir = -1;

	if (!real)
		return err_sys(e, "state folder %s", path);
	if (!fs_open_dir(&dir, AT_FDCWD, real, e))
		return err_in(e, "state folder");
	*out = (struct store){dir, real};
	real = NULL;
	return true;
}

void store_close(struct store *s)
{
	if (s->path)
		fd_close(&s->dir);
	free_ptr(&s->path);
}

bool store_lock(int *out, bool *taken, const struct store *s, struct err *e)
{
	return fs_lock(out, taken, s->dir, STORE_LOCK, false, e);
}

bool store_is_locked(const struct store *s)
{
	cleanup(fd_close) int fd = -1;
	bool taken = false;
	struct err e;

	return store_lock(&fd, &taken, s, &e) && !taken;
}

static bool has_ballast(const struct store *s)
{
	uint64_t size = 0;
	struct err e;

	return fs_exists(s->dir, "ballast") && fs_size(&size, s->dir, "ballast", &e) && size >= BALLAST;
}

/* On a full disk there is a little less room than was let go: what is there is taken. */
void store_ballast(const struct store *s)
{
	cleanup(fd_close) int fd = -1;
	struct err e;

	if (has_ballast(s) || !fs_append(&fd, s->dir, "ballast", 0600, &e))
		return;
	for (uint64_t n = BALLAST; n && !fs_reserve(fd, n, &e); n -= BALLAST_STEP)
		;
	(void)!fs_sync_fd(fd, &e);
}

/* A slice at a time: whoever fills the disk is there too, and takes what we do not. The last one is the file itself,
 * for where the names have run out. */
bool store_shed(const struct store *s, const struct err *why)
{
	cleanup(fd_close) int fd = -1;
	struct stat st;
	struct err e;

	if (why->code != ERR_SPACE || !fs_exists(s->dir, "ballast"))
		return false;
	if (fs_append(&fd, s->dir, "ballast", 0600, &e) && fstat(fd, &st) == 0 && st.st_size > BALLAST_SLICE)
		return door_truncate(fd, st.st_size - BALLAST_SLICE) == 0;
	return door_unlink(s->dir, "ballast", 0) == 0;
}

bool store_write(const struct store *s, const char *path, struct str bytes, mode_t mode, struct err *e)
{
	while (!fs_write(s->dir, path, bytes, mode, e))
		if (!store_shed(s, e))
			return false;
	return true;
}

bool store_link(const struct store *s, const char *target, const char *path, struct err *e)
{
	while (!fs_link(s->dir, target, path, e))
		if (!store_shed(s, e))
			return false;
	return true;
}

bool store_needs(const struct store *s, uint64_t bytes, const char *who, struct err *e)
{
	char need[32], has[32], missing[32];
	uint64_t room;

	if (!fs_space(&room, s->dir, e))
		return false;
	if (room >= bytes)
		return true;
	shape_bytes_text(need, (int64_t)bytes);
	shape_bytes_text(has, (int64_t)room);
	shape_bytes_text(missing, (int64_t)(bytes - room));
	return err_set(e, ERR_SPACE, "%s needs %s on this host, %s are free: %s are missing", who, need, has, missing);
}
