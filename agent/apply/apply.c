/* The life of a release on this Pi. */
#include "agent/apply/apply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agent/apply/progress.h"
#include "agent/apply/steps.h"
#include "agent/boot/heal.h"
#include "agent/store/linked.h"

enum {
	MINUTE_MS = 60 * 1000,
	TRIES_MAX = 5,       /* starts of one step: what ends the process each time must not do so for ever */
	BOOTS_MAX = 5,       /* reboots that one attempt may live through */
	WATCHDOG_S = 2 * 60, /* beyond a step's deadline, when the step itself no longer answers */
};

struct row {
	apply_step *run;
	enum step done, failed;
	int64_t deadline_ms;
	int64_t (*deadline)(struct apply *a);  /* instead, where the manifest says */
	bool (*wanted)(const struct apply *a); /* else it is passed over */
	bool (*fix)(struct apply *a, struct err *e); /* what is written down with it */
};
static const struct row release_rows[STEP_COUNT] = {
	[STEP_IDLE] = {step_settle, .done = STEP_IDLE, .failed = STEP_IDLE, .deadline_ms = 5 * MINUTE_MS,
		.fix = steps_fix_receipt},
	[STEP_FETCH] = {step_fetch, .done = STEP_VERIFY, .failed = STEP_IDLE, .deadline_ms = 10 * MINUTE_MS},
	[STEP_VERIFY] = {step_verify, .done = STEP_UNPACK, .failed = STEP_IDLE, .deadline_ms = 10 * MINUTE_MS},
	[STEP_UNPACK] = {step_unpack, .done = STEP_REREAD, .failed = STEP_IDLE, .deadline_ms = 20 * MINUTE_MS},
	[STEP_REREAD] = {step_reread, .done = STEP_SWAP, .failed = STEP_IDLE, .deadline_ms = 20 * MINUTE_MS},
	[STEP_SWAP] = {step_swap, .done = STEP_PROVE, .failed = STEP_ROLLBACK, .deadline = steps_swap_ms},
	[STEP_PROVE] = {step_prove, .done = STEP_CONFIRM, .failed = STEP_ROLLBACK, .deadline = steps_prove_ms},
	[STEP_CONFIRM] = {step_confirm, .done = STEP_COMMIT, .failed = STEP_ROLLBACK, .deadline = steps_prove_ms,
		.wanted = step_wants_confirm},
	[STEP_COMMIT] = {step_commit, .done = STEP_IDLE, .failed = STEP_ROLLBACK, .deadline_ms = MINUTE_MS},
	[STEP_ROLLBACK] = {step_rollback, .done = STEP_IDLE, .failed = STEP_IDLE, .deadline = steps_rollback_ms},
};

/* An access list is staged before it is tried, and proven by being come in by. */
static const struct row access_rows[STEP_COUNT] = {
	[STEP_IDLE] = {step_settle, .done = STEP_IDLE, .failed = STEP_IDLE, .deadline_ms = 5 * MINUTE_MS,
		.fix = steps_fix_receipt},
	[STEP_SWAP] = {access_step_swap, .done = STEP_CONFIRM, .failed = STEP_ROLLBACK, .deadline_ms = MINUTE_MS},
	[STEP_CONFIRM] = {access_step_confirm, .done = STEP_COMMIT, .failed = STEP_ROLLBACK,
		.deadline = access_confirm_ms},
	[STEP_COMMIT] = {access_step_commit, .done = STEP_IDLE, .failed = STEP_ROLLBACK, .deadline_ms = MINUTE_MS},
	[STEP_ROLLBACK] = {access_step_back, .done = STEP_IDLE, .failed = STEP_IDLE, .deadline_ms = MINUTE_MS},
};

/* Another agent: unpacked like a release, proven by being what answers. */
static const struct row program_rows[STEP_COUNT] = {
	[STEP_IDLE] = {step_settle, .done = STEP_IDLE, .failed = STEP_IDLE, .deadline_ms = 5 * MINUTE_MS,
		.fix = steps_fix_receipt},
	[STEP_FETCH] = {step_fetch, .done = STEP_VERIFY, .failed = STEP_IDLE, .deadline_ms = 10 * MINUTE_MS},
	[STEP_VERIFY] = {step_verify, .done = STEP_UNPACK, .failed = STEP_IDLE, .deadline_ms = 10 * MINUTE_MS},
	[STEP_UNPACK] = {step_unpack, .done = STEP_REREAD, .failed = STEP_IDLE, .deadline_ms = 20 * MINUTE_MS},
	[STEP_REREAD] = {step_reread, .done = STEP_SWAP, .failed = STEP_IDLE, .deadline_ms = 20 * MINUTE_MS},
	[STEP_SWAP] = {program_step_swap, .done = STEP_CONFIRM, .failed = STEP_ROLLBACK, .deadline_ms = 5 * MINUTE_MS},
	[STEP_CONFIRM] = {program_step_confirm, .done = STEP_COMMIT, .failed = STEP_ROLLBACK,
		.deadline_ms = PROGRAM_CONFIRM_MS},
	[STEP_COMMIT] = {program_step_commit, .done = STEP_IDLE, .failed = STEP_ROLLBACK, .deadline_ms = MINUTE_MS},
	[STEP_ROLLBACK] = {program_step_back, .done = STEP_IDLE, .failed = STEP_IDLE, .deadline_ms = MINUTE_MS},
};

