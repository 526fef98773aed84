/* The stages of a plan whose hosts pull. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "fleetctl/rollout/pull.h"

static void check(size_t hosts, int64_t canary, const char *waves, const int64_t *want, size_t count)
{
	struct wave_options w = {.canary = canary};
	struct list stages;
	struct err e = {0};

	assert_true(wave_options_read(&w, waves, &e));
	w.canary = canary;
	pull_stages(&stages, hosts, &w);
	const struct stage_share *share = stages.items;
	assert_int_equal(stages.count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(share[i].hosts, want[i]);
	free(stages.items);
}
#define CHECK(hosts, canary, waves, ...)                                                                               \
	check(hosts, canary, waves, (const int64_t[]){__VA_ARGS__}, COUNT_OF(((const int64_t[]){__VA_ARGS__})))

static void the_canary_comes_first_and_shares_are_counts_rounded_up(void **state)
{
	(void)state;
	CHECK(10, 1, "10%,50%,100%", 1, 5, 10);
	CHECK(30, 2, "10%,50%,100%", 2, 3, 15, 30);
	CHECK(10, 0, "25%,100%", 3, 8, 10);
}

static void no_stage_takes_more_than_half(void **state)
{
	(void)state;
	CHECK(10, 1, "100%", 1, 6, 10);
	CHECK(10, 9, "100%", 5, 9, 10);
	CHECK(3, 1, "100%", 1, 2, 3);
	CHECK(2, 2, "100%", 1, 2);
	CHECK(1, 1, "10%,50%,100%", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_canary_comes_first_and_shares_are_counts_rounded_up),
		cmocka_unit_test(no_stage_takes_more_than_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
