/* The ledger: two copies, the newest whole one counts. */
#include "tests/unit/agent/tower.h"

static int set_up(void **state)
{
	struct tower *t = malloc(sizeof *t);

	tower_open(t);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	tower_close(*state);
	free(*state);
	return 0;
}

static struct digest number(int n)
{
	return digest_of(str_bytes(&n, sizeof n));
}

static void spoil(struct tower *t, const char *copy)
{
	cleanup(buf_free) struct buf text = {0};

	must(fs_read(&text, t->store.dir, copy, e));
	text.data[text.len / 2] ^= 1;
	must(fs_write(t->store.dir, copy, buf_str(&text), 0644, e));
}

/* Behind its own checksum: whoever wrote it, nothing is counted on from there. */
static void a_number_that_cannot_be_counted_on_from_is_none(void **state)
{
	static const char *const bodies[] = {"{\"format\":1,\"sequence\":7,\"step\":\"idle\"}\n",
		"{\"format\":1,\"sequence\":9223372036854775807,\"step\":\"idle\"}\n",
		"{\"format\":1,\"sequence\":7,\"step\":\"idle\",\"quota\":{\"taken\":9223372036854775807}}\n"};
	struct tower *t = *state;

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		cleanup(ledger_free) struct ledger l = {0};
		cleanup(buf_free) struct buf text = {0};
		char hex[DIGEST_HEX + 1];
		struct err why = {0};
		digest_hex(hex, digest_of(str_of(bodies[i])));
		buf_form(&text, "%s\n%s", hex, bodies[i]);
		must(fs_write(t->store.dir, "state", buf_str(&text), 0644, e) && fs_write(t->store.dir, "state.2", buf_str(&text), 0644, e));
		assert_int_equal(ledger_load(&l, &t->store, &why), i == 0);
		assert_int_equal(why.code, i == 0 ? ERR_NONE : ERR_MISSING);
	}
}

/* Nobody states that much: counted on from there, no receipt would ever be right again. */
static void a_file_under_a_number_that_no_receipt_can_have_is_none(void **state)
{
	struct tower *t = *state;
	struct digest newest, before;
	int64_t number, there;

	receipts_last(&there, &before, &t->store);
	assert_int_equal(there, 1);
	must(fs_write(t->store.dir, "receipts/9223372036854775807.json", STR("{}"), 0644, e));
	receipts_last(&number, &newest, &t->store);
	assert_int_equal(number, there);
	assert_true(digest_eq(newest, before));
}

static void an_attempt_comes_back_as_it_was_written(void **state)
{
	struct tower *t = *state;
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(ledger_free) struct ledger back = {0};
	static const char ugly[] = "line one\nline \"two\"\ttab \x01 \xff end";

	tower_ledger(&l, t);
	l.attempt = (struct attempt){
		.release = number(1), .payload = PAYLOAD_PATCH, .payload_length = 5, .who = str_dup(STR("ann"))};
	struct receipt_check *c = l.attempt.receipt.checks.items = mem_new(1, sizeof *c);
	l.attempt.receipt.checks.count = 1;
	*c = (struct receipt_check){.name = str_dup(STR("dns")),
		.class = CHECK_PATH,
		.before = CHECK_GREEN,
		.after = CHECK_RED,
		.output = str_dup(str_of(ugly))};
	must(apply_begin(&l, &t->config, &t->store, STEP_FETCH, e));
	tower_ledger(&back, t);
	assert_true(back.has_attempt);
	assert_int_equal(back.step, STEP_FETCH);
	assert_int_equal(back.attempt.payload, PAYLOAD_PATCH);
	assert_string_equal(back.attempt.who, "ann");
	assert_true(digest_eq(back.attempt.from, t->config.baseline));
	assert_true(attempt_left_ms(&back.attempt) > 0);
	c = back.attempt.receipt.checks.items;
	assert_int_equal(c->class, CHECK_PATH);
	assert_int_equal(c->after, CHECK_RED);
	assert_non_null(strstr(c->output, "line one\nline \"two\""));
}

static void one_copy_spoilt_is_no_loss(void **state)
{
	struct tower *t = *state;

	for (int i = 0; i < 2; i++) {
		cleanup(ledger_free) struct ledger l = {0};
		cleanup(ledger_free) struct ledger back = {0};
		tower_ledger(&l, t);
		l.since = 1000 + i;
		must(ledger_save(&l, &t->store, e));
		spoil(t, i ? "state" : "state.2");
		tower_ledger(&back, t);
		assert_int_equal(back.since, 1000 + i);
	}
}

