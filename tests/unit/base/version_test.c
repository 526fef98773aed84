/* Versions of our own programs: read, compared, written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/version.h"

static int64_t number(const char *text)
{
	struct err e = {0};
	int64_t n = -1;

	if (!version_read(&n, str_of(text), &e))
		fail_msg("%s", e.text);
	return n;
}

static void later_is_a_higher_number(void **state)
{
	static const char *const rising[] = {"0", "0.0.1", "0.0.2", "0.0.10", "0.1", "0.1.1", "0.9.999", "0.10", "1", "1.0.1", "10.2", "999.999.999"};

	(void)state;
	for (size_t i = 1; i < COUNT_OF(rising); i++)
		assert_true(number(rising[i - 1]) < number(rising[i]));
	assert_int_equal(number("0.10.2"), 10002);
	assert_int_equal(number("1"), number("1.0.0"));
}

static void what_is_none_is_refused_and_leaves_what_was(void **state)
{
	static const char *const wrong[] = {"", ".", "1.", ".1", "1..2", "1.2.3.4", "1.2.3.", "1000", "0.1000", "01.2", "1.02", "-1", "+1", "1.2a", "v1.2",
		"1.2-1", " 1", "1 ", "1,2", "999999999999999999999999.1", "x"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct err e = {0};
		int64_t n = 42;
		if (version_read(&n, str_of(wrong[i]), &e))
			fail_msg("'%s' was read as %lld", wrong[i], (long long)n);
		assert_int_equal(e.code, ERR_SYNTAX);
		assert_int_equal(n, 42);
	}
}

static void what_is_written_is_read_as_the_same(void **state)
{
	static const char *const whole[] = {"0.0.0", "0.1.0", "12.345.678", "999.999.999"};
	char text[VERSION_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(whole); i++) {
		version_text(text, number(whole[i]));
		assert_string_equal(text, whole[i]);
	}
	assert_int_equal(version_ours(), number(fleet_version));
	assert_true(version_ours() > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_is_a_higher_number),
		cmocka_unit_test(what_is_none_is_refused_and_leaves_what_was),
		cmocka_unit_test(what_is_written_is_read_as_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
