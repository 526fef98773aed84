/* Which host's turn it is: canary first, then waves by share of the whole rollout; plans and sites spread evenly.
 * Pure: the same hosts in, the same order out. */
#pragma once

#include "base/err.h"

enum { WAVES_MAX = 16 };
struct wave_options {
	int64_t canary;              /* hosts in wave 0; at least one of every plan in the rollout is taken; 0: no canary */
	int percent[WAVES_MAX];      /* rising, the last 100: shares of the rollout that are reached after each wave */
	size_t count;
};
/* "10%,50%,100%"; a missing 100% is added. */
must_check bool wave_options_read(struct wave_options *out, const char *text, struct err *e);

struct wave_host {
	const char *id, *plan, *site; /* in */
	size_t index;                 /* the caller's own */
	int wave;                     /* out: 0 canary, 1.. */
};
/* Orders the array: by wave, and within it so that neighbours differ in plan and site where they can. */
void waves_order(struct wave_host *host, size_t count, const struct wave_options *options);

/* How many of a plan may be on trial at once: half of its healthy hosts, rounded down, at least one. */
size_t waves_on_trial_max(size_t healthy);
