/* The client's workflow, TUF 5.3 to 5.6: one row a step. The order of the checks in each step is the specification's.
 */
#include "manifests/trust_state.h"

#include <stdio.h>

#include "base/clock.h"

/* --- what the steps share --- */

bool trust_fresh(struct trust *t, const struct role *r, const char *name, struct err *e)
{
	char expired[24], now[24];

	if (r->expires > t->now.unix_s)
		return true;
	clock_text(expired, r->expires);
	clock_text(now, t->now.unix_s);
	if (t->now.synced)
		return err_set(e, ERR_EXPIRED, "%s: expired on %s, and now it is %s", name, expired, now);
	if (t->stale.code == ERR_NONE)
		err_set(&t->stale, ERR_EXPIRED,
			"%s: expired on %s; now it is %s by a clock that is not synchronised, and nothing newer came",
			name, expired, now);
	return true;
}

bool trust_fits(const struct role *r, const struct role_file *listed, struct err *e)
{
	if (!role_file_check(listed, buf_str(&r->bytes), e))
		return false;
	return r->version == listed->version ||
	       err_set(e, r->version < listed->version ? ERR_OLDER : ERR_SIGNATURE, "version %llu, but %llu is listed",
		       (unsigned long long)r->version, (unsigned long long)listed->version);
}

uint64_t trust_limit(const struct role_file *listed, uint64_t most)
{
	return listed->has_length ? MIN(listed->length, most) : most;
}

static bool signed_by_root(const struct trust *t, const struct role *r, struct err *e)
{
	const struct role *root = &t->top[ROLE_ROOT];

	return role_signed_by(r, &root->ring, &root->keys[r->kind], e);
}

static void replace(struct role *to, struct role *from)
{
	role_free(to);
	*to = *from;
	*from = (struct role){0};
}

static void note_newer(struct trust *t, enum role_kind kind)
{
	t->newer = t->newer || t->top[kind].version > t->held_version[kind];
}

/* --- 5.3 root --- */

static bool keys_listed(const struct role *a, const struct role *b, enum role_kind kind)
{
	for (size_t i = 0; i < a->keys[kind].count; i++) {
		const struct public_key *key = ring_find(&a->ring, str_of(a->keys[kind].keyid[i]));
		bool found = !key;
		for (size_t j = 0; j < b->keys[kind].count && !found; j++) {
			const struct public_key *other = ring_find(&b->ring, str_of(b->keys[kind].keyid[j]));
			found = other && digest_eq(key->same, other->same);
		}
		if (!found)
			return false;
	}
	return true;
}

static bool keys_same(const struct role *a, const struct role *b, enum role_kind kind)
{
	return keys_listed(a, b, kind) && keys_listed(b, a, kind);
}

/* 5.3.4, 5.3.5: signed by the threshold of the root before and by its own, and exactly the next. */
static bool root_follows(const struct trust *t, const struct role *root, struct err *e)
{
	if (!signed_by_root(t, root, e))
		return err_in(e, "by the keys of root %llu", (unsigned long long)t->top[ROLE_ROOT].version);
	if (!role_signed_by(root, &root->ring, &root->keys[ROLE_ROOT], e))
		return err_in(e, "by its own keys");
	uint64_t next = t->top[ROLE_ROOT].version + 1;
	return root->version == next || err_set(e, root->version < next ? ERR_OLDER : ERR_SIGNATURE,
						"it is version %llu instead", (unsigned long long)root->version);
}

static bool give_root(struct trust *t, struct role *root, struct trust_keep *keep, struct err *e)
{
	if (!root_follows(t, root, e))
		return false;
	keep->drop_online = !keys_same(&t->top[ROLE_ROOT], root, ROLE_TIMESTAMP) ||
			    !keys_same(&t->top[ROLE_ROOT], root, ROLE_SNAPSHOT);
	if (keep->drop_online) { /* 5.3.11: the way back after a thief has counted versions up */
		role_free(&t->top[ROLE_TIMESTAMP]);
		role_free(&t->top[ROLE_SNAPSHOT]);
	}
	replace(&t->top[ROLE_ROOT], root);
	return true;
}

/* The last root counts: what we hold of the others must be signed by its keys, else it is as if absent. */
static bool root_done(struct trust *t, struct err *e)
{
	note_newer(t, ROLE_ROOT);
	if (!trust_fresh(t, &t->top[ROLE_ROOT], "root", e))
		return false;
	for (enum role_kind kind = ROLE_TIMESTAMP; kind <= ROLE_TARGETS; kind++)
		if (t->top[kind].version && !signed_by_root(t, &t->top[kind], NULL))
			role_free(&t->top[kind]);
	if (!t->top[ROLE_TIMESTAMP].version)
		t->signed_at = 0;
	t->step = STEP_TIMESTAMP;
	return true;
}

/* --- 5.4 timestamp --- */