static const struct row *row_of(const struct attempt *a, int step)
{
	return a->access ? &access_rows[step] : a->self ? &program_rows[step] : &release_rows[step];
}

/* --- what the steps use --- */

bool apply_save(struct apply *a, struct err *e)
{
	return ledger_save(&a->ledger, a->store, e);
}

void apply_tell(struct apply *a, int64_t done, int64_t of, const char *form, ...)
{
	char step[32], text[512];
	va_list args;

	va_start(args, form);
	vsnprintf(text, sizeof text, form, args);
	va_end(args);
	snprintf(step, sizeof step, "%s", step_words[a->ledger.step]);
	struct state say = {
		.step = step,
		.text = text[0] ? text : NULL,
		.left_ms = attempt_left_ms(&a->ledger.attempt),
		.done = done,
		.of = of,
		.nonce = a->ledger.step == STEP_CONFIRM ? a->ledger.attempt.nonce : NULL,
	};

	progress_say(a->progress, &say);
}

struct receipt_check *apply_extra_check(struct apply *a, const char *name, int class)
{
	struct list *checks = &a->ledger.attempt.receipt.checks;
	struct receipt_check *c = checks->items;

	for (size_t i = 0; i < checks->count; i++)
		if (strcmp(c[i].name, name) == 0)
			return &c[i];
	checks->items = c = mem_grow(c, checks->count + 1, sizeof *c);
	c[checks->count] = (struct receipt_check){.name = str_dup(str_of(name)), .class = class};
	a->mark = mem_grow(a->mark, checks->count + 1, sizeof *a->mark);
	a->mark[checks->count] = (struct health_mark){0};
	return &c[checks->count++];
}

void apply_busy_text(char out[256], const struct ledger *l)
{
	char release[48], left[32];

	attempt_text(release, &l->attempt);
	shape_ms_text(left, attempt_left_ms(&l->attempt));
	snprintf(out, 256, "%s %s (%.64s) is at step %s, which takes another %s at most",
		l->attempt.undo ? "undoing" : l->attempt.access ? "access list" : l->attempt.self ? "agent" : "release",
		release, l->attempt.who ? l->attempt.who : "nobody named",
		step_words[l->step], left);
}

/* --- beginning --- */

bool apply_begin(struct ledger *l, const struct config *c, const struct store *s, enum step first, struct err *e)
{
	struct attempt *a = &l->attempt;
	const char *kind = c->allow_volatile ? NULL : fs_volatile(s->dir);
	struct err unheard;

	if (kind)
		return err_set(e, ERR_REFUSED, "state folder %s lies on %s by now: a restart may empty it, so nothing new is tried", s->path, kind);
	if (a->undo)
		a->from = l->previous;
	else if (a->self ? !linked_current(&a->from, s, e) : !a->access && !release_current(&a->from, s, e))
		return false;
	int64_t ms = row_of(a, (int)first)->deadline_ms;
	a->tries = 0;
	a->boots_left = BOOTS_MAX;
	a->began_ms = clock_boot_ms();
	attempt_deadline(a, ms ? ms : 10 * MINUTE_MS);
	a->receipt.format = RECEIPT_FORMAT;
	a->receipt.verdict = VERDICT_REFUSED;
	a->receipt.release = a->release;
	a->receipt.host = str_dup(str_of(c->id));
	a->receipt.plan = str_dup(str_of(c->plan));
	l->has_attempt = true;
	l->step = (int)first;
	(void)!progress_begin(s, &unheard);
	return ledger_save(l, s, e);
}

