/* What guard and the launcher read, and what they do when it is overdue. */
#include "agent/guard/record.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define RELEASE_A "releases/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define RELEASE_B "releases/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define TREE_A    "../trees/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct room {
	char path[64];
	int state;
};

static void must(bool done, const struct err *e)
{
	if (!done)
		fail_msg("%s", e->text);
}

static int set_up(void **state)
{
	const char *const held[] = {"releases", RELEASE_A, RELEASE_A "/tree", "trees", TREE_A + strlen("../")};
	struct room *room = mem_new(1, sizeof *room);
	const char *tmp = getenv("TMPDIR");
	struct err e;

	*state = room;
	snprintf(room->path, sizeof room->path, "%.40s/guard.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(room->path) || !fs_open_dir(&room->state, AT_FDCWD, room->path, &e))
		return -1;
	must(fs_mkdir(room->state, "agent", 0755, &e), &e);
	for (size_t i = 0; i < COUNT_OF(held); i++)
		must(fs_mkdir(room->state, held[i], 0755, &e), &e);
	must(fs_link(room->state, RELEASE_B, "current", &e), &e);
	must(fs_link(room->state, TREE_A, "agent/current", &e), &e);
	return 0;
}

static int tear_down(void **state)
{
	struct room *room = *state;
	struct err e;

	fd_close(&room->state);
	(void)!fs_remove_tree(AT_FDCWD, room->path, &e);
	free(room);
	return 0;
}

static struct guard_record both_on_trial(void)
{
	return (struct guard_record){
		.boot = "boot-one",
		.at_ms = 1000,
		.trial = {{RELEASE_A, 60000, 0}, {GUARD_PACKAGED, 3600000, 3}},
	};
}

static void leads(const struct room *room, const char *link, const char *to)
{
	char is[512] = "";
	struct err e;

	must(fs_readlink(is, room->state, link, &e), &e);
	assert_string_equal(is, to);
}

static void a_record_comes_back_as_it_was_written(void **state)
{
	const struct room *room = *state;
	struct guard_record r = both_on_trial(), back;
	struct err e;

	must(guard_write(&r, room->state, &e), &e);
	must(guard_read(&back, room->state, &e), &e);
	assert_memory_equal(&r.trial, &back.trial, sizeof r.trial);
	assert_string_equal(back.boot, "boot-one");
	assert_int_equal(back.at_ms, 1000);
}

static void every_flipped_bit_makes_it_no_record(void **state)
{
	const struct room *room = *state;
	struct guard_record r = both_on_trial(), back;
	cleanup(buf_free) struct buf text = {0};
	struct err e;

	must(guard_write(&r, room->state, &e), &e);
	must(fs_read(&text, room->state, GUARD_FILE, &e), &e);
	for (size_t i = 0; i < text.len; i++) {
		text.data[i] ^= 4;
		must(fs_write(room->state, GUARD_FILE, buf_str(&text), 0644, &e), &e);
		assert_false(guard_read(&back, room->state, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
		text.data[i] ^= 4;
	}
	for (size_t n = 0; n < text.len; n++) {
		must(fs_write(room->state, GUARD_FILE, str_bytes(text.data, n), 0644, &e), &e);
		assert_false(guard_read(&back, room->state, &e));
	}
}

/* Whoever can write the state could also write the link: but guard is no tool to reach further. */
static void a_way_back_that_leads_out_of_the_state_is_no_record(void **state)
{
	const struct room *room = *state;
	static const char *const ways[] = {"/etc", "../../etc", "releases/x", "releases/../../../etc",
		"../trees/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"../trees/../trees/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		/* right for the agent's link, which lies a folder deeper */
		TREE_A, GUARD_PACKAGED,
		"releases/x/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	struct err e;

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		struct guard_record r = both_on_trial(), back;
		snprintf(r.trial[GUARD_RELEASE].back, GUARD_PATH_MAX, "%s", ways[i]);
		must(guard_write(&r, room->state, &e), &e);
		assert_false(guard_read(&back, room->state, &e));
	}
}

/* A word would end where it says so, and what is written of it would be another record. */
static void a_word_with_a_nul_inside_is_no_record(void **state)
{
	const struct room *room = *state;
	const struct str good = STR("fleet-guard 1\nboot a-b\nat 0\nrelease 0 0 -\nagent 0 0 -\ncrc 6dad576b\n");
	const struct str bad = STR("fleet-guard 1\nboot a\0b\nat 0\nrelease 0 0 -\nagent 0 0 -\ncrc 6f29fe32\n");
	struct guard_record r;
	struct err e;

	must(fs_write(room->state, GUARD_FILE, good, 0644, &e), &e);
	must(guard_read(&r, room->state, &e), &e);
	must(fs_write(room->state, GUARD_FILE, bad, 0644, &e), &e);
	assert_false(guard_read(&r, room->state, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_string_equal(r.boot, "a-b");
}

static void time_passes_within_a_boot_and_stands_still_between_two(void **state)
{
	struct guard_record r = both_on_trial();

	(void)state;
	guard_wake(&r, "boot-one", 31000);
	assert_int_equal(r.trial[GUARD_RELEASE].left_ms, 30000);
	r.trial[GUARD_AGENT].starts = 1;
	guard_wake(&r, "boot-one", 31000);
	assert_int_equal(r.trial[GUARD_AGENT].starts, 1);
	guard_wake(&r, "boot-two", 5);
	assert_int_equal(r.trial[GUARD_AGENT].starts, GUARD_STARTS); /* but a power cut is no failed start */
	assert_int_equal(r.trial[GUARD_RELEASE].left_ms, 30000);
	guard_wake(&r, "boot-two", 1005);
	assert_int_equal(r.trial[GUARD_RELEASE].left_ms, 29000);
	assert_false(guard_overdue(&r, GUARD_RELEASE));
	guard_wake(&r, "boot-two", 40000);
	assert_true(guard_overdue(&r, GUARD_RELEASE));
	assert_false(guard_overdue(&r, GUARD_AGENT));
}

static void an_agent_without_starts_is_overdue_and_nothing_on_trial_never_is(void **state)
{
	struct guard_record r = both_on_trial();

	(void)state;
	r.trial[GUARD_AGENT].starts = 0;
	assert_true(guard_overdue(&r, GUARD_AGENT));
	r = (struct guard_record){.boot = "b"};
	assert_false(guard_overdue(&r, GUARD_AGENT));
	assert_false(guard_overdue(&r, GUARD_RELEASE));
}

static void going_back_moves_the_link_and_ends_that_trial_alone(void **state)
{
	const struct room *room = *state;
	struct guard_record r = both_on_trial(), back;
	struct err e;

	must(guard_write(&r, room->state, &e), &e);
	must(guard_go_back(&r, GUARD_RELEASE, room->state, &e), &e);
	leads(room, "current", RELEASE_A);
	leads(room, "agent/current", TREE_A);
	must(guard_read(&back, room->state, &e), &e);
	assert_string_equal(back.trial[GUARD_RELEASE].back, "");
	assert_string_equal(back.trial[GUARD_AGENT].back, GUARD_PACKAGED);
	must(guard_go_back(&r, GUARD_AGENT, room->state, &e), &e);
	assert_false(fs_exists(room->state, "agent/current"));
	must(guard_go_back(&r, GUARD_AGENT, room->state, &e), &e);
}

static void a_way_back_that_is_gone_is_taken_by_nobody(void **state)
{
	const struct room *room = *state;
	struct guard_record r = both_on_trial();
	struct err e;

	snprintf(r.trial[GUARD_AGENT].back, GUARD_PATH_MAX, "%s", TREE_A);
	must(guard_write(&r, room->state, &e), &e);
	must(fs_remove_tree(room->state, RELEASE_A, &e) && fs_remove_tree(room->state, "trees", &e), &e);
	for (int i = 0; i < GUARD_TRIALS; i++) {
		assert_false(guard_go_back(&r, (enum guard_what)i, room->state, &e));
		assert_int_equal(e.code, ERR_MISSING);
	}
	leads(room, "current", RELEASE_B);
	leads(room, "agent/current", TREE_A);
}

/* What cannot be read now may be whole: it is neither empty nor written over. */
static void a_record_that_the_kernel_does_not_give_is_no_empty_one(void **state)
{
	const struct room *room = *state;
	struct guard_trial agent = {GUARD_PACKAGED, 3600000, GUARD_STARTS};
	struct err e;

	must(fs_mkdir(room->state, GUARD_FILE, 0755, &e), &e); /* reading it is EISDIR */
	assert_false(guard_end(room->state, GUARD_RELEASE, &e));
	assert_false(guard_begin(room->state, GUARD_AGENT, &agent, &e));
}

static void reboots_do_not_keep_an_agent_on_trial_for_ever(void **state)
{
	struct guard_record r = both_on_trial();
	char boot[16] = "";

	(void)state;
	for (int i = 0; i < 3600000 / GUARD_BOOT_MS; i++) {
		assert_false(guard_overdue(&r, GUARD_AGENT));
		snprintf(boot, sizeof boot, "boot %d", i);
		guard_wake(&r, boot, 5);
	}
	assert_true(guard_overdue(&r, GUARD_AGENT));
	assert_int_equal(r.trial[GUARD_RELEASE].left_ms, 60000);
}

static struct guard_record read_back(const struct room *room)
{
	struct guard_record r;
	struct err e;

	must(guard_read(&r, room->state, &e), &e);
	return r;
}

static void what_is_tried_is_written_down_and_its_end_too(void **state)
{
	const struct room *room = *state;
	struct guard_trial release = {RELEASE_A, 60000, 0}, agent = {GUARD_PACKAGED, 3600000, GUARD_STARTS};
	struct err e;

	must(guard_end(room->state, GUARD_RELEASE, &e), &e);
	assert_false(fs_exists(room->state, GUARD_FILE)); /* nothing was on trial: nothing is written */
	must(guard_begin(room->state, GUARD_RELEASE, &release, &e), &e);
	must(guard_begin(room->state, GUARD_AGENT, &agent, &e), &e);
	struct guard_record r = read_back(room);
	assert_string_equal(r.trial[GUARD_RELEASE].back, RELEASE_A);
	assert_int_equal(r.trial[GUARD_AGENT].starts, GUARD_STARTS);
	must(guard_end(room->state, GUARD_RELEASE, &e), &e);
	r = read_back(room);
	assert_string_equal(r.trial[GUARD_RELEASE].back, "");
	assert_string_equal(r.trial[GUARD_AGENT].back, GUARD_PACKAGED);
}

static void a_start_that_comes_to_its_end_is_given_back_and_no_more_than_that(void **state)
{
	const struct room *room = *state;
	struct guard_trial agent = {GUARD_PACKAGED, 3600000, 1};
	struct err e;

	must(guard_came_through(room->state, &e), &e);
	assert_false(fs_exists(room->state, GUARD_FILE));
	must(guard_begin(room->state, GUARD_AGENT, &agent, &e), &e);
	for (int i = 0; i < GUARD_STARTS + 1; i++)
		must(guard_came_through(room->state, &e), &e);
	assert_int_equal(read_back(room).trial[GUARD_AGENT].starts, GUARD_STARTS);
}

static void a_record_that_is_not_whole_is_begun_anew(void **state)
{
	const struct room *room = *state;
	struct guard_trial agent = {GUARD_PACKAGED, 3600000, 3};
	struct err e;

	must(fs_write(room->state, GUARD_FILE, STR("fleet-guard 1\nboot"), 0644, &e), &e);
	must(guard_begin(room->state, GUARD_AGENT, &agent, &e), &e);
	assert_string_equal(read_back(room).trial[GUARD_AGENT].back, GUARD_PACKAGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_record_comes_back_as_it_was_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_flipped_bit_makes_it_no_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_way_back_that_leads_out_of_the_state_is_no_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_way_back_that_is_gone_is_taken_by_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_record_that_the_kernel_does_not_give_is_no_empty_one, set_up, tear_down),
		cmocka_unit_test(reboots_do_not_keep_an_agent_on_trial_for_ever),
		cmocka_unit_test_setup_teardown(a_word_with_a_nul_inside_is_no_record, set_up, tear_down),
		cmocka_unit_test(time_passes_within_a_boot_and_stands_still_between_two),
		cmocka_unit_test(an_agent_without_starts_is_overdue_and_nothing_on_trial_never_is),
		cmocka_unit_test_setup_teardown(
			going_back_moves_the_link_and_ends_that_trial_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_tried_is_written_down_and_its_end_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_start_that_comes_to_its_end_is_given_back_and_no_more_than_that, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_record_that_is_not_whole_is_begun_anew, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
