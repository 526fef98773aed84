/* Reading a tar: libarchive parses, and is believed nothing. */
#include "bundles/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "bundles/piece.h"
#include "bundles/tar.h"

struct tar_reader {
	struct archive *archive;
	struct tree tree;
	int fd;
	uint64_t size;  /* of the file */
	uint64_t asked; /* how far libarchive has read */
	uint64_t next;  /* where the next header must begin */
	const struct tree_node *entry;
	uint64_t size_left; /* of its contents, to be read */
	bool end;
	struct err io; /* of a callback, which libarchive would forget */
	char piece[PIECE_BYTES];
};

static la_ssize_t give(struct archive *a, void *ctx, const void **piece)
{
	struct tar_reader *t = ctx;
	size_t got;

	if (!piece_read(&got, t->piece, sizeof t->piece, t->fd, t->asked, &t->io)) {
		archive_set_error(a, EIO, "%s", t->io.text);
		return ARCHIVE_FATAL;
	}
	t->asked += got;
	*piece = t->piece;
	return (la_ssize_t)got;
}

/* Never past the end: what is missing there shows as a cut-off file. */
static la_int64_t skip(struct archive *a, void *ctx, la_int64_t want)
{
	struct tar_reader *t = ctx;
	uint64_t left = t->size > t->asked ? t->size - t->asked : 0, n = MIN((uint64_t)MAX(want, 0), left);

	(void)a;
	t->asked += n;
	return (la_int64_t)n;
}

static bool damaged(const struct tar_reader *t, struct err *e)
{
	const char *why = archive_error_string(t->archive);

	if (t->io.code != ERR_NONE)
		return err_set(e, t->io.code, "bundle: %s", t->io.text);
	return err_set(e, ERR_SYNTAX, "the bundle is no whole tar, near byte %llu: %s", (unsigned long long)t->next,
		why ? why : "damaged");
}

bool tar_open(struct tar_reader **out, int fd, struct err *e)
{
	cleanup(tar_close) struct tar_reader *t = mem_new(1, sizeof *t);

	t->fd = fd;
	if (!piece_size(&t->size, fd, e))
		return err_in(e, "bundle");
	if (!tar_check_length(t->size, e))
		return false;
	if (t->size < TAR_END_BYTES || t->size % TAR_BLOCK != 0)
		return err_set(e, ERR_SYNTAX, "the bundle is no whole tar: %llu bytes", (unsigned long long)t->size);
	t->archive = archive_read_new();
	if (!t->archive)
		return err_set(e, ERR_INTERNAL, "libarchive does not start");
	if (archive_read_support_format_tar(t->archive) != ARCHIVE_OK ||
		archive_read_open2(t->archive, t, NULL, give, skip, NULL) != ARCHIVE_OK)
		return damaged(t, e);
	*out = t;
	t = NULL;
	return true;
}

/* Everything behind the last entry is zero, and enough of it. */
static bool check_end(struct tar_reader *t, struct err *e)
{
	uint64_t at = (uint64_t)archive_read_header_position(t->archive);
	size_t got = 0;

	if (at != t->next)
		return err_set(e, ERR_SYNTAX, "bytes that belong to nothing at byte %llu", (unsigned long long)t->next);
	if (t->size < at + TAR_END_BYTES)
		return err_set(e, ERR_SYNTAX, "the bundle is cut off at byte %llu", (unsigned long long)t->size);
	for (; at < t->size; at += got) {
		if (!piece_read(&got, t->piece, sizeof t->piece, t->fd, at, e))
			return err_in(e, "bundle");
		if (got == 0)
			return err_set(e, ERR_IO, "the bundle became shorter while it was read");
		if (t->piece[0] != 0 || memcmp(t->piece, t->piece + 1, got - 1) != 0)
			return err_set(e, ERR_SYNTAX, "bytes behind the end of the tar");
	}
	return true;
}

struct type {
	unsigned type;
	const char *word;
	enum tree_kind kind;
};

static const struct type taken[] = {
	{AE_IFDIR, "a folder", TREE_FOLDER},
	{AE_IFREG, "a file", TREE_FILE},
	{AE_IFLNK, "a link", TREE_LINK},
};
static const struct type refused[] = {
	{AE_IFIFO, "a fifo", 0},
	{AE_IFCHR, "a character device", 0},
	{AE_IFBLK, "a block device", 0},
	{AE_IFSOCK, "a socket", 0},
};

static bool read_kind(enum tree_kind *out, struct archive_entry *entry, const char *path, struct err *e)
{
	const char *word = "neither file nor folder nor link";

	for (size_t i = 0; i < COUNT_OF(taken); i++)
		if (taken[i].type == archive_entry_filetype(entry)) {
			*out = taken[i].kind;
			return true;
		}
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		if (refused[i].type == archive_entry_filetype(entry))
			word = refused[i].word;
	return err_set(e, ERR_UNSAFE, "%s: %s", path, word);
}

/* Behind the last field we fill, libarchive reads sparse maps and other lengths whatever the type of the entry is. */
static bool check_tail(const struct tar_reader *t, const struct tree_node *n, struct err *e)
{
	static const char zeros[TAR_BLOCK - TAR_TAIL];
	char header[TAR_BLOCK];
	size_t got = 0;

	if (!piece_read(&got, header, sizeof header, t->fd, t->next + tar_header_bytes(n) - TAR_BLOCK, e))
		return err_in(e, "bundle");
	return (got == sizeof header && memcmp(header + TAR_TAIL, zeros, sizeof zeros) == 0) ||
	       err_set(e, ERR_UNSAFE, "%s: a header that says more than name, mode and size", n->path);
}