/* What the one above says of it; false of root and timestamp, which nobody lists. */
static bool is_listed(const struct trust *t, enum role_kind kind, struct role_file *out)
{
	const struct role *above = &t->top[kind == ROLE_SNAPSHOT ? ROLE_TIMESTAMP : ROLE_SNAPSHOT];

	return kind >= ROLE_SNAPSHOT && above->version && role_meta(above, role_words[kind], out);
}

static uint64_t snapshot_floor(const struct trust *t)
{
	struct role_file held = {0};
	uint64_t listed = is_listed(t, ROLE_SNAPSHOT, &held) ? held.version : 0;

	return MAX(listed, t->top[ROLE_SNAPSHOT].version);
}

static bool timestamp_counts_on(const struct trust *t, const struct role *timestamp, struct err *e)
{
	uint64_t held = t->top[ROLE_TIMESTAMP].version, floor = snapshot_floor(t);
	struct role_file snapshot = {0};

	if (timestamp->version < held)
		return err_set(e, ERR_OLDER, "version %llu, but we hold %llu", (unsigned long long)timestamp->version,
			(unsigned long long)held);
	return !role_meta(timestamp, "snapshot", &snapshot) || snapshot.version >= floor ||
	       err_set(e, ERR_OLDER, "its snapshot has version %llu, but we know of %llu",
		       (unsigned long long)snapshot.version, (unsigned long long)floor);
}

static bool give_timestamp(struct trust *t, struct role *timestamp, struct trust_keep *keep, struct err *e)
{
	struct role *held = &t->top[ROLE_TIMESTAMP];

	if (!signed_by_root(t, timestamp, e))
		return false;
	bool same = timestamp->version == held->version;
	if (!same && !timestamp_counts_on(t, timestamp, e))
		return false;
	if (!trust_fresh(t, same ? held : timestamp, "timestamp", e))
		return false;
	if (same) {
		keep->role[0] = 0;
	} else {
		t->signed_at = MAX(t->signed_at, role_signed_at(timestamp));
		replace(held, timestamp);
	}
	note_newer(t, ROLE_TIMESTAMP);
	t->step = STEP_SNAPSHOT;
	return true;
}

/* --- 5.5 snapshot --- */

static bool snapshot_keeps(const struct role *held, const struct role *snapshot, struct err *e)
{
	doc *meta = doc_get(held->body, "meta");

	for (void *i = doc_first(meta); i; i = doc_next(meta, i)) {
		int64_t was = 0, is = 0;
		doc *now = doc_get(doc_get(snapshot->body, "meta"), doc_key(i));
		if (!now)
			return err_set(e, ERR_OLDER, "%s is no longer listed", doc_key(i));
		if (!doc_int(doc_get(doc_value(i), "version"), &was) || !doc_int(doc_get(now, "version"), &is) ||
			is < was)
			return err_set(e, ERR_OLDER, "%s: version %lld, but we know of %lld", doc_key(i), (long long)is,
				(long long)was);
	}
	return true;
}

static bool take_snapshot(struct trust *t, const struct role *snapshot, struct err *e)
{
	if (!trust_fresh(t, snapshot, "snapshot", e))
		return false;
	t->step = STEP_TARGETS;
	return true;
}

static bool give_snapshot(struct trust *t, struct role *snapshot, struct trust_keep *keep, struct err *e)
{
	struct role *held = &t->top[ROLE_SNAPSHOT];
	struct role_file listed = {0};

	(void)keep;
	if (!signed_by_root(t, snapshot, e) || !is_listed(t, ROLE_SNAPSHOT, &listed) ||
		!trust_fits(snapshot, &listed, e))
		return false;
	if ((held->version && !snapshot_keeps(held, snapshot, e)) || !take_snapshot(t, snapshot, e))
		return false;
	replace(held, snapshot);
	note_newer(t, ROLE_SNAPSHOT);
	return true;
}

/* --- 5.6 targets --- */

static bool take_targets(struct trust *t, const struct role *targets, struct err *e)
{
	if (!trust_fresh(t, targets, "targets", e))
		return false;
	t->step = STEP_READY;
	return true;
}

static bool give_targets(struct trust *t, struct role *targets, struct trust_keep *keep, struct err *e)
{
	struct role_file listed = {0};

	(void)keep;
	if (!signed_by_root(t, targets, e) || !is_listed(t, ROLE_TARGETS, &listed) ||
		!trust_fits(targets, &listed, e) || !take_targets(t, targets, e))
		return false;
	replace(&t->top[ROLE_TARGETS], targets);
	note_newer(t, ROLE_TARGETS);
	for (size_t i = 0; i < t->parts; i++)
		t->part[i]->verified = false;
	return true;
}

/* --- the table --- */

static bool take_root(struct trust *t, const struct role *root, struct err *e)
{
	(void)root;
	return root_done(t, e);
}

