/* A real ssh-agent with real keys, and beside it every reply that a false one could give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hex.h"
#include "keys/secret.h"
#include "keys/ssh_agent.h"

/* --- a real agent, ended by its pid --- */

struct desk {
	char folder[64];
	pid_t agent;
};

static void be_agent(void)
{
	int nothing = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(nothing, 0);
	dup2(nothing, 1);
	execlp("ssh-agent", "ssh-agent", "-D", "-a", "agent.sock", (char *)NULL);
	_exit(127);
}

static int run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int start_agent(void **state)
{
	struct desk *d = mem_new(1, sizeof *d);

	strcpy(d->folder, "/tmp/agent-test-XXXXXX");
	*state = d;
	if (!mkdtemp(d->folder) || chdir(d->folder) != 0)
		return -1;
	d->agent = fork();
	if (d->agent == 0)
		be_agent();
	setenv("SSH_AUTH_SOCK", "agent.sock", 1);
	for (int i = 0; d->agent > 0 && i < 500; i++) {
		cleanup(ssh_agent_close) struct ssh_agent a = { 0 };
		struct err e;
		if (ssh_agent_open(&a, NULL, &e))
			return 0;
		usleep(10 * 1000);
	}
	return -1;
}

static int stop_agent(void **state)
{
	struct desk *d = *state;
	struct err e;

	if (d->agent > 0) {
		kill(d->agent, SIGTERM);
		waitpid(d->agent, NULL, 0);
	}
	bool removed = chdir("/") == 0 && fs_remove_tree(AT_FDCWD, d->folder, &e);
	unsetenv("SSH_AUTH_SOCK");
	free(d);
	return removed ? 0 : -1;
}

static void add_key(const char *name, const char *type)
{
	cleanup(free_ptr) char *command = path_form("ssh-keygen -q -N '' -C '%s' -f %s -t %s && ssh-add -q %s 2>errors || "
						    "{ cat errors; exit 1; }", name, name, type, name);

	assert_int_equal(run(command), 0);
}

struct keys {
	struct ssh_agent_key *key;
	size_t count;
};

static void keys_free(struct keys *k)
{
	for (size_t i = 0; i < k->count; i++)
		ssh_agent_key_free(&k->key[i]);
	free_ptr(&k->key);
	k->count = 0;
}

static void agent_signs(const struct ssh_agent *a, const struct ssh_agent_key *k, struct str message)
{
	cleanup(buf_free) struct buf signature = { 0 };
	struct err e = { 0 };

	assert_true(ssh_agent_sign(&signature, a, k, message, &e));
	assert_true(public_verify(&k->key, message, buf_str(&signature)));
	assert_false(public_verify(&k->key, STR("another"), buf_str(&signature)));
}

static void an_agents_ed25519_and_p256_keys_sign_and_its_rsa_key_is_not_listed(void **state)
{
	(void)state;
	cleanup(ssh_agent_close) struct ssh_agent a = { 0 };
	cleanup(keys_free) struct keys k = { 0 };
	struct err e = { 0 };

	add_key("rsa", "rsa -b 2048");
	add_key("ann", "ed25519");
	add_key("p384", "ecdsa -b 384");
	add_key("bob", "ecdsa -b 256");
	assert_true(ssh_agent_open(&a, NULL, &e));
	assert_true(ssh_agent_list(&k.key, &k.count, &a, &e));
	assert_int_equal(k.count, 2);
	assert_int_equal(k.key[0].key.type, KEY_ED25519);
	assert_string_equal(k.key[0].comment, "ann");
	assert_int_equal(k.key[1].key.type, KEY_P256);
	assert_string_equal(k.key[1].comment, "bob");
	for (size_t i = 0; i < k.count; i++) {
		agent_signs(&a, &k.key[i], STR("{\"_type\":\"root\"}"));
		agent_signs(&a, &k.key[i], STR(""));
		assert_true(public_check_strength(&k.key[i].key, &e));
	}
}

