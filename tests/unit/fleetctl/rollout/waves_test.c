/* Whose turn it is: canary, waves, and plans and sites spread over them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "fleetctl/rollout/waves.h"

/* --- the same by the words of the contract, slowly: each next host is looked for among all that are left --- */

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static size_t slow_pick(const struct wave_host *host, size_t count, size_t done)
{
	size_t best = done, best_plan = SIZE_MAX, best_site = SIZE_MAX;

	for (size_t i = done; i < count; i++) {
		size_t plan = 0, site = 0;
		for (size_t j = 0; j < done; j++) {
			plan += same(host[j].plan, host[i].plan);
			site += same(host[j].site, host[i].site);
			site += same(host[j].site, host[i].site) && same(host[j].plan, host[i].plan);
		}
		if (plan < best_plan || (plan == best_plan && site < best_site)) {
			best = i;
			best_plan = plan;
			best_site = site;
		}
	}
	return best;
}

static size_t slow_plans(const struct wave_host *host, size_t count)
{
	size_t plans = 0;

	for (size_t i = 0; i < count; i++) {
		bool seen = false;
		for (size_t j = 0; j < i; j++)
			seen = seen || same(host[j].plan, host[i].plan);
		plans += !seen;
	}
	return plans;
}

static void slow_order(struct wave_host *host, size_t count, const struct wave_options *o)
{
	for (size_t done = 0; done < count; done++) {
		size_t next = slow_pick(host, count, done);
		struct wave_host taken = host[next];
		memmove(host + done + 1, host + done, (next - done) * sizeof *host);
		host[done] = taken;
	}
	size_t canaries = o->canary ? MIN(count, MAX(slow_plans(host, count), (size_t)o->canary)) : 0;
	for (size_t i = 0, wave = 0; i < count; i++) {
		while (wave + 1 < o->count && i >= (count * (size_t)o->percent[wave] + 99) / 100)
			wave++;
		host[i].wave = i < canaries ? 0 : (int)wave + 1;
	}
}

static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

static void the_order_is_that_of_the_slow_and_plain_way(void **state)
{
	static const char *const plans[] = {"plan-D", "plan01s", "planX3", "plan-E", "p5"};
	static const char *const sites[] = {NULL, "", "berlin", "hamburg", "lab", "muc"};
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct wave_host quick[40], slow[40];
		size_t count = draw(&seed, 41);
		uint32_t few_plans = 1 + draw(&seed, 5), few_sites = 1 + draw(&seed, 6);
		struct wave_options o = {.canary = draw(&seed, 4)};
		struct err e = {0};
		assert_true(wave_options_read(&o, draw(&seed, 2) ? "10,50" : "33%,34%,100%", &e));
		for (size_t i = 0; i < count; i++)
			quick[i] = (struct wave_host){"h", plans[draw(&seed, few_plans)], sites[draw(&seed, few_sites)], i, -1};
		memcpy(slow, quick, sizeof slow);
		waves_order(quick, count, &o);
		slow_order(slow, count, &o);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(quick[i].index, slow[i].index);
			assert_int_equal(quick[i].wave, slow[i].wave);
		}
	}
}

static void ten_thousand_hosts_are_each_there_once(void **state)
{
	enum { MANY = 10000 };
	cleanup(free_ptr) struct wave_host *host = mem_new(MANY, sizeof *host);
	cleanup(free_ptr) bool *seen = mem_new(MANY, sizeof *seen);
	cleanup(free_ptr) char *names = mem_new(MANY, 8);
	struct wave_options o = {.canary = 1, .percent = {10, 100}, .count = 2};

	(void)state;
	for (size_t i = 0; i < MANY; i++) { /* each alone at its site: the hardest */
		snprintf(names + i * 8, 8, "s%zu", i);
		host[i] = (struct wave_host){"h", names + i % 1000 * 8, names + i * 8, i, -1};
	}
	waves_order(host, MANY, &o);
	for (size_t i = 0; i < MANY; i++) {
		assert_false(seen[host[i].index]);
		seen[host[i].index] = true;
		assert_int_equal(host[i].wave, i < 1000 ? 0 : 2); /* the canary is the first tenth already */
	}
}

