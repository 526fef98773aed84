#include "keys/ssh_secret.h"

#include <fcntl.h>
#include <openssl/rand.h>

#include "base/fs.h"
#include "keys/pair.h"
#include "keys/secret.h"

enum { RAW = 32, LINE = 70, BLOCK = 8 /* of the cipher "none" */, FILE_MAX = 16 * KIB };
static const char head[] = "-----BEGIN OPENSSH PRIVATE KEY-----", foot[] = "-----END OPENSSH PRIVATE KEY-----";
static const char magic[] = "openssh-key-v1"; /* with its zero byte */

/* --- writing (RFC 4251, section 5) --- */

static void put_number(struct buf *to, uint32_t n)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_byte(to, (char)(n >> shift & 0xff));
}

static void put_string(struct buf *to, struct str s)
{
	put_number(to, (uint32_t)s.len);
	buf_add(to, s);
}

static void put_public(struct buf *to, struct str public)
{
	put_string(to, STR("ssh-ed25519"));
	put_string(to, public);
}

static void base64(struct buf *to, struct str bytes)
{
	size_t len = (bytes.len + 2) / 3 * 4;
	char *room = buf_space(to, len + 1);

	if (!room)
		return;
	EVP_EncodeBlock((unsigned char *)room, (const unsigned char *)bytes.data, (int)bytes.len);
	buf_used(to, len);
}

static void put_lines(struct buf *to, struct str text)
{
	buf_form(to, "%s\n", head);
	for (size_t at = 0; at < text.len; at += LINE) {
		buf_add(to, str_bytes(text.data + at, MIN((size_t)LINE, text.len - at)));
		buf_byte(to, '\n');
	}
	buf_form(to, "%s\n", foot);
}

/* A number twice, by which who decrypts sees that it did; then both halves, the comment, and 1, 2, 3 ... up to the next block. */
static bool put_private(struct buf *to, struct str seed, struct str public, const char *comment, struct err *e)
{
	uint8_t check[4];

	if (RAND_bytes(check, sizeof check) != 1)
		return pair_failed(e, "random");
	for (int i = 0; i < 2; i++)
		buf_add(to, str_bytes(check, sizeof check));
	put_public(to, public);
	put_number(to, 2 * RAW);
	buf_add(to, seed);
	buf_add(to, public);
	put_string(to, str_of(comment));
	for (char pad = 1; to->len % BLOCK; pad++)
		buf_byte(to, pad);
	return buf_ok(to, e);
}

static bool put_key(struct buf *to, const EVP_PKEY *key, const char *comment, struct err *e)
{
	uint8_t seed[RAW], raw[RAW];
	size_t a = sizeof seed, b = sizeof raw;
	cleanup(secret_wipe) struct buf private = {0};
	cleanup(buf_free) struct buf public = {0};

	if (EVP_PKEY_get_raw_private_key(key, seed, &a) != 1 || EVP_PKEY_get_raw_public_key(key, raw, &b) != 1)
		return pair_failed(e, "key");
	put_public(&public, str_bytes(raw, sizeof raw));
	bool ok = put_private(&private, str_bytes(seed, sizeof seed), str_bytes(raw, sizeof raw), comment, e);
	OPENSSL_cleanse(seed, sizeof seed);
	buf_add(to, str_bytes(magic, sizeof magic));
	put_string(to, STR("none")); /* cipher, and how its key is derived */
	put_string(to, STR("none"));
	put_string(to, STR(""));
	put_number(to, 1);
	put_string(to, buf_str(&public));
	put_string(to, buf_str(&private));
	return ok && buf_ok(&public, e) && buf_ok(to, e);
}

bool ssh_secret_make(const char *path, const char *comment, struct err *e)
{
	cleanup(EVP_PKEY_close) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	cleanup(secret_wipe) struct buf bytes = {0}, text = {0}, file = {0};

	if (!key)
		return pair_failed(e, "new key");
	if (!put_key(&bytes, key, comment, e))
		return false;
	base64(&text, buf_str(&bytes));
	put_lines(&file, buf_str(&text));
	return buf_ok(&text, e) && buf_ok(&file, e) && fs_write(AT_FDCWD, path, buf_str(&file), 0600, e);
}

/* --- reading the public half --- */

/* What stands between the two lines, decoded. */
static bool read_body(struct buf *out, struct str file)
{
	cleanup(secret_wipe) struct buf text = {0};
	struct str line = str_cut(file, '\n', &file);

	if (!str_is(line, head))
		return false;
	while (file.len && !str_is(line = str_cut(file, '\n', &file), foot))
		buf_add(&text, line);
	unsigned char *room = text.len && text.len % 4 == 0 ? (unsigned char *)buf_space(out, text.len) : NULL;
	int len = room ? EVP_DecodeBlock(room, (const unsigned char *)buf_str(&text).data, (int)text.len) : -1;
	buf_used(out, (size_t)MAX(len, 0));
	return len > 0;
}

static bool take_number(uint32_t *out, struct str *from)
{
	const uint8_t *b = (const uint8_t *)from->data;

	if (from->len < 4)
		return false;
	*out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	*from = str_bytes(from->data + 4, from->len - 4);
	return true;
}

static bool take_string(struct str *out, struct str *from)
{
	uint32_t len;

	if (!take_number(&len, from) || len > from->len)
		return false;
	*out = str_bytes(from->data, len);
	*from = str_bytes(from->data + len, from->len - len);
	return true;
}

bool ssh_secret_public(struct buf *out, const char *path, struct err *e)
{
	cleanup(secret_wipe) struct buf file = BUF_MAX(FILE_MAX), body = {0};
	struct str rest, none, public, kind;
	uint32_t count;

	if (!fs_read(&file, AT_FDCWD, path, e))
		return false;
	bool good = read_body(&body, buf_str(&file)) && body.len > sizeof magic && memcmp(buf_str(&body).data, magic, sizeof magic) == 0;
	rest = good ? str_bytes(buf_str(&body).data + sizeof magic, body.len - sizeof magic) : (struct str){0};
	for (int i = 0; i < 3; i++)
		good = good && take_string(&none, &rest);
	good = good && take_number(&count, &rest) && count == 1 && take_string(&public, &rest);
	struct str in = public;
	if (!good || !take_string(&kind, &in))
		return err_set(e, ERR_SYNTAX, "%s: no private key in OpenSSH's form", path);
	buf_add(out, kind);
	buf_byte(out, ' ');
	base64(out, public);
	return buf_ok(out, e);
}
