/* Signing: what changes is signed, what does not stays, and nothing is written that could not be signed whole. */
#include "tests/unit/fleetctl/repo/yard.h"

#define TEST(name) static void name(void **state)
#define BEGIN                                                                                                                  \
	(void)state;                                                                                                           \
	cleanup(yard_free) struct yard y;                                                                                      \
	yard_make(&y);                                                                                                         \
	yard_keys(&y);                                                                                                         \
	yard_release(&y, "plan-D", "soracom.io", STR("bundle one"))

static void assert_versions(struct yard *y, uint64_t root, uint64_t targets, uint64_t plan, uint64_t snapshot,
	uint64_t timestamp)
{
	assert_int_equal(yard_version(y, "root"), root);
	assert_int_equal(yard_version(y, "targets"), targets);
	assert_int_equal(yard_version(y, "plan-D"), plan);
	assert_int_equal(yard_version(y, "snapshot"), snapshot);
	assert_int_equal(yard_version(y, "timestamp"), timestamp);
	if (yard_verify(y, NULL) != ERR_NONE)
		fail_msg("%s", y->why.text);
}

/* --- the road --- */

TEST(the_first_signing_makes_a_repository_that_verifies)
{
	BEGIN;
	static const char *const files[] = {"1.root.json", "1.targets.json", "1.plan-D.json", "1.snapshot.json",
		"timestamp.json"};
	struct repository_facts facts = {0};
	cleanup(buf_free) struct buf text = {0};
	char path[200];

	yard_sign(&y);
	assert_versions(&y, 1, 1, 1, 1, 1);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		snprintf(path, sizeof path, "repository/metadata/%s", files[i]);
		yard_read(&y, &text, path);
		assert_true(str_starts(buf_str(&text), "{\n \"signatures\": ["));
		assert_true(str_ends(buf_str(&text), "}\n"));
	}
	assert_non_null(strstr(buf_str(&text).data, "\"x-fleet-signed\": \"2027-01-15T08:00:00Z\""));
	assert_non_null(strstr(buf_str(&text).data, "\"expires\": \"2027-01-29T08:00:00Z\""));
	assert_int_equal(yard_verify(&y, &facts), ERR_NONE);
	assert_int_equal(facts.permitteds, 1);
	assert_int_equal(facts.permitted[0].number, 1);
	assert_true(facts.permitted[0].current);
	assert_true(digest_eq(facts.permitted[0].bundle, digest_of(STR("bundle one"))));
	assert_int_equal(facts.roles, 5);
	repository_facts_free(&facts);
	assert_true(yard_says(&y, "root 1 (new)") && yard_says(&y, "timestamp: adds the key of online; threshold 1"));
	assert_true(yard_says(&y, "plan-D: adds the key of owner; threshold 1") && yard_says(&y, "manifest 1"));
}

TEST(the_release_id_is_the_tuf_hash_of_the_manifest)
{
	BEGIN;
	cleanup(repository_free) struct repository r = {0};
	cleanup(buf_free) struct buf text = {0};
	cleanup(manifest_free) struct manifest m = {0};
	char hex[DIGEST_HEX + 1], path[200];

	yard_sign(&y);
	assert_true(repository_open(&r, y.fleet, NULL) && repository_current(&text, &r, "plan-D", NULL));
	assert_true(manifest_read(&m, buf_str(&text), NULL, NULL));
	assert_int_equal(m.number, 1);
	digest_hex(hex, manifest_id(buf_str(&text)));
	snprintf(path, sizeof path, "repository/targets/plan-D/%s.manifest.json", hex);
	assert_true(yard_has(&y, path));
	snprintf(path, sizeof path, "repository/targets/plan-D/releases/%s.1.json", hex);
	assert_true(yard_has(&y, path));
}

TEST(where_nothing_changed_there_is_nothing_to_sign)
{
	BEGIN;
	cleanup(buf_free) struct buf before = {0}, after = {0};

	yard_sign(&y);
	yard_read(&y, &before, "repository/metadata/timestamp.json");
	y.now += YARD_DAY;
	yard_sign(&y);
	assert_true(yard_says(&y, "nothing to sign"));
	yard_read(&y, &after, "repository/metadata/timestamp.json");
	assert_true(str_eq(buf_str(&before), buf_str(&after)));
}