/* r and s are shorter, or have a zero in front, in one signature of two. */
static void p256_signatures_of_every_length_come_out_right(void **state)
{
	(void)state;
	cleanup(ssh_agent_close) struct ssh_agent a = { 0 };
	cleanup(keys_free) struct keys k = { 0 };
	struct err e = { 0 };

	add_key("bob", "ecdsa -b 256");
	assert_true(ssh_agent_open(&a, "agent.sock", &e));
	assert_true(ssh_agent_list(&k.key, &k.count, &a, &e));
	assert_int_equal(k.count, 1);
	for (char i = 0; i < 100; i++)
		agent_signs(&a, &k.key[0], str_bytes(&i, 1));
}

/* The key as ssh-keygen writes it for OpenSSL is the key as we read it. */
static void the_public_key_is_the_one_openssl_sees(void **state)
{
	(void)state;
	cleanup(ssh_agent_close) struct ssh_agent a = { 0 };
	cleanup(keys_free) struct keys k = { 0 };
	cleanup(buf_free) struct buf pem = { 0 };
	struct err e = { 0 };

	add_key("bob", "ecdsa -b 256");
	assert_int_equal(run("ssh-keygen -e -m PKCS8 -f bob.pub >bob.pem"), 0);
	assert_true(ssh_agent_open(&a, NULL, &e));
	assert_true(ssh_agent_list(&k.key, &k.count, &a, &e));
	assert_true(fs_read(&pem, AT_FDCWD, "bob.pem", &e));
	assert_string_equal(k.key[0].key.value, pem.data);
}

static void a_key_taken_away_after_listing_is_a_refusal(void **state)
{
	(void)state;
	cleanup(ssh_agent_close) struct ssh_agent a = { 0 };
	cleanup(keys_free) struct keys k = { 0 };
	cleanup(buf_free) struct buf signature = { 0 };
	struct err e = { 0 };

	add_key("ann", "ed25519");
	assert_true(ssh_agent_open(&a, NULL, &e));
	assert_true(ssh_agent_list(&k.key, &k.count, &a, &e));
	assert_int_equal(run("ssh-add -q -D 2>/dev/null"), 0);
	assert_false(ssh_agent_sign(&signature, &a, &k.key[0], STR("text"), &e));
	assert_int_equal(e.code, ERR_REFUSED);
	assert_int_equal(signature.len, 0);
}

static void an_empty_agent_has_no_keys_and_no_error(void **state)
{
	(void)state;
	cleanup(ssh_agent_close) struct ssh_agent a = { 0 };
	cleanup(keys_free) struct keys k = { 0 };
	struct err e = { 0 };

	assert_true(ssh_agent_open(&a, NULL, &e));
	assert_true(ssh_agent_list(&k.key, &k.count, &a, &e));
	assert_int_equal(k.count, 0);
}

static void a_message_too_long_for_agents_is_refused_before_it_is_sent(void **state)
{
	(void)state;
	cleanup(ssh_agent_close) struct ssh_agent a = { 0 };
	cleanup(keys_free) struct keys k = { 0 };
	cleanup(buf_free) struct buf signature = { 0 };
	cleanup(free_ptr) char *text = mem_new(256 * KIB, 1);
	struct err e = { 0 };

	add_key("ann", "ed25519");
	assert_true(ssh_agent_open(&a, NULL, &e));
	assert_true(ssh_agent_list(&k.key, &k.count, &a, &e));
	agent_signs(&a, &k.key[0], str_bytes(text, 250 * KIB));
	assert_false(ssh_agent_sign(&signature, &a, &k.key[0], str_bytes(text, 256 * KIB), &e));
	assert_int_equal(e.code, ERR_LIMIT);
	agent_signs(&a, &k.key[0], STR("still there"));
}

