/* fault: one after the other, every operation of every story is a point where the power goes off, an un-synced write is lost,
 * or the kernel says no. Manual: README.md here. */
#include <stdio.h>

#include "base/opts.h"
#include "tests/fault/cuts.h"
#include "tests/fault/errors.h"
#include "tests/fault/kills.h"

enum { TRIES_A_STORY = 10 };

struct wish {
	const char *build, *seconds, *story, *error;
	bool syncs, first;
	int64_t seed, jobs, kills, twice, overdue, cuts, later, errors, reads;
};

static bool is_wanted(const struct wish *w, const struct story *s)
{
	for (struct str rest = str_of(w->story); rest.len;)
		if (str_is(str_cut(rest, ',', &rest), s->name))
			return true;
	return !w->story;
}

static void tell(const struct wish *w, struct points *p, const struct story *s)
{
	struct told t;

	told_open(&t, s, w->build);
	long cuts = p->passed[POINT_CUTS];
	kills_try(&t, p);
	if (p->every[POINT_CUTS])
		cuts_try(&t, p);
	if (p->every[POINT_LATER])
		cuts_try_later(&t, p);
	errors_try(&t, p, w->error);
	looks_try(&t, p, w->error);
	if (p->job == 0)
		fprintf(stderr, "%s: %ld operations, %zu looks, %ld cuts\n", s->name, t.operations, t.looks.count,
			p->passed[POINT_CUTS] - cuts);
	told_close(&t);
}

/* --- syncs left out --- */

static void leave_out(const struct wish *w, struct points *p, const struct story *s)
{
	struct told t;
	struct err e;

	told_open(&t, s, w->build);
	if (!cuts_know_places(&t.tape, p, &e))
		fail_msg("%s", e.text);
	cuts_leave_out(&t, p, TRIES_A_STORY);
	told_close(&t);
}

enum end { MISSED, SPARE, NO_TIME, NOT_MET, NOT_MISSED, ENDS };
static const char *const end_words[ENDS] = {
	[SPARE] = "spare", [NO_TIME] = "no time", [NOT_MET] = "NOT MET", [NOT_MISSED] = "NOT MISSED"};

static enum end end_of(const struct wish *w, const struct points *p, int i)
{
	if (points_is_missed(p, i))
		return MISSED;
	if (points_is_cut_short(p, i) || (!points_is_met(p, i) && (w->story || points_late(p))))
		return NO_TIME;
	if (!points_is_met(p, i))
		return NOT_MET;
	return sync_places[i].spare ? SPARE : NOT_MISSED;
}

/* A row that no story comes to says nothing: it is an error like one that nobody missed. */
static bool left_out_summary(const struct wish *w, const struct points *p)
{
	int all = 0, count[ENDS] = {0};

	for (; sync_places[all].why; all++) {
		const struct sync_place *r = &sync_places[all];
		enum end end = end_of(w, p, all);
		count[end]++;
		if (end != MISSED)
			printf("%s: sync \"%s\" of %s%s%s\n", end_words[end], r->why, r->at, end == SPARE ? ": " : "",
				end == SPARE ? r->spare : "");
	}
	printf("fault: %d syncs left out, %d of them spare: %d were not missed, there was no time for %d (seed %llu)\n",
		all - count[NO_TIME], count[SPARE], count[NOT_MET] + count[NOT_MISSED], count[NO_TIME], (unsigned long long)p->seed);
	return count[NOT_MET] + count[NOT_MISSED] == 0;
}

/* Where there is no time for all, the seed says which come first. */
static int work(const struct wish *w, struct points p, int job)
{
	p.job = job;
	for (size_t i = 0; i < story_count; i++) {
		const struct story *s = &stories[(i + p.seed - 1) % story_count];
		if (is_wanted(w, s))
			(w->syncs ? leave_out : tell)(w, &p, s);
	}
	return 0;
}

/* Each job has a world of its own. */
static bool share_out(const struct wish *w, const struct points *p)
{
	bool good = true;
	int status;

	for (int i = 0; i < p->jobs; i++)
		if (fork() == 0)
			exit(work(w, *p, i));
	while (wait(&status) > 0)
		good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return good;
}

