/* Whose signatures a role needs, which it has, and which keys here can give more. */
#include <stdio.h>

#include "base/hex.h"
#include "fleetctl/repo/sign_state.h"

enum { SIGNATURE_MAX = 1 * KIB };

/* Keys of which a number must sign, under the keyids by which they will be looked for. Each key stands once, whatever
 * it is called: one person with two names does not count twice. */
struct set {
	struct {
		const struct public_key *key;
		const char *owner;
		char keyid[DIGEST_HEX + 1];
	} at[64];
	size_t count;
	int64_t threshold;
};

static void set_add(struct set *to, const struct public_key *key, const char *owner, const char *keyid)
{
	for (size_t i = 0; i < to->count; i++)
		if (digest_eq(to->at[i].key->same, key->same))
			return;
	if (to->count == COUNT_OF(to->at))
		return;
	to->at[to->count].key = key;
	to->at[to->count].owner = owner;
	snprintf(to->at[to->count++].keyid, DIGEST_HEX + 1, "%s", keyid);
}

static void set_of_keyset(struct set *to, const struct keyset_role *by)
{
	*to = (struct set){.threshold = by->signers.threshold};
	for (size_t i = 0; i < by->signers.count; i++) {
		char id[DIGEST_HEX + 1];
		public_keyid(id, by->key[i]);
		set_add(to, by->key[i], by->owner[i], id);
	}
}

/* The root before, which the next must be signed by, too. Its keyids are as it wrote them. */
static void set_of_root(struct set *to, const struct role *root)
{
	const struct ring_role *role = &root->keys[ROLE_ROOT];

	*to = (struct set){.threshold = role->threshold};
	for (size_t i = 0; i < role->count; i++) {
		struct str id = str_of(role->keyid[i]);
		const struct public_key *key = ring_find(&root->ring, id);
		doc *entry = doc_get(doc_get(root->body, "keys"), role->keyid[i]);
		if (key && id.len <= DIGEST_HEX)
			set_add(to, key, doc_str(doc_get(entry, "x-fleet-name")).data, role->keyid[i]);
	}
}

static size_t sets_of(struct set to[2], const struct sign *s, const struct sign_role *r)
{
	const struct role *root = s->trust ? trust_role(s->trust, "root") : s->root_before;

	set_of_keyset(&to[0], &r->by);
	if (r->kind != ROLE_ROOT || !root)
		return 1;
	set_of_root(&to[1], root);
	return 2;
}

static const char *owner_of(const struct set *set, size_t i)
{
	return set->at[i].owner ? set->at[i].owner : set->at[i].keyid;
}

static bool has_signature(const doc *whole, const char *keyid)
{
	const doc *list = doc_get(whole, "signatures");

	for (size_t i = 0; i < doc_count(list); i++)
		if (str_is(doc_str(doc_get(doc_at(list, i), "keyid")), keyid))
			return true;
	return false;
}

/* --- what can be, and what is missing --- */

static bool set_possible(const struct set *set, const doc *whole, const struct signers *have, struct err *e)
{
	cleanup(buf_free) struct buf missing = {0};
	int64_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (!have || has_signature(whole, set->at[i].keyid) || signers_have(have, set->at[i].key))
			count++;
		else
			buf_form(&missing, "%s%s", missing.len ? ", " : "", owner_of(set, i));
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
		if (!set_possible(&set[i], r->whole, have, e))
			return err_in(e, i ? "the keys of the root before" : "keys.yaml");
	return true;
}

/* "ann, bob": those of the set who have signed; or who have not, and could here, or could not. */
enum who { SIGNED, HERE, ELSEWHERE };
static int64_t list_owners(
	struct buf *out, const struct set *set, const doc *whole, enum who who, const struct signers *here)
{
	int64_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		enum who is = has_signature(whole, set->at[i].keyid)       ? SIGNED
			      : here && signers_have(here, set->at[i].key) ? HERE
									   : ELSEWHERE;
		if (is == who)
			buf_form(out, "%s%s", count++ ? ", " : "", owner_of(set, i));
	}
	return count;
}