static void an_agent_that_is_not_there_is_named(void **state)
{
	(void)state;
	static const char absent[] = "/nonexistent/agent.sock";
	struct ssh_agent a = { 0 };
	struct err e = { 0 };
	char longest[200];

	unsetenv("SSH_AUTH_SOCK");
	assert_false(ssh_agent_open(&a, NULL, &e));
	assert_int_equal(e.code, ERR_MISSING);
	assert_false(ssh_agent_open(&a, absent, &e));
	assert_int_equal(e.code, ERR_UNREACHABLE);
	assert_non_null(strstr(e.text, absent));
	memset(longest, 'a', sizeof longest);
	longest[sizeof longest - 1] = 0;
	assert_false(ssh_agent_open(&a, longest, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(a.fd, 0);
	ssh_agent_close(&a);
	assert_int_not_equal(fcntl(0, F_GETFD), -1); /* zero is no agent: stdin is still open */
}

/* --- forged replies, to the reading half --- */

static void add_string(struct buf *b, struct str s)
{
	buf_u32(b, (uint32_t)s.len);
	buf_add(b, s);
}

static struct buf ed25519_blob(void)
{
	cleanup(secret_free) struct secret_key *k = NULL;
	cleanup(public_free) struct public_key is = { 0 };
	const uint8_t seed[32] = { 7 };
	uint8_t raw[32];
	struct buf blob = { 0 };
	struct err e = { 0 };

	assert_true(secret_of_seed(&k, seed, &e) && secret_public(&is, k, &e));
	assert_true(hex_read(raw, sizeof raw, str_of(is.value)));
	add_string(&blob, STR("ssh-ed25519"));
	add_string(&blob, str_bytes(raw, sizeof raw));
	return blob;
}

static struct buf p256_blob(const char *point_hex)
{
	uint8_t point[65];
	struct buf blob = { 0 };

	assert_true(hex_read(point, sizeof point, str_of(point_hex)));
	add_string(&blob, STR("ecdsa-sha2-nistp256"));
	add_string(&blob, STR("nistp256"));
	add_string(&blob, str_bytes(point, sizeof point));
	return blob;
}

#define P256_X "2b334f284cefca9c0013522c6a76b12d7bc75921ae7eaced3d0bf7683fe83326"
#define P256_Y "6e6de6d5d642094e2ebace44236425b0b601d1d416896015d6efde88a85ebfd1"

/* A list that says `said` keys and holds these. */
static struct buf list_of(uint32_t said, const struct buf *blobs, size_t count)
{
	struct buf reply = { 0 };

	buf_byte(&reply, 12);
	buf_u32(&reply, said);
	for (size_t i = 0; i < count; i++) {
		add_string(&reply, buf_str(&blobs[i]));
		add_string(&reply, STR("a comment"));
	}
	return reply;
}

static size_t listed(struct str reply)
{
	cleanup(keys_free) struct keys k = { 0 };
	struct err e = { 0 };

	assert_true(ssh_agent_read_keys(&k.key, &k.count, reply, &e));
	return k.count;
}

/* In a piece of memory of exactly its length, so that the sanitizer sees one byte too many. */
static void is_no_list(struct str reply)
{
	cleanup(free_ptr) char *exact = mem_new(reply.len, 1);
	struct keys k = { 0 };
	struct err e = { 0 };

	memcpy(exact, reply.data, reply.len);
	assert_false(ssh_agent_read_keys(&k.key, &k.count, str_bytes(exact, reply.len), &e));
	assert_int_equal(e.code, ERR_PROTOCOL);
	assert_null(k.key);
	assert_int_equal(k.count, 0);
}

static void a_list_cut_at_any_byte_is_refused(void **state)
{
	(void)state;
	struct buf blobs[] = { ed25519_blob(), p256_blob("04" P256_X P256_Y) };
	cleanup(buf_free) struct buf reply = list_of(2, blobs, 2);

	assert_int_equal(listed(buf_str(&reply)), 2);
	for (size_t len = 0; len < reply.len; len++)
		is_no_list(str_bytes(reply.data, len));
	buf_byte(&reply, 0);
	is_no_list(buf_str(&reply));
	buf_free(&blobs[0]);
	buf_free(&blobs[1]);
}

static void a_list_that_lies_about_its_count_is_refused(void **state)
{
	(void)state;
	static const uint32_t lies[] = { 0, 1, 3, 0x7fffffff, 0x80000000, 0xffffffff };
	struct buf blobs[] = { ed25519_blob(), ed25519_blob() };

	for (size_t i = 0; i < COUNT_OF(lies); i++) {
		cleanup(buf_free) struct buf reply = list_of(lies[i], blobs, 2);
		is_no_list(buf_str(&reply));
	}
	buf_free(&blobs[0]);
	buf_free(&blobs[1]);
}

/* Each of the lengths in a list of two keys, made to say something else. */
static void a_list_with_any_length_forged_reads_nothing_outside(void **state)
{
	(void)state;
	static const uint32_t lies[] = { 0, 1, 3, 0x33, 0x100, 0x7fffffff, 0x80000000, 0xfffffffb, 0xfffffffc, 0xffffffff };
	struct buf blobs[] = { ed25519_blob(), p256_blob("04" P256_X P256_Y) };
	cleanup(buf_free) struct buf reply = list_of(2, blobs, 2);

	for (size_t at = 1; at + 4 <= reply.len; at++)
		for (size_t i = 0; i < COUNT_OF(lies); i++) {
			cleanup(free_ptr) char *forged = mem_new(reply.len, 1);
			cleanup(keys_free) struct keys k = { 0 };
			struct err e = { 0 };
			memcpy(forged, reply.data, reply.len);
			for (size_t b = 0; b < 4; b++)
				forged[at + b] = (char)(lies[i] >> (24 - 8 * b));
			if (ssh_agent_read_keys(&k.key, &k.count, str_bytes(forged, reply.len), &e))
				assert_true(k.count <= 2);
			else
				assert_int_equal(e.code, ERR_PROTOCOL);
		}
	buf_free(&blobs[0]);
	buf_free(&blobs[1]);
}

static void a_reply_of_another_type_is_no_list(void **state)
{
	(void)state;
	struct buf blob = ed25519_blob();
	cleanup(buf_free) struct buf reply = list_of(1, &blob, 1);

	for (int type = 0; type < 256; type++) {
		reply.data[0] = (char)type;
		if (type != 12)
			is_no_list(buf_str(&reply));
	}
	buf_free(&blob);
}

/* Such keys are other people's business: they are passed over, and what stands behind them is still found. */
static void keys_that_cannot_sign_metadata_are_passed_over(void **state)
{
	(void)state;
	struct buf odd[12] = { 0 };
	size_t n = 0;
	static const char zeros[32] = { 0 };

	add_string(&odd[n], STR("ssh-rsa"));
	add_string(&odd[n], STR("\x01\x00\x01"));
	add_string(&odd[n++], STR("\x00\xff"));
	add_string(&odd[n], STR("sk-ssh-ed25519@openssh.com"));
	add_string(&odd[n], str_bytes(zeros, 32));
	add_string(&odd[n++], STR("ssh:"));
	add_string(&odd[n++], STR("ssh-ed25519-cert-v01@openssh.com"));
	n++;                                             /* an empty blob */
	buf_add(&odd[n++], STR("\xff\xff\xff\xff"));     /* a name of 4 GiB */
	add_string(&odd[n++], STR("ssh-ed25519"));       /* a name alone */
	add_string(&odd[n], STR("ssh-ed25519"));         /* a point of small order */
	add_string(&odd[n++], str_bytes(zeros, 32));
	add_string(&odd[n], STR("ssh-ed25519"));         /* 31 bytes */
	add_string(&odd[n++], str_bytes("123456789012345678901234567890", 31));
	odd[n] = ed25519_blob();                         /* a byte behind */
	buf_byte(&odd[n++], 0);
	odd[n++] = p256_blob("04" P256_X P256_X);        /* off the curve */
	odd[n++] = p256_blob("07" P256_X P256_Y);        /* hybrid: SSH knows no such form (RFC 5656, 3.1) */
	odd[n++] = ed25519_blob();
	assert_int_equal(n, COUNT_OF(odd));

	cleanup(buf_free) struct buf reply = list_of((uint32_t)n, odd, n);
	assert_int_equal(listed(buf_str(&reply)), 1);
	for (size_t i = 0; i < n; i++)
		buf_free(&odd[i]);
}

static void a_comment_cannot_drive_the_terminal(void **state)
{
	(void)state;
	cleanup(keys_free) struct keys k = { 0 };
	struct buf blob = ed25519_blob();
	cleanup(buf_free) struct buf reply = { 0 };
	struct err e = { 0 };

	buf_byte(&reply, 12);
	buf_u32(&reply, 1);
	add_string(&reply, buf_str(&blob));
	add_string(&reply, STR("\x1b[2J\xc2\x9b\xff\n\x7f J\xc3\xb6rg\0!"));
	assert_true(ssh_agent_read_keys(&k.key, &k.count, buf_str(&reply), &e));
	assert_string_equal(k.key[0].comment, "?[2J????"
					      "? J\xc3\xb6rg?!");
	buf_free(&blob);
}

static struct buf signature_of(const char *name, struct str blob)
{
	struct buf reply = { 0 };
	cleanup(buf_free) struct buf whole = { 0 };

	add_string(&whole, str_of(name));
	add_string(&whole, blob);
	buf_byte(&reply, 14);
	add_string(&reply, buf_str(&whole));
	return reply;
}

static enum err_code read_signature(struct buf *out, enum key_type type, struct str reply)
{
	cleanup(free_ptr) char *exact = mem_new(reply.len, 1);
	struct err e = { 0 };

	memcpy(exact, reply.data, reply.len);
	if (ssh_agent_read_signature(out, type, str_bytes(exact, reply.len), &e))
		return ERR_NONE;
	assert_int_equal(out->len, 0);
	return e.code;
}

static void a_signature_cut_at_any_byte_is_refused(void **state)
{
	(void)state;
	char sixty_four[64] = { 1, 2, 3 };
	cleanup(buf_free) struct buf out = { 0 };
	cleanup(buf_free) struct buf reply = signature_of("ssh-ed25519", str_bytes(sixty_four, 64));

	for (size_t len = 0; len < reply.len; len++)
		assert_int_equal(read_signature(&out, KEY_ED25519, str_bytes(reply.data, len)), ERR_PROTOCOL);
	assert_int_equal(read_signature(&out, KEY_ED25519, buf_str(&reply)), ERR_NONE);
	assert_int_equal(out.len, 64);
	assert_memory_equal(out.data, sixty_four, 64);
	buf_clear(&out);
	buf_byte(&reply, 0);
	assert_int_equal(read_signature(&out, KEY_ED25519, buf_str(&reply)), ERR_PROTOCOL);
}

static void a_signature_of_another_kind_or_length_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t len;
	} forged[] = { { "ssh-ed25519", 63 }, { "ssh-ed25519", 65 }, { "ssh-ed25519", 0 }, { "ssh-ed448", 64 },
		{ "ssh-rsa", 64 }, { "", 64 }, { "ecdsa-sha2-nistp256", 64 } };
	char bytes[65] = { 0 };
	cleanup(buf_free) struct buf out = { 0 };

	for (size_t i = 0; i < COUNT_OF(forged); i++) {
		cleanup(buf_free) struct buf reply = signature_of(forged[i].name, str_bytes(bytes, forged[i].len));
		assert_int_equal(read_signature(&out, KEY_ED25519, buf_str(&reply)), ERR_PROTOCOL);
		assert_int_equal(read_signature(&out, KEY_UNKNOWN, buf_str(&reply)), ERR_PROTOCOL);
		assert_int_equal(read_signature(&out, KEY_RSA, buf_str(&reply)), ERR_PROTOCOL);
	}
}

