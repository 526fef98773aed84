#include "fleetctl/rollout/before.h"

#include <stdlib.h>

#include "base/fs.h"

/* What this folder's database says of it; one that it does not know may go on elsewhere. */
static bool has_ended(struct db *db, const char *id)
{
	struct rollout_row row = {0};
	struct member_row *m = NULL;
	size_t count = 0;
	struct err e;

	bool ended = db_rollout_get(db, id, &row, &m, &count, &e) &&
		     (row.state == ROLLOUT_DONE || row.state == ROLLOUT_ABORTED);
	for (size_t i = 0; i < count; i++)
		member_row_free(&m[i]);
	free(m);
	rollout_row_free(&row);
	return ended;
}

bool before_over(struct db *db, const struct stage *s, struct err *e)
{
	bool nobodys = s->open == 0; /* it offers an agent at most */

	if (nobodys || s->state == STAGE_ABORTED || has_ended(db, s->rollout))
		return true;
	return err_set(e, ERR_REFUSED,
		"rollout %s of plan %s is not over: it has reached %lld of %zu hosts that pull, and no second one "
		"begins while they may be "
		"on trial: `fleetctl rollout resume %s` looks at their receipts and goes on, `fleetctl rollout abort "
		"%s` ends it",
		s->rollout, s->plan, (long long)stage_reaches(s), s->hosts.count, s->rollout, s->rollout);
}

bool before_push(struct db *db, const struct repository *r, const char *plan, struct err *e)
{
	cleanup(free_ptr) char *role = path_form("rollout-%s", plan), *path = path_form("%s/rollout.json", plan);
	cleanup(buf_free) struct buf bytes = BUF_MAX(STAGE_BYTES_MAX);
	cleanup(stage_free) struct stage s = {0};
	struct err why = {0};

	if (!repository_document(&bytes, r, role, path, &why))
		return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
	return stage_read(&s, buf_str(&bytes), e) && before_over(db, &s, e);
}
