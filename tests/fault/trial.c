/* One point. */
#include "tests/fault/trial.h"

#include "agent/guard/record.h"

/* --- the next start --- */

/* What systemd starts, by agent/units/, and nothing else: who settles a trial is one of these. */
enum unit_code { CODE_LATER = 3, CODE_BACK = 9 }; /* of pull; its unit takes both for well */

static bool ended(int code, struct world *w, const char *unit, struct err *e)
{
	cleanup(buf_free) struct buf said = {0};

	if (code == 0)
		return true;
	program_said(&said, w);
	return err_set(e, ERR_FAILED, "%s: exit code %d: %.600s", unit, code, buf_str(&said).data);
}

/* fleet-agent-guard.service */
static bool guard(struct world *w, struct err *e)
{
	cleanup(free_ptr) char *record = path_form("%s/guard", w->t.at.state);
	char *argv[] = {w->guard, w->t.at.state, NULL};

	return !fs_exists(AT_FDCWD, record) || ended(program_start(w, argv, (struct str){0}, NULL), w, "guard", e);
}

/* fleet-agent-boot.service: the packaged one. A trial that it has taken up goes on by itself. */
static bool start(struct world *w, struct err *e)
{
	char *argv[] = {w->packaged ? w->packaged : w->agent, "boot", "--config-dir", w->t.at.config, NULL};

	return ended(program_start(w, argv, (struct str){0}, NULL), w, "boot", e);
}

/* fleet-agent-pull.timer, when a poll is due. A payload whose last bytes were lost is found out when it is whole, and who was busy
 * is asked again: by the next poll. */
static bool pull(struct told *t, struct err *e)
{
	struct world *w = &t->w;
	char *argv[] = {w->agent, "pull", "--now", "--config-dir", w->t.at.config, NULL};
	int code = program_run(w, argv, (struct str){0}, NULL);

	if (code == 1 || code == CODE_LATER)
		code = program_run(w, argv, (struct str){0}, NULL);
	return code == CODE_BACK || code == t->story->code || ended(code, w, "pull", e);
}

static bool pulls(const struct told *t)
{
	return strcmp(t->story->word, "pull") == 0;
}

static bool is_enrolled(struct world *w)
{
	struct facts f;
	struct err e;

	(void)!facts_read(&f, w, &e); /* what boot makes of what is there, it shall say */
	return f.enrolled;
}

/* Guard before it, and at once and again by its timer; a host that pulls, does so. A trial that waits for its confirmation gets it
 * from there. */
static bool boot(struct told *t, struct err *e)
{
	struct world *w = &t->w;

	program_reboot(w);
	if (!is_enrolled(w))
		return true;
	if (!guard(w, e) || !start(w, e))
		return false;
	if (!t->story->follow && !program_wait())
		return err_set(e, ERR_FAILED, "what boot has started does not end");
	return (!t->story->follow || guard(w, e)) && (!pulls(t) || pull(t, e)) && guard(w, e);
}

/* --- once more --- */

static bool is_done(struct told *t)
{
	struct err e;

	return check_end(&t->w, t->story, buf_str(&t->end), STRICT_END, &e);
}

/* Where all begins anew, the start after it sweeps what was there. */
static bool again(struct told *t, struct err *e)
{
	cleanup(buf_free) struct buf said = {0};
	const char *word = story_then(t->story);

	if (t->story->once && is_enrolled(&t->w) && is_done(t))
		return true;
	int code = story_run_then(&t->w, t->story);
	if (code == 1 && strcmp(word, "pull") == 0)
		code = story_run_then(&t->w, t->story);
	if (code == 0 || code == t->story->code)
		return !t->story->anew || boot(t, e);
	program_said(&said, &t->w);
	return err_set(e, ERR_FAILED, "exit code %d: %.600s", code, buf_str(&said).data);
}

static bool holds(bool good, const char *when, struct err *e)
{
	return good || err_in(e, "%s", when);
}

static bool counted_boot(struct told *t, struct err *e)
{
	program_operations(&t->w);
	bool good = boot(t, e);
	t->recovery = program_operations(&t->w);
	return good;
}

