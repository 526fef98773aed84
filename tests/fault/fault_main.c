/* fault: one after the other, every operation of every story is a point where the power goes off, an un-synced write is lost,
 * or the kernel says no. Manual: README.md here. */
#include <stdio.h>

#include "base/opts.h"
#include "tests/fault/cuts.h"
#include "tests/fault/errors.h"
#include "tests/fault/kills.h"

enum { TRIES_A_STORY = 60 };

struct wish {
	const char *build, *seconds, *story, *error;
	bool syncs;
	int64_t seed, jobs, kills, twice, cuts, errors;
};

static bool is_wanted(const struct wish *w, const struct story *s)
{
	return !w->story || strcmp(w->story, s->name) == 0;
}

static void tell(const struct wish *w, struct points *p, const struct story *s)
{
	struct told t;

	told_open(&t, s, w->build);
	long cuts = p->passed[POINT_CUTS];
	kills_try(&t, p);
	if (p->every[POINT_CUTS])
		cuts_try(&t, p);
	errors_try(&t, p, w->error);
	if (p->job == 0)
		fprintf(stderr, "%s: %ld operations, %ld cuts\n", s->name, t.operations, p->passed[POINT_CUTS] - cuts);
	told_close(&t);
}

/* --- syncs left out --- */

static void leave_out(const struct wish *w, struct points *p, const struct story *s)
{
	struct told t;
	struct err e;
	char why[1200];

	told_open(&t, s, w->build);
	if (!cuts_know_reasons(&t, &e))
		fail_msg("%s", e.text);
	for (int i = 0; sync_reasons[i].reason; i++) {
		if (i % p->jobs != p->job || points_is_missed(p, i) ||
			!cuts_miss(why, &t, sync_reasons[i].reason, TRIES_A_STORY, p->seed))
			continue;
		points_missed(p, i);
		printf("missed: sync \"%s\": %s\n", sync_reasons[i].reason, why);
	}
	told_close(&t);
}

static bool left_out_summary(const struct points *p)
{
	int all = 0, spare = 0, survived = 0;

	for (; sync_reasons[all].reason; all++) {
		const struct sync_reason *r = &sync_reasons[all];
		bool missed = points_is_missed(p, all);
		spare += !missed && r->spare;
		survived += !missed && !r->spare;
		if (!missed)
			printf("%s: sync \"%s\"%s%s\n", r->spare ? "spare" : "NOT MISSED", r->reason, r->spare ? ": " : "",
				r->spare ? r->spare : "");
	}
	printf("fault: %d syncs left out, %d of them spare: %d were not missed (seed %llu)\n", all, spare, survived,
		(unsigned long long)p->seed);
	return survived == 0;
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

static void summary(const struct points *p)
{
	const struct tally *t = p->tally;

	if (tally_left(t))
		printf("fault: the time was over: %ld points were left out\n", tally_left(t));
	printf("fault: %ld points killed, %ld killed twice, %ld cuts rebuilt, %ld errors: %ld failed (seed %llu)\n",
		tally_tried(t, POINT_KILLS), tally_tried(t, POINT_TWICE), tally_tried(t, POINT_CUTS), tally_tried(t, POINT_ERRORS), tally_failed(t),
		(unsigned long long)p->seed);
}

int main(int argc, char **argv)
{
	struct wish w = {.seed = 1, .jobs = 2, .kills = 1, .twice = 1, .cuts = 1, .errors = 1};
	const struct opt table[] = {
		{"seed", 0, OPT_COUNT, &w.seed, "N", "which of them, where not all are tried", .max = 1000000000},
		{"jobs", 0, OPT_COUNT, &w.jobs, "N", "at the same time", .min = 1, .max = 64},
		{"story", 0, OPT_TEXT, &w.story, "NAME", "this one alone"},
		{"error", 0, OPT_TEXT, &w.error, "WORD", "this error alone: EIO, rot, ..."},
		{"kills", 0, OPT_COUNT, &w.kills, "N", "one of N kills; 0: none", .max = 1000000},
		{"twice", 0, OPT_COUNT, &w.twice, "N", "one of N kills, and another in the start after it; 0: none", .max = 1000000},
		{"cuts", 0, OPT_COUNT, &w.cuts, "N", "one of N cuts; 0: none", .max = 1000000},
		{"errors", 0, OPT_COUNT, &w.errors, "N", "one of N errors; 0: none", .max = 1000000},
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
		.every = {[POINT_KILLS] = w.kills, [POINT_TWICE] = w.twice, [POINT_CUTS] = w.cuts, [POINT_ERRORS] = w.errors},
		.until_ms = seconds ? clock_boot_ms() + (int64_t)seconds * 1000 : 0,
		.tally = tally_new(),
	};
	bool done = share_out(&w, &p);
	if (w.syncs)
		return done && left_out_summary(&p) ? 0 : 1;
	summary(&p);
	return done && !tally_failed(p.tally) ? 0 : 1;
}
