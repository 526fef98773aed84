/* The one door to durable change: written, synced, renamed, folder synced. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/door.h"
#include "base/durable.h"

static bool is_still(int fd, int dir, const char *name)
{
	struct stat open, named;

	return fstat(fd, &open) == 0 && fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/* --- whole files --- */

/* What a dead writer left is removed. A living one holds a lock on it and is waited for: then its file has gone. */
static bool temp_reclaim(int dir, const char *temp)
{
	cleanup(fd_close) int fd = openat(dir, temp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd >= 0 && flock(fd, LOCK_EX) == 0 && !is_still(fd, dir, temp))
		return true;
	return door_unlink(dir, temp, 0) == 0 || errno == ENOENT;
}

/* A new file, locked for as long as it is open: two writers of one path must never rename each other's half. Between
 * creating and locking it another may take ours for a dead writer's: then once more, for he got on with it. */
static bool temp_open(int *out, int dir, const char *temp)
{
	for (;;) {
		cleanup(fd_close) int fd =
			door_open(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && (errno != EEXIST || !temp_reclaim(dir, temp)))
			return false;
		if (fd < 0)
			continue;
		bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
		if (locked && is_still(fd, dir, temp)) {
			*out = fd;
			fd = -1;
			return true;
		}
	}
}

static bool put_all(int fd, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = door_write(fd, bytes.data, bytes.len);
		if (n < 0 && errno != EINTR)
			return false;
		n = MAX(n, 0);
		bytes = str_bytes(bytes.data + n, bytes.len - (size_t)n);
	}
	return true;
}

static bool temp_fill(int fd, struct str bytes, mode_t mode)
{
	return put_all(fd, bytes) && door_chmod(fd, mode) == 0 && door_sync(fd, "written", NULL) == 0;
}

static void temp_drop(int dir, const char *temp)
{
	int number = errno;

	door_unlink(dir, temp, 0);
	errno = number;
}

static bool write_at(const struct place *at, struct str bytes, mode_t mode)
{
	cleanup(fd_close) int fd = -1;
	char temp[SIDE_MAX];

	place_side(temp, at->name, "new");
	if (!temp_open(&fd, at->folder, temp))
		return false;
	if (temp_fill(fd, bytes, mode) && door_rename(at->folder, temp, at->folder, at->name) == 0)
		return place_sync(at, "written, its folder");
	temp_drop(at->folder, temp);
	return false;
}

bool fs_write(int dir, const char *path, struct str bytes, mode_t mode, struct err *e)
{
	cleanup(place_close) struct place at = NOWHERE;

	if (!place_open(&at, dir, path) || !write_at(&at, bytes, mode))
		return err_sys(e, "write %s", path);
	return true;
}

/* --- folders and names --- */

