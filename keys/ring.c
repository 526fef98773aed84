/* Keyrings and thresholds. Keyids are opaque names here; what counts is the public key behind them. */
#include "keys/ring.h"

#include "base/hex.h"

enum {
	RING_KEYS_MAX = 1024,
	ROLE_KEYS_MAX = 1024,
	SIGNATURES_MAX = 1024,     /* each is compared with each */
	SIGNATURE_BYTES_MAX = 2048, /* RSA of 16,384 bit */
};

bool ring_read(struct ring *out, doc *keys, struct err *e)
{
	cleanup(ring_free) struct ring r = { 0 };
	size_t count = doc_count(keys);

	if (doc_kind(keys) != DOC_OBJECT)
		return err_set(e, ERR_SYNTAX, "keys: expected an object, found %s", doc_kind_word(doc_kind(keys)));
	if (count > RING_KEYS_MAX)
		return err_set(e, ERR_LIMIT, "keys: %zu of them, at most %d are allowed", count, RING_KEYS_MAX);
	r.key = mem_new(count, sizeof *r.key);
	for (void *i = doc_first(keys); i; i = doc_next(keys, i)) {
		struct public_key key = { 0 };
		if (!public_read(&key, doc_value(i), e))
			return err_in(e, "keys: %s", doc_key(i));
		r.key[r.count++] = (struct ring_key){ .keyid = str_dup(str_of(doc_key(i))), .key = key };
	}
	*out = r;
	r = (struct ring){ 0 };
	return true;
}

const struct public_key *ring_find(const struct ring *r, struct str keyid)
{
	for (size_t i = 0; i < r->count; i++)
		if (str_is(keyid, r->key[i].keyid))
			return &r->key[i].key;
	return NULL;
}

void ring_free(struct ring *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free_ptr(&r->key[i].keyid);
		public_free(&r->key[i].key);
	}
	free_ptr(&r->key);
	r->count = 0;
}

static bool role_has(const struct ring_role *role, struct str keyid)
{
	for (size_t i = 0; i < role->count; i++)
		if (str_is(keyid, role->keyid[i]))
			return true;
	return false;
}

bool ring_role_read(struct ring_role *out, const doc *d, struct err *e)
{
	cleanup(ring_role_free) struct ring_role role = { 0 };
	const doc *keyids = doc_get(d, "keyids");
	size_t count = doc_count(keyids);

	if (doc_kind(keyids) != DOC_LIST || !doc_int(doc_get(d, "threshold"), &role.threshold))
		return err_set(e, ERR_SYNTAX, "a role without keyids and threshold");
	if (role.threshold < 1)
		return err_set(e, ERR_SYNTAX, "threshold: at least 1, found %lld", (long long)role.threshold);
	if (count > ROLE_KEYS_MAX)
		return err_set(e, ERR_LIMIT, "keyids: %zu of them, at most %d are allowed", count, ROLE_KEYS_MAX);
	role.keyid = mem_new(count, sizeof *role.keyid);
	for (size_t i = 0; i < count; i++) {
		struct str keyid = doc_str(doc_at(keyids, i));
		if (!keyid.data)
			return err_set(e, ERR_SYNTAX, "keyids: expected text");
		if (role_has(&role, keyid))
			return err_set(e, ERR_SYNTAX, "keyids: %s is listed twice", keyid.data);
		role.keyid[role.count++] = str_dup(keyid);
	}
	*out = role;
	role = (struct ring_role){ 0 };
	return true;
}

void ring_role_free(struct ring_role *r)
{
	for (size_t i = 0; i < r->count; i++)
		free_ptr(&r->keyid[i]);
	free_ptr(&r->keyid);
	*r = (struct ring_role){ 0 };
}

struct signature {
	struct str keyid, hex; /* borrowed */
};
struct signatures {
	struct signature *at;
	size_t count;
};

static void signatures_free(struct signatures *s)
{
	free_ptr(&s->at);
}

static const struct signature *signature_by(const struct signatures *s, struct str keyid)
{
	for (size_t i = 0; i < s->count; i++)
		if (str_eq(s->at[i].keyid, keyid))
			return &s->at[i];
	return NULL;
}

static bool signatures_read(struct signatures *out, const doc *list, struct err *e)
{
	size_t count = doc_count(list);

	if (doc_kind(list) != DOC_LIST)
		return err_set(e, ERR_SYNTAX, "signatures: expected a list, found %s", doc_kind_word(doc_kind(list)));
	if (count > SIGNATURES_MAX)
		return err_set(e, ERR_LIMIT, "signatures: %zu of them, at most %d are allowed", count, SIGNATURES_MAX);
	out->at = mem_new(count, sizeof *out->at);
	for (size_t i = 0; i < count; i++) {
		const doc *d = doc_at(list, i);
		struct signature s = { doc_str(doc_get(d, "keyid")), doc_str(doc_get(d, "sig")) };
		if (!s.keyid.data || !s.hex.data)
			return err_set(e, ERR_SYNTAX, "signatures: number %zu without keyid and sig", i + 1);
		if (signature_by(out, s.keyid))
			return err_set(e, ERR_SIGNATURE, "signatures: keyid %s is there twice", s.keyid.data);
		out->at[out->count++] = s;
	}
	return true;
}

static bool is_good(const struct public_key *key, struct str signed_bytes, struct str hex)
{
	uint8_t raw[SIGNATURE_BYTES_MAX];
	size_t len = hex.len / 2;

	return len <= sizeof raw && hex_read(raw, len, hex) && public_verify(key, signed_bytes, str_bytes(raw, len));
}

static bool is_among(const struct digest *seen, size_t count, struct digest same)
{
	for (size_t i = 0; i < count; i++)
		if (digest_eq(seen[i], same))
			return true;
	return false;
}

bool ring_verify(const struct ring *r, const struct ring_role *role, struct str signed_bytes, const doc *signatures,
	struct err *e)
{
	cleanup(signatures_free) struct signatures given = { 0 };
	cleanup(free_ptr) struct digest *good = mem_new(role->count, sizeof *good);
	size_t count = 0;

	if (role->threshold < 1)
		return err_set(e, ERR_SIGNATURE, "threshold: at least 1, found %lld", (long long)role->threshold);
	if (!signatures_read(&given, signatures, e))
		return false;
	for (size_t i = 0; i < role->count; i++) {
		struct str keyid = str_of(role->keyid[i]);
		const struct signature *s = signature_by(&given, keyid);
		const struct public_key *key = ring_find(r, keyid);
		if (s && key && !is_among(good, count, key->same) && is_good(key, signed_bytes, s->hex))
			good[count++] = key->same;
	}
	return (int64_t)count >= role->threshold ||
		err_set(e, ERR_SIGNATURE, "%zu of the %lld signatures needed are good", count, (long long)role->threshold);
}
