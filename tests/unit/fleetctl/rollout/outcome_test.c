/* What a rollout's hosts come to: counts, and the one exit code. Design, section 8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleetctl/rollout/rollout.h"

struct row {
	enum member_state state;
	enum err_code code;
	bool by_receipt;
};

static int exit_with(enum rollout_state state, const struct row *rows, size_t count)
{
	struct member_row member[16];
	const struct member_row *list[16];
	struct rollout_row row = {.state = state};
	static char receipt[] = "{}";

	assert_true(count <= COUNT_OF(list));
	for (size_t i = 0; i < count; i++) {
		member[i] = (struct member_row){.state = rows[i].state};
		if (rows[i].code != ERR_NONE)
			member[i].code = (char *)err_word(rows[i].code);
		if (rows[i].by_receipt)
			member[i].receipt = receipt;
		list[i] = &member[i];
	}
	return rollout_exit(&row, list, count);
}

static int exit_of_one(enum member_state state, enum err_code code)
{
	return exit_with(ROLLOUT_DONE, &(struct row){state, code, false}, 1);
}

static int exit_by_receipt(enum member_state state, enum err_code code)
{
	return exit_with(ROLLOUT_DONE, &(struct row){state, code, true}, 1);
}

static void only_hosts_that_have_it_are_all_good(void **state)
{
	const struct row good[] = {{MEMBER_COMMITTED, 0}, {MEMBER_SAME, 0}, {MEMBER_UNDONE, 0}};
	const struct row back[] = {{MEMBER_COMMITTED, 0}, {MEMBER_ROLLED_BACK, ERR_FAILED}};

	(void)state;
	assert_int_equal(exit_with(ROLLOUT_DONE, good, 3), 0);
	assert_int_equal(exit_with(ROLLOUT_DONE, back, 2), 9);
	assert_int_equal(exit_with(ROLLOUT_DONE, NULL, 0), 0);
}

static void each_end_of_a_host_has_its_exit_code(void **state)
{
	(void)state;
	assert_int_equal(exit_of_one(MEMBER_FAILED, ERR_FAILED), 3);
	assert_int_equal(exit_of_one(MEMBER_FAILED, ERR_PROTOCOL), 3);
	assert_int_equal(exit_of_one(MEMBER_FAILED, ERR_SPACE), 3);
	assert_int_equal(exit_of_one(MEMBER_FAILED, ERR_UNREACHABLE), 3);
	assert_int_equal(exit_of_one(MEMBER_FAILED, ERR_TIMEOUT), 5);
	assert_int_equal(exit_of_one(MEMBER_FAILED, ERR_FOREIGN), 7);
	assert_int_equal(exit_of_one(MEMBER_FAILED, ERR_SIGNATURE), 7);
	assert_int_equal(exit_of_one(MEMBER_FAILED, ERR_EXPIRED), 7);
	assert_int_equal(exit_of_one(MEMBER_REFUSED, ERR_REFUSED), 6);
	assert_int_equal(exit_of_one(MEMBER_REFUSED, ERR_BUSY), 6);
	assert_int_equal(exit_of_one(MEMBER_REFUSED, ERR_HOSTKEY), 7);
	assert_int_equal(exit_of_one(MEMBER_UNREACHABLE, ERR_UNREACHABLE), 4);
	assert_int_equal(exit_of_one(MEMBER_DEFERRED, ERR_REFUSED), 6);
	assert_int_equal(exit_of_one(MEMBER_DEFERRED, ERR_NONE), 4);
	assert_int_equal(exit_of_one(MEMBER_DEFERRED, ERR_SPACE), 4);
	assert_int_equal(exit_of_one(MEMBER_ROLLED_BACK, ERR_FAILED), 9);
}

static void a_bundle_that_a_host_finds_bad_is_a_matter_of_trust(void **state)
{
	static const enum err_code bad[] = {ERR_DIGEST, ERR_SIGNATURE, ERR_SYNTAX, ERR_LIMIT, ERR_UNSAFE};
	static const enum err_code own[] = {ERR_IO, ERR_INTERNAL, ERR_MISSING, ERR_FAILED, ERR_TIMEOUT};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(exit_by_receipt(MEMBER_FAILED, bad[i]), 7);
	for (size_t i = 0; i < COUNT_OF(own); i++)
		assert_int_equal(exit_by_receipt(MEMBER_FAILED, own[i]), 3);
	assert_int_equal(exit_by_receipt(MEMBER_ROLLED_BACK, ERR_FAILED), 9);
	assert_int_equal(exit_by_receipt(MEMBER_ROLLED_BACK, ERR_IO), 9);
	assert_int_equal(exit_of_one(MEMBER_FAILED, ERR_SYNTAX), 3); /* what it said was garbled: no bundle */
}

