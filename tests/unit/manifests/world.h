/* A whole repository in memory for tests of the client: what is served, what a host's disk holds, and one run between.
 */
#pragma once

#include "manifests/trust.h"
#include "tests/unit/manifests/forge.h"

#define TEST(name) static void name(void **state)
#define BEGIN                                                                                                          \
	(void)state;                                                                                                   \
	cleanup(world_free) struct world w;                                                                            \
	world_make(&w)

/* The four roles are signed by the keys r, m, s, t; plan-D by p. */
struct world {
	doc *root, *timestamp, *snapshot, *targets, *plan;
	struct shelf served, disk;
	struct buf anchor;
	struct trust_time now;
	struct err why;             /* of the last run */
	struct trust_target target; /* what it found */
	bool found, stale;
	int64_t signed_at;
};

static inline uint64_t version_of(doc *body)
{
	int64_t n = 0;

	assert_true(doc_int(doc_get(body, "version"), &n));
	return (uint64_t)n;
}

static inline void serve(struct world *w, doc *body, const char *role, const char *by)
{
	char name[512];
	bool timestamp = strcmp(role, "timestamp") == 0;

	trust_role_file(name, role, timestamp ? 0 : version_of(body));
	shelf_put(&w->served, name, forge_bytes(body, by));
}

static inline void expires_in(doc *body, int64_t seconds)
{
	char date[24];

	clock_text(date, FORGE_NOW + seconds);
	doc_set_text(body, "expires", date);
}

static inline void world_free(struct world *w)
{
	doc_free(&w->root);
	doc_free(&w->timestamp);
	doc_free(&w->snapshot);
	doc_free(&w->targets);
	doc_free(&w->plan);
	shelf_clear(&w->served);
	shelf_clear(&w->disk);
	buf_free(&w->anchor);
}

static inline void world_make(struct world *w)
{
	char date[24];
	int64_t year = FORGE_NOW + 365 * FORGE_DAY;

	*w = (struct world){.now = {FORGE_NOW, true}};
	w->root = forge_root(1, "r", "m", "s", "t");
	w->timestamp = role_body(ROLE_TIMESTAMP, 1, FORGE_NOW + 14 * FORGE_DAY);
	w->snapshot = role_body(ROLE_SNAPSHOT, 1, FORGE_NOW + 30 * FORGE_DAY);
	w->targets = role_body(ROLE_TARGETS, 1, year);
	w->plan = role_body(ROLE_TARGETS, 1, year);
	clock_text(date, FORGE_NOW - FORGE_DAY);
	doc_set_text(w->timestamp, "x-fleet-signed", date);
	role_set_meta(w->timestamp, "snapshot", 1);
	role_set_meta(w->snapshot, "targets", 1);
	role_set_meta(w->snapshot, "plan-D", 1);
	forge_link(w->targets, "plan-D", "p", "plan-D/*", true);
	role_set_target(w->plan, "plan-D/manifest.json", STR("one"));
	serve(w, w->root, "root", "r");
	serve(w, w->timestamp, "timestamp", "m");
	serve(w, w->snapshot, "snapshot", "s");
	serve(w, w->targets, "targets", "t");
	serve(w, w->plan, "plan-D", "p");
	w->anchor = forge_bytes(w->root, "r");
}

/* Everything one version on, signed as it should be, the plan with another manifest. */
static inline void world_next(struct world *w, const char *manifest)
{
	uint64_t n = version_of(w->plan) + 1, snapshot = version_of(w->snapshot) + 1, t = version_of(w->timestamp) + 1;

	doc_set_int(w->plan, "version", (int64_t)n);
	role_set_target(w->plan, "plan-D/manifest.json", str_of(manifest));
	role_set_meta(w->snapshot, "plan-D", n);
	doc_set_int(w->snapshot, "version", (int64_t)snapshot);
	role_set_meta(w->timestamp, "snapshot", snapshot);
	doc_set_int(w->timestamp, "version", (int64_t)t);
	serve(w, w->plan, "plan-D", "p");
	serve(w, w->snapshot, "snapshot", "s");
	serve(w, w->timestamp, "timestamp", "m");
}

