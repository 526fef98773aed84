/* The schedule: all at once in the beginning, then apart; few in parallel, never two of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/probes/schedule.h"

enum { BEGIN = 5000000, SECOND = 1000, MINUTE = 60 * SECOND };

/* `every` of each probe, 0 behind the last. */
static struct schedule begun(const int64_t *every_ms)
{
	struct probe probe[64] = {0};
	struct list probes = {probe, 0};
	struct schedule s = {0};

	for (; every_ms[probes.count]; probes.count++)
		probe[probes.count].every_ms = every_ms[probes.count];
	schedule_begin(&s, &probes, BEGIN);
	return s;
}

static void run_at(struct schedule *s, size_t i, int64_t now_ms)
{
	schedule_started(s, i, now_ms);
	schedule_ended(s, i);
}

/* All that is due at that time runs and ends; how many were there? */
static size_t run_due(struct schedule *s, int64_t now_ms)
{
	size_t i, n = 0;

	for (; schedule_due(&i, s, now_ms); n++)
		run_at(s, i, now_ms);
	return n;
}

static void in_the_beginning_every_probe_is_due_in_the_order_of_the_plan(void **state)
{
	cleanup(schedule_free) struct schedule s = begun((int64_t[]){MINUTE, 2 * SECOND, 60 * MINUTE, 0});
	size_t i;

	(void)state;
	for (size_t n = 0; n < 3; n++) {
		assert_int_equal(schedule_wait_ms(&s, BEGIN), 0);
		assert_true(schedule_due(&i, &s, BEGIN));
		assert_int_equal(i, n);
		run_at(&s, i, BEGIN);
	}
	assert_false(schedule_due(&i, &s, BEGIN));
}

static void at_most_four_run_at_once(void **state)
{
	cleanup(schedule_free) struct schedule s =
		begun((int64_t[]){MINUTE, MINUTE, MINUTE, MINUTE, MINUTE, MINUTE, 0});
	size_t i;

	(void)state;
	for (size_t n = 0; n < SCHEDULE_PARALLEL; n++) {
		assert_true(schedule_due(&i, &s, BEGIN));
		schedule_started(&s, i, BEGIN);
	}
	assert_false(schedule_due(&i, &s, BEGIN));
	assert_int_equal(schedule_wait_ms(&s, BEGIN), -1);
	schedule_ended(&s, 2);
	assert_int_equal(schedule_wait_ms(&s, BEGIN), 0);
	assert_true(schedule_due(&i, &s, BEGIN));
	assert_int_equal(i, 4);
}

static void a_probe_that_runs_is_never_due_however_long_it_takes(void **state)
{
	cleanup(schedule_free) struct schedule s = begun((int64_t[]){2 * SECOND, 0});
	size_t i;

	(void)state;
	schedule_started(&s, 0, BEGIN);
	assert_false(schedule_due(&i, &s, BEGIN + 60 * MINUTE));
	assert_int_equal(schedule_wait_ms(&s, BEGIN + 60 * MINUTE), -1);
	schedule_ended(&s, 0);
	assert_true(schedule_due(&i, &s, BEGIN + 60 * MINUTE));
}

static void after_the_beginning_no_two_come_due_together(void **state)
{
	static const int64_t every[] = {MINUTE, 5 * MINUTE, 5 * MINUTE, 30 * MINUTE, 360 * MINUTE, 720 * MINUTE, 0};
	cleanup(schedule_free) struct schedule s = begun(every);
	int64_t now = BEGIN;

	(void)state;
	assert_int_equal(run_due(&s, now), COUNT_OF(every) - 1);
	for (int turns = 0; turns < 5000; turns++) {
		int64_t wait = schedule_wait_ms(&s, now);
		assert_true(wait > 0);
		now += wait;
		assert_int_equal(run_due(&s, now), 1);
	}
}

