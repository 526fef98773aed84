/* Un-synced writes dropped. */
#include "tests/fault/cuts.h"

#include <fnmatch.h>

#include "tests/fault/disk.h"

enum { ALL_SUBSETS = 6, SINGLES = 12, SAMPLES = 4, CONTROLS = 8 };

/* Each disk is tried once, however many cuts lead to it. */
struct seen {
	struct digest *digest;
	size_t count;
};
struct cuts {
	struct told *told;
	const struct tape *tape;
	long from;             /* cuts begin after this operation */
	struct points *points; /* whether one is tried, and who is told of it; NULL: see next */
	long every;            /* one of so many is tried, 0: none, until one fails */
	long pick;             /* or this one alone */
	bool failed;
	char *why;             /* then */
	int without;           /* the place of a sync that is left out; 0: none */
	struct disk *disk;
	struct seen seen;
	uint64_t seed, drawn;
	long found, after;     /* disks; the operation that was the last */
	char text[300];
};

static bool is_new(struct seen *s, struct digest d)
{
	for (size_t i = 0; i < s->count; i++)
		if (digest_eq(s->digest[i], d))
			return false;
	s->digest = mem_grow(s->digest, s->count + 1, sizeof *s->digest);
	s->digest[s->count++] = d;
	return true;
}

static void describe(char out[100], const struct cut *c, size_t names)
{
	static const char *const words[] = {"lost", "kept", "zero", "half"};
	char kept[65] = "";

	for (size_t i = 0; i < MIN(names, sizeof kept - 1); i++)
		kept[i] = c->kept[i] ? '1' : '0';
	snprintf(out, 100, "names %s, bytes %s", kept[0] ? kept : "all synced", c->mixed ? "mixed" : words[c->bytes]);
}

static bool takes(struct cuts *k)
{
	k->found++;
	if (k->points)
		return points_take(k->points, POINT_CUTS);
	return k->pick ? k->found == k->pick : k->every && k->found % k->every == 0;
}

static void tell(struct cuts *k, const struct cut *c, bool good, const struct err *e)
{
	char what[100];

	describe(what, c, disk_pending(k->disk));
	if (k->points) {
		points_note(k->points, POINT_CUTS, good, "%s: power cut after operation %ld, %s; %s: %s",
			k->told->story->name, k->after, k->text, what, e->text);
		return;
	}
	k->failed = !good;
	if (!good)
		snprintf(k->why, 1200, "%s: power cut after operation %ld, %s; %s: %.400s", k->told->story->name, k->after,
			k->text, what, e->text);
}

/* After the last operation all was said to be done: then the same disk has more to answer for. */
static bool is_over(const struct cuts *k)
{
	return k->tape == &k->told->tape && k->after == k->told->operations;
}

static void try_cut(struct cuts *k, const struct cut *c)
{
	struct digest disk = disk_digest(k->disk, c);
	struct err e = {0};

	disk.bytes[0] ^= (uint8_t)is_over(k);
	if (k->failed || !is_new(&k->seen, disk) || !takes(k))
		return;
	world_clear(&k->told->w);
	disk_write(k->disk, c, &k->told->w);
	bool good = is_over(k) ? trial_stays(k->told, &e) : trial_recover(k->told, STRICT_END, &e);
	tell(k, c, good, &e);
}

/* These names, with every fate of the bytes. */
static void try_names(struct cuts *k, const bool *kept)
{
	bool bytes = disk_has_unsynced_bytes(k->disk);

	for (int i = 0; i < (bytes ? BYTES_KINDS : 1); i++)
		try_cut(k, &(struct cut){.kept = kept, .bytes = bytes ? (enum disk_bytes)i : BYTES_KEPT});
	if (bytes)
		try_cut(k, &(struct cut){.kept = kept, .mixed = 1 + points_draw(k->seed, &k->drawn, UINT32_MAX)});
}

static void try_all_subsets(struct cuts *k, bool *kept, size_t n)
{
	for (unsigned set = 0; set < 1u << n; set++) {
		for (size_t i = 0; i < n; i++)
			kept[i] = set >> i & 1;
		try_names(k, kept);
	}
}

/* What came first is kept first; one alone is lost, or kept; and a few by the seed. */
static void try_some_subsets(struct cuts *k, bool *kept, size_t n)
{
	for (size_t first = 0; first <= n; first++) {
		for (size_t i = 0; i < n; i++)
			kept[i] = i < first;
		try_names(k, kept);
	}
	for (size_t one = n - MIN(n, SINGLES); one < n; one++)
		for (int alone = 0; alone < 2; alone++) {
			memset(kept, !alone, n);
			kept[one] = alone;
			try_names(k, kept);
		}
	for (int sample = 0; sample < SAMPLES; sample++) {
		for (size_t i = 0; i < n; i++)
			kept[i] = points_draw(k->seed, &k->drawn, 2);
		try_names(k, kept);
	}
}

static void try_now(struct cuts *k)
{
	size_t n = disk_pending(k->disk);
	bool *kept = mem_new(n + 1, sizeof *kept);

	if (n <= ALL_SUBSETS)
		try_all_subsets(k, kept, n);
	else
		try_some_subsets(k, kept, n);
	free(kept);
}

