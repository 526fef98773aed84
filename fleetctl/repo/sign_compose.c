/* What each role should say now; where that is what it says, it stays. Root first, timestamp last. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "fleetctl/repo/sign_state.h"

#define DAY_S ((int64_t)86400)

static const struct {
	int days, renew; /* how long a signature lasts, and how long before its end it is made again */
} life[ROLE_KINDS] = {
	[ROLE_ROOT] = {365, 30},
	[ROLE_TARGETS] = {365, 30},
	[ROLE_SNAPSHOT] = {30, 7},
	[ROLE_TIMESTAMP] = {14, 7},
};
static const char signed_at[] = "x-fleet-signed";

static int64_t expiry(const doc *body)
{
	int64_t at = 0;

	return clock_read(&at, doc_str(doc_get(body, "expires"))) ? at : 0;
}

static void set_date(doc *body, const char *field, int64_t at)
{
	char date[24];

	clock_text(date, at);
	doc_set_text(body, field, date);
}

static void note_due(struct sign *s, const struct sign_role *r, const struct err *why)
{
	int64_t days = (expiry(r->before) - s->now) / DAY_S;

	buf_form(&s->notes, "%s %llu ends in %lld days and cannot be renewed here: %s\n", r->name,
		(unsigned long long)r->old, (long long)days, why->text);
}

/* Takes over `body`. Its version and dates are decided here, and whether it is needed at all. `again`: its old
 * signatures are not enough any more, or somebody wants it. */
static void settle(struct sign *s, struct sign_role *r, doc *body, bool again)
{
	struct err why = {0};

	r->version = r->old;
	if (r->before) { /* all but the head is compared */
		static const char *const head[] = {"version", "expires", "spec_version", signed_at};
		for (size_t i = 0; i < COUNT_OF(head); i++)
			if (doc_get(r->before, head[i]))
				doc_set(body, head[i], doc_ref(doc_get(r->before, head[i])));
	}
	bool same = r->before && !again && doc_equal(r->before, body);
	r->due = same && expiry(r->before) - s->now < life[r->kind].renew * DAY_S;
	if (same && r->due && !sign_possible(s, r, s->signers, &why)) {
		note_due(s, r, &why);
		r->due = false;
	}
	if (same && !r->due) {
		doc_free(&body);
		return;
	}
	r->version = r->old + 1;
	doc_set_int(body, "version", (int64_t)r->version);
	set_date(body, "expires", s->now + life[r->kind].days * DAY_S);
	if (r->kind == ROLE_TIMESTAMP)
		set_date(body, signed_at, s->now);
	r->body = body;
}

doc *sign_entry(doc **keys, const doc *body, const char *role)
{
	doc *delegations = doc_get(body, "delegations"), *list = doc_get(delegations, "roles");

	*keys = doc_get(delegations ? delegations : body, "keys");
	if (doc_get(body, "roles"))
		return doc_get(doc_get(body, "roles"), role);
	for (size_t i = 0; i < doc_count(list); i++)
		if (str_is(doc_str(doc_get(doc_at(list, i), "name")), role))
			return doc_at(list, i);
	return NULL;
}

/* Is what was signed before also signed as `above` now asks? */
static bool still_signed(const struct sign *s, const struct sign_role *r, const doc *above)
{
	const struct role *old = s->trust ? trust_role(s->trust, r->name) : NULL;
	cleanup(ring_free) struct ring ring = {0};
	cleanup(ring_role_free) struct ring_role signers = {0};
	doc *keys, *entry = sign_entry(&keys, above, r->name);

	return old && entry && ring_read(&ring, keys, NULL) && ring_role_read(&signers, entry, NULL) &&
	       role_signed_by(old, &ring, &signers, NULL);
}

static void hold_before(const struct sign *s, struct sign_role *r)
{
	const struct role *old = s->trust ? trust_role(s->trust, r->name) : NULL;

	if (!old)
		return;
	r->old = r->version = old->version;
	r->before = doc_ref(old->body);
}

/* --- root --- */

static bool compose_root(struct sign *s, struct err *e)
{
	cleanup(doc_free) doc *body = role_body(ROLE_ROOT, 1, 0);

	for (size_t i = SIGN_ROOT; i < SIGN_PLANS; i++) {
		struct sign_role *r = &s->role[i];
		if (!keyset_signers(&r->by, &s->keys, r->name, e))
			return false;
		r->known = true;
		role_set_signers(body, r->kind, &r->by.signers);
	}
	settle(s, &s->role[SIGN_ROOT], doc_ref(body), false);
	return true;
}

