/* When a host polls, and what it remembers of it. */
#include "agent/pull/memory.h"
#include "tests/unit/agent/tower.h"

enum { HOUR_MS = 3600 * 1000, EVERY_MS = 6 * HOUR_MS };
#define BOOT "one"

static void the_first_poll_of_a_boot_is_at_once_and_the_next_by_the_plan(void **state)
{
	struct pull_state p = {0};
	struct pull_last last = {.at_ms = -1};

	(void)state;
	assert_int_equal(pull_due_ms(&p, &last, "ber-D", EVERY_MS, BOOT, 5000), 0);
	last.at_ms = 5000;
	int64_t wait = pull_due_ms(&p, &last, "ber-D", EVERY_MS, BOOT, 5000);
	assert_in_range(wait, EVERY_MS - EVERY_MS / 10, EVERY_MS);
	assert_int_equal(pull_due_ms(&p, &last, "ber-D", EVERY_MS, BOOT, 5000 + wait), 0);
	assert_int_equal(pull_due_ms(&p, &last, "ber-D", EVERY_MS, BOOT, 5000 + wait - 1), 1);
}

static void hosts_do_not_come_at_once(void **state)
{
	struct pull_state p = {0};
	struct pull_last last = {0};
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		cleanup(free_ptr) char *id = path_form("host-%d", i);
		int64_t wait = pull_due_ms(&p, &last, id, EVERY_MS, BOOT, 0);
		least = MIN(least, wait);
		most = MAX(most, wait);
	}
	assert_true(most - least > EVERY_MS / 20);
}

static void after_failures_the_wait_doubles_up_to_the_plans(void **state)
{
	struct pull_state p = {0};
	struct pull_last last = {.at_ms = 0};
	int64_t bound = PULL_BACKOFF_MS;

	(void)state;
	for (int i = 0; i < 40; i++) {
		pull_failed(&p, "ber-D", EVERY_MS, BOOT, 1000);
		int64_t wait = pull_due_ms(&p, &last, "ber-D", EVERY_MS, BOOT, 1000);
		assert_in_range(wait, bound / 2, bound);
		bound = MIN(2 * bound, (int64_t)EVERY_MS);
	}
	pull_went_well(&p);
	assert_int_equal(p.failures, 0);
	last.at_ms = -1;
	assert_int_equal(pull_due_ms(&p, &last, "ber-D", EVERY_MS, BOOT, 1000), 0);
	pull_state_free(&p);
}

static void what_was_left_of_the_wait_counts_from_the_next_boot_on(void **state)
{
	struct pull_state p = {0};
	struct pull_last none = {.at_ms = -1};

	(void)state;
	for (int i = 0; i < 5; i++)
		pull_failed(&p, "ber-D", EVERY_MS, BOOT, 1000);
	int64_t wait = p.left_ms;
	assert_int_equal(pull_due_ms(&p, &none, "ber-D", EVERY_MS, "two", 0), wait);
	assert_int_equal(pull_due_ms(&p, &none, "ber-D", EVERY_MS, "two", wait - 1), 1);
	assert_int_equal(pull_due_ms(&p, &none, "ber-D", EVERY_MS, "two", wait), 0);
	p.left_ms = INT64_MAX; /* a file that somebody wrote keeps nobody away for ever */
	assert_int_equal(pull_due_ms(&p, &none, "ber-D", EVERY_MS, "two", EVERY_MS), 0);
	pull_state_free(&p);
}

static void it_reads_back_and_is_not_written_again(void **state)
{
	struct tower t;
	struct pull_state p = {0}, back;
	struct source_mark mark = {.etag = "\"abc\"", .modified = "Tue, 24 Nov 2026 00:16:33 GMT"};
	struct digest d = digest_of(STR("timestamp"));
	struct stat first, second;

	(void)state;
	tower_open(&t);
	pull_failed(&p, "ber-D", EVERY_MS, BOOT, 1000);
	pull_mark_set(&p, "https://a/", &mark, d);
	pull_mark_set(&p, "https://b/", &mark, d);
	pull_mark_set(&p, "https://a/", &mark, digest_of(STR("newer")));
	p.counter = 7;
	p.sent = 3;
	must(pull_state_save(&p, &t.store, e));
	assert_int_equal(fstatat(t.store.dir, "pull.json", &first, 0), 0);
	must(pull_state_load(&back, &t.store, e));
	assert_int_equal(back.failures, 1);
	assert_int_equal(back.counter, 7);
	assert_int_equal(back.sent, 3);
	assert_int_equal(back.marks.count, 2);
	assert_null(pull_mark_find(&back, "https://a/", d));
	assert_non_null(pull_mark_find(&back, "https://b/", d));
	must(pull_state_save(&back, &t.store, e));
	assert_int_equal(fstatat(t.store.dir, "pull.json", &second, 0), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	pull_state_free(&back);
	must(fs_write(t.store.dir, "pull.json", STR("{\"format\": 1, \"failures\": \"many\"}"), 0644, e));
	must(pull_state_load(&back, &t.store, e));
	assert_int_equal(back.failures, 0);
	assert_true(pull_state_damaged(&t.store));
	pull_state_free(&p);
	pull_state_free(&back);
	tower_close(&t);
}

static void a_byte_that_rotted_is_no_counter(void **state)
{
	struct tower t;
	struct pull_state p = {.counter = 7, .counter_root = 1, .sent = 3};
	cleanup(buf_free) struct buf text = {0};

	(void)state;
	tower_open(&t);
	assert_false(pull_state_damaged(&t.store));
	must(pull_state_save(&p, &t.store, e));
	assert_false(pull_state_damaged(&t.store));
	must(fs_read(&text, t.store.dir, "pull.json", e));
	for (size_t i = 0; i < text.len; i++) {
		struct pull_state back;
		text.data[i] ^= 1;
		must(fs_write(t.store.dir, "pull.json", buf_str(&text), 0644, e));
		must(pull_state_load(&back, &t.store, e));
		assert_true(pull_state_damaged(&t.store) ? back.counter == 0 && back.sent == 0 : back.counter == 7 && back.sent == 3);
		assert_true(pull_state_damaged(&t.store) || strchr(" \n!\v", text.data[i]));
		pull_state_free(&back);
		text.data[i] ^= 1;
	}
	pull_state_free(&p);
	tower_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_poll_of_a_boot_is_at_once_and_the_next_by_the_plan),
		cmocka_unit_test(hosts_do_not_come_at_once),
		cmocka_unit_test(after_failures_the_wait_doubles_up_to_the_plans),
		cmocka_unit_test(what_was_left_of_the_wait_counts_from_the_next_boot_on),
		cmocka_unit_test(it_reads_back_and_is_not_written_again),
		cmocka_unit_test(a_byte_that_rotted_is_no_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
