/* Who may replace what is published: not whoever is behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleetctl/publish/lead.h"

#define TIMESTAMP(version, expires)                                                                                    \
	"{\"signatures\":[],\"signed\":{\"_type\":\"timestamp\",\"expires\":\"" expires "\",\"meta\":{\"snapshot.json\":" \
	"{\"version\":1}},\"spec_version\":\"1.0.31\",\"version\":" version "}}"
#define DATE "2030-01-01T00:00:00Z"

static void newer_replaces_older_and_nothing(void **state)
{
	struct err e = {0};

	(void)state;
	assert_true(lead_check(STR(TIMESTAMP("2", DATE)), STR(TIMESTAMP("1", DATE)), "there", NULL, &e));
	assert_true(lead_check(STR(TIMESTAMP("2", DATE)), (struct str){0}, "there", NULL, &e));
	assert_true(lead_check(STR(TIMESTAMP("2", DATE)), STR(TIMESTAMP("2", DATE)), "there", NULL, &e));
}

static void older_is_refused_and_told_by_whom(void **state)
{
	struct err e = {0};

	(void)state;
	assert_false(lead_check(STR(TIMESTAMP("2", DATE)), STR(TIMESTAMP("3", DATE)), "there", "ann@laptop", &e));
	assert_int_equal(e.code, ERR_OLDER);
	assert_non_null(strstr(e.text, "there is ahead of this folder, published by ann@laptop: timestamp 3 is there, here is 2"));
}

static void signed_apart_with_the_same_number_is_refused(void **state)
{
	struct err e = {0};

	(void)state;
	assert_false(lead_check(STR(TIMESTAMP("2", DATE)), STR(TIMESTAMP("2", "2031-01-01T00:00:00Z")), "there", NULL, &e));
	assert_int_equal(e.code, ERR_OLDER);
	assert_non_null(strstr(e.text, "here is another 2"));
}

static void what_is_no_timestamp_is_not_overwritten(void **state)
{
	struct err e = {0};

	(void)state;
	assert_false(lead_check(STR(TIMESTAMP("2", DATE)), STR("hello"), "there", NULL, &e));
	assert_int_equal(e.code, ERR_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newer_replaces_older_and_nothing),
		cmocka_unit_test(older_is_refused_and_told_by_whom),
		cmocka_unit_test(signed_apart_with_the_same_number_is_refused),
		cmocka_unit_test(what_is_no_timestamp_is_not_overwritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
