/* A buffer grows to its ceiling and never past it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

static void an_empty_buffer_is_an_empty_text(void **state)
{
	struct buf b = {0};
	struct err e = {0};

	(void)state;
	assert_string_equal(buf_str(&b).data, "");
	assert_int_equal(buf_str(&b).len, 0);
	assert_true(buf_ok(&b, &e));
	buf_free(&b);
	buf_free(&b);
}

static void what_is_added_stands_in_order_with_a_nul_behind(void **state)
{
	cleanup(buf_free) struct buf b = {0};

	(void)state;
	buf_text(&b, "one ");
	buf_add(&b, STR("t\0o"));
	buf_byte(&b, ' ');
	buf_form(&b, "%d%s", 3, "!");
	buf_u32(&b, 0x01020304);
	assert_true(str_eq(buf_str(&b), STR("one t\0o 3!\1\2\3\4")));
	assert_int_equal(b.data[b.len], 0);
	buf_add(&b, (struct str){0});
	assert_int_equal(b.len, 14);
}

static void it_grows_through_many_sizes(void **state)
{
	cleanup(buf_free) struct buf b = {0};

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_byte(&b, (char)('a' + i % 26));
	assert_int_equal(b.len, 10000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
}

static void the_ceiling_may_be_reached(void **state)
{
	cleanup(buf_free) struct buf b = BUF_MAX(5);
	struct err e = {0};

	(void)state;
	buf_text(&b, "12345");
	assert_true(buf_ok(&b, &e));
	assert_string_equal(buf_str(&b).data, "12345");
	assert_true(b.room <= 6);
}

static void a_byte_above_the_ceiling_fails_and_leaves_it_as_it_was(void **state)
{
	cleanup(buf_free) struct buf b = BUF_MAX(5);
	struct err e = {0};

	(void)state;
	buf_text(&b, "123");
	buf_text(&b, "456");
	assert_string_equal(buf_str(&b).data, "123");
	assert_false(buf_ok(&b, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_string_equal(e.text, "longer than 5 bytes");
}

static void a_failed_buffer_takes_nothing_more_until_cleared(void **state)
{
	cleanup(buf_free) struct buf b = BUF_MAX(5);
	struct err e = {0};

	(void)state;
	buf_form(&b, "%s", "123456");
	buf_text(&b, "1");
	buf_u32(&b, 1);
	assert_null(buf_space(&b, 1));
	assert_int_equal(b.len, 0);
	assert_false(buf_ok(&b, &e));
	buf_clear(&b);
	buf_text(&b, "1");
	assert_true(buf_ok(&b, &e));
	assert_string_equal(buf_str(&b).data, "1");
}

static void a_length_that_would_wrap_around_is_refused(void **state)
{
	cleanup(buf_free) struct buf b = BUF_MAX(SIZE_MAX);

	(void)state;
	buf_text(&b, "123");
	assert_null(buf_space(&b, SIZE_MAX - 1));
	buf_clear(&b);
	assert_null(buf_space(&b, SIZE_MAX));
	buf_clear(&b);
	assert_non_null(buf_space(&b, 100));
}

static void without_a_ceiling_there_is_the_default_one(void **state)
{
	cleanup(buf_free) struct buf b = {0};

	(void)state;
	assert_non_null(buf_space(&b, BUF_DEFAULT_MAX));
	assert_null(buf_space(&b, (size_t)BUF_DEFAULT_MAX + 1));
}

static void space_is_written_into_and_then_used(void **state)
{
	cleanup(buf_free) struct buf b = BUF_MAX(10);

	(void)state;
	buf_text(&b, "ab");
	char *to = buf_space(&b, 8);
	assert_non_null(to);
	memset(to, 'c', 8);
	buf_used(&b, 3);
	assert_string_equal(buf_str(&b).data, "abccc");
	assert_non_null(buf_space(&b, 0));
}

static void using_more_than_the_space_ends_the_program(void **state)
{
	int status = 0;

	(void)state;
	pid_t child = fork();
	if (child == 0) {
		struct buf b = BUF_MAX(10);
		signal(SIGABRT, SIG_DFL);
		(void)buf_space(&b, 4);
		buf_used(&b, b.room);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void the_front_is_dropped(void **state)
{
	cleanup(buf_free) struct buf b = {0};

	(void)state;
	buf_drop(&b, 3);
	buf_text(&b, "headbody");
	buf_drop(&b, 0);
	buf_drop(&b, 4);
	assert_string_equal(buf_str(&b).data, "body");
	buf_drop(&b, 99);
	assert_string_equal(buf_str(&b).data, "");
}

static void a_taken_text_is_owned_and_the_buffer_empty(void **state)
{
	cleanup(buf_free) struct buf b = BUF_MAX(8);

	(void)state;
	buf_text(&b, "plan");
	cleanup(free_ptr) char *text = buf_take(&b);
	cleanup(free_ptr) char *nothing = buf_take(&b);
	assert_string_equal(text, "plan");
	assert_string_equal(nothing, "");
	assert_int_equal(b.len, 0);
	buf_text(&b, "123456789");
	assert_true(b.failed);
}

static void a_freed_buffer_keeps_its_ceiling(void **state)
{
	struct buf b = BUF_MAX(2);

	(void)state;
	buf_text(&b, "123");
	buf_free(&b);
	assert_false(b.failed);
	buf_text(&b, "123");
	assert_true(b.failed);
	buf_free(&b);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_is_an_empty_text),
		cmocka_unit_test(what_is_added_stands_in_order_with_a_nul_behind),
		cmocka_unit_test(it_grows_through_many_sizes),
		cmocka_unit_test(the_ceiling_may_be_reached),
		cmocka_unit_test(a_byte_above_the_ceiling_fails_and_leaves_it_as_it_was),
		cmocka_unit_test(a_failed_buffer_takes_nothing_more_until_cleared),
		cmocka_unit_test(a_length_that_would_wrap_around_is_refused),
		cmocka_unit_test(without_a_ceiling_there_is_the_default_one),
		cmocka_unit_test(space_is_written_into_and_then_used),
		cmocka_unit_test(using_more_than_the_space_ends_the_program),
		cmocka_unit_test(the_front_is_dropped),
		cmocka_unit_test(a_taken_text_is_owned_and_the_buffer_empty),
		cmocka_unit_test(a_freed_buffer_keeps_its_ceiling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