static void a_refusal_is_told_from_nonsense(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf out = { 0 };

	assert_int_equal(read_signature(&out, KEY_ED25519, STR("\x05")), ERR_REFUSED);
	assert_int_equal(read_signature(&out, KEY_ED25519, STR("\x06")), ERR_PROTOCOL);
	assert_int_equal(read_signature(&out, KEY_ED25519, STR("")), ERR_PROTOCOL);
}

static enum err_code read_p256(struct buf *out, struct str r, struct str s)
{
	cleanup(buf_free) struct buf blob = { 0 };

	add_string(&blob, r);
	add_string(&blob, s);
	cleanup(buf_free) struct buf reply = signature_of("ecdsa-sha2-nistp256", buf_str(&blob));
	return read_signature(out, KEY_P256, buf_str(&reply));
}

static void two_numbers_become_a_der_signature(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf out = { 0 };
	char most[33] = { 0, (char)0x80 };

	assert_int_equal(read_p256(&out, STR("\x01"), STR("\x00\x80")), ERR_NONE);
	assert_int_equal(out.len, 9);
	assert_memory_equal(out.data, "\x30\x07\x02\x01\x01\x02\x02\x00\x80", 9);
	buf_clear(&out);
	assert_int_equal(read_p256(&out, str_bytes(most, 33), str_bytes(most, 33)), ERR_NONE);
	assert_int_equal(out.len, 72);
}

