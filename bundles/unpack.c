/* From a tar to a tree: once over all headers, then folders, then what lies in them. */
#include "bundles/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/door.h"
#include "base/fs.h"
#include "bundles/beneath.h"
#include "bundles/tar_reader.h"

enum { DISK_BLOCK = 4 * KIB };

static uint64_t disk_bytes(const struct tree *t)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < t->count; i++)
		sum += t->node[i].kind == TREE_FILE ? (t->node[i].size + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK
						    : DISK_BLOCK;
	return sum;
}

/* All headers, so every rule. */
static bool scan(struct tar_reader **out, int tar_fd, struct err *e)
{
	cleanup(tar_close) struct tar_reader *tar = NULL;
	const struct tree_node *n = NULL;

	if (!tar_open(&tar, tar_fd, e))
		return false;
	do {
		if (!tar_next(&n, tar, e))
			return false;
	} while (n);
	*out = tar;
	tar = NULL;
	return true;
}

bool unpack_check(struct unpack_facts *out, int tar_fd, struct err *e)
{
	cleanup(tar_close) struct tar_reader *tar = NULL;

	if (!scan(&tar, tar_fd, e))
		return false;
	const struct tree *t = tar_tree(tar);
	*out = (struct unpack_facts){.entries = t->count, .bytes = t->bytes, .disk = disk_bytes(t)};
	return true;
}

static bool make_folder(int dir, const char *path, struct err *e)
{
	cleanup(fd_close) int parent = -1, fd = -1;
	const char *name = NULL;

	if (!beneath_parent(&parent, &name, dir, path, e))
		return false;
	if (door_mkdir(parent, name, 0755) != 0)
		return err_sys(e, "make %s", path);
	if (!beneath_open(&fd, parent, name, O_RDONLY | O_DIRECTORY, 0, e))
		return false;
	return door_chmod(fd, 0755) == 0 || err_sys(e, "mode of %s", path); /* whatever the umask was */
}

static bool make_folders(const struct tree *t, int dir, struct err *e)
{
	cleanup(free_ptr) const struct tree_node **sorted = tree_sorted(t);

	for (size_t i = 0; i < t->count; i++)
		if (sorted[i]->kind == TREE_FOLDER && !make_folder(dir, sorted[i]->path, e))
			return false;
	return true;
}

static bool make_link(int dir, const struct tree_node *n, struct err *e)
{
	cleanup(fd_close) int parent = -1;
	const char *name = NULL;

	if (!beneath_parent(&parent, &name, dir, n->path, e))
		return false;
	return door_symlink(n->link, parent, name) == 0 || err_sys(e, "link %s", n->path);
}

static bool make_file(struct tar_reader *tar, int dir, const struct tree_node *n, struct err *e)
{
	const mode_t mode = n->executable ? 0755 : 0644;
	cleanup(fd_close) int fd = -1;
	struct str piece = {0};

	if (!beneath_open(&fd, dir, n->path, O_WRONLY | O_CREAT | O_EXCL, mode, e))
		return false;
	do {
		if (!tar_read(&piece, tar, e) || !fs_put(fd, piece, e))
			return err_in(e, "%s", n->path);
	} while (piece.len > 0);
	return door_chmod(fd, mode) == 0 || err_sys(e, "mode of %s", n->path);
}

static bool make_contents(int tar_fd, int dir, struct err *e)
{
	cleanup(tar_close) struct tar_reader *tar = NULL;
	const struct tree_node *n = NULL;

	if (!tar_open(&tar, tar_fd, e))
		return false;
	do {
		if (!tar_next(&n, tar, e))
			return false;
		if (n && n->kind == TREE_FILE && !make_file(tar, dir, n, e))
			return false;
		if (n && n->kind == TREE_LINK && !make_link(dir, n, e))
			return false;
	} while (n);
	return true;
}

static bool check_empty(int dir, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};

	if (!fs_names(&names, dir, ".", e))
		return false;
	return names.count == 0 || err_set(e, ERR_EXISTS, "the folder is not empty: %s", names.name[0]);
}

bool unpack_tree(int tar_fd, int dir, struct err *e)
{
	cleanup(tar_close) struct tar_reader *tar = NULL;

	if (!scan(&tar, tar_fd, e))
		return false;
	if (!check_empty(dir, e) || !make_folders(tar_tree(tar), dir, e))
		return err_in(e, "unpack");
	tar_close(&tar); /* its paths are not needed twice in memory */
	return make_contents(tar_fd, dir, e) && fs_syncfs(dir, e);
}