bool trial_strike(struct told *t, long n, struct err *e)
{
	struct err struck;

	program_operations(&t->w);
	t->w.strike = n;
	(void)!boot(t, &struck);
	t->w.strike = 0;
	return holds(t->story->hurt || check_current(&t->w, e), "as the second cut left it", e);
}

static bool recover(struct told *t, enum strict strict, bool once_more, struct err *e)
{
	struct world *w = &t->w;
	struct facts left, floor;

	if (!holds((t->story->hurt || check_current(w, e)) && facts_read(&left, w, e), "as it was left", e))
		return false;
	floor = facts_later(&t->before, &left);
	if (t->story->anew)
		facts_forget(&floor);
	return holds(t->story->anew || check_trust(w, &t->before, e), "as it was left", e) && holds(counted_boot(t, e), "at boot", e) &&
	       holds(check_settled(w, &floor, e), "after boot", e) && holds(!once_more || again(t, e), "once more", e) &&
	       holds(check_settled(w, &floor, e), "after once more", e) &&
	       holds(check_end(w, t->story, buf_str(&t->end), strict, e), "in the end", e);
}

bool trial_recover(struct told *t, enum strict strict, struct err *e)
{
	return recover(t, strict, true, e);
}

bool trial_stays(struct told *t, struct err *e)
{
	return recover(t, STRICT_END, false, e);
}

bool trial_is_guarded(const struct told *t)
{
	cleanup(fd_close) int state = -1;
	struct guard_record r;
	struct err e;

	return fs_open_dir(&state, AT_FDCWD, t->w.t.at.state, &e) && guard_read(&r, state, &e) &&
	       (*r.trial[GUARD_RELEASE].back || *r.trial[GUARD_AGENT].back);
}

bool trial_make_overdue(struct told *t, struct err *e)
{
	cleanup(fd_close) int state = -1;
	struct guard_record r;

	if (!fs_open_dir(&state, AT_FDCWD, t->w.t.at.state, e) || !guard_read(&r, state, e))
		return false;
	for (enum guard_what i = 0; i < GUARD_TRIALS; i++)
		r.trial[i].left_ms = 0;
	return guard_write(&r, state, e);
}

bool trial_tell_on(struct told *t, struct err *e)
{
	return boot(t, e) && again(t, e);
}

/* --- undisturbed --- */

static void take_record(struct told *t)
{
	cleanup(buf_free) struct buf looks = BUF_MAX(64 * MIB);

	must(fs_read(&t->text, AT_FDCWD, t->w.log, e) && tape_read(&t->tape, buf_str(&t->text), t->w.t.dir, e));
	must(fs_read(&looks, AT_FDCWD, t->w.looks, e) && looks_read(&t->looks, buf_str(&looks), t->w.t.dir, e));
	assert_true(t->tape.count > 0);
	t->operations = t->tape.op[t->tape.count - 1].number;
}

/* What is done but once is told from what is not by the end. */
static void take_end(struct told *t)
{
	buf_clear(&t->end);
	check_entries(&t->end, &t->w);
}

void told_open(struct told *t, const struct story *s, const char *build)
{
	*t = (struct told){.story = s, .text = BUF_MAX(256 * MIB)};
	struct world *w = &t->w;
	struct err why;

	story_begin(w, s, build);
	must(facts_read(&t->before, w, e));
	if (s->anew)
		facts_forget(&t->before);
	program_record(w, true);
	int code = story_run(w, s, NULL);
	program_record(w, false);
	bool good = code == s->code;
	if (good)
		take_record(t);
	world_list(&t->after, w);
	good = good && boot(t, &why);
	take_end(t);
	good = good && again(t, &why);
	take_end(t);
	if (!good || !check_settled(w, &t->before, &why) || !check_end(w, s, buf_str(&t->end), STRICT_END, &why)) {
		cleanup(buf_free) struct buf said = {0};
		program_said(&said, w);
		fail_msg("%s, undisturbed: exit code %d, %s; %s", s->name, code, code != s->code ? "" : why.text, buf_str(&said).data);
	}
}

void told_close(struct told *t)
{
	world_close(&t->w);
	buf_free(&t->after);
	buf_free(&t->end);
	buf_free(&t->text);
	tape_free(&t->tape);
	looks_free(&t->looks);
}
