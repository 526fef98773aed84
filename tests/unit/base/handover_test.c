/* Words and open files over a socket, between two ends of one process. */
#include "base/handover.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

struct ends {
	int here, there;
};

static int set_up(void **state)
{
	struct ends *ends = mem_new(1, sizeof *ends);
	int fd[2];

	*state = ends;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
		return -1;
	*ends = (struct ends){fd[0], fd[1]};
	return 0;
}

static int tear_down(void **state)
{
	struct ends *ends = *state;

	fd_close(&ends->here);
	fd_close(&ends->there);
	free(ends);
	return 0;
}

static void words_come_with_their_files(void **state)
{
	const struct ends *ends = *state;
	cleanup(buf_free) struct buf words = {0};
	struct err e = {0};
	int pipes[2], got = -1;
	char byte = 0;

	assert_int_equal(pipe(pipes), 0);
	assert_true(handover_send(ends->here, STR("do this"), &pipes[1], 1, &e));
	fd_close(&pipes[1]);
	assert_true(handover_take(ends->there, &words, &got, 1, 5000, &e));
	assert_true(str_is(buf_str(&words), "do this"));
	assert_int_equal(write(got, "x", 1), 1);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	assert_int_equal(fcntl(got, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	fd_close(&got);
	fd_close(&pipes[0]);
}

static void another_number_of_files_is_refused_and_none_stays_open(void **state)
{
	const struct ends *ends = *state;
	cleanup(buf_free) struct buf words = {0};
	struct err e = {0};
	int pipes[2], got = -1;
	char byte;

	assert_int_equal(pipe(pipes), 0);
	assert_true(handover_send(ends->here, STR("do this"), &pipes[1], 1, &e));
	fd_close(&pipes[1]);
	assert_false(handover_take(ends->there, &words, &got, 0, 5000, &e));
	assert_int_equal(e.code, ERR_PROTOCOL);
	assert_int_equal(read(pipes[0], &byte, 1), 0); /* its only writer was closed */
	fd_close(&pipes[0]);
}

static void half_a_message_is_none(void **state)
{
	struct ends *ends = *state;
	cleanup(buf_free) struct buf words = {0};
	struct err e = {0};

	assert_int_equal(write(ends->here, "do th", 5), 5);
	fd_close(&ends->here);
	assert_false(handover_take(ends->there, &words, NULL, 0, 5000, &e));
	assert_int_equal(e.code, ERR_PROTOCOL);
}

/* In one piece, as who means ill would send it. */
static void two_lines_at_once_are_refused(void **state)
{
	const struct ends *ends = *state;
	cleanup(buf_free) struct buf words = {0};
	struct err e = {0};

	assert_int_equal(write(ends->here, "do this\nand that\n", 17), 17);
	assert_false(handover_take(ends->there, &words, NULL, 0, 5000, &e));
	assert_int_equal(e.code, ERR_PROTOCOL);
}

static void words_without_end_are_bounded(void **state)
{
	struct ends *ends = *state;
	cleanup(buf_free) struct buf words = {0};
	cleanup(buf_free) struct buf too_long = {0};
	struct err e = {0};

	memset(buf_space(&too_long, HANDOVER_WORDS_MAX + 1), 'a', HANDOVER_WORDS_MAX + 1);
	buf_used(&too_long, HANDOVER_WORDS_MAX + 1);
	assert_false(handover_send(ends->here, buf_str(&too_long), NULL, 0, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	for (int i = 0; i < 3; i++)
		assert_true(send(ends->here, too_long.data, HANDOVER_WORDS_MAX / 2, MSG_DONTWAIT) > 0);
	assert_false(handover_take(ends->there, &words, NULL, 0, 5000, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

static void who_says_nothing_is_not_waited_for_for_ever(void **state)
{
	const struct ends *ends = *state;
	cleanup(buf_free) struct buf words = {0};
	struct err e = {0};

	assert_false(handover_take(ends->there, &words, NULL, 0, 20, &e));
	assert_int_equal(e.code, ERR_TIMEOUT);
}

static void nobody_listening_is_said_with_the_path(void **state)
{
	struct err e = {0};
	int fd = -1;

	(void)state;
	assert_false(handover_connect(&fd, "/nonexistent/apply.sock", &e));
	assert_int_equal(e.code, ERR_UNREACHABLE);
	assert_non_null(strstr(e.text, "/nonexistent/apply.sock"));
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(words_come_with_their_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			another_number_of_files_is_refused_and_none_stays_open, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_a_message_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_lines_at_once_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(words_without_end_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_says_nothing_is_not_waited_for_for_ever, set_up, tear_down),
		cmocka_unit_test(nobody_listening_is_said_with_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
