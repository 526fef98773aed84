/* The record of a probe: read as it was written, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/probes/record.h"

static const char boot[] = "5b1f2d3c-0000-4000-8000-000000000001";

struct room {
	char path[40];
	int dir;
};

static int room_open(void **state)
{
	struct room *r = mem_new(1, sizeof *r);
	struct err e = {0};

	strcpy(r->path, "/tmp/record_test.XXXXXX");
	*state = r;
	return mkdtemp(r->path) && fs_open_dir(&r->dir, AT_FDCWD, r->path, &e) ? 0 : -1;
}

static int room_close(void **state)
{
	struct room *r = *state;
	struct err e = {0};
	bool removed = fs_remove_tree(AT_FDCWD, r->path, &e);

	fd_close(&r->dir);
	free(r);
	return removed ? 0 : -1;
}

static void put(const struct room *r, const char *path, const char *text)
{
	struct err e = {0};

	assert_true(fs_write(r->dir, path, str_of(text), 0644, &e));
}

static struct record sample(void)
{
	return (struct record){
		.release = digest_of(STR("release")),
		.boot = (char *)boot,
		.started_ms = 1000,
		.ended_ms = 2500,
		.status = 1,
		.wrote = true,
	};
}

static void a_record_is_read_as_it_was_written(void **state)
{
	const struct room *r = *state;
	cleanup(record_free) struct record got = {0};
	struct record in = sample();
	struct err e = {0};

	in.timed_out = true;
	assert_true(record_write(r->dir, "dns", &in, &e));
	assert_true(record_read(&got, r->dir, "dns", &e));
	assert_true(digest_eq(got.release, in.release));
	assert_string_equal(got.boot, boot);
	assert_int_equal(got.started_ms, 1000);
	assert_int_equal(got.ended_ms, 2500);
	assert_int_equal(got.status, 1);
	assert_true(got.timed_out);
	assert_true(got.wrote);
}

static void it_is_canonical_json_with_every_field_and_nothing_is_left_beside_it(void **state)
{
	const struct room *r = *state;
	cleanup(buf_free) struct buf got = {0};
	cleanup(fs_names_free) struct fs_names names = {0};
	struct record in = {.boot = (char *)boot};
	struct err e = {0};
	char expected[400];

	assert_true(record_write(r->dir, "dns", &in, &e));
	assert_true(record_write(r->dir, "dns", &in, &e));
	assert_true(fs_read(&got, r->dir, "dns.run", &e));
	snprintf(expected, sizeof expected,
		"{\"boot\":\"%s\",\"ended_ms\":0,\"release\":\"%064d\",\"started_ms\":0,\"status\":0,\"timed_out\":"
		"false,"
		"\"wrote\":false}",
		boot, 0);
	assert_true(str_is(buf_str(&got), expected));
	assert_true(fs_names(&names, r->dir, "", &e));
	assert_int_equal(names.count, 1);
}

static void a_probe_that_never_ran_has_none(void **state)
{
	const struct room *r = *state;
	struct record got = {0};
	struct err e = {0};

	assert_false(record_read(&got, r->dir, "dns", &e));
	assert_int_equal(e.code, ERR_MISSING);
}

static void forged_records_are_refused(void **state)
{
	static const char *const forgery[] = {
		"",
		"{}",
		"[]",
		"{\"boot\":\"b\",\"ended_ms\":1,\"release\":\"ab\",\"started_ms\":0,\"status\":0,\"timed_out\":false}",
		"{\"boot\":\"b\",\"ended_ms\":1,\"started_ms\":0,\"status\":0,\"timed_out\":false,\"wrote\":true}",
	};
	const struct room *r = *state;

	for (size_t i = 0; i < COUNT_OF(forgery); i++) {
		struct record got = {0};
		struct err e = {0};
		put(r, "dns.run", forgery[i]);
		assert_false(record_read(&got, r->dir, "dns", &e));
		assert_int_equal(e.code, ERR_SYNTAX);
		assert_null(got.boot);
	}
}

static void a_link_is_no_record(void **state)
{
	const struct room *r = *state;
	struct record in = sample(), got = {0};
	struct err e = {0};

	assert_true(record_write(r->dir, "dns", &in, &e));
	assert_true(fs_link(r->dir, "dns.run", "icmp.run", &e));
	assert_false(record_read(&got, r->dir, "icmp", &e));
	assert_int_equal(e.code, ERR_UNSAFE);
}

static void a_probe_is_alive_when_it_ran_since_the_swap_and_wrote(void **state)
{
	struct record in = sample();

	(void)state;
	assert_null(record_lacks(&in, in.release, boot, 1000));
}

static void forgeries_of_life_are_told_apart(void **state)
{
	struct record in = sample();

	(void)state;
	assert_string_equal(record_lacks(&in, in.release, boot, 1001), "has not run since the swap");
	assert_string_equal(record_lacks(&in, in.release, "another boot", 0), "has not run since the swap");
	assert_string_equal(record_lacks(&in, digest_of(STR("old")), boot, 0), "has not run since the swap");
	in.wrote = false;
	assert_string_equal(record_lacks(&in, in.release, boot, 0), "wrote no result");
	in.timed_out = true;
	assert_string_equal(record_lacks(&in, in.release, boot, 0), "hangs and was killed");
}

static void names_are_those_with_a_record(void **state)
{
	const struct room *r = *state;
	cleanup(fs_names_free) struct fs_names names = {0};
	struct err e = {0};

	put(r, "b.run", "");
	put(r, "a.prom", "");
	put(r, "a.run.run", "");
	put(r, ".b.run.new", "");
	put(r, ".c.run", "");
	put(r, "probes.lock", "");
	assert_true(record_names(&names, r->dir, &e));
	assert_int_equal(names.count, 2);
	assert_string_equal(names.name[0], "a.run");
	assert_string_equal(names.name[1], "b");
}

static void a_forgotten_probe_leaves_nothing_and_takes_nothing_with_it(void **state)
{
	const struct room *r = *state;

	put(r, "a.run", "");
	put(r, "a.prom", "");
	put(r, "ab.prom", "");
	record_forget(r->dir, "a");
	record_forget(r->dir, "a");
	assert_false(fs_exists(r->dir, "a.run"));
	assert_false(fs_exists(r->dir, "a.prom"));
	assert_true(fs_exists(r->dir, "ab.prom"));
}

static void half_a_result_is_tidied_away_but_not_another_probes(void **state)
{
	const struct room *r = *state;

	put(r, ".a.prom.x7Yz01", "");
	put(r, ".a.prom.prom.x7Yz01", "");
	put(r, ".ab.prom.x7Yz01", "");
	put(r, "a.prom", "");
	record_tidy(r->dir, "a");
	assert_false(fs_exists(r->dir, ".a.prom.x7Yz01"));
	assert_true(fs_exists(r->dir, ".a.prom.prom.x7Yz01"));
	assert_true(fs_exists(r->dir, ".ab.prom.x7Yz01"));
	assert_true(fs_exists(r->dir, "a.prom"));
}

static void a_result_is_replaced_when_it_is_another_file(void **state)
{
	const struct room *r = *state;

	struct record_mark none = record_mark(r->dir, "a");
	put(r, "a.prom", "1");
	struct record_mark one = record_mark(r->dir, "a");
	struct record_mark same = record_mark(r->dir, "a");
	put(r, "a.prom", "1");
	struct record_mark two = record_mark(r->dir, "a");
	assert_true(record_replaced(&none, &one));
	assert_false(record_replaced(&one, &same));
	assert_true(record_replaced(&one, &two));
}

static void a_result_that_vanished_or_is_no_file_was_not_written(void **state)
{
	const struct room *r = *state;
	struct err e = {0};

	put(r, "a.prom", "1");
	struct record_mark one = record_mark(r->dir, "a");
	record_forget(r->dir, "a");
	struct record_mark gone = record_mark(r->dir, "a");
	assert_true(fs_link(r->dir, "/etc/passwd", "a.prom", &e));
	struct record_mark link = record_mark(r->dir, "a");
	assert_false(record_replaced(&one, &gone));
	assert_false(record_replaced(&gone, &gone));
	assert_false(record_replaced(&one, &link));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_record_is_read_as_it_was_written, room_open, room_close),
		cmocka_unit_test_setup_teardown(
			it_is_canonical_json_with_every_field_and_nothing_is_left_beside_it, room_open, room_close),
		cmocka_unit_test_setup_teardown(a_probe_that_never_ran_has_none, room_open, room_close),
		cmocka_unit_test_setup_teardown(forged_records_are_refused, room_open, room_close),
		cmocka_unit_test_setup_teardown(a_link_is_no_record, room_open, room_close),
		cmocka_unit_test(a_probe_is_alive_when_it_ran_since_the_swap_and_wrote),
		cmocka_unit_test(forgeries_of_life_are_told_apart),
		cmocka_unit_test_setup_teardown(names_are_those_with_a_record, room_open, room_close),
		cmocka_unit_test_setup_teardown(
			a_forgotten_probe_leaves_nothing_and_takes_nothing_with_it, room_open, room_close),
		cmocka_unit_test_setup_teardown(
			half_a_result_is_tidied_away_but_not_another_probes, room_open, room_close),
		cmocka_unit_test_setup_teardown(a_result_is_replaced_when_it_is_another_file, room_open, room_close),
		cmocka_unit_test_setup_teardown(
			a_result_that_vanished_or_is_no_file_was_not_written, room_open, room_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
