/* Keys behind a provider: `file:` URIs through OpenSSL's own, and every way in which a place is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "keys/provider.h"

#define PIN STR("correct horse")

static int to_new_folder(void **state)
{
	char folder[] = "/tmp/provider-test-XXXXXX";

	*state = mkdtemp(folder) ? strdup(folder) : NULL;
	return *state ? chdir(folder) : -1;
}

static int remove_folder(void **state)
{
	struct err e;
	bool removed = chdir("/") == 0 && fs_remove_tree(AT_FDCWD, *state, &e);

	free(*state);
	return removed ? 0 : -1;
}

static int run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Answers with what ctx says, and counts. */
struct person {
	struct str pin;
	bool silent;
	int asked;
};

static bool answer(void *ctx, struct buf *pin, struct err *e)
{
	struct person *p = ctx;

	p->asked++;
	if (p->silent)
		return err_set(e, ERR_STOPPED, "no passphrase was given");
	buf_add(pin, p->pin);
	return buf_ok(pin, e);
}

static enum err_code open_as(struct provider_key **k, const char *provider, const char *uri, struct person *p, struct err *e)
{
	char here[512] = "", whole[1024];

	*e = (struct err){ 0 };
	/* A file's URI is absolute. */
	if (strcmp(uri, "file:key.pem") == 0) {
		assert_non_null(getcwd(here, sizeof here));
		(void)snprintf(whole, sizeof whole, "file:%s/key.pem", here);
		uri = whole;
	}
	if (provider_open(k, (struct provider_place){ provider, uri }, p ? answer : NULL, p, e))
		return ERR_NONE;
	assert_null(*k);
	assert_int_not_equal(e->code, ERR_NONE);
	return e->code;
}

static void a_key_signs_where_it_lies(const char *make, enum key_type type)
{
	cleanup(provider_free) struct provider_key *k = NULL;
	cleanup(public_free) struct public_key is = { 0 };
	cleanup(buf_free) struct buf signature = { 0 };
	struct person nobody = { 0 };
	struct err e;

	assert_int_equal(run("rm -f key.pem"), 0);
	assert_int_equal(run(make), 0);
	assert_int_equal(open_as(&k, "default", "file:key.pem", &nobody, &e), ERR_NONE);
	assert_int_equal(nobody.asked, 0);
	assert_true(provider_public(&is, k, &e));
	assert_int_equal(is.type, type);
	assert_true(provider_sign(&signature, k, STR("text"), &e));
	assert_true(public_verify(&is, STR("text"), buf_str(&signature)));
	assert_false(public_verify(&is, STR("texu"), buf_str(&signature)));
}

static void keys_of_three_types_sign(void **state)
{
	(void)state;
	a_key_signs_where_it_lies("openssl genpkey -algorithm ED25519 -out key.pem", KEY_ED25519);
	a_key_signs_where_it_lies("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem", KEY_P256);
	a_key_signs_where_it_lies("openssl genpkey -algorithm RSA -out key.pem 2>/dev/null", KEY_RSA);
}

static void an_encrypted_key_asks_and_takes_only_the_right_answer(void **state)
{
	(void)state;
	cleanup(provider_free) struct provider_key *k = NULL;
	struct person right = { .pin = PIN }, wrong = { .pin = STR("correct cow") }, silent = { .silent = true }, empty = { 0 };
	struct err e;

	assert_int_equal(run("openssl genpkey -algorithm ED25519 -aes-256-cbc -pass 'pass:correct horse' -out key.pem"), 0);
	assert_int_equal(open_as(&k, "default", "file:key.pem", &wrong, &e), ERR_PASSPHRASE);
	assert_int_equal(wrong.asked, 1);
	assert_int_equal(open_as(&k, "default", "file:key.pem", &empty, &e), ERR_PASSPHRASE);
	assert_int_equal(open_as(&k, "default", "file:key.pem", &silent, &e), ERR_STOPPED);
	assert_non_null(strstr(e.text, "/key.pem: no passphrase was given"));
	assert_int_equal(open_as(&k, "default", "file:key.pem", NULL, &e), ERR_PASSPHRASE);
	assert_int_equal(open_as(&k, "default", "file:key.pem", &right, &e), ERR_NONE);
	assert_int_equal(right.asked, 1);
}

