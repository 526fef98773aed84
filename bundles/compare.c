/* Is the tree on disk the bundle? Asked of the disk, not of the page cache. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "bundles/beneath.h"
#include "bundles/piece.h"
#include "bundles/tar_reader.h"
#include "bundles/unpack.h"

struct compare {
	struct tar_reader *tar;
	int dir;
	unpack_tell *tell;
	void *ctx;
	size_t differences;
	char *piece;
};

static bool differ(struct compare *c, const char *path, const char *what)
{
	c->differences++;
	if (c->tell)
		c->tell(c->ctx, path, what);
	return true;
}

/* What an entry that does not open as itself is; true: it was told. */
static bool differ_errno(struct compare *c, const char *path, struct err *e)
{
	static const struct {
		int error;
		const char *what;
	} rows[] = {
		{ENOENT, "missing"},
		{ENOTDIR, "changed"},
		{ELOOP, "changed"},
		{EXDEV, "changed"},
		{ENXIO, "changed"},
		{EINVAL, "changed"},
		{EIO, "changed"},
		{EACCES, "mode"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].error == errno)
			return differ(c, path, rows[i].what);
	return err_sys(e, "compare %s", path);
}

/* Is `piece` what stands at `at`? A disk that cannot read its block back has changed it. */
static bool same_piece(struct compare *c, int fd, uint64_t at, struct str piece)
{
	size_t got = 0;

	for (size_t done = 0; done < piece.len; done += got) {
		size_t n = MIN(piece.len - done, (size_t)PIECE_BYTES);
		if (!piece_read(&got, c->piece, n, fd, at + done, NULL))
			return false;
		if (got != n || memcmp(c->piece, piece.data + done, n) != 0)
			return false;
	}
	return true;
}

static bool same_contents(bool *same, struct compare *c, int fd, struct err *e)
{
	struct str piece = {0};
	uint64_t at = 0;

	*same = true;
	do {
		if (!tar_read(&piece, c->tar, e))
			return false;
		*same = same_piece(c, fd, at, piece);
		at += piece.len;
	} while (*same && piece.len > 0);
	return true;
}

static bool compare_file(struct compare *c, const struct tree_node *n, struct err *e)
{
	cleanup(fd_close) int fd = beneath_try(c->dir, n->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	bool same = true;

	if (fd < 0)
		return differ_errno(c, n->path, e);
	if (fstat(fd, &st) != 0)
		return err_sys(e, "compare %s", n->path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != n->size)
		return differ(c, n->path, "changed");
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* where it is refused there is no disk behind (tmpfs) */
	if (!same_contents(&same, c, fd, e))
		return err_in(e, "compare %s", n->path);
	if (!same)
		return differ(c, n->path, "changed");
	return ((st.st_mode & 0100) != 0) == n->executable || differ(c, n->path, "mode");
}

static bool compare_link(struct compare *c, const struct tree_node *n, struct err *e)
{
	const char *slash = strrchr(n->path, '/');
	cleanup(free_ptr) char *parent = slash ? str_dup(str_bytes(n->path, (size_t)(slash - n->path))) : NULL;
	cleanup(fd_close) int fd = beneath_try(c->dir, parent ? parent : ".", O_PATH | O_DIRECTORY, 0);
	char target[PATH_LEN_MAX + 1];

	if (fd < 0)
		return differ_errno(c, n->path, e);
	ssize_t len = readlinkat(fd, slash ? slash + 1 : n->path, target, sizeof target);
	if (len < 0)
		return differ_errno(c, n->path, e);
	return str_is(str_bytes(target, (size_t)len), n->link) || differ(c, n->path, "link");
}

/* `path` "" is the top. */
static bool compare_folder(struct compare *c, const char *path, struct err *e)
{
	cleanup(fd_close) int fd = beneath_try(c->dir, path[0] ? path : ".", O_RDONLY | O_DIRECTORY, 0);
	cleanup(fs_names_free) struct fs_names names = {0};

	if (fd < 0)
		return differ_errno(c, path, e);
	if (!fs_names(&names, fd, ".", e))
		return err_in(e, "compare %s", path);
	for (size_t i = 0; i < names.count; i++) {
		cleanup(free_ptr) char *inner = path_form("%s%s%s", path, path[0] ? "/" : "", names.name[i]);
		if (!tree_find(tar_tree(c->tar), str_of(inner)))
			differ(c, inner, "extra");
	}
	return true;
}

static bool compare_entries(struct compare *c, struct err *e)
{
	const struct tree_node *n = NULL;

	do {
		if (!tar_next(&n, c->tar, e))
			return false;
		if (n && n->kind == TREE_FILE && !compare_file(c, n, e))
			return false;
		if (n && n->kind == TREE_LINK && !compare_link(c, n, e))
			return false;
	} while (n);
	return true;
}

static bool compare_folders(struct compare *c, struct err *e)
{
	const struct tree *t = tar_tree(c->tar);

	if (!compare_folder(c, "", e))
		return false;
	for (size_t i = 0; i < t->count; i++)
		if (t->node[i].kind == TREE_FOLDER && !compare_folder(c, t->node[i].path, e))
			return false;
	return true;
}

bool unpack_compare(size_t *differences, int tar_fd, int dir, unpack_tell *tell, void *ctx, struct err *e)
{
	cleanup(free_ptr) char *piece = mem_new(PIECE_BYTES, 1);
	cleanup(tar_close) struct tar_reader *tar = NULL;
	struct compare c = {.dir = dir, .tell = tell, .ctx = ctx, .piece = piece};

	if (!tar_open(&tar, tar_fd, e))
		return false;
	c.tar = tar;
	if (!compare_entries(&c, e) || !compare_folders(&c, e))
		return false;
	*differences = c.differences;
	return true;
}
