/* One poll. */
#include "agent/pull/poll.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/apply/apply.h"
#include "agent/pull/follow.h"
#include "agent/pull/offer.h"
#include "agent/pull/reach.h"
#include "agent/pull/report.h"
#include "agent/store/access.h"
#include "agent/store/lease.h"
#include "agent/store/receipts.h"
#include "agent/take/begin.h"
#include "base/version.h"

const char *const pull_end_words[] = {
#define X(name, word) word,
	PULL_ENDS(X)
#undef X
		NULL,
};

enum { MARK_AGE_S = 3 };

static void poll_free(struct poll *p)
{
	pull_state_free(&p->state);
	pull_last_free(&p->last);
	ledger_free(&p->ledger);
	origins_free(&p->origins);
	release_close(&p->now);
	fd_close(&p->lock);
}

/* --- one source after the other --- */

/* Servers tell versions apart by the second and the length: of what was signed just now, another may follow that looks
 * the same, and would never be seen. */
static bool is_lasting(const struct fetched *f)
{
	int64_t age_s = clock_now().unix_s - trust_signed_at(f->trust);

	return (f->mark.etag[0] || f->mark.modified[0]) && (age_s < 0 || age_s >= MARK_AGE_S);
}

static bool is_over(const struct poll *p)
{
	return p->begun || (p->out->why[0] && p->out->end != PULL_NOTHING);
}

/* The way back first: an abort waits for nothing. Then lists, since what follows is fetched from the new sources, the agent that
 * shall understand it, and the release. */
static bool act(struct poll *p, struct fetched *f, struct offer *o, struct err *e)
{
	if (o->answer.say == STAGE_BACK && !poll_release(p, o, e))
		return false;
	if ((!is_over(p) && !poll_lists(p, f, false, e)) || (!is_over(p) && !poll_agent(p, o, e)) ||
		(!is_over(p) && !poll_release(p, o, e)))
		return false;
	return is_over(p) || poll_lists(p, f, true, e);
}

static bool ask_source(struct poll *p, const struct origin *origin, size_t index, struct err *e)
{
	const struct pull *with = p->pull;
	cleanup(source_free) struct source *source = NULL;
	cleanup(fetched_free) struct fetched f = {
		.config = with->config, .store = with->store, .url = origin->url, .last = &p->last};
	cleanup(offer_free) struct offer o = {
		.fetched = &f, .state = &p->state, .current = p->now.id, .current_number = p->now.manifest.number};

	if (!reach_open(&source, origin, index, with->store, with->config->plan, !clock_now().synced, e))
		return false;
	f.source = source;
	if (!fetch_refresh(&f, &p->state, e) || !offer_decide(&o, e) || !act(p, &f, &o, e))
		return false;
	if (p->begun)
		return true;
	p->last.window = o.answer.for_window;
	if (is_lasting(&f))
		pull_mark_set(&p->state, origin->url, &f.mark, digest_of(buf_str(&f.timestamp)));
	return true;
}

/* What is wrong here does not get better at another source. */
static bool is_ours(enum err_code code)
{
	return code == ERR_SPACE || code == ERR_IO || code == ERR_INTERNAL;
}

static bool ask_sources(struct poll *p, struct err *e)
{
	const struct origin *origin = p->origins.source.items;
	cleanup(buf_free) struct buf all = BUF_MAX(sizeof e->text);

	for (size_t i = 0; i < p->origins.source.count; i++) {
		if (ask_source(p, &origin[i], i, e))
			return true;
		if (is_ours(e->code))
			return false;
		buf_form(&all, "%s%s: %s", all.len ? "; " : "", origin[i].url, e->text);
	}
	if (all.len)
		err_set(e, e->code, "%s", buf_str(&all).data);
	return false;
}

/* --- seeing it through --- */

static bool read_newest(struct receipt *out, struct poll *p, struct err *e)
{
	cleanup(buf_free) struct buf bytes = {0};
	cleanup(ledger_free) struct ledger l = {0};

	return ledger_load(&l, p->pull->store, e) && receipts_newest(&bytes, p->pull->store, l.receipt, e) &&
	       receipt_read(out, buf_str(&bytes), e);
}

/* What is not the release's own fault is tried again, later and later. */
static bool tell_end(struct poll *p, struct err *e)
{
	cleanup(receipt_free) struct receipt r = {0};
	char text[48];

	if (!read_newest(&r, p, e))
		return false;
	if (r.self)
		version_text(text, r.release_number);
	else
		release_text(text, r.release_number, r.release);
	const char *why = r.text ? r.text : verdict_words[r.verdict];
	const char *what = r.access ? "list" : r.self ? "agent" : "release";
	p->out->more = (r.access || r.self) && verdict_committed((enum verdict)r.verdict);
	if (verdict_committed((enum verdict)r.verdict))
		return poll_end(p, PULL_COMMITTED, "%s %s: %s", what, text, why);
	if (r.verdict == VERDICT_REFUSED)
		return err_set(e, receipt_code(&r) ? receipt_code(&r) : ERR_FAILED, "%s %s: %s", what, text, why);
	(void)poll_end(p, PULL_WENT_BACK, "%s %s: %s: %s", what, text, verdict_words[r.verdict], why);
	if (r.verdict == VERDICT_ENVIRONMENT || r.access)
		return err_set(e, ERR_FAILED, "%s", p->out->why);
	return true;
}

static bool follow(struct poll *p, struct err *e)
{
	struct pull_follow f = {
		.config = p->pull->config,
		.store = p->pull->store,
		.launch = p->pull->launch,
	};

	if (!pull_follow(&f, e))
		return false;
	return f.elsewhere ? poll_end(p, PULL_HANDED, "another agent is linked, and goes on with its trial") : tell_end(p, e);
}

