/* Who drives a host. */
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

static void a_lease_is_its_owners_until_it_ends_by_itself(void **state)
{
	struct tower *t = *state;
	cleanup(lease_free) struct lease l = {0};
	struct err why = {0};

	assert_false(lease_read(&l, &t->store));
	must(lease_take(&t->store, "one", "ann", 300, false, e));
	assert_true(lease_read(&l, &t->store));
	assert_string_equal(l.rollout, "one");
	assert_string_equal(l.who, "ann");
	assert_in_range(l.left_ms, 1, 300);
	assert_false(lease_take(&t->store, "two", "bob", 1000, false, &why));
	assert_int_equal(why.code, ERR_REFUSED);
	assert_non_null(strstr(why.text, "one of ann"));
	assert_false(lease_take(&t->store, NULL, NULL, 0, false, &why));
	must(lease_take(&t->store, "one", "ann", 300, false, e));
	usleep(320 * 1000);
	must(lease_take(&t->store, "two", "bob", 1000, false, e));
}

static void a_lease_may_be_taken_over_and_let_go_by_its_owner_alone(void **state)
{
	struct tower *t = *state;
	cleanup(lease_free) struct lease l = {0};

	must(lease_take(&t->store, "one", "ann", 60000, false, e));
	must(lease_take(&t->store, "two", "bob", 60000, true, e));
	must(lease_drop(&t->store, "one", e));
	assert_true(lease_read(&l, &t->store));
	assert_string_equal(l.rollout, "two");
	must(lease_drop(&t->store, "two", e));
	lease_free(&l);
	assert_false(lease_read(&l, &t->store));
}

static void a_lease_does_not_outlive_the_boot_nor_ten_minutes(void **state)
{
	struct tower *t = *state;
	cleanup(lease_free) struct lease l = {0};

	must(lease_take(&t->store, "one", "ann", INT64_C(86400000), false, e));
	assert_true(lease_read(&l, &t->store));
	assert_true(l.left_ms <= LEASE_MS_MAX);
	must(fs_write(t->store.dir, "lease",
		STR("{\"rollout\":\"one\",\"who\":\"ann\",\"boot\":\"before\",\"until_ms\":9007199254740000}"), 0644,
		e));
	lease_free(&l);
	assert_false(lease_read(&l, &t->store));
	must(lease_take(&t->store, "two", "bob", 1000, false, e));
}

static void a_lease_that_cannot_be_read_is_none(void **state)
{
	struct tower *t = *state;
	struct lease l = {0};

	must(fs_write(t->store.dir, "lease", STR("{\"rollout\":"), 0644, e));
	assert_false(lease_read(&l, &t->store));
	must(lease_take(&t->store, "two", "bob", 1000, false, e));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_lease_is_its_owners_until_it_ends_by_itself),
		T(a_lease_may_be_taken_over_and_let_go_by_its_owner_alone),
		T(a_lease_does_not_outlive_the_boot_nor_ten_minutes),
		T(a_lease_that_cannot_be_read_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
