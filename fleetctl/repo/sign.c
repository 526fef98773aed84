/* Signing: from what is signed and what should be, to what must be signed, and onto the disk. */
#include "fleetctl/repo/sign.h"

#include <stdio.h>

#include "base/fs.h"
#include "base/name.h"
#include "fleetctl/repo/sign_state.h"

/* --- what is there --- */

static bool is_first(bool *out, struct sign *s, struct err *e)
{
	struct err why = {0};
	uint64_t root = 0;

	if (!repository_open(&s->at, s->fleet_dir, &why)) {
		*out = true;
		return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
	}
	if (!repository_version(&root, &s->at, "root", e))
		return false;
	*out = root == 0;
	return true;
}

/* Nothing is expired here: what has run out is what must be signed anew. A root that was written when the power went,
 * before its timestamp, is made once more. */
static bool load(struct sign *s, struct err *e)
{
	static const struct trust_time never = {0, true};
	struct err why = {0};
	uint64_t newest = 0;
	bool first = false;

	if (!is_first(&first, s, e))
		return false;
	if (first)
		return true;
	if (repository_trust(&s->trust, &s->at, never, 0, e))
		return true;
	if (!repository_version(&newest, &s->at, "root", &why) || newest < 2 ||
		!repository_trust(&s->trust, &s->at, never, newest - 1, &why))
		return false;
	buf_form(&s->notes, "root %llu was not finished, and is made again\n", (unsigned long long)newest);
	return true;
}

/* --- the roles --- */

static struct sign_role *add_role(struct sign *s, const char *name, enum role_kind kind)
{
	s->role = mem_grow(s->role, s->roles + 1, sizeof *s->role);
	s->role[s->roles] = (struct sign_role){
		.name = str_dup(str_of(name)),
		.kind = kind,
		.manifest = BUF_MAX(MANIFEST_MAX),
		.manifest_before = BUF_MAX(MANIFEST_MAX),
	};
	return &s->role[s->roles++];
}

static bool check_name(const struct sign *s, const char *plan, struct err *e)
{
	if (!name_check_plan(str_of(plan), e))
		return false;
	if (strcmp(plan, KEYSET_PLANS) == 0)
		return err_set(e, ERR_UNSAFE, "no plan can be called \"%s\": keys.yaml means every plan by it", plan);
	for (size_t i = SIGN_PLANS; i < s->roles; i++)
		if (strcmp(s->role[i].name, plan) != 0 && name_same_but_case(str_of(s->role[i].name), str_of(plan)))
			return err_set(e, ERR_UNSAFE, "%s and %s differ only in case", s->role[i].name, plan);
	return true;
}

static bool add_release(struct sign *s, const struct sign_release *release, struct err *e)
{
	const char *plan = release->manifest->plan.plan;

	if (!check_name(s, plan, e))
		return false;
	for (size_t i = SIGN_PLANS; i < s->roles; i++)
		if (strcmp(s->role[i].name, plan) == 0) {
			if (s->role[i].release)
				return err_set(e, ERR_USAGE, "%s is given twice", plan);
			s->role[i].release = release;
			return true;
		}
	add_role(s, plan, ROLE_TARGETS)->release = release;
	return true;
}

static bool add_roles(struct sign *s, const struct sign_job *job, struct err *e)
{
	static const enum role_kind kinds[] = {
		[SIGN_ROOT] = ROLE_ROOT,
		[SIGN_TARGETS] = ROLE_TARGETS,
		[SIGN_SNAPSHOT] = ROLE_SNAPSHOT,
		[SIGN_TIMESTAMP] = ROLE_TIMESTAMP,
	};
	const struct role *targets = s->trust ? trust_role(s->trust, "targets") : NULL;

	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		add_role(s, role_words[kinds[i]], kinds[i]);
	for (size_t i = 0; targets && i < targets->links; i++)
		if (name_check_plan(str_of(targets->link[i].name), NULL))
			add_role(s, targets->link[i].name, ROLE_TARGETS);
	for (size_t i = 0; i < job->releases; i++)
		if (!add_release(s, &job->release[i], e))
			return false;
	return true;
}