/* "root: 1 of 2, signed by ann; missing: one of bob, cy" */
static bool say_set(struct buf *out, const struct sign_role *r, const struct set *set, const char *which,
	const struct signers *here)
{
	cleanup(buf_free) struct buf has = {0}, near = {0}, far = {0};
	int64_t count = list_owners(&has, set, r->whole, SIGNED, here),
		can = list_owners(&near, set, r->whole, HERE, here);
	int64_t away = list_owners(&far, set, r->whole, ELSEWHERE, here), missing = set->threshold - count - can;

	buf_form(out, "  %s%s: %lld of %lld", r->name, which, (long long)count, (long long)set->threshold);
	if (has.len)
		buf_form(out, ", signed by " STR_FMT, STR_ARG(buf_str(&has)));
	if (count < set->threshold && can)
		buf_form(out, "; to be signed here by " STR_FMT, STR_ARG(buf_str(&near)));
	if (missing > away)
		buf_form(out, "; it has too few keys, whoever signs");
	else if (missing > 0 && missing == away)
		buf_form(out, "; missing: " STR_FMT, STR_ARG(buf_str(&far)));
	else if (missing > 0)
		buf_form(out, "; missing: %lld of " STR_FMT, (long long)missing, STR_ARG(buf_str(&far)));
	buf_byte(out, '\n');
	return count >= set->threshold;
}

bool sign_standing(struct buf *out, const struct sign *s, const struct signers *here)
{
	bool whole = true;

	for (size_t i = 0; i < s->roles; i++) {
		struct set set[2];
		if (!s->role[i].body)
			continue;
		size_t sets = sets_of(set, s, &s->role[i]);
		for (size_t j = 0; j < sets; j++)
			whole = say_set(out, &s->role[i], &set[j], j ? " (by the keys of the root before)" : "",
					here) &&
				whole;
	}
	return whole;
}

bool sign_within_reach(const struct sign *s, const struct signers *have)
{
	for (size_t i = 0; i < s->roles; i++)
		if (s->role[i].body && !sign_possible(s, &s->role[i], have, NULL))
			return false;
	return true;
}

static bool set_wants(const struct set *set, const doc *whole, const struct signers *have)
{
	for (size_t i = 0; i < set->count; i++)
		if (!has_signature(whole, set->at[i].keyid) && signers_have(have, set->at[i].key))
			return true;
	return false;
}

bool sign_wants(const struct sign *s, const struct signers *have)
{
	for (size_t i = 0; i < s->roles; i++) {
		struct set set[2];
		size_t sets = s->role[i].body ? sets_of(set, s, &s->role[i]) : 0;
		for (size_t j = 0; j < sets; j++)
			if (set_wants(&set[j], s->role[i].whole, have))
				return true;
	}
	return false;
}

/* --- signing --- */

static void seal(struct sign_role *r)
{
	if (!r->whole)
		r->whole = role_seal(doc_ref(r->body));
}

static bool message_of(struct buf *out, const struct sign_role *r, struct err *e)
{
	doc_canonical(out, r->body);
	return buf_ok(out, e) || err_in(e, "sign %s", r->name);
}

static void note_signature(doc *made, const struct sign_role *r, const struct set *set, size_t i, struct str signature)
{
	doc *line = doc_object();
	cleanup(free_ptr) char *hex = mem_new(2 * signature.len + 1, 1);

	hex_write(hex, signature.data, signature.len);
	doc_set_text(line, "role", r->name);
	doc_set_text(line, "name", owner_of(set, i));
	doc_set_text(line, "keyid", set->at[i].keyid);
	doc_set_text(line, "sig", hex);
	doc_add(made, line);
}

