#include "fleetctl/push/renew.h"

#include <stdio.h>
#include <stdlib.h>

enum { TRIES_MAX = 3, RETRY_MS = 1500 };

const char *const renew_words[] = {
	[RENEW_RUNNING] = "running", [RENEW_CURRENT] = "current", [RENEW_DONE] = "renewed", [RENEW_BACK] = "back",
	[RENEW_REFUSED] = "refused", [RENEW_UNREACHABLE] = "unreachable", [RENEW_FAILED] = "failed", NULL,
};

struct renew {
	const struct renew_ask *ask;
	const struct host *host;
	struct renew_calls calls;
	struct talk *talk, *confirm;
	struct timer *again;
	int tries;
	bool ordered, had; /* had: what is signed is in force there */
	bool asked;        /* this time only what became of the order */
	char nonce[65];
	struct renew_end end;
};

/* --- the order --- */

/* One that may have heard our order is asked what became of it. */
static bool answer(void *ctx, const struct hello *h, struct flight *out, struct err *e)
{
	struct renew *r = ctx;
	struct flight_wish wish = { .action = r->ask->kind->action, .rollout = r->ask->id, .who = r->ask->who, .take = r->ask->take };
	r->had = !h->has_trial && r->ask->kind->is_current(r->ask, h);
	if (r->had && !r->ordered)
		return true;
	r->asked = r->ordered;
	if (r->ordered)
		wish.action = h->has_trial ? ORDER_FOLLOW : ORDER_ASK;
	if (!flight_make(out, r->ask->repository, h, &wish, e))
		return false;
	r->ordered = true;
	return true;
}

/* --- the second connection --- */

static bool confirm_answer(void *ctx, const struct hello *h, struct flight *out, struct err *e)
{
	struct renew *r = ctx;
	return flight_make(out, r->ask->repository, h,
		&(struct flight_wish){ .action = ORDER_CONFIRM, .nonce = r->nonce, .rollout = r->ask->id, .who = r->ask->who }, e);
}

/* Its receipt comes over the first conversation too; without success it is tried again when the host asks again. */
static void confirm_ended(void *ctx, const struct talk_end *end)
{
	struct renew *r = ctx;
	r->end.confirm = end->err;
	talk_drop(&r->confirm);
}

static struct talk_patience patience(const struct renew *r)
{
	const struct fleet_defaults *d = &r->ask->fleet->defaults;
	return (struct talk_patience){ d->connect_ms, d->silence_ms, TALK_TRIAL * d->silence_ms };
}

static void state(void *ctx, const struct state *s)
{
	struct renew *r = ctx;
	if (r->calls.state)
		r->calls.state(r->calls.ctx, s);
	if (!s->nonce || r->confirm)
		return;
	snprintf(r->nonce, sizeof r->nonce, "%s", s->nonce);
	r->confirm = talk_start(r->ask->loop, r->ask->confirm, r->host, patience(r),
		&(struct talk_calls){ .answer = confirm_answer, .ended = confirm_ended, .ctx = r });
}

/* --- the end --- */

static enum renew_state state_of_error(const struct renew *r, enum err_code code)
{
	switch (code) {
	case ERR_UNREACHABLE:
	case ERR_TIMEOUT:
		return r->ordered ? RENEW_FAILED : RENEW_UNREACHABLE;
	case ERR_REFUSED:
	case ERR_BUSY:
	case ERR_HOSTKEY:
		return RENEW_REFUSED;
	default:
		return RENEW_FAILED;
	}
}

static void receipt_said(struct renew *r, const struct receipt *said)
{
	bool ours = r->ask->kind->is_about(said) && said->rollout && strcmp(said->rollout, r->ask->id) == 0;
	bool back = said->verdict == VERDICT_FAIL || said->verdict == VERDICT_ENVIRONMENT;
	enum err_code code = receipt_code(said);
	if (ours && said->verdict == VERDICT_PASS)
		r->end.state = RENEW_DONE;
	else if (ours) {
		r->end.state = back ? RENEW_BACK : RENEW_FAILED;
		err_set(&r->end.err, code ? code : ERR_FAILED, "%s", said->text ? said->text : verdict_words[said->verdict]);
	}
	else if (r->had)
		r->end.state = RENEW_CURRENT;
	else {
		r->end.state = RENEW_FAILED;
		err_set(&r->end.err, ERR_FAILED, "the host began nothing: its newest receipt is about something else");
	}
}

/* Our order got lost on its way, says the receipt of something else: it is given once more. */
static bool was_lost(struct renew *r, const struct receipt *said)
{
	bool ours = said->rollout && strcmp(said->rollout, r->ask->id) == 0;
	if (ours || r->had || !r->asked || r->tries >= r->ask->kind->tries)
		return false;
	r->ordered = false;
	timer_in(r->again, 0);
	return true;
}

/* An agent that dies at its start says no hello; the host finds its way back from that. */
static bool try_again(struct renew *r, const struct talk_end *end)
{
	enum err_code code = end->err.code;
	bool lost = code == ERR_UNREACHABLE || (r->ordered && (code == ERR_TIMEOUT || (code == ERR_PROTOCOL && !end->has_hello)));
	if (!lost || r->tries >= (r->ordered ? r->ask->kind->tries : TRIES_MAX))
		return false;
	timer_in(r->again, RETRY_MS);
	return true;
}

static void ended(void *ctx, const struct talk_end *end)
{
	struct renew *r = ctx;
	bool good = end->err.code == ERR_NONE;
	if (good ? end->has_receipt && was_lost(r, &end->receipt) : try_again(r, end)) {
		talk_drop(&r->talk);
		return;
	}
	if (good && end->has_receipt)
		receipt_said(r, &end->receipt);
	else if (good)
		r->end.state = RENEW_CURRENT;
	else {
		r->end.err = end->err;
		r->end.state = state_of_error(r, end->err.code);
	}
	talk_drop(&r->talk);
	talk_drop(&r->confirm);
	r->calls.ended(r->calls.ctx, &r->end);
}

/* After the swap of a list the old key may be out, after a way back the new one: both are tried in turn. */
static void begin(void *ctx)
{
	struct renew *r = ctx;
	const struct login *login = r->ordered && r->tries % 2 ? r->ask->confirm : r->ask->login;
	r->tries++;
	r->talk = talk_start(r->ask->loop, login, r->host, patience(r),
		&(struct talk_calls){ .answer = answer, .state = state, .ended = ended, .ctx = r });
}

struct renew *renew_start(const struct renew_ask *ask, const struct host *host, const struct renew_calls *calls)
{
	struct renew *r = mem_new(1, sizeof *r);
	*r = (struct renew){ .ask = ask, .host = host, .calls = *calls };
	r->again = timer_new(ask->loop, begin, r);
	begin(r);
	return r;
}

void renew_drop(struct renew **r)
{
	if (!*r)
		return;
	talk_drop(&(*r)->talk);
	talk_drop(&(*r)->confirm);
	timer_close(&(*r)->again);
	free_ptr(r);
}