/* --- targets --- */

static struct sign_role *plan_of(const struct sign *s, const char *name)
{
	for (size_t i = SIGN_PLANS; i < s->roles; i++)
		if (strcmp(s->role[i].name, name) == 0)
			return &s->role[i];
	return NULL;
}

static void add_plan(doc *body, const struct sign_role *r)
{
	cleanup(free_ptr) char *files = path_form("%s/*", r->name);
	cleanup(free_ptr) char *releases = path_form("%s/*/*", r->name);

	role_add_link(body, r->name, &r->by.signers, (const char *const[]){files, releases}, 2);
}

/* A delegation that is not ours to change, with the keys it names. */
static void copy_link(doc *body, doc *link, const doc *keys)
{
	doc *to = doc_get(body, "delegations"), *ids = doc_get(link, "keyids");

	for (size_t i = 0; i < doc_count(ids); i++) {
		const char *id = doc_str(doc_at(ids, i)).data;
		if (doc_get(keys, id))
			doc_set(doc_get(to, "keys"), id, doc_ref(doc_get(keys, id)));
	}
	doc_add(doc_get(to, "roles"), doc_ref(link));
}

/* The order of what is there stays; new plans follow. */
static void compose_targets(struct sign *s)
{
	struct sign_role *r = &s->role[SIGN_TARGETS];
	doc *body = role_body(ROLE_TARGETS, 1, 0), *empty = doc_object();
	doc *old = doc_get(r->before, "delegations"), *links = doc_get(old, "roles");

	if (doc_get(r->before, "targets"))
		doc_set(body, "targets", doc_ref(doc_get(r->before, "targets")));
	doc_set(empty, "keys", doc_object());
	doc_set(empty, "roles", doc_list());
	doc_set(body, "delegations", empty);
	for (size_t i = 0; i < doc_count(links); i++) {
		doc *link = doc_at(links, i);
		const struct sign_role *plan = plan_of(s, doc_str(doc_get(link, "name")).data);
		if (plan && plan->known)
			add_plan(body, plan);
		else
			copy_link(body, link, doc_get(old, "keys"));
	}
	for (size_t i = SIGN_PLANS; i < s->roles; i++)
		if (!s->role[i].old)
			add_plan(body, &s->role[i]);
	settle(s, r, body, !still_signed(s, r, sign_body(&s->role[SIGN_ROOT])));
}

/* --- plans --- */

/* Numbered as before, the manifest is the one before, or it gets the next number. What agents would not read is not
 * signed. */
static bool number_manifest(struct sign_role *r, struct err *e)
{
	cleanup(manifest_free) struct manifest before = {0};
	cleanup(manifest_free) struct manifest again = {0};
	struct manifest m = *r->release.manifest; /* borrowed: not freed */
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);

	if (r->manifest_before.len && !manifest_read(&before, buf_str(&r->manifest_before), NULL, e))
		return false;
	m.format = 1;
	m.number = before.number;
	manifest_write(&text, &m);
	if (r->manifest_before.len && str_eq(buf_str(&text), buf_str(&r->manifest_before)))
		return true;
	buf_clear(&text);
	m.number = before.number + 1;
	manifest_write(&text, &m);
	if (!buf_ok(&text, e) || !manifest_read(&again, buf_str(&text), NULL, e))
		return err_in(e, "manifest");
	buf_add(&r->manifest, buf_str(&text));
	r->path = path_form("%s/releases/%lld.json", r->name, (long long)m.number);
	return true;
}

/* N of "PLAN/releases/N.json", else 0. */
static uint64_t release_number(const char *path, const char *plan)
{
	cleanup(free_ptr) char *front = path_form("%s/releases/", plan);
	struct str p = str_of(path);
	uint64_t n;

	if (!str_starts(p, front) || !str_ends(p, ".json"))
		return 0;
	size_t start = strlen(front);
	return str_number(&n, str_bytes(path + start, p.len - start - strlen(".json")), INT64_MAX) ? n : 0;
}

