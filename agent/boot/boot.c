/* Before the plan's scripts start. */
#include "agent/boot/boot.h"

#include <stdio.h>
#include <time.h>

#include "agent/apply/apply.h"
#include "agent/boot/heal.h"
#include "agent/boot/rot.h"
#include "agent/enrol.h"
#include "agent/store/receipts.h"
#include "agent/store/release.h"
#include "agent/store/sweep.h"
#include "agent/take/begin.h"
#include "base/version.h"

enum { SETTLE_MS = 5 * 1000, NAP_MS = 20, TOLD = 600 };

/* --- a trial that was open --- */

/* Scripts may start beside a trial: the runner follows `current`. Only the way back, where it is due, comes before
 * them. */
static bool is_on_its_way_back(const struct ledger *l, const struct store *s)
{
	struct digest current;
	struct err e;

	return l->has_attempt && !l->attempt.access && !l->attempt.self && l->step == STEP_ROLLBACK && release_current(&current, s, &e) &&
	       !digest_eq(current, l->attempt.from);
}

static void wait_for_way_back(const struct store *s)
{
	static const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
	int64_t until_ms = clock_boot_ms() + SETTLE_MS;

	while (clock_boot_ms() < until_ms) {
		cleanup(ledger_free) struct ledger l = {0};
		struct err e;
		if (!ledger_load(&l, s, &e) || !is_on_its_way_back(&l, s))
			return;
		nanosleep(&nap, NULL);
	}
}

static bool take_up(char told[TOLD], const struct boot *b, const struct ledger *l, int lock, struct err *e)
{
	char text[256];

	apply_busy_text(text, l);
	snprintf(told, TOLD, "%s: taken up", text);
	if (!b->launch(b->config, b->store, lock, -1, e))
		return false;
	wait_for_way_back(b->store);
	return true;
}

/* --- what runs --- */

static void tell_healed(char told[TOLD], const struct heal *h, struct digest id)
{
	char text[48];

	release_text(text, h->number, id);
	if (h->bundle || h->tree || h->link)
		snprintf(told, TOLD, "release %s: healed:%s%s%s", text, h->bundle ? " its bundle, from its tree" : "",
			h->tree ? " its tree, from its bundle" : "", h->link ? " the link to its tree" : "");
	else
		snprintf(told, TOLD, "release %s is what was signed", text);
}

/* Nobody is blamed: the disk is not the release's fault. */
static bool write_receipt(const struct boot *b, struct ledger *l, struct digest lost, const char *why, struct err *e)
{
	cleanup(release_close) struct release now = {0};
	struct moment moment = clock_now();
	char boot[40];
	struct digest current;

	if (!release_current(&current, b->store, e) || !release_open(&now, b->store, current, e))
		return false;
	clock_boot_id(boot);
	struct receipt r = {
		.number = l->receipt + 1,
		.previous = l->receipt_digest,
		.host = b->config->id,
		.plan = b->config->plan,
		.verdict = VERDICT_ENVIRONMENT,
		.text = (char *)why,
		.release = lost,
		.current = current,
		.current_number = now.manifest.number,
		.disk = release_disk(&now),
		.boot = boot,
		.agent = (char *)fleet_version,
		.time = moment.unix_s,
		.synced = moment.synced,
	};
	if (!receipts_add(&l->receipt_digest, b->store, &r, e))
		return false;
	l->receipt++;
	l->has_previous = false;
	l->since = moment.unix_s;
	return ledger_save(l, b->store, e);
}

/* To the release before, and where that is lost too, to the baseline: it is always the same bytes, and made anew. */
static bool fall_to(struct heal *h, const struct boot *b, struct digest id, struct err *e)
{
	struct config copy = *b->config;

	if (digest_eq(id, b->config->baseline) && !release_has(b->store, id)) {
		if (!enrol_baseline(&copy, b->store, e))
			return false;
		if (!digest_eq(copy.baseline, id))
			return err_set(
				e, ERR_DIGEST, "the baseline that this program makes is not the one of agent.json");
	}
	return heal_release(h, b->store, id, e) && release_swap(b->store, id, e);
}

static bool fall(char told[TOLD], const struct boot *b, struct ledger *l, struct digest lost, const struct err *why,
	struct err *e)
{
	struct heal h = {0};
	struct err none;
	char from[48], to[48];
	struct digest id = l && l->has_previous ? l->previous : b->config->baseline;

	if (!fall_to(&h, b, id, e)) {
		id = b->config->baseline;
		if (!fall_to(&h, b, id, e))
			return err_in(e, "%.300s; and the baseline", why->text);
	}
	release_text(from, 0, lost);
	release_text(to, h.number, id);
	snprintf(told, TOLD, "release %s cannot be healed (%.300s): release %s runs now", from + 2, why->text, to);
	if (l && !write_receipt(b, l, lost, told, e))
		return false;
	if (l)
		(void)!sweep_store(b->store, l, &none); /* what is lost must not pass for what is held */
	return true;
}

static const char *const agent_told[] = {
	[AGENT_NONE] = "",
	[AGENT_WHOLE] = "",
	[AGENT_HEALED] = "; the linked agent was healed",
	[AGENT_DROPPED] = "; the linked agent cannot be healed: the packaged one runs",
};

/* What the agent itself is made of; trouble with it stops nobody. */
static void check_agent(char told[TOLD], const struct store *s)
{
	enum heal_agent found;
	struct err e;
	size_t len = strlen(told);

	if (heal_linked(&found, s, &e))
		snprintf(told + len, TOLD - len, "%s", agent_told[found]);
	else
		snprintf(told + len, TOLD - len, "; the linked agent: %s", e.text);
}

static bool check_current(char told[TOLD], const struct boot *b, struct ledger *l, struct err *e)
{
	struct digest current = {0};
	struct heal h = {0};
	struct err why;

	if (!release_current(&current, b->store, &why) || !heal_release(&h, b->store, current, &why))
		return fall(told, b, l, current, &why, e);
	tell_healed(told, &h, current);
	if (l)
		(void)!sweep_idle(b->store, l, &why); /* what a run that was killed had begun */
	return true;
}

/* Where the ledger is lost what runs is held against its digest all the same, and goes on. */
bool boot_run(char told[TOLD], const struct boot *b, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(fd_close) int lock = -1;
	bool taken;
	struct err lost;

	if (!begin_lock(&lock, &taken, b->store, e))
		return false;
	if (!taken) {
		snprintf(told, TOLD, "an update is under way");
		return true;
	}
	bool known = ledger_load(&l, b->store, &lost);
	if (known && l.has_attempt)
		return take_up(told, b, &l, lock, e);
	if (!check_current(told, b, known ? &l : NULL, e))
		return false;
	check_agent(told, b->store);
	rot_check(told, TOLD, b->config, b->store, known ? &l : NULL);
	return true;
}