static void of_two_whole_copies_the_newer_counts(void **state)
{
	struct tower *t = *state;
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(ledger_free) struct ledger back = {0};
	cleanup(buf_free) struct buf old = {0};

	tower_ledger(&l, t);
	must(fs_read(&old, t->store.dir, "state", e));
	l.since = 77;
	must(ledger_save(&l, &t->store, e));
	must(fs_write(t->store.dir, "state", buf_str(&old), 0644, e));
	tower_ledger(&back, t);
	assert_int_equal(back.since, 77);
}

static void both_copies_lost_is_said_and_changes_nothing(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	struct ledger l = {0};
	struct err why = {0};
	struct talk k;

	spoil(t, "state");
	spoil(t, "state.2");
	assert_false(ledger_load(&l, &t->store, &why));
	assert_int_equal(why.code, ERR_MISSING);
	assert_non_null(strstr(why.text, "what runs goes on"));
	assert_true(digest_eq(tower_current(t), t->config.baseline));
	talk_open(&k, t, &a, tower_launch);
	talk_until(&k, FRAME_HELLO);
	talk_close(&k);
	assert_refused(a, ERR_MISSING);
	assert_int_equal(a.status, 1);
}

static void a_checksum_of_other_bytes_is_no_copy(void **state)
{
	struct tower *t = *state;
	struct ledger l = {0};
	struct err why = {0};

	must(fs_write(t->store.dir, "state", STR("0000\n{}\n"), 0644, e));
	must(fs_write(t->store.dir, "state.2", STR(""), 0644, e));
	assert_false(ledger_load(&l, &t->store, &why));
}

static void marks_are_bounded_and_the_newest_stay(void **state)
{
	struct list marks = {0};

	(void)state;
	for (int i = 0; i < 200; i++)
		marks_add(&marks, number(i));
	marks_add(&marks, number(199));
	assert_int_equal(marks.count, 64);
	assert_true(marks_has(&marks, number(199)));
	assert_false(marks_has(&marks, number(0)));
	assert_true(marks_drop(&marks, number(199)));
	assert_false(marks_drop(&marks, number(199)));
	assert_int_equal(marks.count, 63);
	free(marks.items);
}

static void a_deadline_counts_on_after_a_reboot_with_what_was_left(void **state)
{
	struct attempt a = {.boots_left = 2, .began_ms = 5, .swapped_ms = 6};

	(void)state;
	attempt_deadline(&a, 60000);
	assert_in_range(attempt_left_ms(&a), 59000, 60000);
	attempt_wake(&a);
	assert_int_equal(a.boots_left, 2);
	assert_int_equal(a.swapped_ms, 6);

	free(a.boot);
	a.boot = str_dup(STR("another boot"));
	a.deadline_ms = 1;
	assert_int_equal(attempt_left_ms(&a), 60000);
	attempt_wake(&a);
	assert_int_equal(a.boots_left, 1);
	assert_int_equal(a.swapped_ms, 0);
	assert_in_range(attempt_left_ms(&a), 59000, 60000);
	free(a.boot);
}

static void reboots_without_end_are_a_red_check(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer dead = {0};
	cleanup(answer_free) struct answer a = {0};
	struct tower_release *r = tower_release(
		t, 1, "checks:\n  - {name: ok, run: checks/ok.sh, class: local}\ntrial: {settle: 0s, deadline: 9s}\n");

	tower_send(t, r, &(struct sending){.payload = PAYLOAD_FULL, .launch = tower_launch_none}, &dead);
	for (int i = 0; i < 6; i++) {
		cleanup(ledger_free) struct ledger l = {0};
		tower_ledger(&l, t);
		free(l.attempt.boot);
		l.attempt.boot = str_dup(STR("another boot"));
		attempt_wake(&l.attempt);
		must(ledger_save(&l, &t->store, e));
	}
	tower_order(t, &(struct order){.action = ORDER_FOLLOW}, &a);
	assert_verdict(a, VERDICT_FAIL);
	assert_non_null(strstr(a.receipt.text, "restarted"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_number_that_cannot_be_counted_on_from_is_none),
		T(a_file_under_a_number_that_no_receipt_can_have_is_none),
		T(an_attempt_comes_back_as_it_was_written),
		T(one_copy_spoilt_is_no_loss),
		T(of_two_whole_copies_the_newer_counts),
		T(both_copies_lost_is_said_and_changes_nothing),
		T(a_checksum_of_other_bytes_is_no_copy),
		cmocka_unit_test(marks_are_bounded_and_the_newest_stay),
		cmocka_unit_test(a_deadline_counts_on_after_a_reboot_with_what_was_left),
		T(reboots_without_end_are_a_red_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
