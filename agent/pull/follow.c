/* Staying with an apply that this host began by itself. */
#include "agent/pull/follow.h"

#include <time.h>

#include "agent/pull/fetch.h"
#include "agent/pull/reach.h"
#include "agent/store/access.h"
#include "agent/store/linked.h"

enum { NAP_MIN_MS = 20, NAP_MAX_MS = 500, RESTARTS_MAX = 2, PROOF_EVERY_MS = 3 * 1000 };

bool pull_is_ours(const struct ledger *l)
{
	return l->has_attempt && l->attempt.who && strcmp(l->attempt.who, PULL_WHO) == 0;
}

/* --- the new connection --- */

static bool prove(const struct pull_follow *f, const struct origin *o, size_t index, struct err *e)
{
	struct pull_last unused = {.root_ms = -1};
	cleanup(source_free) struct source *source = NULL;
	cleanup(fetched_free) struct fetched t = {
		.config = f->config, .store = f->store, .url = o->url, .last = &unused};

	if (!reach_open(&source, o, index, f->store, f->config->plan, !clock_now().synced, e))
		return false;
	t.source = source;
	return fetch_proof(&t, e);
}

/* By the sources in force now: where they are what is tried, it is they that must answer. */
static void confirm(struct pull_follow *f, const struct ledger *l)
{
	cleanup(origins_free) struct origins origins = {0};
	struct err e;

	if (!l->attempt.nonce || clock_boot_ms() - f->told_ms < PROOF_EVERY_MS)
		return;
	bool proven = false, known = access_sources(&origins, f->store, f->config, &e);
	const struct origin *o = origins.source.items;
	for (size_t i = 0; known && i < origins.source.count && !proven; i++)
		proven = prove(f, &o[i], i, &e);
	if (proven)
		(void)!store_write(f->store, "confirm", str_of(l->attempt.nonce), 0600, &e);
	f->told_ms = clock_boot_ms();
}

/* --- waiting --- */

/* Are we what is tried, or has it gone back already? Then there is no other to wait for. */
static bool is_tried(const struct pull_follow *f, const struct ledger *l)
{
	struct digest linked;
	struct err e;

	return !linked_current(&linked, f->store, &e) || digest_eq(linked, l->attempt.from) || linked_is_us(f->store, linked);
}

static bool take_up(const struct pull_follow *f, int *restarts, struct err *e)
{
	cleanup(fd_close) int lock = -1;
	bool taken;

	if (!store_lock(&lock, &taken, f->store, e))
		return false;
	if (!taken)
		return true;
	if ((*restarts)++ == RESTARTS_MAX)
		return err_set(e, ERR_FAILED, "apply ended again and again before it was done; the next start goes on");
	return f->launch(f->config, f->store, lock, -1, e);
}

static void nap(int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * 1000000)};

	nanosleep(&t, NULL);
}

bool pull_follow(struct pull_follow *f, struct err *e)
{
	int64_t began_ms = clock_boot_ms();
	int restarts = 0;

	f->told_ms = began_ms - PROOF_EVERY_MS;
	for (;;) {
		cleanup(ledger_free) struct ledger l = {0};
		bool running = store_is_locked(f->store);
		if (!ledger_load(&l, f->store, e))
			return false;
		if (!l.has_attempt)
			return true;
		f->elsewhere = l.attempt.self && l.step == STEP_CONFIRM && !is_tried(f, &l);
		if (f->elsewhere)
			return true;
		if (!running && !take_up(f, &restarts, e))
			return false;
		if (l.step == STEP_CONFIRM && pull_is_ours(&l))
			confirm(f, &l);
		nap(MIN(NAP_MIN_MS + (clock_boot_ms() - began_ms) / 16, (int64_t)NAP_MAX_MS));
	}
}
