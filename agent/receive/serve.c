/* The forced command. */
#include "agent/receive/serve.h"

#include <stdlib.h>

#include "agent/receive/greet.h"
#include "agent/receive/orders.h"
#include "agent/receive/said.h"
#include "agent/receive/slot.h"
#include "agent/store/access.h"
#include "agent/store/lease.h"
#include "agent/store/ledger.h"
#include "agent/store/linked.h"
#include "agent/store/receipts.h"
#include "base/clock.h"
#include "base/version.h"

/* What an order does, and which right it needs: one of these. */
static const struct {
	order_fn *run;
	unsigned needs;
} orders[] = {
	[ORDER_ASK] = {order_ask, MAY_LOOK | MAY_ROLL},
	[ORDER_UPDATE] = {order_update, MAY_ROLL},
	[ORDER_UNDO] = {order_undo, MAY_ROLL},
	[ORDER_FOLLOW] = {order_follow, MAY_LOOK | MAY_ROLL},
	[ORDER_CONFIRM] = {order_confirm, MAY_ROLL},
	[ORDER_LET_GO] = {order_let_go, MAY_ROLL},
	[ORDER_ACCESS] = {order_access, MAY_ROLL},
	[ORDER_AGENT] = {order_agent, MAY_ROLL},
};

/* Those between what the other side has and the newest. One that is not there is a gap, for the other side to see. */
static bool send_chain(const struct follow *f, int64_t since, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};

	if (!ledger_load(&l, f->store, e))
		return false;
	for (int64_t n = MAX(since, l.receipt - RECEIPTS_KEPT) + 1; n < l.receipt; n++) {
		cleanup(buf_free) struct buf receipt = {0};
		cleanup(buf_free) struct buf out = {0};
		if (!receipts_bytes(&receipt, f->store, n, e)) {
			if (e->code == ERR_MISSING)
				continue;
			return false;
		}
		frame_write(&out, FRAME_CHAIN, buf_str(&receipt));
		if (!buf_ok(&out, e) || !session_send(f->session, buf_str(&out), e))
			return false;
	}
	return true;
}

bool order_ask(const struct follow *f, const struct order *o, struct err *e)
{
	return (!o->chain || send_chain(f, o->since, e)) && follow_receipt(f, e);
}

bool order_follow(const struct follow *f, const struct order *o, struct err *e)
{
	(void)o;
	return follow_apply(f, e);
}

/* Only the new agent proves that it answers. */
static bool came_by_new(const struct follow *f, struct err *e)
{
	struct digest linked;

	if (!linked_current(&linked, f->store, e))
		return false;
	return linked_is_us(f->store, linked) ||
	       err_set(e, ERR_REFUSED, "this connection was answered by agent %s, not by the one on trial: does the forced command name the "
				       "launcher, /usr/bin/fleet-agent?",
		       fleet_version);
}

/* Only who was let in by the new list proves that it lets anybody in: sshd's command line says by which. A set that has no list
 * changes nobody's keys. */
static bool came_by_it(const struct follow *f, const struct attempt *a, struct err *e)
{
	cleanup(access_set_free) struct access_set set = {0};

	if (a->self)
		return came_by_new(f, e);
	if (!a->access)
		return true;
	if (!access_open(&set, f->store, e))
		return false;
	if ((!set.has_access && !set.damaged) || (f->caller.has_access && digest_eq(f->caller.access, a->release)))
		return true;
	return err_set(e, ERR_REFUSED,
		"this connection was let in by other keys than those on trial: does sshd's AuthorizedKeysFile name "
		"%s/access/current/authorized_keys, and nothing else?",
		f->store->path);
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
	if (!came_by_it(f, &l.attempt, e))
		return false;
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
	if (!message_read(&o, order_shape, first->body, "order", e) ||
		!caller_may(&f->caller, orders[o.action].needs, order_words[o.action], e))
		return false;
	char *who = caller_who(&f->caller, o.who);
	free(o.who);
	o.who = who;
	return orders[o.action].run(f, &o, e);
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
	cleanup(fd_close) int slot = -1;

	if (!slot_take(&slot, f->store, e) || !greet_send(f->session, f->config, f->store, e)) {
		(void)refuse(f, WIRE_GREETING, e);
		return false;
	}
	f->session->until_ms = clock_boot_ms() + SESSION_SILENCE_MS;
	enum session_say say = session_read(f->session, &first, e);
	f->session->until_ms = 0;
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