static void numbers_that_are_zero_negative_padded_or_too_long_are_refused(void **state)
{
	(void)state;
	char longer[34] = { 1 };
	const struct str forged[] = {
		STR(""), STR("\x00"), STR("\x80"), STR("\xff\xff"), STR("\x00\x01"), STR("\x00\x00\x80"), { longer, 34 },
	};
	cleanup(buf_free) struct buf out = { 0 };

	for (size_t i = 0; i < COUNT_OF(forged); i++) {
		assert_int_equal(read_p256(&out, forged[i], STR("\x01")), ERR_PROTOCOL);
		assert_int_equal(read_p256(&out, STR("\x01"), forged[i]), ERR_PROTOCOL);
	}
	cleanup(buf_free) struct buf three = { 0 };
	for (int i = 0; i < 3; i++)
		add_string(&three, STR("\x01"));
	cleanup(buf_free) struct buf reply = signature_of("ecdsa-sha2-nistp256", buf_str(&three));
	assert_int_equal(read_signature(&out, KEY_P256, buf_str(&reply)), ERR_PROTOCOL);
}

/* --- a false agent at the other end of a socket --- */

struct false_agent {
	struct ssh_agent ours;
	int theirs;
};

/* Has said `bytes` already; then it waits, or hangs up. */
static struct false_agent false_agent(struct str bytes, bool hangs_up)
{
	int fd[2];
	const struct timeval patience = { .tv_usec = 50 * 1000 };

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	assert_int_equal(write(fd[1], bytes.data, bytes.len), bytes.len);
	if (hangs_up)
		assert_int_equal(shutdown(fd[1], SHUT_WR), 0);
	return (struct false_agent){ { fd[0] }, fd[1] };
}

