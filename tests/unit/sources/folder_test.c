/* A folder as a source: its files, and nothing beside them. */
#include "tests/unit/sources/room.h"

#include <sys/stat.h>

#include "sources/folder.h"

#define BEGIN                                                                                                          \
	(void)state;                                                                                                   \
	cleanup(room_free) struct room r;                                                                              \
	room_make(&r);                                                                                                 \
	open_source(&r)

static void open_source(struct room *r)
{
	cleanup(free_ptr) char *path = path_form("%s/repository", r->path);

	assert_true(source_folder(&r->source, path, &r->e));
}

static struct source_ask metadata(const char *name)
{
	return (struct source_ask){.part = SOURCE_METADATA, .name = name, .max = PLENTY};
}

TEST(a_file_is_read_whole)
{
	BEGIN;

	assert_true(ask_name(&r, "1.root.json"));
	assert_text(&r);
	assert_int_equal(r.answer.from, 0);
}

TEST(what_is_not_there_is_absent_and_no_error)
{
	BEGIN;

	buf_text(&r.text, "before");
	assert_true(ask_name(&r, "2.root.json"));
	assert_int_equal(r.answer.say, SOURCE_ABSENT);
	assert_true(ask_name(&r, "no/folder/2.root.json"));
	assert_int_equal(r.answer.say, SOURCE_ABSENT);
	assert_true(ask(&r, &(struct source_ask){.part = SOURCE_PATCHES, .name = "a", .max = PLENTY}));
	assert_int_equal(r.answer.say, SOURCE_ABSENT);
	assert_string_equal(buf_str(&r.text).data, "before");
}

TEST(what_looks_as_it_did_is_unchanged_until_it_is_written)
{
	BEGIN;
	struct source_ask again = metadata("1.root.json");

	assert_true(ask(&r, &again));
	struct source_mark known = r.answer.mark;
	again.known = &known;
	assert_true(ask(&r, &again));
	assert_int_equal(r.answer.say, SOURCE_UNCHANGED);
	room_put(&r, "repository/metadata/1.root.json", STR("{}"));
	assert_true(ask(&r, &again));
	assert_int_equal(r.answer.say, SOURCE_BYTES);
	assert_string_equal(buf_str(&r.text).data, "{}");
}

TEST(a_file_may_be_as_long_as_allowed_and_not_a_byte_more)
{
	BEGIN;
	struct source_ask a = metadata("1.root.json");

	a.max = TEXT_LEN;
	assert_true(ask(&r, &a));
	assert_text(&r);
	a.max = TEXT_LEN - 1;
	assert_refused(&r, &a, ERR_LIMIT);
}

TEST(no_name_leads_out_of_the_folder)
{
	static const char *const names[] = {"../../secret", "..", ".", "a/../../../secret", "../targets/../../secret"};
	BEGIN;

	room_put(&r, "secret", STR("secret"));
	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_refused(&r, &(struct source_ask){.name = names[i], .max = PLENTY}, ERR_UNSAFE);
	assert_refused(&r, &(struct source_ask){.name = "/etc/hostname", .max = PLENTY}, ERR_UNSAFE);
	assert_refused(&r, &(struct source_ask){.name = "", .max = PLENTY}, ERR_UNSAFE);
}

TEST(no_link_leads_out_of_the_folder)
{
	BEGIN;

	room_put(&r, "secret", STR("secret"));
	assert_true(fs_link(r.dir, "../../secret", "repository/metadata/out.json", &r.e) &&
		    fs_link(r.dir, "/etc/hostname", "repository/metadata/absolute.json", &r.e) &&
		    fs_link(r.dir, "loop.json", "repository/metadata/loop.json", &r.e) &&
		    fs_link(r.dir, "1.root.json", "repository/metadata/in.json", &r.e));
	assert_refused(&r, &(struct source_ask){.name = "out.json", .max = PLENTY}, ERR_UNSAFE);
	assert_refused(&r, &(struct source_ask){.name = "absolute.json", .max = PLENTY}, ERR_UNSAFE);
	assert_refused(&r, &(struct source_ask){.name = "loop.json", .max = PLENTY}, ERR_UNSAFE);
	assert_true(ask_name(&r, "in.json"));
	assert_text(&r);
}

TEST(what_is_no_file_is_refused_and_nobody_waits_for_it)
{
	BEGIN;

	assert_int_equal(mkfifoat(r.dir, "repository/metadata/pipe.json", 0600), 0);
	assert_refused(&r, &(struct source_ask){.name = "pipe.json", .max = PLENTY}, ERR_UNSAFE);
	assert_refused(&r, &(struct source_ask){.part = SOURCE_TARGETS, .name = "plan-D", .max = PLENTY}, ERR_UNSAFE);
}

TEST(a_large_file_goes_on_where_it_broke)
{
	BEGIN;

	assert_file(&r, ask_file(&r, "1.root.json", str_bytes(TEXT, 5)));
	assert_int_equal(r.answer.from, 5);
	assert_int_equal(r.answer.length, TEXT_LEN);
	assert_file(&r, ask_file(&r, "1.root.json", STR(TEXT)));
	assert_int_equal(r.answer.from, TEXT_LEN);
}

TEST(what_is_held_of_a_longer_file_is_not_this_one)
{
	BEGIN;

	assert_file(&r, ask_file(&r, "1.root.json", STR(TEXT TEXT)));
	assert_int_equal(r.answer.from, 0);
}

TEST(the_rest_is_only_that_of_the_file_that_it_was)
{
	BEGIN;
	static const struct source_mark other = {.etag = "another"};

	assert_true(ask_name(&r, "1.root.json"));
	struct source_mark mark = r.answer.mark;
	assert_file(&r, ask_rest(&r, "1.root.json", str_bytes(TEXT, 5), &mark));
	assert_int_equal(r.answer.from, 5);
	assert_file(&r, ask_rest(&r, "1.root.json", STR("xxxxx"), &other));
	assert_int_equal(r.answer.from, 0);
}

TEST(a_folder_that_is_not_there_is_an_error)
{
	struct source *s = NULL;
	struct err e = {0};

	(void)state;
	assert_false(source_folder(&s, "/nowhere/at/all", &e));
	assert_int_equal(e.code, ERR_MISSING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole),
		cmocka_unit_test(what_is_not_there_is_absent_and_no_error),
		cmocka_unit_test(what_looks_as_it_did_is_unchanged_until_it_is_written),
		cmocka_unit_test(a_file_may_be_as_long_as_allowed_and_not_a_byte_more),
		cmocka_unit_test(no_name_leads_out_of_the_folder),
		cmocka_unit_test(no_link_leads_out_of_the_folder),
		cmocka_unit_test(what_is_no_file_is_refused_and_nobody_waits_for_it),
		cmocka_unit_test(a_large_file_goes_on_where_it_broke),
		cmocka_unit_test(what_is_held_of_a_longer_file_is_not_this_one),
		cmocka_unit_test(the_rest_is_only_that_of_the_file_that_it_was),
		cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
