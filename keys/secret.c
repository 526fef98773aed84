/* Private keys in PKCS#8 PEM files. Whatever held a secret is overwritten before its memory goes back. */
#include "keys/secret.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/fs.h"
#include "base/hex.h"
#include "keys/pair.h"

#define FIRST_LINE "# fleet public key: ed25519 "

enum {
	RAW = 32,
	FILE_MAX = 32 * KIB,
	PASSPHRASE_MAX = 1 * KIB,
	SALT = 16,
	/* RFC 7914: 16 MiB and 50 ms to open. OpenSSL refuses N = 32768 with its limit of 32 MiB. */
	SCRYPT_N = 16384,
	SCRYPT_R = 8,
	SCRYPT_P = 1,
};

struct secret_key {
	EVP_PKEY *key;
};

PAIR_CLOSED_BY(X509_SIG, X509_SIG_free)
PAIR_CLOSED_BY(X509_ALGOR, X509_ALGOR_free)
PAIR_CLOSED_BY(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)

/* Takes over the key. */
static struct secret_key *hold(EVP_PKEY **key)
{
	struct secret_key *k = mem_new(1, sizeof *k);

	k->key = *key;
	*key = NULL;
	return k;
}

bool secret_new(struct secret_key **out, struct err *e)
{
	cleanup(EVP_PKEY_close) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	if (!key)
		return pair_failed(e, "make a key");
	*out = hold(&key);
	return true;
}

bool secret_of_seed(struct secret_key **out, const uint8_t seed[32], struct err *e)
{
	cleanup(EVP_PKEY_close) EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, RAW);

	if (!key)
		return pair_failed(e, "make a key of a seed");
	*out = hold(&key);
	return true;
}

static bool is_ed25519(const struct secret_key *k)
{
	return EVP_PKEY_is_a(k->key, "ED25519") == 1;
}

/* --- into a file --- */

static bool add_first_line(struct buf *text, const struct secret_key *k, struct err *e)
{
	uint8_t raw[RAW];
	char hex[2 * RAW + 1];
	size_t len = sizeof raw;

	if (!is_ed25519(k))
		return err_set(e, ERR_UNSAFE, "only Ed25519 keys are kept in files");
	if (EVP_PKEY_get_raw_public_key(k->key, raw, &len) != 1)
		return pair_failed(e, "public half");
	hex_write(hex, raw, sizeof raw);
	buf_form(text, FIRST_LINE "%s\n", hex);
	return true;
}

static X509_SIG *encrypted(PKCS8_PRIV_KEY_INFO *plain, struct str passphrase)
{
	uint8_t salt[SALT];

	random_bytes(salt, sizeof salt);
	cleanup(X509_ALGOR_close) X509_ALGOR *how = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof salt, NULL,
		SCRYPT_N, SCRYPT_R, SCRYPT_P);
	X509_SIG *sealed = how ? PKCS8_set0_pbe(passphrase.data, (int)passphrase.len, plain, how) : NULL;
	if (sealed)
		how = NULL; /* it is part of `sealed` now */
	return sealed;
}

static bool add_pem(struct buf *text, const struct secret_key *k, struct str passphrase, struct err *e)
{
	cleanup(PKCS8_PRIV_KEY_INFO_close) PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(k->key);
	cleanup(BIO_close) BIO *pem = BIO_new(BIO_s_mem()); /* overwritten when freed */
	char *data = NULL;

	if (!plain || !pem)
		return pair_failed(e, "encode the key");
	if (passphrase.len) {
		cleanup(X509_SIG_close) X509_SIG *sealed = encrypted(plain, passphrase);
		if (!sealed || PEM_write_bio_PKCS8(pem, sealed) != 1)
			return pair_failed(e, "encrypt the key");
	} else if (PEM_write_bio_PKCS8_PRIV_KEY_INFO(pem, plain) != 1) {
		return pair_failed(e, "encode the key");
	}
	long len = BIO_get_mem_data(pem, &data);
	buf_add(text, str_bytes(data, (size_t)len));
	return true;
}

