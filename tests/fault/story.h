/* What happens on a host, once each: a row has what is there before, what is run, and what it must come to. */
#pragma once

#include "tests/fault/program.h"

#define ENROL_ANEW  "enrol --force"
#define ENROL_WHOLE "enrol --metadata" /* and keys */

struct story {
	const char *name;
	void (*begin)(struct world *w); /* on a fresh, enrolled host */
	const char *word;               /* of fleet-agent: pull, serve, rollback, enrol, boot; or ENROL_ANEW, ENROL_WHOLE */
	int64_t runs;                   /* the release that runs in the end */
	int verdict;                    /* of the newest receipt */
	int code;                       /* exit code of the run that came to it; one that finds it done has 0 */
	bool follow;                    /* a trial that waits is confirmed by the next pull, not left to its deadline */
	bool hurt;                      /* what runs was not whole before */
	bool waits_long;                /* for the deadline of its trial, where an error stays */
	const char *then;               /* what is run once more in the end; NULL: the same word */
	bool once;                      /* it is not run once more where it came to its end */
	bool anew;                      /* trust begins anew, by intention */
};
extern const struct story stories[];
extern const size_t story_count;

/* The world at the beginning of the story, saved. */
void story_begin(struct world *w, const struct story *s, const char *build);
/* What is told, with the power or an error as `fault` says; the exit code. */
int story_run(struct world *w, const struct story *s, const char *fault);
/* What comes in the end: no fault. */
int story_run_then(struct world *w, const struct story *s);
const char *story_then(const struct story *s);
