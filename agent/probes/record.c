/* How a probe ran last. */
#include "agent/probes/record.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BOOT_MAX = 40 };

/* clang-format off */
#define AT(f) offsetof(struct record, f)
static const struct shape_field record_shape[] = {
	{ "boot", SHAPE_TEXT, AT(boot), .required = true, .max = BOOT_MAX },
	{ "ended_ms", SHAPE_INT, AT(ended_ms), .required = true, .max = INT64_MAX, .keep_empty = true },
	{ "release", SHAPE_HEX, AT(release), .required = true, .bytes = sizeof(struct digest), .keep_empty = true },
	{ "started_ms", SHAPE_INT, AT(started_ms), .required = true, .max = INT64_MAX, .keep_empty = true },
	{ "status", SHAPE_INT, AT(status), .required = true, .max = 255, .keep_empty = true },
	{ "timed_out", SHAPE_BOOL, AT(timed_out), .required = true, .keep_empty = true },
	{ "wrote", SHAPE_BOOL, AT(wrote), .required = true, .keep_empty = true },
	{ 0 },
};
/* clang-format on */

static const char ending[] = ".run";

static bool put(int results, const char *temp, const char *path, struct str bytes, struct err *e)
{
	cleanup(fd_close) int fd = -1;

	if (!fs_create(&fd, results, temp, 0644, e) || !fs_put(fd, bytes, e))
		return false;
	return renameat(results, temp, results, path) == 0 || err_sys(e, "rename %s", temp);
}

/* Not fs_write: that one makes it last, and this shall end with the boot. */
bool record_write(int results, const char *probe, const struct record *r, struct err *e)
{
	cleanup(doc_free) doc *d = shape_write(r, record_shape);
	cleanup(buf_free) struct buf text = BUF_MAX(RECORD_MAX);
	cleanup(free_ptr) char *path = path_form("%s%s", probe, ending);
	cleanup(free_ptr) char *temp = path_form(".%s.new", path);

	doc_canonical(&text, d);
	if (!buf_ok(&text, e))
		return false;
	if (put(results, temp, path, buf_str(&text), e))
		return true;
	unlinkat(results, temp, 0);
	return false;
}

bool record_read(struct record *out, int results, const char *probe, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s%s", probe, ending);
	cleanup(buf_free) struct buf text = BUF_MAX(RECORD_MAX);
	cleanup(doc_free) doc *d = NULL;
	const struct shape_from from = {.file = path, .open = true};

	if (!fs_read(&text, results, path, e))
		return false;
	return (doc_read(&d, buf_str(&text), e) || err_in(e, "%s", path)) && shape_read(out, record_shape, d, &from, e);
}

void record_free(struct record *r)
{
	shape_free(r, record_shape);
}

const char *record_lacks(const struct record *r, struct digest release, const char *boot, int64_t since_ms)
{
	if (!digest_eq(r->release, release) || !str_is(str_of(r->boot), boot) || r->started_ms < since_ms)
		return "has not run since the swap";
	if (r->timed_out)
		return "hangs and was killed";
	return r->wrote ? NULL : "wrote no result";
}

/* --- files --- */

bool record_names(struct fs_names *out, int results, struct err *e)
{
	struct fs_names n = {0};
	size_t kept = 0;

	if (!fs_names(&n, results, "", e))
		return false;
	for (size_t i = 0; i < n.count; i++) {
		char *name = n.name[i];
		if (name[0] == '.' || !str_ends(str_of(name), ending)) {
			free(name);
			continue;
		}
		name[strlen(name) - strlen(ending)] = 0;
		n.name[kept++] = name;
	}
	n.count = kept;
	*out = n;
	return true;
}

void record_forget(int results, const char *probe)
{
	static const char *const of[] = {".prom", ending};

	for (size_t i = 0; i < COUNT_OF(of); i++) {
		cleanup(free_ptr) char *path = path_form("%s%s", probe, of[i]);
		unlinkat(results, path, 0);
	}
}

/* Probe `a.prom` has temporary files too, one dot further. */
void record_tidy(int results, const char *probe)
{
	cleanup(fs_names_free) struct fs_names n = {0};
	cleanup(free_ptr) char *front = path_form(".%s.prom.", probe);
	struct err e;

	if (!fs_names(&n, results, "", &e))
		return;
	for (size_t i = 0; i < n.count; i++)
		if (str_starts(str_of(n.name[i]), front) && !strchr(n.name[i] + strlen(front), '.'))
			unlinkat(results, n.name[i], 0);
}

struct record_mark record_mark(int results, const char *probe)
{
	cleanup(free_ptr) char *path = path_form("%s.prom", probe);
	struct stat st;

	if (fstatat(results, path, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return (struct record_mark){0};
	return (struct record_mark){true, st.st_dev, st.st_ino, st.st_mtim};
}

bool record_replaced(const struct record_mark *before, const struct record_mark *after)
{
	if (!after->there || !before->there)
		return after->there;
	return before->device != after->device || before->inode != after->inode ||
	       before->changed.tv_sec != after->changed.tv_sec || before->changed.tv_nsec != after->changed.tv_nsec;
}
