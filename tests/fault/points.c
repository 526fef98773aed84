/* Which points are tried. */
#include "tests/fault/points.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/clock.h"

struct tally {
	atomic_long tried[POINT_KINDS], failed, left;
	atomic_bool missed[POINT_MUTANTS], met[POINT_MUTANTS], cut_short[POINT_MUTANTS];
};

struct tally *tally_new(void)
{
	void *at = mmap(NULL, sizeof(struct tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		abort();
	return at;
}

bool points_late(const struct points *p)
{
	return p->until_ms && clock_boot_ms() >= p->until_ms;
}

bool points_take(struct points *p, enum point_kind kind)
{
	long every = p->every[kind], i = p->passed[kind]++;

	if (!every || (i + (long)(p->seed % (uint64_t)every)) % every != 0 || i / every % p->jobs != p->job)
		return false;
	if (p->until_failed && p->tally->failed)
		return false;
	if (!points_late(p))
		return true;
	p->tally->left++;
	return false;
}

void points_note(struct points *p, enum point_kind kind, bool good, const char *form, ...)
{
	char text[2000];
	va_list args;

	p->tally->tried[kind]++;
	if (good)
		return;
	p->tally->failed++;
	va_start(args, form);
	vsnprintf(text, sizeof text, form, args);
	va_end(args);
	fprintf(stderr, "FAILED %s\n", text);
}

/* splitmix64 */
uint64_t points_draw(uint64_t seed, uint64_t *state, uint64_t below)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u) + seed;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

void points_missed(struct points *p, int mutant)
{
	p->tally->missed[mutant] = true;
}

bool points_is_missed(const struct points *p, int mutant)
{
	return p->tally->missed[mutant];
}

void points_met(struct points *p, int mutant)
{
	p->tally->met[mutant] = true;
}

bool points_is_met(const struct points *p, int mutant)
{
	return p->tally->met[mutant];
}

void points_cut_short(struct points *p, int mutant)
{
	p->tally->cut_short[mutant] = true;
}

bool points_is_cut_short(const struct points *p, int mutant)
{
	return p->tally->cut_short[mutant];
}

long tally_tried(const struct tally *t, enum point_kind kind)
{
	return t->tried[kind];
}

long tally_left(const struct tally *t)
{
	return t->left;
}

long tally_failed(const struct tally *t)
{
	return t->failed;
}
