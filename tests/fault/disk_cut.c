/* What a power cut leaves of a disk. */
#include "tests/fault/disk_inside.h"

size_t disk_pending(const struct disk *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->changes; i++)
		n += !d->change[i].fleeting;
	return n;
}

static bool is_unsynced(const struct node *n)
{
	return n->blob[DURABLE] != n->blob[NOW] || n->mode[DURABLE] != n->mode[NOW];
}

bool disk_has_unsynced_bytes(const struct disk *d)
{
	for (size_t i = 0; i < d->nodes; i++)
		if (!d->node[i].fleeting && d->node[i].kind == NODE_FILE && is_unsynced(&d->node[i]))
			return true;
	return false;
}

/* --- one file --- */

static uint64_t draw(uint64_t from, uint64_t which)
{
	uint64_t z = from + which * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	return (z ^ (z >> 27)) >> 33;
}

static enum disk_bytes fate(const struct disk *d, int at, const struct cut *c)
{
	if (!is_unsynced(&d->node[at]))
		return BYTES_KEPT;
	return c->mixed ? (enum disk_bytes)(draw(c->mixed, (uint64_t)at) % BYTES_KINDS) : c->bytes;
}

static mode_t mode_left(const struct disk *d, int at, const struct cut *c)
{
	return d->node[at].mode[fate(d, at, c) == BYTES_LOST ? DURABLE : NOW];
}

static void bytes_left(struct buf *out, const struct disk *d, int at, const struct cut *c)
{
	struct str was = blob_bytes(d, d->node[at].blob[DURABLE]), is = blob_bytes(d, d->node[at].blob[NOW]);

	*out = BUF_MAX(64 * MIB);
	switch (fate(d, at, c)) {
	case BYTES_LOST:
		buf_add(out, was);
		break;
	case BYTES_HALF:
		buf_add(out, str_bytes(is.data, is.len / 2));
		break;
	case BYTES_ZERO: /* the length came through, what was appended did not */
		buf_add(out, str_bytes(is.data, MIN(was.len, is.len)));
		for (size_t i = was.len; i < is.len; i++)
			buf_byte(out, 0);
		break;
	default:
		buf_add(out, is);
	}
}

/* Of what is kept or lost as it was the digest is known. */
static struct digest digest_left(const struct disk *d, int at, const struct cut *c)
{
	cleanup(buf_free) struct buf bytes = {0};
	enum disk_bytes f = fate(d, at, c);

	if (f == BYTES_KEPT || f == BYTES_LOST)
		return d->blob[d->node[at].blob[f == BYTES_LOST ? DURABLE : NOW]].digest;
	bytes_left(&bytes, d, at, c);
	return digest_of(buf_str(&bytes));
}

/* --- one folder --- */

/* Nobody looks at what is fleeting: it comes through when the bytes do. */
static void names_left(struct folder *out, const struct disk *d, int at, const struct cut *c)
{
	const struct folder *durable = &d->node[at].in[DURABLE];
	size_t counted = 0;

	*out = (struct folder){0};
	for (size_t i = 0; i < durable->count; i++)
		folder_set(out, durable->entry[i].name, durable->entry[i].node);
	for (size_t i = 0; i < d->changes; i++) {
		const struct change *p = &d->change[i];
		bool kept = p->fleeting ? c->bytes == BYTES_KEPT : c->kept[counted++];
		if (kept && p->folder == at)
			change_commit(out, p);
	}
}

/* --- the whole: walked alike for its digest and for the world --- */

struct walk {
	const struct disk *d;
	const struct cut *c;
	struct buf *list; /* or */
	int dir;          /* made here */
};

static void walk_folder(const struct walk *w, int at, const char *path);

static void list_node(const struct walk *w, int at, const char *path)
{
	const struct node *n = &w->d->node[at];
	char hex[DIGEST_HEX + 1];

	if (n->kind == NODE_LINK) {
		buf_form(w->list, "link %s %s\n", path, n->target);
	} else if (n->kind == NODE_FOLDER) {
		buf_form(w->list, "folder %s %o\n", path, mode_left(w->d, at, w->c));
		walk_folder(w, at, path);
	} else {
		digest_hex(hex, digest_left(w->d, at, w->c));
		buf_form(w->list, "file %s %o %s\n", path, mode_left(w->d, at, w->c), hex);
	}
}

static void make_node(const struct walk *w, int at, const char *path)
{
	const struct node *n = &w->d->node[at];
	mode_t mode = mode_left(w->d, at, w->c);

	if (n->kind == NODE_LINK) {
		assert_int_equal(symlinkat(n->target, w->dir, path), 0);
	} else if (n->kind == NODE_FOLDER) {
		assert_int_equal(mkdirat(w->dir, path, 0700), 0);
		walk_folder(w, at, path);
		assert_int_equal(fchmodat(w->dir, path, mode, 0), 0);
	} else {
		cleanup(buf_free) struct buf bytes = {0};
		cleanup(fd_close) int fd = openat(w->dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		bytes_left(&bytes, w->d, at, w->c);
		must(fs_put(fd, buf_str(&bytes), e));
		assert_int_equal(fchmod(fd, mode), 0);
	}
}

static void walk_folder(const struct walk *w, int at, const char *path)
{
	struct folder left;

	names_left(&left, w->d, at, w->c);
	for (size_t i = 0; i < left.count; i++) {
		cleanup(free_ptr) char *below = path_form("%s%s%s", path, path[0] ? "/" : "", left.entry[i].name);
		if (w->list)
			list_node(w, left.entry[i].node, below);
		else
			make_node(w, left.entry[i].node, below);
	}
	folder_free(&left);
}

struct digest disk_digest(const struct disk *d, const struct cut *c)
{
	cleanup(buf_free) struct buf list = {0};
	struct walk w = {.d = d, .c = c, .list = &list, .dir = -1};

	walk_folder(&w, 0, "");
	return digest_of(buf_str(&list));
}

void disk_write(const struct disk *d, const struct cut *c, struct world *world)
{
	cleanup(fd_close) int dir = -1;

	must(fs_open_dir(&dir, AT_FDCWD, world->t.dir, e));
	struct walk w = {.d = d, .c = c, .dir = dir};
	walk_folder(&w, 0, "");
}

void disk_list(struct buf *out, const struct disk *d)
{
	size_t n = disk_pending(d);
	bool *kept = mem_new(n + 1, sizeof *kept);
	struct walk w = {.d = d, .c = &(struct cut){.kept = kept, .bytes = BYTES_KEPT}, .list = out, .dir = -1};

	memset(kept, true, n);
	walk_folder(&w, 0, "");
	free(kept);
}
