/* A TUF repository in memory, and the ways to forge one. Keys are letters; what is signed by "rt" is signed by two.
 * For tests alone: nothing here checks anything. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "keys/secret.h"
#include "manifests/role.h"

enum { FORGE_NOW = 1800000000, FORGE_DAY = 86400, FORGE_FILES = 400 };

static inline struct secret_key *forge_key(char letter)
{
	uint8_t seed[32];
	struct secret_key *k = NULL;

	memset(seed, letter, sizeof seed);
	assert_true(secret_of_seed(&k, seed, NULL));
	return k;
}

static inline struct public_key forge_public(char letter)
{
	struct secret_key *k = forge_key(letter);
	struct public_key p = {0};

	assert_true(secret_public(&p, k, NULL));
	secret_free(&k);
	return p;
}

static inline void forge_keyid(char out[DIGEST_HEX + 1], char letter)
{
	struct public_key p = forge_public(letter);

	public_keyid(out, &p);
	public_free(&p);
}

static inline void forge_signature(doc *whole, const char *keyid, char letter)
{
	struct buf text = {0}, sig = {0};
	struct secret_key *k = forge_key(letter);

	doc_canonical(&text, doc_get(whole, "signed"));
	assert_true(secret_sign(&sig, k, buf_str(&text), NULL));
	role_add_signature(whole, keyid, buf_str(&sig));
	buf_free(&text);
	buf_free(&sig);
	secret_free(&k);
}

/* The document as bytes; `body` stays the caller's. */
static inline struct buf forge_bytes(doc *body, const char *by)
{
	doc *whole = role_seal(doc_ref(body));
	struct buf out = {0};
	char id[DIGEST_HEX + 1];

	for (; *by; by++) {
		forge_keyid(id, *by);
		forge_signature(whole, id, *by);
	}
	doc_pretty(&out, whole);
	doc_free(&whole);
	return out;
}

/* Calls role_set_signers (kind) or role_add_link (name, paths). */
static inline void forge_signers(doc *body, enum role_kind kind, const char *name, const char *by, int64_t threshold,
	const char *const *path, size_t paths)
{
	struct public_key key[8];
	const struct public_key *pointer[8];
	struct role_signers s = {.key = pointer, .count = strlen(by), .threshold = threshold};

	for (size_t i = 0; i < s.count; i++) {
		key[i] = forge_public(by[i]);
		pointer[i] = &key[i];
	}
	if (name)
		role_add_link(body, name, &s, path, paths);
	else
		role_set_signers(body, kind, &s);
	for (size_t i = 0; i < s.count; i++)
		public_free(&key[i]);
}

static inline void forge_link(doc *body, const char *name, const char *by, const char *pattern, bool terminating)
{
	doc *roles;

	forge_signers(body, ROLE_TARGETS, name, by, 1, (const char *const[]){pattern}, 1);
	roles = doc_get(doc_get(body, "delegations"), "roles");
	doc_set_bool(doc_at(roles, doc_count(roles) - 1), "terminating", terminating);
}

static inline doc *forge_root(
	uint64_t version, const char *root, const char *timestamp, const char *snapshot, const char *targets)
{
	const char *const by[ROLE_KINDS] = {root, timestamp, snapshot, targets};
	doc *body = role_body(ROLE_ROOT, version, FORGE_NOW + 365 * FORGE_DAY);

	for (enum role_kind k = ROLE_ROOT; k < ROLE_KINDS; k++)
		forge_signers(body, k, NULL, by[k], 1, NULL, 0);
	return body;
}

/* --- files by name, and who asked for them --- */

struct shelf {
	struct {
		char name[512];
		struct buf bytes;
	} file[FORGE_FILES];
	size_t count;
	struct buf asked; /* "2.root.json timestamp.json ..." */
};

static inline struct buf *shelf_find(struct shelf *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->file[i].name, name) == 0)
			return &s->file[i].bytes;
	return NULL;
}

static inline void shelf_take(struct shelf *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->file[i].name, name) == 0) {
			buf_free(&s->file[i].bytes);
			s->file[i] = s->file[--s->count];
			return;
		}
}

/* Takes over `bytes`. */
static inline void shelf_put(struct shelf *s, const char *name, struct buf bytes)
{
	shelf_take(s, name);
	assert_true(s->count < FORGE_FILES);
	snprintf(s->file[s->count].name, sizeof s->file[0].name, "%s", name);
	s->file[s->count++].bytes = bytes;
}

static inline void shelf_copy(struct shelf *s, const char *name, struct str bytes)
{
	struct buf copy = {0};

	buf_add(&copy, bytes);
	shelf_put(s, name, copy);
}

static inline void shelf_clear(struct shelf *s)
{
	while (s->count)
		buf_free(&s->file[--s->count].bytes);
	buf_free(&s->asked);
}
