/* The search through delegations: its order, its ends, and who must have signed. */
#include "tests/unit/manifests/world.h"

/* A world without plan-D: roles are named by the letter of their key. */
static void grove_make(struct world *w)
{
	world_make(w);
	doc_free(&w->targets);
	w->targets = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY);
}

/* `links`: "b c! d" delegates everything to b, c (terminating) and d. `holds`: signs for the path "x". */
static void grow(struct world *w, const char *name, const char *links, bool holds)
{
	bool top = strcmp(name, "targets") == 0;
	cleanup(doc_free) doc *body = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY);
	char child[2] = "";

	for (const char *c = links; *c; c++)
		if (*c != ' ' && *c != '!') {
			child[0] = *c;
			forge_link(body, child, child, "*", c[1] == '!');
		}
	if (holds)
		role_set_target(body, "x", str_of(name));
	role_set_meta(w->snapshot, name, 1);
	serve(w, body, name, top ? "t" : name);
}

static void assert_search(struct world *w, const char *order, const char *found)
{
	cleanup(buf_free) struct buf expected = {0};

	serve(w, w->snapshot, "snapshot", "s");
	buf_text(&expected, "2.root.json timestamp.json 1.snapshot.json 1.targets.json ");
	for (const char *c = order; *c; c++)
		buf_form(&expected, "1.%c.json ", *c);
	assert_int_equal(run_for(w, "x"), ERR_NONE);
	assert_string_equal(asked(w), buf_str(&expected).data);
	assert_int_equal(w->found, found != NULL);
	if (found) {
		assert_string_equal(w->target.role, found);
		assert_true(trust_target_check(&w->target, str_of(found), NULL));
	}
	assert_int_equal(run_for(w, "x"), ERR_NONE); /* the same from the disk, nothing fetched */
	assert_string_equal(asked(w), "2.root.json timestamp.json ");
	assert_int_equal(w->found, found != NULL);
	if (found)
		assert_string_equal(w->target.role, found);
}

TEST(the_search_is_pre_order_and_depth_first)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	grow(&w, "targets", "a b", false);
	grow(&w, "a", "c d", false);
	grow(&w, "c", "", false);
	grow(&w, "d", "", true);
	grow(&w, "b", "", true);
	assert_search(&w, "acd", "d");
}

TEST(the_first_to_sign_wins_and_nothing_behind_it_is_asked)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	grow(&w, "targets", "a b", false);
	grow(&w, "a", "b", true);
	grow(&w, "b", "", true);
	assert_search(&w, "a", "a");
}

TEST(top_level_targets_come_first)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	grow(&w, "targets", "a", true);
	grow(&w, "a", "", true);
	assert_search(&w, "", "targets");
}

TEST(a_terminating_delegation_ends_the_list)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	grow(&w, "targets", "a b! c", false);
	grow(&w, "a", "", false);
	grow(&w, "b", "", false);
	grow(&w, "c", "", true);
	assert_search(&w, "ab", NULL);
}

TEST(a_terminating_delegation_ends_what_was_left_further_up_too)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	grow(&w, "targets", "a c f g", false);
	grow(&w, "a", "b! d", false);
	grow(&w, "b", "e", false);
	grow(&w, "e", "", false);
	grow(&w, "c", "", true);
	grow(&w, "d", "", true);
	grow(&w, "f", "", true);
	grow(&w, "g", "", true);
	assert_search(&w, "abe", NULL);
}

/* `a` and `b` have one key, the same version, and nothing else to tell them apart. */
static void serve_as(struct world *w, const char *says)
{
	cleanup(doc_free) doc *body = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY);

	if (says)
		doc_set_text(body, ROLE_OWNER_FIELD, says);
	role_set_target(body, "x", STR("b's"));
	serve(w, body, "a", "a");
	serve(w, w->snapshot, "snapshot", "s");
}

TEST(a_role_that_was_signed_as_another_is_refused_and_not_kept)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	grow(&w, "targets", "a", false);
	grow(&w, "a", "", true);
	serve_as(&w, "b");
	assert_int_equal(run_for(&w, "x"), ERR_FOREIGN);
	assert_false(w.found);
	serve_as(&w, "a");
	assert_int_equal(run_for(&w, "x"), ERR_NONE);
	assert_true(w.found);
}

TEST(a_role_that_does_not_say_whose_it_is_counts)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	grow(&w, "targets", "a", false);
	grow(&w, "a", "", true);
	serve_as(&w, NULL);
	assert_int_equal(run_for(&w, "x"), ERR_NONE);
	assert_true(w.found);
}

TEST(a_cycle_ends)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	grow(&w, "targets", "a b", false);
	grow(&w, "a", "b a", false);
	grow(&w, "b", "a b c", false);
	grow(&w, "c", "a b", false);
	assert_search(&w, "abc", NULL);
}

TEST(at_most_32_delegated_roles_are_visited)
{
	(void)state;
	static const char names[] = "abcdefghijklnoquvwxyzABCDEFGHIJKLNOPQU"; /* 38, and none of r m s t p */
	cleanup(world_free) struct world w;
	grove_make(&w);
	grow(&w, "targets", "a", false);
	for (size_t i = 0; names[i]; i++)
		grow(&w, (char[]){names[i], 0}, (char[]){names[i + 1], 0}, i == 32);
	char order[33] = "";
	memcpy(order, names, 32);
	assert_search(&w, order, NULL);
	shelf_clear(&w.disk);
	grow(&w, (char[]){names[31], 0}, "", true);
	assert_search(&w, order, (char[]){names[31], 0});
}