bool sign_compute(struct sign **out, const struct sign_job *job, const struct signers *signers, struct err *e)
{
	cleanup(sign_free) struct sign *s = mem_new(1, sizeof *s);
	struct err why = {0};

	s->fleet_dir = str_dup(str_of(job->fleet_dir));
	s->now = job->now;
	s->refresh = job->refresh;
	s->signers = signers;
	if (!keyset_read(&s->keys, job->fleet_dir, &why) || !load(s, &why) || !add_roles(s, job, &why) ||
		!sign_compose(s, &why))
		return err_set(e, why.code, "%s", why.text);
	s->signers = NULL;
	*out = s;
	s = NULL;
	return true;
}

void sign_free(struct sign **s)
{
	if (!*s)
		return;
	for (size_t i = 0; i < (*s)->roles; i++) {
		struct sign_role *r = &(*s)->role[i];
		free_ptr(&r->name);
		free_ptr(&r->path);
		doc_free(&r->before);
		doc_free(&r->body);
		doc_free(&r->whole);
		buf_free(&r->manifest);
		buf_free(&r->manifest_before);
	}
	free_ptr(&(*s)->role);
	free_ptr(&(*s)->fleet_dir);
	buf_free(&(*s)->notes);
	trust_free(&(*s)->trust);
	keyset_free(&(*s)->keys);
	repository_free(&(*s)->at);
	free_ptr(s);
}

bool sign_nothing(const struct sign *s)
{
	for (size_t i = 0; i < s->roles; i++)
		if (s->role[i].body)
			return false;
	return true;
}

/* --- signing --- */

/* Keys of which a number must sign, under the keyids by which they will be looked for. */
struct set {
	struct {
		const struct public_key *key;
		const char *owner;
		char keyid[DIGEST_HEX + 1];
	} at[64];
	size_t count;
	int64_t threshold;
};

static void set_of_keyset(struct set *to, const struct keyset_role *by)
{
	*to = (struct set){.count = by->signers.count, .threshold = by->signers.threshold};
	for (size_t i = 0; i < to->count; i++) {
		to->at[i].key = by->key[i];
		to->at[i].owner = by->owner[i];
		public_keyid(to->at[i].keyid, by->key[i]);
	}
}

/* The root before, which the next must be signed by, too. Its keyids are as it wrote them. */
static void set_of_root(struct set *to, const struct role *root)
{
	const struct ring_role *role = &root->keys[ROLE_ROOT];

	*to = (struct set){.threshold = role->threshold};
	for (size_t i = 0; i < role->count && to->count < COUNT_OF(to->at); i++) {
		struct str id = str_of(role->keyid[i]);
		const struct public_key *key = ring_find(&root->ring, id);
		doc *entry = doc_get(doc_get(root->body, "keys"), role->keyid[i]);
		if (!key || id.len > DIGEST_HEX)
			continue;
		to->at[to->count].key = key;
		to->at[to->count].owner = doc_str(doc_get(entry, "x-fleet-name")).data;
		snprintf(to->at[to->count++].keyid, DIGEST_HEX + 1, "%s", role->keyid[i]);
	}
}

static size_t sets_of(struct set to[2], const struct sign *s, const struct sign_role *r)
{
	const struct role *root = s->trust ? trust_role(s->trust, "root") : NULL;

	set_of_keyset(&to[0], &r->by);
	if (r->kind != ROLE_ROOT || !root)
		return 1;
	set_of_root(&to[1], root);
	return 2;
}

static bool set_possible(const struct set *set, const struct signers *have, struct err *e)
{
	cleanup(buf_free) struct buf missing = {0};
	int64_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (!have || signers_have(have, set->at[i].key))
			count++;
		else
			buf_form(&missing, "%s%s", missing.len ? ", " : "",
				set->at[i].owner ? set->at[i].owner : set->at[i].keyid);
	}
	return count >= set->threshold ||
	       err_set(e, ERR_SIGNATURE, "it needs %lld signatures, %lld can be made here; not here: %s",
		       (long long)set->threshold, (long long)count, buf_str(&missing).data);
}

bool sign_possible(const struct sign *s, const struct sign_role *r, const struct signers *have, struct err *e)
{
	struct set set[2];
	size_t sets = sets_of(set, s, r);

	for (size_t i = 0; i < sets; i++)
		if (!set_possible(&set[i], have, e))
			return err_in(e, i ? "the keys of the root before" : "keys.yaml");
	return true;
}

