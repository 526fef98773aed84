/* One durable operation each, and the place where it happens. */
#include "base/durable.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"

bool place_open(struct place *out, int dir, const char *path)
{
	struct str whole = str_of(path);

	while (whole.len > 1 && whole.data[whole.len - 1] == '/')
		whole.len--;
	const char *slash = whole.len ? memrchr(whole.data, '/', whole.len) : NULL;
	size_t before = slash ? (size_t)(slash - path) + 1 : 0;
	cleanup(free_ptr) char *folder = str_dup(str_bytes(path, before));
	int fd = openat(dir, fs_or_here(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	char *copy = str_dup(whole);
	*out = (struct place){fd, copy, copy + before};
	return true;
}

void place_close(struct place *p)
{
	fd_close(&p->folder);
	free_ptr(&p->path);
	p->name = NULL;
}

bool place_sync(const struct place *p)
{
	fault_point("sync-folder-of", p->path);
	return fsync(p->folder) == 0;
}

void place_side(char out[SIDE_MAX], const char *name, const char *what)
{
	snprintf(out, SIDE_MAX, ".%s.%s", name, what);
}

bool durable_sync(int fd, const char *path)
{
	fault_point("sync", path);
	return fsync(fd) == 0;
}

/* The umask has no say: who may read it is the caller's decision. */
bool durable_mkdir(const struct place *p, mode_t mode)
{
	fault_point("mkdir", p->path);
	if (mkdirat(p->folder, p->name, mode) != 0)
		return false;
	cleanup(fd_close) int fd = openat(p->folder, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fchmod(fd, mode) == 0;
}

bool durable_symlink(const struct place *p, const char *target, const char *name)
{
	fault_point("link", p->path);
	return symlinkat(target, p->folder, name) == 0;
}

bool durable_rename(int from, const char *name, const struct place *to)
{
	fault_point("rename", to->path);
	return renameat(from, name, to->folder, to->name) == 0;
}

bool durable_unlink(int dir, const char *name, int flags)
{
	fault_point("unlink", name);
	return unlinkat(dir, name, flags) == 0;
}
