/* The transcript: each line follows the one before, and one that was changed, taken out or cut off shows. */
#include "fleetctl/repo/transcript.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/fleetctl/repo/yard.h"

#define TEST(name) static void name(void **state)
#define BEGIN                                                                                                          \
	(void)state;                                                                                                   \
	cleanup(yard_free) struct yard y;                                                                              \
	yard_make(&y);                                                                                                 \
	cleanup(free_ptr) char *path = path_form("%s/" TRANSCRIPT_FILE, y.fleet)

static void add(const char *path, const char *step)
{
	struct err e = {0};
	const struct transcript_step line = {step, STR("in words\nof two lines"), "1111-2222-3333-4444", NULL};

	if (!transcript_add(path, &line, &e))
		fail_msg("%s", e.text);
}

static size_t faults(const char *path, char end[TRANSCRIPT_END_SIZE])
{
	struct transcript t = {0};
	struct err e = {0};

	if (!transcript_read(&t, path, &e))
		fail_msg("%s", e.text);
	size_t n = t.faults;
	if (end)
		memcpy(end, t.end, sizeof t.end);
	transcript_free(&t);
	return n;
}

static void three_lines(const char *path)
{
	add(path, "key new");
	add(path, "key add");
	add(path, "sign");
}

TEST(lines_follow_each_other_and_say_when_who_and_what)
{
	BEGIN;
	struct transcript t = {0};

	three_lines(path);
	assert_true(transcript_read(&t, path, &y.why));
	assert_int_equal(t.faults, 0);
	assert_int_equal(doc_count(t.steps), 3);
	doc *line = doc_at(t.steps, 1);
	assert_true(str_is(doc_str(doc_get(line, "step")), "key add"));
	assert_true(str_is(doc_str(doc_get(line, "what")), "in words\nof two lines"));
	assert_int_equal(doc_str(doc_get(line, "before")).len, DIGEST_HEX);
	assert_non_null(strchr(doc_str(doc_get(line, "who")).data, '@'));
	assert_true(str_starts(doc_str(doc_get(line, "program")), "fleetctl "));
	transcript_free(&t);
}

TEST(a_changed_line_shows_in_the_next)
{
	BEGIN;

	three_lines(path);
	yard_mend(&y, TRANSCRIPT_FILE, "key add", "key nix");
	assert_int_equal(faults(path, NULL), 1);
}

TEST(a_line_that_was_taken_out_shows)
{
	BEGIN;
	cleanup(buf_free) struct buf text = {0}, less = {0};
	struct str rest, first;

	three_lines(path);
	yard_read(&y, &text, TRANSCRIPT_FILE);
	first = str_cut(buf_str(&text), '\n', &rest);
	(void)str_cut(rest, '\n', &rest);
	buf_form(&less, STR_FMT "\n" STR_FMT, STR_ARG(first), STR_ARG(rest));
	yard_write(&y, TRANSCRIPT_FILE, buf_str(&less));
	assert_int_equal(faults(path, NULL), 1);
}

TEST(lines_cut_off_the_end_show_by_the_end_that_was_noted)
{
	BEGIN;
	cleanup(buf_free) struct buf text = {0};
	char end[TRANSCRIPT_END_SIZE];
	struct transcript t = {0};

	three_lines(path);
	assert_int_equal(faults(path, end), 0);
	add(path, "sign");
	assert_true(transcript_read(&t, path, &y.why) && transcript_had(&t, end, &y.why));
	transcript_free(&t);
	yard_read(&y, &text, TRANSCRIPT_FILE);
	struct str rest, first = str_cut(buf_str(&text), '\n', &rest);
	yard_write(&y, TRANSCRIPT_FILE, str_bytes(text.data, first.len + 1));
	assert_int_equal(faults(path, NULL), 0);
	assert_true(transcript_read(&t, path, &y.why));
	assert_false(transcript_had(&t, end, &y.why));
	assert_int_equal(y.why.code, ERR_DIGEST);
	transcript_free(&t);
}

TEST(a_line_that_a_power_cut_left_without_its_end_stays_and_the_next_follows_it)
{
	BEGIN;
	cleanup(buf_free) struct buf text = {0};

	three_lines(path);
	yard_read(&y, &text, TRANSCRIPT_FILE);
	yard_write(&y, TRANSCRIPT_FILE, str_bytes(text.data, text.len - 30));
	add(path, "sign");
	assert_int_equal(faults(path, NULL), 1); /* the cut one itself; what follows it does follow */
}

TEST(a_link_is_not_followed)
{
	BEGIN;
	cleanup(free_ptr) char *other = path_form("%s/other", y.top);
	const struct transcript_step line = {"sign", STR("x"), NULL, NULL};

	assert_int_equal(symlink(other, path), 0);
	assert_false(transcript_add(path, &line, &y.why));
	assert_int_equal(y.why.code, ERR_UNSAFE);
	assert_false(fs_exists(AT_FDCWD, other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_follow_each_other_and_say_when_who_and_what),
		cmocka_unit_test(a_changed_line_shows_in_the_next),
		cmocka_unit_test(a_line_that_was_taken_out_shows),
		cmocka_unit_test(lines_cut_off_the_end_show_by_the_end_that_was_noted),
		cmocka_unit_test(a_line_that_a_power_cut_left_without_its_end_stays_and_the_next_follows_it),
		cmocka_unit_test(a_link_is_not_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
