/* The way back: the old release runs again, and is looked at the same way, so that no release is blamed for the
 * network. */
#include <stdlib.h>

#include "agent/apply/hooks.h"
#include "agent/apply/steps.h"

enum { ROUND_MS = 1000, LOOK_MS_MAX = 10 * 60 * 1000, SLACK_MS = 60 * 1000, TRIES_WITH_HOOKS = 2 };

/* By its own deadline; a release without checks is looked at with those of the new one, and by its deadline. */
static int64_t look_ms(const struct apply *a)
{
	const struct release *r = a->old.tree && a->old.manifest.plan.checks.count ? &a->old : &a->new;

	return r->tree ? MIN(r->manifest.plan.trial.deadline_ms, LOOK_MS_MAX) : 0;
}

int64_t steps_rollback_ms(struct apply *a)
{
	struct err e;

	(void)!steps_open(a, &e);
	return 2 * HOOK_MS + SLACK_MS + look_ms(a);
}

/* --- going back --- */

static void stop_new(struct apply *a)
{
	struct receipt_check end = {0};

	if (a->new.tree && hook_run(&end, a->config, &a->new, HOOK_STOP) == CHECK_RED)
		apply_tell(a, 0, 0, "stop hook: %.300s", end.output ? end.output : "failed");
	free(end.output);
}

static void start_old(struct apply *a)
{
	struct receipt_check end = {0};

	if (a->old.tree && hook_run(&end, a->config, &a->old, HOOK_START) == CHECK_RED) {
		struct receipt_check *c = apply_extra_check(a, "hook.start", CHECK_LOCAL);
		c->old = CHECK_RED;
		apply_tell(a, 0, 0, "start hook of the old release: %.300s", end.output ? end.output : "failed");
	}
	free(end.output);
}

/* Hooks that end this process are not run for ever: the last start that serve gives an apply is without. */
static bool go_back(struct apply *a, struct err *e)
{
	bool hooks = a->ledger.attempt.tries <= TRIES_WITH_HOOKS;
	struct digest current, from = a->ledger.attempt.from;
	struct err no;

	(void)!steps_open(a, &no);
	if (!release_current(&current, a->store, e))
		return false;
	if (!digest_eq(current, from)) {
		if (hooks)
			stop_new(a);
		a->ledger.attempt.swapped_ms = clock_boot_ms();
		steps_heal_old(a);
		if (!apply_save(a, e) || !release_swap(a->store, from, e))
			return false;
	}
	if (hooks)
		start_old(a);
	apply_tell(a, 0, 0, "the release before runs again");
	return true;
}

/* --- looking --- */

/* What can say whether the old release has the same trouble: its own check of that name; for a path, else the new
 * one's. */
static bool witness(struct health_ask *out, struct apply *a, const struct receipt_check *c)
{
	const struct check *was = steps_find_check(&a->old, c->name);
	const struct check *is = steps_find_check(&a->new, c->name);
	bool by_new = !was && is && is->class == CHECK_PATH;

	*out = (struct health_ask){
		.config = a->config,
		.release = by_new ? &a->new : &a->old,
		.check = by_new ? is : was,
		.swapped_ms = a->ledger.attempt.swapped_ms,
		.left_ms = attempt_left_ms(&a->ledger.attempt),
	};
	return out->check != NULL;
}

static const struct receipt_check *find_red(const struct list *checks, const char *name)
{
	const struct receipt_check *c = checks->items;

	for (size_t i = 0; i < checks->count; i++)
		if (c[i].after == CHECK_RED && strcmp(c[i].name, name) == 0)
			return &c[i];
	return NULL;
}

/* A missing confirmation is looked into by the paths that worked before. */
static bool is_suspect(const struct receipt_check *c, bool unconfirmed)
{
	return c->after == CHECK_RED || (unconfirmed && c->class == CHECK_PATH && c->before == CHECK_GREEN);
}

/* True when everything that was red is green now: there is nothing left to wait for. */
static bool look(struct apply *a)
{
	struct list *checks = &a->ledger.attempt.receipt.checks;
	struct receipt_check *c = checks->items;
	bool unconfirmed = find_red(checks, "confirm") != NULL, all = true;

	for (size_t i = 0; i < checks->count; i++) {
		struct receipt_check answer = {0};
		struct health_ask ask;
		if (!is_suspect(&c[i], unconfirmed) || c[i].old == CHECK_GREEN || !witness(&ask, a, &c[i]))
			continue;
		if (attempt_left_ms(&a->ledger.attempt) <= 0)
			return true;
		c[i].old = (int)health_ask(&answer, &ask);
		free(answer.output);
		all = all && c[i].old == CHECK_GREEN;
	}
	return all;
}

static void look_for_confirm(struct apply *a)
{
	struct list *checks = &a->ledger.attempt.receipt.checks;
	struct receipt_check *c = checks->items, *confirm = (struct receipt_check *)find_red(checks, "confirm");

	for (size_t i = 0; confirm && i < checks->count; i++)
		if (&c[i] != confirm && c[i].class == CHECK_PATH && c[i].old == CHECK_RED)
			confirm->old = CHECK_RED;
}

/* Guilty as soon as one thing is red that the old release does well, or that is the new one's alone. Nothing red: it
 * came to no trial, or no path could be proven; that says nothing about it. */
static bool is_guilty(const struct list *checks)
{
	const struct receipt_check *c = checks->items;

	for (size_t i = 0; i < checks->count; i++) {
		if (c[i].after != CHECK_RED)
			continue;
		if (c[i].old != CHECK_RED)
			return true;
	}
	return false;
}

static enum apply_say blame(struct apply *a)
{
	struct attempt *t = &a->ledger.attempt;

	look_for_confirm(a);
	bool guilty = is_guilty(&t->receipt.checks);
	t->receipt.verdict = guilty ? VERDICT_FAIL : VERDICT_ENVIRONMENT;
	if (guilty)
		marks_add(&a->ledger.guilty, t->release);
	return APPLY_DONE;
}

static enum apply_say undone(struct apply *a)
{
	struct attempt *t = &a->ledger.attempt;

	marks_add(&a->ledger.held, t->release);
	a->ledger.has_previous = false;
	a->ledger.since = clock_now().unix_s;
	t->receipt.verdict = VERDICT_UNDONE;
	free(t->receipt.text);
	t->receipt.text = str_dup(STR("taken back by an operator, and held"));
	return APPLY_DONE;
}

enum apply_say step_rollback(struct apply *a, struct err *e)
{
	if (!a->back && !go_back(a, e))
		return APPLY_FAILED;
	if (!a->back)
		attempt_deadline(&a->ledger.attempt, look_ms(a));
	a->back = true;
	if (a->ledger.attempt.undo)
		return undone(a);
	if (!look(a) && attempt_left_ms(&a->ledger.attempt) > 0)
		return steps_wait(a, MIN(ROUND_MS, attempt_left_ms(&a->ledger.attempt)));
	return blame(a);
}
