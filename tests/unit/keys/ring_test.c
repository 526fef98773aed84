/* Thresholds: how many people signed, whatever the file says about itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/hex.h"
#include "keys/ring.h"
#include "keys/secret.h"
#include "tests/unit/keys/samples.h"

#define TEXT STR("{\"_type\":\"root\",\"version\":1}")

enum { PEOPLE = 4 };

/* Four people with keys, and a file under construction. */
struct desk {
	struct secret_key *secret[PEOPLE];
	doc *keys, *role, *signatures;
	doc *keyids; /* borrowed: the role's */
};

static void desk_start(struct desk *d, int64_t threshold)
{
	struct err e = { 0 };

	for (uint8_t i = 0; i < PEOPLE; i++) {
		uint8_t seed[32] = { i, 1 };
		assert_true(secret_of_seed(&d->secret[i], seed, &e));
	}
	d->keys = doc_object();
	d->role = doc_object();
	d->signatures = doc_list();
	d->keyids = doc_list();
	doc_set(d->role, "keyids", d->keyids);
	doc_set_int(d->role, "threshold", threshold);
}

static void desk_end(struct desk *d)
{
	for (size_t i = 0; i < PEOPLE; i++)
		secret_free(&d->secret[i]);
	doc_free(&d->keys);
	doc_free(&d->role);
	doc_free(&d->signatures);
}

static void list_key(struct desk *d, size_t who, const char *keyid)
{
	cleanup(public_free) struct public_key k = { 0 };
	struct err e = { 0 };

	assert_true(secret_public(&k, d->secret[who], &e));
	doc_set(d->keys, keyid, public_doc(&k));
	doc_add_str(d->keyids, str_of(keyid));
}

static void list_foreign(struct desk *d, const char *keyid, const char *keytype, const char *scheme, const char *value)
{
	doc *key = doc_object(), *keyval = doc_object();

	doc_set_text(keyval, "public", value);
	doc_set_text(key, "keytype", keytype);
	doc_set_text(key, "scheme", scheme);
	doc_set(key, "keyval", keyval);
	doc_set(d->keys, keyid, key);
	doc_add_str(d->keyids, str_of(keyid));
}

static void add_hex(struct desk *d, const char *keyid, const char *hex)
{
	doc *s = doc_object();

	doc_set_text(s, "keyid", keyid);
	doc_set_text(s, "sig", hex);
	doc_add(d->signatures, s);
}

static void sign(struct desk *d, size_t who, const char *keyid, struct str text)
{
	cleanup(buf_free) struct buf raw = { 0 };
	char hex[2 * 64 + 1];
	struct err e = { 0 };

	assert_true(secret_sign(&raw, d->secret[who], text, &e));
	assert_int_equal(raw.len, 64);
	hex_write(hex, raw.data, raw.len);
	add_hex(d, keyid, hex);
}

static enum err_code verify_text(struct desk *d, struct str text, struct err *e)
{
	cleanup(ring_free) struct ring ring = { 0 };
	cleanup(ring_role_free) struct ring_role role = { 0 };

	*e = (struct err){ 0 };
	assert_true(ring_read(&ring, d->keys, e));
	assert_true(ring_role_read(&role, d->role, e));
	return ring_verify(&ring, &role, text, d->signatures, e) ? ERR_NONE : e->code;
}

static enum err_code verify(struct desk *d)
{
	struct err e;

	return verify_text(d, TEXT, &e);
}

/* --- thresholds --- */

static void two_of_three_suffice_and_one_does_not(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };
	struct err e;

	desk_start(&d, 2);
	list_key(&d, 0, "ann");
	list_key(&d, 1, "bob");
	list_key(&d, 2, "cleo");
	assert_int_equal(verify_text(&d, TEXT, &e), ERR_SIGNATURE);
	assert_string_equal(e.text, "0 of the 2 signatures needed are good");
	sign(&d, 2, "cleo", TEXT);
	assert_int_equal(verify_text(&d, TEXT, &e), ERR_SIGNATURE);
	assert_string_equal(e.text, "1 of the 2 signatures needed are good");
	sign(&d, 0, "ann", TEXT);
	assert_int_equal(verify(&d), ERR_NONE);
	sign(&d, 1, "bob", TEXT);
	assert_int_equal(verify(&d), ERR_NONE);
	assert_int_equal(verify_text(&d, STR("{\"_type\":\"root\",\"version\":2}"), &e), ERR_SIGNATURE);
	assert_int_equal(verify_text(&d, (struct str){ 0 }, &e), ERR_SIGNATURE);
}

