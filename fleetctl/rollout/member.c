/* One host's way through a rollout: what is said to its hello, and what its answer makes of it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "fleetctl/receipts/chain.h"
#include "fleetctl/rollout/rollout.h"

enum {
	TRIES_MAX = 3,              /* of a host that never heard us */
	TRIES_LOST_MAX = 20,        /* of one that did: it may be in its trial, or restarting its network */
	RETRY_MS = 1500, RETRY_MAX_MS = 30000,
	LEASE_MARGIN_MS = 60000, LEASE_MAX_MS = 600000,
};

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = text ? str_dup(str_of(text)) : NULL;
}

static bool undoes(const struct member *m)
{
	return strcmp(m->rollout->row.action, "undo") == 0;
}

/* --- what we answer --- */

/* The lease of an earlier rollout from this folder is nobody's any more: we hold the folder's lock. So an undo need not wait
 * for the soak that it ends. */
static bool may_take(const struct rollout *r, const struct hello *h)
{
	return r->options.take || (h->has_lease && h->lease.rollout && db_knows(r->db, h->lease.rollout));
}

/* The trial that runs is another operator's: there is nothing of ours to wait for. */
static bool is_anothers(const struct member *m, const struct trial *t)
{
	const struct rollout *r = m->rollout;
	return t->rollout && t->who && strcmp(t->rollout, r->row.id) != 0 && !m->row.ordered && !r->options.take && !db_knows(r->db, t->rollout);
}

/* One that may have heard our order is asked what became of it before anything is begun. */
static bool wanted(struct flight_wish *wish, const struct member *m, const struct hello *h, struct err *e)
{
	bool has_it = digest_eq(h->release, m->row.release);
	const char *refuses = hello_refuses(h, m->row.release);
	if (h->has_trial && is_anothers(m, &h->trial))
		return err_set(e, ERR_REFUSED, "rollout %s of %s holds this host, which tries a release for it: wait, or take it over with --take",
			h->trial.rollout, h->trial.who);
	if (h->has_trial)
		wish->action = ORDER_FOLLOW;
	else if (m->row.ordered || has_it != undoes(m))
		wish->action = ORDER_ASK;
	else if (undoes(m))
		wish->action = ORDER_UNDO;
	else if (refuses)
		return err_set(e, ERR_REFUSED, "this release %s there: sign a newer one, or on the host: `fleet-agent allow`", refuses);
	else
		wish->action = ORDER_UPDATE;
	return true;
}

/* "ordered" is written before the first byte goes: without that, nothing goes. */
static bool keep_ordered(struct member *m, struct err *e)
{
	struct rollout *r = m->rollout;
	m->row.ordered = m->row.ordered || m->action == ORDER_UPDATE || m->action == ORDER_UNDO;
	rollout_member_changed(r, m, NULL);
	if (!r->err.code)
		return true;
	*e = r->err;
	return false;
}

static bool answer(void *ctx, const struct hello *h, struct flight *out, struct err *e)
{
	struct member *m = ctx;
	struct rollout *r = m->rollout;
	struct flight_wish wish = {
		.rollout = r->row.id, .who = r->row.who, .take = may_take(r, h), .release = m->row.release,
		.lease_ms = r->options.soak_ms ? MIN(r->options.soak_ms + LEASE_MARGIN_MS, (int64_t)LEASE_MAX_MS) : 0,
	};
	if (h->plan && strcmp(h->plan, m->row.plan) != 0)
		return err_set(e, ERR_FOREIGN, "is enrolled for plan %s, hosts.yaml says %s: correct the one that is wrong", h->plan, m->row.plan);
	if (!wanted(&wish, m, h, e) || !flight_make(out, r->repository, h, &wish, e))
		return false;
	if (!m->row.from) {
		char from[DIGEST_HEX + 1];
		digest_hex(from, h->release);
		set_text(&m->row.from, from);
	}
	m->action = (int)wish.action;
	snprintf(m->step, sizeof m->step, "%s", wish.action == ORDER_UPDATE ? "send" : order_words[wish.action]);
	m->of = (int64_t)flight_bytes(out);
	m->done = 0;
	return keep_ordered(m, e);
}

static void sent(void *ctx, uint64_t done, uint64_t of)
{
	struct member *m = ctx;
	m->done = (int64_t)done;
	m->of = (int64_t)of;
}

/* --- a trial that touches the way we came asks for a second connection --- */

static bool confirm_answer(void *ctx, const struct hello *h, struct flight *out, struct err *e)
{
	struct member *m = ctx;
	return flight_make(out, m->rollout->repository, h,
		&(struct flight_wish){ .action = ORDER_CONFIRM, .nonce = m->nonce, .rollout = m->rollout->row.id, .who = m->rollout->row.who }, e);
}

static void confirm_ended(void *ctx, const struct talk_end *end)
{
	struct member *m = ctx;
	/* its receipt comes over the first conversation too; if not, the retry asks for it */
	m->row.bytes_in += (int64_t)end->bytes.in;
	m->row.bytes_out += (int64_t)end->bytes.out;
	talk_drop(&m->confirm);
}

