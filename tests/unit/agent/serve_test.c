/* The whole of serve and apply, over a session as the wire has it. */
#include "tests/unit/agent/tower.h"

#define CHECK(name, class, run, more) "  - {name: " name ", run: " run ", class: " class more "}\n"
#define QUICK "trial: {settle: 0s, deadline: 2s}\n"
static const char ok[] = "checks:\n" CHECK("ok", "local", "checks/ok.sh", "") QUICK;

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

static void an_update_is_verified_unpacked_swapped_proven_and_committed(void **state)
{
	struct tower *t = *state;
	cleanup(answer_free) struct answer a = {0};
	cleanup(ledger_free) struct ledger l = {0};
	struct tower_release *r = tower_release(t, 1, ok);

	tower_update(t, r, &a);
	assert_verdict(a, VERDICT_PASS);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.receipt.release_number, 1);
	assert_int_equal(a.receipt.number, 2);
	assert_true(digest_eq(a.receipt.current, r->id));
	assert_true(a.receipt.bytes_in > 0);
	assert_true(tower_runs(t, r));
	tower_ledger(&l, t);
	assert_false(l.has_attempt);
	assert_int_equal(l.step, STEP_IDLE);
	assert_true(l.has_previous && digest_eq(l.previous, t->config.baseline));
	assert_non_null(strstr(a.states.data, "\"prove\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_update_is_verified_unpacked_swapped_proven_and_committed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
