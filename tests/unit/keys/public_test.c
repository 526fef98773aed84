/* What verifies, and everything beside it that must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "base/hex.h"
#include "keys/public.h"
#include "tests/unit/keys/samples.h"

/* RFC 8032, 7.1, tests 1 (no message) and 2 (one byte). */
#define ED25519_1           "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define ED25519_1_SIGNATURE "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
#define ED25519_2           "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define ED25519_2_SIGNATURE "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
#define IDENTITY            "0100000000000000000000000000000000000000000000000000000000000000"
#define ZERO                "0000000000000000000000000000000000000000000000000000000000000000"

static struct public_key read_as(const char *keytype, const char *scheme, const char *value)
{
	cleanup(doc_free) doc *d = doc_object();
	doc *keyval = doc_object();
	struct public_key k = { 0 };
	struct err e = { 0 };

	doc_set_text(keyval, "public", value);
	doc_set_text(d, "keytype", keytype);
	doc_set_text(d, "scheme", scheme);
	doc_set(d, "keyval", keyval);
	assert_true(public_read(&k, d, &e));
	return k;
}

static struct public_key ed25519(const char *value)
{
	return read_as("ed25519", "ed25519", value);
}

static struct public_key p256(const char *value)
{
	return read_as("ecdsa", "ecdsa-sha2-nistp256", value);
}

static struct public_key rsa(const char *value)
{
	return read_as("rsa", "rsassa-pss-sha256", value);
}

static enum key_type type_of(const char *keytype, const char *scheme, const char *value)
{
	cleanup(public_free) struct public_key k = read_as(keytype, scheme, value);

	return k.type;
}

struct raw {
	uint8_t bytes[600];
	size_t len;
};

static struct raw raw_of(const char *hex)
{
	struct raw r = { .len = strlen(hex) / 2 };

	assert_true(r.len <= sizeof r.bytes);
	assert_true(hex_read(r.bytes, r.len, str_of(hex)));
	return r;
}

static bool verifies(const struct public_key *k, struct str message, struct raw signature)
{
	return public_verify(k, message, str_bytes(signature.bytes, signature.len));
}

/* --- Ed25519 --- */

static void the_examples_of_rfc_8032_verify(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key one = ed25519(ED25519_1);
	cleanup(public_free) struct public_key two = ed25519(ED25519_2);
	struct err e = { 0 };

	assert_int_equal(one.type, KEY_ED25519);
	assert_true(verifies(&one, (struct str){ 0 }, raw_of(ED25519_1_SIGNATURE)));
	assert_true(verifies(&two, STR("\x72"), raw_of(ED25519_2_SIGNATURE)));
	assert_true(public_check_strength(&one, &e));
	assert_false(verifies(&one, STR("\x72"), raw_of(ED25519_2_SIGNATURE)));
	assert_false(verifies(&two, STR("\x73"), raw_of(ED25519_2_SIGNATURE)));
	assert_false(verifies(&two, (struct str){ 0 }, raw_of(ED25519_2_SIGNATURE)));
}

static void a_signature_with_any_bit_turned_is_refused(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = ed25519(ED25519_2);

	for (size_t bit = 0; bit < 512; bit++) {
		struct raw s = raw_of(ED25519_2_SIGNATURE);
		s.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(verifies(&k, STR("\x72"), s));
	}
}

static void a_signature_of_any_other_length_is_refused(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = ed25519(ED25519_2);

	for (size_t len = 0; len <= 130; len++) {
		struct raw s = raw_of(ED25519_2_SIGNATURE);
		s.len = len;
		assert_int_equal(verifies(&k, STR("\x72"), s), len == 64);
	}
	assert_false(public_verify(&k, STR("\x72"), (struct str){ 0 }));
}

