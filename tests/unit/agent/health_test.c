/* The verdict, as a plain function of what the checks said. */
#include "tests/unit/agent/tower.h"

enum { SETTLE = 1000 };

struct one {
	enum check_class class;
	enum check_result before, after;
	int64_t green_ms; /* for how long, so far; -1: not */
};

static enum health_verdict judge(const struct one *of, size_t count, bool end, int *after_first)
{
	struct receipt_check *c = mem_new(count + 1, sizeof *c);
	struct health_mark *m = mem_new(count + 1, sizeof *m);
	struct list checks = {c, count};

	for (size_t i = 0; i < count; i++) {
		c[i] = (struct receipt_check){
			.class = (int)of[i].class, .before = (int)of[i].before, .after = (int)of[i].after};
		if (of[i].green_ms >= 0)
			m[i] = (struct health_mark){5000, 5000 + of[i].green_ms};
	}
	enum health_verdict said = health_judge(&checks, m, SETTLE, end);
	if (after_first)
		*after_first = c[0].after;
	for (size_t i = 0; i < count; i++)
		free(c[i].output);
	free(c);
	free(m);
	return said;
}
#define JUDGE(end, ...)                                                                                                \
	judge((const struct one[]){__VA_ARGS__}, COUNT_OF(((const struct one[]){__VA_ARGS__})), end, NULL)
#define LOCAL(after, ms)                                                                                               \
	{                                                                                                              \
		CHECK_LOCAL, CHECK_UNKNOWN, CHECK_##after, ms                                                          \
	}
#define WORK(after, ms)                                                                                                \
	{                                                                                                              \
		CHECK_WORK, CHECK_UNKNOWN, CHECK_##after, ms                                                           \
	}
#define PATHS(before, after, ms)                                                                                       \
	{                                                                                                              \
		CHECK_PATH, CHECK_##before, CHECK_##after, ms                                                          \
	}

static void no_checks_pass_at_once(void **state)
{
	(void)state;
	assert_int_equal(judge(NULL, 0, false, NULL), HEALTH_PASS);
}

static void all_must_hold_for_settle(void **state)
{
	(void)state;
	assert_int_equal(JUDGE(false, LOCAL(GREEN, SETTLE), PATHS(RED, GREEN, SETTLE)), HEALTH_PASS);
	assert_int_equal(JUDGE(false, LOCAL(GREEN, SETTLE), WORK(GREEN, SETTLE - 1)), HEALTH_MORE);
	assert_int_equal(JUDGE(false, LOCAL(RED, -1)), HEALTH_MORE);
}

static void green_at_the_deadline_but_not_for_settle_is_red(void **state)
{
	int after;

	(void)state;
	assert_int_equal(judge((const struct one[]){LOCAL(GREEN, SETTLE - 1)}, 1, true, &after), HEALTH_RED);
	assert_int_equal(after, CHECK_RED);
}

static void what_was_never_asked_is_red(void **state)
{
	(void)state;
	assert_int_equal(JUDGE(true, LOCAL(UNKNOWN, -1)), HEALTH_RED);
	assert_int_equal(JUDGE(true, WORK(UNKNOWN, -1), PATHS(RED, RED, -1)), HEALTH_RED);
}

static void a_path_red_before_and_after_says_nothing(void **state)
{
	int after;

	(void)state;
	assert_int_equal(judge((const struct one[]){PATHS(RED, RED, -1)}, 1, true, &after), HEALTH_UNPROVEN);
	assert_int_equal(after, CHECK_UNKNOWN);
	assert_int_equal(JUDGE(true, PATHS(UNKNOWN, RED, -1), LOCAL(GREEN, SETTLE)), HEALTH_UNPROVEN);
	assert_int_equal(JUDGE(true, PATHS(GREEN, RED, -1), LOCAL(GREEN, SETTLE)), HEALTH_RED);
	assert_int_equal(JUDGE(true, PATHS(RED, RED, -1), LOCAL(RED, -1)), HEALTH_RED);
}

static void a_break_begins_the_settling_anew(void **state)
{
	struct health_mark m = {0};

	(void)state;
	health_mark(&m, CHECK_GREEN, 1000);
	health_mark(&m, CHECK_GREEN, 1500);
	assert_int_equal(m.last_ms - m.first_ms, 500);
	health_mark(&m, CHECK_RED, 1600);
	health_mark(&m, CHECK_GREEN, 1700);
	assert_int_equal(m.last_ms - m.first_ms, 0);
}

static void most_samples_decide(void **state)
{
	(void)state;
	assert_int_equal(health_samples(2, 3), CHECK_GREEN);
	assert_int_equal(health_samples(1, 2), CHECK_RED);
	assert_int_equal(health_samples(0, 0), CHECK_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_checks_pass_at_once),
		cmocka_unit_test(all_must_hold_for_settle),
		cmocka_unit_test(green_at_the_deadline_but_not_for_settle_is_red),
		cmocka_unit_test(what_was_never_asked_is_red),
		cmocka_unit_test(a_path_red_before_and_after_says_nothing),
		cmocka_unit_test(a_break_begins_the_settling_anew),
		cmocka_unit_test(most_samples_decide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