static bool launch(struct poll *p, struct err *e)
{
	bool started = p->pull->launch(p->pull->config, p->pull->store, p->lock, -1, e);

	fd_close(&p->lock);
	return started && follow(p, e);
}

/* --- may it begin --- */

static bool busy(struct poll *p)
{
	char text[256];

	if (!p->ledger.has_attempt)
		return poll_end(p, PULL_BUSY, "a controller is sending an update");
	apply_busy_text(text, &p->ledger);
	return poll_end(p, PULL_BUSY, "%s", text);
}

/* Theirs is left to them, ours is seen through: by who was asked to do so after a reboot, too. */
static bool open_trial(struct poll *p, bool taken, struct err *e)
{
	if (pull_is_ours(&p->ledger))
		return taken ? launch(p, e) : follow(p, e);
	if (!taken)
		return busy(p);
	return p->pull->launch(p->pull->config, p->pull->store, p->lock, -1, e) && busy(p);
}

static bool poll(struct poll *p, struct err *e)
{
	bool taken;

	if (!begin_lock(&p->lock, &taken, p->pull->store, e) || !ledger_load(&p->ledger, p->pull->store, e))
		return false;
	if (p->ledger.has_attempt)
		return open_trial(p, taken, e);
	if (!taken)
		return busy(p);
	if (!ask_sources(p, e))
		return false;
	return !p->begun || launch(p, e);
}

/* --- and what is remembered of it --- */

static bool note_end(struct poll *p, bool good, const struct err *why, struct err *e)
{
	const struct pull *with = p->pull;
	struct moment now = clock_now();
	char boot[40];

	clock_boot_id(boot);
	if (p->out->end == PULL_HANDED)
		return true; /* it is not over */
	if (good && p->out->end != PULL_BUSY)
		pull_went_well(&p->state);
	else if (!good)
		pull_failed(&p->state, with->config->id, p->now.manifest.plan.poll.every_ms, boot, now.boot_ms);
	if (!good && p->out->end != PULL_WENT_BACK)
		(void)poll_end(p, PULL_FAILED, "%s", why->text);
	if (p->out->end != PULL_BUSY) /* who was busy is asked again soon */
		p->last.at_ms = now.boot_ms;
	p->last.unix_s = now.unix_s;
	free(p->last.say);
	free(p->last.why);
	free(p->last.code);
	p->last.say = str_dup(str_of(pull_end_words[p->out->end]));
	p->last.why = str_dup(str_of(p->out->why));
	p->last.code = good ? NULL : str_dup(str_of(err_word(why->code)));
	pull_last_save(&p->last, with->store);
	return pull_state_save(&p->state, with->store, e);
}

/* A window is shorter than the time between two polls. */
static bool is_open_now(struct poll *p)
{
	struct fetched f = {.config = p->pull->config, .store = p->pull->store, .last = &p->last};
	const struct offer o = {.fetched = &f, .state = &p->state, .current = p->now.id};

	return offer_opens(&o);
}

static bool is_due(struct poll *p, bool *due, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	const struct pull *with = p->pull;
	char boot[40], left[32];

	clock_boot_id(boot);
	int64_t wait_ms = pull_due_ms(
		&p->state, &p->last, with->config->id, p->now.manifest.plan.poll.every_ms, boot, clock_boot_ms());
	if (!ledger_load(&l, with->store, e))
		return false;
	if (p->last.window && !p->state.failures && is_open_now(p))
		wait_ms = 0;
	*due = wait_ms == 0 || with->now || pull_is_ours(&l);
	shape_ms_text(left, wait_ms);
	return *due || poll_end(p, PULL_NOT_DUE, "the next poll is in %s", left);
}

static bool open_now(struct release *out, const struct store *s, struct err *e)
{
	struct digest current;

	return release_current(&current, s, e) && release_open(out, s, current, e);
}

/* Receipts go home with every poll that is due, whatever came of it, and what becomes of them changes nothing here. */
static bool due_poll(struct poll *p, struct err *e)
{
	const struct pull *with = p->pull;
	struct err why = {0}, unheard;

	p->last.window = false;
	bool good = poll(p, &why);
	fd_close(&p->lock);
	if (!with->dry && p->origins.has_receipts && p->out->end != PULL_HANDED &&
		!report_home(&p->state, &p->origins.receipts, with->config, with->store, &unheard))
		snprintf(p->out->unsent, sizeof p->out->unsent, "%.899s", unheard.text);
	return note_end(p, good, &why, e);
}

/* Somebody else's trial that nobody works on any more, on a host that knows no source, too. */
static bool is_abandoned(bool *yes, const struct store *s, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};

	if (!ledger_load(&l, s, e))
		return false;
	*yes = l.has_attempt && !pull_is_ours(&l) && !store_is_locked(s);
	return true;
}

bool pull_once(struct pull_outcome *out, const struct pull *pull, struct err *e)
{
	cleanup(poll_free) struct poll p = {.pull = pull, .lock = -1, .out = out};
	cleanup(fd_close) int alone = -1;
	bool taken, due, abandoned;

	*out = (struct pull_outcome){0};
	if (!fs_lock(&alone, &taken, pull->store->dir, "pull.lock", false, e))
		return false;
	if (!taken)
		return poll_end(&p, PULL_BUSY, "another pull is at it");
	if (!is_abandoned(&abandoned, pull->store, e))
		return false;
	if (abandoned)
		return poll(&p, e);
	if (!pull_state_load(&p.state, pull->store, e))
		return false;
	pull_last_load(&p.last, pull->store);
	if (!open_now(&p.now, pull->store, e) || !access_sources(&p.origins, pull->store, pull->config, e) ||
		!is_due(&p, &due, e))
		return false;
	return !due || due_poll(&p, e);
}
