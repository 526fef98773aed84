/* The order that changes who may come in, and where this host fetches from. */
#include <stdlib.h>

#include "agent/apply/apply.h"
#include "agent/receive/orders.h"
#include "agent/receive/papers.h"
#include "agent/receive/turn.h"
#include "agent/store/lease.h"

static bool read_papers(struct access_set *out, bool *same, bool *stale, const struct follow *f, const struct order *o,
	struct err *e)
{
	cleanup(papers_free) struct papers p = {.order = o, .store = f->store, .plan = f->config->plan};
	cleanup(trust_free) struct trust *t = NULL;
	struct frame sent = {0};

	if (o->papers.count && !session_expect(f->session, &sent, FRAME_PAPERS, e))
		return false;
	if (!papers_read(&p, sent.body, e) || !trustdir_open(&t, f->store, f->config, clock_now(), e) ||
		!papers_obey(t, &p, e) || !papers_access(out, same, t, &p, e))
		return false;
	*stale = trust_stale(t);
	return true;
}

/* A list that failed before may be tried again: what was wrong may have been the way back in, not the list. */
bool order_access(const struct follow *f, const struct order *o, struct err *e)
{
	cleanup(access_set_free) struct access_set set = {0};
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(fd_close) int lock = -1;
	bool same = false, stale = false;

	if (!turn_take(&lock, &l, f, e) || !lease_take(f->store, o->rollout, o->who, o->lease_ms, o->take, e) ||
		!read_papers(&set, &same, &stale, f, o, e))
		return false;
	if (same)
		return follow_receipt(f, e);
	if (!turn_count(&l, f, e))
		return false;
	l.attempt = (struct attempt){.who = o->who ? str_dup(str_of(o->who)) : NULL};
	l.attempt.receipt.rollout = o->rollout ? str_dup(str_of(o->rollout)) : NULL;
	l.attempt.receipt.stale = stale;
	l.attempt.receipt.bytes_in = (int64_t)f->session->bytes_in;
	return apply_begin_access(&l, f->config, f->store, &set, e) && turn_start(f, &lock, e);
}