/* S and S + L verify alike in a careless implementation (RFC 8032, 5.1.7 forbids the second). */
static void a_signature_with_l_added_is_refused(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = ed25519(ED25519_2);
	struct raw s = raw_of(ED25519_2_SIGNATURE);
	struct raw l = raw_of("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
	unsigned carry = 0;

	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)s.bytes[32 + i] + l.bytes[i];
		s.bytes[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(carry, 0);
	assert_false(verifies(&k, STR("\x72"), s));
}

static const char *const small_order[] = {
	ZERO,
	IDENTITY,
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

static void a_point_of_small_order_is_refused_when_added(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(small_order); i++) {
		cleanup(public_free) struct public_key read = ed25519(small_order[i]);
		cleanup(public_free) struct public_key made = { 0 };
		struct err e = { 0 };
		assert_false(public_check_strength(&read, &e));
		assert_int_equal(e.code, ERR_UNSAFE);
		e = (struct err){ 0 };
		assert_false(public_ed25519(&made, raw_of(small_order[i]).bytes, &e));
		assert_int_equal(e.code, ERR_UNSAFE);
		assert_null(made.value);
	}
}

/* R = identity and S = 0 satisfy the equation for the identity as key, and for one message in eight for the others. */
static void a_point_of_small_order_never_verifies(void **state)
{
	(void)state;
	struct raw forged = raw_of(IDENTITY ZERO);

	for (size_t i = 0; i < COUNT_OF(small_order); i++) {
		cleanup(public_free) struct public_key k = ed25519(small_order[i]);
		for (char c = 'a'; c <= 'z'; c++)
			assert_false(verifies(&k, str_bytes(&c, 1), forged));
	}
}

static void an_ed25519_value_is_64_lower_case_digits(void **state)
{
	(void)state;
	assert_int_equal(type_of("ed25519", "ed25519", ""), KEY_UNKNOWN);
	assert_int_equal(type_of("ed25519", "ed25519", "3d40"), KEY_UNKNOWN);
	assert_int_equal(type_of("ed25519", "ed25519", ED25519_2 "00"), KEY_UNKNOWN);
	assert_int_equal(type_of("ed25519", "ed25519", "z" ED25519_2), KEY_UNKNOWN);
	assert_int_equal(type_of("ed25519", "ed25519", P256_PEM), KEY_UNKNOWN);
}

/* --- P-256 --- */

static void p256_verifies_under_both_of_its_keytypes(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key a = p256(P256_PEM);
	cleanup(public_free) struct public_key b = read_as("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", P256_PEM);
	struct err e = { 0 };

	assert_int_equal(a.type, KEY_P256);
	assert_int_equal(b.type, KEY_P256);
	assert_true(verifies(&a, STR(SIGNED), raw_of(P256_SIGNATURE)));
	assert_true(verifies(&b, STR(SIGNED), raw_of(P256_SIGNATURE)));
	assert_true(public_check_strength(&a, &e));
	assert_true(digest_eq(a.same, b.same));
}

static void a_p256_signature_tampered_cut_or_followed_is_refused(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = p256(P256_PEM);
	struct raw s = raw_of(P256_SIGNATURE);

	assert_false(verifies(&k, STR(SIGNED "!"), s));
	for (size_t len = 0; len < s.len; len++)
		assert_false(public_verify(&k, STR(SIGNED), str_bytes(s.bytes, len)));
	s.len++;
	assert_false(verifies(&k, STR(SIGNED), s));
	for (size_t i = 0; i < s.len - 1; i++) {
		s = raw_of(P256_SIGNATURE);
		s.bytes[i] ^= 1;
		assert_false(verifies(&k, STR(SIGNED), s));
	}
	assert_false(verifies(&k, STR(SIGNED), raw_of("3006020100020100")));
	assert_false(verifies(&k, STR(SIGNED), raw_of("3006020101020101")));
}

static void a_key_on_another_curve_is_of_unknown_type(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = p256(P384_PEM);

	assert_int_equal(k.type, KEY_UNKNOWN);
	assert_false(verifies(&k, STR(SIGNED), raw_of(P384_SIGNATURE)));
	assert_int_equal(type_of("ecdsa", "ecdsa-sha2-nistp256", SECP256K1_PEM), KEY_UNKNOWN);
	assert_int_equal(type_of("ecdsa", "ecdsa-sha2-nistp256", RSA_PEM), KEY_UNKNOWN);
	assert_int_equal(type_of("ecdsa", "ecdsa-sha2-nistp256", P256_PEM_INFINITY), KEY_UNKNOWN);
	assert_int_equal(type_of("ecdsa", "ecdsa-sha2-nistp256", P256_PEM_OFF_CURVE), KEY_UNKNOWN);
}

static void one_point_written_in_four_ways_is_one_key(void **state)
{
	(void)state;
	static const char *const ways[] = { P256_PEM_COMPRESSED, P256_PEM_HYBRID, P256_PEM_EXPLICIT, "some words\n" P256_PEM };
	cleanup(public_free) struct public_key plain = p256(P256_PEM);

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		cleanup(public_free) struct public_key k = p256(ways[i]);
		assert_int_equal(k.type, KEY_P256);
		assert_true(digest_eq(k.same, plain.same));
	}
}

