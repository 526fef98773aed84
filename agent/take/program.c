/* What role `agent` signs for this platform now. */
#include "agent/take/program.h"

#include "base/version.h"

static bool bring(struct buf *document, struct trust *t, const struct take_documents *with, const char *path, struct err *e)
{
	struct trust_target target;
	bool found = false;

	if (!obey_seek(&target, &found, t, path, with->obey, e))
		return false;
	if (!found)
		return err_set(e, ERR_MISSING, "%s: nobody signs for it", path);
	if (strcmp(target.role, PROGRAM_ROLE) != 0)
		return err_set(e, ERR_SIGNATURE, "%s: it is role " PROGRAM_ROLE " that must sign it, and %s did", path, target.role);
	document->max = PROGRAM_FILE_MAX;
	if (target.length > document->max)
		return err_set(e, ERR_LIMIT, "%s: more than %zu bytes", path, document->max);
	if (!with->bring(document, with->ctx, path, &target, e))
		return false;
	if (!document->len)
		return err_set(e, ERR_MISSING, "%s is signed, but was not brought", path);
	return trust_target_check(&target, buf_str(document), e) || err_in(e, "%s", path);
}

static bool is_newer(const struct program *p, struct err *e)
{
	return p->number > version_ours() ||
	       err_set(e, ERR_OLDER, "agent %s is not newer than %s, which runs", p->version, fleet_version);
}

bool take_program(struct program *out, struct buf *document, struct trust *t, const struct take_documents *with, struct err *e)
{
	cleanup(free_ptr) char *path = program_path(FLEET_PLATFORM);
	cleanup(program_free) struct program p = {0};

	if (!bring(document, t, with, path, e) || !program_read(&p, buf_str(document), FLEET_PLATFORM, e) || !is_newer(&p, e))
		return false;
	*out = p;
	p = (struct program){0};
	return true;
}
