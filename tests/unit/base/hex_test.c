/* Hexadecimal has one spelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hex.h"

static void bytes_become_lower_case_digits(void **state)
{
	char text[9] = "xxxxxxxx";

	(void)state;
	hex_write(text, "\x00\x9f\xA0\xff", 4);
	assert_string_equal(text, "009fa0ff");
	hex_write(text, "", 0);
	assert_string_equal(text, "");
}

static void digits_become_bytes_again(void **state)
{
	unsigned char bytes[4];

	(void)state;
	assert_true(hex_read(bytes, 4, STR("009fa0ff")));
	assert_memory_equal(bytes, "\x00\x9f\xA0\xff", 4);
	assert_true(hex_read(bytes, 0, (struct str){0}));
}

static void another_spelling_is_refused_and_nothing_written(void **state)
{
	static const char *const bad[] = {"", "00", "009FA0FF", "009fa0f", "009fa0ff0", "009fa0ff00", "009fa0fg",
		" 09fa0ff", "0x9fa0ff", "+09fa0ff", "009fa0f\xc3"};
	unsigned char bytes[4] = {1, 2, 3, 4};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(hex_read(bytes, 4, str_of(bad[i])));
	assert_false(hex_read(bytes, 4, STR("009fa0f\0")));
	assert_false(hex_read(bytes, SIZE_MAX / 2 + 1, (struct str){0}));
	assert_memory_equal(bytes, "\1\2\3\4", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_become_lower_case_digits),
		cmocka_unit_test(digits_become_bytes_again),
		cmocka_unit_test(another_spelling_is_refused_and_nothing_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