/* --- RSA --- */

static void rsa_pss_verifies_with_any_salt_length(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = rsa(RSA_PEM);
	struct err e = { 0 };

	assert_int_equal(k.type, KEY_RSA);
	assert_true(public_check_strength(&k, &e));
	assert_true(verifies(&k, STR(SIGNED), raw_of(RSA_SIGNATURE)));
	assert_true(verifies(&k, STR(SIGNED), raw_of(RSA_SIGNATURE_SALT_MAX)));
	assert_true(verifies(&k, STR(SIGNED), raw_of(RSA_SIGNATURE_SALT_NONE)));
}

static void an_rsa_signature_tampered_cut_or_of_pkcs1_is_refused(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = rsa(RSA_PEM);
	struct raw s = raw_of(RSA_SIGNATURE);

	assert_false(verifies(&k, STR(SIGNED "!"), s));
	s.bytes[7] ^= 0x10;
	assert_false(verifies(&k, STR(SIGNED), s));
	s = raw_of(RSA_SIGNATURE);
	s.len--;
	assert_false(verifies(&k, STR(SIGNED), s));
	s.len = 0;
	assert_false(verifies(&k, STR(SIGNED), s));
	assert_false(verifies(&k, STR(SIGNED), raw_of(RSA_SIGNATURE_PKCS1)));
}

static void an_rsa_key_of_1024_bit_is_too_weak_to_add_or_to_verify(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = rsa(RSA_PEM_1024);
	struct err e = { 0 };

	assert_int_equal(k.type, KEY_RSA);
	assert_false(public_check_strength(&k, &e));
	assert_int_equal(e.code, ERR_UNSAFE);
	assert_non_null(strstr(e.text, "2048"));
	assert_false(verifies(&k, STR(SIGNED), raw_of(RSA_SIGNATURE_1024)));
}

/* With e = 1 the padded message is its own signature: anybody can write one. */
static void an_rsa_key_with_exponent_1_is_refused(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = rsa(RSA_PEM_EXPONENT_1);
	struct err e = { 0 };

	assert_false(public_check_strength(&k, &e));
	assert_int_equal(e.code, ERR_UNSAFE);
}

/* Its SubjectPublicKeyInfo differs from that of the same numbers under the plain identifier: it would count twice. */
static void a_key_with_the_pss_identifier_is_of_unknown_type(void **state)
{
	(void)state;
	assert_int_equal(type_of("rsa", "rsassa-pss-sha256", RSA_PSS_PEM), KEY_UNKNOWN);
}

/* --- words --- */

