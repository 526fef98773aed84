/* A disk as a record tells of it. */
#include "tests/fault/disk_inside.h"

/* --- contents --- */

static size_t blob_of(struct disk *d, struct str bytes)
{
	struct digest digest = digest_of(bytes);

	for (size_t i = 0; i < d->blobs; i++)
		if (digest_eq(d->blob[i].digest, digest))
			return i;
	d->blob = mem_grow(d->blob, d->blobs + 1, sizeof *d->blob);
	d->blob[d->blobs] = (struct blob){digest, str_dup(bytes), bytes.len};
	return d->blobs++;
}

struct str blob_bytes(const struct disk *d, size_t blob)
{
	return str_bytes(d->blob[blob].bytes, d->blob[blob].len);
}

/* The content with `bytes` put at `at`, zeros in the gap; at least `length` long. */
static size_t blob_with(struct disk *d, size_t old, size_t at, struct str bytes, size_t length)
{
	struct str was = blob_bytes(d, old);
	size_t len = MAX(MAX(was.len, at + bytes.len), length);
	cleanup(free_ptr) char *text = mem_new(len + 1, 1);

	memcpy(text, was.data, was.len);
	memcpy(text + at, bytes.data ? bytes.data : "", bytes.len);
	return blob_of(d, str_bytes(text, len));
}

/* --- names --- */

static int folder_find(const struct folder *f, struct str name)
{
	for (size_t i = 0; i < f->count; i++)
		if (str_is(name, f->entry[i].name))
			return f->entry[i].node;
	return NO_NODE;
}

/* Sorted by name. */
void folder_set(struct folder *f, const char *name, int node)
{
	size_t i = 0;

	while (i < f->count && strcmp(f->entry[i].name, name) < 0)
		i++;
	bool there = i < f->count && strcmp(f->entry[i].name, name) == 0;
	if (there && node != NO_NODE) {
		f->entry[i].node = node;
	} else if (there) {
		free(f->entry[i].name);
		memmove(&f->entry[i], &f->entry[i + 1], (--f->count - i) * sizeof *f->entry);
	} else if (node != NO_NODE) {
		f->entry = mem_grow(f->entry, f->count + 1, sizeof *f->entry);
		memmove(&f->entry[i + 1], &f->entry[i], (f->count++ - i) * sizeof *f->entry);
		f->entry[i] = (struct entry){str_dup(str_of(name)), node};
	}
}

void folder_free(struct folder *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->entry[i].name);
	free(f->entry);
	*f = (struct folder){0};
}

static int find(const struct disk *d, struct str path)
{
	int at = 0;

	while (path.len && at != NO_NODE)
		at = folder_find(&d->node[at].in[NOW], str_cut(path, '/', &path));
	return at;
}

/* The folder that a path is in, and its name there. */
static bool find_place(int *folder, const char **name, const struct disk *d, const char *path)
{
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	*folder = find(d, str_bytes(path, slash ? (size_t)(slash - path) : 0));
	return *folder != NO_NODE;
}

static int node_new(struct disk *d, enum node_kind kind, mode_t mode)
{
	d->node = mem_grow(d->node, d->nodes + 1, sizeof *d->node);
	d->node[d->nodes] = (struct node){.kind = kind, .mode = {mode & MODES, mode & MODES}};
	if (kind == NODE_FILE)
		d->node[d->nodes].blob[DURABLE] = d->node[d->nodes].blob[NOW] = blob_of(d, STR(""));
	return (int)d->nodes++;
}

/* --- loading --- */

static void load_one(struct disk *d, int into, int dir, const char *name)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(buf_free) struct buf bytes = BUF_MAX(64 * MIB);
	cleanup(fd_close) int fd = -1;
	char target[512];
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	int at = node_new(d, S_ISLNK(st.st_mode) ? NODE_LINK : S_ISDIR(st.st_mode) ? NODE_FOLDER : NODE_FILE, st.st_mode);
	folder_set(&d->node[into].in[NOW], name, at);
	folder_set(&d->node[into].in[DURABLE], name, at);
	if (S_ISLNK(st.st_mode)) {
		must(fs_readlink(target, dir, name, e));
		d->node[at].target = str_dup(str_of(target));
	} else if (S_ISREG(st.st_mode)) {
		must(fs_read(&bytes, dir, name, e));
		size_t blob = blob_of(d, buf_str(&bytes));
		d->node[at].blob[DURABLE] = d->node[at].blob[NOW] = blob;
	} else {
		must(fs_open_dir(&fd, dir, name, e) && fs_names(&names, fd, "", e));
	}
	for (size_t i = 0; i < names.count; i++)
		load_one(d, at, fd, names.name[i]);
}

struct disk *disk_load(struct world *w)
{
	struct disk *d = mem_new(1, sizeof *d);
	cleanup(fd_close) int dir = -1;

	must(fs_open_dir(&dir, AT_FDCWD, w->t.dir, e));
	node_new(d, NODE_FOLDER, 0700);
	for (size_t i = 0; i < WORLD_PARTS; i++)
		if (fs_exists(dir, world_parts[i]))
			load_one(d, 0, dir, world_parts[i]);
	return d;
}

void disk_free(struct disk **d)
{
	if (!*d)
		return;
	for (size_t i = 0; i < (*d)->nodes; i++) {
		struct node *n = &(*d)->node[i];
		free(n->target);
		folder_free(&n->in[DURABLE]);
		folder_free(&n->in[NOW]);
	}
	for (size_t i = 0; i < (*d)->blobs; i++)
		free((*d)->blob[i].bytes);
	for (size_t i = 0; i < (*d)->changes; i++)
		for (size_t k = 0; k < (*d)->change[i].sets; k++)
			free((*d)->change[i].set[k].name);
	free((*d)->node);
	free((*d)->blob);
	free((*d)->change);
	free_ptr(d);
}

