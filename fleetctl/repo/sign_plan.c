/* A plan's releases: which number the next gets, and which stay permitted beside it. */
#include "base/fs.h"
#include "fleetctl/repo/sign_state.h"

bool plan_number(struct sign_role *r, struct err *e)
{
	cleanup(manifest_free) struct manifest before = {0};
	cleanup(manifest_free) struct manifest again = {0};
	struct manifest m = *r->release.manifest; /* borrowed: not freed */
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);

	if (r->manifest_before.len && !manifest_read(&before, buf_str(&r->manifest_before), NULL, e))
		return false;
	m.format = 1;
	m.number = before.number;
	manifest_write(&text, &m);
	if (r->manifest_before.len && str_eq(buf_str(&text), buf_str(&r->manifest_before)))
		return true;
	buf_clear(&text);
	m.number = before.number + 1;
	manifest_write(&text, &m);
	if (!buf_ok(&text, e) || !manifest_read(&again, buf_str(&text), NULL, e))
		return err_in(e, "manifest");
	buf_add(&r->manifest, buf_str(&text));
	r->path = path_form("%s/releases/%lld.json", r->name, (long long)m.number);
	return true;
}

/* N of "PLAN/releases/N.json", else 0. */
static uint64_t release_number(const char *path, const char *plan)
{
	cleanup(free_ptr) char *front = path_form("%s/releases/", plan);
	struct str p = str_of(path);
	uint64_t n;

	if (!str_starts(p, front) || !str_ends(p, ".json"))
		return 0;
	size_t start = strlen(front);
	return str_number(&n, str_bytes(path + start, p.len - start - strlen(".json")), INT64_MAX) ? n : 0;
}

/* How many of the releases have a number above that? */
static size_t releases_above(doc *targets, const char *plan, uint64_t number)
{
	size_t count = 0;

	for (void *i = doc_first(targets); i; i = doc_next(targets, i))
		count += release_number(doc_key(i), plan) > number;
	return count;
}

doc *plan_body(const struct sign_role *r, int64_t kept)
{
	doc *body = role_body(ROLE_TARGETS, 1, 0), *old = doc_get(r->before, "targets"),
	    *new = doc_get(body, "targets");
	cleanup(free_ptr) char *current = path_form("%s/manifest.json", r->name);

	doc_set_text(body, ROLE_OWNER_FIELD, r->name);
	for (void *i = doc_first(old); i; i = doc_next(old, i)) {
		uint64_t n = release_number(doc_key(i), r->name);
		if (!r->manifest.len || n == 0 || releases_above(old, r->name, n) < (size_t)kept - 1)
			doc_set(new, doc_key(i), doc_ref(doc_value(i)));
	}
	if (r->manifest.len) {
		role_set_target(body, current, buf_str(&r->manifest));
		role_set_target(body, r->path, buf_str(&r->manifest));
	}
	return body;
}