TEST(a_changed_plan_gets_the_next_number_and_the_one_before_stays_permitted)
{
	BEGIN;
	struct repository_facts facts = {0};

	yard_sign(&y);
	yard_release(&y, "plan-D", "example.net", STR("bundle one"));
	yard_sign(&y);
	assert_true(yard_says(&y, "plan-D 2 (was 1)") && yard_says(&y, "manifest 2 replaces 1") && yard_says(&y, "example.net"));
	assert_false(yard_says(&y, "root"));
	assert_versions(&y, 1, 1, 2, 2, 2);
	assert_int_equal(yard_verify(&y, &facts), ERR_NONE);
	assert_int_equal(facts.permitteds, 2);
	for (size_t i = 0; i < facts.permitteds; i++)
		assert_int_equal(facts.permitted[i].current, facts.permitted[i].number == 2);
	repository_facts_free(&facts);
}

TEST(a_changed_bundle_alone_is_a_new_release)
{
	BEGIN;
	yard_sign(&y);
	yard_release(&y, "plan-D", "soracom.io", STR("bundle two"));
	yard_sign(&y);
	assert_versions(&y, 1, 1, 2, 2, 2);
	yard_release(&y, "plan-D", "soracom.io", STR("bundle one")); /* going back is going on: numbers only rise */
	yard_sign(&y);
	assert_true(yard_says(&y, "manifest 3 replaces 2"));
}

TEST(the_last_five_releases_are_permitted)
{
	BEGIN;
	struct repository_facts facts = {0};
	char arg[20];

	for (int i = 1; i <= 12; i++) {
		snprintf(arg, sizeof arg, "v%d.example", i);
		yard_release(&y, "plan-D", arg, STR("bundle one"));
		yard_sign(&y);
	}
	assert_int_equal(yard_verify(&y, &facts), ERR_NONE);
	assert_int_equal(facts.permitteds, SIGN_RELEASES_KEPT);
	for (size_t i = 0; i < facts.permitteds; i++)
		assert_true(facts.permitted[i].number >= 8 && facts.permitted[i].number <= 12);
	repository_facts_free(&facts);
}

TEST(a_plan_that_is_not_given_stays_as_it_is_and_a_new_one_joins)
{
	BEGIN;
	yard_sign(&y);
	cleanup(yard_free) struct yard other;
	yard_make(&other);
	free(other.fleet);
	free(other.keys);
	other.fleet = str_dup(str_of(y.fleet));
	other.keys = str_dup(str_of(y.keys));
	yard_release(&other, "plan01s", "soracom.io", STR("bundle one"));
	yard_sign(&other);
	assert_versions(&y, 1, 2, 1, 2, 2);
	assert_int_equal(yard_version(&y, "plan01s"), 1);
	assert_false(yard_says(&other, "plan-D"));
}

/* --- the same bytes --- */

static void assert_same_folder(struct yard *a, struct yard *b, const char *folder)
{
	cleanup(fs_names_free) struct fs_names x = {0}, z = {0};
	cleanup(free_ptr) char *pa = path_form("%s/%s", a->fleet, folder), *pb = path_form("%s/%s", b->fleet, folder);

	assert_true(fs_names(&x, AT_FDCWD, pa, NULL) && fs_names(&z, AT_FDCWD, pb, NULL));
	assert_int_equal(x.count, z.count);
	for (size_t i = 0; i < x.count; i++) {
		cleanup(buf_free) struct buf s = {0}, t = {0};
		cleanup(free_ptr) char *file = path_form("%s/%s", folder, x.name[i]);
		assert_string_equal(x.name[i], z.name[i]);
		yard_read(a, &s, file);
		yard_read(b, &t, file);
		assert_true(str_eq(buf_str(&s), buf_str(&t)));
	}
}

