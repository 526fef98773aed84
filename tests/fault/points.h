/* Which points are tried, until when, and what came of them; shared by those who try at the same time. */
#pragma once

#include "base/core.h"

enum point_kind { POINT_KILLS, POINT_TWICE, POINT_OVERDUE, POINT_CUTS, POINT_LATER, POINT_ERRORS, POINT_READS, POINT_KINDS };

struct tally; /* of all jobs */
struct points {
	uint64_t seed;
	int job, jobs;             /* this one takes every jobs-th point */
	long every[POINT_KINDS];    /* and of these, by the seed, one of so many; 0: none */
	int64_t until_ms;          /* on CLOCK_BOOTTIME; 0: no end */
	bool until_failed;         /* one that fails is enough */
	long passed[POINT_KINDS];   /* points that were asked about */
	struct tally *tally;
};
struct tally *tally_new(void);

/* Is the next point of that kind tried here and now? */
bool points_take(struct points *p, enum point_kind kind);
/* What came of it. One that failed is said on stderr, where and why. */
void points_note(struct points *p, enum point_kind kind, bool good, const char *form, ...) printf_like(4, 5);
/* A number below `below`, from seed and state alone. */
uint64_t points_draw(uint64_t seed, uint64_t *state, uint64_t below);

/* Is the time over? */
bool points_late(const struct points *p);

/* Mutants, by number: one that was missed is not tried again. */
enum { POINT_MUTANTS = 256 };
void points_met(struct points *p, int mutant); /* a record has it */
bool points_is_met(const struct points *p, int mutant);
void points_cut_short(struct points *p, int mutant); /* there was no time to try it to the end */
bool points_is_cut_short(const struct points *p, int mutant);
void points_missed(struct points *p, int mutant);
bool points_is_missed(const struct points *p, int mutant);

long tally_tried(const struct tally *t, enum point_kind kind);
long tally_left(const struct tally *t); /* when the time was over */
long tally_failed(const struct tally *t);