static void a_key_under_two_keyids_counts_once(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };

	desk_start(&d, 2);
	list_key(&d, 0, "ann");
	list_key(&d, 0, "also-ann");
	sign(&d, 0, "ann", TEXT);
	sign(&d, 0, "also-ann", TEXT);
	assert_int_equal(verify(&d), ERR_SIGNATURE);
	list_key(&d, 1, "bob");
	sign(&d, 1, "bob", TEXT);
	assert_int_equal(verify(&d), ERR_NONE);
}

static void one_point_in_two_encodings_counts_once(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };

	desk_start(&d, 2);
	list_foreign(&d, "pem", "ecdsa", "ecdsa-sha2-nistp256", P256_PEM);
	list_foreign(&d, "short", "ecdsa", "ecdsa-sha2-nistp256", P256_PEM_COMPRESSED);
	list_foreign(&d, "hybrid", "ecdsa", "ecdsa-sha2-nistp256", P256_PEM_HYBRID);
	list_foreign(&d, "explicit", "ecdsa", "ecdsa-sha2-nistp256", P256_PEM_EXPLICIT);
	list_foreign(&d, "other-word", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", P256_PEM);
	add_hex(&d, "pem", P256_SIGNATURE);
	add_hex(&d, "short", P256_SIGNATURE);
	add_hex(&d, "hybrid", P256_SIGNATURE);
	add_hex(&d, "explicit", P256_SIGNATURE);
	add_hex(&d, "other-word", P256_SIGNATURE);
	struct err e;
	assert_int_equal(verify_text(&d, STR(SIGNED), &e), ERR_SIGNATURE);
	assert_string_equal(e.text, "1 of the 2 signatures needed are good");
}

static void a_keyid_twice_in_signatures_refuses_the_file(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };
	struct err e;

	desk_start(&d, 1);
	list_key(&d, 0, "ann");
	sign(&d, 0, "ann", TEXT);
	assert_int_equal(verify(&d), ERR_NONE);
	sign(&d, 0, "ann", TEXT);
	assert_int_equal(verify_text(&d, TEXT, &e), ERR_SIGNATURE);
	assert_non_null(strstr(e.text, "ann is there twice"));
}

static void even_a_foreign_or_empty_keyid_twice_refuses_the_file(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };

	desk_start(&d, 1);
	list_key(&d, 0, "ann");
	sign(&d, 0, "ann", TEXT);
	add_hex(&d, "nobody", "");
	assert_int_equal(verify(&d), ERR_NONE);
	add_hex(&d, "nobody", "00");
	assert_int_equal(verify(&d), ERR_SIGNATURE);
}

static void threshold_zero_is_refused_when_read_and_when_verified(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };
	cleanup(ring_free) struct ring ring = { 0 };
	struct ring_role role = { 0 };
	struct err e = { 0 };

	desk_start(&d, 0);
	list_key(&d, 0, "ann");
	assert_false(ring_role_read(&role, d.role, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_null(role.keyid);
	doc_set_int(d.role, "threshold", -1);
	assert_false(ring_role_read(&role, d.role, &e));
	assert_true(ring_read(&ring, d.keys, &e));
	assert_false(ring_verify(&ring, &role, TEXT, d.signatures, &e));
	assert_int_equal(e.code, ERR_SIGNATURE);
}

static void a_threshold_above_the_keys_is_read_but_cannot_verify(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };

	desk_start(&d, 3);
	list_key(&d, 0, "ann");
	list_key(&d, 1, "bob");
	sign(&d, 0, "ann", TEXT);
	sign(&d, 1, "bob", TEXT);
	sign(&d, 2, "cleo", TEXT);
	assert_int_equal(verify(&d), ERR_SIGNATURE);
	doc_set_int(d.role, "threshold", INT64_MAX);
	assert_int_equal(verify(&d), ERR_SIGNATURE);
}

/* --- signatures that are none --- */

static void a_wrong_signature_spoils_no_good_one(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };

	desk_start(&d, 1);
	list_key(&d, 0, "ann");
	list_key(&d, 1, "bob");
	list_key(&d, 2, "cleo");
	list_foreign(&d, "unknown", "sphincs", "shake-128s", "00");
	list_foreign(&d, "rsa", "rsa", "rsassa-pss-sha256", RSA_PEM);
	sign(&d, 0, "ann", STR("something else"));
	add_hex(&d, "cleo", "");
	add_hex(&d, "unknown", "zz not hex");
	add_hex(&d, "rsa", P256_SIGNATURE);
	assert_int_equal(verify(&d), ERR_SIGNATURE);
	sign(&d, 1, "bob", TEXT);
	assert_int_equal(verify(&d), ERR_NONE);
}

