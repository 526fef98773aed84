/* The order that brings another agent. */
#include <stdlib.h>

#include "agent/apply/apply.h"
#include "agent/receive/orders.h"
#include "agent/receive/papers.h"
#include "agent/receive/payload.h"
#include "agent/receive/turn.h"
#include "agent/store/lease.h"
#include "agent/take/begin.h"

struct brought {
	struct program program;
	struct buf document;
	bool stale;
};

static void brought_free(struct brought *b)
{
	program_free(&b->program);
	buf_free(&b->document);
}

static bool read_papers(struct brought *b, const struct follow *f, const struct order *o, struct err *e)
{
	cleanup(papers_free) struct papers p = {.order = o, .store = f->store, .plan = f->config->plan};
	cleanup(trust_free) struct trust *t = NULL;
	struct frame sent = {0};

	if (o->papers.count && !session_expect(f->session, &sent, FRAME_PAPERS, e))
		return false;
	if (!papers_read(&p, sent.body, e) || !trustdir_open(&t, f->store, f->config, clock_now(), e) ||
		!papers_obey(t, &p, e) || !papers_program(&b->program, &b->document, t, &p, e))
		return false;
	b->stale = trust_stale(t);
	return digest_eq(digest_of(buf_str(&b->document)), o->release) ||
	       err_set(e, ERR_DIGEST, "the agent that is signed is not the one of the order");
}

static bool stage(struct brought *b, const struct follow *f, const struct order *o, struct err *e)
{
	return read_papers(b, f, o, e) && payload_check(f->store, o, &b->program.bundle, e) &&
	       payload_receive(f->session, f->store, o, &b->program.bundle, e);
}

static char *copy(const char *text)
{
	return text ? str_dup(str_of(text)) : NULL;
}

bool order_agent(const struct follow *f, const struct order *o, struct err *e)
{
	cleanup(brought_free) struct brought b = {0};
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(fd_close) int lock = -1;

	if (!turn_take(&lock, &l, f, e) || !begin_allowed(&l, o->release, e) ||
		!lease_take(f->store, o->rollout, o->who, o->lease_ms, o->take, e) || !stage(&b, f, o, e) ||
		!turn_count(&l, f, e))
		return false;
	l.attempt = (struct attempt){
		.payload = o->payload,
		.payload_sha256 = o->payload_sha256,
		.payload_length = o->payload_length,
		.base = o->base,
		.who = copy(o->who),
	};
	l.attempt.receipt.rollout = copy(o->rollout);
	l.attempt.receipt.stale = b.stale;
	l.attempt.receipt.bytes_in = (int64_t)f->session->bytes_in;
	return apply_begin_program(&l, f->config, f->store, &b.program, buf_str(&b.document), e) && turn_start(f, &lock, e);
}