static void where_several_hold_the_worst_is_told(void **state)
{
	/* 1, 7, 6, 8, 9, 3, 5, 4: from the back, one more each time */
	const struct row rows[] = {{MEMBER_COMMITTED, 0}, {MEMBER_UNREACHABLE, ERR_UNREACHABLE}, {MEMBER_FAILED, ERR_TIMEOUT},
		{MEMBER_FAILED, ERR_FAILED}, {MEMBER_ROLLED_BACK, ERR_FAILED}, {MEMBER_REFUSED, ERR_REFUSED},
		{MEMBER_REFUSED, ERR_HOSTKEY}};
	static const int codes[] = {0, 4, 5, 3, 9, 6, 7};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(exit_with(ROLLOUT_DONE, rows, i + 1), codes[i]);
	assert_int_equal(exit_with(ROLLOUT_HALTED, rows, 5), 8);
	assert_int_equal(exit_with(ROLLOUT_HALTED, rows, 6), 6);
	assert_int_equal(exit_with(ROLLOUT_ABORTED, rows, 1), 8);
}

static void a_rollout_that_is_not_over_is_not_all_good(void **state)
{
	const struct row waits[] = {{MEMBER_COMMITTED, 0}, {MEMBER_WAITING, 0}};
	const struct row runs[] = {{MEMBER_COMMITTED, 0}, {MEMBER_RUNNING, 0}};

	(void)state;
	assert_int_equal(exit_with(ROLLOUT_PAUSED, waits, 2), 130);
	assert_int_equal(exit_with(ROLLOUT_PAUSED, waits, 1), 130);
	assert_int_equal(exit_with(ROLLOUT_RUNNING, waits, 2), 4);
	assert_int_equal(exit_with(ROLLOUT_RUNNING, runs, 2), 4);
	assert_int_equal(exit_with(ROLLOUT_RUNNING, waits, 1), 0);
}

static void every_error_has_an_exit_code_of_the_manual(void **state)
{
	(void)state;
	for (int c = ERR_NONE; c <= ERR_STOPPED; c++) {
		int code = exit_of((enum err_code)c);
		assert_true((code >= 0 && code <= 9 && code != 8 && code != 9) || code == 130);
		assert_int_equal(code == 0, c == ERR_NONE);
	}
	assert_int_equal(exit_of((enum err_code)999), 1);
}

static void hosts_are_counted_by_what_became_of_them(void **state)
{
	struct member m[5] = {{.row = {.state = MEMBER_COMMITTED, .bytes_in = 5, .bytes_out = 7}}, {.row = {.state = MEMBER_RUNNING}},
		{.row = {.state = MEMBER_REFUSED, .bytes_in = 1}}, {.row = {.state = MEMBER_UNREACHABLE}},
		{.row = {.state = MEMBER_ROLLED_BACK}}};
	struct rollout r = {.member = m, .count = 5};
	struct rollout_counts c = rollout_count(&r);

	(void)state;
	assert_int_equal(c.all, 5);
	assert_int_equal(c.ended, 4);
	assert_int_equal(c.failed, 2); /* unreachable is a third thing */
	assert_int_equal(c.trial, 1);
	assert_int_equal(c.of[MEMBER_UNREACHABLE], 1);
	assert_int_equal(c.bytes_in, 6);
	assert_int_equal(c.bytes_out, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_hosts_that_have_it_are_all_good),
		cmocka_unit_test(each_end_of_a_host_has_its_exit_code),
		cmocka_unit_test(a_bundle_that_a_host_finds_bad_is_a_matter_of_trust),
		cmocka_unit_test(where_several_hold_the_worst_is_told),
		cmocka_unit_test(a_rollout_that_is_not_over_is_not_all_good),
		cmocka_unit_test(every_error_has_an_exit_code_of_the_manual),
		cmocka_unit_test(hosts_are_counted_by_what_became_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