static void a_signature_under_anothers_keyid_does_not_count(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };

	desk_start(&d, 1);
	list_key(&d, 0, "ann");
	list_key(&d, 1, "bob");
	sign(&d, 0, "bob", TEXT);
	sign(&d, 1, "ann", TEXT);
	assert_int_equal(verify(&d), ERR_SIGNATURE);
}

static void a_key_of_the_ring_that_is_not_the_roles_does_not_count(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };
	cleanup(public_free) struct public_key k = { 0 };
	struct err e = { 0 };

	desk_start(&d, 1);
	list_key(&d, 0, "ann");
	assert_true(secret_public(&k, d.secret[1], &e));
	doc_set(d.keys, "bob", public_doc(&k));
	sign(&d, 1, "bob", TEXT);
	assert_int_equal(verify(&d), ERR_SIGNATURE);
}

static void a_keyid_of_the_role_without_a_key_does_not_count(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };

	desk_start(&d, 1);
	doc_add_str(d.keyids, STR("ghost"));
	sign(&d, 0, "ghost", TEXT);
	assert_int_equal(verify(&d), ERR_SIGNATURE);
}

static void a_weak_rsa_key_does_not_count(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };
	struct err e;

	desk_start(&d, 1);
	list_foreign(&d, "weak", "rsa", "rsassa-pss-sha256", RSA_PEM_1024);
	add_hex(&d, "weak", RSA_SIGNATURE_1024);
	assert_int_equal(verify_text(&d, STR(SIGNED), &e), ERR_SIGNATURE);
}

static void keys_of_all_three_types_count_together(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };
	struct err e;

	desk_start(&d, 3);
	list_key(&d, 0, "ann");
	list_foreign(&d, "bob", "ecdsa", "ecdsa-sha2-nistp256", P256_PEM);
	list_foreign(&d, "cleo", "rsa", "rsassa-pss-sha256", RSA_PEM);
	sign(&d, 0, "ann", STR(SIGNED));
	add_hex(&d, "bob", P256_SIGNATURE);
	assert_int_equal(verify_text(&d, STR(SIGNED), &e), ERR_SIGNATURE);
	add_hex(&d, "cleo", RSA_SIGNATURE);
	assert_int_equal(verify_text(&d, STR(SIGNED), &e), ERR_NONE);
}

/* --- shapes --- */

