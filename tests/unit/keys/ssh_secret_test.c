/* Private keys as OpenSSH keeps them. That ssh-keygen and libssh2 take them is shown in e2e/0831. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "keys/ssh_secret.h"

struct room {
	char dir[32];
	char *key;
};

static int set_up(void **state)
{
	struct room *r = calloc(1, sizeof *r);

	strcpy(r->dir, "/tmp/ssh-secret.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	r->key = path_form("%s/key", r->dir);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct room *r = *state;
	struct err e;

	assert_true(fs_remove_tree(AT_FDCWD, r->dir, &e));
	free(r->key);
	free(r);
	return 0;
}

static void read_file(struct buf *out, const struct room *r)
{
	struct err e;

	*out = BUF_MAX(16 * KIB);
	assert_true(fs_read(out, AT_FDCWD, r->key, &e));
}

static void a_key_that_is_made_is_its_owners_alone_and_shows_its_public_half(void **state)
{
	struct room *r = *state;
	cleanup(buf_free) struct buf public = {0};
	struct err e = {0};
	struct stat st;

	assert_true(ssh_secret_make(r->key, "ber-D", &e));
	assert_int_equal(stat(r->key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(ssh_secret_public(&public, r->key, &e));
	assert_true(str_starts(buf_str(&public), "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"));
	assert_int_equal(public.len, strlen("ssh-ed25519 ") + 68);
}

static void no_two_are_alike(void **state)
{
	struct room *r = *state;
	cleanup(buf_free) struct buf one = {0}, two = {0};
	struct err e = {0};

	assert_true(ssh_secret_make(r->key, "ber-D", &e) && ssh_secret_public(&one, r->key, &e));
	assert_true(ssh_secret_make(r->key, "ber-D", &e) && ssh_secret_public(&two, r->key, &e));
	assert_false(str_eq(buf_str(&one), buf_str(&two)));
}

/* Cut anywhere before its public half ends, and with other words in front. */
static void what_is_no_such_key_shows_nothing(void **state)
{
	struct room *r = *state;
	cleanup(buf_free) struct buf whole = {0};
	struct err e = {0};

	assert_true(ssh_secret_make(r->key, "ber-D", &e));
	read_file(&whole, r);
	for (size_t len = 0; len < 160; len++) {
		cleanup(buf_free) struct buf public = {0};
		assert_true(fs_write(AT_FDCWD, r->key, str_bytes(buf_str(&whole).data, len), 0600, &e));
		assert_false(ssh_secret_public(&public, r->key, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
	}
	static const char *const others[] = {
		"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n",
		"-----BEGIN OPENSSH PRIVATE KEY-----\n!!!!\n-----END OPENSSH PRIVATE KEY-----\n",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA/////w==\n-----END OPENSSH PRIVATE KEY-----\n",
	};
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		cleanup(buf_free) struct buf public = {0};
		assert_true(fs_write(AT_FDCWD, r->key, str_of(others[i]), 0600, &e));
		assert_false(ssh_secret_public(&public, r->key, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_that_is_made_is_its_owners_alone_and_shows_its_public_half, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_two_are_alike, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_such_key_shows_nothing, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
