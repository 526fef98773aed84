/* Borrowed text is compared, cut and read without being copied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void texts_are_equal_only_byte_by_byte(void **state)
{
	(void)state;
	assert_true(str_eq(STR("a\0b"), STR("a\0b")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_false(str_eq(STR("ab"), STR("abc")));
	assert_true(str_eq((struct str){0}, STR("")));
	assert_true(str_is(STR("plan"), "plan"));
	assert_false(str_is(STR("plan\0x"), "plan"));
	assert_true(str_is((struct str){0}, ""));
}

static void order_is_by_bytes_and_the_shorter_first(void **state)
{
	(void)state;
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("a"), STR("aa")) < 0);
	assert_true(str_cmp(STR("B"), STR("a")) < 0);
	assert_true(str_cmp(STR("\xc3\xa4"), STR("z")) > 0);
	assert_int_equal(str_cmp(STR("same"), STR("same")), 0);
	assert_true(str_cmp((struct str){0}, STR("a")) < 0);
}

static void beginnings_and_ends_are_seen(void **state)
{
	(void)state;
	assert_true(str_starts(STR("rollout-a"), "rollout-"));
	assert_false(str_starts(STR("roll"), "rollout-"));
	assert_true(str_starts((struct str){0}, ""));
	assert_true(str_ends(STR("a.json"), ".json"));
	assert_false(str_ends(STR("json"), ".json"));
	assert_true(str_ends((struct str){0}, ""));
}

static void a_cut_keeps_what_stands_before_and_behind(void **state)
{
	struct str rest = STR("old");

	(void)state;
	assert_true(str_is(str_cut(STR("a=b=c"), '=', &rest), "a"));
	assert_true(str_is(rest, "b=c"));
	assert_true(str_is(str_cut(STR("abc"), '=', &rest), "abc"));
	assert_int_equal(rest.len, 0);
	assert_int_equal(str_cut(STR("=x"), '=', &rest).len, 0);
	assert_true(str_is(rest, "x"));
	assert_int_equal(str_cut((struct str){0}, '=', &rest).len, 0);
}

static void a_text_may_be_cut_into_its_own_rest(void **state)
{
	struct str rest = STR("a,b");

	(void)state;
	assert_true(str_is(str_cut(rest, ',', &rest), "a"));
	assert_true(str_is(str_cut(rest, ',', &rest), "b"));
	assert_int_equal(rest.len, 0);
}

static void white_space_is_trimmed_at_both_ends_only(void **state)
{
	(void)state;
	assert_true(str_is(str_trim(STR(" \t\r\na b\v\f ")), "a b"));
	assert_int_equal(str_trim(STR(" \n ")).len, 0);
	assert_int_equal(str_trim((struct str){0}).len, 0);
	assert_true(str_eq(str_trim(STR("\0a\0")), STR("\0a\0")));
}

static void a_number_is_read_up_to_its_limit(void **state)
{
	uint64_t n = 7;

	(void)state;
	assert_true(str_number(&n, STR("0"), 0));
	assert_true(n == 0);
	assert_true(str_number(&n, STR("65536"), 65536));
	assert_true(n == 65536);
	assert_true(str_number(&n, STR("18446744073709551615"), UINT64_MAX));
	assert_true(n == UINT64_MAX);
}

static void what_is_no_number_is_refused_and_nothing_written(void **state)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "01", "00", "0x1", "1e3", "1.0", "65537",
		"99999999999999999999999", "18446744073709551616", "\xd9\xa1"};
	uint64_t n = 7;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(str_number(&n, str_of(bad[i]), 65536));
	assert_false(str_number(&n, STR("18446744073709551616"), UINT64_MAX));
	assert_false(str_number(&n, STR("1\0"), 10));
	assert_false(str_number(&n, STR("1"), 0));
	assert_false(str_number(&n, STR("9"), 8));
	assert_true(n == 7);
}

static void a_character_of_utf8_is_measured(void **state)
{
	(void)state;
	assert_int_equal(str_utf8(STR("a")), 1);
	assert_int_equal(str_utf8(STR("\0")), 1);
	assert_int_equal(str_utf8(STR("\xc3\xbcx")), 2);
	assert_int_equal(str_utf8(STR("\xe2\x82\xac")), 3);
	assert_int_equal(str_utf8(STR("\xf4\x8f\xbf\xbf")), 4);
}

static void what_is_no_utf8_has_no_length(void **state)
{
	static const struct str bad[] = {
		{0},
		{"\x80", 1},             /* a tail alone */
		{"\xc3", 1},             /* its tail is missing */
		{"\xc1\xbf", 2},         /* longer than needed */
		{"\xe0\x80\xaf", 3},     /* the same */
		{"\xed\xa0\x80", 3},     /* surrogate */
		{"\xf0\x80\x80\xaf", 4}, /* longer than needed */
		{"\xf4\x90\x80\x80", 4}, /* above U+10FFFF */
		{"\xf5\x80\x80\x80", 4},
		{"\xe2\x82(", 3},
		{"\xe2\x82", 2},
		{"\xff", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(str_utf8(bad[i]), 0);
}

static void a_copy_is_owned_and_ends_with_nul(void **state)
{
	cleanup(free_ptr) char *copy = str_dup(str_bytes("planet", 4));
	cleanup(free_ptr) char *nothing = str_dup((struct str){0});

	(void)state;
	assert_string_equal(copy, "plan");
	assert_string_equal(nothing, "");
	free_ptr(&copy);
	assert_null(copy);
	free_ptr(&copy);
}

static void memory_for_nothing_is_still_memory(void **state)
{
	cleanup(free_ptr) void *none = mem_new(0, 8);
	cleanup(free_ptr) char *grown = NULL;

	(void)state;
	assert_non_null(none);
	grown = mem_grow(grown, 0, 1);
	assert_non_null(grown);
	grown = mem_grow(grown, 100, 1);
	memset(grown, 1, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_equal_only_byte_by_byte),
		cmocka_unit_test(order_is_by_bytes_and_the_shorter_first),
		cmocka_unit_test(beginnings_and_ends_are_seen),
		cmocka_unit_test(a_cut_keeps_what_stands_before_and_behind),
		cmocka_unit_test(a_text_may_be_cut_into_its_own_rest),
		cmocka_unit_test(white_space_is_trimmed_at_both_ends_only),
		cmocka_unit_test(a_number_is_read_up_to_its_limit),
		cmocka_unit_test(what_is_no_number_is_refused_and_nothing_written),
		cmocka_unit_test(a_character_of_utf8_is_measured),
		cmocka_unit_test(what_is_no_utf8_has_no_length),
		cmocka_unit_test(a_copy_is_owned_and_ends_with_nul),
		cmocka_unit_test(memory_for_nothing_is_still_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
