/* The forced command. */
#include "agent/receive/serve.h"

#include "agent/receive/greet.h"
#include "agent/receive/orders.h"
#include "agent/receive/said.h"
#include "agent/store/lease.h"
#include "agent/store/ledger.h"

static order_fn *const orders[] = {
	[ORDER_ASK] = order_ask,
	[ORDER_UPDATE] = order_update,
	[ORDER_UNDO] = order_undo,
	[ORDER_FOLLOW] = order_follow,
	[ORDER_CONFIRM] = order_confirm,
	[ORDER_LET_GO] = order_let_go,
};

bool order_ask(const struct follow *f, const struct order *o, struct err *e)
{
	(void)o;
	return follow_receipt(f, e);
}

bool order_follow(const struct follow *f, const struct order *o, struct err *e)
{
	(void)o;
	return follow_apply(f, e);
}

/* A session has one order: whoever says this has come over another connection than the one that started the trial. */
bool order_confirm(const struct follow *f, const struct order *o, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};

	if (!ledger_load(&l, f->store, e))
		return false;
	if (!l.has_attempt || l.step != STEP_CONFIRM || !l.attempt.nonce)
		return err_set(e, ERR_REFUSED, "no trial waits for a confirmation");
	if (!o->nonce || strcmp(o->nonce, l.attempt.nonce) != 0)
		return err_set(e, ERR_REFUSED, "this is not the word that the trial waits for");
	return store_write(f->store, "confirm", str_of(o->nonce), 0600, e) && follow_apply(f, e);
}

bool order_let_go(const struct follow *f, const struct order *o, struct err *e)
{
	return lease_drop(f->store, o->rollout, e) && follow_receipt(f, e);
}

/* --- the session --- */

static void order_free(struct order *o)
{
	shape_free(o, order_shape);
}

static bool obey(const struct follow *f, const struct frame *first, struct err *e)
{
	cleanup(order_free) struct order o = {0};

	if (first->kind != FRAME_ORDER)
		return err_set(e, ERR_PROTOCOL, "the first frame is no order");
	return message_read(&o, order_shape, first->body, "order", e) && orders[o.action](f, &o, e);
}

/* True when the other side was told; `why` stays. */
static bool refuse(const struct follow *f, const char *greeting, const struct err *why)
{
	cleanup(buf_free) struct buf out = {0};
	struct err e;

	if (session_lost(why))
		return false;
	buf_text(&out, greeting);
	refused_write(&out, why);
	return buf_ok(&out, &e) && session_send(f->session, buf_str(&out), &e);
}

static bool session(const struct follow *f, struct err *e)
{
	struct frame first;

	if (!greet_send(f->session, f->config, f->store, e)) {
		(void)refuse(f, WIRE_GREETING, e);
		return false;
	}
	enum session_say say = session_read(f->session, &first, e);
	if (say == SESSION_ENDED || (say == SESSION_FRAME && obey(f, &first, e)))
		return true;
	return refuse(f, "", e) && e->code != ERR_PROTOCOL && e->code != ERR_TIMEOUT;
}

bool serve_session(const struct follow *with, struct err *e)
{
	cleanup(fd_close) int said = said_open();
	struct follow f = *with;

	f.said = said;
	return session(&f, e);
}