static struct wave_host tower[6] = {
	{"ber-D", "plan-D", "berlin"}, {"ber-1", "plan01s", "berlin"}, {"ham-D", "plan-D", "hamburg"},
	{"ham-1", "plan01s", "hamburg"}, {"ber-D2", "plan-D", "berlin"}, {"ber-12", "plan01s", "berlin"},
};

static void the_canary_has_one_host_of_every_plan(void **state)
{
	struct wave_host h[6];
	struct wave_options o = {.canary = 1, .percent = {100}, .count = 1};

	(void)state;
	memcpy(h, tower, sizeof h);
	waves_order(h, 6, &o);
	assert_int_equal(h[0].wave, 0);
	assert_int_equal(h[1].wave, 0);
	assert_int_equal(h[2].wave, 1);
	assert_string_equal(h[0].id, "ber-D");
	assert_string_equal(h[1].id, "ham-1"); /* the other plan, at the other site */
	assert_string_not_equal(h[2].plan, h[3].plan);
}

static void no_canary_is_no_wave_nought(void **state)
{
	struct wave_host h[6];
	struct wave_options o = {.canary = 0, .percent = {50, 100}, .count = 2};

	(void)state;
	memcpy(h, tower, sizeof h);
	waves_order(h, 6, &o);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(h[i].wave, i < 3 ? 1 : 2);
}

static void more_canaries_than_hosts_are_all_of_them(void **state)
{
	struct wave_host h[6];
	struct wave_options o = {.canary = 100, .percent = {100}, .count = 1};

	(void)state;
	waves_order(h, 0, &o);
	memcpy(h, tower, sizeof h);
	waves_order(h, 6, &o);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(h[i].wave, 0);
}

static void shares_are_read_and_rise_to_all(void **state)
{
	struct wave_options o = {.canary = 3};
	struct err e = {0};

	(void)state;
	assert_true(wave_options_read(&o, "10%, 50 ,100%", &e));
	assert_int_equal(o.count, 3);
	assert_int_equal(o.percent[1], 50);
	assert_int_equal(o.canary, 3);
	assert_true(wave_options_read(&o, "25", &e));
	assert_int_equal(o.count, 2);
	assert_int_equal(o.percent[1], 100);
	assert_true(wave_options_read(&o, "", &e));
	assert_int_equal(o.count, 1);
}

static void shares_that_make_no_sense_are_refused(void **state)
{
	static const char *const bad[] = {"0%,100%", "50,50", "50,10", "101", "ten", "10%%", "-1", "1.5", "10,,100",
		"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct wave_options o = {.canary = 3, .count = 7};
		struct err e = {0};
		if (wave_options_read(&o, bad[i], &e))
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(e.code, ERR_USAGE);
		assert_non_null(strstr(e.text, bad[i]));
		assert_int_equal(o.count, 7);
	}
}

static void never_more_than_half_of_a_plan_is_on_trial(void **state)
{
	(void)state;
	assert_int_equal(waves_on_trial_max(0), 1);
	assert_int_equal(waves_on_trial_max(1), 1);
	assert_int_equal(waves_on_trial_max(3), 1);
	assert_int_equal(waves_on_trial_max(4), 2);
	assert_int_equal(waves_on_trial_max(9), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_is_that_of_the_slow_and_plain_way),
		cmocka_unit_test(ten_thousand_hosts_are_each_there_once),
		cmocka_unit_test(the_canary_has_one_host_of_every_plan),
		cmocka_unit_test(no_canary_is_no_wave_nought),
		cmocka_unit_test(more_canaries_than_hosts_are_all_of_them),
		cmocka_unit_test(shares_are_read_and_rise_to_all),
		cmocka_unit_test(shares_that_make_no_sense_are_refused),
		cmocka_unit_test(never_more_than_half_of_a_plan_is_on_trial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
