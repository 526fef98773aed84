/* What pulling must remember. */
#include "agent/pull/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_NAME "pull.json"
#define LAST_NAME "pull.last"
#define RUN_DIR   "/run/fleet-agent"
#define FAR       (INT64_MAX / 2) /* numbers can still be added to, times to each other */

enum { FORMAT = 1, FILE_MAX = 64 * KIB, MARKS_MAX = 16, URL_MAX = 2048, WHY_MAX = 1000, DOUBLINGS_MAX = 20 };

/* clang-format off */
static const struct shape_field mark_shape[] = {
	{ "url", SHAPE_TEXT, .at = offsetof(struct pull_mark, url), .max = URL_MAX, .required = true },
	{ "etag", SHAPE_TEXT, .at = offsetof(struct pull_mark, etag) },
	{ "modified", SHAPE_TEXT, .at = offsetof(struct pull_mark, modified) },
	{ "timestamp", SHAPE_HEX, .at = offsetof(struct pull_mark, timestamp), .bytes = 32, .required = true },
	{ 0 },
};

#define AT(f) .at = offsetof(struct pull_state, f)
static const struct shape_field state_shape[] = {
	{ "format", SHAPE_INT, AT(format), .required = true, .min = FORMAT, .max = FORMAT },
	{ "failures", SHAPE_INT, AT(failures), .max = FAR, .omit_zero = true },
	{ "boot", SHAPE_TEXT, AT(boot) },
	{ "next_ms", SHAPE_INT, AT(next_ms), .max = FAR, .omit_zero = true },
	{ "left_ms", SHAPE_INT, AT(left_ms), .max = FAR, .omit_zero = true },
	{ "marks", SHAPE_LIST, AT(marks), .of = mark_shape, .size = sizeof(struct pull_mark), .max = MARKS_MAX },
	{ "counter", SHAPE_INT, AT(counter), .max = FAR, .omit_zero = true },
	{ "counter_root", SHAPE_INT, AT(counter_root), .max = FAR, .omit_zero = true },
	{ "waiting", SHAPE_HEX, AT(waiting), .bytes = 32, .has = offsetof(struct pull_state, has_waiting) },
	{ "waited_ms", SHAPE_INT, AT(waited_ms), .max = FAR, .omit_zero = true },
	{ "sent", SHAPE_INT, AT(sent), .max = FAR, .omit_zero = true },
	{ "sum", SHAPE_HEX, AT(sum), .bytes = 32, .omit_zero = true },
	{ 0 },
};
#undef AT

#define AT(f) .at = offsetof(struct pull_last, f)
static const struct shape_field last_shape[] = {
	{ "boot", SHAPE_TEXT, AT(boot), .required = true },
	{ "at_ms", SHAPE_INT, AT(at_ms), .min = -1, .max = FAR, .number = -1 },
	{ "root_ms", SHAPE_INT, AT(root_ms), .min = -1, .max = FAR, .number = -1 },
	{ "unix_s", SHAPE_INT, AT(unix_s), .max = FAR },
	{ "window", SHAPE_BOOL, AT(window) },
	{ "say", SHAPE_TEXT, AT(say), .clean = true },
	{ "why", SHAPE_TEXT, AT(why), .max = WHY_MAX, .clean = true },
	{ "code", SHAPE_TEXT, AT(code), .clean = true },
	{ 0 },
};
#undef AT
/* clang-format on */

static bool read_file(void *out, const struct shape_field *shape, int dir, const char *path, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);
	cleanup(doc_free) doc *d = NULL;

	return fs_read(&text, dir, path, e) && doc_read(&d, buf_str(&text), e) &&
	       shape_read(out, shape, d, &(struct shape_from){.open = true}, e);
}

static void write_state(struct buf *out, struct pull_state *p)
{
	cleanup(doc_free) doc *d = shape_write(p, state_shape);

	buf_clear(out);
	doc_pretty(out, d);
}

static void seal_state(struct buf *out, struct pull_state *p)
{
	p->sum = (struct digest){0};
	write_state(out, p);
	p->sum = digest_of(buf_str(out));
	write_state(out, p);
}

static bool read_state(struct pull_state *out, const struct store *s, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);

	*out = (struct pull_state){0};
	if (!read_file(out, state_shape, s->dir, FILE_NAME, e)) {
		*out = (struct pull_state){0};
		return false;
	}
	struct digest said = out->sum;
	seal_state(&text, out);
	return digest_eq(out->sum, said) || err_set(e, ERR_DIGEST, FILE_NAME ": the checksum is wrong");
}

bool pull_state_load(struct pull_state *out, const struct store *s, struct err *e)
{
	struct err why;

	if (read_state(out, s, &why))
		return true;
	pull_state_free(out);
	return why.code != ERR_IO || err_set(e, why.code, "%s", why.text);
}

bool pull_state_damaged(const struct store *s)
{
	cleanup(pull_state_free) struct pull_state p = {0};
	struct err e;

	return fs_exists(s->dir, FILE_NAME) && !read_state(&p, s, &e);
}