/* --- where a sync stands --- */

static bool is_sync(const struct operation *o)
{
	return (o->kind == OP_SYNC || o->kind == OP_SYNCFS) && o->path && !str_starts(str_of(o->path), "results");
}

/* "removed: guard" in the folder state is state/guard, removed. */
static void read_sync(char why[40], char at[600], const struct operation *o)
{
	const char *name = strstr(o->rest, ": ");

	snprintf(why, 40, "%.*s", name ? (int)(name - o->rest) : 39, o->rest);
	snprintf(at, 600, "%s%s%s", o->path, name ? "/" : "", name ? name + 2 : "");
}

static bool is_place(const struct sync_place *p, const char *why, const char *at)
{
	return strcmp(p->why, why) == 0 && fnmatch(p->at, at, FNM_PATHNAME | FNM_PERIOD | FNM_EXTMATCH) == 0;
}

/* From 1; 0: it is no sync, or not listed. */
static int place_of(const struct operation *o)
{
	char why[40], at[600];

	if (!is_sync(o))
		return 0;
	read_sync(why, at, o);
	for (int i = 0; sync_places[i].why; i++)
		if (is_place(&sync_places[i], why, at))
			return i + 1;
	return 0;
}

/* --- walking --- */

/* From the disk before the story, operation by operation. False where the record is impossible. */
static bool walk(struct cuts *k, struct err *e)
{
	const struct tape *tape = k->tape;

	world_restore(&k->told->w);
	k->disk = disk_load(&k->told->w);
	k->drawn = 0;
	for (size_t i = 0; i < tape->count && !k->failed; i++) {
		const struct operation *o = &tape->op[i];
		if (k->without && place_of(o) == k->without)
			continue;
		if (!disk_apply(k->disk, o, e))
			return false;
		if (o->number <= k->from)
			continue;
		k->after = o->number;
		tape_text(k->text, tape, k->after);
		try_now(k);
	}
	return true;
}

static void cuts_free(struct cuts *k)
{
	disk_free(&k->disk);
	free(k->seen.digest);
	k->seen = (struct seen){0};
}

/* The record, replayed whole, is the disk: nothing that lasts has passed by the door. */
static bool check_record(struct cuts *k, struct err *e)
{
	cleanup(buf_free) struct buf is = {0};

	disk_list(&is, k->disk);
	return check_like(buf_str(&k->told->after), buf_str(&is), e) || err_in(e, "the record does not lead there");
}

void cuts_try(struct told *t, struct points *p)
{
	struct cuts k = {.told = t, .tape = &t->tape, .points = p, .seed = p->seed};
	struct err e;

	if (!walk(&k, &e) || !check_record(&k, &e))
		points_note(p, POINT_CUTS, false, "%s: %s", t->story->name, e.text);
	cuts_free(&k);
}

/* --- after a kill: what it left unsynced is still so when the power goes --- */

/* The story until it is killed, and on by the next start: one tape. */
struct later {
	struct buf text;
	struct tape tape;
	long from;
};

static bool later_record(struct later *out, struct told *t, long n, const char *when, struct err *e)
{
	cleanup(free_ptr) char *fault = path_form("FLEET_FAULT_AT=%ld:%s", n, when);
	struct world *w = &t->w;

	*out = (struct later){.text = BUF_MAX(256 * MIB), .from = n};
	world_restore(w);
	program_record(w, true);
	(void)story_run(w, t->story, fault);
	bool good = trial_tell_on(t, e);
	program_record(w, false);
	return good && fs_read(&out->text, AT_FDCWD, w->log, e) && tape_read(&out->tape, buf_str(&out->text), w->t.dir, e);
}

static void later_free(struct later *l)
{
	tape_free(&l->tape);
	buf_free(&l->text);
}

/* Of the disks that a cut could leave after that kill, one. */
static bool cut_later(char why[1200], struct told *t, const struct later *l, uint64_t seed, struct err *e)
{
	struct cuts count = {.told = t, .tape = &l->tape, .from = l->from, .seed = seed};
	uint64_t state = (uint64_t)l->from;

	bool good = walk(&count, e);
	struct cuts k = {.told = t, .tape = &l->tape, .from = l->from, .seed = seed, .why = why};
	k.pick = 1 + (long)points_draw(seed, &state, (uint64_t)MAX(count.found, 1));
	cuts_free(&count);
	good = good && walk(&k, e);
	cuts_free(&k);
	return good && (!k.failed || err_set(e, ERR_FAILED, "%.900s", why));
}

void cuts_try_later(struct told *t, struct points *p)
{
	static const char *const when[] = {"before", "after"};

	for (long n = 1; n <= t->operations; n++)
		for (size_t i = 0; i < COUNT_OF(when); i++) {
			struct later l = {0};
			struct err e = {0};
			char what[300], why[1200];
			if (!points_take(p, POINT_LATER))
				continue;
			tape_text(what, &t->tape, n);
			bool good = later_record(&l, t, n, when[i], &e) && cut_later(why, t, &l, p->seed, &e);
			points_note(p, POINT_LATER, good, "%s: killed %s operation %ld, %s; then %s", t->story->name, when[i], n, what, e.text);
			later_free(&l);
		}
}