static void signatures_that_are_no_list_of_keyid_and_sig_are_refused(void **state)
{
	(void)state;
	static const char *const forged[] = {
		"{}", "null", "\"ann\"", "[1]", "[[]]", "[null]", "[{\"keyid\":\"ann\"}]", "[{\"sig\":\"00\"}]",
		"[{\"keyid\":1,\"sig\":\"00\"}]", "[{\"keyid\":\"ann\",\"sig\":null}]",
	};
	const struct ring none = { 0 };
	const struct ring_role role = { .threshold = 1 };

	for (size_t i = 0; i < COUNT_OF(forged); i++) {
		cleanup(doc_free) doc *d = NULL;
		struct err e = { 0 };
		assert_true(doc_read(&d, str_of(forged[i]), &e));
		assert_false(ring_verify(&none, &role, TEXT, d, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
	}
	struct err e = { 0 };
	assert_false(ring_verify(&none, &role, TEXT, NULL, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
}

static void more_than_1024_signatures_are_refused_before_any_is_looked_at(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };
	char keyid[16];

	desk_start(&d, 1);
	list_key(&d, 0, "ann");
	sign(&d, 0, "ann", TEXT);
	for (int i = 1; i < 1024; i++) {
		snprintf(keyid, sizeof keyid, "%d", i);
		add_hex(&d, keyid, "");
	}
	assert_int_equal(verify(&d), ERR_NONE);
	add_hex(&d, "one-more", "");
	assert_int_equal(verify(&d), ERR_LIMIT);
}

static void a_signature_longer_than_any_key_makes_does_not_count(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };
	static char hex[10001];

	memset(hex, 'a', sizeof hex - 1);
	desk_start(&d, 1);
	list_key(&d, 0, "ann");
	add_hex(&d, "ann", hex);
	assert_int_equal(verify(&d), ERR_SIGNATURE);
}

static void a_role_with_a_keyid_twice_or_without_its_fields_is_refused(void **state)
{
	(void)state;
	static const char *const forged[] = {
		"{\"keyids\":[\"a\",\"b\",\"a\"],\"threshold\":1}",
		"{\"keyids\":[\"a\",7],\"threshold\":1}",
		"{\"keyids\":\"a\",\"threshold\":1}",
		"{\"keyids\":{},\"threshold\":1}",
		"{\"keyids\":[\"a\"]}",
		"{\"keyids\":[\"a\"],\"threshold\":\"1\"}",
		"{\"keyids\":[\"a\"],\"threshold\":true}",
		"{\"threshold\":1}",
		"[]",
	};

	for (size_t i = 0; i < COUNT_OF(forged); i++) {
		cleanup(doc_free) doc *d = NULL;
		struct ring_role role = { 0 };
		struct err e = { 0 };
		assert_true(doc_read(&d, str_of(forged[i]), &e));
		assert_false(ring_role_read(&role, d, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
		assert_null(role.keyid);
	}
}

static void a_ring_finds_its_keys_and_no_others(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };
	cleanup(ring_free) struct ring ring = { 0 };
	struct err e = { 0 };

	desk_start(&d, 1);
	list_key(&d, 0, "ann");
	list_foreign(&d, "new", "sphincs", "shake-128s", "00");
	assert_true(ring_read(&ring, d.keys, &e));
	assert_int_equal(ring.count, 2);
	assert_int_equal(ring_find(&ring, STR("ann"))->type, KEY_ED25519);
	assert_int_equal(ring_find(&ring, STR("new"))->type, KEY_UNKNOWN);
	assert_null(ring_find(&ring, STR("an")));
	assert_null(ring_find(&ring, STR("ann2")));
	assert_null(ring_find(&ring, (struct str){ 0 }));
	ring_free(&ring);
	ring_free(&ring);
}

static void a_ring_with_a_broken_key_or_too_many_is_refused(void **state)
{
	(void)state;
	cleanup(desk_end) struct desk d = { 0 };
	struct ring ring = { 0 };
	struct err e = { 0 };
	char keyid[16];

	desk_start(&d, 1);
	list_key(&d, 0, "ann");
	doc_set(d.keys, "broken", doc_object());
	assert_false(ring_read(&ring, d.keys, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_non_null(strstr(e.text, "broken"));
	assert_null(ring.key);
	assert_false(ring_read(&ring, d.signatures, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_false(ring_read(&ring, NULL, &e));
	for (int i = 0; i < 1025; i++) {
		snprintf(keyid, sizeof keyid, "%d", i);
		list_foreign(&d, keyid, "sphincs", "shake-128s", "00");
	}
	assert_false(ring_read(&ring, d.keys, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_of_three_suffice_and_one_does_not),
		cmocka_unit_test(a_key_under_two_keyids_counts_once),
		cmocka_unit_test(one_point_in_two_encodings_counts_once),
		cmocka_unit_test(a_keyid_twice_in_signatures_refuses_the_file),
		cmocka_unit_test(even_a_foreign_or_empty_keyid_twice_refuses_the_file),
		cmocka_unit_test(threshold_zero_is_refused_when_read_and_when_verified),
		cmocka_unit_test(a_threshold_above_the_keys_is_read_but_cannot_verify),
		cmocka_unit_test(a_wrong_signature_spoils_no_good_one),
		cmocka_unit_test(a_signature_under_anothers_keyid_does_not_count),
		cmocka_unit_test(a_key_of_the_ring_that_is_not_the_roles_does_not_count),
		cmocka_unit_test(a_keyid_of_the_role_without_a_key_does_not_count),
		cmocka_unit_test(a_weak_rsa_key_does_not_count),
		cmocka_unit_test(keys_of_all_three_types_count_together),
		cmocka_unit_test(signatures_that_are_no_list_of_keyid_and_sig_are_refused),
		cmocka_unit_test(more_than_1024_signatures_are_refused_before_any_is_looked_at),
		cmocka_unit_test(a_signature_longer_than_any_key_makes_does_not_count),
		cmocka_unit_test(a_role_with_a_keyid_twice_or_without_its_fields_is_refused),
		cmocka_unit_test(a_ring_finds_its_keys_and_no_others),
		cmocka_unit_test(a_ring_with_a_broken_key_or_too_many_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
