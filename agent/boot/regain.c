#include "agent/boot/regain.h"

#include "agent/guard/record.h"
#include "agent/store/receipts.h"
#include "agent/store/release.h"

struct told { /* by the receipts so far, oldest first */
	struct ledger ledger;
	bool ran; /* `current` is known */
	struct digest current;
	bool said;
};

/* --- what was on trial --- */

static bool lead_back(const struct store *s, struct err *e)
{
	cleanup(fd_close) int turn = -1;
	struct guard_record r;

	if (!guard_turn(&r, &turn, s->dir, e))
		return false;
	for (int i = 0; i < GUARD_TRIALS; i++) {
		if (guard_go_back(&r, (enum guard_what)i, s->dir, e))
			continue;
		if (e->code != ERR_MISSING) /* what is gone is nobody's way back: what runs is looked at next */
			return false;
		r.trial[i] = (struct guard_trial){0};
	}
	return guard_write(&r, s->dir, e);
}

/* --- what was stated --- */

static void learn_marks(struct ledger *l, const struct receipt *r)
{
	if (r->verdict == VERDICT_FAIL)
		marks_add(&l->guilty, r->release);
	else if (r->verdict == VERDICT_UNDONE)
		marks_add(&l->held, r->release);
	else if (verdict_committed((enum verdict)r->verdict)) {
		marks_drop(&l->guilty, r->release); /* somebody allowed it since */
		marks_drop(&l->held, r->release);
	}
}

/* Only from what was committed is there a way back to the one before; the rest went back already. */
static void learn_current(struct told *t, const struct receipt *r)
{
	if (t->ran && digest_eq(t->current, r->current))
		return;
	t->ledger.has_previous = t->ran && verdict_committed((enum verdict)r->verdict);
	t->ledger.previous = t->current;
	t->ledger.since = r->time;
	t->current = r->current;
	t->ran = true;
}

static void learn(struct told *t, const struct receipt *r)
{
	learn_marks(&t->ledger, r);
	if (!r->access && !r->self)
		learn_current(t, r);
	t->said = r->verdict == VERDICT_UNPROVEN && r->text && strcmp(r->text, REGAINED) == 0;
}

/* One that rotted is no witness. */
static void read_receipts(struct told *t, const struct store *s)
{
	cleanup(public_free) struct public_key key = {0};
	char hex[DIGEST_HEX + 1];
	struct err no;

	receipts_last(&t->ledger.receipt, &t->ledger.receipt_digest, s);
	if (!receipts_key(hex, s, &no) || !public_of(&key, KEY_ED25519, str_of(hex), &no))
		return;
	for (int64_t n = MAX(t->ledger.receipt - RECEIPTS_KEPT, 0) + 1; n <= t->ledger.receipt; n++) {
		cleanup(buf_free) struct buf sealed = {0};
		cleanup(receipt_free) struct receipt r = {0};
		if (receipts_bytes(&sealed, s, n, &no) && receipt_verify(buf_str(&sealed), &key, &no) &&
			receipt_read(&r, buf_str(&sealed), &no) && r.number == n)
			learn(t, &r);
	}
}

/* --- what runs --- */

/* What was swapped in and never stated, or led back just now, has the stated one before it. */
static void fit_previous(struct told *t, const struct store *s)
{
	struct ledger *l = &t->ledger;
	struct digest current;
	struct err no;

	if (t->ran && release_current(&current, s, &no) && !digest_eq(current, t->current)) {
		l->has_previous = true;
		l->previous = t->current;
	}
	l->has_previous = l->has_previous && release_has(s, l->previous);
}

bool regain_ledger(struct ledger *out, bool *said, const struct store *s, struct err *e)
{
	struct told t = {0};

	if (!lead_back(s, e))
		return err_in(e, "the state is lost, and so is the way back");
	read_receipts(&t, s);
	fit_previous(&t, s);
	*said = t.said;
	*out = t.ledger;
	return true;
}
