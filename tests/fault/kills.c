/* Every step, killed. */
#include "tests/fault/kills.h"

#include "base/fault.h"

static bool kill_at(struct told *t, long n, const char *when, struct err *e)
{
	cleanup(free_ptr) char *fault = path_form("FLEET_FAULT_AT=%ld:%s", n, when);

	world_restore(&t->w);
	int code = story_run(&t->w, t->story, fault);
	return code < PROGRAM_KILLED || err_set(e, ERR_FAILED, "it ended with %d", code);
}

/* And once more in the start that follows, somewhere. */
static void kill_twice(struct told *t, struct points *p, long n, const char *when)
{
	struct err e = {0};
	uint64_t state = (uint64_t)n;
	char what[300];

	bool good = kill_at(t, n, when, &e) && trial_recover(t, STRICT_END, &e);
	long again = 1 + (long)points_draw(p->seed, &state, (uint64_t)MAX(t->recovery, 1));
	good = good && kill_at(t, n, when, &e) && trial_strike(t, again, &e) && trial_recover(t, STRICT_END, &e);
	tape_text(what, &t->tape, n);
	points_note(p, POINT_TWICE, good, "%s: killed %s operation %ld, %s, and before operation %ld of the start after: %s", t->story->name,
		when, n, what, again, e.text);
}

/* The clock of guard has run out when the power comes back: it goes back before boot can take the trial up. */
static void kill_overdue(struct told *t, struct points *p, long n, const char *when)
{
	struct err e = {0};
	char what[300];

	bool good = kill_at(t, n, when, &e);
	if (good && !trial_is_guarded(t))
		return; /* an ordinary kill */
	good = good && trial_make_overdue(t, &e) && trial_recover(t, STRICT_END, &e);
	tape_text(what, &t->tape, n);
	points_note(p, POINT_OVERDUE, good, "%s: killed %s operation %ld, %s, and overdue when it starts again: %s", t->story->name, when, n,
		what, e.text);
}

void kills_try(struct told *t, struct points *p)
{
	static const char *const when[] = {"before", "after", "torn"};

	for (long n = 1; n <= t->operations; n++)
		for (size_t i = 0; i < COUNT_OF(when); i++) {
			struct err e = {0};
			char what[300];
			if (strcmp(when[i], "torn") == 0 && !tape_is_write(&t->tape, n))
				continue;
			if (points_take(p, POINT_TWICE))
				kill_twice(t, p, n, when[i]);
			if (points_take(p, POINT_OVERDUE))
				kill_overdue(t, p, n, when[i]);
			if (!points_take(p, POINT_KILLS))
				continue;
			tape_text(what, &t->tape, n);
			bool good = kill_at(t, n, when[i], &e) && trial_recover(t, STRICT_END, &e);
			points_note(p, POINT_KILLS, good, "%s: killed %s operation %ld, %s: %s", t->story->name, when[i], n,
				what, e.text);
		}
}