/* A growing buffer would leave pieces of the secret in freed memory: it gets all its room at once. */
static void make_room(struct buf *b)
{
	*b = BUF_MAX(FILE_MAX);
	(void)buf_space(b, FILE_MAX);
}

bool secret_save(const struct secret_key *k, const char *path, struct str passphrase, bool plain, struct err *e)
{
	cleanup(secret_wipe) struct buf text = { 0 };

	if (passphrase.len == 0 && !plain)
		return err_set(e, ERR_PASSPHRASE, "%s: an empty passphrase protects nothing", path);
	if (passphrase.len > PASSPHRASE_MAX)
		return err_set(e, ERR_PASSPHRASE, "%s: a passphrase has at most %d bytes", path, PASSPHRASE_MAX);
	if (fs_exists(AT_FDCWD, path))
		return err_set(e, ERR_EXISTS, "%s: a key is there already", path);
	make_room(&text);
	if (!add_first_line(&text, k, e) || !add_pem(&text, k, passphrase, e) || !buf_ok(&text, e) ||
		!fs_write(AT_FDCWD, path, buf_str(&text), 0600, e))
		return err_in(e, "keep a key");
	return true;
}

/* --- out of a file --- */

static bool open_private(int *out, const char *path, struct err *e)
{
	cleanup(fd_close) int fd = -1;
	struct stat st;

	if (!fs_open_read(&fd, AT_FDCWD, path, e)) /* neither links nor pipes */
		return false;
	if (fstat(fd, &st) != 0)
		return err_sys(e, "%s", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(e, ERR_UNSAFE, "%s: open to others than its owner (mode %04o); chmod 600, and think of who may have read it",
			path, (unsigned)st.st_mode & 07777);
	*out = fd;
	fd = -1;
	return true;
}

static bool read_private(struct buf *out, const char *path, struct err *e)
{
	cleanup(fd_close) int fd = -1;

	make_room(out);
	if (!open_private(&fd, path, e))
		return false;
	return fs_read_fd(out, fd, e) || err_in(e, "%s", path);
}

/* One PEM block, not taken apart. */
struct block {
	char *name, *header;
	uint8_t *data;
	long len;
};

static void block_free(struct block *b)
{
	OPENSSL_free(b->name);
	OPENSSL_free(b->header);
	OPENSSL_clear_free(b->data, b->len > 0 ? (size_t)b->len : 0);
	*b = (struct block){ 0 };
}

static bool block_read(struct block *out, struct str text, struct err *e)
{
	cleanup(BIO_close) BIO *in = BIO_new_mem_buf(text.data, (int)text.len);
	bool found = in && PEM_read_bio(in, &out->name, &out->header, &out->data, &out->len) == 1;

	ERR_clear_error();
	return found || err_set(e, ERR_SYNTAX, "no PEM block");
}

static bool block_open(EVP_PKEY **out, const struct block *b, struct str passphrase, struct err *e)
{
	cleanup(PKCS8_PRIV_KEY_INFO_close) PKCS8_PRIV_KEY_INFO *plain = NULL;
	const uint8_t *at = b->data;

	if (strcmp(b->name, PEM_STRING_PKCS8) == 0) {
		cleanup(X509_SIG_close) X509_SIG *sealed = d2i_X509_SIG(NULL, &at, b->len);
		if (!sealed)
			return err_set(e, ERR_SYNTAX, "a PEM block that is not PKCS#8");
		if (passphrase.len == 0)
			return err_set(e, ERR_PASSPHRASE, "the key is encrypted, and no passphrase was given");
		if (passphrase.len <= PASSPHRASE_MAX)
			plain = PKCS8_decrypt(sealed, passphrase.data, (int)passphrase.len);
		if (!plain)
			return err_set(e, ERR_PASSPHRASE, "wrong passphrase");
	} else if (strcmp(b->name, PEM_STRING_PKCS8INF) == 0) {
		plain = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, b->len);
	} else if (strcmp(b->name, "OPENSSH PRIVATE KEY") == 0) {
		return err_set(e, ERR_UNSAFE, "a key of OpenSSH's: load it into ssh-agent, and sign through that");
	} else {
		return err_set(e, ERR_SYNTAX, "not a private key in PKCS#8, but: %s", b->name);
	}
	*out = plain ? EVP_PKCS82PKEY(plain) : NULL;
	return *out || err_set(e, ERR_SYNTAX, "a PEM block without a key that OpenSSL knows");
}