static bool check_plain(struct tar_reader *t, struct archive_entry *entry, const struct tree_node *n, struct err *e)
{
	if (archive_entry_perm(entry) & ~(unsigned)0777)
		return err_set(e, ERR_UNSAFE, "%s: setuid, setgid or sticky", n->path);
	if (archive_entry_sparse_count(entry) > 0)
		return err_set(e, ERR_UNSAFE, "%s: a sparse file", n->path);
	if (archive_entry_xattr_count(entry) > 0 || archive_entry_acl_types(entry) != 0)
		return err_set(e, ERR_UNSAFE, "%s: extended attributes or access lists", n->path);
	if (n->kind != TREE_FILE && archive_entry_size(entry) > 0)
		return err_set(e, ERR_UNSAFE, "%s: %s with contents", n->path, tree_kind_word(n->kind));
	if (n->kind == TREE_FILE && (!archive_entry_size_is_set(entry) || archive_entry_size(entry) < 0))
		return err_set(e, ERR_SYNTAX, "%s: a file without size", n->path);
	if ((uint64_t)archive_filter_bytes(t->archive, 0) != t->next + tar_header_bytes(n))
		return err_set(e, ERR_UNSAFE, "%s: a header that says more than name, mode and size", n->path);
	return check_tail(t, n, e);
}

static bool check_place(struct tar_reader *t, const struct tree_node *n, struct err *e)
{
	uint64_t end = t->next + tar_entry_bytes(n);

	if (end > t->size)
		return err_set(e, ERR_SYNTAX, "%s: the bundle is cut off in its contents", n->path);
	t->next = end;
	t->size_left = n->size;
	return true;
}

static bool take(struct tar_reader *t, struct archive_entry *entry, struct err *e)
{
	const char *name = archive_entry_pathname(entry);
	char path[PATH_LEN_MAX + 2]; /* a folder's slash */
	struct tree_node n = {.path = path};

	if (!name || strlen(name) >= sizeof path)
		return err_set(e, ERR_UNSAFE, "%.64s: a name longer than %d bytes", name ? name : "?", PATH_LEN_MAX);
	strcpy(path, name);
	if ((uint64_t)archive_read_header_position(t->archive) != t->next)
		return err_set(e, ERR_SYNTAX, "%s: bytes that belong to nothing before it", path);
	if (archive_entry_hardlink(entry))
		return err_set(e, ERR_UNSAFE, "%s: a hard link", path);
	if (!read_kind(&n.kind, entry, path, e))
		return false;
	if (n.kind == TREE_FOLDER && str_ends(str_of(path), "/"))
		path[strlen(path) - 1] = 0;
	const char *link = n.kind == TREE_LINK ? archive_entry_symlink(entry) : NULL;
	cleanup(free_ptr) char *lead = n.kind == TREE_LINK ? str_dup(str_of(link ? link : "")) : NULL;
	n.link = lead;
	n.executable = n.kind == TREE_FILE && archive_entry_perm(entry) & 0100;
	n.size = n.kind == TREE_FILE ? (uint64_t)MAX(archive_entry_size(entry), 0) : 0;
	if (!check_plain(t, entry, &n, e) || !tree_add(&t->tree, &n, e) || !check_place(t, &n, e))
		return false;
	t->entry = tree_find(&t->tree, str_of(path));
	return true;
}

bool tar_next(const struct tree_node **out, struct tar_reader *t, struct err *e)
{
	struct archive_entry *entry = NULL;

	t->entry = NULL;
	t->size_left = 0;
	int r = t->end ? ARCHIVE_EOF : archive_read_next_header(t->archive, &entry);
	if (r == ARCHIVE_EOF && !t->end && !check_end(t, e))
		return false;
	if (r != ARCHIVE_EOF && r != ARCHIVE_OK)
		return damaged(t, e);
	if (r == ARCHIVE_OK && !take(t, entry, e))
		return false;
	t->end = r == ARCHIVE_EOF;
	*out = t->entry;
	return true;
}

bool tar_read(struct str *piece, struct tar_reader *t, struct err *e)
{
	const void *data = NULL;
	size_t len = 0;
	la_int64_t offset = 0;

	if (t->size_left == 0) {
		*piece = (struct str){0};
		return true;
	}
	const struct tree_node *n = t->entry;
	int r = archive_read_data_block(t->archive, &data, &len, &offset);
	if (r != ARCHIVE_OK)
		return damaged(t, e);
	if ((uint64_t)offset != n->size - t->size_left || len == 0 || len > t->size_left)
		return err_set(e, ERR_SYNTAX, "%s: contents that are not of its size", n->path);
	t->size_left -= len;
	*piece = str_bytes(data, len);
	return true;
}

const struct tree *tar_tree(const struct tar_reader *t)
{
	return &t->tree;
}

void tar_close(struct tar_reader **t)
{
	if (!*t)
		return;
	archive_read_free((*t)->archive);
	tree_free(&(*t)->tree);
	free_ptr(t);
}
