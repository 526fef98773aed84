/* The trial: swapped, proven, and confirmed where the network was touched. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/apply/confirm.h"
#include "agent/apply/hooks.h"
#include "agent/apply/steps.h"
#include "agent/guard/record.h"

enum { ROUND_MS = 1000, SLACK_MS = 60 * 1000, GUARD_SLACK_MS = 10 * 60 * 1000, SAMPLES_MAX = 32 };

int64_t steps_swap_ms(struct apply *a)
{
	int64_t ms = 2 * HOOK_MS + SLACK_MS;
	struct err e;

	if (!steps_open(a, &e))
		return ms;
	const struct check *c = a->new.manifest.plan.checks.items;
	for (size_t i = 0; i < a->new.manifest.plan.checks.count; i++)
		if (c[i].class == CHECK_PATH)
			ms += MIN(c[i].samples, SAMPLES_MAX) * c[i].timeout_ms;
	return ms;
}

int64_t steps_prove_ms(struct apply *a)
{
	struct err e;

	return steps_open(a, &e) ? a->new.manifest.plan.trial.deadline_ms : SLACK_MS;
}

/* --- swap --- */

static void list_checks(struct apply *a)
{
	const struct list *checks = &a->new.manifest.plan.checks;
	const struct check *c = checks->items;

	if (a->ledger.attempt.receipt.checks.count)
		return;
	for (size_t i = 0; i < checks->count; i++)
		apply_extra_check(a, c[i].name, c[i].class);
}

/* The old release's own check of that name, where it has one: a new script that is wrong must not be its own measure. */
static void sample(struct apply *a, struct receipt_check *into)
{
	const struct check *c = steps_find_check(&a->new, into->name);
	const struct check *was = steps_find_check(&a->old, into->name);
	bool by_old = was && was->class == CHECK_PATH;
	struct health_ask ask = {
		.config = a->config,
		.release = by_old ? &a->old : &a->new,
		.check = by_old ? was : c,
		.left_ms = attempt_left_ms(&a->ledger.attempt),
	};
	struct receipt_check scratch = {0};
	size_t green = 0, of = (size_t)MIN(c->samples, SAMPLES_MAX);

	for (size_t i = 0; i < of; i++)
		green += health_ask(&scratch, &ask) == CHECK_GREEN;
	free(scratch.output);
	into->before = (int)health_samples(green, of);
	apply_tell(
		a, (int64_t)green, (int64_t)of, "before the swap %s: %s", into->name, check_result_words[into->before]);
}

/* Confirmation is asked for where it could be given: a path worked before, or none is looked at. */
static void sample_all(struct apply *a)
{
	struct list *checks = &a->ledger.attempt.receipt.checks;
	struct receipt_check *c = checks->items;
	size_t paths = 0, green = 0;

	for (size_t i = 0; i < checks->count; i++) {
		if (c[i].class != CHECK_PATH)
			continue;
		sample(a, &c[i]);
		paths++;
		green += c[i].before == CHECK_GREEN;
	}
	a->ledger.attempt.worked = paths == 0 || green > 0;
}

static void start_new(struct apply *a)
{
	struct receipt_check end = {0};

	if (hook_run(&end, a->config, &a->new, HOOK_START) == CHECK_RED) {
		struct receipt_check *c = apply_extra_check(a, "hook.start", CHECK_LOCAL);
		c->after = CHECK_RED;
		c->took_ms = end.took_ms;
		c->status = end.status;
		health_say(c, "%s", end.output ? end.output : "");
		apply_tell(a, 0, 0, "start hook: red");
	}
	free(end.output);
}

/* Where apply itself is not heard of any more, guard goes back: after all that may still come. */
static bool tell_guard(struct apply *a, struct err *e)
{
	struct guard_trial trial = {
		.left_ms = attempt_left_ms(&a->ledger.attempt) + 2 * steps_prove_ms(a) + GUARD_SLACK_MS};
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, a->ledger.attempt.from);
	snprintf(trial.back, sizeof trial.back, "releases/%s", hex);
	return guard_begin(a->store->dir, GUARD_RELEASE, &trial, e);
}

static bool swap(struct apply *a, struct err *e)
{
	struct receipt_check end = {0};

	list_checks(a);
	sample_all(a);
	a->ledger.attempt.swapped_ms = clock_boot_ms();
	if (!apply_save(a, e))
		return false;
	if (hook_run(&end, a->config, &a->old, HOOK_STOP) == CHECK_RED)
		apply_tell(a, 0, 0, "stop hook of the old release: %.300s", end.output ? end.output : "failed");
	free(end.output);
	steps_heal_old(a); /* guard, which may be who goes back, heals nothing */
	return tell_guard(a, e) && release_swap(a->store, a->ledger.attempt.release, e);
}