static void false_agent_end(struct false_agent *f)
{
	ssh_agent_close(&f->ours);
	close(f->theirs);
}

static enum err_code list_from(struct str bytes, bool hangs_up)
{
	cleanup(false_agent_end) struct false_agent f = false_agent(bytes, hangs_up);
	cleanup(keys_free) struct keys k = { 0 };
	struct err e = { 0 };

	return ssh_agent_list(&k.key, &k.count, &f.ours, &e) ? ERR_NONE : e.code;
}

static void an_agent_that_hangs_up_or_falls_silent_is_told_apart(void **state)
{
	(void)state;
	const struct str pieces[] = { STR(""), STR("\0\0"), STR("\0\0\0\5"), STR("\0\0\0\5\x0c\0\0") };

	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		assert_int_equal(list_from(pieces[i], true), ERR_UNREACHABLE);
		assert_int_equal(list_from(pieces[i], false), ERR_TIMEOUT);
	}
	assert_int_equal(list_from(STR("\0\0\0\5\x0c\0\0\0\0"), false), ERR_NONE);
}

static void a_frame_of_no_or_too_many_bytes_is_refused_at_its_length(void **state)
{
	(void)state;
	assert_int_equal(list_from(STR("\0\0\0\0"), false), ERR_PROTOCOL);
	assert_int_equal(list_from(STR("\0\x04\0\1"), false), ERR_PROTOCOL); /* 256 KiB and one */
	assert_int_equal(list_from(STR("\x7f\xff\xff\xff"), false), ERR_PROTOCOL);
	assert_int_equal(list_from(STR("\xff\xff\xff\xff"), false), ERR_PROTOCOL);
	assert_int_equal(list_from(STR("\0\x04\0\0"), false), ERR_TIMEOUT); /* allowed, and waited for */
}