TEST(a_role_is_verified_again_under_each_delegator)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	cleanup(doc_free) doc *targets = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY),
			      *a = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY),
			      *c = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY);
	forge_link(targets, "a", "a", "a/*", false);
	forge_link(targets, "c", "c", "c/*", false); /* to the role c, by c's key */
	forge_link(a, "c", "q", "a/*", false);       /* to the role c, by another key */
	role_set_target(c, "a/x", STR("c"));
	role_set_target(c, "c/x", STR("c"));
	serve(&w, targets, "targets", "t");
	serve(&w, a, "a", "a");
	serve(&w, c, "c", "c");
	role_set_meta(w.snapshot, "a", 1);
	role_set_meta(w.snapshot, "c", 1);
	serve(&w, w.snapshot, "snapshot", "s");
	assert_int_equal(run_for(&w, "c/x"), ERR_NONE);
	assert_true(w.found);
	assert_int_equal(run_for(&w, "a/x"), ERR_SIGNATURE); /* held, and good for c/x alone */
	assert_false(w.found);
	serve(&w, c, "c", "cq");
	assert_int_equal(run_for(&w, "a/x"), ERR_NONE);
	assert_true(w.found);
}

TEST(one_session_does_not_believe_under_one_delegator_what_it_read_under_another)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	cleanup(doc_free) doc *targets = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY),
			      *a = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY),
			      *c = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY);
	struct trust *t = NULL;
	forge_link(targets, "a", "a", "a/*", false);
	forge_link(targets, "c", "c", "c/*", false);
	forge_link(a, "c", "q", "a/*", false);
	role_set_target(c, "a/x", STR("c"));
	role_set_target(c, "c/x", STR("c"));
	serve(&w, targets, "targets", "t");
	serve(&w, a, "a", "a");
	serve(&w, c, "c", "c");
	role_set_meta(w.snapshot, "a", 1);
	role_set_meta(w.snapshot, "c", 1);
	serve(&w, w.snapshot, "snapshot", "s");

	struct trust_target target;
	assert_true(trust_new(&t, buf_str(&w.anchor), w.now, NULL));
	assert_int_equal(feed(&w, t), TRUST_DONE);
	trust_seek(t, "c/x");
	assert_int_equal(feed(&w, t), TRUST_DONE);
	assert_true(trust_found(t, &target));
	trust_seek(t, "a/x");
	assert_int_equal(feed(&w, t), TRUST_FAILED);
	assert_false(trust_found(t, &target));
	trust_seek(t, "c/x"); /* and a seek that failed harms no other */
	assert_int_equal(feed(&w, t), TRUST_DONE);
	assert_true(trust_found(t, &target));
	trust_free(&t);
}

TEST(the_path_must_match_in_every_delegation_on_the_way)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	cleanup(doc_free) doc *targets = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY),
			      *a = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY),
			      *b = role_body(ROLE_TARGETS, 1, FORGE_NOW + FORGE_DAY);
	forge_link(targets, "a", "a", "a/*", false);
	forge_link(a, "b", "b", "*/*", false);
	role_set_target(b, "a/x", STR("b"));
	role_set_target(b, "other/x", STR("b"));
	serve(&w, targets, "targets", "t");
	serve(&w, a, "a", "a");
	serve(&w, b, "b", "b");
	role_set_meta(w.snapshot, "a", 1);
	role_set_meta(w.snapshot, "b", 1);
	serve(&w, w.snapshot, "snapshot", "s");
	assert_int_equal(run_for(&w, "a/x"), ERR_NONE);
	assert_true(w.found);
	assert_int_equal(run_for(&w, "other/x"), ERR_NONE);
	assert_false(w.found);
}

TEST(a_delegated_role_that_the_snapshot_does_not_list_stops_the_search)
{
	(void)state;
	cleanup(world_free) struct world w;
	grove_make(&w);
	grow(&w, "targets", "a b", false);
	grow(&w, "b", "", true);
	serve(&w, w.snapshot, "snapshot", "s");
	assert_int_equal(run_for(&w, "x"), ERR_MISSING);
	assert_false(w.found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_search_is_pre_order_and_depth_first),
		cmocka_unit_test(the_first_to_sign_wins_and_nothing_behind_it_is_asked),
		cmocka_unit_test(top_level_targets_come_first),
		cmocka_unit_test(a_terminating_delegation_ends_the_list),
		cmocka_unit_test(a_terminating_delegation_ends_what_was_left_further_up_too),
		cmocka_unit_test(a_role_that_was_signed_as_another_is_refused_and_not_kept),
		cmocka_unit_test(a_role_that_does_not_say_whose_it_is_counts),
		cmocka_unit_test(a_cycle_ends),
		cmocka_unit_test(at_most_32_delegated_roles_are_visited),
		cmocka_unit_test(a_role_is_verified_again_under_each_delegator),
		cmocka_unit_test(one_session_does_not_believe_under_one_delegator_what_it_read_under_another),
		cmocka_unit_test(the_path_must_match_in_every_delegation_on_the_way),
		cmocka_unit_test(a_delegated_role_that_the_snapshot_does_not_list_stops_the_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
