/* Errors are one clean sentence and one code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

enum { TEXT_MAX = sizeof(((struct err *)0)->text) - 1 };

static void setting_an_error_answers_false_and_keeps_code_and_sentence(void **state)
{
	struct err e = {0};

	(void)state;
	assert_false(err_set(&e, ERR_SYNTAX, "line %d: expected a number", 12));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_string_equal(e.text, "line 12: expected a number");
}

static void where_goes_in_front_and_the_code_stays(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, ERR_MISSING, "no such file");
	assert_false(err_in(&e, "key %s", "plan-D-1"));
	assert_false(err_in(&e, "sign manifest %s", "plan-D"));
	assert_int_equal(e.code, ERR_MISSING);
	assert_string_equal(e.text, "sign manifest plan-D: key plan-D-1: no such file");
}

static void where_may_quote_the_error_itself(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, ERR_IO, "inner");
	err_set(&e, ERR_FAILED, "again: %s", e.text);
	assert_string_equal(e.text, "again: inner");
	err_in(&e, "(%s)", e.text);
	assert_string_equal(e.text, "(again: inner): again: inner");
}

static void where_without_an_error_does_not_pass_for_success(void **state)
{
	struct err e = {0};

	(void)state;
	assert_false(err_in(&e, "unpack"));
	assert_int_equal(e.code, ERR_INTERNAL);
	assert_string_equal(e.text, "unpack");
}

static void nobody_has_to_listen(void **state)
{
	(void)state;
	assert_false(err_set(NULL, ERR_IO, "lost"));
	assert_false(err_in(NULL, "lost"));
	assert_false(err_sys(NULL, "lost"));
}

static void the_kernels_words_stand_behind_ours(void **state)
{
	static const struct {
		int number;
		enum err_code code;
	} rows[] = {
		{ENOSPC, ERR_SPACE},
		{EDQUOT, ERR_SPACE},
		{ENOENT, ERR_MISSING},
		{EEXIST, ERR_EXISTS},
		{EACCES, ERR_IO},
		{EIO, ERR_IO},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct err e = {0};
		char expected[200];
		snprintf(expected, sizeof expected, "open a.txt: %s", strerror(rows[i].number));
		errno = rows[i].number;
		assert_false(err_sys(&e, "open %s", "a.txt"));
		assert_int_equal(e.code, rows[i].code);
		assert_string_equal(e.text, expected);
	}
}

static void control_bytes_cannot_drive_a_terminal(void **state)
{
	static const struct {
		const char *given, *shown;
	} rows[] = {
		{"a\033[2Jb", "a?[2Jb"},
		{"a\nb\tc\rd\177", "a?b?c?d?"},
		{"a\xc2\x9b"
		 "31mb",
			"a??31mb"}, /* U+009B: CSI in one character */
		{"a\x9b"
		 "b",
			"a?b"},
		{"a\xc0\xaf"
		 "b",
			"a??b"}, /* '/' written too long */
		{"a\xed\xa0\x80"
		 "b",
			"a???b"}, /* half a surrogate pair */
		{"gr\xc3\xbc\xc3\x9f"
		 "e \xe2\x82\xac \xf0\x9f\x98\x80",
			"gr\xc3\xbc\xc3\x9f"
			"e \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"a library's sentence\r\n\n", "a library's sentence"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct err e = {0};
		err_set(&e, ERR_FAILED, "%s", rows[i].given);
		assert_string_equal(e.text, rows[i].shown);
		err_set(&e, ERR_FAILED, "end");
		err_in(&e, "%.60s", rows[i].given);
		assert_null(strpbrk(e.text, "\033\n\r\t\177"));
	}
}

static void a_sentence_too_long_ends_in_dots(void **state)
{
	struct err e = {0};
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof text);
	text[TEXT_MAX] = 0;
	err_set(&e, ERR_FAILED, "%s", text);
	assert_string_equal(e.text, text);

	text[TEXT_MAX] = 'x';
	text[sizeof text - 1] = 0;
	err_set(&e, ERR_FAILED, "%s", text);
	assert_int_equal(strlen(e.text), TEXT_MAX);
	assert_string_equal(e.text + TEXT_MAX - 4, "x...");

	err_set(&e, ERR_FAILED, "end");
	err_in(&e, "%s", text);
	assert_int_equal(strlen(e.text), TEXT_MAX);
	assert_string_equal(e.text + TEXT_MAX - 4, "x...");
}

static void no_character_is_cut_in_the_middle(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		struct err e = {0};
		char text[2000];
		size_t len = shift;
		memset(text, 'x', shift);
		for (; len + 4 < sizeof text; len += 4)
			memcpy(text + len, "\xf0\x9f\x98\x80", 4);
		text[len] = 0;
		err_set(&e, ERR_FAILED, "%s", text);
		size_t shown = strlen(e.text) - 3;
		assert_string_equal(e.text + shown, "...");
		assert_memory_equal(e.text, text, shown);
		assert_int_equal((shown - shift) % 4, 0);
	}
}

static void every_code_has_one_word_and_every_word_its_code(void **state)
{
	size_t count = 0;

	(void)state;
#define X(code, word)                                                                                                  \
	{                                                                                                              \
		enum err_code back = ERR_NONE;                                                                         \
		assert_string_equal(err_word(ERR_##code), word);                                                       \
		assert_true(err_code_of(&back, word));                                                                 \
		assert_int_equal(back, ERR_##code);                                                                    \
		count++;                                                                                               \
	}
	ERR_CODES(X)
#undef X
	assert_int_equal(count, 24);
}

static void an_unknown_word_is_no_code(void **state)
{
	enum err_code code = ERR_BUSY;

	(void)state;
	assert_false(err_code_of(&code, "IO"));
	assert_false(err_code_of(&code, ""));
	assert_false(err_code_of(&code, NULL));
	assert_int_equal(code, ERR_BUSY);
	assert_string_equal(err_word((enum err_code)9999), "internal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_an_error_answers_false_and_keeps_code_and_sentence),
		cmocka_unit_test(where_goes_in_front_and_the_code_stays),
		cmocka_unit_test(where_may_quote_the_error_itself),
		cmocka_unit_test(where_without_an_error_does_not_pass_for_success),
		cmocka_unit_test(nobody_has_to_listen),
		cmocka_unit_test(the_kernels_words_stand_behind_ours),
		cmocka_unit_test(control_bytes_cannot_drive_a_terminal),
		cmocka_unit_test(a_sentence_too_long_ends_in_dots),
		cmocka_unit_test(no_character_is_cut_in_the_middle),
		cmocka_unit_test(every_code_has_one_word_and_every_word_its_code),
		cmocka_unit_test(an_unknown_word_is_no_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
