/* Public keys of the three kinds that TUF's signers use. What cannot be opened as its type says is of unknown type. */
#include "keys/public.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/hex.h"

enum { RAW = 32, SPKI_FRONT = 26, POINT = 1 + 2 * RAW, PEM_MAX = 8 * KIB, RSA_BITS_MIN = 2048 };

/* The first row of a type is how we write it. */
static const struct kind {
	enum key_type type;
	const char *keytype, *scheme;
} kinds[] = {
	{ KEY_ED25519, "ed25519", "ed25519" },
	{ KEY_P256, "ecdsa", "ecdsa-sha2-nistp256" },
	{ KEY_P256, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256" },
	{ KEY_RSA, "rsa", "rsassa-pss-sha256" },
};

static void key_close(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
	*key = NULL;
}

static void number_free(BIGNUM **n)
{
	BN_free(*n);
	*n = NULL;
}

static void ctx_free(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
	*ctx = NULL;
}

/* OpenSSL's own would ask on the terminal when foreign metadata brings an "encrypted" public key. */
static int no_passphrase(char *out, int size, int writing, void *nothing)
{
	(void)out, (void)size, (void)writing, (void)nothing;
	return -1;
}

static EVP_PKEY *open_ed25519(struct str value)
{
	uint8_t raw[RAW];

	return hex_read(raw, sizeof raw, value) ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, sizeof raw)
						: NULL;
}

static EVP_PKEY *open_pem(struct str value)
{
	BIO *in = value.len <= PEM_MAX ? BIO_new_mem_buf(value.data, (int)value.len) : NULL;
	EVP_PKEY *key = in ? PEM_read_bio_PUBKEY(in, NULL, no_passphrase, NULL) : NULL;

	BIO_free(in);
	return key;
}

static bool is_p256(const EVP_PKEY *key)
{
	char group[32] = "";
	size_t len;

	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
		EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1 && strcmp(group, "prime256v1") == 0;
}

static EVP_PKEY *key_open(enum key_type type, struct str value)
{
	EVP_PKEY *key = type == KEY_ED25519 ? open_ed25519(value) : type == KEY_UNKNOWN ? NULL : open_pem(value);

	if (key && ((type == KEY_P256 && !is_p256(key)) || (type == KEY_RSA && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)))
		key_close(&key);
	return key;
}

/* SubjectPublicKeyInfo of an uncompressed point (RFC 5480). */
struct p256_spki {
	uint8_t der[SPKI_FRONT + POINT];
};

static struct p256_spki p256_spki(const uint8_t x_and_y[2 * RAW])
{
	struct p256_spki s = { { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
		0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 } };

	memcpy(s.der + SPKI_FRONT + 1, x_and_y, 2 * RAW);
	return s;
}

/* Made anew, because one point of P-256 can be compressed, hybrid, or stand beside explicit parameters, and OpenSSL would
 * write it back as it came: one key would count as several. */
static bool p256_same(struct digest *out, const EVP_PKEY *key)
{
	uint8_t point[2 * RAW];
	cleanup(number_free) BIGNUM *x = NULL;
	cleanup(number_free) BIGNUM *y = NULL;

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
		EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1 || BN_bn2binpad(x, point, RAW) != RAW ||
		BN_bn2binpad(y, point + RAW, RAW) != RAW)
		return false;
	struct p256_spki s = p256_spki(point);
	*out = digest_of(str_bytes(s.der, sizeof s.der));
	return true;
}

static bool key_same(struct digest *out, enum key_type type, EVP_PKEY *key)
{
	if (type == KEY_P256)
		return p256_same(out, key);
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	if (len > 0)
		*out = digest_of(str_bytes(der, (size_t)len));
	OPENSSL_free(der);
	return len > 0;
}

static enum key_type type_of(struct str keytype, struct str scheme)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (str_is(keytype, kinds[i].keytype) && str_is(scheme, kinds[i].scheme))
			return kinds[i].type;
	return KEY_UNKNOWN;
}

/* Takes the type that the words name, if the value is such a key. */
static void key_recognise(struct public_key *k)
{
	enum key_type type = type_of(str_of(k->keytype), str_of(k->scheme));

	cleanup(key_close) EVP_PKEY *key = key_open(type, str_of(k->value));
	if (key && key_same(&k->same, type, key))
		k->type = type;
	ERR_clear_error();
	if (k->type != KEY_UNKNOWN)
		return;
	char id[DIGEST_HEX + 1];
	public_keyid(id, k);
	k->same = digest_of(str_of(id));
}

static bool field(struct str *out, const doc *d, const char *name, struct err *e)
{
	*out = doc_str(doc_get(d, name));
	return out->data || err_set(e, ERR_SYNTAX, "a key without %s", name);
}

bool public_read(struct public_key *out, const doc *d, struct err *e)
{
	cleanup(buf_free) struct buf all = { 0 };
	const doc *keyval = doc_get(d, "keyval");
	struct str keytype, scheme, value;

	if (!field(&keytype, d, "keytype", e) || !field(&scheme, d, "scheme", e))
		return false;
	/* of a type that we do not know it may be anything: an identity and its issuer, where signers are people of a web site */
	if (type_of(keytype, scheme) == KEY_UNKNOWN && doc_kind(keyval) == DOC_OBJECT && !doc_get(keyval, "public")) {
		doc_canonical(&all, keyval);
		value = buf_str(&all);
	} else if (!field(&value, keyval, "public", e)) {
		return false;
	}
	struct public_key k = { .keytype = str_dup(keytype), .scheme = str_dup(scheme), .value = str_dup(value) };
	key_recognise(&k);
	*out = k;
	return true;
}

