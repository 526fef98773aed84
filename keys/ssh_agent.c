/* The two questions that we ask of an ssh-agent, and the careful reading of what it answers. */
#include "keys/ssh_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/fs.h"

enum { /* draft-miller-ssh-agent, 6.1 */
	AGENT_FAILURE = 5,
	REQUEST_IDENTITIES = 11,
	IDENTITIES_ANSWER = 12,
	SIGN_REQUEST = 13,
	SIGN_RESPONSE = 14,
};
enum {
	FRAME_MAX = 256 * KIB, /* what OpenSSH's agent takes and gives */
	ANSWER_S = 60,
	ED25519_KEY = 32,
	ED25519_SIGNATURE = 64,
	P256_POINT = 65,
	P256_NUMBER_MAX = 33, /* 32 bytes, and a zero in front of a high bit */
};

/* --- reading (RFC 4251, 5) --- */

static bool take_byte(struct str *rest, uint8_t *out)
{
	if (rest->len < 1)
		return false;
	*out = (uint8_t)rest->data[0];
	*rest = str_bytes(rest->data + 1, rest->len - 1);
	return true;
}

static bool take_u32(struct str *rest, uint32_t *out)
{
	uint8_t b[4];

	if (rest->len < sizeof b)
		return false;
	memcpy(b, rest->data, sizeof b);
	*out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	*rest = str_bytes(rest->data + sizeof b, rest->len - sizeof b);
	return true;
}

static bool take_string(struct str *rest, struct str *out)
{
	uint32_t len;

	if (!take_u32(rest, &len) || len > rest->len)
		return false;
	*out = str_bytes(rest->data, len);
	*rest = str_bytes(rest->data + len, rest->len - len);
	return true;
}

/* An mpint above zero in its shortest form; its bytes are then those of a DER INTEGER. */
static bool take_number(struct str *rest, struct str *out)
{
	if (!take_string(rest, out) || out->len < 1 || out->len > P256_NUMBER_MAX)
		return false;
	uint8_t first = (uint8_t)out->data[0];
	if (first == 0)
		return out->len > 1 && (uint8_t)out->data[1] >= 0x80;
	return first < 0x80;
}

/* --- keys --- */

static bool read_p256(struct public_key *out, struct str *rest)
{
	struct str curve, point;

	return take_string(rest, &curve) && str_is(curve, "nistp256") && take_string(rest, &point) &&
		point.len == P256_POINT && rest->len == 0 && public_p256(out, (const uint8_t *)point.data, NULL);
}

static bool read_ed25519(struct public_key *out, struct str *rest)
{
	struct str raw;

	return take_string(rest, &raw) && raw.len == ED25519_KEY && rest->len == 0 &&
		public_ed25519(out, (const uint8_t *)raw.data, NULL);
}

static const struct algorithm {
	const char *name;
	enum key_type type;
	bool (*read)(struct public_key *out, struct str *rest);
} algorithms[] = {
	{ "ssh-ed25519", KEY_ED25519, read_ed25519 },
	{ "ecdsa-sha2-nistp256", KEY_P256, read_p256 },
};

/* False for any key that we cannot use: RSA, `sk-`, certificates, small-order points, points off the curve. */
static bool read_key(struct public_key *out, struct str blob)
{
	struct str name;

	if (!take_string(&blob, &name))
		return false;
	for (size_t i = 0; i < COUNT_OF(algorithms); i++)
		if (str_is(name, algorithms[i].name))
			return algorithms[i].read(out, &blob);
	return false;
}

/* A comment is somebody's text and will stand on a terminal. */
static char *safe_comment(struct str s)
{
	char *text = str_dup(s);

	for (size_t i = 0, n; i < s.len; i += n) {
		unsigned char first = (unsigned char)text[i];
		n = MAX(str_utf8(str_bytes(s.data + i, s.len - i)), 1);
		bool bad = n == 1 ? first < 0x20 || first >= 0x7f : n == 2 && first == 0xc2 && (unsigned char)text[i + 1] < 0xa0;
		if (bad)
			memset(text + i, '?', n);
	}
	return text;
}

struct key_list {
	struct ssh_agent_key *key;
	size_t count;
};

static void key_list_free(struct key_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		ssh_agent_key_free(&l->key[i]);
	free_ptr(&l->key);
	l->count = 0;
}