TEST(the_same_input_gives_the_same_bytes)
{
	BEGIN;
	cleanup(yard_free) struct yard twin;
	cleanup(buf_free) struct buf keys = {0};

	yard_make(&twin);
	free(twin.keys);
	twin.keys = str_dup(str_of(y.keys));
	yard_read(&y, &keys, KEYSET_FILE);
	yard_write(&twin, KEYSET_FILE, buf_str(&keys));
	yard_release(&twin, "plan-D", "soracom.io", STR("bundle one"));
	yard_sign(&y);
	yard_sign(&twin);
	assert_string_equal(y.digest, twin.digest);
	assert_same_folder(&y, &twin, "repository/metadata");
	assert_same_folder(&y, &twin, "repository/bundles");
	assert_same_folder(&y, &twin, "repository/targets/plan-D/releases");
}

TEST(the_digest_to_compare_is_that_of_what_is_signed)
{
	BEGIN;
	char first[SIGN_DIGEST_SIZE];

	assert_int_equal(yard_go(&y, YARD_LOOK), ERR_NONE);
	assert_int_equal(strlen(y.digest), SIGN_DIGEST_SIZE - 1);
	memcpy(first, y.digest, sizeof first);
	assert_int_equal(yard_go(&y, YARD_LOOK), ERR_NONE);
	assert_string_equal(first, y.digest);
	yard_release(&y, "plan-D", "example.net", STR("bundle one"));
	assert_int_equal(yard_go(&y, YARD_LOOK), ERR_NONE);
	assert_string_not_equal(first, y.digest);
	assert_false(yard_has(&y, "repository")); /* looking writes nothing */
}

/* --- keys --- */

static void hide(struct yard *y, const char *name)
{
	cleanup(free_ptr) char *from = path_form("%s/%s.pem", y->keys, name), *to = path_form("%s/%s.gone", y->keys, name);

	assert_true(fs_rename(AT_FDCWD, from, to, NULL));
}

TEST(without_enough_keys_nothing_is_written_and_the_missing_are_named)
{
	BEGIN;
	yard_key(&y, "bob", "root");
	yard_mend(&y, KEYSET_FILE, "root: 1", "root: 2");
	hide(&y, "bob");
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_SIGNATURE);
	assert_non_null(strstr(y.why.text, "bob"));
	assert_null(strstr(y.why.text, "ann"));
	assert_false(yard_has(&y, "repository"));
}

TEST(a_new_root_is_signed_by_the_keys_before_and_by_its_own)
{
	BEGIN;
	yard_sign(&y);
	yard_mend(&y, KEYSET_FILE, "name: ann, roles: [root, targets]", "name: ann, roles: [targets]");
	yard_key(&y, "bob", "root");
	assert_int_equal(yard_go(&y, YARD_LOOK), ERR_NONE);
	assert_true(yard_says(&y, "root 2 (was 1)") && yard_says(&y, "root: adds the key of bob; drops the key of ann"));
	yard_sign(&y);
	assert_versions(&y, 2, 1, 1, 1, 2); /* a root always comes with a timestamp */
	cleanup(buf_free) struct buf root = {0};
	yard_read(&y, &root, "repository/metadata/2.root.json");
	char *first = strstr(root.data, "\"sig\":");
	assert_non_null(first);
	assert_non_null(strstr(first + 1, "\"sig\":"));
}

TEST(without_the_key_before_there_is_no_new_root)
{
	BEGIN;
	yard_sign(&y);
	yard_mend(&y, KEYSET_FILE, "name: ann, roles: [root, targets]", "name: ann, roles: [targets]");
	yard_key(&y, "bob", "root");
	hide(&y, "ann");
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_SIGNATURE);
	assert_non_null(strstr(y.why.text, "ann"));
	assert_versions(&y, 1, 1, 1, 1, 1);
}

TEST(a_new_online_key_signs_snapshot_and_timestamp_again)
{
	BEGIN;
	yard_sign(&y);
	yard_mend(&y, KEYSET_FILE, "name: online, roles: [snapshot, timestamp]", "name: online, roles: [plan-Z]");
	yard_key(&y, "online-2", "snapshot timestamp");
	hide(&y, "online"); /* lost */
	yard_sign(&y);
	assert_versions(&y, 2, 1, 1, 2, 2);
}

