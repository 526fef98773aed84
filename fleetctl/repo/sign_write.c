/* Which keys must sign, their signatures, and the order in which all goes onto the disk. */
#include <stdio.h>

#include "base/fs.h"
#include "fleetctl/repo/sign_state.h"

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
	const struct manifest *m = r->release.manifest;

	if (m && !repository_put_bundle(at, m->bundle.sha256, (uint64_t)m->bundle.length, r->release.tar, e))
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
