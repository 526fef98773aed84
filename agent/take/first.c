/* What a host holds from its first day. */
#include "agent/take/first.h"

#include <fcntl.h>
#include <stdlib.h>

static void add(struct first_day *d, const struct trust_keep *keep, struct buf *bytes)
{
	d->document = mem_grow(d->document, d->count + 1, sizeof *d->document);
	d->document[d->count++] = (struct first_document){*keep, *bytes};
	*bytes = (struct buf){0};
}

static bool give(struct first_day *d, struct trust *t, const struct trust_want *want, int dir, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(MAX(want->max, 1));
	struct trust_keep keep = {0};
	char file[512];

	trust_want_file(file, t, want);
	if (!fs_exists(dir, file)) {
		trust_absent(t);
		return true;
	}
	if (!fs_read(&bytes, dir, file, e) || !trust_give(t, buf_str(&bytes), &keep, e))
		return false;
	add(d, &keep, &bytes);
	return true;
}

static bool walk(struct first_day *d, struct trust *t, int dir, struct err *e)
{
	struct trust_want want;
	enum trust_say say;

	while ((say = trust_next(t, &want, e)) == TRUST_WANTS)
		if (!give(d, t, &want, dir, e))
			return false;
	return say == TRUST_DONE;
}

/* Looking for a document of the plan is what brings its role. A plan that has none yet is no error: the snapshot says
 * so. */
static bool seek_plan(struct first_day *d, struct trust *t, const char *plan, int dir, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("%s/manifest.json", plan);

	trust_seek(t, path);
	return walk(d, t, dir, e);
}

bool first_day_read(
	struct first_day *out, struct str anchor, const char *dir, const char *plan, struct moment now, struct err *e)
{
	cleanup(first_day_free) struct first_day d = {0};
	cleanup(trust_free) struct trust *t = NULL;
	cleanup(fd_close) int from = -1;

	if (!fs_open_dir(&from, AT_FDCWD, dir, e) ||
		!trust_new(&t, anchor, (struct trust_time){now.unix_s, now.synced}, e) || !walk(&d, t, from, e) ||
		!seek_plan(&d, t, plan, from, e))
		return err_in(e, "metadata in %s", dir);
	d.signed_at = trust_signed_at(t);
	*out = d;
	d = (struct first_day){0};
	return true;
}

bool first_day_keep(const struct first_day *d, const struct store *s, struct err *e)
{
	for (size_t i = 0; i < d->count; i++)
		if (!trustdir_keep(s, &d->document[i].keep, buf_str(&d->document[i].bytes), e))
			return false;
	return trustdir_raise_floor(s, d->signed_at, e);
}

void first_day_free(struct first_day *d)
{
	for (size_t i = 0; i < d->count; i++)
		buf_free(&d->document[i].bytes);
	free(d->document);
	*d = (struct first_day){0};
}
