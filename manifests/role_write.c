/* Building what we sign: stock TUF clients read it too. */
#include "manifests/role.h"

#include "base/clock.h"
#include "base/hex.h"

#define SPEC_VERSION "1.0.34"

doc *role_body(enum role_kind kind, uint64_t version, int64_t expires)
{
	doc *body = doc_object();
	char date[24];

	clock_text(date, expires);
	doc_set_text(body, "_type", role_words[kind]);
	doc_set_text(body, "spec_version", SPEC_VERSION);
	doc_set_int(body, "version", (int64_t)version);
	doc_set_text(body, "expires", date);
	if (kind == ROLE_ROOT) {
		doc_set_bool(body, "consistent_snapshot", true);
		doc_set(body, "keys", doc_object());
		doc_set(body, "roles", doc_object());
	} else {
		doc_set(body, kind == ROLE_TARGETS ? "targets" : "meta", doc_object());
	}
	return body;
}

static void set_signers(doc *role, doc *keys, const struct role_signers *s)
{
	doc *ids = doc_list();

	for (size_t i = 0; i < s->count; i++) {
		char id[DIGEST_HEX + 1];
		public_keyid(id, s->key[i]);
		doc *key = public_doc(s->key[i]);
		if (s->owner && s->owner[i])
			doc_set_text(key, "x-fleet-name", s->owner[i]);
		doc_set(keys, id, key);
		doc_add_str(ids, str_of(id));
	}
	doc_set(role, "keyids", ids);
	doc_set_int(role, "threshold", s->threshold);
}

void role_set_signers(doc *root_body, enum role_kind kind, const struct role_signers *s)
{
	doc *role = doc_object();

	set_signers(role, doc_get(root_body, "keys"), s);
	doc_set(doc_get(root_body, "roles"), role_words[kind], role);
}

static doc *delegations(doc *body)
{
	if (!doc_get(body, "delegations")) {
		doc *d = doc_object();
		doc_set(d, "keys", doc_object());
		doc_set(d, "roles", doc_list());
		doc_set(body, "delegations", d);
	}
	return doc_get(body, "delegations");
}

void role_add_link(
	doc *targets_body, const char *name, const struct role_signers *s, const char *const *path, size_t paths)
{
	doc *d = delegations(targets_body), *role = doc_object(), *list = doc_list();

	doc_set_text(role, "name", name);
	set_signers(role, doc_get(d, "keys"), s);
	for (size_t i = 0; i < paths; i++)
		doc_add_str(list, str_of(path[i]));
	doc_set(role, "paths", list);
	doc_set_bool(role, "terminating", true);
	doc_add(doc_get(d, "roles"), role);
}

void role_set_meta(doc *body, const char *role, uint64_t version)
{
	cleanup(buf_free) struct buf name = {0};
	doc *entry = doc_object();

	buf_form(&name, "%s.json", role);
	doc_set_int(entry, "version", (int64_t)version);
	doc_set(doc_get(body, "meta"), buf_str(&name).data, entry);
}

void role_set_target(doc *body, const char *path, struct str bytes)
{
	doc *entry = doc_object(), *hashes = doc_object();
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, digest_of(bytes));
	doc_set_text(hashes, "sha256", hex);
	doc_set(entry, "hashes", hashes);
	doc_set_int(entry, "length", (int64_t)bytes.len);
	doc_set(doc_get(body, "targets"), path, entry);
}

doc *role_seal(doc *body)
{
	doc *whole = doc_object();

	doc_set(whole, "signatures", doc_list());
	doc_set(whole, "signed", body);
	return whole;
}

/* Sorted, so that whoever signs first leaves the same bytes. */
void role_add_signature(doc *whole, const char *keyid, struct str signature)
{
	doc *old = doc_get(whole, "signatures"), *list = doc_list(), *entry = doc_object();
	cleanup(free_ptr) char *hex = mem_new(2 * signature.len + 1, 1);
	bool placed = false;

	hex_write(hex, signature.data, signature.len);
	doc_set_text(entry, "keyid", keyid);
	doc_set_text(entry, "sig", hex);
	for (size_t i = 0; i < doc_count(old); i++) {
		doc *at = doc_at(old, i);
		if (!placed && str_cmp(doc_str(doc_get(at, "keyid")), str_of(keyid)) > 0) {
			doc_add(list, entry);
			placed = true;
		}
		doc_add(list, doc_ref(at));
	}
	if (!placed)
		doc_add(list, entry);
	doc_set(whole, "signatures", list);
}
