/* SSH keys as people paste them, and what must never become a line of authorized_keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manifests/ssh_key.h"

#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHiAopYvtSZsXxxTLdwnxSilpeoEAmyQaf2CgXHhA1p3"
#define P256    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBJxF+JeG29MffwfPnqtsa0dIsQQxWfSwkUCwXQjnZ76Rdz4pG1Ji25hDBW4Hr1P3weLWWS6ahvMJF7pr16V1xXg="
#define RSA2048                                                                                                        \
	"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDHL8i9Sq/g6cBp+Fgz02RLRje/D2bKsA6DzYHzoJtkrtM36oS0UPsw5JU3bTjfQZuosrFN9HIHm8a1BOIBQ815iTqYvn40siBhJu8gN/OSjHixivGJ9nes/tusw7fxl0Iyb2NYhNkXD8GhfURcCDlPxeq1Wk+nB+TYLJEBWEzR9A3AkNNGPzt7AKgAVzNOrt3sFZhPQT+kTp5ZssH67CKjUK1BPqtEseuyC+DIpbFngc0POWaXrbCXyWTgWpOwXyxEjY1kOfSSvRQMRqYWEfdZsmUHts1Ii4lsZXyolfa4G92i/JKMXq0UEVO7mGVZjz95+A2g9VF9iCnXHgFT5dYZ"
#define RSA1024                                                                                                        \
	"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDDHeriGkdB3xGCzaK4Q3mATKmLLrMUM8NH0hacikxQ1b+TsvCq1QHJhv2ckvET8mZs5KRQLr2Q1rNk5uU7JGHhSgCXXPOPOdPfA40M+xukpJ6JdWbv4NVVDX+uaDglRVXWOKHdNykESyPRQrl8GCQ2Mi0ajJwLMD6Mpa7qzkWgXw=="

static void a_pasted_line_gives_its_key(void **state)
{
	(void)state;
	static const char *const lines[][2] = {
		{ED25519, ED25519},
		{ED25519 " ann@laptop", ED25519},
		{"  " ED25519 "   ann's key, the new one\n", ED25519},
		{P256 " x", P256},
		{RSA2048, RSA2048},
	};

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		cleanup(free_ptr) char *key = NULL;
		struct err e = {0};
		if (!ssh_key_read(&key, str_of(lines[i][0]), &e))
			fail_msg("%s", e.text);
		assert_string_equal(key, lines[i][1]);
		assert_true(ssh_key_check(str_of(key), &e));
	}
}

static void what_is_no_key_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum err_code code;
	} lines[] = {
		{"", ERR_UNSAFE},
		{"ssh-ed25519", ERR_SYNTAX},
		{"ssh-ed25519 AAAA", ERR_SYNTAX},
		{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==", ERR_SYNTAX}, /* cut */
		{"ssh-ed25519 \"AAA", ERR_SYNTAX},
		{"ssh-dss AAAAB3NzaC1kc3MAAACBAA==", ERR_UNSAFE},
		{"command=\"sh\" " ED25519, ERR_UNSAFE}, /* options are no type */
		{"no-pty,command=\"sh\" " ED25519, ERR_UNSAFE},
		{"cert-authority " ED25519, ERR_UNSAFE},
		{RSA1024, ERR_UNSAFE},
		{"-----BEGIN OPENSSH PRIVATE KEY-----", ERR_UNSAFE},
	};

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		char untouched[] = "untouched", *key = untouched;
		struct err e = {0};
		if (ssh_key_read(&key, str_of(lines[i].line), &e))
			fail_msg("taken: %s", lines[i].line);
		assert_int_equal(e.code, lines[i].code);
		assert_ptr_equal(key, untouched);
	}
}

/* The type outside says one thing, the key another: sshd would skip the line, and the operator would be locked out. */
static void a_key_of_another_type_than_it_says_is_refused(void **state)
{
	(void)state;
	struct str rest, key = STR(P256);
	char line[SSH_KEY_MAX] = "ssh-ed25519 ";
	struct err e = {0};

	(void)str_cut(key, ' ', &rest);
	memcpy(line + strlen(line), rest.data, rest.len);
	assert_false(ssh_key_check(str_of(line), &e));
	assert_int_equal(e.code, ERR_SYNTAX);
}

static void a_checked_key_has_no_comment(void **state)
{
	(void)state;
	struct err e = {0};

	assert_false(ssh_key_check(STR(ED25519 " ann"), &e));
	assert_false(ssh_key_check(STR(ED25519 "\nssh-ed25519 AAAA"), &e));
	assert_false(ssh_key_check(STR(" " ED25519), &e));
	assert_false(ssh_key_check(STR("ssh-ed25519  AAAA"), &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pasted_line_gives_its_key),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(a_key_of_another_type_than_it_says_is_refused),
		cmocka_unit_test(a_checked_key_has_no_comment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
