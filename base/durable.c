/* The place where it happens. */
#include "base/durable.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/door.h"

bool place_open(struct place *out, int dir, const char *path)
{
	struct str whole = str_of(path);

	while (whole.len > 1 && whole.data[whole.len - 1] == '/')
		whole.len--;
	const char *slash = whole.len ? memrchr(whole.data, '/', whole.len) : NULL;
	size_t before = slash ? (size_t)(slash - path) + 1 : 0;
	cleanup(free_ptr) char *folder = str_dup(str_bytes(path, before));
	int fd = door_look(dir, fs_or_here(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

bool place_sync(const struct place *p, const char *why)
{
	return door_sync(p->folder, why, p->name) == 0;
}

void place_side(char out[SIDE_MAX], const char *name, const char *what)
{
	snprintf(out, SIDE_MAX, ".%s.%s", name, what);
}

/* The umask has no say: who may read it is the caller's decision. */
bool durable_mkdir(const struct place *p, mode_t mode)
{
	if (door_mkdir(p->folder, p->name, mode) != 0)
		return false;
	cleanup(fd_close) int fd = openat(p->folder, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && door_chmod(fd, mode) == 0;
}
