/* Any documents as answers to the client's questions, each signed as it should be: what is behind the signatures is tried.
 * The bodies stand one after the other, a NUL between them; the first is the anchor. Two sessions share what was kept. */
#include <stdlib.h>
#include <string.h>

#include "keys/secret.h"
#include "manifests/role.h"
#include "manifests/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEPT_MAX = 16, ASKED_MAX = 2 * (TRUST_ROOTS_MAX + 3 + TRUST_ROLES_MAX) };

struct kept {
	char role[160];
	uint64_t version;
	struct buf bytes;
};
struct disk {
	struct kept file[KEPT_MAX];
	size_t count;
};

static void must(bool so)
{
	if (!so)
		abort();
}

static void add_key(doc *keys, const struct public_key *key)
{
	if (doc_kind(keys) == DOC_OBJECT)
		doc_set(keys, "k", public_doc(key));
}

/* The next body, sealed and signed by the one key there is, under the keyid "k"; what is no JSON goes as it is. */
static struct buf next_document(struct str *rest, const struct secret_key *secret, const struct public_key *key)
{
	const char *end = rest->len ? memchr(rest->data, 0, rest->len) : NULL;
	struct str body = str_bytes(rest->data, end ? (size_t)(end - rest->data) : rest->len);
	cleanup(buf_free) struct buf text = {0}, signature = {0};
	struct buf out = {0};
	doc *d = NULL;

	*rest = end ? str_bytes(end + 1, rest->len - body.len - 1) : STR("");
	if (!doc_read(&d, body, NULL) || doc_kind(d) != DOC_OBJECT) {
		doc_free(&d);
		buf_add(&out, body);
		return out;
	}
	add_key(doc_get(d, "keys"), key);
	add_key(doc_get(doc_get(d, "delegations"), "keys"), key);
	doc_canonical(&text, d);
	doc *whole = role_seal(d);
	must(secret_sign(&signature, secret, buf_str(&text), NULL));
	role_add_signature(whole, "k", buf_str(&signature));
	doc_pretty(&out, whole);
	doc_free(&whole);
	return out;
}

static void keep(struct disk *d, const struct trust_keep *k, struct str bytes)
{
	if (k->drop_online)
		for (size_t i = 0; i < d->count; i++)
			if (strcmp(d->file[i].role, "timestamp") == 0 || strcmp(d->file[i].role, "snapshot") == 0)
				buf_clear(&d->file[i].bytes);
	if (!k->role[0] || d->count == KEPT_MAX)
		return;
	struct kept *f = &d->file[d->count++];
	memcpy(f->role, k->role, sizeof f->role);
	f->version = k->version;
	buf_add(&f->bytes, bytes);
}

static enum trust_say feed(
	struct trust *t, struct disk *d, struct str *rest, const struct secret_key *s, const struct public_key *p)
{
	struct trust_want want;
	enum trust_say say;
	struct err e = {0};
	int asked = 0;

	while ((say = trust_next(t, &want, &e)) == TRUST_WANTS) {
		char file[512];
		trust_want_file(file, t, &want);
		must(++asked <= ASKED_MAX && !strchr(file, '/') && want.max <= TRUST_TARGETS_MAX);
		struct buf bytes = next_document(rest, s, p);
		struct trust_keep k;
		if (!bytes.len)
			trust_absent(t);
		else if (trust_give(t, buf_str(&bytes), &k, &e))
			keep(d, &k, buf_str(&bytes));
		else
			must(e.code != ERR_NONE);
		buf_free(&bytes);
	}
	must(say == TRUST_DONE || e.code != ERR_NONE);
	return say;
}

static void session(struct str anchor, struct disk *d, struct str *rest, bool synced, const struct secret_key *s,
	const struct public_key *p)
{
	struct trust *t = NULL;
	struct trust_target target;

	if (!trust_new(&t, anchor, (struct trust_time){1800000000, synced}, NULL))
		return;
	for (size_t i = 0; i < d->count; i++)
		trust_hold(t, d->file[i].role, buf_str(&d->file[i].bytes));
	uint64_t root = trust_version(t, "root");
	if (feed(t, d, rest, s, p) == TRUST_DONE) {
		trust_seek(t, "plan-D/manifest.json");
		if (feed(t, d, rest, s, p) != TRUST_DONE)
			must(!trust_found(t, &target));
		else if (trust_found(t, &target))
			must(trust_version(t, target.role) > 0);
	}
	must(trust_version(t, "root") >= root);
	trust_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = {1};
	struct str rest = str_bytes(data, size);
	struct secret_key *secret = NULL;
	struct public_key key = {0};
	struct disk d = {0};

	must(secret_of_seed(&secret, seed, NULL) && secret_public(&key, secret, NULL));
	struct buf anchor = next_document(&rest, secret, &key);
	session(buf_str(&anchor), &d, &rest, true, secret, &key);
	session(buf_str(&anchor), &d, &rest, size % 2, secret, &key);
	for (size_t i = 0; i < d.count; i++)
		buf_free(&d.file[i].bytes);
	buf_free(&anchor);
	public_free(&key);
	secret_free(&secret);
	return 0;
}
