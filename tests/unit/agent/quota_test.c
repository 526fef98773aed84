/* How many trials may be begun from outside: the whole of it is a number and two instants. */
#include "agent/store/quota.h"
#include "tests/unit/agent/tower.h"

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS };

static void taken(struct ledger *l, int64_t at_ms, const char *boot)
{
	must(quota_take(l, 24, at_ms, boot, e));
}
static void none_left(struct ledger *l, int64_t at_ms, const char *boot, const char *said)
{
	struct err e = {0};

	assert_false(quota_take(l, 24, at_ms, boot, &e));
	assert_int_equal(e.code, ERR_REFUSED);
	assert_non_null(strstr(e.text, said));
}

static void a_day_has_so_many_trials_and_one_comes_back_each_part_of_it(void **state)
{
	cleanup(ledger_free) struct ledger l = {0};

	(void)state;
	for (int i = 0; i < 24; i++)
		taken(&l, 1000 + i, "boot one");
	none_left(&l, 2000, "boot one", "the next in 60 min");
	none_left(&l, 59 * MINUTE_MS, "boot one", "the next in ");
	taken(&l, HOUR_MS + 2000, "boot one");
	none_left(&l, HOUR_MS + 3000, "boot one", "24 trials were begun");
	taken(&l, 3 * HOUR_MS + 2000, "boot one");
	taken(&l, 3 * HOUR_MS + 2000, "boot one");
	none_left(&l, 3 * HOUR_MS + 2000, "boot one", "no more");
}

static void asking_often_loses_nothing_and_waiting_long_gives_no_more_than_a_day(void **state)
{
	cleanup(ledger_free) struct ledger l = {0};

	(void)state;
	for (int i = 0; i < 24; i++)
		taken(&l, 0, "one");
	for (int m = 1; m < 60; m++)
		none_left(&l, m * MINUTE_MS, "one", "begun here");
	taken(&l, HOUR_MS, "one");
	for (int i = 0; i < 24; i++)
		taken(&l, (int64_t)1000 * HOUR_MS, "one");
	none_left(&l, (int64_t)1000 * HOUR_MS, "one", "begun here");
}

/* A thief who can make it restart gains nothing, and a clock that begins anew forgives nothing. */
static void a_restart_gives_nothing_back(void **state)
{
	cleanup(ledger_free) struct ledger l = {0};

	(void)state;
	for (int i = 0; i < 24; i++)
		taken(&l, 30 * HOUR_MS, "one");
	none_left(&l, 1000, "two", "begun here");
	none_left(&l, HOUR_MS + 999, "two", "begun here");
	taken(&l, HOUR_MS + 1000, "two");
}

static void it_is_kept_in_the_ledger(void **state)
{
	struct tower t;
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(ledger_free) struct ledger back = {0};

	(void)state;
	tower_open(&t);
	tower_ledger(&l, &t);
	for (int i = 0; i < 24; i++)
		taken(&l, 5, "one");
	must(ledger_save(&l, &t.store, e));
	tower_ledger(&back, &t);
	none_left(&back, 6, "one", "begun here");
	tower_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_has_so_many_trials_and_one_comes_back_each_part_of_it),
		cmocka_unit_test(asking_often_loses_nothing_and_waiting_long_gives_no_more_than_a_day),
		cmocka_unit_test(a_restart_gives_nothing_back),
		cmocka_unit_test(it_is_kept_in_the_ledger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