static void each_keeps_its_distance_to_the_millisecond(void **state)
{
	cleanup(schedule_free) struct schedule s = begun((int64_t[]){7 * SECOND, 3 * SECOND, 0});
	int64_t last = 0;
	size_t i;

	(void)state;
	run_due(&s, BEGIN);
	for (int64_t now = BEGIN; now < BEGIN + 10 * MINUTE; now++)
		while (schedule_due(&i, &s, now)) {
			run_at(&s, i, now);
			if (i == 0 && last)
				assert_int_equal(now - last, 7 * SECOND);
			last = i == 0 ? now : last;
		}
	assert_true(last > BEGIN + 9 * MINUTE);
}

static void the_second_run_is_neither_at_once_nor_long_in_coming(void **state)
{
	static const int64_t every[] = {MINUTE, MINUTE, MINUTE, MINUTE, MINUTE, 0};
	cleanup(schedule_free) struct schedule s = begun(every);

	(void)state;
	run_due(&s, BEGIN);
	for (size_t i = 0; i < s.count; i++) {
		assert_in_range(s.slot[i].due_ms, BEGIN + MINUTE / 2, BEGIN + MINUTE * 3 / 2);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(s.slot[i].due_ms, s.slot[k].due_ms);
	}
}

static void what_was_missed_is_not_made_up_for(void **state)
{
	cleanup(schedule_free) struct schedule s = begun((int64_t[]){MINUTE, 0});

	(void)state;
	run_due(&s, BEGIN);
	assert_int_equal(run_due(&s, BEGIN + 60 * MINUTE + 5), 1);
	assert_int_equal(s.slot[0].due_ms, BEGIN + 61 * MINUTE);
}

static void the_longest_overdue_comes_first(void **state)
{
	cleanup(schedule_free) struct schedule s = begun((int64_t[]){60 * MINUTE, MINUTE, 0});
	size_t i;

	(void)state;
	run_due(&s, BEGIN);
	assert_true(schedule_due(&i, &s, BEGIN + 90 * MINUTE));
	assert_int_equal(i, 1);
}

static void the_same_plan_has_the_same_times(void **state)
{
	static const int64_t every[] = {MINUTE, 5 * MINUTE, 7 * SECOND, 0};
	cleanup(schedule_free) struct schedule a = begun(every), b = begun(every);

	(void)state;
	run_due(&a, BEGIN);
	run_due(&b, BEGIN);
	for (size_t i = 0; i < a.count; i++)
		assert_int_equal(a.slot[i].due_ms, b.slot[i].due_ms);
}

static void a_new_beginning_forgets_the_old_one(void **state)
{
	cleanup(schedule_free) struct schedule s = begun((int64_t[]){MINUTE, MINUTE, 0});
	struct probe probe = {.every_ms = MINUTE};
	size_t i;

	(void)state;
	schedule_started(&s, 0, BEGIN);
	schedule_begin(&s, &(struct list){&probe, 1}, BEGIN + 5);
	assert_int_equal(s.running, 0);
	assert_true(schedule_due(&i, &s, BEGIN + 5));
	assert_int_equal(i, 0);
}

static void without_probes_there_is_nothing_to_wait_for(void **state)
{
	cleanup(schedule_free) struct schedule s = begun((int64_t[]){0});
	size_t i;

	(void)state;
	assert_false(schedule_due(&i, &s, BEGIN));
	assert_int_equal(schedule_wait_ms(&s, BEGIN), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_the_beginning_every_probe_is_due_in_the_order_of_the_plan),
		cmocka_unit_test(at_most_four_run_at_once),
		cmocka_unit_test(a_probe_that_runs_is_never_due_however_long_it_takes),
		cmocka_unit_test(after_the_beginning_no_two_come_due_together),
		cmocka_unit_test(each_keeps_its_distance_to_the_millisecond),
		cmocka_unit_test(the_second_run_is_neither_at_once_nor_long_in_coming),
		cmocka_unit_test(what_was_missed_is_not_made_up_for),
		cmocka_unit_test(the_longest_overdue_comes_first),
		cmocka_unit_test(the_same_plan_has_the_same_times),
		cmocka_unit_test(a_new_beginning_forgets_the_old_one),
		cmocka_unit_test(without_probes_there_is_nothing_to_wait_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