/* How many of the releases have a number above that? */
static size_t releases_above(doc *targets, const char *plan, uint64_t number)
{
	size_t count = 0;

	for (void *i = doc_first(targets); i; i = doc_next(targets, i))
		count += release_number(doc_key(i), plan) > number;
	return count;
}

static doc *compose_plan_body(const struct sign_role *r)
{
	doc *body = role_body(ROLE_TARGETS, 1, 0), *old = doc_get(r->before, "targets"),
	    *new = doc_get(body, "targets");
	cleanup(free_ptr) char *current = path_form("%s/manifest.json", r->name);

	doc_set_text(body, ROLE_OWNER_FIELD, r->name);
	for (void *i = doc_first(old); i; i = doc_next(old, i)) {
		uint64_t n = release_number(doc_key(i), r->name);
		if (!r->manifest.len || n == 0 || releases_above(old, r->name, n) < SIGN_RELEASES_KEPT - 1)
			doc_set(new, doc_key(i), doc_ref(doc_value(i)));
	}
	if (r->manifest.len) {
		role_set_target(body, current, buf_str(&r->manifest));
		role_set_target(body, r->path, buf_str(&r->manifest));
	}
	return body;
}

static bool compose_plan(struct sign *s, struct sign_role *r, struct err *e)
{
	if (r->release.manifest && !number_manifest(r, e))
		return err_in(e, "%s", r->name);
	if (!r->known)
		return true;
	settle(s, r, compose_plan_body(r), !still_signed(s, r, sign_body(&s->role[SIGN_TARGETS])));
	return true;
}

/* What is signed now: the manifest is read through our own client. */
static bool load_plan(struct sign *s, struct sign_role *r, struct err *e)
{
	cleanup(free_ptr) char *current = path_form("%s/manifest.json", r->name);
	doc *keys;

	if (s->trust && sign_entry(&keys, s->role[SIGN_TARGETS].before, r->name)) {
		if (!repository_target(&r->manifest_before, &s->at, s->trust, current, e))
			return false;
		hold_before(s, r);
	}
	if (!r->release.manifest && !keyset_has(&s->keys, r->name))
		return true;
	r->known = true;
	return keyset_signers(&r->by, &s->keys, r->name, e);
}

/* --- snapshot and timestamp --- */

/* What was listed stays listed for ever: clients hold us to that (TUF 5.5.5). */
static void compose_snapshot(struct sign *s)
{
	struct sign_role *r = &s->role[SIGN_SNAPSHOT];
	doc *body = role_body(ROLE_SNAPSHOT, 1, 0), *old = doc_get(r->before, "meta");

	for (void *i = doc_first(old); i; i = doc_next(old, i))
		doc_set(doc_get(body, "meta"), doc_key(i), doc_ref(doc_value(i)));
	for (size_t i = 0; i < s->roles; i++)
		if (s->role[i].body && s->role[i].kind == ROLE_TARGETS)
			role_set_meta(body, s->role[i].name, s->role[i].version);
	settle(s, r, body, !still_signed(s, r, sign_body(&s->role[SIGN_ROOT])));
}

/* A new root always comes with a new timestamp: hosts that ask for the timestamp alone learn of it. */
static void compose_timestamp(struct sign *s)
{
	struct sign_role *r = &s->role[SIGN_TIMESTAMP];
	doc *body = role_body(ROLE_TIMESTAMP, 1, 0), *old = doc_get(r->before, "meta");

	if (s->role[SIGN_SNAPSHOT].body || !old)
		role_set_meta(body, "snapshot", s->role[SIGN_SNAPSHOT].version);
	else
		doc_set(body, "meta", doc_ref(old));
	bool again = s->refresh || s->role[SIGN_ROOT].body || !still_signed(s, r, sign_body(&s->role[SIGN_ROOT]));
	settle(s, r, body, again);
}

bool sign_compose(struct sign *s, struct err *e)
{
	for (size_t i = 0; i < SIGN_PLANS; i++)
		hold_before(s, &s->role[i]);
	for (size_t i = SIGN_PLANS; i < s->roles; i++)
		if (!load_plan(s, &s->role[i], e))
			return false;
	if (!compose_root(s, e))
		return false;
	compose_targets(s);
	for (size_t i = SIGN_PLANS; i < s->roles; i++)
		if (!compose_plan(s, &s->role[i], e))
			return false;
	compose_snapshot(s);
	compose_timestamp(s);
	return true;
}
