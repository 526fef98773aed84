/* The order in which what was signed goes onto the disk. */
#include "base/fs.h"
#include "fleetctl/repo/sign_state.h"

static bool write_release(const struct repository *at, const struct sign_role *r, struct err *e)
{
	cleanup(free_ptr) char *current = path_form("%s/manifest.json", r->name);
	const struct manifest *m = r->release.manifest;

	if (m && !repository_put_bundle(at, m->bundle.sha256, (uint64_t)m->bundle.length, r->release.tar, e))
		return err_in(e, "%s", r->name);
	return !r->manifest.len || (repository_put_target(at, r->path, buf_str(&r->manifest), e) &&
					   repository_put_target(at, current, buf_str(&r->manifest), e));
}

static bool write_role(const struct repository *at, const struct sign_role *r, struct err *e)
{
	return !r->whole || repository_put_meta(at, r->name, r->version, r->whole, e);
}

/* Nothing that is named can be missing: each is on the disk before what names it, and a reader sees the old or the new.
 */
static bool write_all(const struct sign *s, const struct repository *at, struct err *e)
{
	static const size_t order[] = {SIGN_TARGETS, SIGN_SNAPSHOT, SIGN_ROOT, SIGN_TIMESTAMP};

	for (size_t i = SIGN_DELEGATED; i < s->roles; i++)
		if (!write_release(at, &s->role[i], e))
			return false;
	if (!documents_write(s, at, e))
		return false;
	for (size_t i = SIGN_DELEGATED; i < s->roles; i++)
		if (!write_role(at, &s->role[i], e))
			return false;
	for (size_t i = 0; i < COUNT_OF(order); i++)
		if (!write_role(at, &s->role[order[i]], e))
			return false;
	return true;
}

bool sign_put(struct sign *s, struct err *e)
{
	cleanup(repository_free) struct repository at = {0};

	return repository_make(&at, s->fleet_dir, e) && write_all(s, &at, e);
}

bool sign_write(struct sign *s, struct signers *signers, struct err *e)
{
	return sign_seal(s, signers, e) && sign_put(s, e);
}