/* One that is there already may be what a killed run made and did not sync. */
static bool mkdir_one(int dir, const char *path, mode_t mode)
{
	cleanup(place_close) struct place at = NOWHERE;
	struct stat st;

	if (!place_open(&at, dir, path))
		return false;
	if (durable_mkdir(&at, mode))
		return place_sync(&at, "folder made");
	if (errno != EEXIST || fstatat(at.folder, at.name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (S_ISDIR(st.st_mode))
		return place_sync(&at, "folder was there");
	errno = ENOTDIR;
	return false;
}

static bool is_folder(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

bool fs_mkdir(int dir, const char *path, mode_t mode, struct err *e)
{
	cleanup(free_ptr) char *part = str_dup(str_of(path));

	for (char *slash = part; slash[0] && (slash = strchr(slash + 1, '/'));) {
		*slash = 0;
		if (!is_folder(dir, part) && !mkdir_one(dir, part, mode | 0700))
			return err_sys(e, "make folder %s", part);
		*slash = '/';
	}
	return mkdir_one(dir, path, mode) || err_sys(e, "make folder %s", path);
}

static bool link_at(const struct place *at, const char *target)
{
	char temp[SIDE_MAX];

	place_side(temp, at->name, "new");
	door_unlink(at->folder, temp, 0);
	if (door_symlink(target, at->folder, temp) != 0)
		return false;
	if (door_rename(at->folder, temp, at->folder, at->name) == 0)
		return place_sync(at, "linked");
	temp_drop(at->folder, temp);
	return false;
}

bool fs_link(int dir, const char *target, const char *path, struct err *e)
{
	cleanup(place_close) struct place at = NOWHERE;

	if (!place_open(&at, dir, path) || !link_at(&at, target))
		return err_sys(e, "link %s to %s", path, target);
	return true;
}

static bool sync_file(const struct place *at)
{
	struct stat st;

	if (fstatat(at->folder, at->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (!S_ISREG(st.st_mode))
		return true;
	cleanup(fd_close) int fd = openat(at->folder, at->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && door_sync(fd, "before a rename", NULL) == 0;
}

/* The new folder first: after a power cut there may be two names, never none. */
static bool rename_place(const struct place *from, const struct place *to)
{
	if (!sync_file(from) || door_rename(from->folder, from->name, to->folder, to->name) != 0 ||
		!place_sync(to, "renamed to"))
		return false;
	return is_still(from->folder, to->folder, ".") || place_sync(from, "renamed from");
}

bool fs_rename(int dir, const char *from, const char *to, struct err *e)
{
	cleanup(place_close) struct place a = NOWHERE;
	cleanup(place_close) struct place b = NOWHERE;

	if (!place_open(&a, dir, from) || !place_open(&b, dir, to) || !rename_place(&a, &b))
		return err_sys(e, "rename %s to %s", from, to);
	return true;
}

bool fs_remove(int dir, const char *path, struct err *e)
{
	cleanup(place_close) struct place at = NOWHERE;

	if (!place_open(&at, dir, path))
		return errno == ENOENT || err_sys(e, "remove %s", path);
	if (door_unlink(at.folder, at.name, 0) != 0 && errno != ENOENT)
		return err_sys(e, "remove %s", path);
	return place_sync(&at, "removed") || err_sys(e, "remove %s", path);
}

/* --- syncing --- */

bool fs_sync_fd(int fd, struct err *e)
{
	return door_sync(fd, "file", NULL) == 0 || err_sys(e, "sync");
}

bool fs_sync_dir(int dir, const char *path, struct err *e)
{
	cleanup(fd_close) int fd = -1;

	if (!fs_open_dir(&fd, dir, path, e))
		return false;
	return door_sync(fd, "folder", NULL) == 0 || err_sys(e, "sync %s", fs_or_here(path));
}

bool fs_syncfs(int fd, struct err *e)
{
	return door_syncfs(fd, "all") == 0 || err_sys(e, "sync the file system");
}

/* --- not durable until synced --- */

/* A new file beside the old one's readers, not their file emptied under them. */
bool fs_create(int *out, int dir, const char *path, mode_t mode, struct err *e)
{
	if (door_unlink(dir, path, 0) != 0 && errno != ENOENT)
		return err_sys(e, "create %s", path);
	cleanup(fd_close) int fd = door_open(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0 || door_chmod(fd, mode) != 0)
		return err_sys(e, "create %s", path);
	*out = fd;
	fd = -1;
	return true;
}

bool fs_append(int *out, int dir, const char *path, mode_t mode, struct err *e)
{
	enum { FLAGS = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };
	cleanup(fd_close) int fd = door_open(dir, path, FLAGS | O_CREAT | O_EXCL, mode);
	struct stat st;

	if (fd >= 0 && door_chmod(fd, mode) != 0)
		return err_sys(e, "append to %s", path);
	if (fd < 0 && errno == EEXIST)
		fd = openat(dir, path, FLAGS);
	if (fd < 0)
		return fs_open_failed(path, e);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_UNSAFE, "%s: not a file", path);
	*out = fd;
	fd = -1;
	return true;
}

bool fs_put(int fd, struct str bytes, struct err *e)
{
	return put_all(fd, bytes) || err_sys(e, "write");
}

bool fs_reserve(int fd, uint64_t bytes, struct err *e)
{
	errno = door_reserve(fd, (off_t)bytes);
	return errno == 0 || err_sys(e, "reserve room");
}

/* Whoever held the lock may have removed the file: then what we locked is not what the next one will lock. */
bool fs_lock(int *out, bool *taken, int dir, const char *path, bool wait, struct err *e)
{
	for (;;) {
		cleanup(fd_close) int fd = door_open(dir, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd < 0)
			return fs_open_failed(path, e);
		bool held = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) == 0;
		if (!held && errno == EINTR)
			return err_set(e, ERR_STOPPED, "interrupted while waiting for %s", path);
		if (!held && errno != EWOULDBLOCK)
			return err_sys(e, "lock %s", path);
		if (held && !is_still(fd, dir, path))
			continue;
		*taken = held;
		if (held) {
			*out = fd;
			fd = -1;
		}
		return true;
	}
}