/* --- an operation --- */

/* What nothing depends on after a restart is written without a sync: the host is right with and without it. */
static bool is_fleeting(const char *name)
{
	static const char *const names[] = {"progress", "pull.last"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return str_ends(str_of(name), ".lock");
}

/* Now; and pending until the folder is synced. */
static void change(struct disk *d, int folder, size_t sets, const char *const *name, const int *node)
{
	struct change c = {.folder = folder, .sets = sets, .fleeting = is_fleeting(name[0])};

	for (size_t i = 0; i < sets; i++) {
		c.set[i] = (struct entry){str_dup(str_of(name[i])), node[i]};
		folder_set(&d->node[folder].in[NOW], name[i], node[i]);
	}
	d->change = mem_grow(d->change, d->changes + 1, sizeof *d->change);
	d->change[d->changes++] = c;
}

void change_commit(struct folder *to, const struct change *c)
{
	for (size_t i = 0; i < c->sets; i++)
		folder_set(to, c->set[i].name, c->set[i].node);
}

static void sync_folder(struct disk *d, int folder)
{
	size_t left = 0;

	for (size_t i = 0; i < d->changes; i++) {
		struct change c = d->change[i];
		if (c.folder != folder) {
			d->change[left++] = c;
			continue;
		}
		change_commit(&d->node[folder].in[DURABLE], &c);
		for (size_t k = 0; k < c.sets; k++)
			free(c.set[k].name);
	}
	d->changes = left;
}

static void sync_node(struct disk *d, int at)
{
	struct node *n = &d->node[at];

	n->blob[DURABLE] = n->blob[NOW];
	n->mode[DURABLE] = n->mode[NOW];
	if (n->kind == NODE_FOLDER)
		sync_folder(d, at);
}

static bool apply_new(struct disk *d, const struct operation *o)
{
	const char *name;
	int folder;

	if (!find_place(&folder, &name, d, o->path))
		return false;
	enum node_kind kind = o->kind == OP_MKDIR ? NODE_FOLDER : o->kind == OP_SYMLINK ? NODE_LINK : NODE_FILE;
	int node = node_new(d, kind, kind == NODE_LINK ? 0777 : (mode_t)o->length & ~(mode_t)022);
	d->node[node].fleeting = is_fleeting(name);
	if (kind == NODE_LINK)
		d->node[node].target = str_dup(str_of(o->rest));
	change(d, folder, 1, &name, &node);
	return true;
}

/* Between two folders: a new name in the one, and none in the other, each by its own sync. */
static bool apply_rename(struct disk *d, const struct operation *o)
{
	int from, to, gone = NO_NODE;
	const char *name[2];

	if (!o->rest || !find_place(&from, &name[0], d, o->path) || !find_place(&to, &name[1], d, o->rest))
		return false;
	int node = folder_find(&d->node[from].in[NOW], str_of(name[0]));
	if (node == NO_NODE)
		return false;
	if (from == to) {
		change(d, from, 2, name, (const int[]){NO_NODE, node});
		return true;
	}
	change(d, to, 1, &name[1], &node);
	change(d, from, 1, &name[0], &gone);
	return true;
}

static bool apply_gone(struct disk *d, const struct operation *o)
{
	int folder, gone = NO_NODE;
	const char *name;

	if (!find_place(&folder, &name, d, o->path) || folder_find(&d->node[folder].in[NOW], str_of(name)) == NO_NODE)
		return false;
	change(d, folder, 1, &name, &gone);
	return true;
}

static bool apply_to_node(struct disk *d, const struct operation *o)
{
	int at = find(d, str_of(o->path));

	if (at == NO_NODE)
		return str_ends(str_of(o->path), " (deleted)"); /* open, but without a name: it is gone with the program */
	struct node *n = &d->node[at];
	size_t now = n->blob[NOW];
	if (o->kind == OP_WRITE)
		now = blob_with(d, now, (size_t)o->at, o->bytes, 0);
	else if (o->kind == OP_RESERVE)
		now = blob_with(d, now, 0, STR(""), (size_t)o->at);
	else if (o->kind == OP_TRUNCATE)
		now = blob_of(d, str_bytes(blob_bytes(d, now).data, MIN(blob_bytes(d, now).len, (size_t)o->at)));
	else if (o->kind == OP_CHMOD)
		n->mode[NOW] = (mode_t)o->at;
	else
		sync_node(d, at);
	if (o->kind != OP_SYNC)
		n->blob[NOW] = now;
	return true;
}

static bool apply(struct disk *d, const struct operation *o)
{
	switch (o->kind) {
	case OP_CREATE:
	case OP_MKDIR:
	case OP_SYMLINK:
		return apply_new(d, o);
	case OP_RENAME:
		return apply_rename(d, o);
	case OP_UNLINK:
	case OP_RMDIR:
		return apply_gone(d, o);
	case OP_SYNCFS:
		for (size_t i = 0; i < d->nodes; i++)
			sync_node(d, (int)i);
		return true;
	default:
		return apply_to_node(d, o);
	}
}

bool disk_apply(struct disk *d, const struct operation *o, struct err *e)
{
	bool elsewhere = !o->path || str_starts(str_of(o->path), "results/"); /* which lies in memory */

	if ((elsewhere && o->kind != OP_SYNCFS) || apply(d, o))
		return true;
	return err_set(e, ERR_MISSING, "operation %ld of the record is on %s, which is not there", o->number, o->path);
}
