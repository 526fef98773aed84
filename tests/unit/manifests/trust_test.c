/* From the root we hold to the manifest we obey: the road, the signatures, the chain of roots. */
#include "tests/unit/manifests/world.h"

/* --- the road --- */

TEST(a_new_host_walks_from_the_root_to_the_manifest)
{
	BEGIN;
	assert_int_equal(run(&w), ERR_NONE);
	assert_string_equal(asked(&w), "2.root.json timestamp.json 1.snapshot.json 1.targets.json 1.plan-D.json ");
	assert_manifest(&w, "one");
	assert_string_equal(w.target.role, "plan-D");
	assert_int_equal(w.signed_at, FORGE_NOW - FORGE_DAY);
	assert_false(trust_target_check(&w.target, STR("other"), NULL)); /* forged */
	assert_false(trust_target_check(&w.target, STR("one\n"), NULL));
}

TEST(what_is_held_is_not_fetched_again)
{
	BEGIN;
	assert_int_equal(run(&w), ERR_NONE);
	assert_int_equal(run(&w), ERR_NONE);
	assert_string_equal(asked(&w), "2.root.json timestamp.json ");
	assert_manifest(&w, "one");
	world_next(&w, "two");
	assert_int_equal(run(&w), ERR_NONE);
	assert_string_equal(asked(&w), "2.root.json timestamp.json 2.snapshot.json 2.plan-D.json ");
	assert_manifest(&w, "two");
}

TEST(a_path_that_nobody_signs_for_is_not_found)
{
	BEGIN;
	assert_int_equal(run_for(&w, "plan-E/manifest.json"), ERR_NONE);
	assert_false(w.found);
	assert_int_equal(run_for(&w, "plan-D/other.json"), ERR_NONE);
	assert_false(w.found);
}

TEST(versions_that_are_held_are_told_before_anything_is_fetched)
{
	BEGIN;
	struct trust *t = NULL;

	assert_int_equal(run(&w), ERR_NONE);
	assert_true(trust_new(&t, buf_str(&w.anchor), w.now, NULL));
	hold_disk(&w, t);
	assert_int_equal(trust_version(t, "root"), 1);
	assert_int_equal(trust_version(t, "timestamp"), 1);
	assert_int_equal(trust_version(t, "plan-D"), 1);
	assert_int_equal(trust_version(t, "plan-E"), 0);
	assert_int_equal(trust_expires(t, "timestamp"), FORGE_NOW + 14 * FORGE_DAY);
	trust_free(&t);
}

TEST(held_metadata_that_a_wrong_key_signed_is_not_told_as_ours)
{
	BEGIN;
	struct trust *t = NULL;

	shelf_put(&w.disk, "timestamp", forge_bytes(w.timestamp, "s"));
	shelf_put(&w.disk, "targets", forge_bytes(w.targets, "t"));
	shelf_put(&w.disk, "plan-D", forge_bytes(w.plan, "s"));
	assert_true(trust_new(&t, buf_str(&w.anchor), w.now, NULL));
	hold_disk(&w, t);
	assert_int_equal(trust_version(t, "timestamp"), 0);
	assert_int_equal(trust_signed_at(t), 0);
	assert_int_equal(trust_version(t, "targets"), 1);
	assert_int_equal(trust_version(t, "plan-D"), 0);
	trust_free(&t);
}

TEST(without_consistent_snapshot_the_names_carry_no_version)
{
	BEGIN;
	doc_set_bool(w.root, "consistent_snapshot", false);
	buf_free(&w.anchor);
	w.anchor = forge_bytes(w.root, "r");
	shelf_put(&w.served, "snapshot.json", forge_bytes(w.snapshot, "s"));
	shelf_put(&w.served, "targets.json", forge_bytes(w.targets, "t"));
	shelf_put(&w.served, "plan-D.json", forge_bytes(w.plan, "p"));
	assert_int_equal(run(&w), ERR_NONE);
	assert_string_equal(asked(&w), "2.root.json timestamp.json snapshot.json targets.json plan-D.json ");
}

TEST(a_root_that_does_not_speak_of_consistent_snapshot_has_none)
{
	BEGIN;
	cleanup(doc_free) doc *root = doc_object();
	for (void *i = doc_first(w.root); i; i = doc_next(w.root, i))
		if (strcmp(doc_key(i), "consistent_snapshot") != 0)
			doc_set(root, doc_key(i), doc_ref(doc_value(i)));
	buf_free(&w.anchor);
	w.anchor = forge_bytes(root, "r");
	assert_int_equal(run(&w), ERR_MISSING);
	assert_string_equal(asked(&w), "2.root.json timestamp.json snapshot.json ");
}

