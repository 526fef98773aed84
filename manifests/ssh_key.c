/* A line of authorized_keys is made from these words: nothing but a type that we know and base64 may pass. */
#include "manifests/ssh_key.h"

enum { BLOB_MAX = SSH_KEY_MAX / 4 * 3, RSA_BYTES_MIN = 2048 / 8 };

/* RFC 4253, section 6.6, and OpenSSH's PROTOCOL.u2f: the blob repeats the type. `rest`: bytes behind it, 0: unknown. */
static const struct {
	const char *type;
	size_t rest;
} types[] = {
	{"ssh-ed25519", 4 + 32},
	{"ecdsa-sha2-nistp256", 4 + 8 + 4 + 65},
	{"ecdsa-sha2-nistp384", 4 + 8 + 4 + 97},
	{"ecdsa-sha2-nistp521", 4 + 8 + 4 + 133},
	{"sk-ssh-ed25519@openssh.com", 0},
	{"sk-ecdsa-sha2-nistp256@openssh.com", 0},
	{"ssh-rsa", 0},
};

struct blob {
	uint8_t byte[BLOB_MAX];
	size_t len;
};

static int digit(char c)
{
	static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(all, c) : NULL;

	return at ? (int)(at - all) : -1;
}

/* RFC 4648, section 4, with its padding, and one spelling only: bits behind the last byte are zero. */
static bool base64_read(struct blob *out, struct str s)
{
	size_t pad = str_ends(s, "==") ? 2 : str_ends(s, "=") ? 1 : 0;
	uint32_t bits = 0;
	unsigned have = 0;

	out->len = 0;
	if (s.len == 0 || s.len % 4 || s.len > SSH_KEY_MAX)
		return false;
	for (size_t i = 0; i < s.len - pad; i++) {
		int d = digit(s.data[i]);
		if (d < 0)
			return false;
		bits = (bits << 6 | (uint32_t)d) & 0xffff;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		out->byte[out->len++] = (uint8_t)(bits >> have);
	}
	return (bits & ((1u << have) - 1)) == 0;
}

/* The next string of the blob; false when there is no whole one. */
static bool next_string(struct str *out, struct str *rest)
{
	const uint8_t *b = (const uint8_t *)rest->data;

	if (rest->len < 4)
		return false;
	size_t len = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
	if (len > rest->len - 4)
		return false;
	*out = str_bytes(rest->data + 4, len);
	*rest = str_bytes(rest->data + 4 + len, rest->len - 4 - len);
	return true;
}

static bool check_rsa(struct str rest, struct err *e)
{
	struct str exponent, modulus;

	if (!next_string(&exponent, &rest) || !next_string(&modulus, &rest) || rest.len)
		return err_set(e, ERR_SYNTAX, "this is no whole RSA key");
	return modulus.len > RSA_BYTES_MIN || /* a zero stands in front of a first bit that is set */
	       err_set(e, ERR_UNSAFE, "an RSA key below 2048 bit");
}

static bool check_blob(struct str type, struct str base64, struct err *e)
{
	struct blob blob;
	struct str said, rest;
	size_t i = 0;

	while (i < COUNT_OF(types) && !str_is(type, types[i].type))
		i++;
	if (i == COUNT_OF(types))
		return err_set(e, ERR_UNSAFE, "a key of type \"%.*s\": expected \"TYPE BASE64\" as in a .pub file, like ssh-ed25519",
			(int)MIN(type.len, (size_t)64), type.data);
	if (!base64_read(&blob, base64))
		return err_set(e, ERR_SYNTAX, "what stands behind %s is no base64: was the line cut?", types[i].type);
	rest = str_bytes(blob.byte, blob.len);
	if (!next_string(&said, &rest) || !str_eq(said, type))
		return err_set(e, ERR_SYNTAX, "this is no key of type %s: was the line cut?", types[i].type);
	if (str_is(type, "ssh-rsa"))
		return check_rsa(rest, e);
	return (types[i].rest ? rest.len == types[i].rest : rest.len > 4) ||
	       err_set(e, ERR_SYNTAX, "a key of type %s has another length: was the line cut?", types[i].type);
}

bool ssh_key_read(char **out, struct str line, struct err *e)
{
	struct str rest, comment, type = str_cut(str_trim(line), ' ', &rest), base64 = str_cut(str_trim(rest), ' ', &comment);
	char *key = NULL;

	if (!check_blob(type, base64, e))
		return false;
	key = mem_new(type.len + 1 + base64.len + 1, 1);
	memcpy(key, type.data, type.len);
	key[type.len] = ' ';
	memcpy(key + type.len + 1, base64.data, base64.len);
	*out = key;
	return true;
}

bool ssh_key_check(struct str key, struct err *e)
{
	cleanup(free_ptr) char *again = NULL;

	if (!ssh_key_read(&again, key, e))
		return false;
	return str_is(key, again) || err_set(e, ERR_SYNTAX, "expected \"TYPE BASE64\" and nothing else");
}
