/* What this Pi stated. */
#include "agent/store/receipts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"

#define KEY "receipts/key"

static char *receipt_path(int64_t number)
{
	return path_form("receipts/%lld.json", (long long)number);
}

static char *key_path(const struct store *s)
{
	return path_form("%s/" KEY, s->path);
}

/* --- the key --- */

bool receipts_make_key(const struct store *s, bool anew, struct err *e)
{
	cleanup(free_ptr) char *path = key_path(s);
	cleanup(secret_free) struct secret_key *key = NULL;

	if (anew && !fs_remove(s->dir, KEY, e))
		return false;
	if (fs_exists(s->dir, KEY))
		return true;
	return (secret_new(&key, e) && secret_save(key, path, STR(""), true, e)) || err_in(e, "receipt key");
}

/* What the kernel refuses now it may give later; bytes that are no key never become one. */
static bool open_key(struct secret_key **out, const struct store *s, struct err *e)
{
	cleanup(free_ptr) char *path = key_path(s);

	if (secret_load(out, path, STR(""), e))
		return true;
	if (e->code == ERR_IO || !receipts_make_key(s, true, e))
		return false;
	return secret_load(out, path, STR(""), e);
}

bool receipts_key(char out[DIGEST_HEX + 1], const struct store *s, struct err *e)
{
	cleanup(free_ptr) char *path = key_path(s);
	cleanup(public_free) struct public_key key = {0};

	if (!secret_peek(&key, path, e))
		return false;
	snprintf(out, DIGEST_HEX + 1, "%s", key.value);
	return true;
}

static bool set_key(struct receipt *r, const struct secret_key *k, struct err *e)
{
	cleanup(public_free) struct public_key key = {0};

	return secret_public(&key, k, e) &&
	       (hex_read(r->key, sizeof r->key, str_of(key.value)) ||
		       err_set(e, ERR_SYNTAX, "the receipt key is not an Ed25519 key"));
}

/* --- the receipts --- */

static bool seal(struct buf *out, struct digest *digest, const struct store *s, const struct receipt *r, struct err *e)
{
	cleanup(buf_free) struct buf statement = BUF_MAX(RECEIPT_MAX);
	cleanup(secret_free) struct secret_key *key = NULL;
	struct receipt now = *r;

	if (!open_key(&key, s, e) || !set_key(&now, key, e))
		return false;
	receipt_write(&statement, &now);
	if (!buf_ok(&statement, e) || !receipt_seal(out, buf_str(&statement), key, e))
		return false;
	*digest = receipt_digest(buf_str(out));
	return true;
}

bool receipts_add(struct digest *digest, const struct store *s, const struct receipt *r, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(RECEIPT_SEALED_MAX);
	cleanup(free_ptr) char *path = receipt_path(r->number);

	if (!seal(&text, digest, s, r, e) || !store_write(s, path, buf_str(&text), 0644, e))
		return err_in(e, "receipt");
	if (r->number <= RECEIPTS_KEPT)
		return true;
	cleanup(free_ptr) char *old = receipt_path(r->number - RECEIPTS_KEPT);
	return fs_remove(s->dir, old, e);
}

bool receipts_bytes(struct buf *out, const struct store *s, int64_t number, struct err *e)
{
	cleanup(free_ptr) char *path = receipt_path(number);

	out->max = RECEIPT_SEALED_MAX;
	return fs_read(out, s->dir, path, e) || err_in(e, "receipt");
}

bool receipts_newest(struct buf *out, const struct store *s, int64_t number, struct err *e)
{
	struct err below;

	if (receipts_bytes(out, s, number, e))
		return true;
	for (int64_t n = number - 1; e->code == ERR_MISSING && n > 0 && n > number - RECEIPTS_KEPT; n--)
		if (receipts_bytes(out, s, n, &below))
			return true;
	return false;
}

static int64_t number_of(const char *name)
{
	struct str ending, digits = str_cut(str_of(name), '.', &ending);
	uint64_t n = 0;

	return str_is(ending, "json") && str_number(&n, digits, RECEIPT_NUMBER_MAX) ? (int64_t)n : 0;
}

void receipts_last(int64_t *number, struct digest *digest, const struct store *s)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(buf_free) struct buf text = {0};
	struct err e;

	*number = 0;
	*digest = (struct digest){0};
	if (!fs_names(&names, s->dir, "receipts", &e))
		return;
	for (size_t i = 0; i < names.count; i++)
		*number = MAX(*number, number_of(names.name[i]));
	if (*number && receipts_bytes(&text, s, *number, &e))
		*digest = receipt_digest(buf_str(&text));
}

int64_t receipts_damaged(const struct store *s, int64_t number, struct digest digest)
{
	for (int64_t n = number; n > 0 && n > number - RECEIPTS_KEPT; n--) {
		cleanup(buf_free) struct buf text = {0};
		cleanup(receipt_free) struct receipt r = {0};
		struct err e;
		if (!receipts_bytes(&text, s, n, &e))
			return e.code == ERR_MISSING ? 0 : n;
		if (!digest_eq(receipt_digest(buf_str(&text)), digest) || !receipt_read(&r, buf_str(&text), &e))
			return n;
		digest = r.previous;
	}
	return 0;
}
