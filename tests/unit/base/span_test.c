/* Lengths of time are one number and one unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

static void every_unit_is_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{"0s", 0},
		{"500ms", 500},
		{"10s", 10000},
		{"2m", 120000},
		{"6h", 21600000},
		{"7d", 604800000},
		{"9223372036854775807ms", INT64_MAX},
		{"106751991167d", INT64_C(106751991167) * 86400000},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t ms = -1;
		assert_true(span_read(&ms, str_of(rows[i].text)));
		assert_true(ms == rows[i].ms);
	}
}

static void what_is_no_length_is_refused_and_nothing_written(void **state)
{
	static const char *const bad[] = {"", "10", "s", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "01s", "1S", "1sec",
		"1m30s", "1w", "9223372036854775808ms", "106751991168d", "99999999999999999999999s"};
	int64_t ms = 42;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(span_read(&ms, str_of(bad[i])));
	assert_false(span_read(&ms, STR("1s\0")));
	assert_false(span_read(&ms, (struct str){0}));
	assert_true(ms == 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_unit_is_read),
		cmocka_unit_test(what_is_no_length_is_refused_and_nothing_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
