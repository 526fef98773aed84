/* The end of an attempt: it stays, or not; the receipt says so, and what nothing needs any more goes. */
#include <stdlib.h>

#include "agent/apply/steps.h"
#include "agent/guard/record.h"
#include "agent/store/linked.h"
#include "agent/store/receipts.h"
#include "agent/store/staging.h"
#include "agent/store/sweep.h"
#include "base/version.h"

enum apply_say step_commit(struct apply *a, struct err *e)
{
	struct ledger *l = &a->ledger;
	struct digest current;

	if (!release_current(&current, a->store, e))
		return APPLY_FAILED;
	if (!digest_eq(current, l->attempt.release)) {
		err_set(e, ERR_INTERNAL, "current is not the release to be committed");
		return APPLY_FAILED;
	}
	l->has_previous = true;
	l->previous = l->attempt.from;
	l->since = clock_now().unix_s;
	marks_drop(&l->held, l->attempt.release);
	return APPLY_DONE;
}

void steps_end(struct apply *a, enum verdict v, const char *text)
{
	struct receipt *r = &a->ledger.attempt.receipt;

	r->verdict = (int)v;
	if (!text)
		return;
	free(r->text);
	r->text = str_dup(str_of(text));
}

bool steps_fix_receipt(struct apply *a, struct err *e)
{
	struct receipt *r = &a->ledger.attempt.receipt;
	bool release = !r->access && !r->self, committed = verdict_committed((enum verdict)r->verdict);
	int64_t began_ms = a->ledger.attempt.began_ms;
	cleanup(release_close) struct release now = {0};
	struct moment moment = clock_now();
	char boot[40];

	/* guard first: else it could still lead back what is called committed from here on */
	while (release && !guard_end(a->store->dir, GUARD_RELEASE, e))
		if (!store_shed(a->store, e))
			return false;
	if (!release_current(&r->current, a->store, e) || !release_open(&now, a->store, r->current, e))
		return false;
	if (release && committed && !digest_eq(r->current, a->ledger.attempt.release))
		return err_set(e, ERR_FAILED, "it was overdue, and guard went back");
	clock_boot_id(boot);
	free(r->boot);
	r->boot = str_dup(str_of(boot));
	free(r->agent);
	r->agent = str_dup(str_of(fleet_version));
	r->number = a->ledger.receipt + 1;
	r->previous = a->ledger.receipt_digest;
	r->disk = release_disk(&now);
	r->current_number = now.manifest.number;
	r->time = moment.unix_s;
	r->synced = moment.synced;
	r->took_ms = began_ms ? moment.boot_ms - began_ms : 0;
	return true;
}

/* An agent is on trial until its receipt is written: guard may have led it back since that was written down. */
static bool is_led_back(struct apply *a)
{
	cleanup(tried_free) struct tried tried = {0};
	const struct receipt *r = &a->ledger.attempt.receipt;
	struct digest linked;
	struct err gone;

	return r->self && verdict_committed((enum verdict)r->verdict) && tried_open(&tried, a, &gone) &&
	       linked_current(&linked, a->store, &gone) && !digest_eq(linked, tried.bundle.sha256);
}

/* What was stated already stays: then this is the next. */
static bool restate(struct apply *a, struct err *e)
{
	struct receipt *r = &a->ledger.attempt.receipt;
	cleanup(buf_free) struct buf stated = {0};

	if (receipts_bytes(&stated, a->store, r->number, e)) {
		a->ledger.receipt = r->number++;
		a->ledger.receipt_digest = r->previous = receipt_digest(buf_str(&stated));
	} else if (e->code != ERR_MISSING)
		return false;
	steps_end(a, VERDICT_ENVIRONMENT, "it was overdue, and guard linked the agent before");
	return apply_save(a, e);
}

/* The receipt first. It stands in the ledger since this step was entered: cut off here, the same bytes are written and signed
 * again, under the same number, before anybody is told of them. */
enum apply_say step_settle(struct apply *a, struct err *e)
{
	struct receipt *r = &a->ledger.attempt.receipt;
	bool keep_parts = r->verdict == VERDICT_REFUSED || r->access;
	struct digest digest;
	struct err no;

	if (is_led_back(a) && !restate(a, e))
		return APPLY_FAILED;
	/* The receipt first, then the guard's: forgotten after the attempt it would lead back what is proven. */
	if (!receipts_add(&digest, a->store, r, e) || (r->self && !guard_end(a->store->dir, GUARD_AGENT, e)))
		return APPLY_FAILED;
	apply_tell(a, 0, 0, "%s", verdict_words[r->verdict]);
	(void)!fs_remove(a->store->dir, "confirm", &no); /* both before it is forgotten whose they are */
	(void)!staging_clear(a->store, !keep_parts, &no);
	a->ledger.receipt = r->number;
	a->ledger.receipt_digest = digest;
	ledger_end_attempt(&a->ledger);
	if (!apply_save(a, e))
		return APPLY_FAILED;
	(void)!sweep_store(a->store, &a->ledger, &no);
	store_ballast(a->store);
	return APPLY_DONE;
}
