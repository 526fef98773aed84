/* One signs at a time, in one folder. */
#include "fleetctl/repo/turn.h"
#include "tests/unit/fleetctl/folder.h"

#define TEST(name) static void name(void **state)

static void open_at(struct fleet *f, struct folder *d)
{
	*d = (struct folder){.path = "/tmp/fleet-turn-XXXXXX", .at = -1};
	assert_non_null(mkdtemp(d->path));
	assert_true(fs_open_dir(&d->at, AT_FDCWD, d->path, NULL));
	*f = (struct fleet){.at = d->at, .dir = d->path};
}

static void close_at(struct folder *d)
{
	fd_close(&d->at);
	assert_true(fs_remove_tree(AT_FDCWD, d->path, NULL));
}

TEST(the_second_is_told_who_is_at_work_and_has_its_turn_afterwards)
{
	struct folder d;
	struct fleet f;
	struct err e = {0};
	int first = -1, second = -1;

	(void)state;
	open_at(&f, &d);
	assert_done(turn_take(&first, &f, "refresh", 0, &e));
	assert_false(turn_take(&second, &f, "sign", 0, &e));
	assert_int_equal(e.code, ERR_BUSY);
	assert_non_null(strstr(e.text, "fleetctl refresh (process "));
	assert_int_equal(second, -1);
	fd_close(&first);
	assert_done(turn_take(&second, &f, "sign", 0, &e));
	assert_false(turn_take(&first, &f, "refresh", 0, &e));
	assert_non_null(strstr(e.text, "fleetctl sign (process "));
	fd_close(&second);
	close_at(&d);
}

TEST(who_holds_it_and_left_no_name_is_another_fleetctl)
{
	struct folder d;
	struct fleet f;
	struct err e = {0};
	int first = -1, second = -1;

	(void)state;
	open_at(&f, &d);
	assert_done(turn_take(&first, &f, "sign", 0, &e));
	folder_put(&d, ".fleetctl/sign.holder", "");
	assert_false(turn_take(&second, &f, "sign", 0, &e));
	assert_int_equal(e.code, ERR_BUSY);
	assert_non_null(strstr(e.text, "another fleetctl is at work"));
	fd_close(&first);
	close_at(&d);
}

TEST(two_folders_do_not_wait_for_each_other)
{
	struct folder d[2];
	struct fleet f[2];
	struct err e = {0};
	int turn[2] = {-1, -1};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(d); i++) {
		open_at(&f[i], &d[i]);
		assert_done(turn_take(&turn[i], &f[i], "sign", 0, &e));
	}
	for (size_t i = 0; i < COUNT_OF(d); i++) {
		fd_close(&turn[i]);
		close_at(&d[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_is_told_who_is_at_work_and_has_its_turn_afterwards),
		cmocka_unit_test(who_holds_it_and_left_no_name_is_another_fleetctl),
		cmocka_unit_test(two_folders_do_not_wait_for_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