bool pull_state_save(struct pull_state *p, const struct store *s, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);
	cleanup(buf_free) struct buf there = BUF_MAX(FILE_MAX);
	struct err none;

	p->format = FORMAT;
	seal_state(&text, p);
	if (!buf_ok(&text, e))
		return err_in(e, FILE_NAME);
	if (fs_read(&there, s->dir, FILE_NAME, &none) && str_eq(buf_str(&there), buf_str(&text)))
		return true;
	return store_write(s, FILE_NAME, buf_str(&text), 0644, e);
}

void pull_state_free(struct pull_state *p)
{
	shape_free(p, state_shape);
}

/* --- the last poll --- */

/* Where the state folder is the packaged one there is a folder in memory beside it. */
char *pull_volatile(const struct store *s, const char *name)
{
	bool packaged = strcmp(s->path, CONFIG_STATE) == 0 && fs_exists(AT_FDCWD, RUN_DIR);

	return path_form("%s/%s", packaged ? RUN_DIR : s->path, name);
}

void pull_last_load(struct pull_last *out, const struct store *s)
{
	cleanup(free_ptr) char *path = pull_volatile(s, LAST_NAME);
	char boot[40];
	struct err e;

	*out = (struct pull_last){0};
	clock_boot_id(boot);
	if (!read_file(out, last_shape, AT_FDCWD, path, &e) || !str_is(str_of(out->boot), boot)) {
		pull_last_free(out);
		*out = (struct pull_last){.at_ms = -1, .root_ms = -1};
	}
}

void pull_last_save(struct pull_last *p, const struct store *s)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);
	cleanup(free_ptr) char *path = pull_volatile(s, LAST_NAME);
	cleanup(fd_close) int fd = -1;
	char boot[40];
	struct err e;

	clock_boot_id(boot);
	free(p->boot);
	p->boot = str_dup(str_of(boot));
	cleanup(doc_free) doc *d = shape_write(p, last_shape);
	doc_line(&text, d);
	if (!text.failed && fs_create(&fd, AT_FDCWD, path, 0644, &e))
		(void)!fs_put(fd, buf_str(&text), &e);
}

void pull_last_free(struct pull_last *p)
{
	shape_free(p, last_shape);
}

/* --- marks --- */

const struct pull_mark *pull_mark_find(const struct pull_state *p, const char *url, struct digest timestamp)
{
	const struct pull_mark *m = p->marks.items;

	for (size_t i = 0; i < p->marks.count; i++)
		if (strcmp(m[i].url, url) == 0 && digest_eq(m[i].timestamp, timestamp))
			return &m[i];
	return NULL;
}

static void mark_free(struct pull_mark *m)
{
	free(m->url);
	free(m->etag);
	free(m->modified);
}

static char *copy_mark(const char *text)
{
	return text[0] ? str_dup(str_of(text)) : NULL;
}

void pull_mark_set(struct pull_state *p, const char *url, const struct source_mark *mark, struct digest timestamp)
{
	struct pull_mark *m = p->marks.items;
	size_t kept = 0;

	for (size_t i = 0; i < p->marks.count; i++) {
		if (strcmp(m[i].url, url) == 0)
			mark_free(&m[i]);
		else
			m[kept++] = m[i];
	}
	if (kept == MARKS_MAX) {
		mark_free(&m[0]);
		memmove(m, m + 1, --kept * sizeof *m);
	}
	p->marks.items = m = mem_grow(m, kept + 1, sizeof *m);
	m[kept++] =
		(struct pull_mark){str_dup(str_of(url)), copy_mark(mark->etag), copy_mark(mark->modified), timestamp};
	p->marks.count = kept;
}

/* --- when --- */

/* 0 .. most, always the same for one host and one `what`. */
static int64_t lot(const char *id, int64_t what, int64_t most)
{
	cleanup(free_ptr) char *text = path_form("%s %lld", id, (long long)what);
	struct digest d = digest_of(str_of(text));
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof n; i++)
		n = n << 8 | d.bytes[i];
	return most > 0 ? (int64_t)(n % ((uint64_t)most + 1)) : 0;
}

int64_t pull_due_ms(const struct pull_state *p, const struct pull_last *last, const char *id, int64_t every_ms,
	const char *boot, int64_t boot_ms)
{
	if (p->failures) {
		bool same = p->boot && str_is(str_of(p->boot), boot);
		return MAX((same ? p->next_ms : MIN(MIN(p->left_ms, every_ms), (int64_t)PULL_REBOOT_MS)) - boot_ms, 0);
	}
	if (last->at_ms < 0 || last->at_ms > boot_ms)
		return 0;
	return MAX(last->at_ms + every_ms - lot(id, 0, every_ms / 10) - boot_ms, 0);
}

void pull_failed(struct pull_state *p, const char *id, int64_t every_ms, const char *boot, int64_t boot_ms)
{
	int64_t wait = PULL_BACKOFF_MS;

	p->failures++;
	for (int64_t i = 1; i < MIN(p->failures, (int64_t)DOUBLINGS_MAX) && wait < every_ms; i++)
		wait *= 2;
	wait = MIN(wait, every_ms);
	wait -= lot(id, p->failures, wait / 2);
	free(p->boot);
	p->boot = str_dup(str_of(boot));
	p->left_ms = wait;
	p->next_ms = boot_ms + wait;
}

void pull_went_well(struct pull_state *p)
{
	p->failures = p->next_ms = p->left_ms = 0;
	free_ptr(&p->boot);
}
