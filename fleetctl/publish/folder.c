/* A static folder: each file aside, synced, renamed; timestamp.json last. Files never change under their names but that one,
 * and what is named no more stays for a while: a reader may be at it. Beside documents that get smaller by it lies NAME.gz, for
 * web servers that answer with what is ready; never of timestamp.json, or one of the two could be older than the other. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "fleetctl/publish/lead.h"
#include "fleetctl/publish/publish.h"
#include "sources/gzip.h"
#include "sources/old.h"

enum { SQUEEZED_MIN = 64 /* less is not worth a header */, DOCUMENT_MAX = 16 * MIB };
enum { TIMESTAMP_MAX = 64 * KIB, CHUNK = 64 * KIB, OLD_MAX = 16 * MIB };
static const char old_file[] = ".fleetctl-old", timestamp[] = "metadata/timestamp.json";
static const char *const rooms[] = {"metadata", "targets", "bundles", "patches"};

/* --- what is there --- */

static bool read_small(struct buf *out, int dir, const char *path, struct err *e)
{
	struct err why = {0};

	if (fs_read(out, dir, path, &why) || why.code == ERR_MISSING)
		return true;
	return err_set(e, why.code, "%s", why.text);
}

/* Does the file there have these bytes? */
static bool same_file(int dir, const struct repository *r, const struct content *c)
{
	cleanup(fd_close) int ours = -1, theirs = -1;
	struct digest a, b;
	uint64_t n, size;
	struct err none;

	if (!fs_exists(dir, c->path) || !fs_size(&size, dir, c->path, &none) || size != c->size)
		return false;
	return fs_open_read(&ours, r->at, c->path, &none) && fs_open_read(&theirs, dir, c->path, &none) &&
	       digest_fd(&a, &n, ours, &none) && digest_fd(&b, &n, theirs, &none) && digest_eq(a, b);
}

/* --- writing --- */

static bool copy(int to, int from, struct err *e)
{
	char bytes[CHUNK];

	for (;;) {
		ssize_t n = read(from, bytes, sizeof bytes);
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			return true;
		if (!fs_put(to, str_bytes(bytes, (size_t)n), e))
			return false;
	}
}

static bool put_file(int dir, const struct repository *r, const struct content *c, struct err *e)
{
	cleanup(free_ptr) char *folder = str_dup(str_of(c->path));
	char *slash = strrchr(folder, '/');
	cleanup(fd_close) int from = -1, to = -1;

	*slash = 0;
	cleanup(free_ptr) char *side = path_form("%s/.%s.new", folder, slash + 1);
	return (fs_mkdir(dir, folder, 0755, e) && fs_open_read(&from, r->at, c->path, e) &&
		       fs_create(&to, dir, side, 0644, e) && copy(to, from, e) && fs_rename(dir, side, c->path, e)) ||
	       err_in(e, "%s", c->path);
}

static bool squeezable(const struct content *c)
{
	return c && (c->kind == CONTENT_METADATA || c->kind == CONTENT_TARGET);
}

/* `same`: what it is made from is there already, and so it was made from that. */
static bool put_squeezed(int dir, const struct repository *r, const struct content *c, bool same, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s.gz", c->path);
	cleanup(buf_free) struct buf text = BUF_MAX(DOCUMENT_MAX), small = {0};

	if (!squeezable(c) || (same && fs_exists(dir, path)))
		return true;
	if (!fs_read(&text, r->at, c->path, e) || !gzip_write(&small, buf_str(&text), e))
		return false;
	if (small.len + SQUEEZED_MIN <= text.len)
		return fs_write(dir, path, buf_str(&small), 0644, e);
	return !fs_exists(dir, path) || fs_remove(dir, path, e);
}

static bool put_all(struct publish_report *out, int dir, const struct publish *p, struct err *e)
{
	for (size_t i = 0; i < p->contents->count; i++) {
		const struct content *c = &p->contents->at[i];
		bool same = same_file(dir, p->repository, c);
		if (!p->dry && ((!same && !put_file(dir, p->repository, c, e)) || !put_squeezed(dir, p->repository, c, same, e)))
			return false;
		if (same)
			continue;
		out->changed |= c->kind == CONTENT_TIMESTAMP;
		out->added++;
		out->bytes += c->size;
	}
	return true;
}

/* --- what is named no more --- */

struct sweep {
	const struct publish *p;
	int dir;
	struct old_list old;
	size_t removed;
};