static void what_cannot_sign_is_no_key(void **state)
{
	(void)state;
	static const struct {
		const char *make;
		enum err_code code;
	} rows[] = {
		{ "openssl genpkey -algorithm X25519 -out key.pem", ERR_UNSAFE },
		{ "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key.pem", ERR_UNSAFE },
		{ "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out key.pem 2>/dev/null", ERR_UNSAFE },
		{ "openssl genpkey -algorithm ED25519 | openssl pkey -pubout -out key.pem", ERR_MISSING },
		{ "echo nothing >key.pem", ERR_MISSING },
		{ "true", ERR_MISSING },
		{ "for i in 1 2; do openssl genpkey -algorithm ED25519; done >key.pem", ERR_USAGE },
	};
	struct err e;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct provider_key *k = NULL;
		assert_int_equal(run("rm -f key.pem"), 0);
		assert_int_equal(run(rows[i].make), 0);
		assert_int_equal(open_as(&k, "default", "file:key.pem", NULL, &e), rows[i].code);
		assert_non_null(strstr(e.text, "key.pem"));
	}
}

static void places_that_are_none_are_refused_before_anything_is_loaded(void **state)
{
	(void)state;
	static const struct {
		const char *provider, *uri, *says;
	} rows[] = {
		{ "pkcs11", "pkcs11:token=t?pin-value=1234", "PIN" },
		{ "pkcs11", "pkcs11:token=t?PIN-VALUE=1234", "PIN" },
		{ "tpm2", "handle:0x81000001?pass=1234", "PIN" },
		{ "default", "", "1 to" },
		{ "default", "file:a b", "byte 7" },
		{ "default", "file:a\nb", "byte 7" },
		{ "default", "file:\xc3\xa4", "%c3" },
		{ "../../tmp/evil", "file:key.pem", "provider" },
		{ "", "file:key.pem", "provider" },
	};
	cleanup(free_ptr) char *longest = mem_new(1026, 1);
	struct err e;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct provider_key *k = NULL;
		assert_int_equal(open_as(&k, rows[i].provider, rows[i].uri, NULL, &e), ERR_UNSAFE);
		if (!strstr(e.text, rows[i].says) || strstr(e.text, "1234"))
			fail_msg("'%s' for %s", e.text, rows[i].uri);
	}
	memset(longest, 'a', 1025);
	assert_false(provider_place_check((struct provider_place){ "default", longest }, &e));
	longest[1024] = 0;
	assert_true(provider_place_check((struct provider_place){ "default", longest }, &e));
	assert_true(provider_place_check((struct provider_place){ "tpm2", "handle:0x81000001?pass" }, &e));
}

static void a_provider_that_is_not_there_is_named_with_its_package(void **state)
{
	(void)state;
	struct provider_key *k = NULL;
	struct err e;

	setenv("OPENSSL_MODULES", "/nonexistent", 1);
	assert_int_equal(open_as(&k, "tpm2", "handle:0x81000001", NULL, &e), ERR_MISSING);
	assert_non_null(strstr(e.text, "tpm2-openssl"));
	assert_int_equal(open_as(&k, "pkcs11", "pkcs11:token=t", NULL, &e), ERR_MISSING);
	assert_non_null(strstr(e.text, "ssh-add -s"));
	assert_int_equal(open_as(&k, "other", "x:y", NULL, &e), ERR_MISSING);
	assert_non_null(strstr(e.text, "no provider other"));
	unsetenv("OPENSSL_MODULES");
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, to_new_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_FOLDER(keys_of_three_types_sign),
		IN_A_FOLDER(an_encrypted_key_asks_and_takes_only_the_right_answer),
		IN_A_FOLDER(what_cannot_sign_is_no_key),
		IN_A_FOLDER(places_that_are_none_are_refused_before_anything_is_loaded),
		IN_A_FOLDER(a_provider_that_is_not_there_is_named_with_its_package),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
