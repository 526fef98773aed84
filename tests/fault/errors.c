/* Every I/O error. */
#include "tests/fault/errors.h"

#include <sys/resource.h>

#include "base/fault.h"

/* It ends by itself, and where it failed it says why; serve says it over its connection. */
static bool ended_well(struct told *t, int code, struct err *e)
{
	cleanup(buf_free) struct buf said = {0};
	bool serves = strcmp(t->story->word, "serve") == 0;

	program_said(&said, &t->w);
	if (code >= PROGRAM_KILLED || code == FAULT_STATUS)
		return err_set(e, ERR_FAILED, "it ended with %d: %.300s", code, buf_str(&said).data);
	return code == 0 || serves || said.len > 0 || err_set(e, ERR_FAILED, "exit code %d, and not a word", code);
}

/* results/ is no part of the disk: a hook that gets no folder there is red, and the release goes back. */
static enum strict strict_at(struct told *t, long n)
{
	return tape_is_on_disk(&t->tape, n) ? STRICT_ERROR : STRICT_SAFE;
}

static bool fail_at(struct told *t, long n, const char *word, struct err *e)
{
	cleanup(free_ptr) char *fault = path_form("FLEET_FAULT_ERR=%ld:%s", n, word);

	world_restore(&t->w);
	return ended_well(t, story_run(&t->w, t->story, fault), e) && trial_recover(t, strict_at(t, n), e);
}

/* --- looking --- */

static bool fail_look(struct told *t, long n, const char *word, struct err *e)
{
	cleanup(free_ptr) char *fault = path_form("FLEET_FAULT_READ=%ld:%s", n, word);

	world_restore(&t->w);
	return ended_well(t, story_run(&t->w, t->story, fault), e) && trial_recover(t, STRICT_ERROR, e);
}

void looks_try(struct told *t, struct points *p, const char *only)
{
	static const char *const words[] = {"EIO", "EMFILE", "ENOMEM"};

	for (size_t i = 0; i < t->looks.count; i++)
		for (size_t k = 0; k < COUNT_OF(words); k++) {
			const struct look *l = &t->looks.look[i];
			struct err e = {0};
			if ((only && strcmp(only, words[k]) != 0) || !points_take(p, POINT_READS))
				continue;
			bool good = fail_look(t, l->number, words[k], &e);
			points_note(p, POINT_READS, good, "%s: %s at look %ld, %s %s: %s", t->story->name, words[k], l->number, l->word, l->path,
				e.text);
		}
}

/* --- at the start --- */

struct shortage {
	const char *what;
	int resource;
	rlim_t from, to, step;
};
static const struct shortage shortages[] = {
	{"open files", RLIMIT_NOFILE, 4, 20, 1},
#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes */
	{"MiB of memory", RLIMIT_AS, 4, 60, 4},
#endif
};

static bool start_with(struct told *t, const struct shortage *s, rlim_t value, struct err *e)
{
	rlim_t unit = s->resource == RLIMIT_AS ? MIB : 1;
	struct program_limit limit = {.resource = s->resource, .value = value * unit};

	world_restore(&t->w);
	t->w.limit = &limit;
	int code = story_run(&t->w, t->story, NULL);
	t->w.limit = NULL;
	return ended_well(t, code, e) && trial_recover(t, STRICT_SAFE, e);
}

static void try_shortages(struct told *t, struct points *p)
{
	for (size_t i = 0; i < COUNT_OF(shortages); i++)
		for (rlim_t value = shortages[i].from; value <= shortages[i].to; value += shortages[i].step) {
			struct err e = {0};
			if (!points_take(p, POINT_ERRORS))
				continue;
			bool good = start_with(t, &shortages[i], value, &e);
			points_note(p, POINT_ERRORS, good, "%s: with %llu %s: %s", t->story->name, (unsigned long long)value,
				shortages[i].what, e.text);
		}
}

/* A wrong byte is looked for where it comes from elsewhere, and so can come again: in what is staged, and unpacked. */
static bool is_possible(const struct told *t, long n, const char *word)
{
	if (strcmp(word, "rot") == 0)
		return tape_is_write(&t->tape, n) && tape_is_fetched(&t->tape, n);
	if (t->story->waits_long && str_ends(str_of(word), "+"))
		return false; /* it would wait out its deadline, which is a long one */
	return strcmp(word, "short") != 0 || tape_is_write(&t->tape, n);
}

/* With + it stays so until the next start: a disk that is full, or has become read-only. */
void errors_try(struct told *t, struct points *p, const char *only)
{
	static const char *const words[] = {"ENOSPC", "EIO", "EMFILE", "EDQUOT", "short", "rot", "EROFS+", "ENOSPC+"};

	for (long n = 1; n <= t->operations; n++)
		for (size_t i = 0; i < COUNT_OF(words); i++) {
			struct err e = {0};
			char what[300];
			if ((only && strcmp(only, words[i]) != 0) || !is_possible(t, n, words[i]))
				continue;
			if (!points_take(p, POINT_ERRORS))
				continue;
			bool good = fail_at(t, n, words[i], &e);
			tape_text(what, &t->tape, n);
			points_note(p, POINT_ERRORS, good, "%s: %s at operation %ld, %s: %s", t->story->name, words[i], n,
				what, e.text);
		}
	if (!only)
		try_shortages(t, p);
}
