/* The state folder. */
#include "agent/store/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { BALLAST = 128 * KIB };

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
	return fs_lock(out, taken, s->dir, "apply.lock", false, e);
}

bool store_is_locked(const struct store *s)
{
	cleanup(fd_close) int fd = -1;
	bool taken = false;
	struct err e;

	return store_lock(&fd, &taken, s, &e) && !taken;
}

bool store_ballast(const struct store *s, struct err *e)
{
	static const char zeros[4 * KIB];
	cleanup(fd_close) int fd = -1;
	uint64_t size = 0;

	if (fs_exists(s->dir, "ballast") && fs_size(&size, s->dir, "ballast", e) && size >= BALLAST)
		return true;
	if (!fs_create(&fd, s->dir, "ballast", 0600, e))
		return false;
	for (size_t n = 0; n < BALLAST; n += sizeof zeros)
		if (!fs_put(fd, str_bytes(zeros, sizeof zeros), e))
			return false;
	return fs_sync_fd(fd, e);
}

void store_drop_ballast(const struct store *s)
{
	unlinkat(s->dir, "ballast", 0);
}
