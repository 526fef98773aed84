/* Layers become one tar. Two walks: first all names and sizes, so that a refusal comes before the first byte is
 * written. */
#include "bundles/pack.h"

#include <fcntl.h>

#include "base/fs.h"
#include "bundles/beneath.h"
#include "bundles/layer.h"
#include "bundles/piece.h"
#include "bundles/tar.h"
#include "bundles/tar_reader.h"
#include "bundles/tar_writer.h"

struct layers {
	struct layer *layer;
	size_t count;
};

static void layers_free(struct layers *l)
{
	for (size_t i = 0; i < l->count; i++)
		layer_close(&l->layer[i]);
	free_ptr(&l->layer);
	l->count = 0;
}

static bool check_links(const struct tree *t, const char *const *folder, struct err *e)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct tree_node *n = &t->node[i];
		if (n->kind == TREE_LINK && !tree_leads(t, n))
			return err_set(
				e, ERR_UNSAFE, "%s/%s: the link leads nowhere: %s", folder[n->layer], n->path, n->link);
	}
	return true;
}

static bool check_length(const struct tree *t, struct err *e)
{
	uint64_t bytes = TAR_END_BYTES;

	for (size_t i = 0; i < t->count; i++)
		bytes += tar_entry_bytes(&t->node[i]);
	return tar_check_length(bytes, e);
}

/* From the last to the first: what a later one has is not taken from an earlier one. */
static bool merge(struct tree *t, struct layers *l, const char *const *folder, size_t folders, struct err *e)
{
	l->layer = mem_new(MAX(folders, 1), sizeof *l->layer);
	for (size_t i = 0; i < folders; i++) {
		if (!layer_open(&l->layer[i], folder[i], (uint32_t)i, e))
			return false;
		l->count++;
	}
	for (size_t i = folders; i-- > 0;)
		if (!layer_walk(t, &l->layer[i], e))
			return false;
	return check_links(t, folder, e) && check_length(t, e);
}

static bool changed(const char *path, struct err *e)
{
	return err_set(e, ERR_BUSY, "%s: changed while it was packed", path);
}

static bool write_file(struct tar_writer *w, const struct tree_node *n, int dir, struct err *e)
{
	cleanup(free_ptr) char *piece = mem_new(PIECE_BYTES, 1);
	cleanup(fd_close) int fd = -1;
	uint64_t size = 0, done = 0;
	size_t got = 0;

	if (!beneath_open(&fd, dir, n->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e) || !piece_size(&size, fd, e))
		return false;
	do {
		if (!piece_read(&got, piece, PIECE_BYTES, fd, done, e))
			return false;
		done += got;
		if (done > n->size)
			return changed(n->path, e);
		if (!tar_bytes(w, str_bytes(piece, got), e))
			return false;
	} while (got > 0);
	return done == n->size || changed(n->path, e);
}

static bool write_tree(
	struct pack_facts *out, struct tar_writer *w, const struct tree *t, const struct layers *l, struct err *e)
{
	cleanup(free_ptr) const struct tree_node **sorted = tree_sorted(t);
	struct pack_facts facts = {0};

	for (size_t i = 0; i < t->count; i++) {
		const struct tree_node *n = sorted[i];
		const struct layer *from = &l->layer[n->layer];
		if (!tar_entry(w, n, e) || (n->kind == TREE_FILE && !write_file(w, n, from->dir, e)))
			return err_in(e, "pack %s", from->folder);
		facts.files += n->kind != TREE_FOLDER;
	}
	if (!tar_finish(&facts.digest, &facts.length, w, e))
		return false;
	*out = facts;
	return true;
}

bool pack_folders(struct pack_facts *out, int out_fd, const char *const *layer, size_t layers, struct err *e)
{
	cleanup(tree_free) struct tree t = {0};
	cleanup(layers_free) struct layers l = {0};
	cleanup(tar_drop) struct tar_writer *w = NULL;

	return merge(&t, &l, layer, layers, e) && tar_start(&w, out_fd, e) && write_tree(out, w, &t, &l, e);
}

static bool list_one(struct pack_file *out, struct tar_reader *tar, const struct tree_node *n, struct err *e)
{
	cleanup(hasher_free) struct hasher h = {0};
	struct str piece = str_of(n->link);

	hasher_start(&h);
	do {
		hasher_add(&h, piece);
		if (!tar_read(&piece, tar, e))
			return false;
	} while (piece.len > 0);
	*out = (struct pack_file){
		.path = str_dup(str_of(n->path)),
		.digest = hasher_end(&h),
		.size = n->size,
		.executable = n->executable,
		.link = n->link ? str_dup(str_of(n->link)) : NULL,
	};
	return true;
}

bool pack_list_tar(struct pack_list *out, int tar_fd, struct err *e)
{
	cleanup(tar_close) struct tar_reader *tar = NULL;
	cleanup(pack_list_free) struct pack_list l = {0};
	const struct tree_node *n = NULL;

	if (!tar_open(&tar, tar_fd, e))
		return false;
	do {
		if (!tar_next(&n, tar, e))
			return false;
		if (!n || n->kind == TREE_FOLDER)
			continue;
		l.file = mem_grow(l.file, l.count + 1, sizeof *l.file);
		if (!list_one(&l.file[l.count], tar, n, e))
			return false;
		l.count++;
	} while (n);
	*out = l;
	l = (struct pack_list){0};
	return true;
}

void pack_list_free(struct pack_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free_ptr(&l->file[i].path);
		free_ptr(&l->file[i].link);
	}
	free_ptr(&l->file);
	l->count = 0;
}