/* At most so many signatures in all, in the order of the keys: more would only cost bytes and passphrases. */
static bool sign_set(
	struct sign_role *r, const struct set *set, int64_t most, struct signers *have, doc *made, struct err *e)
{
	cleanup(buf_free) struct buf message = BUF_MAX(TRUST_TARGETS_MAX);
	int64_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		count += has_signature(r->whole, set->at[i].keyid);
	for (size_t i = 0; i < set->count && count < most; i++) {
		cleanup(buf_free) struct buf signature = {0};
		if (has_signature(r->whole, set->at[i].keyid) || !signers_have(have, set->at[i].key))
			continue;
		if ((!message.len && !message_of(&message, r, e)) ||
			!signers_sign(&signature, have, set->at[i].key, buf_str(&message), e))
			return err_in(e, "sign %s", r->name);
		role_add_signature(r->whole, set->at[i].keyid, buf_str(&signature));
		note_signature(made, r, set, i, buf_str(&signature));
		count++;
	}
	return true;
}

static bool sign_one(struct sign *s, struct sign_role *r, bool all, struct signers *have, struct err *e)
{
	struct set set[2];
	size_t sets = sets_of(set, s, r);

	seal(r);
	for (size_t i = 0; i < sets; i++)
		if (!sign_set(r, &set[i], all ? (int64_t)set[i].count : set[i].threshold, have, s->made, e))
			return false;
	return true;
}

bool sign_part(struct sign *s, struct signers *have, struct err *e)
{
	if (!s->made)
		s->made = doc_list();
	for (size_t i = 0; i < s->roles; i++)
		if (s->role[i].body && !sign_one(s, &s->role[i], true, have, e))
			return false;
	return true;
}

bool sign_seal(struct sign *s, struct signers *have, struct err *e)
{
	cleanup(buf_free) struct buf missing = {0};

	if (!s->made)
		s->made = doc_list();
	for (size_t i = 0; i < s->roles; i++) {
		struct err why = {0};
		if (s->role[i].body && !sign_possible(s, &s->role[i], have, &why))
			buf_form(&missing, "%s%s: %s", missing.len ? "; " : "", s->role[i].name, why.text);
	}
	if (missing.len)
		return err_set(e, ERR_SIGNATURE, "%s", buf_str(&missing).data);
	for (size_t i = 0; i < s->roles; i++)
		if (s->role[i].body && !sign_one(s, &s->role[i], false, have, e))
			return false;
	return true;
}

doc *sign_made(const struct sign *s)
{
	return s->made;
}

/* --- a signature that was made elsewhere --- */

bool sign_accept(
	bool *counts, struct sign_role *r, const struct sign *s, struct str keyid, struct str hex, struct err *e)
{
	cleanup(buf_free) struct buf message = BUF_MAX(TRUST_TARGETS_MAX);
	uint8_t raw[SIGNATURE_MAX];
	struct str signature = str_bytes(raw, hex.len / 2);
	struct set set[2];
	size_t sets = sets_of(set, s, r);

	*counts = false;
	if (signature.len == 0 || signature.len > sizeof raw || !hex_read(raw, signature.len, hex))
		return err_set(e, ERR_SYNTAX, "%s: a signature is hexadecimal", r->name);
	if (!message_of(&message, r, e))
		return false;
	seal(r);
	for (size_t i = 0; i < sets; i++)
		for (size_t j = 0; j < set[i].count; j++) {
			if (!str_is(keyid, set[i].at[j].keyid))
				continue;
			if (!public_verify(set[i].at[j].key, buf_str(&message), signature))
				return err_set(e, ERR_SIGNATURE, "%s: what %s signed is not this", r->name,
					owner_of(&set[i], j));
			if (!has_signature(r->whole, set[i].at[j].keyid))
				role_add_signature(r->whole, set[i].at[j].keyid, signature);
			*counts = true;
			return true;
		}
	return true;
}