static void key_list_add(struct key_list *l, struct public_key key, struct str blob, struct str comment)
{
	struct ssh_agent_key k = { .key = key, .comment = safe_comment(comment) };

	buf_add(&k.blob, blob);
	l->key = mem_grow(l->key, l->count + 1, sizeof *l->key);
	l->key[l->count++] = k;
}

bool ssh_agent_read_keys(struct ssh_agent_key **out, size_t *count, struct str reply, struct err *e)
{
	cleanup(key_list_free) struct key_list keys = { 0 };
	struct str blob, comment;
	uint32_t said;
	uint8_t type;

	if (!take_byte(&reply, &type) || type != IDENTITIES_ANSWER)
		return err_set(e, ERR_PROTOCOL, "no list of keys");
	if (!take_u32(&reply, &said))
		return err_set(e, ERR_PROTOCOL, "a list of keys that is cut");
	/* The count is only believed as far as there are bytes: nothing is made room for. */
	for (uint32_t i = 0; i < said; i++) {
		struct public_key key = { 0 };
		if (!take_string(&reply, &blob) || !take_string(&reply, &comment))
			return err_set(e, ERR_PROTOCOL, "a list of keys that is cut in key %u of %u", i + 1, said);
		if (read_key(&key, blob))
			key_list_add(&keys, key, blob, comment);
	}
	if (reply.len)
		return err_set(e, ERR_PROTOCOL, "%zu bytes behind the list of keys", reply.len);
	*out = keys.key;
	*count = keys.count;
	keys = (struct key_list){ 0 };
	return true;
}

void ssh_agent_key_free(struct ssh_agent_key *k)
{
	public_free(&k->key);
	free_ptr(&k->comment);
	buf_free(&k->blob);
}

/* --- signatures --- */

/* SEQUENCE { INTEGER r, INTEGER s }: 72 bytes at most, so every length is one byte. */
static bool add_der_signature(struct buf *out, struct str blob)
{
	struct str r, s;

	if (!take_number(&blob, &r) || !take_number(&blob, &s) || blob.len)
		return false;
	buf_byte(out, 0x30);
	buf_byte(out, (char)(2 + r.len + 2 + s.len));
	buf_byte(out, 0x02);
	buf_byte(out, (char)r.len);
	buf_add(out, r);
	buf_byte(out, 0x02);
	buf_byte(out, (char)s.len);
	buf_add(out, s);
	return true;
}

static const char *algorithm_name(enum key_type type)
{
	for (size_t i = 0; i < COUNT_OF(algorithms); i++)
		if (algorithms[i].type == type)
			return algorithms[i].name;
	return "";
}

bool ssh_agent_read_signature(struct buf *signature, enum key_type type, struct str reply, struct err *e)
{
	struct str whole, name, blob;
	uint8_t answer;

	if (!take_byte(&reply, &answer) || (answer != SIGN_RESPONSE && answer != AGENT_FAILURE))
		return err_set(e, ERR_PROTOCOL, "no signature");
	if (answer == AGENT_FAILURE)
		return err_set(e, ERR_REFUSED, "it refuses to sign: locked, not confirmed, or the key is gone");
	if (!take_string(&reply, &whole) || reply.len || !take_string(&whole, &name) || !take_string(&whole, &blob) ||
		whole.len)
		return err_set(e, ERR_PROTOCOL, "a signature that is cut, or has bytes behind it");
	if (name.len == 0 || !str_is(name, algorithm_name(type)))
		return err_set(e, ERR_PROTOCOL, "a signature of another kind of key");
	if (type == KEY_P256)
		return add_der_signature(signature, blob) ? buf_ok(signature, e)
							  : err_set(e, ERR_PROTOCOL, "not an ECDSA signature");
	if (blob.len != ED25519_SIGNATURE)
		return err_set(e, ERR_PROTOCOL, "an Ed25519 signature of %zu bytes", blob.len);
	buf_add(signature, blob);
	return buf_ok(signature, e);
}

/* --- the socket --- */

/* Zero is empty, so a program started without stdin must not get its agent there. */
static bool socket_new(int *out, struct err *e)
{
	const struct timeval patience = { .tv_sec = ANSWER_S };
	cleanup(fd_close) int low = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return err_sys(e, "a socket for ssh-agent");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	*out = fd;
	return true;
}