static bool has_signature(const doc *whole, const char *keyid)
{
	const doc *list = doc_get(whole, "signatures");

	for (size_t i = 0; i < doc_count(list); i++)
		if (str_is(doc_str(doc_get(doc_at(list, i), "keyid")), keyid))
			return true;
	return false;
}

/* As many signatures as are needed, in the order of the keys: more would only cost bytes and passphrases. */
static bool sign_set(doc *whole, const struct set *set, struct signers *have, struct str message, struct err *e)
{
	int64_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		count += has_signature(whole, set->at[i].keyid);
	for (size_t i = 0; i < set->count && count < set->threshold; i++) {
		cleanup(buf_free) struct buf signature = {0};
		if (has_signature(whole, set->at[i].keyid) || !signers_have(have, set->at[i].key))
			continue;
		if (!signers_sign(&signature, have, set->at[i].key, message, e))
			return false;
		role_add_signature(whole, set->at[i].keyid, buf_str(&signature));
		count++;
	}
	return true;
}

static bool sign_one(const struct sign *s, struct sign_role *r, struct signers *have, struct err *e)
{
	cleanup(buf_free) struct buf message = BUF_MAX(TRUST_TARGETS_MAX);
	struct set set[2];
	size_t sets = sets_of(set, s, r);

	doc_canonical(&message, r->body);
	if (!buf_ok(&message, e))
		return err_in(e, "sign %s", r->name);
	doc_free(&r->whole);
	r->whole = role_seal(doc_ref(r->body));
	for (size_t i = 0; i < sets; i++)
		if (!sign_set(r->whole, &set[i], have, buf_str(&message), e))
			return err_in(e, "sign %s", r->name);
	return true;
}

static bool sign_all(struct sign *s, struct signers *have, struct err *e)
{
	cleanup(buf_free) struct buf missing = {0};

	for (size_t i = 0; i < s->roles; i++) {
		struct err why = {0};
		if (s->role[i].body && !sign_possible(s, &s->role[i], have, &why))
			buf_form(&missing, "%s%s: %s", missing.len ? "; " : "", s->role[i].name, why.text);
	}
	if (missing.len)
		return err_set(e, ERR_SIGNATURE, "%s", buf_str(&missing).data);
	for (size_t i = 0; i < s->roles; i++)
		if (s->role[i].body && !sign_one(s, &s->role[i], have, e))
			return false;
	return true;
}

/* --- writing --- */

static bool write_release(const struct repository *at, const struct sign_role *r, struct err *e)
{
	cleanup(free_ptr) char *current = path_form("%s/manifest.json", r->name);
	const struct manifest *m = r->release ? r->release->manifest : NULL;

	if (m && !repository_put_bundle(at, m->bundle.sha256, (uint64_t)m->bundle.length, r->release->tar, e))
		return err_in(e, "%s", r->name);
	return !r->manifest.len || (repository_put_target(at, r->path, buf_str(&r->manifest), e) &&
					   repository_put_target(at, current, buf_str(&r->manifest), e));
}

static bool write_role(const struct repository *at, const struct sign_role *r, struct err *e)
{
	return !r->whole || repository_put_meta(at, r->name, r->version, r->whole, e);
}

/* Nothing that is named can be missing: each is on the disk before what names it, and a reader sees the old or the new.
 */
static bool write_all(const struct sign *s, const struct repository *at, struct err *e)
{
	static const size_t order[] = {SIGN_TARGETS, SIGN_SNAPSHOT, SIGN_ROOT, SIGN_TIMESTAMP};

	for (size_t i = SIGN_PLANS; i < s->roles; i++)
		if (!write_release(at, &s->role[i], e))
			return false;
	for (size_t i = SIGN_PLANS; i < s->roles; i++)
		if (!write_role(at, &s->role[i], e))
			return false;
	for (size_t i = 0; i < COUNT_OF(order); i++)
		if (!write_role(at, &s->role[order[i]], e))
			return false;
	return true;
}

bool sign_write(struct sign *s, struct signers *signers, struct err *e)
{
	cleanup(repository_free) struct repository at = {0};

	return sign_all(s, signers, e) && repository_make(&at, s->fleet_dir, e) && write_all(s, &at, e);
}