/* The file itself, or its squeezed form. */
static bool is_named(const struct contents *c, const char *path)
{
	cleanup(free_ptr) char *plain = str_dup(str_of(path));
	size_t len = strlen(plain), end = strlen(".gz");

	if (contents_find(c, path))
		return true;
	if (len <= end || strcmp(plain + len - end, ".gz") != 0)
		return false;
	plain[len - end] = 0;
	return squeezable(contents_find(c, plain));
}

static bool sweep_file(struct sweep *s, const char *path, struct err *e)
{
	if (is_named(s->p->contents, path) || old_stays(&s->old, path))
		return true;
	s->removed++;
	return s->p->dry || fs_remove(s->dir, path, e);
}

static bool sweep_folder(struct sweep *s, const char *folder, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	struct err why = {0};

	if (!fs_names(&names, s->dir, folder, &why))
		return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
	for (size_t i = 0; i < names.count; i++) {
		cleanup(free_ptr) char *path = path_form("%s/%s", folder, names.name[i]);
		struct stat st;
		if (fstatat(s->dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return err_sys(e, "%s", path);
		if (S_ISDIR(st.st_mode) ? !sweep_folder(s, path, e) : S_ISREG(st.st_mode) && !sweep_file(s, path, e))
			return false;
	}
	return true;
}

static bool sweep(struct publish_report *out, int dir, const struct publish *p, struct err *e)
{
	cleanup(buf_free) struct buf before = BUF_MAX(OLD_MAX);
	const struct old_list old = {.after = BUF_MAX(OLD_MAX), .now = p->now, .grace_s = p->prune ? 0 : p->place->grace_ms / 1000};
	struct sweep s = {.p = p, .dir = dir, .old = old};

	bool ok = read_small(&before, dir, old_file, e);
	s.old.before = buf_str(&before);
	for (size_t i = 0; ok && i < COUNT_OF(rooms); i++)
		ok = sweep_folder(&s, rooms[i], e);
	ok = ok && buf_ok(&s.old.after, e);
	if (ok && !p->dry && !str_eq(s.old.before, buf_str(&s.old.after)))
		ok = fs_write(dir, old_file, buf_str(&s.old.after), 0644, e);
	out->removed = s.removed;
	buf_free(&s.old.after);
	return ok;
}

/* --- publishing --- */

/* Another fleet's folder is not ours to overwrite: hosts start from its first root. */
static bool check_fleet(int dir, const struct publish *p, struct err *e)
{
	static const char first[] = "metadata/1.root.json";
	cleanup(buf_free) struct buf ours = {0}, theirs = {0};

	if (!fs_read(&ours, p->repository->at, first, e) || !read_small(&theirs, dir, first, e))
		return false;
	return !theirs.len || str_eq(buf_str(&ours), buf_str(&theirs)) ||
	       err_set(e, ERR_FOREIGN, "%s holds the repository of another fleet: its first root is not ours", p->place->path);
}

static bool open_place(int *out, const struct publish *p, struct err *e)
{
	if (!p->dry && !fs_mkdir(AT_FDCWD, p->place->path, 0755, e))
		return false;
	return fs_open_dir(out, AT_FDCWD, p->place->path, e);
}

/* Nothing is there, and a dry run makes nothing. */
static bool would_be_new(struct publish_report *out, const struct publish *p)
{
	if (!p->dry || fs_exists(AT_FDCWD, p->place->path))
		return false;
	*out = (struct publish_report){.changed = true, .added = p->contents->count};
	for (size_t i = 0; i < p->contents->count; i++)
		out->bytes += p->contents->at[i].size;
	return true;
}

bool publish_folder(struct publish_report *out, const struct publish *p, struct err *e)
{
	cleanup(fd_close) int dir = -1, lock = -1;
	cleanup(buf_free) struct buf ours = BUF_MAX(TIMESTAMP_MAX), theirs = BUF_MAX(TIMESTAMP_MAX);
	struct publish_report report = {0};
	bool alone = true;

	if (would_be_new(out, p))
		return true;
	if (!open_place(&dir, p, e) || (!p->dry && !fs_lock(&lock, &alone, dir, ".fleetctl-lock", false, e)))
		return false;
	if (!alone)
		return err_set(e, ERR_BUSY, "somebody publishes to %s in this moment: again when that has ended", p->place->path);
	if (!check_fleet(dir, p, e) || !fs_read(&ours, p->repository->at, timestamp, e) ||
		!read_small(&theirs, dir, timestamp, e) ||
		!lead_check(buf_str(&ours), buf_str(&theirs), p->place->path, NULL, e))
		return false;
	if (!put_all(&report, dir, p, e) || !sweep(&report, dir, p, e))
		return false;
	*out = report;
	return true;
}