bool apply_begin_undo(struct ledger *l, const struct config *c, const struct store *s, const char *rollout,
	const char *who, struct err *e)
{
	cleanup(release_close) struct release r = {0};
	struct digest current;
	struct heal h;

	if (!l->has_previous)
		return err_set(e, ERR_MISSING, "there is no release before this one to go back to");
	if (!release_current(&current, s, e) || !release_open(&r, s, current, e))
		return false;
	if (!heal_release(&h, s, l->previous, e)) /* nobody found the one that runs wanting: it stays */
		return err_in(e, "the release before this one is not what was signed, and cannot be healed");
	l->attempt = (struct attempt){.release = current, .undo = true};
	l->attempt.receipt.release_number = r.manifest.number;
	l->attempt.receipt.rollout = rollout ? str_dup(str_of(rollout)) : NULL;
	l->attempt.who = who ? str_dup(str_of(who)) : NULL;
	return apply_begin(l, c, s, STEP_ROLLBACK, e);
}

/* --- walking --- */

static void watch(const struct apply *a)
{
	alarm((unsigned)(attempt_left_ms(&a->ledger.attempt) / 1000 + WATCHDOG_S));
}

static bool enter(struct apply *a, enum step next, struct err *e)
{
	const struct row *row = row_of(&a->ledger.attempt, (int)next);

	for (; row->wanted && !row->wanted(a); row = row_of(&a->ledger.attempt, (int)next))
		next = row->done;
	if (row->fix && !row->fix(a, e))
		return false;
	a->ledger.step = (int)next;
	a->ledger.attempt.tries = 0;
	attempt_deadline(&a->ledger.attempt, row->deadline ? row->deadline(a) : row->deadline_ms);
	if (!apply_save(a, e))
		return false;
	watch(a);
	apply_tell(a, 0, 0, "%s", "");
	return true;
}

static void note_reason(struct apply *a, const struct err *why)
{
	struct receipt *r = &a->ledger.attempt.receipt;

	free(r->text);
	r->text = str_dup(str_of(why->text));
	free(r->code);
	r->code = why->code == ERR_FAILED ? NULL : str_dup(str_of(err_word(why->code))); /* a red check is no error */
}

static enum apply_say run_step(struct apply *a, const struct row *row, struct err *e)
{
	bool last_ways = a->ledger.step == STEP_IDLE || a->ledger.step == STEP_ROLLBACK;

	if (a->ledger.attempt.tries > TRIES_MAX && !last_ways) {
		err_set(e, ERR_FAILED, "step %s was started %d times and never ended", step_words[a->ledger.step],
			TRIES_MAX);
		return APPLY_FAILED;
	}
	return row->run(a, e);
}

/* The way back and the receipt are tried again by the next start, but for a way back that never works. */
static bool must_not_give_up(const struct apply *a)
{
	bool back = a->ledger.step == STEP_ROLLBACK && a->ledger.attempt.tries <= TRIES_MAX;

	return back || a->ledger.step == STEP_IDLE;
}

static void nap(int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * 1000000)};

	nanosleep(&t, NULL);
}

static bool walk(struct apply *a, struct err *e)
{
	while (a->ledger.has_attempt) {
		const struct row *row = row_of(&a->ledger.attempt, a->ledger.step);
		struct err why = {0};
		enum apply_say say = run_step(a, row, &why);
		if (say == APPLY_WAIT) {
			nap(a->wait_ms);
			continue;
		}
		if (say == APPLY_FAILED && must_not_give_up(a)) {
			*e = why;
			return false;
		}
		if (say == APPLY_FAILED)
			note_reason(a, &why);
		if (a->ledger.has_attempt && !enter(a, say == APPLY_DONE ? row->done : row->failed, e))
			return false;
		if (a->hand_over)
			break;
	}
	return true;
}

/* A step that was cut off is started again: counted, with what is left of its time. */
static bool resume(struct apply *a, struct err *e)
{
	size_t checks = a->ledger.attempt.receipt.checks.count;

	attempt_wake(&a->ledger.attempt);
	a->ledger.attempt.tries++;
	a->mark = mem_new(checks + 1, sizeof *a->mark);
	watch(a);
	apply_tell(a, 0, 0, "%s", "");
	return apply_save(a, e);
}

bool apply_run(struct apply *a, struct err *e)
{
	struct err unheard;

	a->progress = -1;
	if (!ledger_load(&a->ledger, a->store, e))
		return false;
	if (!a->ledger.has_attempt)
		return true;
	if (!progress_open(&a->progress, a->store, &unheard))
		a->progress = -1; /* that nobody can follow stops nothing */
	bool done = resume(a, e) && walk(a, e);
	alarm(0);
	fd_close(&a->progress);
	return done;
}

void apply_free(struct apply *a)
{
	release_close(&a->new);
	release_close(&a->old);
	ledger_free(&a->ledger);
	free_ptr(&a->mark);
}