TEST(the_bytes_received_are_kept_and_not_what_we_would_write)
{
	BEGIN;
	cleanup(buf_free) struct buf odd = {0};
	struct buf *b = shelf_find(&w.served, "timestamp.json");
	buf_text(&odd, "\n\t ");
	buf_add(&odd, buf_str(b));
	buf_text(&odd, "  \r\n");
	buf_clear(b);
	buf_add(b, buf_str(&odd));
	assert_int_equal(run(&w), ERR_NONE);
	assert_true(str_eq(buf_str(&odd), buf_str(shelf_find(&w.disk, "timestamp"))));
}

TEST(a_file_that_is_not_there_fails_by_its_name)
{
	BEGIN;
	shelf_take(&w.served, "1.plan-D.json");
	assert_int_equal(run(&w), ERR_MISSING);
	assert_non_null(strstr(w.why.text, "plan-D"));
	shelf_take(&w.served, "timestamp.json");
	assert_int_equal(run(&w), ERR_MISSING);
	assert_non_null(strstr(w.why.text, "timestamp"));
}

/* --- signatures --- */

static enum err_code run_signed(struct world *w, doc *body, const char *role, const char *by)
{
	serve(w, body, role, by);
	return run(w);
}

static void only_right_keys(const char *role, size_t which, const char *wrong)
{
	cleanup(world_free) struct world w;

	world_make(&w);
	doc *const body[] = {w.timestamp, w.snapshot, w.targets, w.plan};
	static const char *const by[] = {"m", "s", "t", "p"};
	assert_int_equal(run_signed(&w, body[which], role, ""), ERR_SIGNATURE);
	assert_not_kept(&w, role);
	assert_int_equal(run_signed(&w, body[which], role, wrong), ERR_SIGNATURE);
	assert_not_kept(&w, role);
	char both[8];
	snprintf(both, sizeof both, "%s%s", wrong, by[which]);
	assert_int_equal(run_signed(&w, body[which], role, both), ERR_NONE);
	assert_non_null(shelf_find(&w.disk, role));
}

TEST(each_role_is_signed_by_its_own_keys_alone)
{
	(void)state;
	only_right_keys("timestamp", 0, "rstp");
	only_right_keys("snapshot", 1, "rmtp");
	only_right_keys("targets", 2, "rmsp");
	only_right_keys("plan-D", 3, "rmst");
}

static void two_needed(struct world *w, bool delegated)
{
	if (delegated) {
		cleanup(doc_free) doc *fresh = role_body(ROLE_TARGETS, 1, FORGE_NOW + 365 * FORGE_DAY);
		forge_signers(fresh, ROLE_TARGETS, "plan-D", "pq", 2, (const char *const[]){"plan-D/*"}, 1);
		serve(w, fresh, "targets", "t");
		return;
	}
	forge_signers(w->root, ROLE_TIMESTAMP, NULL, "mn", 2, NULL, 0);
	buf_free(&w->anchor);
	w->anchor = forge_bytes(w->root, "r");
}

/* The same signature again, under the keyid given. */
static struct buf signed_again(doc *body, char letter, const char *keyid)
{
	doc *whole = role_seal(doc_ref(body));
	struct buf out = {0};
	char id[DIGEST_HEX + 1];

	forge_keyid(id, letter);
	forge_signature(whole, id, letter);
	forge_signature(whole, keyid ? keyid : id, letter);
	doc_pretty(&out, whole);
	doc_free(&whole);
	return out;
}

TEST(a_signature_given_twice_does_not_count_twice)
{
	BEGIN;
	two_needed(&w, false);
	shelf_put(&w.served, "timestamp.json", signed_again(w.timestamp, 'm', NULL));
	assert_int_equal(run(&w), ERR_SIGNATURE);
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_SIGNATURE);
	serve(&w, w.timestamp, "timestamp", "mn");
	assert_int_equal(run(&w), ERR_NONE);
}

TEST(a_delegated_roles_signature_given_twice_does_not_count_twice)
{
	BEGIN;
	two_needed(&w, true);
	shelf_put(&w.served, "1.plan-D.json", signed_again(w.plan, 'p', NULL));
	assert_int_equal(run(&w), ERR_SIGNATURE);
	serve(&w, w.plan, "plan-D", "p");
	assert_int_equal(run(&w), ERR_SIGNATURE);
	serve(&w, w.plan, "plan-D", "qp");
	assert_int_equal(run(&w), ERR_NONE);
}