TEST(a_plan_with_a_key_of_its_own_is_signed_by_it_alone)
{
	BEGIN;
	yard_sign(&y);
	yard_key(&y, "dora", "plan-D");
	yard_sign(&y);
	assert_true(yard_says(&y, "plan-D: adds the key of dora; drops the key of owner"));
	assert_versions(&y, 1, 2, 2, 2, 2);
	hide(&y, "dora");
	yard_release(&y, "plan-D", "example.net", STR("bundle one"));
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_SIGNATURE);
	assert_non_null(strstr(y.why.text, "dora"));
}

TEST(a_threshold_change_is_a_new_root)
{
	BEGIN;
	yard_sign(&y);
	yard_key(&y, "bob", "root");
	yard_mend(&y, KEYSET_FILE, "root: 1", "root: 2");
	yard_sign(&y);
	assert_true(yard_says(&y, "root: adds the key of bob; threshold 1 to 2"));
	assert_versions(&y, 2, 1, 1, 1, 2);
}

static unsigned asked;

static bool ask(void *ctx, struct buf *passphrase, const char *name, struct err *e)
{
	(void)e;
	asked++;
	assert_string_equal(name, "cyd");
	buf_text(passphrase, ctx);
	return true;
}

TEST(a_passphrase_is_asked_for_once_and_a_wrong_one_signs_nothing)
{
	(void)state;
	cleanup(yard_free) struct yard y;
	struct public_key key = {0};
	cleanup(buf_free) struct buf sig = {0};

	yard_make(&y);
	assert_false(signer_make(&key, y.keys, "cyd", STR(""), false, &y.why));
	assert_true(signer_make(&key, y.keys, "cyd", STR("secret"), false, &y.why));
	assert_false(signer_make(&key, y.keys, "cyd", STR("secret"), false, &y.why));
	assert_int_equal(y.why.code, ERR_EXISTS);
	for (int right = 0; right < 2; right++) {
		cleanup(signers_free) struct signers s = {0};
		static char wrong_word[] = "wrong", right_word[] = "secret";
		asked = 0;
		assert_true(signers_open(&s, y.keys, "", ask, right ? right_word : wrong_word, &y.why));
		assert_true(signers_have(&s, &key));
		assert_int_equal(signers_sign(&sig, &s, &key, STR("text"), &y.why), right);
		if (right)
			assert_true(signers_sign(&sig, &s, &key, STR("more"), &y.why));
		else
			assert_int_equal(y.why.code, ERR_PASSPHRASE);
		assert_int_equal(asked, 1);
	}
	public_free(&key);
}

TEST(private_keys_are_refused_in_a_git_work_tree)
{
	(void)state;
	cleanup(yard_free) struct yard y;
	struct public_key key = {0};

	yard_make(&y);
	cleanup(free_ptr) char *git = path_form("%s/.git", y.fleet), *deep = path_form("%s/a/b/keys", y.fleet);
	assert_true(fs_mkdir(AT_FDCWD, git, 0755, NULL));
	assert_false(signer_make(&key, deep, "ann", STR(""), true, &y.why));
	assert_int_equal(y.why.code, ERR_REFUSED);
	assert_false(fs_exists(AT_FDCWD, deep));
}

TEST(keys_yaml_names_each_key_once)
{
	BEGIN;
	cleanup(keyset_free) struct keyset k = {0};
	struct public_key key = {0};
	static const char *const root[] = {"root"};

	assert_true(keyset_read(&k, y.fleet, &y.why));
	assert_int_equal(k.keys.count, 3);
	assert_false(keyset_add(y.fleet, "other", root, 1, &keyset_at(&k, 0)->key, &y.why));
	assert_int_equal(y.why.code, ERR_EXISTS);
	assert_true(signer_make(&key, y.keys, "new", STR(""), true, &y.why));
	assert_false(keyset_add(y.fleet, "ann", root, 1, &key, &y.why));
	assert_int_equal(y.why.code, ERR_EXISTS);
	assert_false(keyset_add(y.fleet, "new", root, 0, &key, &y.why));
	assert_int_equal(y.why.code, ERR_USAGE);
	public_free(&key);
	yard_mend(&y, KEYSET_FILE, "root: 1", "root: 0");
	keyset_free(&k);
	assert_false(keyset_read(&k, y.fleet, &y.why));
	yard_mend(&y, KEYSET_FILE, "root: 0", "root: 2");
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_USAGE); /* one key cannot sign twice */
}

