/* A new list of who may come in, and where to fetch from: tried like a release that touches ssh. */
#include "agent/apply/confirm.h"
#include "agent/apply/steps.h"
#include "agent/store/access.h"

enum { SOURCES_DEADLINE_MS = 2 * 60 * 1000 };

bool apply_begin_access(struct ledger *l, const struct config *c, const struct store *s, const struct access_set *set,
	struct err *e)
{
	l->attempt.access = true;
	l->attempt.release = set->id;
	l->attempt.worked = true; /* whoever brought it has come somehow */
	l->attempt.receipt.access = true;
	l->attempt.receipt.release_number = set->has_access ? set->access.number : set->sources.number;
	return access_stage(s, c, set, e) && access_current(&l->attempt.from, s, e) && apply_begin(l, c, s, STEP_SWAP, e);
}

int64_t access_confirm_ms(struct apply *a)
{
	cleanup(access_set_free) struct access_set set = {0};
	struct err e;

	return access_open(&set, a->store, &e) && set.has_access ? set.access.deadline_ms : SOURCES_DEADLINE_MS;
}

enum apply_say access_step_swap(struct apply *a, struct err *e)
{
	if (!access_swap(a->store, a->ledger.attempt.release, e))
		return APPLY_FAILED;
	a->ledger.attempt.swapped_ms = clock_boot_ms();
	return APPLY_DONE;
}

/* What nobody's sshd reads proves nothing. */
static bool is_in_force(struct apply *a, struct err *e)
{
	struct digest current;

	return access_current(&current, a->store, e) &&
	       (digest_eq(current, a->ledger.attempt.release) || err_set(e, ERR_FAILED, "the list on trial is not the one in force"));
}

enum apply_say access_step_confirm(struct apply *a, struct err *e)
{
	if (!is_in_force(a, e))
		return APPLY_FAILED;
	if (a->ledger.attempt.boots_left > 0)
		return confirm_wait(a, "nobody came in by the new keys before the deadline", e);
	struct receipt_check *c = apply_extra_check(a, "reboots", CHECK_LOCAL);
	c->after = CHECK_RED;
	health_say(c, "the host was restarted again and again during the trial");
	return steps_red(c, e);
}

enum apply_say access_step_commit(struct apply *a, struct err *e)
{
	if (!is_in_force(a, e))
		return APPLY_FAILED;
	marks_drop(&a->ledger.guilty, a->ledger.attempt.release);
	steps_end(a, VERDICT_PASS, "the lists hold: somebody came in by them, or a source that they name answered");
	return APPLY_DONE;
}

/* What never came to its trial says nothing about the list. */
enum apply_say access_step_back(struct apply *a, struct err *e)
{
	struct attempt *t = &a->ledger.attempt;

	if (!access_swap(a->store, t->from, e))
		return APPLY_FAILED;
	apply_tell(a, 0, 0, "the keys before are in force again");
	if (!health_first_red(&t->receipt.checks))
		return APPLY_DONE;
	marks_add(&a->ledger.guilty, t->release);
	steps_end(a, VERDICT_FAIL, NULL);
	return APPLY_DONE;
}
