/* Moments are read in one form and counted on a clock that sleeps with nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "base/clock.h"

static const struct {
	int64_t unix_s;
	const char *text;
} moments[] = {
	{0, "1970-01-01T00:00:00Z"},
	{1795465760, "2026-11-23T20:29:20Z"},
	{951782399, "2000-02-28T23:59:59Z"},
	{951782400, "2000-02-29T00:00:00Z"},
	{-1, "1969-12-31T23:59:59Z"},
	{INT64_C(2147483648), "2038-01-19T03:14:08Z"},
	{INT64_C(253402300799), "9999-12-31T23:59:59Z"},
	{INT64_C(-62167219200), "0000-01-01T00:00:00Z"},
};

static void a_moment_is_written_and_read_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(moments); i++) {
		char text[24];
		int64_t back = 42;
		clock_text(text, moments[i].unix_s);
		assert_string_equal(text, moments[i].text);
		assert_true(clock_read(&back, str_of(text)));
		assert_true(back == moments[i].unix_s);
	}
}

static void a_moment_outside_the_calendar_is_held_at_its_end(void **state)
{
	char text[24];

	(void)state;
	clock_text(text, INT64_MAX);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	clock_text(text, INT64_MIN);
	assert_string_equal(text, "0000-01-01T00:00:00Z");
}

static void another_form_is_refused_and_nothing_written(void **state)
{
	static const char *const bad[] = {"", "2026-11-23", "2026-11-23T20:29:20", "2026-11-23T20:29:20z",
		"2026-11-23t20:29:20Z", "2026-11-23 20:29:20Z", "2026-11-23T20:29:20+00:00", "2026-11-23T20:29:20.0Z",
		"2026-11-23T20:29:20ZZ", " 026-11-23T20:29:20Z", "2026-1--23T20:29:20Z", "+026-11-23T20:29:20Z",
		"20261123T202920Z", "2026-11-23T20:29: 0Z"};
	int64_t unix_s = 42;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(clock_read(&unix_s, str_of(bad[i])));
	assert_false(clock_read(&unix_s, STR("2026-11-23T20:29:20\0")));
	assert_false(clock_read(&unix_s, (struct str){0}));
	assert_true(unix_s == 42);
}

static void a_day_that_never_was_is_refused(void **state)
{
	static const char *const bad[] = {"2026-02-29T00:00:00Z", "2026-02-30T00:00:00Z", "2026-04-31T00:00:00Z",
		"1900-02-29T00:00:00Z", "2026-00-10T00:00:00Z", "2026-13-10T00:00:00Z", "2026-10-00T00:00:00Z",
		"2026-10-32T00:00:00Z", "2026-10-10T24:00:00Z", "2026-10-10T00:60:00Z", "2016-12-31T23:59:60Z",
		"9999-12-31T23:59:60Z", "9999-99-99T99:99:99Z", "0000-00-00T00:00:00Z"};
	int64_t unix_s = 42;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(clock_read(&unix_s, str_of(bad[i])));
	assert_true(unix_s == 42);
}

static void now_is_now(void **state)
{
	int64_t before = time(NULL), boot = clock_boot_ms();
	struct moment now = clock_now();

	(void)state;
	assert_true(now.unix_s >= before - 1 && now.unix_s <= before + 5);
	assert_true(now.boot_ms >= boot && now.boot_ms <= clock_boot_ms());
}

static void the_boot_has_an_id_that_stays(void **state)
{
	char one[40], two[40];

	(void)state;
	clock_boot_id(one);
	clock_boot_id(two);
	assert_string_equal(one, two);
	assert_true(strlen(one) == 36 || strcmp(one, "unknown") == 0);
	assert_int_equal(strspn(one, "0123456789abcdefunkow-"), strlen(one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_moment_is_written_and_read_back),
		cmocka_unit_test(a_moment_outside_the_calendar_is_held_at_its_end),
		cmocka_unit_test(another_form_is_refused_and_nothing_written),
		cmocka_unit_test(a_day_that_never_was_is_refused),
		cmocka_unit_test(now_is_now),
		cmocka_unit_test(the_boot_has_an_id_that_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
