/* Who drives this host. */
#include "agent/store/lease.h"

#include "base/clock.h"

enum { FILE_MAX = 4 * KIB, NAME_MAX_LEN = 256 };

struct paper_lease {
	char *rollout, *who, *boot;
	int64_t until_ms;
};
static const struct shape_field lease_shape[] = {
	{"rollout", SHAPE_TEXT, offsetof(struct paper_lease, rollout), .max = NAME_MAX_LEN, .required = true},
	{"who", SHAPE_TEXT, offsetof(struct paper_lease, who), .max = NAME_MAX_LEN},
	{"boot", SHAPE_TEXT, offsetof(struct paper_lease, boot), .required = true},
	{"until_ms", SHAPE_INT, offsetof(struct paper_lease, until_ms), .required = true, .max = INT64_MAX},
	{0},
};

static void paper_free(struct paper_lease *p)
{
	shape_free(p, lease_shape);
}

/* A lease that can't be read is none: it only ever lasted minutes. */
bool lease_read(struct lease *out, const struct store *s)
{
	cleanup(paper_free) struct paper_lease p = {0};
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);
	cleanup(doc_free) doc *d = NULL;
	struct shape_from from = {.file = "lease"};
	char boot[40];
	struct err e;

	if (!fs_read(&text, s->dir, "lease", &e) || !doc_read(&d, buf_str(&text), &e) ||
		!shape_read(&p, lease_shape, d, &from, &e))
		return false;
	clock_boot_id(boot);
	int64_t left = p.until_ms - clock_boot_ms();
	if (!str_is(str_of(p.boot), boot) || left <= 0)
		return false;
	*out = (struct lease){p.rollout, p.who, MIN(left, LEASE_MS_MAX)};
	p.rollout = p.who = NULL;
	return true;
}

void lease_free(struct lease *l)
{
	free_ptr(&l->rollout);
	free_ptr(&l->who);
	l->left_ms = 0;
}

static bool lease_write(const struct store *s, const char *rollout, const char *who, int64_t ms, struct err *e)
{
	char boot[40];
	cleanup(doc_free) doc *d = doc_object();
	cleanup(buf_free) struct buf text = BUF_MAX(FILE_MAX);

	clock_boot_id(boot);
	doc_set_text(d, "rollout", rollout);
	if (who)
		doc_set_text(d, "who", who);
	doc_set_text(d, "boot", boot);
	doc_set_int(d, "until_ms", clock_boot_ms() + MIN(ms, LEASE_MS_MAX));
	doc_line(&text, d);
	return buf_ok(&text, e) && store_write(s, "lease", buf_str(&text), 0644, e);
}

static bool may_drive(const struct lease *held, const char *rollout, bool take, struct err *e)
{
	char left[32];

	if (take || (rollout && str_is(str_of(held->rollout), rollout)))
		return true;
	shape_ms_text(left, held->left_ms);
	return err_set(e, ERR_REFUSED, "rollout %s of %s holds this host for another %s; --take takes it over",
		held->rollout, held->who ? held->who : "somebody", left);
}

bool lease_take(const struct store *s, const char *rollout, const char *who, int64_t ms, bool take, struct err *e)
{
	cleanup(lease_free) struct lease held = {0};
	cleanup(fd_close) int lock = -1;
	bool taken;

	if (!fs_lock(&lock, &taken, s->dir, "lease.lock", true, e))
		return false;
	if (lease_read(&held, s) && !may_drive(&held, rollout, take, e))
		return false;
	return ms <= 0 || !rollout || lease_write(s, rollout, who, ms, e);
}

bool lease_drop(const struct store *s, const char *rollout, struct err *e)
{
	cleanup(lease_free) struct lease held = {0};
	cleanup(fd_close) int lock = -1;
	bool taken;

	if (!fs_lock(&lock, &taken, s->dir, "lease.lock", true, e))
		return false;
	if (!lease_read(&held, s) || !rollout || !str_is(str_of(held.rollout), rollout))
		return true;
	return fs_remove(s->dir, "lease", e);
}