TEST(one_public_key_under_two_keyids_counts_once)
{
	BEGIN;
	two_needed(&w, false);
	struct public_key m = forge_public('m');
	doc *ids = doc_list(), *role = doc_get(doc_get(w.root, "roles"), "timestamp");
	char id[DIGEST_HEX + 1];
	forge_keyid(id, 'm');
	doc_set(doc_get(w.root, "keys"), "another", public_doc(&m));
	doc_add_str(ids, str_of(id));
	doc_add_str(ids, STR("another"));
	doc_set(role, "keyids", ids);
	public_free(&m);
	buf_free(&w.anchor);
	w.anchor = forge_bytes(w.root, "r");
	shelf_put(&w.served, "timestamp.json", signed_again(w.timestamp, 'm', "another"));
	assert_int_equal(run(&w), ERR_SIGNATURE);
	doc_set_int(role, "threshold", 1);
	buf_free(&w.anchor);
	w.anchor = forge_bytes(w.root, "r");
	assert_int_equal(run(&w), ERR_NONE);
}

TEST(an_anchor_that_is_not_signed_by_itself_is_no_anchor)
{
	BEGIN;
	struct trust *t = NULL;
	struct err e = {0};
	cleanup(buf_free) struct buf wrong = forge_bytes(w.root, "mst");

	assert_false(trust_new(&t, buf_str(&wrong), w.now, &e));
	assert_int_equal(e.code, ERR_SIGNATURE);
	assert_null(t);
	assert_false(trust_new(&t, STR("{}"), w.now, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
}

/* --- root --- */

TEST(a_chain_of_roots_is_walked_and_every_step_is_kept)
{
	BEGIN;
	serve_root(&w, 2, "R", "rR");
	serve_root(&w, 3, "Q", "RQ");
	assert_int_equal(run(&w), ERR_NONE);
	assert_non_null(shelf_find(&w.disk, "2.root"));
	assert_non_null(shelf_find(&w.disk, "3.root"));
	assert_int_equal(run(&w), ERR_NONE);
	assert_string_equal(asked(&w), "4.root.json timestamp.json ");
}

TEST(a_root_must_be_signed_by_the_one_before_and_by_itself)
{
	BEGIN;
	static const char *const bad[] = {"", "r", "R", "mst"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		serve_root(&w, 2, "R", bad[i]);
		assert_int_equal(run(&w), ERR_SIGNATURE);
		assert_int_equal(w.disk.count, 0);
	}
	serve_root(&w, 2, "R", "rR");
	assert_int_equal(run(&w), ERR_NONE);
}

TEST(a_root_is_exactly_the_next_version)
{
	BEGIN;
	static const uint64_t bad[] = {1, 3, 4000};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		cleanup(doc_free) doc *root = forge_root(bad[i], "r", "m", "s", "t");
		shelf_put(&w.served, "2.root.json", forge_bytes(root, "r"));
		assert_int_not_equal(run(&w), ERR_NONE);
		assert_int_equal(w.disk.count, 0);
	}
}

TEST(the_newest_root_is_not_taken_before_the_chain)
{
	BEGIN;
	serve_root(&w, 2, "R", "R"); /* a forger's, and what follows from it */
	serve_root(&w, 3, "R", "R");
	assert_int_equal(run(&w), ERR_SIGNATURE);
	assert_string_equal(asked(&w), "2.root.json ");
}

TEST(a_root_that_was_refused_is_not_believed_from_the_disk)
{
	BEGIN;
	cleanup(doc_free) doc *root = forge_root(2, "R", "M", "S", "T");
	shelf_put(&w.disk, "2.root", forge_bytes(root, "R"));
	assert_int_equal(run(&w), ERR_NONE);
	assert_string_equal(asked(&w), "2.root.json timestamp.json 1.snapshot.json 1.targets.json 1.plan-D.json ");
}

TEST(roots_on_the_disk_must_chain_like_those_that_are_fetched)
{
	BEGIN;
	static const char *const by[] = {"rR", "r"};
	static const uint64_t version[] = {3, 2}; /* a step is missing; it is not signed by itself */

	for (size_t i = 0; i < COUNT_OF(by); i++) {
		cleanup(doc_free) doc *root = forge_root(version[i], "R", "m", "s", "t");
		shelf_put(&w.disk, "2.root", forge_bytes(root, by[i]));
		assert_int_equal(run(&w), ERR_NONE);
		assert_non_null(strstr(asked(&w), "2.root.json "));
	}
}

TEST(at_most_256_roots_are_asked_for)
{
	BEGIN;
	for (uint64_t n = 2; n < 300; n++)
		serve_root(&w, n, "r", "r");
	assert_int_equal(run_for(&w, NULL), ERR_NONE);
	assert_non_null(shelf_find(&w.disk, "257.root"));
	assert_null(shelf_find(&w.disk, "258.root"));
	assert_null(strstr(asked(&w), "258.root.json"));
}

TEST(a_root_that_is_too_long_is_not_read)
{
	BEGIN;
	cleanup(doc_free) doc *root = forge_root(2, "r", "m", "s", "t");
	cleanup(free_ptr) char *fat = mem_new(TRUST_ROOT_MAX, 1);
	memset(fat, 'x', TRUST_ROOT_MAX - 1);
	doc_set_text(root, "x-fat", fat);
	serve(&w, root, "root", "r");
	assert_int_equal(run(&w), ERR_LIMIT);
}

TEST(an_anchor_that_has_expired_is_still_the_way_to_the_next_root)
{
	BEGIN;
	w.now.unix_s += 500 * FORGE_DAY;
	assert_int_equal(run(&w), ERR_EXPIRED); /* nothing new is taken by it, and nothing ends by it */
	assert_string_equal(asked(&w), "2.root.json ");
	cleanup(doc_free) doc *next = forge_root(2, "r", "m", "s", "t");
	expires_in(next, 600 * FORGE_DAY);
	serve(&w, next, "root", "r");
	assert_int_equal(run(&w), ERR_EXPIRED);
	assert_non_null(strstr(w.why.text, "timestamp"));
	assert_non_null(shelf_find(&w.disk, "2.root"));
}

TEST(roots_on_the_way_may_have_expired_but_not_the_last)
{
	BEGIN;
	cleanup(doc_free) doc *second = forge_root(2, "r", "m", "s", "t");
	expires_in(second, -1);
	serve(&w, second, "root", "r");
	assert_int_equal(run(&w), ERR_EXPIRED);
	assert_non_null(shelf_find(&w.disk, "2.root")); /* a step that holds is kept: the next one can mend it */
	assert_not_kept(&w, "timestamp");
	serve_root(&w, 3, "r", "r");
	assert_int_equal(run(&w), ERR_NONE);
}

TEST(what_a_key_signed_that_the_new_root_dropped_is_not_used_though_it_is_held)
{
	BEGIN;
	assert_int_equal(run(&w), ERR_NONE);
	cleanup(doc_free) doc *root = forge_root(2, "r", "m", "s", "T");
	serve(&w, root, "root", "r");
	assert_int_equal(run(&w), ERR_SIGNATURE); /* the one served is by the old key, too */
	serve(&w, w.targets, "targets", "T");
	assert_int_equal(run(&w), ERR_NONE);
	assert_string_equal(asked(&w), "3.root.json timestamp.json 1.targets.json ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_host_walks_from_the_root_to_the_manifest),
		cmocka_unit_test(what_is_held_is_not_fetched_again),
		cmocka_unit_test(a_path_that_nobody_signs_for_is_not_found),
		cmocka_unit_test(versions_that_are_held_are_told_before_anything_is_fetched),
		cmocka_unit_test(held_metadata_that_a_wrong_key_signed_is_not_told_as_ours),
		cmocka_unit_test(without_consistent_snapshot_the_names_carry_no_version),
		cmocka_unit_test(a_root_that_does_not_speak_of_consistent_snapshot_has_none),
		cmocka_unit_test(the_bytes_received_are_kept_and_not_what_we_would_write),
		cmocka_unit_test(a_file_that_is_not_there_fails_by_its_name),
		cmocka_unit_test(each_role_is_signed_by_its_own_keys_alone),
		cmocka_unit_test(a_signature_given_twice_does_not_count_twice),
		cmocka_unit_test(a_delegated_roles_signature_given_twice_does_not_count_twice),
		cmocka_unit_test(one_public_key_under_two_keyids_counts_once),
		cmocka_unit_test(an_anchor_that_is_not_signed_by_itself_is_no_anchor),
		cmocka_unit_test(a_chain_of_roots_is_walked_and_every_step_is_kept),
		cmocka_unit_test(a_root_must_be_signed_by_the_one_before_and_by_itself),
		cmocka_unit_test(a_root_is_exactly_the_next_version),
		cmocka_unit_test(the_newest_root_is_not_taken_before_the_chain),
		cmocka_unit_test(a_root_that_was_refused_is_not_believed_from_the_disk),
		cmocka_unit_test(roots_on_the_disk_must_chain_like_those_that_are_fetched),
		cmocka_unit_test(at_most_256_roots_are_asked_for),
		cmocka_unit_test(a_root_that_is_too_long_is_not_read),
		cmocka_unit_test(an_anchor_that_has_expired_is_still_the_way_to_the_next_root),
		cmocka_unit_test(roots_on_the_way_may_have_expired_but_not_the_last),
		cmocka_unit_test(what_a_key_signed_that_the_new_root_dropped_is_not_used_though_it_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