static void a_signature_that_does_not_verify_is_not_handed_on(void **state)
{
	(void)state;
	char wrong[64] = { 1 };
	struct buf blob = ed25519_blob();
	cleanup(buf_free) struct buf list = list_of(1, &blob, 1);
	cleanup(buf_free) struct buf reply = signature_of("ssh-ed25519", str_bytes(wrong, sizeof wrong));
	cleanup(buf_free) struct buf frame = { 0 };
	cleanup(buf_free) struct buf signature = { 0 };
	cleanup(keys_free) struct keys k = { 0 };
	struct err e = { 0 };

	assert_true(ssh_agent_read_keys(&k.key, &k.count, buf_str(&list), &e));
	add_string(&frame, buf_str(&reply));
	cleanup(false_agent_end) struct false_agent f = false_agent(buf_str(&frame), false);
	assert_false(ssh_agent_sign(&signature, &f.ours, &k.key[0], STR("text"), &e));
	assert_int_equal(e.code, ERR_SIGNATURE);
	assert_int_equal(signature.len, 0);
	buf_free(&blob);
}

static void an_agent_gone_before_the_question_is_no_signal(void **state)
{
	(void)state;
	cleanup(false_agent_end) struct false_agent f = false_agent(STR(""), true);
	struct keys k = { 0 };
	struct err e = { 0 };

	close(f.theirs);
	f.theirs = -1;
	assert_false(ssh_agent_list(&k.key, &k.count, &f.ours, &e));
	assert_int_equal(e.code, ERR_UNREACHABLE);
}

#define with_agent(test) cmocka_unit_test_setup_teardown(test, start_agent, stop_agent)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_agent(an_agents_ed25519_and_p256_keys_sign_and_its_rsa_key_is_not_listed),
		with_agent(p256_signatures_of_every_length_come_out_right),
		with_agent(the_public_key_is_the_one_openssl_sees),
		with_agent(a_key_taken_away_after_listing_is_a_refusal),
		with_agent(an_empty_agent_has_no_keys_and_no_error),
		with_agent(a_message_too_long_for_agents_is_refused_before_it_is_sent),
		cmocka_unit_test(an_agent_that_is_not_there_is_named),
		cmocka_unit_test(a_list_cut_at_any_byte_is_refused),
		cmocka_unit_test(a_list_that_lies_about_its_count_is_refused),
		cmocka_unit_test(a_list_with_any_length_forged_reads_nothing_outside),
		cmocka_unit_test(a_reply_of_another_type_is_no_list),
		cmocka_unit_test(keys_that_cannot_sign_metadata_are_passed_over),
		cmocka_unit_test(a_comment_cannot_drive_the_terminal),
		cmocka_unit_test(a_signature_cut_at_any_byte_is_refused),
		cmocka_unit_test(a_signature_of_another_kind_or_length_is_refused),
		cmocka_unit_test(a_refusal_is_told_from_nonsense),
		cmocka_unit_test(two_numbers_become_a_der_signature),
		cmocka_unit_test(numbers_that_are_zero_negative_padded_or_too_long_are_refused),
		cmocka_unit_test(an_agent_that_hangs_up_or_falls_silent_is_told_apart),
		cmocka_unit_test(a_frame_of_no_or_too_many_bytes_is_refused_at_its_length),
		cmocka_unit_test(a_signature_that_does_not_verify_is_not_handed_on),
		cmocka_unit_test(an_agent_gone_before_the_question_is_no_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