static struct talk_patience patience(const struct rollout *r)
{
	const struct fleet_defaults *d = &r->fleet->defaults;
	return (struct talk_patience){ d->connect_ms, d->silence_ms, TALK_TRIAL * d->silence_ms };
}

static void state(void *ctx, const struct state *s)
{
	struct member *m = ctx;
	snprintf(m->step, sizeof m->step, "%s", s->step ? s->step : "");
	snprintf(m->note, sizeof m->note, "%s", s->text ? s->text : "");
	m->done = s->done;
	m->of = s->of;
	m->due_ms = s->left_ms > 0 ? clock_boot_ms() + s->left_ms : 0;
	if (s->nonce && !m->confirm) {
		snprintf(m->nonce, sizeof m->nonce, "%s", s->nonce);
		m->confirm = talk_start(m->rollout->loop, m->rollout->login, m->host, patience(m->rollout),
			&(struct talk_calls){ .answer = confirm_answer, .ended = confirm_ended, .ctx = m });
	}
}

/* --- what its end means --- */

/* The check that decided, with what it said: for the history. */
static void red_checks(struct buf *out, const struct receipt *r)
{
	const struct receipt_check *c = r->checks.items;
	for (size_t i = 0; i < r->checks.count; i++) {
		if (c[i].after != CHECK_RED)
			continue;
		buf_form(out, "\n  check %s (%s): red, status %d", c[i].name, check_class_words[c[i].class], (int)c[i].status);
		struct str rest = str_of(c[i].output ? c[i].output : "");
		while (rest.len) {
			struct str line = str_cut(rest, '\n', &rest);
			buf_form(out, "\n    | " STR_FMT, STR_ARG(line));
		}
	}
}

/* Does this receipt say how our order ended? An older one may be about the same release, and another's order may have been there
 * first: a host that has the release answers with that one's. One of an agent or a list is of no release, whoever asked for it. */
static bool is_ours(const struct member *m, const struct receipt *r)
{
	bool begun_now = m->action == ORDER_UPDATE || m->action == ORDER_UNDO;
	if (r->self || r->access)
		return false;
	return r->rollout ? strcmp(r->rollout, m->rollout->row.id) == 0 : begun_now;
}

static enum member_state state_of_undo(const struct member *m, const struct receipt *r)
{
	if (digest_eq(r->current, m->row.release))
		return is_ours(m, r) ? MEMBER_FAILED : MEMBER_WAITING;
	return m->row.ordered && r->verdict == VERDICT_UNDONE ? MEMBER_UNDONE : MEMBER_SAME;
}

/* WAITING: nothing has become of our order, or it was not given yet. */
static enum member_state state_of(const struct member *m, const struct receipt *r)
{
	bool tried = digest_eq(r->release, m->row.release), runs = digest_eq(r->current, m->row.release);
	if (undoes(m))
		return state_of_undo(m, r);
	if (runs && tried && is_ours(m, r))
		return verdict_committed((enum verdict)r->verdict) ? MEMBER_COMMITTED : MEMBER_FAILED;
	if (runs)
		return MEMBER_SAME;
	if (!is_ours(m, r))
		return MEMBER_WAITING;
	if (r->verdict == VERDICT_REFUSED && receipt_code(r) == ERR_SPACE)
		return MEMBER_DEFERRED; /* nothing was swapped: not now, again when there is room */
	return tried && r->verdict != VERDICT_REFUSED ? MEMBER_ROLLED_BACK : MEMBER_FAILED;
}

/* The trial of somebody else ended, or our order never began: it is this host's turn once more. */
static void turn_again(struct member *m)
{
	m->row.state = MEMBER_WAITING;
	m->row.ordered = false;
	m->not_before = clock_boot_ms() + (m->action == ORDER_ASK ? 0 : RETRY_MS);
	rollout_member_changed(m->rollout, m, NULL);
}

static void receipt_said(struct member *m, const struct talk_end *end)
{
	const struct receipt *r = &end->receipt;
	enum member_state s = state_of(m, r);
	cleanup(buf_free) struct buf text = BUF_MAX(128 * KIB);
	cleanup(free_ptr) char *kept = str_dup(buf_str(&end->receipt_text));
	if (s == MEMBER_WAITING) {
		turn_again(m);
		return;
	}
	m->row.state = (int)s;
	if (s != MEMBER_SAME)
		set_text(&m->row.receipt, kept);
	buf_form(&text, "%s", member_words[s]);
	if (s == MEMBER_COMMITTED && r->verdict == VERDICT_UNPROVEN)
		buf_text(&text, ", unproven");
	if (r->text && s != MEMBER_SAME)
		buf_form(&text, ": %s", r->text);
	/* what an earlier try met is history */
	bool bad = member_failed(s) || s == MEMBER_DEFERRED;
	enum err_code code = receipt_code(r) ? receipt_code(r) : ERR_FAILED;
	set_text(&m->row.code, bad ? err_word(code) : NULL);
	set_text(&m->row.text, !bad ? NULL : r->text ? r->text : verdict_words[r->verdict]);
	if (member_failed(s))
		red_checks(&text, r);
	rollout_member_changed(m->rollout, m, buf_str(&text).data);
}

