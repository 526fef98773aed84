/* The host's client of trust. */
#include "agent/take/obey.h"

static bool answer(struct trust *t, const struct trust_want *want, const struct obey *o, struct err *e)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(MAX(want->max, 1));
	struct trust_keep keep = {0};
	bool absent = false;

	if (!o->bring(&bytes, &absent, o->ctx, want, e))
		return false;
	if (absent) {
		trust_absent(t);
		return true;
	}
	return trust_give(t, buf_str(&bytes), &keep, e) && trustdir_keep(o->store, &keep, buf_str(&bytes), e);
}

static bool walk(struct trust *t, const struct obey *o, struct err *e)
{
	struct trust_want want;
	enum trust_say say;

	while ((say = trust_next(t, &want, e)) == TRUST_WANTS)
		if (!answer(t, &want, o, e))
			return false;
	return say == TRUST_DONE;
}

bool obey_refresh(struct trust *t, const struct obey *o, struct err *e)
{
	return walk(t, o, e) && trustdir_raise_floor(o->store, trust_signed_at(t), e);
}

bool obey_seek(
	struct trust_target *out, bool *found, struct trust *t, const char *path, const struct obey *o, struct err *e)
{
	trust_seek(t, path);
	if (!walk(t, o, e))
		return err_in(e, "%s", path);
	*found = trust_found(t, out);
	return true;
}

static bool names(bool *out, struct trust *t, const char *path, struct str bytes, const struct obey *o, struct err *e)
{
	struct trust_target target;
	struct err no;
	bool found = false;

	if (!obey_seek(&target, &found, t, path, o, e))
		return false;
	*out = found && trust_target_check(&target, bytes, &no);
	return true;
}

/* The release's own document permits it whatever its number: going back to a release that is still permitted is legal.
 * As what the plan runs now it must be newer than what we run. */
bool obey_permits(struct trust *t, const struct manifest *m, struct str bytes, int64_t number, const struct obey *o,
	struct err *e)
{
	const char *plan = m->plan.plan;
	cleanup(free_ptr) char *now = path_form("%s/manifest.json", plan);
	cleanup(free_ptr) char *one = path_form("%s/releases/%lld.json", plan, (long long)m->number);
	bool is_now = false, is_one = false;

	if (!names(&is_now, t, now, bytes, o, e) || (is_now && m->number > number))
		return is_now;
	if (!names(&is_one, t, one, bytes, o, e) || is_one)
		return is_one;
	if (is_now)
		return err_set(e, ERR_OLDER,
			"release %lld is not newer than %lld, which runs, and not among %s/releases",
			(long long)m->number, (long long)number, plan);
	return err_set(
		e, ERR_SIGNATURE, "release %lld is not among those that role %s permits", (long long)m->number, plan);
}
