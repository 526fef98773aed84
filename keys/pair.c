/* The public half and the signature of a key pair, by its type and wherever it lies. */
#include "keys/pair.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

enum { RAW = 32 };

/* The first complaint that has words of its own says most: those behind it say that something below them failed. */
bool pair_failed(struct err *e, const char *what)
{
	char why[160] = "no reason given";
	const char *words = NULL;
	unsigned long code;
	int flags;

	ERR_error_string_n(ERR_peek_last_error(), why, sizeof why);
	while ((code = ERR_get_error_all(NULL, NULL, NULL, &words, &flags)) != 0)
		if ((flags & ERR_TXT_STRING) && words && words[0]) {
			(void)snprintf(why, sizeof why, "%s", words);
			break;
		}
	ERR_clear_error();
	return err_set(e, ERR_INTERNAL, "%s: %s", what, why);
}

static const struct {
	const char *name;
	enum key_type type;
} kinds[] = { { "EC", KEY_P256 }, { "RSA", KEY_RSA } };

bool pair_public(struct public_key *out, const struct pair *p, struct err *e)
{
	uint8_t raw[RAW];
	size_t len = sizeof raw;

	if (EVP_PKEY_is_a(p->key, "ED25519") == 1)
		return EVP_PKEY_get_raw_public_key(p->key, raw, &len) == 1 ? public_ed25519(out, raw, e)
									   : pair_failed(e, "public half");
	cleanup(BIO_close) BIO *pem = BIO_new(BIO_s_mem());
	if (!pem || PEM_write_bio_PUBKEY_ex(pem, p->key, p->library, p->props) != 1)
		return pair_failed(e, "public half");
	char *data = NULL;
	size_t size = (size_t)BIO_get_mem_data(pem, &data);
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (EVP_PKEY_is_a(p->key, kinds[i].name) == 1 && public_of(out, kinds[i].type, str_bytes(data, size), NULL))
			return true;
	return err_set(e, ERR_UNSAFE, "a key of a type that cannot sign TUF metadata: expected Ed25519, P-256 or RSA");
}

static bool start_signing(EVP_MD_CTX *ctx, const struct pair *p)
{
	EVP_PKEY_CTX *how = NULL;
	const char *digest = EVP_PKEY_is_a(p->key, "ED25519") == 1 ? NULL : "SHA256";

	if (!ctx || EVP_DigestSignInit_ex(ctx, &how, digest, p->library, p->props, p->key, NULL) != 1)
		return false;
	return EVP_PKEY_is_a(p->key, "RSA") != 1 || (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
			EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1);
}

bool pair_sign(struct buf *signature, const struct pair *p, struct str message, struct err *e)
{
	cleanup(EVP_MD_CTX_close) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = (size_t)EVP_PKEY_get_size(p->key);
	cleanup(free_ptr) uint8_t *raw = mem_new(len, 1);
	const char *text = message.len ? message.data : "";

	if (!start_signing(ctx, p) || EVP_DigestSign(ctx, raw, &len, (const uint8_t *)text, message.len) != 1)
		return pair_failed(e, "sign");
	buf_add(signature, str_bytes(raw, len));
	return buf_ok(signature, e);
}
