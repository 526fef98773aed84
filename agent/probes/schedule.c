/* When each probe of a plan runs next. */
#include "agent/probes/schedule.h"

#include <stdlib.h>

static int64_t shortest(const struct probe *p, size_t count)
{
	int64_t ms = INT64_MAX;

	for (size_t i = 0; i < count; i++)
		ms = MIN(ms, p[i].every_ms);
	return ms;
}

void schedule_begin(struct schedule *s, const struct list *probes, int64_t now_ms)
{
	const struct probe *p = probes->items;

	schedule_free(s);
	s->slot = mem_new(MAX(probes->count, 1), sizeof *s->slot);
	s->count = probes->count;
	int64_t step = s->count ? shortest(p, s->count) / (int64_t)s->count : 0;
	for (size_t i = 0; i < s->count; i++)
		s->slot[i] = (struct schedule_slot){p[i].every_ms, now_ms + (int64_t)i * step, now_ms, false};
}

void schedule_free(struct schedule *s)
{
	free(s->slot);
	*s = (struct schedule){0};
}

/* The one that was due first; of several, the first of the plan. */
static const struct schedule_slot *earliest(const struct schedule *s)
{
	const struct schedule_slot *best = NULL;

	if (s->running >= SCHEDULE_PARALLEL)
		return NULL;
	for (size_t i = 0; i < s->count; i++)
		if (!s->slot[i].running && (!best || s->slot[i].due_ms < best->due_ms))
			best = &s->slot[i];
	return best;
}

bool schedule_due(size_t *out, const struct schedule *s, int64_t now_ms)
{
	const struct schedule_slot *best = earliest(s);

	if (!best || best->due_ms > now_ms)
		return false;
	*out = (size_t)(best - s->slot);
	return true;
}

/* Its first own time that is not too soon after this start: a run costs bytes. */
void schedule_started(struct schedule *s, size_t i, int64_t now_ms)
{
	struct schedule_slot *slot = &s->slot[i];
	int64_t soonest = now_ms + slot->every_ms / 2;
	int64_t turns = soonest > slot->first_ms ? (soonest - slot->first_ms + slot->every_ms - 1) / slot->every_ms : 0;

	slot->due_ms = slot->first_ms + turns * slot->every_ms;
	slot->running = true;
	s->running++;
}

void schedule_ended(struct schedule *s, size_t i)
{
	s->slot[i].running = false;
	s->running--;
}

int64_t schedule_wait_ms(const struct schedule *s, int64_t now_ms)
{
	const struct schedule_slot *best = earliest(s);

	return best ? MAX(best->due_ms - now_ms, 0) : -1;
}
