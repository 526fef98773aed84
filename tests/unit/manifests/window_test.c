/* A window, by its zone's own clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/clock.h"
#include "manifests/window.h"

enum { MON_FRI = 31, SATURDAY = 1 << 5, SUNDAY = 1 << 6, ALL = 127 };

static struct window window_of(const char *zone, unsigned days, int64_t from, int64_t to)
{
	return (struct window){.zone = (char *)zone, .days = days, .from = from, .to = to};
}

static bool open_at(const struct window *w, const char *when)
{
	int64_t at;

	assert_true(clock_read(&at, str_of(when)));
	return window_is_open(w, at);
}

static void one_that_never_opens_is_refused(void **state)
{
	struct err e = {0};

	(void)state;
	assert_false(window_check(&(struct window){.from = 1, .to = 2}, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_false(window_check(&(struct window){.days = ALL, .from = 2, .to = 2}, &e));
	assert_true(window_check(&(struct window){.days = ALL, .from = 2, .to = 1}, &e));
}

static void it_is_open_from_its_first_minute_to_before_its_last(void **state)
{
	struct window w = window_of("UTC", ALL, 120, 240);

	(void)state;
	assert_false(open_at(&w, "2026-11-23T01:59:59Z"));
	assert_true(open_at(&w, "2026-11-23T02:00:00Z"));
	assert_true(open_at(&w, "2026-11-23T03:59:59Z"));
	assert_false(open_at(&w, "2026-11-23T04:00:00Z"));
}

static void the_zones_clock_decides_summer_and_winter(void **state)
{
	struct window w = window_of("Europe/Berlin", ALL, 120, 240);

	(void)state;
	assert_true(open_at(&w, "2026-01-15T01:00:00Z"));  /* 02:00 in winter */
	assert_false(open_at(&w, "2026-07-15T02:00:00Z")); /* 04:00 in summer */
	assert_true(open_at(&w, "2026-07-15T00:00:00Z"));
	assert_false(open_at(&w, "2026-01-15T00:00:00Z"));
}

/* 2026-03-29: 02:00 to 03:00 is left out in Berlin; 2026-10-25: it is there twice. */
static void the_hour_that_is_left_out_never_opens_and_the_one_there_twice_does_twice(void **state)
{
	struct window w = window_of("Europe/Berlin", ALL, 120, 180);

	(void)state;
	assert_false(open_at(&w, "2026-03-29T00:59:59Z")); /* 01:59:59, winter */
	assert_false(open_at(&w, "2026-03-29T01:00:00Z")); /* 03:00, summer */
	assert_true(open_at(&w, "2026-10-25T00:00:00Z"));  /* 02:00, summer */
	assert_true(open_at(&w, "2026-10-25T01:59:59Z"));  /* 02:59:59, winter */
	assert_false(open_at(&w, "2026-10-25T02:00:00Z"));
}

static void days_are_those_of_the_zone(void **state)
{
	struct window w = window_of("Asia/Tokyo", MON_FRI, 0, 60);

	(void)state;
	assert_true(open_at(&w, "2026-11-22T15:30:00Z"));  /* Monday there, Sunday here */
	assert_false(open_at(&w, "2026-11-27T15:30:00Z")); /* Saturday there */
}

static void over_midnight_the_morning_belongs_to_the_day_before(void **state)
{
	struct window w = window_of("UTC", SATURDAY, 23 * 60, 120);

	(void)state;
	assert_true(open_at(&w, "2026-11-21T23:00:00Z"));  /* Saturday */
	assert_true(open_at(&w, "2026-11-22T01:59:00Z"));  /* Sunday morning */
	assert_false(open_at(&w, "2026-11-22T02:00:00Z"));
	assert_false(open_at(&w, "2026-11-22T23:30:00Z"));
	assert_false(open_at(&w, "2026-11-21T01:00:00Z")); /* Saturday morning is Friday's */
	w.days = SUNDAY;
	assert_true(open_at(&w, "2026-11-23T01:00:00Z"));  /* Monday morning is Sunday's */
}

static void a_zone_that_nobody_knows_is_never_open(void **state)
{
	struct window w = window_of("Europe/Berlim", ALL, 0, 1439);

	(void)state;
	assert_false(open_at(&w, "2026-11-21T12:00:00Z"));
	w.zone = (char *)"Europe/Berlin";
	assert_true(open_at(&w, "2026-11-21T12:00:00Z"));
}

static void our_own_zone_stays_what_it_was(void **state)
{
	struct window w = window_of("Asia/Tokyo", ALL, 0, 60);

	(void)state;
	setenv("TZ", "America/New_York", 1);
	(void)open_at(&w, "2026-11-21T12:00:00Z");
	assert_string_equal(getenv("TZ"), "America/New_York");
	unsetenv("TZ");
	(void)open_at(&w, "2026-11-21T12:00:00Z");
	assert_null(getenv("TZ"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_never_opens_is_refused),
		cmocka_unit_test(it_is_open_from_its_first_minute_to_before_its_last),
		cmocka_unit_test(the_zones_clock_decides_summer_and_winter),
		cmocka_unit_test(the_hour_that_is_left_out_never_opens_and_the_one_there_twice_does_twice),
		cmocka_unit_test(days_are_those_of_the_zone),
		cmocka_unit_test(over_midnight_the_morning_belongs_to_the_day_before),
		cmocka_unit_test(a_zone_that_nobody_knows_is_never_open),
		cmocka_unit_test(our_own_zone_stays_what_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
