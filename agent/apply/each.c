/* What each step may need. */
#include "agent/apply/steps.h"

#include "agent/boot/heal.h"

bool steps_open(struct apply *a, struct err *e)
{
	if (!a->new.tree && !release_open(&a->new, a->store, a->ledger.attempt.release, e))
		return false;
	return a->old.tree || release_open(&a->old, a->store, a->ledger.attempt.from, e);
}

enum apply_say steps_wait(struct apply *a, int64_t ms)
{
	a->wait_ms = MAX(ms, 1);
	return APPLY_WAIT;
}

const struct check *steps_find_check(const struct release *r, const char *name)
{
	const struct check *c = r->manifest.plan.checks.items;

	for (size_t i = 0; r->tree && i < r->manifest.plan.checks.count; i++)
		if (strcmp(c[i].name, name) == 0)
			return &c[i];
	return NULL;
}

enum apply_say steps_red(const struct receipt_check *c, struct err *e)
{
	struct str rest, output = str_trim(str_of(c->output));
	struct str line = str_cut(output, '\n', &rest);

	err_set(e, ERR_FAILED, "%s check %s is red%s%.*s", check_class_words[c->class], c->name, line.len ? ": " : "",
		(int)MIN(line.len, 300), line.data ? line.data : "");
	return APPLY_FAILED;
}

/* It may have lain here for months. Where it can't be healed it runs all the same: what runs now was found wanting, and boot looks
 * again. */
void steps_heal_old(struct apply *a)
{
	struct heal h;
	struct err e;

	if (!heal_release(&h, a->store, a->ledger.attempt.from, &e))
		apply_tell(a, 0, 0, "the release before is not what was signed: %.300s", e.text);
	else if (h.bundle || h.tree || h.link)
		apply_tell(a, 0, 0, "the release before was healed");
}
