/* When each probe of a plan runs next. Nothing is run here and no clock is asked: times are the caller's, in
 * milliseconds of one clock that never goes back.
 *
 * At the beginning every probe is due at once. Then each keeps to times of its own, `every` apart and counted from the
 * beginning, an equal part of the shortest `every` behind the probe before it: probes whose `every` are multiples of
 * each other never come due together again. A time that was missed is not made up for. */
#pragma once

#include "manifests/plan.h"

enum { SCHEDULE_PARALLEL = 4 }; /* more are never run at once */

struct schedule_slot {
	int64_t every_ms, first_ms, due_ms;
	bool running;
};
struct schedule {
	struct schedule_slot *slot; /* as the plan has them */
	size_t count, running;
};
/* `list` of struct probe. What the schedule held before is forgotten: the caller has ended it. */
void schedule_begin(struct schedule *s, const struct list *probes, int64_t now_ms);
void schedule_free(struct schedule *s);

/* Which one to start now: the longest overdue. False: none. One that runs is never due. */
bool schedule_due(size_t *out, const struct schedule *s, int64_t now_ms);
void schedule_started(struct schedule *s, size_t i, int64_t now_ms);
void schedule_ended(struct schedule *s, size_t i);
/* Until there is one to start; -1: not before one has ended. */
int64_t schedule_wait_ms(const struct schedule *s, int64_t now_ms);