static const struct row {
	enum role_kind kind;
	enum trust_what what;
	uint64_t max;
	bool (*take)(struct trust *, const struct role *held, struct err *); /* what is held is what is wanted */
	bool (*give)(struct trust *, struct role *, struct trust_keep *, struct err *);
} rows[] = {
	[STEP_ROOT] = {ROLE_ROOT, TRUST_ROOT, TRUST_ROOT_MAX, take_root, give_root},
	[STEP_TIMESTAMP] = {ROLE_TIMESTAMP, TRUST_TIMESTAMP, TRUST_TIMESTAMP_MAX, NULL, give_timestamp},
	[STEP_SNAPSHOT] = {ROLE_SNAPSHOT, TRUST_SNAPSHOT, TRUST_SNAPSHOT_MAX, take_snapshot, give_snapshot},
	[STEP_TARGETS] = {ROLE_TARGETS, TRUST_TARGETS, TRUST_TARGETS_MAX, take_targets, give_targets},
};

/* Must it be fetched? And then: which version, how many bytes at most. */
static bool ask(const struct trust *t, const struct row *row, struct trust_want *want)
{
	const struct role *held = &t->top[row->kind];
	struct role_file listed = {0};

	*want = (struct trust_want){.what = row->what, .max = row->max};
	snprintf(want->role, sizeof want->role, "%s", role_words[row->kind]);
	if (row->kind == ROLE_ROOT) {
		want->version = held->version + 1;
		return !t->root_skipped && t->roots_asked < TRUST_ROOTS_MAX;
	}
	if (!is_listed(t, row->kind, &listed))
		return true;
	want->version = trust_consistent(t) ? listed.version : 0;
	want->max = trust_limit(&listed, row->max);
	return !held->version || !trust_fits(held, &listed, NULL);
}

/* --- the machine --- */

void trust_skip_root(struct trust *t)
{
	t->root_skipped = !t->started;
}

/* A refresh that failed stays so: nothing later is trusted. A seek that failed leaves the refresh as it was. */
static void fail(struct trust *t, const struct err *why)
{
	if (t->step == STEP_READY) {
		t->seek.failed = *why;
		t->seek.wants = NULL;
		return;
	}
	t->failed = *why;
	t->step = STEP_FAILED;
}

static const char *asked_for(const struct trust *t)
{
	if (t->step < STEP_READY)
		return role_words[rows[t->step].kind];
	return t->step == STEP_READY && t->seek.wants ? t->seek.wants->name : NULL;
}

enum trust_say trust_next(struct trust *t, struct trust_want *want, struct err *e)
{
	struct err why = {0};

	for (size_t i = 0; !t->started && i < ROLE_KINDS; i++)
		t->held_version[i] = t->top[i].version;
	t->started = true;
	while (t->step < STEP_READY) {
		const struct row *row = &rows[t->step];
		struct trust_want w;
		if (ask(t, row, &w)) {
			*want = w;
			return TRUST_WANTS;
		}
		if (!row->take(t, &t->top[row->kind], &why))
			fail(t, &why);
	}
	if (t->step == STEP_READY && t->seek.path && t->seek.failed.code == ERR_NONE) {
		enum trust_say say = seek_next(t, want, &why);
		if (say != TRUST_FAILED)
			return say;
		fail(t, &why);
	}
	const struct err *failed = t->step == STEP_FAILED ? &t->failed : &t->seek.failed;
	if (failed->code == ERR_NONE)
		return TRUST_DONE;
	if (e)
		*e = *failed;
	return TRUST_FAILED;
}

static bool give(struct trust *t, struct str bytes, struct trust_keep *keep, struct err *e)
{
	const struct row *row = &rows[t->step];
	cleanup(role_free) struct role r = {0};
	struct role_file listed = {0};
	struct trust_want want;

	if (!ask(t, row, &want))
		return err_set(e, ERR_INTERNAL, "nobody asked for it");
	if (bytes.len > want.max)
		return err_set(e, ERR_LIMIT, "longer than %llu bytes", (unsigned long long)want.max);
	/* 5.5.2: what is not the file listed is not even parsed */
	if (is_listed(t, row->kind, &listed) && !role_file_check(&listed, bytes, e))
		return false;
	if (!role_read(&r, row->kind, bytes, e))
		return false;
	snprintf(keep->role, sizeof keep->role, "%s", want.role);
	keep->version = r.version;
	if (row->kind == ROLE_ROOT)
		t->roots_asked++;
	return row->give(t, &r, keep, e);
}

bool trust_give(struct trust *t, struct str bytes, struct trust_keep *keep, struct err *e)
{
	const char *name = asked_for(t);
	struct trust_keep k = {0};
	struct err why = {0};

	if (!name)
		return err_set(e, ERR_INTERNAL, "nothing was asked for");
	if (t->step == STEP_READY ? !seek_give(t, bytes, &k, &why) : !give(t, bytes, &k, &why)) {
		err_in(&why, "%s", name);
		fail(t, &why);
		if (e)
			*e = why;
		return false;
	}
	*keep = k;
	return true;
}

void trust_absent(struct trust *t)
{
	const char *name = asked_for(t);
	struct err why = {0};

	if (!name)
		return;
	if (t->step == STEP_ROOT ? root_done(t, &why) : err_set(&why, ERR_MISSING, "%s: it is not there", name))
		return;
	fail(t, &why);
}