static void keytype_and_scheme_must_be_a_pair(void **state)
{
	(void)state;
	static const char *const keytypes[] = { "ed25519", "ecdsa", "ecdsa-sha2-nistp256", "rsa" };
	static const char *const schemes[] = { "ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "rsassa-pss-sha256" };
	static const char *const values[] = { ED25519_1, P256_PEM, P256_PEM, RSA_PEM };

	for (size_t t = 0; t < 4; t++)
		for (size_t s = 0; s < 4; s++)
			for (size_t v = 0; v < 4; v++) {
				bool fits = strcmp(values[t], values[v]) == 0 && strcmp(schemes[t], schemes[s]) == 0;
				assert_int_equal(type_of(keytypes[t], schemes[s], values[v]) != KEY_UNKNOWN, fits);
			}
	assert_int_equal(type_of("ED25519", "ed25519", ED25519_1), KEY_UNKNOWN);
	assert_int_equal(type_of("ecdsa", "ecdsa-sha2-nistp384", P384_PEM), KEY_UNKNOWN);
	assert_int_equal(type_of("rsa", "rsa-pkcs1v15-sha256", RSA_PEM), KEY_UNKNOWN);
	assert_int_equal(type_of("", "", ""), KEY_UNKNOWN);
}

static void an_unknown_key_is_read_kept_and_never_verifies(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = read_as("sphincs", "shake-128s", "anything");
	cleanup(public_free) struct public_key other = read_as("sphincs", "shake-128s", "anything else");
	cleanup(public_free) struct public_key nothing = { 0 };
	struct err e = { 0 };

	assert_int_equal(k.type, KEY_UNKNOWN);
	assert_string_equal(k.keytype, "sphincs");
	assert_string_equal(k.value, "anything");
	assert_false(verifies(&k, STR("\x72"), raw_of(ED25519_2_SIGNATURE)));
	assert_false(digest_eq(k.same, other.same));
	assert_false(public_check_strength(&k, &e));
	assert_int_equal(e.code, ERR_UNSAFE);
	assert_false(verifies(&nothing, STR("\x72"), raw_of(ED25519_2_SIGNATURE)));
	assert_false(public_check_strength(&nothing, &e));
}

/* OpenSSL's default would ask on the terminal of whoever reads the metadata; without one, on stderr. */
static void an_encrypted_public_key_asks_nobody(void **state)
{
	(void)state;
	static const char value[] = "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n"
				    "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
				    "AAAAAAAAAAAAAAAAAAAAAA==\n-----END PUBLIC KEY-----\n";
	char said[100];
	int asked[2], status;

	assert_int_equal(pipe(asked), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setsid();
		dup2(asked[1], 2);
		_exit(type_of("rsa", "rsassa-pss-sha256", value) == KEY_UNKNOWN ? 0 : 1);
	}
	close(asked[1]);
	assert_int_equal(read(asked[0], said, sizeof said), 0);
	close(asked[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_key_without_its_fields_is_refused(void **state)
{
	(void)state;
	static const char *const forged[] = {
		"{}",
		"[]",
		"\"key\"",
		"null",
		"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\"}",
		"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{}}",
		"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":\"" ED25519_1 "\"}",
		"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{\"public\":7}}",
		"{\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"" ED25519_1 "\"}}",
		"{\"keytype\":null,\"scheme\":\"ed25519\",\"keyval\":{\"public\":\"" ED25519_1 "\"}}",
		"{\"scheme\":\"ed25519\",\"keyval\":{\"public\":\"" ED25519_1 "\"}}",
	};

	for (size_t i = 0; i < COUNT_OF(forged); i++) {
		cleanup(doc_free) doc *d = NULL;
		struct public_key k = { 0 };
		struct err e = { 0 };
		assert_true(doc_read(&d, str_of(forged[i]), &e));
		assert_false(public_read(&k, d, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
		assert_null(k.keytype);
	}
}

static void a_key_of_unknown_type_may_have_any_value_and_is_itself_alone(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"keytype\":\"sigstore-oidc\",\"scheme\":\"Fulcio\",\"keyval\":{\"identity\":\"ann@example.com\",\"issuer\":\"x\"}}",
		"{\"keytype\":\"sigstore-oidc\",\"scheme\":\"Fulcio\",\"keyval\":{\"identity\":\"bob@example.com\",\"issuer\":\"x\"}}",
		"{\"keytype\":\"ed25519\",\"scheme\":\"another\",\"keyval\":{}}",
	};
	struct public_key k[COUNT_OF(texts)] = { 0 };

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		cleanup(doc_free) doc *d = NULL;
		assert_true(doc_read(&d, str_of(texts[i]), NULL));
		assert_true(public_read(&k[i], d, NULL));
		assert_int_equal(k[i].type, KEY_UNKNOWN);
		assert_false(public_verify(&k[i], STR("text"), STR("signature")));
		for (size_t j = 0; j < i; j++)
			assert_false(digest_eq(k[i].same, k[j].same));
	}
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		public_free(&k[i]);
}

/* --- made by us --- */

static void a_key_made_of_raw_bytes_is_the_one_read_from_its_document(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key made = { 0 };
	cleanup(public_free) struct public_key read = ed25519(ED25519_2);
	cleanup(doc_free) doc *d = NULL;
	cleanup(buf_free) struct buf text = { 0 };
	char made_id[DIGEST_HEX + 1], read_id[DIGEST_HEX + 1];
	struct err e = { 0 };

	assert_true(public_ed25519(&made, raw_of(ED25519_2).bytes, &e));
	assert_true(digest_eq(made.same, read.same));
	public_keyid(made_id, &made);
	public_keyid(read_id, &read);
	assert_string_equal(made_id, read_id);
	d = public_doc(&made);
	doc_canonical(&text, d);
	assert_string_equal(buf_str(&text).data,
		"{\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"" ED25519_2 "\"},\"scheme\":\"ed25519\"}");
	digest_hex(read_id, digest_of(buf_str(&text)));
	assert_string_equal(made_id, read_id);
	assert_true(verifies(&made, STR("\x72"), raw_of(ED25519_2_SIGNATURE)));
}

static void a_value_that_is_no_such_key_makes_none(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = { 0 };
	struct err e = { 0 };

	assert_false(public_of(&k, KEY_P256, STR(P384_PEM), &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_false(public_of(&k, KEY_UNKNOWN, STR(P256_PEM), &e));
	assert_int_equal(e.code, ERR_UNSAFE);
	assert_null(k.value);
	assert_true(public_of(&k, KEY_P256, STR(P256_PEM), &e));
	assert_string_equal(k.keytype, "ecdsa");
	assert_true(verifies(&k, STR(SIGNED), raw_of(P256_SIGNATURE)));
}

static void a_raw_point_becomes_the_pem_that_openssl_writes(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key k = { 0 };
	struct raw point = raw_of("042b334f284cefca9c0013522c6a76b12d7bc75921ae7eaced3d0bf7683fe83326"
				  "6e6de6d5d642094e2ebace44236425b0b601d1d416896015d6efde88a85ebfd1");
	struct err e = { 0 };

	assert_true(public_p256(&k, point.bytes, &e));
	assert_string_equal(k.value, P256_PEM);
	assert_true(verifies(&k, STR(SIGNED), raw_of(P256_SIGNATURE)));
	public_free(&k);
	point.bytes[0] = 7;
	assert_false(public_p256(&k, point.bytes, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	point.bytes[0] = 4;
	point.bytes[64] ^= 1;
	assert_false(public_p256(&k, point.bytes, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_null(k.value);
}

static void freeing_twice_is_legal(void **state)
{
	(void)state;
	struct public_key k = ed25519(ED25519_1);

	public_free(&k);
	public_free(&k);
	assert_int_equal(k.type, KEY_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_rfc_8032_verify),
		cmocka_unit_test(a_signature_with_any_bit_turned_is_refused),
		cmocka_unit_test(a_signature_of_any_other_length_is_refused),
		cmocka_unit_test(a_signature_with_l_added_is_refused),
		cmocka_unit_test(a_point_of_small_order_is_refused_when_added),
		cmocka_unit_test(a_point_of_small_order_never_verifies),
		cmocka_unit_test(an_ed25519_value_is_64_lower_case_digits),
		cmocka_unit_test(p256_verifies_under_both_of_its_keytypes),
		cmocka_unit_test(a_p256_signature_tampered_cut_or_followed_is_refused),
		cmocka_unit_test(a_key_on_another_curve_is_of_unknown_type),
		cmocka_unit_test(one_point_written_in_four_ways_is_one_key),
		cmocka_unit_test(rsa_pss_verifies_with_any_salt_length),
		cmocka_unit_test(an_rsa_signature_tampered_cut_or_of_pkcs1_is_refused),
		cmocka_unit_test(an_rsa_key_of_1024_bit_is_too_weak_to_add_or_to_verify),
		cmocka_unit_test(an_rsa_key_with_exponent_1_is_refused),
		cmocka_unit_test(a_key_with_the_pss_identifier_is_of_unknown_type),
		cmocka_unit_test(keytype_and_scheme_must_be_a_pair),
		cmocka_unit_test(an_unknown_key_is_read_kept_and_never_verifies),
		cmocka_unit_test(an_encrypted_public_key_asks_nobody),
		cmocka_unit_test(a_key_without_its_fields_is_refused),
		cmocka_unit_test(a_key_of_unknown_type_may_have_any_value_and_is_itself_alone),
		cmocka_unit_test(a_key_made_of_raw_bytes_is_the_one_read_from_its_document),
		cmocka_unit_test(a_value_that_is_no_such_key_makes_none),
		cmocka_unit_test(a_raw_point_becomes_the_pem_that_openssl_writes),
		cmocka_unit_test(freeing_twice_is_legal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