TEST(a_small_order_key_is_refused_when_it_is_added)
{
	(void)state;
	struct public_key key = {0};
	struct err e = {0};

	assert_false(keyset_key_read(&key,
		STR("ed25519 0100000000000000000000000000000000000000000000000000000000000000"), &e));
	assert_false(keyset_key_read(&key, STR("ed25519 zz"), &e));
	assert_false(keyset_key_read(&key, STR("dsa 00"), &e));
	assert_true(keyset_key_read(&key,
		STR("p256 MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEu+ebm3VUg6U2b0IIeR6NFZU7uxkL"
		    "R1sVLxV8SEW7G+AMXMasEQf5daxfwVMP1kuEkhGs3mBYLkYXlWDh9BNSxg=="),
		&e));
	cleanup(buf_free) struct buf text = {0};
	struct public_key again = {0};
	keyset_key_text(&text, &key);
	assert_true(keyset_key_read(&again, buf_str(&text), &e));
	assert_true(digest_eq(key.same, again.same));
	public_free(&key);
	public_free(&again);
}

/* --- dates --- */

TEST(refresh_signs_the_timestamp_and_the_snapshot_only_in_its_last_week)
{
	BEGIN;
	yard_sign(&y);
	y.refresh = true;
	y.now += YARD_DAY;
	yard_sign(&y);
	assert_versions(&y, 1, 1, 1, 1, 2);
	y.refresh = false;
	y.now += 10 * YARD_DAY; /* four days are left of the timestamp */
	yard_sign(&y);
	assert_true(yard_says(&y, "timestamp 3 (was 2, renewed)"));
	assert_versions(&y, 1, 1, 1, 1, 3);
	y.now += 13 * YARD_DAY; /* day 24 of 30 */
	yard_sign(&y);
	assert_versions(&y, 1, 1, 1, 2, 4);
}

TEST(what_has_expired_is_signed_again)
{
	BEGIN;
	yard_sign(&y);
	y.now += 400 * YARD_DAY;
	assert_int_equal(yard_verify(&y, NULL), ERR_EXPIRED);
	yard_sign(&y);
	assert_versions(&y, 2, 2, 2, 2, 2);
}

TEST(a_role_that_nears_its_end_is_left_when_its_key_is_elsewhere)
{
	BEGIN;
	yard_sign(&y);
	hide(&y, "ann");
	y.now += 340 * YARD_DAY;
	yard_sign(&y);
	assert_true(yard_says(&y, "root 1 ends in 25 days and cannot be renewed here"));
	assert_true(yard_says(&y, "ann"));
	assert_versions(&y, 1, 1, 2, 2, 2);
}

/* --- what is there is not believed unseen --- */

TEST(a_repository_that_somebody_changed_is_not_signed_over)
{
	BEGIN;
	yard_sign(&y);
	yard_mend(&y, "repository/metadata/1.plan-D.json", "\"version\": 1", "\"version\": 7");
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_SIGNATURE);
	yard_mend(&y, "repository/metadata/1.plan-D.json", "\"version\": 7", "\"version\": 1");
	yard_mend(&y, "repository/metadata/timestamp.json", "\"version\": 1,\n  \"x-", "\"version\": 9007199254740991,\n  \"x-");
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_SIGNATURE);
}

TEST(a_tar_that_is_not_the_bundle_named_is_refused)
{
	BEGIN;
	assert_true(fs_write(AT_FDCWD, y.tar[0], STR("another"), 0644, NULL));
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_DIGEST);
	assert_false(yard_has(&y, "repository/metadata/timestamp.json"));
}

TEST(names_that_would_collide_are_refused)
{
	BEGIN;
	yard_release(&y, "PLAN-d", "soracom.io", STR("bundle one"));
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_UNSAFE);
	cleanup(yard_free) struct yard z;
	yard_make(&z);
	yard_keys(&z);
	yard_release(&z, "plans", "soracom.io", STR("bundle one"));
	assert_int_equal(yard_go(&z, YARD_SIGN), ERR_UNSAFE);
}