enum apply_say step_swap(struct apply *a, struct err *e)
{
	struct digest current;

	if (!steps_open(a, e) || !release_current(&current, a->store, e))
		return APPLY_FAILED;
	if (!digest_eq(current, a->ledger.attempt.release) && !swap(a, e))
		return APPLY_FAILED;
	start_new(a);
	return APPLY_DONE;
}

/* --- prove --- */

static void ask_one(struct apply *a, size_t i)
{
	struct receipt_check *c = (struct receipt_check *)a->ledger.attempt.receipt.checks.items + i;
	const struct check *check = steps_find_check(&a->new, c->name);
	int was = c->after;
	struct health_ask ask = {
		.config = a->config,
		.release = &a->new,
		.check = check,
		.swapped_ms = a->ledger.attempt.swapped_ms,
		.left_ms = attempt_left_ms(&a->ledger.attempt),
	};

	if (!check)
		return;
	c->after = (int)health_ask(c, &ask);
	health_mark(&a->mark[i], (enum check_result)c->after, clock_boot_ms());
	if (c->after != was)
		apply_tell(a, (int64_t)i + 1, (int64_t)a->ledger.attempt.receipt.checks.count, "%s: %s", c->name,
			check_result_words[c->after]);
}

/* One round; at the deadline it stops, and the judge closes what is open. */
static bool ask_all(struct apply *a)
{
	size_t count = a->ledger.attempt.receipt.checks.count;

	for (size_t i = 0; i < count; i++) {
		if (attempt_left_ms(&a->ledger.attempt) <= 0)
			return false;
		ask_one(a, i);
	}
	return true;
}

static enum apply_say proven(struct apply *a, enum verdict v, const char *text)
{
	steps_end(a, v, text);
	return APPLY_DONE;
}

static enum apply_say judge(struct apply *a, bool end, int64_t started_ms, struct err *e)
{
	struct list *checks = &a->ledger.attempt.receipt.checks;
	const struct plan *p = &a->new.manifest.plan;

	switch (health_judge(checks, a->mark, p->trial.settle_ms, end)) {
	case HEALTH_PASS:
		return proven(a, VERDICT_PASS, "all checks hold");
	case HEALTH_RED:
		return steps_red(health_first_red(checks), e);
	case HEALTH_MORE:
		return steps_wait(a, MIN(started_ms + ROUND_MS - clock_boot_ms(), attempt_left_ms(&a->ledger.attempt)));
	case HEALTH_UNPROVEN:
		break;
	}
	if (!p->trial.touches)
		return proven(a, VERDICT_UNPROVEN, "the network was down before and after: path checks say nothing");
	err_set(e, ERR_FAILED, "it touches the network, ssh or the agent, and no path could be proven");
	return APPLY_FAILED;
}

static bool still_runs(struct apply *a, struct err *e)
{
	struct digest current;

	return release_current(&current, a->store, e) &&
	       (digest_eq(current, a->ledger.attempt.release) ||
		       err_set(e, ERR_FAILED, "it was overdue, and guard went back"));
}

/* A start hook that failed does not get better by waiting. */
enum apply_say step_prove(struct apply *a, struct err *e)
{
	int64_t started_ms = clock_boot_ms();

	if (!steps_open(a, e) || !still_runs(a, e))
		return APPLY_FAILED;
	const struct receipt_check *hook = health_first_red(&a->ledger.attempt.receipt.checks);
	if (hook && strcmp(hook->name, "hook.start") == 0)
		return steps_red(hook, e);
	if (a->ledger.attempt.boots_left == 0) {
		struct receipt_check *c = apply_extra_check(a, "reboots", CHECK_LOCAL);
		c->after = CHECK_RED;
		health_say(c, "the host was restarted again and again during the trial");
		return steps_red(c, e);
	}
	bool end = !ask_all(a) || attempt_left_ms(&a->ledger.attempt) <= 0;
	return judge(a, end, started_ms, e);
}

/* --- confirm --- */

bool step_wants_confirm(const struct apply *a)
{
	return a->new.manifest.plan.trial.touches && a->ledger.attempt.worked;
}

enum apply_say step_confirm(struct apply *a, struct err *e)
{
	if (!steps_open(a, e) || !still_runs(a, e))
		return APPLY_FAILED;
	return confirm_wait(a, "nobody reached this host over a new connection before the deadline", e);
}
