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

/* Does the request whose signatures are collected ask for it? */
static bool is_asked(const struct sign *s, const struct sign_role *r)
{
	for (size_t i = 0; s->asked && i < s->asked->roles; i++)
		if (s->asked->role[i].body && strcmp(s->asked->role[i].name, r->name) == 0)
			return true;
	return false;
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
	r->same_words = r->before && doc_equal(r->before, body);
	bool same = r->same_words && !again;
	r->due = same && expiry(r->before) - s->now < life[r->kind].renew * DAY_S;
	if (same && r->due && !is_asked(s, r) && !sign_possible(s, r, s->signers, &why)) {
		note_due(s, r, &why);
		r->due = false;
	}
	if (same && !r->due) {
		doc_free(&body);
		return;
	}
	r->version = count_next(s, r);
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

/* Do both documents name the same keys for it, and as many? */
static bool same_signers(const char *role, const doc *a, const doc *b)
{
	doc *keys, *others, *entry = sign_entry(&keys, a, role), *other = sign_entry(&others, b, role);
	doc *ids = doc_get(entry, "keyids");

	if (!entry || !other || !doc_equal(ids, doc_get(other, "keyids")) ||
		!doc_equal(doc_get(entry, "threshold"), doc_get(other, "threshold")))
		return false;
	for (size_t i = 0; i < doc_count(ids); i++) {
		const char *id = doc_str(doc_at(ids, i)).data;
		if (!doc_equal(doc_get(keys, id), doc_get(others, id)))
			return false;
	}
	return true;
}

/* Is what was signed before also signed as `above` now asks? What asks as `before` did was answered when it was read.
 */
static bool still_signed(const struct sign *s, const struct sign_role *r, const struct sign_role *by)
{
	const struct role *old = s->trust ? trust_role(s->trust, r->name) : NULL;
	const doc *above = sign_body(by);
	cleanup(ring_free) struct ring ring = {0};
	cleanup(ring_role_free) struct ring_role signers = {0};
	doc *keys, *entry = sign_entry(&keys, above, r->name);

	if (old && (above == by->before || same_signers(r->name, above, by->before)))
		return true;
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

	for (size_t i = SIGN_ROOT; i < SIGN_DELEGATED; i++) {
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

static void add_link(doc *body, const struct sign_role *r)
{
	char *path[DUTY_PATHS];
	size_t count = duty_paths(path, r->name);

	role_add_link(body, r->name, &r->by.signers, (const char *const *)path, count);
	for (size_t i = 0; i < count; i++)
		free_ptr(&path[i]);
}

/* The rollout's delegation stands before its plan's, which would end the search. */
static void add_rollout_of(doc *body, const struct sign *s, const char *plan)
{
	cleanup(free_ptr) char *name = path_form("rollout-%s", plan);
	const struct sign_role *r = sign_role_of(s, name);

	if (r && !r->linked && r->known)
		add_link(body, r);
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

/* The order of what is there stays; what is new follows. */
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
		const struct sign_role *is = sign_role_of(s, doc_str(doc_get(link, "name")).data);
		if (is && is->duty == DUTY_PLAN)
			add_rollout_of(body, s, is->name);
		if (is && is->known)
			add_link(body, is);
		else
			copy_link(body, link, doc_get(old, "keys"));
	}
	for (size_t i = SIGN_DELEGATED; i < s->roles; i++) {
		const struct sign_role *new = &s->role[i];
		if (new->linked || new->duty == DUTY_ROLLOUT)
			continue;
		if (new->duty == DUTY_PLAN)
			add_rollout_of(body, s, new->name);
		add_link(body, new);
	}
	settle(s, r, body, !still_signed(s, r, &s->role[SIGN_ROOT]));
}

/* --- those that targets delegates to --- */

static bool compose_delegated(struct sign *s, struct sign_role *r, struct err *e)
{
	if (r->release.manifest && !plan_number(r, e))
		return err_in(e, "%s", r->name);
	if (!r->known)
		return true;
	doc *body = r->duty == DUTY_PLAN ? plan_body(r, s->kept) : document_body(s, r);
	settle(s, r, body, !still_signed(s, r, &s->role[SIGN_TARGETS]));
	return true;
}

/* What is signed now: read through our own client. */
static bool load_before(struct sign *s, struct sign_role *r, struct err *e)
{
	cleanup(free_ptr) char *current = path_form("%s/manifest.json", r->name);

	if (!r->linked)
		return true;
	if (r->release.manifest ? !repository_target(&r->manifest_before, &s->at, s->trust, current, e)
				: !repository_load(&s->at, s->trust, r->name, e))
		return false;
	hold_before(s, r);
	return true;
}

static bool load_delegated(struct sign *s, struct sign_role *r, struct err *e)
{
	bool given = r->release.manifest || document_any(s, r->name);

	if (!load_before(s, r, e))
		return false;
	if (!given && !keyset_has(&s->keys, r->name))
		return true;
	r->known = true;
	return keyset_signers(&r->by, &s->keys, r->name, e);
}

/* --- whose rollouts are not delegated yet --- */

/* So that the first one needs no key of targets, a plan's rollouts are delegated with the plan, signed with nothing in
 * it: clients that read all roles find this one, too. */
static void add_rollouts(struct sign *s)
{
	size_t roles = s->roles;

	for (size_t i = SIGN_DELEGATED; i < roles; i++) {
		cleanup(free_ptr) char *name = path_form("rollout-%s", s->role[i].name);
		bool given = s->role[i].duty == DUTY_PLAN && s->role[i].release.manifest;
		if (given && !sign_role_of(s, name) && keyset_has(&s->keys, name))
			sign_add_role(s, name, ROLE_TARGETS);
	}
}

/* A plan that is there already gets it when targets can be signed here anyway: nobody else shall have to come for that.
 * A request asks whoever has the key. */
static bool is_wanted(struct sign *s, const struct sign_role *rollout)
{
	const struct sign_role *plan = sign_role_of(s, duty_plan(rollout->name));
	struct err why;

	if (!s->signers || s->asked)
		return !plan->linked;
	if (sign_possible(s, rollout, s->signers, &why))
		return !plan->linked || sign_possible(s, &s->role[SIGN_TARGETS], s->signers, &why);
	if (!plan->linked)
		buf_form(&s->notes,
			"%s is not delegated yet, so its first rollout by pull will need the keys of targets: %s\n",
			rollout->name, why.text);
	return false;
}

/* Those that are not wanted stay unknown, and nothing is made of them. */
static void choose_rollouts(struct sign *s)
{
	for (size_t i = SIGN_DELEGATED; i < s->roles; i++) {
		struct sign_role *r = &s->role[i];
		if (r->duty == DUTY_ROLLOUT && !r->linked && r->known && !document_any(s, r->name))
			r->known = is_wanted(s, r);
	}
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
	settle(s, r, body, count_online_changed(s) || !still_signed(s, r, &s->role[SIGN_ROOT]));
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
	bool again = s->refresh || s->role[SIGN_ROOT].body || !still_signed(s, r, &s->role[SIGN_ROOT]);
	settle(s, r, body, again);
}

/* --- all --- */

/* As the root names them: keys.yaml may be ahead of it, which is not for an unattended machine to sign. */
static bool ask_root(const struct sign *s, struct sign_role *r, struct err *e)
{
	const struct role *root = trust_role(s->trust, "root");
	const struct ring_role *keys = &root->keys[r->kind];
	size_t count = 0;

	for (size_t i = 0; i < keys->count && count < COUNT_OF(r->by.key); i++) {
		const struct public_key *key = ring_find(&root->ring, str_of(keys->keyid[i]));
		doc *entry = doc_get(doc_get(root->body, "keys"), keys->keyid[i]);
		if (!key)
			continue;
		r->by.key[count] = key;
		r->by.owner[count++] = doc_str(doc_get(entry, "x-fleet-name")).data;
	}
	r->by.signers = (struct role_signers){r->by.key, r->by.owner, count, keys->threshold};
	r->known = true;
	return count > 0 || err_set(e, ERR_SIGNATURE, "root: %s has no key that we know", r->name);
}

static bool compose_online(struct sign *s, struct err *e)
{
	int64_t last = trust_signed_at(s->trust);
	char then[24], now[24];

	clock_text(then, last);
	clock_text(now, s->now);
	if (s->now < last)
		return err_set(e, ERR_REFUSED,
			"the clock says %s, but the last timestamp was signed on %s: set the clock", now, then);
	if (!ask_root(s, &s->role[SIGN_SNAPSHOT], e) || !ask_root(s, &s->role[SIGN_TIMESTAMP], e) || !count_check(s, e))
		return false;
	compose_snapshot(s);
	compose_timestamp(s);
	return true;
}

bool sign_compose(struct sign *s, struct err *e)
{
	for (size_t i = 0; i < SIGN_DELEGATED; i++)
		hold_before(s, &s->role[i]);
	if (s->online)
		return compose_online(s, e);
	add_rollouts(s);
	for (size_t i = SIGN_DELEGATED; i < s->roles; i++)
		if (!load_delegated(s, &s->role[i], e))
			return false;
	if (!compose_root(s, e) || !count_check(s, e))
		return false;
	choose_rollouts(s);
	compose_targets(s);
	for (size_t i = SIGN_DELEGATED; i < s->roles; i++)
		if (!compose_delegated(s, &s->role[i], e))
			return false;
	compose_snapshot(s);
	compose_timestamp(s);
	return true;
}
