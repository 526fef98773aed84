/* Is this release well? Checks are asked, and what they said becomes a verdict: the table of design, section 4. */
#pragma once

#include "agent/run.h"
#include "manifests/receipt.h"

/* One check of one release, once. */
struct health_ask {
	const struct config *config;
	const struct release *release;
	const struct check *check;
	int64_t swapped_ms; /* on CLOCK_BOOTTIME; 0: in an earlier boot. For `alive` */
	int64_t left_ms;    /* of the whole trial: a check that takes longer is killed, and red */
};
/* took_ms, status and, of a red one, output are set in `into`; its other fields stay. */
enum check_result health_ask(struct receipt_check *into, const struct health_ask *ask);
/* The same for any script: green when it exits 0 in time. */
enum check_result health_script(struct receipt_check *into, const struct run *run);
void health_say(struct receipt_check *into, const char *form, ...) printf_like(2, 3); /* its output, replaced */

/* Since when a check is green without a break. Zero: it is not. */
struct health_mark {
	int64_t first_ms, last_ms;
};
void health_mark(struct health_mark *m, enum check_result now, int64_t boot_ms);

/* A path check before the swap: green when most of its samples were. */
enum check_result health_samples(size_t green, size_t of);

enum health_verdict { HEALTH_MORE, HEALTH_PASS, HEALTH_UNPROVEN, HEALTH_RED };
/* `checks`: struct receipt_check with before and after; `mark` beside each. Before the end: PASS or MORE. At the end what did
 * not hold for `settle_ms` is red, and a red path check that was not green before says nothing: unknown. */
enum health_verdict health_judge(struct list *checks, const struct health_mark *mark, int64_t settle_ms, bool end);
/* The first red one, NULL when there is none. */
const struct receipt_check *health_first_red(const struct list *checks);
