/* Reading files and folders, and the descriptors that do it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/door.h"
#include "base/durable.h"

enum { READ_CHUNK = 16 * KIB };

/* Descriptors are freed on the way out of functions whose errno is still to be read. */
void fd_close(int *fd)
{
	int number = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = number;
}

void dir_close(DIR **dir)
{
	int number = errno;

	if (*dir)
		closedir(*dir);
	*dir = NULL;
	errno = number;
}

char *path_form(const char *form, ...)
{
	char *path = NULL;
	va_list args;

	va_start(args, form);
	int n = vasprintf(&path, form, args);
	va_end(args);
	if (n >= 0)
		return path;
	fputs("out of memory\n", stderr);
	exit(1);
}

const char *fs_or_here(const char *path)
{
	return path[0] ? path : ".";
}

bool fs_open_failed(const char *path, struct err *e)
{
	if (errno == ELOOP)
		return err_set(e, ERR_UNSAFE, "%s: a link, and none is followed here", path);
	return err_sys(e, "%s", fs_or_here(path));
}

bool fs_open_dir(int *out, int dir, const char *path, struct err *e)
{
	int fd = door_look(dir, fs_or_here(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return fs_open_failed(path, e);
	*out = fd;
	return true;
}

/* O_NONBLOCK, because opening a FIFO would wait for its writer before we could see what it is. */
bool fs_open_read(int *out, int dir, const char *path, struct err *e)
{
	cleanup(fd_close) int fd = door_look(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return fs_open_failed(path, e);
	if (fstat(fd, &st) != 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_UNSAFE, "%s: not a file", path);
	*out = fd;
	fd = -1;
	return true;
}

static ssize_t read_some(int fd, void *to, size_t n)
{
	ssize_t got;

	do
		got = door_read(fd, to, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* One byte more than fits is asked for in the end, to know whether it was the end. */
static bool read_all(struct buf *out, int fd, struct err *e)
{
	size_t max = out->max ? out->max : BUF_DEFAULT_MAX;

	for (;;) {
		char more;
		size_t room = MIN(max - out->len, READ_CHUNK);
		ssize_t n = read_some(fd, room ? buf_space(out, room) : &more, room ? room : 1);
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			return true;
		if (room == 0)
			return err_set(e, ERR_LIMIT, "more than %zu bytes", max);
		buf_used(out, (size_t)n);
	}
}

bool fs_read_fd(struct buf *out, int fd, struct err *e)
{
	size_t before = out->len;

	if (!buf_ok(out, e))
		return false;
	if (read_all(out, fd, e))
		return true;
	out->len = before;
	if (out->data)
		out->data[before] = 0;
	return false;
}

bool fs_read(struct buf *out, int dir, const char *path, struct err *e)
{
	cleanup(fd_close) int fd = -1;

	if (!fs_open_read(&fd, dir, path, e))
		return false;
	return fs_read_fd(out, fd, e) || err_in(e, "%s", path);
}

bool fs_exists(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool fs_size(uint64_t *out, int dir, const char *path, struct err *e)
{
	struct stat st;

	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_UNSAFE, "%s: not a file", path);
	*out = (uint64_t)st.st_size;
	return true;
}

bool fs_readlink(char out[512], int dir, const char *path, struct err *e)
{
	char target[512];
	ssize_t n = door_readlink(dir, path, target, sizeof target);

	if (n < 0)
		return err_sys(e, "read link %s", path);
	if ((size_t)n == sizeof target)
		return err_set(e, ERR_LIMIT, "read link %s: more than %zu bytes", path, sizeof target - 1);
	memcpy(out, target, (size_t)n);
	out[n] = 0;
	return true;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_add(struct fs_names *n, const char *name)
{
	if ((n->count & (n->count - 1)) == 0)
		n->name = mem_grow(n->name, n->count ? n->count * 2 : 1, sizeof *n->name);
	n->name[n->count++] = str_dup(str_of(name));
}

struct dirent *fs_next_entry(DIR *dir)
{
	struct dirent *entry;

	do {
		errno = 0;
		entry = door_readdir(dir);
	} while (entry && is_dots(entry->d_name));
	return entry;
}

bool fs_names(struct fs_names *out, int dir, const char *path, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(fd_close) int fd = -1;

	if (!fs_open_dir(&fd, dir, path, e))
		return false;
	cleanup(dir_close) DIR *open = fdopendir(fd);
	if (!open)
		return err_sys(e, "%s", fs_or_here(path));
	fd = -1;
	for (struct dirent *entry; (entry = fs_next_entry(open));)
		names_add(&names, entry->d_name);
	if (errno)
		return err_sys(e, "%s", fs_or_here(path));
	if (names.count)
		qsort(names.name, names.count, sizeof *names.name, by_bytes);
	*out = names;
	names = (struct fs_names){0};
	return true;
}

void fs_names_free(struct fs_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->name[i]);
	free(n->name);
	*n = (struct fs_names){0};
}

const char *fs_volatile(int dir)
{
	cleanup(fd_close) int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs st;

	if (fd < 0 || fstatfs(fd, &st) != 0)
		return NULL;
	switch ((unsigned long)st.f_type) {
	case TMPFS_MAGIC:
		return "tmpfs";
	case RAMFS_MAGIC:
		return "ramfs";
	case OVERLAYFS_SUPER_MAGIC:
		return "overlay";
	}
	return NULL;
}

bool fs_space(uint64_t *free_bytes, int dir, struct err *e)
{
	cleanup(fd_close) int fd = -1;
	struct statvfs st;

	if (!fs_open_dir(&fd, dir, "", e))
		return false;
	if (fstatvfs(fd, &st) != 0)
		return err_sys(e, "free space");
	*free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	return true;
}