/* --- the power goes --- */

TEST(until_the_timestamp_is_written_readers_see_the_old_and_signing_goes_on)
{
	BEGIN;
	cleanup(buf_free) struct buf old = {0};

	yard_sign(&y);
	yard_read(&y, &old, "repository/metadata/timestamp.json");
	yard_release(&y, "plan-D", "example.net", STR("bundle two"));
	yard_sign(&y);
	yard_write(&y, "repository/metadata/timestamp.json", buf_str(&old)); /* as if it had not come that far */
	assert_versions(&y, 1, 1, 1, 1, 1);
	yard_sign(&y);
	assert_true(yard_says(&y, "manifest 2 replaces 1"));
	assert_versions(&y, 1, 1, 2, 2, 2);
}

TEST(a_root_that_was_written_without_its_timestamp_is_made_again)
{
	BEGIN;
	cleanup(buf_free) struct buf old = {0};

	yard_sign(&y);
	yard_read(&y, &old, "repository/metadata/timestamp.json");
	yard_mend(&y, KEYSET_FILE, "name: online, roles: [snapshot, timestamp]", "name: online, roles: [plan-Z]");
	yard_key(&y, "online-2", "snapshot timestamp");
	yard_sign(&y);
	yard_write(&y, "repository/metadata/timestamp.json", buf_str(&old));
	assert_int_equal(yard_verify(&y, NULL), ERR_SIGNATURE);
	yard_sign(&y);
	assert_true(yard_says(&y, "root 2 was not finished"));
	assert_versions(&y, 2, 1, 1, 2, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_signing_makes_a_repository_that_verifies),
		cmocka_unit_test(the_release_id_is_the_tuf_hash_of_the_manifest),
		cmocka_unit_test(where_nothing_changed_there_is_nothing_to_sign),
		cmocka_unit_test(a_changed_plan_gets_the_next_number_and_the_one_before_stays_permitted),
		cmocka_unit_test(a_changed_bundle_alone_is_a_new_release),
		cmocka_unit_test(the_last_five_releases_are_permitted),
		cmocka_unit_test(a_plan_that_is_not_given_stays_as_it_is_and_a_new_one_joins),
		cmocka_unit_test(the_same_input_gives_the_same_bytes),
		cmocka_unit_test(the_digest_to_compare_is_that_of_what_is_signed),
		cmocka_unit_test(without_enough_keys_nothing_is_written_and_the_missing_are_named),
		cmocka_unit_test(a_new_root_is_signed_by_the_keys_before_and_by_its_own),
		cmocka_unit_test(without_the_key_before_there_is_no_new_root),
		cmocka_unit_test(a_new_online_key_signs_snapshot_and_timestamp_again),
		cmocka_unit_test(a_plan_with_a_key_of_its_own_is_signed_by_it_alone),
		cmocka_unit_test(a_threshold_change_is_a_new_root),
		cmocka_unit_test(a_passphrase_is_asked_for_once_and_a_wrong_one_signs_nothing),
		cmocka_unit_test(private_keys_are_refused_in_a_git_work_tree),
		cmocka_unit_test(keys_yaml_names_each_key_once),
		cmocka_unit_test(a_small_order_key_is_refused_when_it_is_added),
		cmocka_unit_test(refresh_signs_the_timestamp_and_the_snapshot_only_in_its_last_week),
		cmocka_unit_test(what_has_expired_is_signed_again),
		cmocka_unit_test(a_role_that_nears_its_end_is_left_when_its_key_is_elsewhere),
		cmocka_unit_test(a_repository_that_somebody_changed_is_not_signed_over),
		cmocka_unit_test(a_tar_that_is_not_the_bundle_named_is_refused),
		cmocka_unit_test(names_that_would_collide_are_refused),
		cmocka_unit_test(until_the_timestamp_is_written_readers_see_the_old_and_signing_goes_on),
		cmocka_unit_test(a_root_that_was_written_without_its_timestamp_is_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