static inline void keep_on_disk(struct world *w, const struct trust_keep *keep, struct str bytes)
{
	char name[512];

	if (keep->drop_online) {
		shelf_take(&w->disk, "timestamp");
		shelf_take(&w->disk, "snapshot");
	}
	if (!keep->role[0])
		return;
	snprintf(name, sizeof name, "%s", keep->role);
	if (strcmp(keep->role, "root") == 0)
		snprintf(name, sizeof name, "%llu.root", (unsigned long long)keep->version);
	shelf_copy(&w->disk, name, bytes);
}

static inline void hold_disk(struct world *w, struct trust *t)
{
	static const char *const order[] = {"timestamp", "snapshot", "targets"};
	char name[512];

	for (int n = 2; n < 300; n++) {
		snprintf(name, sizeof name, "%d.root", n);
		struct buf *b = shelf_find(&w->disk, name);
		if (b)
			trust_hold(t, "root", buf_str(b));
	}
	for (size_t i = 0; i < COUNT_OF(order); i++)
		if (shelf_find(&w->disk, order[i]))
			trust_hold(t, order[i], buf_str(shelf_find(&w->disk, order[i])));
	for (size_t i = 0; i < w->disk.count; i++) {
		const char *role = w->disk.file[i].name;
		if (!strstr(role, ".root") && strcmp(role, "timestamp") && strcmp(role, "snapshot") &&
			strcmp(role, "targets"))
			trust_hold(t, role, buf_str(&w->disk.file[i].bytes));
	}
}

static inline enum trust_say feed(struct world *w, struct trust *t)
{
	enum trust_say say;
	struct trust_want want;

	while ((say = trust_next(t, &want, &w->why)) == TRUST_WANTS) {
		char name[512];
		struct trust_keep keep;
		trust_want_file(name, t, &want);
		buf_form(&w->served.asked, "%s ", name);
		struct buf *b = shelf_find(&w->served, name);
		if (!b)
			trust_absent(t);
		else if (trust_give(t, buf_str(b), &keep, &w->why))
			keep_on_disk(w, &keep, buf_str(b));
	}
	return say;
}

/* A new process: the anchor, the disk, a refresh, and one target (NULL: none). */
static inline enum err_code run_for(struct world *w, const char *path)
{
	struct trust *t = NULL;

	w->why = (struct err){0};
	w->found = false;
	buf_clear(&w->served.asked);
	assert_true(trust_new(&t, buf_str(&w->anchor), w->now, &w->why));
	hold_disk(w, t);
	enum trust_say say = feed(w, t);
	if (say == TRUST_DONE && path) {
		trust_seek(t, path);
		say = feed(w, t);
		w->found = trust_found(t, &w->target);
	}
	w->stale = trust_stale(t);
	w->signed_at = trust_signed_at(t);
	trust_free(&t);
	assert_true(say == TRUST_DONE || w->why.text[0]);
	return say == TRUST_DONE ? ERR_NONE : w->why.code;
}

static inline enum err_code run(struct world *w)
{
	return run_for(w, "plan-D/manifest.json");
}

static inline const char *asked(struct world *w)
{
	return buf_str(&w->served.asked).data;
}

/* Root n with the root key `key`. */
static inline void serve_root(struct world *w, uint64_t n, const char *key, const char *by)
{
	cleanup(doc_free) doc *root = forge_root(n, key, "m", "s", "t");

	serve(w, root, "root", by);
}

static inline void assert_manifest(struct world *w, const char *text)
{
	assert_true(w->found);
	assert_true(trust_target_check(&w->target, str_of(text), NULL));
}

static inline void assert_not_kept(struct world *w, const char *name)
{
	assert_null(shelf_find(&w->disk, name));
}