static const char *const tried_words[POINT_KINDS] = {
	[POINT_KILLS] = "points killed",
	[POINT_TWICE] = "killed twice",
	[POINT_OVERDUE] = "overdue",
	[POINT_CUTS] = "cuts rebuilt",
	[POINT_LATER] = "cuts after a kill",
	[POINT_ERRORS] = "errors",
	[POINT_READS] = "errors at a look",
};

static void summary(const struct points *p)
{
	const struct tally *t = p->tally;

	printf("fault: ");
	for (int i = 0; i < POINT_KINDS; i++)
		printf("%ld %s%s", tally_tried(t, (enum point_kind)i), tried_words[i], i + 1 < POINT_KINDS ? ", " : ": ");
	printf("%ld failed, there was no time for %ld (seed %llu)\n", tally_failed(t), tally_left(t), (unsigned long long)p->seed);
}

int main(int argc, char **argv)
{
	struct wish w = {.seed = 1, .jobs = 2, .kills = 1, .twice = 1, .overdue = 1, .cuts = 1, .later = 1, .errors = 1, .reads = 1};
	const struct opt table[] = {
		{"seed", 0, OPT_COUNT, &w.seed, "N", "which of them, where not all are tried", .max = 1000000000},
		{"jobs", 0, OPT_COUNT, &w.jobs, "N", "at the same time", .min = 1, .max = 64},
		{"story", 0, OPT_TEXT, &w.story, "NAME", "this one alone; or several, with commas between"},
		{"error", 0, OPT_TEXT, &w.error, "WORD", "this error alone: EIO, rot, ..."},
		{"kills", 0, OPT_COUNT, &w.kills, "N", "one of N kills; 0: none", .max = 1000000},
		{"twice", 0, OPT_COUNT, &w.twice, "N", "one of N kills, and another in the start after it; 0: none", .max = 1000000},
		{"overdue", 0, OPT_COUNT, &w.overdue, "N", "one of N kills in a trial, and its time is over then; 0: none", .max = 1000000},
		{"cuts", 0, OPT_COUNT, &w.cuts, "N", "one of N cuts; 0: none", .max = 1000000},
		{"later", 0, OPT_COUNT, &w.later, "N", "one of N kills, and a cut in the start after it; 0: none", .max = 1000000},
		{"errors", 0, OPT_COUNT, &w.errors, "N", "one of N errors; 0: none", .max = 1000000},
		{"reads", 0, OPT_COUNT, &w.reads, "N", "one of N errors where nothing is changed; 0: none", .max = 1000000},
		{"first", 0, OPT_FLAG, &w.first, NULL, "stop at the first that fails"},
		{"syncs", 0, OPT_FLAG, &w.syncs, NULL, "leave out each sync in turn: it must be missed"},
		{"BUILD", 0, OPT_ARG, &w.build, NULL, "build folder with -DFLEET_FAULT=ON", .required = true},
		{"SECONDS", 0, OPT_ARG, &w.seconds, NULL, "stop then, if not all is done before"},
		{0},
	};
	uint64_t seconds = 0;
	struct err e;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!opts_read(table, argc, argv, &e)) {
		fprintf(stderr, "fault: %s\n", e.text);
		return 2;
	}
	if (w.seconds && !str_number(&seconds, str_of(w.seconds), 1000000)) {
		fprintf(stderr, "fault: SECONDS is a number, not %s\n", w.seconds);
		return 2;
	}
	if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1); /* what a sync does is the model's; that it is quick is ours */
	struct points p = {
		.seed = (uint64_t)w.seed,
		.jobs = (int)w.jobs,
		.every = {[POINT_KILLS] = w.kills, [POINT_TWICE] = w.twice, [POINT_OVERDUE] = w.overdue, [POINT_CUTS] = w.cuts,
			[POINT_LATER] = w.later, [POINT_ERRORS] = w.errors, [POINT_READS] = w.reads},
		.until_failed = w.first,
		.until_ms = seconds ? clock_boot_ms() + (int64_t)seconds * 1000 : 0,
		.tally = tally_new(),
	};
	bool done = share_out(&w, &p);
	if (w.syncs)
		return done && left_out_summary(&w, &p) ? 0 : 1;
	summary(&p);
	return done && !tally_failed(p.tally) ? 0 : 1;
}