/* --- without a sync --- */

bool cuts_know_places(const struct tape *t, struct points *p, struct err *e)
{
	char why[40], at[600];
	bool all = true;

	for (size_t i = 0; i < t->count; i++) {
		const struct operation *o = &t->op[i];
		int place = place_of(o);
		if (place)
			points_met(p, place - 1);
		if (place || !is_sync(o))
			continue;
		read_sync(why, at, o);
		all = err_set(e, ERR_MISSING, "sync \"%s\" of %s is not among those that are left out in turn (places.c)", why, at);
		fprintf(stderr, "%s\n", e->text);
	}
	return all;
}

static void seen_copy(struct seen *to, const struct seen *from)
{
	to->count = from->count;
	to->digest = mem_new(from->count + 1, sizeof *to->digest);
	memcpy(to->digest, from->digest, from->count * sizeof *to->digest);
}

static bool tape_has(const struct tape *t, long from, int place)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->op[i].number > from && place_of(&t->op[i]) == place)
			return true;
	return false;
}

/* Of the disks that are possible only without it, some. What is possible with it is known to be right. */
static bool hunt(char why[1200], struct cuts *with, int place, long most)
{
	struct cuts count = {.told = with->told, .tape = with->tape, .from = with->from, .seed = with->seed, .without = place};
	struct err e;

	if (!tape_has(with->tape, with->from, place))
		return false;
	seen_copy(&count.seen, &with->seen);
	bool walked = walk(&count, &e);
	struct cuts k = {.told = with->told, .tape = with->tape, .from = with->from, .seed = with->seed, .without = place, .why = why};
	k.every = (count.found + most - 1) / most;
	cuts_free(&count);
	seen_copy(&k.seen, &with->seen);
	walked = walked && (!k.every || walk(&k, &e));
	cuts_free(&k);
	return walked && k.failed;
}

/* Is it this job's, and not done with? */
static bool is_open(struct points *p, int i)
{
	if (i % p->jobs != p->job || points_is_missed(p, i) || !points_is_met(p, i))
		return false;
	if (!points_late(p))
		return true;
	points_cut_short(p, i);
	return false;
}

static void miss_in(struct cuts *with, struct points *p, long most, bool killed)
{
	char why[1200];
	struct err e;

	if (!walk(with, &e))
		fail_msg("%s", e.text);
	for (int i = 0; sync_places[i].why; i++) {
		if ((killed && !sync_places[i].killed) || !is_open(p, i) || !hunt(why, with, i + 1, sync_places[i].spare ? most / 6 : most))
			continue;
		points_missed(p, i);
		printf("missed: sync \"%s\" of %s: %s%s\n", sync_places[i].why, sync_places[i].at, killed ? "killed, then " : "", why);
	}
	cuts_free(with);
}

static bool any_open(struct points *p)
{
	for (int i = 0; sync_places[i].why; i++)
		if (is_open(p, i))
			return true;
	return false;
}

/* Killed before this sync, the next run has another to make it good: the same thing, for another reason. */
static bool is_made_good(struct points *p, const struct operation *o)
{
	char why[40], at[600];

	if (!is_sync(o))
		return false;
	read_sync(why, at, o);
	for (int i = 0; sync_places[i].why; i++)
		if (sync_places[i].killed && is_place(&sync_places[i], sync_places[i].why, at) && is_open(p, i))
			return true;
	return false;
}

/* What is right must not be missed: else a mutant may be missed for what is wrong with all of them. */
static void control(struct told *t, const struct points *p)
{
	struct cuts count = {.told = t, .tape = &t->tape, .seed = p->seed};
	char why[1200];
	struct err e;

	bool walked = walk(&count, &e);
	struct cuts k = {.told = t, .tape = &t->tape, .seed = p->seed, .every = MAX(count.found / CONTROLS, 1), .why = why};
	cuts_free(&count);
	if (!walked || !walk(&k, &e))
		fail_msg("%s", e.text);
	if (k.failed)
		fail_msg("with all its syncs, %s", why);
	cuts_free(&k);
}

void cuts_leave_out(struct told *t, struct points *p, long most)
{
	struct cuts with = {.told = t, .tape = &t->tape, .seed = p->seed};

	if (any_open(p))
		control(t, p);
	miss_in(&with, p, most, false);
	for (size_t i = 0; i < t->tape.count; i++) {
		struct later l = {0};
		struct err e;
		if (!is_made_good(p, &t->tape.op[i]))
			continue;
		if (!later_record(&l, t, t->tape.op[i].number, "before", &e) || !cuts_know_places(&l.tape, p, &e))
			fail_msg("%s: killed before operation %ld: %s", t->story->name, t->tape.op[i].number, e.text);
		struct cuts after = {.told = t, .tape = &l.tape, .from = l.from, .seed = p->seed};
		miss_in(&after, p, most, true);
		later_free(&l);
	}
}