bool ssh_agent_open(struct ssh_agent *out, const char *socket_path, struct err *e)
{
	const char *path = socket_path ? socket_path : getenv("SSH_AUTH_SOCK");
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	cleanup(fd_close) int fd = -1;

	if (!path || !path[0])
		return err_set(e, ERR_MISSING, "no ssh-agent: SSH_AUTH_SOCK is not set");
	if (strlen(path) >= sizeof at.sun_path)
		return err_set(e, ERR_LIMIT, "ssh-agent: a socket's path has less than %zu bytes", sizeof at.sun_path);
	strcpy(at.sun_path, path);
	if (!socket_new(&fd, e))
		return false;
	if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
		err_sys(e, "ssh-agent at %s", path);
		if (e)
			e->code = ERR_UNREACHABLE;
		return false;
	}
	*out = (struct ssh_agent){ fd };
	fd = -1;
	return true;
}

void ssh_agent_close(struct ssh_agent *a)
{
	if (a->fd > 0)
		fd_close(&a->fd);
	a->fd = 0;
}

static bool lost(struct err *e, ssize_t n)
{
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return err_set(e, ERR_TIMEOUT, "no answer for %d s", ANSWER_S);
	return err_set(e, ERR_UNREACHABLE, "%s", n == 0 ? "it hung up" : strerror(errno));
}

static bool send_all(int fd, struct str bytes, struct err *e)
{
	while (bytes.len) {
		ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return lost(e, n);
		bytes = str_bytes(bytes.data + n, bytes.len - (size_t)n);
	}
	return true;
}

static bool receive_all(int fd, void *out, size_t len, struct err *e)
{
	for (char *at = out; len;) {
		ssize_t n = recv(fd, at, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return lost(e, n);
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool ask(struct buf *reply, const struct ssh_agent *a, struct str request, struct err *e)
{
	cleanup(buf_free) struct buf frame = { 0 };
	char front[4];
	uint32_t len = 0;

	buf_u32(&frame, (uint32_t)request.len);
	buf_add(&frame, request);
	if (!send_all(a->fd, buf_str(&frame), e) || !receive_all(a->fd, front, sizeof front, e))
		return false;
	struct str rest = str_bytes(front, sizeof front);
	if (!take_u32(&rest, &len) || len < 1 || len > FRAME_MAX)
		return err_set(e, ERR_PROTOCOL, "a reply of %u bytes", len);
	void *room = buf_space(reply, len);
	if (!room)
		return buf_ok(reply, e);
	if (!receive_all(a->fd, room, len, e))
		return false;
	buf_used(reply, len);
	return true;
}

bool ssh_agent_list(struct ssh_agent_key **out, size_t *count, const struct ssh_agent *a, struct err *e)
{
	const char question = REQUEST_IDENTITIES;
	cleanup(buf_free) struct buf reply = BUF_MAX(FRAME_MAX);

	if (!ask(&reply, a, str_bytes(&question, 1), e) || !ssh_agent_read_keys(out, count, buf_str(&reply), e))
		return err_in(e, "keys of ssh-agent");
	return true;
}

static void add_string(struct buf *out, struct str s)
{
	buf_u32(out, (uint32_t)s.len);
	buf_add(out, s);
}

static bool sign(struct buf *raw, const struct ssh_agent *a, const struct ssh_agent_key *k, struct str message, struct err *e)
{
	cleanup(buf_free) struct buf request = BUF_MAX(FRAME_MAX);
	cleanup(buf_free) struct buf reply = BUF_MAX(FRAME_MAX);

	buf_byte(&request, SIGN_REQUEST);
	add_string(&request, buf_str(&k->blob));
	add_string(&request, message);
	buf_u32(&request, 0); /* flags: they choose RSA's digest only */
	if (!buf_ok(&request, NULL))
		return err_set(e, ERR_LIMIT, "%zu bytes are more than it signs", message.len);
	if (!ask(&reply, a, buf_str(&request), e) ||
		!ssh_agent_read_signature(raw, k->key.type, buf_str(&reply), e))
		return false;
	return public_verify(&k->key, message, buf_str(raw)) ||
		err_set(e, ERR_SIGNATURE, "its signature does not verify with the key");
}

bool ssh_agent_sign(struct buf *signature, const struct ssh_agent *a, const struct ssh_agent_key *k, struct str message,
	struct err *e)
{
	cleanup(buf_free) struct buf raw = { 0 };

	if (!sign(&raw, a, k, message, e))
		return err_in(e, "sign by ssh-agent");
	buf_add(signature, buf_str(&raw));
	return buf_ok(signature, e);
}
