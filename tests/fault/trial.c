/* One point. */
#include "tests/fault/trial.h"

/* --- the next start --- */

static bool run(struct world *w, char *const argv[], struct err *e)
{
	cleanup(buf_free) struct buf said = {0};
	int code = program_run(w, argv, (struct str){0}, NULL);

	if (code == 0)
		return true;
	program_said(&said, w);
	return err_set(e, ERR_FAILED, "%s: exit code %d: %.600s", argv[1], code, buf_str(&said).data);
}

/* A payload whose last bytes were lost is found out when it is whole, and fetched anew by the next poll. */
static bool pull(struct world *w, struct err *e)
{
	char *argv[] = {w->agent, "pull", "--now", "--config-dir", w->t.at.config, NULL};

	return run(w, argv, e) || run(w, argv, e); /* what went back said so once */
}

static bool is_enrolled(struct world *w)
{
	struct facts f;

	facts_read(&f, w);
	return f.enrolled;
}

/* A trial that waits for its confirmation gets it from the next pull. */
static bool boot(struct told *t, struct err *e)
{
	struct world *w = &t->w;
	char *boot[] = {w->agent, "boot", "--config-dir", w->t.at.config, NULL};
	char *apply[] = {w->agent, "apply", "--config-dir", w->t.at.config, NULL};
	char *guard[] = {w->guard, w->t.at.state, NULL};

	program_reboot(w);
	if (!is_enrolled(w))
		return true;
	if (!t->story->follow)
		return run(w, boot, e) && run(w, guard, e) && run(w, apply, e);
	if (program_start(w, boot, (struct str){0}, NULL) != 0)
		return err_set(e, ERR_FAILED, "boot failed");
	return pull(w, e) && run(w, guard, e) && run(w, apply, e);
}

/* --- once more --- */

static bool is_done(struct told *t)
{
	struct err e;

	return check_end(&t->w, t->story, buf_str(&t->end), STRICT_END, &e);
}

/* An enrolment that is done, and an undo, are not done twice. */
static bool again(struct told *t, struct err *e)
{
	cleanup(buf_free) struct buf said = {0};
	bool once = strcmp(t->story->word, "rollback") == 0 || strcmp(t->story->word, "enrol") == 0;

	if (once && is_enrolled(&t->w) && is_done(t))
		return true;
	int code = story_run(&t->w, t->story, NULL);
	if (code == 1 && strcmp(t->story->word, "pull") == 0)
		code = story_run(&t->w, t->story, NULL);
	if (code == 0 || code == t->story->code)
		return true;
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

bool trial_recover(struct told *t, enum strict strict, struct err *e)
{
	struct world *w = &t->w;

	return holds(t->story->hurt || check_current(w, e), "as it was left", e) && holds(counted_boot(t, e), "at boot", e) &&
	       holds(check_settled(w, &t->before, e), "after boot", e) && holds(again(t, e), "once more", e) &&
	       holds(check_settled(w, &t->before, e), "after once more", e) &&
	       holds(check_end(w, t->story, buf_str(&t->end), strict, e), "in the end", e);
}

/* --- undisturbed --- */

static void take_record(struct told *t)
{
	must(fs_read(&t->text, AT_FDCWD, t->w.log, e) && tape_read(&t->tape, buf_str(&t->text), t->w.t.dir, e));
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
	facts_read(&t->before, w);
	cleanup(free_ptr) char *record = path_form("FLEET_FAULT_LOG=%s", w->log);
	int code = story_run(w, s, record);
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
}