static bool first_line_read(struct public_key *out, struct str text, struct err *e)
{
	struct str rest, line = str_cut(text, '\n', &rest), start = STR(FIRST_LINE);
	uint8_t raw[RAW];

	if (!str_starts(line, start.data) ||
		!hex_read(raw, sizeof raw, str_bytes(line.data + start.len, line.len - start.len)))
		return err_set(e, ERR_SYNTAX, "line 1: expected '" FIRST_LINE "...'");
	return public_ed25519(out, raw, e);
}

/* CBC has no checksum: a damaged block can decrypt to another key, and only the first line would know. */
static bool check_first_line(const struct secret_key *k, struct str text, struct err *e)
{
	cleanup(public_free) struct public_key said = { 0 };
	cleanup(public_free) struct public_key is = { 0 };

	if (!secret_public(&is, k, e) || !public_check_strength(&is, e))
		return false;
	if (!str_starts(text, "# fleet"))
		return true; /* a PEM file of another tool */
	if (!first_line_read(&said, text, e))
		return false;
	return digest_eq(said.same, is.same) || err_set(e, ERR_DIGEST, "the key is not the one that line 1 names: damaged");
}

/* Other tools write both halves, with nothing that says whether they still belong together. */
static bool check_halves(const struct secret_key *k, struct err *e)
{
	cleanup(public_free) struct public_key half = { 0 };
	cleanup(buf_free) struct buf signature = { 0 };
	const struct str text = STR("whether both halves belong together");

	return secret_public(&half, k, e) && secret_sign(&signature, k, text, e) &&
		(public_verify(&half, text, buf_str(&signature)) || err_set(e, ERR_DIGEST, "what the key signs its public half does not verify: damaged"));
}

bool secret_load(struct secret_key **out, const char *path, struct str passphrase, struct err *e)
{
	cleanup(secret_wipe) struct buf text = { 0 };
	cleanup(block_free) struct block block = { 0 };
	cleanup(EVP_PKEY_close) EVP_PKEY *key = NULL;
	cleanup(secret_free) struct secret_key *k = NULL;

	if (!read_private(&text, path, e))
		return err_in(e, "open a key");
	bool opened = block_read(&block, buf_str(&text), e) && block_open(&key, &block, passphrase, e);
	ERR_clear_error();
	if (!opened)
		return err_in(e, "open a key: %s", path);
	k = hold(&key);
	if (!check_first_line(k, buf_str(&text), e) || !check_halves(k, e))
		return err_in(e, "open a key: %s", path);
	*out = k;
	k = NULL;
	return true;
}

bool secret_peek(struct public_key *out, const char *path, struct err *e)
{
	cleanup(secret_wipe) struct buf text = { 0 };

	if (!read_private(&text, path, e))
		return err_in(e, "public half of a key");
	return first_line_read(out, buf_str(&text), e) || err_in(e, "public half of a key: %s", path);
}

bool secret_is_plain(const char *path)
{
	cleanup(secret_wipe) struct buf text = { 0 };
	cleanup(block_free) struct block block = { 0 };

	return read_private(&text, path, NULL) && block_read(&block, buf_str(&text), NULL) &&
		strcmp(block.name, PEM_STRING_PKCS8INF) == 0;
}

/* --- used --- */

bool secret_public(struct public_key *out, const struct secret_key *k, struct err *e)
{
	return pair_public(out, &(struct pair){ .key = k->key }, e);
}

bool secret_sign(struct buf *signature, const struct secret_key *k, struct str message, struct err *e)
{
	return pair_sign(signature, &(struct pair){ .key = k->key }, message, e);
}

void secret_free(struct secret_key **k)
{
	if (*k)
		EVP_PKEY_free((*k)->key);
	free_ptr(k);
}

void secret_guard_process(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
}

void secret_wipe(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->room);
	buf_free(b);
}