bool public_of(struct public_key *out, enum key_type type, struct str value, struct err *e)
{
	const struct kind *kind = kinds;

	while (kind < kinds + COUNT_OF(kinds) && kind->type != type)
		kind++;
	if (kind == kinds + COUNT_OF(kinds))
		return err_set(e, ERR_UNSAFE, "a key of unknown type");
	struct public_key k = {
		.keytype = str_dup(str_of(kind->keytype)),
		.scheme = str_dup(str_of(kind->scheme)),
		.value = str_dup(value),
	};
	key_recognise(&k);
	if (k.type == KEY_UNKNOWN) {
		public_free(&k);
		return err_set(e, ERR_SYNTAX, "not a public key of type %s", kind->keytype);
	}
	*out = k;
	return true;
}

doc *public_doc(const struct public_key *k)
{
	doc *d = doc_object(), *value = doc_object();

	doc_set_text(value, "public", k->value);
	doc_set_text(d, "keytype", k->keytype);
	doc_set(d, "keyval", value);
	doc_set_text(d, "scheme", k->scheme);
	return d;
}

void public_keyid(char out[DIGEST_HEX + 1], const struct public_key *k)
{
	cleanup(doc_free) doc *d = public_doc(k);
	cleanup(buf_free) struct buf text = { 0 };

	doc_canonical(&text, d);
	digest_hex(out, digest_of(buf_str(&text)));
}

/* The encodings of the eight points whose order divides 8, canonical or not, without the sign: such a key accepts
 * R = identity, S = 0 for any message. */
static bool is_small_order(const uint8_t raw[RAW])
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	uint8_t unsigned_raw[RAW];
	char hex[2 * RAW + 1];

	memcpy(unsigned_raw, raw, RAW);
	unsigned_raw[RAW - 1] &= 0x7f;
	hex_write(hex, unsigned_raw, RAW);
	for (size_t i = 0; i < COUNT_OF(points); i++)
		if (strcmp(hex, points[i]) == 0)
			return true;
	return false;
}

static const char *rsa_weakness(const EVP_PKEY *key)
{
	cleanup(number_free) BIGNUM *exponent = NULL;

	if (EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
		return "an RSA key below 2048 bit";
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1 || !BN_is_odd(exponent) || BN_is_one(exponent))
		return "an RSA key whose exponent hides nothing";
	return NULL;
}

/* Why a signature of this key means nothing; NULL when it does. */
static const char *weakness(enum key_type type, const EVP_PKEY *key)
{
	uint8_t raw[RAW];
	size_t len = sizeof raw;

	switch (type) {
	case KEY_ED25519:
		return EVP_PKEY_get_raw_public_key(key, raw, &len) == 1 && !is_small_order(raw)
			? NULL
			: "an Ed25519 key of small order";
	case KEY_P256:
		return NULL;
	case KEY_RSA:
		return rsa_weakness(key);
	case KEY_UNKNOWN:
		break;
	}
	return "a key of unknown type";
}

bool public_check_strength(const struct public_key *k, struct err *e)
{
	cleanup(key_close) EVP_PKEY *key = key_open(k->type, str_of(k->value));
	const char *why = weakness(key ? k->type : KEY_UNKNOWN, key);

	ERR_clear_error();
	return !why || err_set(e, ERR_UNSAFE, "%s", why);
}

bool public_ed25519(struct public_key *out, const uint8_t raw[32], struct err *e)
{
	char hex[2 * RAW + 1];

	if (is_small_order(raw))
		return err_set(e, ERR_UNSAFE, "an Ed25519 key of small order");
	hex_write(hex, raw, RAW);
	return public_of(out, KEY_ED25519, str_of(hex), e);
}

bool public_p256(struct public_key *out, const uint8_t point[65], struct err *e)
{
	enum { LINE = 64 };
	struct p256_spki s = p256_spki(point + 1);
	char base64[4 * ((sizeof s.der + 2) / 3) + 1];
	cleanup(buf_free) struct buf pem = { 0 };

	if (point[0] != 4)
		return err_set(e, ERR_SYNTAX, "a point of P-256 that is not uncompressed");
	struct str rest = str_bytes(base64, (size_t)EVP_EncodeBlock((uint8_t *)base64, s.der, sizeof s.der));
	buf_text(&pem, "-----BEGIN PUBLIC KEY-----\n");
	while (rest.len) {
		size_t n = MIN(rest.len, (size_t)LINE);
		buf_add(&pem, str_bytes(rest.data, n));
		buf_byte(&pem, '\n');
		rest = str_bytes(rest.data + n, rest.len - n);
	}
	buf_text(&pem, "-----END PUBLIC KEY-----\n");
	return public_of(out, KEY_P256, buf_str(&pem), e);
}

static bool verify(enum key_type type, EVP_PKEY *key, struct str message, struct str signature)
{
	cleanup(ctx_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;

	if (!ctx || EVP_DigestVerifyInit(ctx, &how, type == KEY_ED25519 ? NULL : EVP_sha256(), NULL, key) != 1)
		return false;
	if (type == KEY_RSA && (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) != 1 ||
			EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_AUTO) != 1))
		return false;
	return EVP_DigestVerify(ctx, (const uint8_t *)signature.data, signature.len, (const uint8_t *)message.data,
		message.len) == 1;
}

/* A weak key never verifies either, however it came into the root. */
bool public_verify(const struct public_key *k, struct str message, struct str signature)
{
	cleanup(key_close) EVP_PKEY *key = key_open(k->type, str_of(k->value));
	struct str text = message.len ? message : STR("");
	bool good = key && signature.len && !weakness(k->type, key) && verify(k->type, key, text, signature);

	ERR_clear_error();
	return good;
}

void public_free(struct public_key *k)
{
	free_ptr(&k->keytype);
	free_ptr(&k->scheme);
	free_ptr(&k->value);
	*k = (struct public_key){ 0 };
}
