/* A rollout's options are kept as they were told, so that resume goes on the same way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleetctl/rollout/options.h"

static void what_start_was_told_resume_reads(void **state)
{
	const struct rollout_options told[] = {
		{.waves = {.canary = 2, .percent = {10, 50, 100}, .count = 3}, .max_failed = 3, .max_unreachable = 4, .parallel = 9,
			.soak_ms = 300000, .allow_blind = true, .take = true},
		{.waves = {.percent = {100}, .count = 1}, .max_failed = 0, .max_unreachable = -1, .parallel = 1},
		{.waves = {.percent = {1, 100}, .count = 2}, .max_failed = INT32_MAX, .max_unreachable = 0, .parallel = 1024},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(told); i++) {
		cleanup(doc_free) doc *d = rollout_options_doc(&told[i]);
		cleanup(buf_free) struct buf text = {0};
		struct rollout_options o = {0};
		struct err e = {0};
		doc_line(&text, d);
		if (!rollout_options_read(&o, buf_str(&text), &e))
			fail_msg("%s", e.text);
		assert_int_equal(o.waves.canary, told[i].waves.canary);
		assert_int_equal(o.waves.count, told[i].waves.count);
		assert_memory_equal(o.waves.percent, told[i].waves.percent, sizeof o.waves.percent);
		assert_int_equal(o.max_failed, told[i].max_failed);
		assert_int_equal(o.max_unreachable, told[i].max_unreachable);
		assert_int_equal(o.parallel, told[i].parallel);
		assert_int_equal(o.soak_ms, told[i].soak_ms);
		assert_int_equal(o.allow_blind, told[i].allow_blind);
		assert_int_equal(o.take, told[i].take);
	}
}

static void options_that_cannot_be_read_leave_what_was(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "{\"waves\": \"50,10\", \"parallel\": 1}", "{\"parallel\": 1}",
		"{\"waves\": \"100\"}", "{\"waves\": \"100\", \"parallel\": 0}", "{\"waves\": \"100\", \"parallel\": 1, \"max_unreachable\": -2}"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct rollout_options o = {.parallel = 77};
		struct err e = {0};
		if (rollout_options_read(&o, str_of(bad[i]), &e))
			fail_msg("taken: %s", bad[i]);
		assert_int_not_equal(e.code, ERR_NONE);
		assert_int_equal(o.parallel, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_start_was_told_resume_reads),
		cmocka_unit_test(options_that_cannot_be_read_leave_what_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
