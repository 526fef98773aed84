/* What role `fleet` says now. */
#include "agent/take/access.h"

/* The bytes signed under `path`: those in force when it is still them. Nothing is added when nobody signs for it. */
static bool signed_bytes(struct buf *out, bool *found, struct trust *t, const struct take_documents *with,
	const char *path, const struct buf *held, struct err *e)
{
	struct trust_target target;
	struct err no;

	if (!obey_seek(&target, found, t, path, with->obey, e))
		return false;
	if (!*found)
		return true;
	if (held->len && trust_target_check(&target, buf_str(held), &no)) {
		buf_add(out, buf_str(held));
		return buf_ok(out, e);
	}
	if (target.length > out->max)
		return err_set(e, ERR_LIMIT, "%s: more than %zu bytes", path, out->max);
	if (!with->bring(out, with->ctx, path, &target, e))
		return false;
	if (!out->len)
		return err_set(e, ERR_MISSING, "%s is signed, but was not brought", path);
	return trust_target_check(&target, buf_str(out), e) || err_in(e, "%s", path);
}

static struct str text_of(const struct buf *b)
{
	return b->len ? buf_str(b) : (struct str){0};
}

bool take_access(struct access_set *out, bool *same, struct trust *t, const struct take_documents *with, struct err *e)
{
	cleanup(access_set_free) struct access_set now = {0};
	cleanup(access_set_free) struct access_set next = {0};
	cleanup(buf_free) struct buf access = BUF_MAX(ACCESS_FILE_MAX);
	cleanup(buf_free) struct buf sources = BUF_MAX(ORIGINS_FILE_MAX);
	bool has_access = false, has_sources = false;

	if (!access_open(&now, with->obey->store, e) ||
		!signed_bytes(&access, &has_access, t, with, ACCESS_PATH, &now.access_bytes, e) ||
		!signed_bytes(&sources, &has_sources, t, with, SOURCES_PATH, &now.sources_bytes, e))
		return false;
	if (!has_access && !has_sources)
		return err_set(e, ERR_SIGNATURE, "role fleet signs neither %s nor %s", ACCESS_PATH, SOURCES_PATH);
	if (!access_next(&next, &now, text_of(&access), text_of(&sources), e))
		return false;
	*same = digest_eq(next.id, now.id) && !now.damaged;
	*out = next;
	next = (struct access_set){0};
	return true;
}
