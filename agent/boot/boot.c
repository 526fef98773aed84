/* Before the plan's scripts start. */
#include "agent/boot/boot.h"

#include <stdio.h>
#include <time.h>

#include "agent/apply/apply.h"
#include "agent/boot/heal.h"
#include "agent/boot/regain.h"
#include "agent/boot/rot.h"
#include "agent/enrol.h"
#include "agent/store/receipts.h"
#include "agent/store/release.h"
#include "agent/store/sweep.h"
#include "agent/take/begin.h"
#include "base/version.h"

enum { SETTLE_MS = 5 * 1000, NAP_MS = 20 };

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

static bool take_up(char told[BOOT_TOLD], const struct boot *b, const struct ledger *l, int lock, struct err *e)
{
	char text[256];

	apply_busy_text(text, l);
	snprintf(told, BOOT_TOLD, "%s: taken up", text);
	if (!b->launch(b->config, b->store, lock, -1, e))
		return false;
	wait_for_way_back(b->store);
	return true;
}

/* --- what runs --- */

static void tell_healed(char told[BOOT_TOLD], const struct heal *h, struct digest id)
{
	char text[48];

	release_text(text, h->number, id);
	if (h->unhealed)
		snprintf(told, BOOT_TOLD, "release %s is what was signed, but its bundle is spoilt, and could not be written again", text);
	else if (h->bundle || h->tree || h->link)
		snprintf(told, BOOT_TOLD, "release %s: healed:%s%s%s", text, h->bundle ? " its bundle, from its tree" : "",
			h->tree ? " its tree, from its bundle" : "", h->link ? " the link to its tree" : "");
	else
		snprintf(told, BOOT_TOLD, "release %s is what was signed", text);
}

/* What was found, stated: `r` has the verdict, of which release, and why. */
static bool write_receipt(const struct boot *b, struct ledger *l, struct receipt r, struct err *e)
{
	cleanup(release_close) struct release now = {0};
	struct moment moment = clock_now();
	char boot[40];

	if (!release_current(&r.current, b->store, e) || !release_open(&now, b->store, r.current, e))
		return false;
	clock_boot_id(boot);
	r.number = l->receipt + 1;
	r.previous = l->receipt_digest;
	r.host = b->config->id;
	r.plan = b->config->plan;
	r.current_number = now.manifest.number;
	r.disk = release_disk(&now);
	r.boot = boot;
	r.agent = (char *)fleet_version;
	r.time = moment.unix_s;
	r.synced = moment.synced;
	if (!receipts_add(&l->receipt_digest, b->store, &r, e))
		return false;
	l->receipt++;
	return ledger_save(l, b->store, e);
}

/* Nobody is blamed: the disk is not the release's fault. */
static bool state_fall(const struct boot *b, struct ledger *l, struct digest lost, char *why, struct err *e)
{
	l->has_previous = false;
	l->since = clock_now().unix_s;
	return write_receipt(b, l, (struct receipt){.verdict = VERDICT_ENVIRONMENT, .release = lost, .text = why}, e);
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

static bool fall(char told[BOOT_TOLD], const struct boot *b, struct ledger *l, struct digest lost, const struct err *why,
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
	snprintf(told, BOOT_TOLD, "release %s cannot be healed (%.300s): release %s runs now", from + 2, why->text, to);
	if (l && !state_fall(b, l, lost, told, e))
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
static void check_agent(char told[BOOT_TOLD], const struct store *s)
{
	enum heal_agent found;
	struct err e;
	size_t len = strlen(told);

	if (heal_linked(&found, s, &e))
		snprintf(told + len, BOOT_TOLD - len, "%s", agent_told[found]);
	else
		snprintf(told + len, BOOT_TOLD - len, "; the linked agent: %s", e.text);
}

/* The way back is looked at too while there is time: guard, which may be who takes it, heals nothing. */
static void check_previous(char told[BOOT_TOLD], const struct boot *b, const struct ledger *l)
{
	struct heal h = {0};
	struct err e;
	size_t len = strlen(told);

	if (!l->has_previous)
		return;
	if (!heal_release(&h, b->store, l->previous, &e))
		snprintf(told + len, BOOT_TOLD - len, "; the release before it cannot be healed: %.200s", e.text);
	else if (h.bundle || h.tree || h.link)
		snprintf(told + len, BOOT_TOLD - len, "; the release before it was healed");
}

static bool look_at_current(struct digest *current, struct heal *h, const struct boot *b, struct err *why)
{
	int looks = 0;

	do
		if (release_current(current, b->store, why) && heal_release(h, b->store, *current, why))
			return true;
	while (heal_again(&looks, why));
	return false;
}

static bool check_current(char told[BOOT_TOLD], const struct boot *b, struct ledger *l, struct err *e)
{
	struct digest current = {0};
	struct heal h = {0};
	struct err why;

	if (!look_at_current(&current, &h, b, &why))
		return fall(told, b, l, current, &why, e);
	tell_healed(told, &h, current);
	if (l) {
		(void)!sweep_idle(b->store, l, &why); /* what a run that was killed had begun */
		check_previous(told, b, l);
	}
	return true;
}

/* --- the state --- */

/* Nothing was proven of what runs, and it stays. A fall has stated it already. */
static bool state_regained(const struct boot *b, struct ledger *l, bool said, struct err *e)
{
	struct receipt r = {.verdict = VERDICT_UNPROVEN, .text = (char[]){REGAINED}};

	if (l->sequence)
		return true;
	if (said)
		return ledger_save(l, b->store, e);
	cleanup(release_close) struct release now = {0};
	if (!release_current(&r.release, b->store, e) || !release_open(&now, b->store, r.release, e))
		return false;
	r.release_number = now.manifest.number;
	return write_receipt(b, l, r, e);
}

static void tell_regained(char told[BOOT_TOLD], const struct boot *b, struct ledger *l, bool said)
{
	size_t len = strlen(told);
	struct err e;

	if (state_regained(b, l, said, &e))
		snprintf(told + len, BOOT_TOLD - len, "; " REGAINED);
	else
		snprintf(told + len, BOOT_TOLD - len, "; the state is lost, and cannot be made anew: %s", e.text);
}

/* False: what runs is held against its digest all the same, and goes on. */
static bool know(struct ledger *l, bool *lost, bool *said, const struct boot *b)
{
	struct err why;

	*lost = *said = false;
	if (ledger_load(l, b->store, &why))
		return true;
	*lost = why.code == ERR_MISSING && regain_ledger(l, said, b->store, &why);
	return *lost;
}

bool boot_run(char told[BOOT_TOLD], const struct boot *b, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(fd_close) int lock = -1;
	bool taken, lost, said;

	if (!begin_lock(&lock, &taken, b->store, e))
		return false;
	if (!taken) {
		snprintf(told, BOOT_TOLD, "an update is under way");
		return true;
	}
	struct ledger *known = know(&l, &lost, &said, b) ? &l : NULL;
	if (known && l.has_attempt)
		return take_up(told, b, &l, lock, e);
	if (!check_current(told, b, known, e))
		return false;
	check_agent(told, b->store);
	if (lost)
		tell_regained(told, b, &l, said);
	rot_check(told, BOOT_TOLD, b->config, b->store, known);
	return true;
}
