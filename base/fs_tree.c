/* Removing trees: gone under their own name first, then emptied. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/door.h"
#include "base/durable.h"

enum { TREE_DEPTH_MAX = 64 }; /* each level holds a descriptor */

/* A folder that may be emptied, whatever mode it had. */
static DIR *open_to_empty(int dir, const char *name)
{
	enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
	cleanup(fd_close) int fd = openat(dir, name, FLAGS);
	struct stat st;

	if (fd < 0 && errno == EACCES && door_chmodat(dir, name, 0700) == 0)
		fd = openat(dir, name, FLAGS);
	if (fd < 0 || fstat(fd, &st) != 0)
		return NULL;
	if ((st.st_mode & 0700) != 0700 && door_chmod(fd, 0700) != 0)
		return NULL;
	DIR *open = fdopendir(fd);
	if (open)
		fd = -1;
	return open;
}

/* Bounded, and each name is in the error on the way up: what stands in the way can be found. */
static bool tree_drop(int dir, const char *name, int depth, struct err *e)
{
	if (door_unlink(dir, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR)
		return err_sys(e, "%s", name);
	if (depth == TREE_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "%s: more than %d folders deep", name, TREE_DEPTH_MAX);
	cleanup(dir_close) DIR *open = open_to_empty(dir, name);
	if (!open)
		return err_sys(e, "%s", name);
	for (struct dirent *entry; (entry = fs_next_entry(open));)
		if (!tree_drop(dirfd(open), entry->d_name, depth + 1, e))
			return err_in(e, "%s", name);
	if (errno || door_unlink(dir, name, AT_REMOVEDIR) != 0)
		return err_sys(e, "%s", name);
	return true;
}

/* Under its own name a tree is whole or absent; what is being emptied has another. */
static bool tree_remove(const struct place *at, struct err *e)
{
	char gone[SIDE_MAX];

	place_side(gone, at->name, "gone");
	if (!tree_drop(at->folder, gone, 0, e))
		return false;
	if (door_rename(at->folder, at->name, at->folder, gone) != 0 && errno != ENOENT)
		return err_sys(e, "%s", at->name);
	if (!place_sync(at, "tree renamed"))
		return err_sys(e, "sync");
	return tree_drop(at->folder, gone, 0, e) && (place_sync(at, "tree gone") || err_sys(e, "sync"));
}

bool fs_remove_tree(int dir, const char *path, struct err *e)
{
	cleanup(place_close) struct place at = NOWHERE;

	if (!place_open(&at, dir, path))
		return errno == ENOENT || err_sys(e, "remove %s", path);
	return tree_remove(&at, e) || err_in(e, "remove %s", path);
}

static bool is_side_name(const char *name)
{
	struct str s = str_of(name);

	return s.data[0] == '.' && (str_ends(s, ".new") || str_ends(s, ".gone"));
}

/* A file that somebody is writing now is his (fs_write locks it), and not swept. */
static bool sweep_one(int dir, const char *name, struct err *e)
{
	cleanup(fd_close) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	bool file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	return (file && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) || tree_drop(dir, name, 0, e);
}

bool fs_sweep(int dir, const char *path, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(fd_close) int fd = -1;

	if (!fs_open_dir(&fd, dir, path, e) || !fs_names(&names, fd, "", e))
		return false;
	for (size_t i = 0; i < names.count; i++)
		if (is_side_name(names.name[i]) && !sweep_one(fd, names.name[i], e))
			return err_in(e, "sweep %s", fs_or_here(path));
	return fs_sync_fd(fd, e);
}