static bool worth_another_try(const struct member *m, enum err_code code)
{
	if (code == ERR_BUSY)
		return m->row.tries < TRIES_LOST_MAX;
	if (code != ERR_UNREACHABLE && code != ERR_TIMEOUT)
		return false;
	return m->row.tries < (m->row.ordered ? TRIES_LOST_MAX : TRIES_MAX);
}

static enum member_state state_of_error(const struct member *m, enum err_code code)
{
	switch (code) {
	case ERR_UNREACHABLE:
	case ERR_TIMEOUT:
		return m->row.ordered ? MEMBER_FAILED : MEMBER_UNREACHABLE; /* silence after an order is a failure */
	case ERR_HOSTKEY:
	case ERR_REFUSED:
	case ERR_BUSY:
		return MEMBER_REFUSED;
	case ERR_SPACE:
		return MEMBER_DEFERRED; /* the host's: it says so before anything changes */
	default:
		return MEMBER_FAILED;
	}
}

static void error_said(struct member *m, const struct err *e)
{
	cleanup(free_ptr) char *event = NULL;
	set_text(&m->row.code, err_word(e->code));
	set_text(&m->row.text, e->text);
	if (worth_another_try(m, e->code)) {
		int64_t wait = MIN((int64_t)RETRY_MS << MIN(m->row.tries, (int64_t)6), (int64_t)RETRY_MAX_MS);
		m->row.state = MEMBER_WAITING;
		m->not_before = clock_boot_ms() + wait;
		event = path_form("try %d: %s; again in %d s", (int)m->row.tries, e->text, (int)((wait + 999) / 1000));
	}
	else {
		m->row.state = (int)state_of_error(m, e->code);
		event = path_form("%s: %s", member_words[m->row.state], e->text);
	}
	rollout_member_changed(m->rollout, m, event);
}

/* A receipt that its host's key did not sign says nothing. A chain that does not fit is told, and is no reason to stop: what
 * this trial came to, the host's key has signed. Of those without a key one is told for all. */
static bool believe(struct member *m, const struct talk_end *end, struct err *e)
{
	struct rollout *r = m->rollout;
	const struct chain_heard heard = chain_heard(m->host, end, false);
	struct chain_found found;
	if (!chain_check(&found, r->db, &heard, e)) {
		r->err = *e;
		return false;
	}
	if (!chain_believe(&found, e))
		return false;
	bool tell = found.say != CHAIN_VERIFIED && (found.say != CHAIN_UNPINNED || !r->told_unpinned);
	r->told_unpinned = r->told_unpinned || found.say == CHAIN_UNPINNED;
	cleanup(free_ptr) char *text = path_form("receipts %s: %s", chain_words[found.say], found.text);
	if (tell)
		rollout_member_changed(r, m, text);
	return true;
}

static void remember(struct member *m, const struct talk_end *end, bool believed)
{
	struct err e;
	cleanup(buf_free) struct buf hello = { 0 };
	if (end->has_hello) {
		cleanup(doc_free) doc *d = shape_write(&end->hello, hello_shape);
		doc_line(&hello, d);
		if (!db_seen(m->rollout->db, m->host->id, buf_str(&hello), believed ? buf_str(&end->receipt_text) : (struct str){ 0 }, &e))
			m->rollout->err = e;
	}
	else if (!db_unseen(m->rollout->db, m->host->id, end->err.text, &e))
		m->rollout->err = e;
}

static void ended(void *ctx, const struct talk_end *end)
{
	struct member *m = ctx;
	struct err why = end->err;
	m->row.bytes_in += (int64_t)end->bytes.in;
	m->row.bytes_out += (int64_t)end->bytes.out;
	m->row.ended = clock_now().unix_s;
	bool good = end->err.code == ERR_NONE && end->has_receipt && believe(m, end, &why);
	remember(m, end, good);
	/* `end` is the talk's: it is dropped only after the last look at it */
	if (good)
		receipt_said(m, end);
	else
		error_said(m, &why);
}

static void ended_then_drop(void *ctx, const struct talk_end *end)
{
	struct member *m = ctx;
	struct talk *talk = m->talk;
	m->talk = NULL;
	ended(ctx, end);
	talk_drop(&talk);
	if (member_ended((enum member_state)m->row.state))
		talk_drop(&m->confirm);
}

void member_start(struct member *m)
{
	struct rollout *r = m->rollout;
	m->row.state = MEMBER_RUNNING;
	m->row.tries++;
	m->began_ms = clock_boot_ms();
	if (!m->row.started)
		m->row.started = clock_now().unix_s;
	snprintf(m->step, sizeof m->step, "connect");
	m->note[0] = 0;
	m->done = m->of = m->due_ms = 0;
	rollout_member_changed(r, m, NULL);
	m->talk = talk_start(r->loop, r->login, m->host, patience(r),
		&(struct talk_calls){ answer, state, sent, ended_then_drop, m });
}

void member_drop(struct member *m)
{
	talk_drop(&m->talk);
	talk_drop(&m->confirm);
}
