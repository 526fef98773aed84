/* SHA-256 by value, in pieces and of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "keys/digest.h"

#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OF_ABC     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* FIPS 180-2, B.1 */

static void assert_hex(struct digest d, const char *hex)
{
	char text[DIGEST_HEX + 1];

	digest_hex(text, d);
	assert_string_equal(text, hex);
}

static void the_standards_examples_come_out(void **state)
{
	(void)state;
	assert_hex(digest_of(STR("abc")), OF_ABC);
	assert_hex(digest_of(STR("")), OF_NOTHING);
	assert_hex(digest_of((struct str){ 0 }), OF_NOTHING);
}

static void pieces_give_the_digest_of_the_whole(void **state)
{
	(void)state;
	cleanup(hasher_free) struct hasher h = { 0 };

	hasher_start(&h);
	hasher_add(&h, STR("a"));
	hasher_add(&h, (struct str){ 0 });
	hasher_add(&h, STR("bc"));
	assert_int_equal(h.length, 3);
	assert_hex(hasher_end(&h), OF_ABC);
	hasher_free(&h);
}

static void a_hasher_given_up_is_freed_twice_without_harm(void **state)
{
	(void)state;
	struct hasher h = { 0 };

	hasher_free(&h);
	hasher_start(&h);
	hasher_add(&h, STR("abc"));
	hasher_free(&h);
	hasher_free(&h);
}

static void a_digest_is_read_from_64_lower_case_digits_and_nothing_else(void **state)
{
	(void)state;
	struct digest d = digest_of(STR("kept")), kept = d;

	assert_false(digest_read(&d, STR("")));
	assert_false(digest_read(&d, str_bytes(OF_ABC, 63)));
	assert_false(digest_read(&d, STR(OF_ABC "0")));
	assert_false(digest_read(&d, STR("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD")));
	assert_true(digest_eq(d, kept));
	assert_true(digest_read(&d, STR(OF_ABC)));
	assert_true(digest_eq(d, digest_of(STR("abc"))));
}

static void only_zero_is_zero(void **state)
{
	(void)state;
	struct digest d = { 0 };

	assert_true(digest_zero(d));
	d.bytes[31] = 1;
	assert_false(digest_zero(d));
	assert_false(digest_eq(d, (struct digest){ 0 }));
}

static void a_file_is_digested_from_its_start_wherever_it_was_read_to(void **state)
{
	(void)state;
	char path[] = "/tmp/digest-test-XXXXXX";
	int fd = mkstemp(path);
	struct digest d;
	struct err e = { 0 };
	uint64_t length;

	assert_true(fd >= 0);
	unlink(path);
	assert_true(digest_fd(&d, &length, fd, &e));
	assert_hex(d, OF_NOTHING);
	assert_int_equal(length, 0);
	assert_int_equal(write(fd, "abc", 3), 3); /* and the position stands at the end */
	assert_true(digest_fd(&d, &length, fd, &e));
	assert_hex(d, OF_ABC);
	assert_int_equal(length, 3);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);

	static char big[200000];
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 7 + i / 251);
	assert_int_equal(pwrite(fd, big, sizeof big, 0), sizeof big);
	assert_true(digest_fd(&d, &length, fd, &e));
	assert_int_equal(length, sizeof big);
	assert_true(digest_eq(d, digest_of(str_bytes(big, sizeof big))));
	close(fd);
}

static void a_file_that_cannot_be_read_leaves_the_callers_values(void **state)
{
	(void)state;
	struct digest d = digest_of(STR("kept")), kept = d;
	uint64_t length = 7;
	struct err e = { 0 };

	assert_false(digest_fd(&d, &length, -1, &e));
	assert_int_equal(e.code, ERR_IO);
	assert_true(digest_eq(d, kept));
	assert_int_equal(length, 7);
}

static void random_bytes_fill_all_that_was_asked_for(void **state)
{
	(void)state;
	uint8_t a[1000] = { 0 }, b[1000] = { 0 };

	random_bytes(a, 0);
	assert_int_equal(a[0], 0);
	random_bytes(a, sizeof a - 1);
	random_bytes(b, sizeof b - 1);
	assert_memory_not_equal(a, b, 32);
	assert_memory_not_equal(a + 900, b + 900, 32);
	assert_int_equal(a[999], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_standards_examples_come_out),
		cmocka_unit_test(pieces_give_the_digest_of_the_whole),
		cmocka_unit_test(a_hasher_given_up_is_freed_twice_without_harm),
		cmocka_unit_test(a_digest_is_read_from_64_lower_case_digits_and_nothing_else),
		cmocka_unit_test(only_zero_is_zero),
		cmocka_unit_test(a_file_is_digested_from_its_start_wherever_it_was_read_to),
		cmocka_unit_test(a_file_that_cannot_be_read_leaves_the_callers_values),
		cmocka_unit_test(random_bytes_fill_all_that_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
