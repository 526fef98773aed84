/* Writing a tar: libarchive's gnutar, every field given. gnutar and not ustar, which has no place for some long names.
 */
#include "bundles/tar_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "base/fs.h"

struct tar_writer {
	struct archive *archive;
	struct archive_entry *entry;
	struct hasher hasher;
	int fd;
	struct err io; /* of the callback, which libarchive would forget */
};

static la_ssize_t put(struct archive *a, void *ctx, const void *data, size_t len)
{
	struct tar_writer *t = ctx;

	if (!fs_put(t->fd, str_bytes(data, len), &t->io)) {
		archive_set_error(a, EIO, "%s", t->io.text);
		return ARCHIVE_FATAL;
	}
	hasher_add(&t->hasher, str_bytes(data, len));
	return (la_ssize_t)len;
}

static bool failed(const struct tar_writer *t, const char *what, struct err *e)
{
	const char *why = archive_error_string(t->archive);

	if (t->io.code != ERR_NONE)
		return err_set(e, t->io.code, "bundle: %s", t->io.text);
	return err_set(e, ERR_INTERNAL, "%s: libarchive: %s", what, why ? why : "no reason given");
}

bool tar_start(struct tar_writer **out, int fd, struct err *e)
{
	cleanup(tar_drop) struct tar_writer *t = mem_new(1, sizeof *t);

	t->fd = fd;
	hasher_start(&t->hasher);
	t->archive = archive_write_new();
	t->entry = archive_entry_new();
	if (!t->archive || !t->entry)
		return err_set(e, ERR_INTERNAL, "libarchive does not start");
	if (archive_write_set_format_gnutar(t->archive) != ARCHIVE_OK ||
		archive_write_add_filter_none(t->archive) != ARCHIVE_OK ||
		archive_write_set_bytes_per_block(t->archive, 64 * KIB) != ARCHIVE_OK ||
		archive_write_set_bytes_in_last_block(t->archive, 1) != ARCHIVE_OK ||
		archive_write_open(t->archive, t, NULL, put, NULL) != ARCHIVE_OK)
		return failed(t, "start", e);
	*out = t;
	t = NULL;
	return true;
}

bool tar_entry(struct tar_writer *t, const struct tree_node *n, struct err *e)
{
	static const unsigned types[] = {
		[TREE_FOLDER] = AE_IFDIR,
		[TREE_FILE] = AE_IFREG,
		[TREE_LINK] = AE_IFLNK,
	};

	/* Its times are 0 then. Never set them: where our time_t is wider than libarchive's, as on armhf, it would read another one. */
	archive_entry_clear(t->entry);
	archive_entry_copy_pathname(t->entry, n->path);
	archive_entry_set_filetype(t->entry, types[n->kind]);
	archive_entry_set_perm(t->entry, n->kind == TREE_FILE && !n->executable ? 0644 : 0755);
	archive_entry_set_size(t->entry, (la_int64_t)n->size);
	archive_entry_set_uid(t->entry, 0);
	archive_entry_set_gid(t->entry, 0);
	archive_entry_copy_uname(t->entry, "root");
	archive_entry_copy_gname(t->entry, "root");
	if (n->kind == TREE_LINK)
		archive_entry_copy_symlink(t->entry, n->link);
	/* a warning means that something was left out */
	return archive_write_header(t->archive, t->entry) == ARCHIVE_OK || failed(t, n->path, e);
}

bool tar_bytes(struct tar_writer *t, struct str bytes, struct err *e)
{
	return archive_write_data(t->archive, bytes.data, bytes.len) == (la_ssize_t)bytes.len ||
	       failed(t, "contents", e);
}

bool tar_finish(struct digest *digest, uint64_t *length, struct tar_writer *t, struct err *e)
{
	if (archive_write_close(t->archive) != ARCHIVE_OK)
		return failed(t, "end", e);
	*length = t->hasher.length;
	*digest = hasher_end(&t->hasher);
	return true;
}

void tar_drop(struct tar_writer **t)
{
	if (!*t)
		return;
	archive_entry_free((*t)->entry);
	/* dropped half-written: its complaint interests nobody, and it must not write the rest */
	if ((*t)->archive)
		archive_write_fail((*t)->archive);
	archive_write_free((*t)->archive);
	hasher_free(&(*t)->hasher);
	free_ptr(t);
}
