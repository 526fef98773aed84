/* Names that could mean something else are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/name.h"

typedef bool checker(struct str name, struct err *e);

static void refused(checker *check, struct str name)
{
	struct err e = {0};

	assert_false(check(name, &e));
	assert_int_equal(e.code, ERR_UNSAFE);
	assert_true(e.text[0]);
}

static void taken(checker *check, struct str name)
{
	struct err e = {0};

	assert_true(check(name, &e));
	assert_int_equal(e.code, ERR_NONE);
}

#define SIXTEEN "0123456789abcdef"
#define LONGEST SIXTEEN SIXTEEN SIXTEEN SIXTEEN

static void ordinary_names_are_taken(void **state)
{
	(void)state;
	taken(name_check, STR("a"));
	taken(name_check, STR("plan-D_2.1"));
	taken(name_check, STR("0"));
	taken(name_check, STR("_x"));
	taken(name_check, STR("a..b"));
	taken(name_check, STR("root"));
	taken(name_check, STR(LONGEST));
}

static void names_that_are_paths_options_or_empty_are_refused(void **state)
{
	(void)state;
	refused(name_check, (struct str){0});
	refused(name_check, STR("."));
	refused(name_check, STR(".."));
	refused(name_check, STR(".hidden"));
	refused(name_check, STR("-rf"));
	refused(name_check, STR("a/b"));
	refused(name_check, STR("a b"));
	refused(name_check, STR("a+b"));
	refused(name_check, STR("a\n"));
	refused(name_check, STR("\xc3\xa4"));
	refused(name_check, STR("a:b"));
	refused(name_check, STR("a*"));
}

static void a_name_with_a_nul_is_refused(void **state)
{
	(void)state;
	refused(name_check, STR("a\0"));
	refused(name_check, STR("a\0b"));
	refused(name_check_plan, STR("root\0"));
	refused(name_check_path, STR("a\0b"));
}

static void a_name_one_byte_too_long_is_refused(void **state)
{
	(void)state;
	refused(name_check, STR(LONGEST "x"));
	refused(name_check_plan, STR(LONGEST "x"));
}

static void ordinary_plans_are_taken(void **state)
{
	(void)state;
	taken(name_check_plan, STR("plan-D"));
	taken(name_check_plan, STR("roots"));
	taken(name_check_plan, STR("rollout"));
	taken(name_check_plan, STR("rollouts-1"));
	taken(name_check_plan, STR("fleet-2"));
	taken(name_check_plan, STR("agents"));
}

static void a_plan_named_like_a_role_is_refused_in_any_case(void **state)
{
	static const char *const bad[] = {"root", "targets", "snapshot", "timestamp", "mirrors", "agent", "fleet",
		"Root", "TIMESTAMP", "Fleet", "aGent", "rollout-", "rollout-plan-D", "ROLLOUT-x", "Rollout-plan-D"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		taken(name_check, str_of(bad[i]));
		refused(name_check_plan, str_of(bad[i]));
	}
	refused(name_check_plan, STR("a/b"));
}

static void ordinary_paths_are_taken(void **state)
{
	(void)state;
	taken(name_check_path, STR("run.sh"));
	taken(name_check_path, STR("etc/systemd/system/getty@tty1.service.d/a+b.conf"));
	taken(name_check_path, STR(".config/-x"));
	taken(name_check_path, STR("..."));
	taken(name_check_path, STR("a/..b/c.."));
}

static void paths_that_lead_outside_are_refused(void **state)
{
	static const char *const bad[] = {"", "/", "/etc/passwd", "..", "../a", "a/..", "a/../b", ".", "./a", "a/.",
		"a/./b", "a//b", "a/", "a\\b", "a b", "a\nb", "a:b", "\xc3\xa4", "~a", "a/\xff"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		refused(name_check_path, str_of(bad[i]));
}

static void a_path_is_as_long_as_allowed_but_not_longer(void **state)
{
	char path[PATH_LEN_MAX + 1];

	(void)state;
	memset(path, 'a', sizeof path);
	taken(name_check_path, str_bytes(path, PATH_LEN_MAX));
	refused(name_check_path, str_bytes(path, PATH_LEN_MAX + 1));
}

static void a_path_is_as_deep_as_allowed_but_not_deeper(void **state)
{
	(void)state;
	taken(name_check_path, STR("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"));
	refused(name_check_path, STR("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"));
}

static void names_that_differ_only_in_case_are_told(void **state)
{
	(void)state;
	assert_true(name_same_but_case(STR("Plan-D"), STR("plan-d")));
	assert_false(name_same_but_case(STR("plan-D"), STR("plan-D")));
	assert_false(name_same_but_case(STR("plan-D"), STR("plan-DD")));
	assert_false(name_same_but_case(STR("a[b"), STR("a{b")));
	assert_false(name_same_but_case(STR("a"), STR("b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_names_are_taken),
		cmocka_unit_test(names_that_are_paths_options_or_empty_are_refused),
		cmocka_unit_test(a_name_with_a_nul_is_refused),
		cmocka_unit_test(a_name_one_byte_too_long_is_refused),
		cmocka_unit_test(ordinary_plans_are_taken),
		cmocka_unit_test(a_plan_named_like_a_role_is_refused_in_any_case),
		cmocka_unit_test(ordinary_paths_are_taken),
		cmocka_unit_test(paths_that_lead_outside_are_refused),
		cmocka_unit_test(a_path_is_as_long_as_allowed_but_not_longer),
		cmocka_unit_test(a_path_is_as_deep_as_allowed_but_not_deeper),
		cmocka_unit_test(names_that_differ_only_in_case_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
