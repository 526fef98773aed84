/* Un-synced writes dropped. */
#include "tests/fault/cuts.h"

#include "tests/fault/disk.h"

enum { ALL_SUBSETS = 6, SINGLES = 12, SAMPLES = 4 };

/* Each disk is tried once, however many cuts lead to it. */
struct seen {
	struct digest *digest;
	size_t count;
};
struct cuts {
	struct told *told;
	struct points *points; /* whether one is tried, and who is told of it; NULL: see next */
	long every;            /* one of so many is tried, 0: none, until one fails */
	bool failed;
	char *why;             /* then */
	const char *without;   /* the reason of a sync that is left out; NULL: none */
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
	return k->points ? points_take(k->points, POINT_CUTS) : k->every && k->found % k->every == 0;
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

static void try_cut(struct cuts *k, const struct cut *c)
{
	struct err e = {0};

	if (k->failed || !is_new(&k->seen, disk_digest(k->disk, c)) || !takes(k))
		return;
	world_clear(&k->told->w);
	disk_write(k->disk, c, &k->told->w);
	bool good = trial_recover(k->told, STRICT_END, &e);
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

/* From the disk before the story, operation by operation. False where the record is impossible. */
static bool walk(struct cuts *k, struct err *e)
{
	const struct tape *tape = &k->told->tape;

	world_restore(&k->told->w);
	k->disk = disk_load(&k->told->w);
	k->drawn = 0;
	for (size_t i = 0; i < tape->count && !k->failed; i++) {
		const struct operation *o = &tape->op[i];
		bool sync = o->kind == OP_SYNC || o->kind == OP_SYNCFS;
		if (sync && k->without && strcmp(o->rest, k->without) == 0)
			continue;
		if (!disk_apply(k->disk, o, e))
			return false;
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
	struct cuts k = {.told = t, .points = p, .seed = p->seed};
	struct err e;

	if (!walk(&k, &e) || !check_record(&k, &e))
		points_note(p, POINT_CUTS, false, "%s: %s", t->story->name, e.text);
	cuts_free(&k);
}

/* --- without a sync --- */

const struct sync_reason sync_reasons[] = {
	{"written", NULL},
	{"written, its folder", NULL},
	{"folder made", NULL},
	{"folder was there", "it repeats what a run that was killed may have left out"},
	{"linked", NULL},
	{"before a rename", "who wrote the file has synced it; for those who forget"},
	{"renamed to", NULL},
	{"renamed from", "two names: the old one is in staging, or under a name that is swept"},
	{"removed", NULL},
	{"tree renamed", "half a tree that nothing leads to is swept at the next start"},
	{"tree gone", "what came back is swept at the next start"},
	{"file", NULL},
	{"all", NULL},
	{0},
};

bool cuts_know_reasons(const struct told *t, struct err *e)
{
	for (size_t i = 0; i < t->tape.count; i++) {
		const struct operation *o = &t->tape.op[i];
		size_t r = 0;
		while (sync_reasons[r].reason && strcmp(sync_reasons[r].reason, o->rest ? o->rest : "") != 0)
			r++;
		if ((o->kind == OP_SYNC || o->kind == OP_SYNCFS) && !sync_reasons[r].reason)
			return err_set(e, ERR_MISSING, "sync \"%s\" is not among those that are left out in turn (cuts.c)", o->rest);
	}
	return true;
}

/* What is possible with it is known to be right. */
bool cuts_miss(char why[1200], struct told *t, const char *reason, long most, uint64_t seed)
{
	struct cuts with = {.told = t, .seed = seed};
	struct err e;

	if (!walk(&with, &e))
		return false;
	disk_free(&with.disk);
	struct cuts count = {.told = t, .seed = seed, .without = reason};
	count.seen.digest = mem_new(with.seen.count + 1, sizeof *count.seen.digest);
	count.seen.count = with.seen.count;
	memcpy(count.seen.digest, with.seen.digest, with.seen.count * sizeof *with.seen.digest);
	bool walked = walk(&count, &e);
	struct cuts hunt = {.told = t, .seed = seed, .without = reason, .why = why, .seen = with.seen};
	hunt.every = (count.found + most - 1) / most;
	cuts_free(&count);
	walked = walked && walk(&hunt, &e);
	cuts_free(&hunt);
	return walked && hunt.failed;
}
