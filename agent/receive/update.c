/* The orders that change what runs: update and undo. They hold the store's lock, which apply inherits. */
#include <stdlib.h>

#include "agent/apply/apply.h"
#include "agent/receive/orders.h"
#include "agent/receive/papers.h"
#include "agent/receive/payload.h"
#include "agent/receive/turn.h"
#include "agent/store/lease.h"
#include "agent/store/staging.h"
#include "agent/take/begin.h"

/* --- update --- */

static bool read_papers(
	struct permitted *out, const struct follow *f, const struct order *o, int64_t number, struct err *e)
{
	cleanup(papers_free) struct papers p = {.order = o, .store = f->store, .plan = f->config->plan};
	cleanup(trust_free) struct trust *t = NULL;
	struct frame sent = {0};

	if (o->papers.count && !session_expect(f->session, &sent, FRAME_PAPERS, e))
		return false;
	return papers_read(&p, sent.body, e) && trustdir_open(&t, f->store, f->config, clock_now(), e) &&
	       papers_obey(t, &p, e) && papers_permit(out, t, &p, number, e);
}

static char *copy(const char *text)
{
	return text ? str_dup(str_of(text)) : NULL;
}

static void note_attempt(struct ledger *l, const struct follow *f, const struct order *o, const struct permitted *m)
{
	l->attempt = (struct attempt){
		.release = o->release,
		.payload = o->payload,
		.payload_sha256 = o->payload_sha256,
		.payload_length = o->payload_length,
		.base = o->base,
		.who = copy(o->who),
	};
	l->attempt.receipt.rollout = copy(o->rollout);
	l->attempt.receipt.release_number = m->manifest.number;
	l->attempt.receipt.stale = m->stale;
	l->attempt.receipt.bytes_in = (int64_t)f->session->bytes_in;
}

static bool current_number(int64_t *out, const struct store *s, struct digest current, struct err *e)
{
	cleanup(release_close) struct release r = {0};

	if (!release_open(&r, s, current, e))
		return false;
	*out = r.manifest.number;
	return true;
}

static bool stage(
	struct permitted *m, const struct follow *f, const struct order *o, struct digest current, struct err *e)
{
	int64_t number;

	return current_number(&number, f->store, current, e) && read_papers(m, f, o, number, e) &&
	       payload_check(f->store, o, &m->manifest.bundle, e) &&
	       payload_receive(f->session, f->store, o, &m->manifest.bundle, e) &&
	       staging_manifest_save(f->store, o->release, buf_str(&m->bytes), e);
}

bool order_update(const struct follow *f, const struct order *o, struct err *e)
{
	cleanup(permitted_free) struct permitted m = {0};
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(fd_close) int lock = -1;
	struct digest current;

	if (!turn_take(&lock, &l, f, e) || !release_current(&current, f->store, e))
		return false;
	if (digest_eq(current, o->release))
		return follow_receipt(f, e);
	if (!begin_allowed(&l, o->release, e) || !lease_take(f->store, o->rollout, o->who, o->lease_ms, o->take, e))
		return false;
	if (!stage(&m, f, o, current, e))
		return false;
	if (!turn_count(&l, f, e))
		return false;
	note_attempt(&l, f, o, &m);
	permitted_free(&m);
	return apply_begin(&l, f->config, f->store, STEP_FETCH, e) && turn_start(f, &lock, e);
}

/* --- undo --- */

bool order_undo(const struct follow *f, const struct order *o, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(fd_close) int lock = -1;

	if (!turn_take(&lock, &l, f, e) || !lease_take(f->store, o->rollout, o->who, o->lease_ms, o->take, e))
		return false;
	return apply_begin_undo(&l, f->config, f->store, o->rollout, o->who, e) && turn_start(f, &lock, e);
}
