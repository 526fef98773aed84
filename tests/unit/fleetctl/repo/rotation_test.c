/* Keys come and go for ten years, and hosts follow: our own client over what was signed, from the root of enrolment or from
 * what its disk held when it fell asleep. A thief signs with whatever key he has, beside it. */
#include "tests/unit/fleetctl/repo/yard.h"
#include "tests/unit/manifests/world.h"

#undef BEGIN
#define BEGIN                                                                                                                  \
	(void)state;                                                                                                           \
	cleanup(yard_free) struct yard y;                                                                                      \
	cleanup(host_free) struct world *w = mem_new(1, sizeof *w);                                                            \
	yard_make(&y);                                                                                                         \
	yard_keys(&y);                                                                                                         \
	yard_release(&y, "plan-D", "v1.example", STR("bundle one"));                                                           \
	yard_sign(&y);                                                                                                         \
	host_enrol(w, &y)

/* --- a host --- */

static void host_free(struct world **w)
{
	world_free(*w);
	free_ptr(w);
}

/* The web server now shows what lies in the yard. */
static void publish(struct world *w, struct yard *y)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(free_ptr) char *dir = path_form("%s/repository/metadata", y->fleet);

	shelf_clear(&w->served);
	assert_true(fs_names(&names, AT_FDCWD, dir, NULL));
	for (size_t i = 0; i < names.count; i++) {
		cleanup(free_ptr) char *file = path_form("repository/metadata/%s", names.name[i]);
		struct buf bytes = {0};
		yard_read(y, &bytes, file);
		shelf_put(&w->served, names.name[i], bytes);
	}
	w->now = (struct trust_time){y->now, true};
}

static void host_enrol(struct world *w, struct yard *y)
{
	publish(w, y);
	yard_read(y, &w->anchor, "repository/metadata/1.root.json");
}

static enum err_code host_pulls(struct world *w, struct yard *y)
{
	publish(w, y);
	return run(w);
}

/* It obeys the manifest that the repository names now. */
static void assert_obeys(struct world *w, struct yard *y, int64_t number)
{
	cleanup(repository_free) struct repository r = {0};
	cleanup(buf_free) struct buf text = {0};
	cleanup(manifest_free) struct manifest m = {0};

	if (host_pulls(w, y) != ERR_NONE)
		fail_msg("%s", w->why.text);
	assert_true(repository_open(&r, y->fleet, NULL) && repository_current(&text, &r, "plan-D", NULL));
	assert_manifest(w, buf_str(&text).data);
	assert_true(manifest_read(&m, buf_str(&text), NULL, NULL));
	assert_int_equal(m.number, number);
	if (yard_verify(y, NULL) != ERR_NONE)
		fail_msg("%s", y->why.text);
}

static void release(struct yard *y, const char *arg)
{
	yard_release(y, "plan-D", arg, STR("bundle one"));
	yard_sign(y);
}

/* --- keys.yaml --- */

static void threshold(struct yard *y, const char *from, const char *to)
{
	yard_mend(y, KEYSET_FILE, from, to);
}

/* The line of `name` goes, private half and all. */
static void revoke(struct yard *y, const char *name, bool lost)
{
	struct buf text = {0}, out = {0};
	cleanup(free_ptr) char *line_of = path_form("  - {name: %s,", name);

	yard_read(y, &text, KEYSET_FILE);
	for (struct str line, rest = buf_str(&text); rest.len;) {
		line = str_cut(rest, '\n', &rest);
		if (!str_starts(line, line_of))
			buf_form(&out, STR_FMT "\n", STR_ARG(line));
	}
	assert_true(out.len < text.len);
	yard_write(y, KEYSET_FILE, buf_str(&out));
	if (lost) {
		cleanup(free_ptr) char *pem = path_form("%s/%s.pem", y->keys, name);
		assert_true(fs_remove(AT_FDCWD, pem, NULL));
	}
	buf_free(&text);
	buf_free(&out);
}

/* --- a thief --- */

/* The body of a file as it lies there: what he starts from. */
static doc *body_of(struct yard *y, const char *file)
{
	cleanup(free_ptr) char *path = path_form("repository/metadata/%s", file);
	cleanup(buf_free) struct buf text = {0};
	cleanup(doc_free) doc *whole = NULL;

	yard_read(y, &text, path);
	assert_true(doc_read(&whole, buf_str(&text), NULL));
	return doc_ref(doc_get(whole, "signed"));
}

/* Signed by the private key NAME, as bytes; takes over `body`. */
static struct buf stolen(struct yard *y, doc *body, const char *name)
{
	cleanup(free_ptr) char *path = path_form("%s/%s.pem", y->keys, name);
	doc *whole = role_seal(body);
	struct secret_key *k = NULL;
	struct public_key public = {0};
	struct buf text = {0}, sig = {0}, out = {0};
	char id[DIGEST_HEX + 1];

	doc_canonical(&text, body);
	assert_true(secret_load(&k, path, STR(""), NULL) && secret_public(&public, k, NULL));
	assert_true(secret_sign(&sig, k, buf_str(&text), NULL));
	public_keyid(id, &public);
	role_add_signature(whole, id, buf_str(&sig));
	doc_pretty(&out, whole);
	public_free(&public);
	secret_free(&k);
	doc_free(&whole);
	buf_free(&text);
	buf_free(&sig);
	return out;
}

enum { HUGE_VERSION = 2000000000 };

/* With the online keys: timestamp and snapshot with huge versions, the snapshot saying `role` (NULL: none) is huge, too. */
static void fast_forward(struct world *w, struct yard *y, const char *snapshot_file, int64_t version, const char *role)
{
	doc *timestamp = body_of(y, "timestamp.json"), *snapshot = body_of(y, snapshot_file);
	cleanup(free_ptr) char *name = path_form("%lld.snapshot.json", (long long)version);

	doc_set_int(timestamp, "version", version);
	doc_set_int(snapshot, "version", version);
	role_set_meta(timestamp, "snapshot", (uint64_t)version);
	if (role)
		role_set_meta(snapshot, role, (uint64_t)version);
	shelf_put(&w->served, "timestamp.json", stolen(y, timestamp, "online"));
	shelf_put(&w->served, name, stolen(y, snapshot, "online"));
}

static void new_online_keys(struct yard *y)
{
	revoke(y, "online", false); /* the thief has it, and we still do */
	yard_key(y, "online-2", "snapshot timestamp");
	yard_sign(y);
}

static uint64_t host_holds(struct world *w, const char *role)
{
	struct buf *b = shelf_find(&w->disk, role);
	cleanup(doc_free) doc *whole = NULL;

	if (!b)
		return 0;
	assert_true(doc_read(&whole, buf_str(b), NULL));
	return version_of(doc_get(whole, "signed"));
}

/* --- thresholds, keys added, replaced, revoked --- */

TEST(a_host_that_slept_through_many_roots_follows_them_all)
{
	BEGIN;
	assert_obeys(w, &y, 1);
	yard_key(&y, "bob", "root targets");
	yard_key(&y, "cyd", "root targets");
	threshold(&y, "root: 1, targets: 1", "root: 2, targets: 2"); /* raised */
	yard_sign(&y);
	assert_true(yard_says(&y, "root: adds the keys of bob, cyd; threshold 1 to 2"));
	assert_int_equal(yard_version(&y, "root"), 2);
	revoke(&y, "ann", true); /* her key is lost: two of three are enough */
	yard_key(&y, "dan", "root targets");
	yard_sign(&y);
	assert_true(yard_says(&y, "root: adds the key of dan; drops the key of ann"));
	revoke(&y, "bob", false);
	yard_sign(&y);
	threshold(&y, "root: 2, targets: 2", "root: 1, targets: 1"); /* lowered */
	yard_sign(&y);
	assert_true(yard_says(&y, "root: threshold 2 to 1"));
	new_online_keys(&y);
	revoke(&y, "owner", false);
	yard_key(&y, "owner-2", "plans");
	yard_sign(&y);
	release(&y, "v2.example");
	assert_int_equal(yard_version(&y, "root"), 6);
	assert_obeys(w, &y, 2); /* from what its disk held at root 1 */
	assert_non_null(shelf_find(&w->disk, "6.root"));
	shelf_clear(&w->disk);
	assert_obeys(w, &y, 2); /* and from the root of enrolment alone */
}

/* Each but the first stands under the threshold of the one before, and under its own. */
TEST(a_raised_threshold_counts_from_the_root_that_raises_it)
{
	BEGIN;
	cleanup(buf_free) struct buf two = {0};

	yard_key(&y, "bob", "root");
	threshold(&y, "root: 1", "root: 2");
	yard_sign(&y);
	assert_obeys(w, &y, 1);
	/* ann alone, whose key was enough once: the third root */
	doc *body = body_of(&y, "2.root.json");
	doc_set_int(body, "version", 3);
	doc_set_int(doc_get(doc_get(body, "roles"), "root"), "threshold", 1);
	two = stolen(&y, body, "ann");
	publish(w, &y);
	shelf_copy(&w->served, "3.root.json", buf_str(&two));
	assert_int_equal(run(w), ERR_SIGNATURE);
	assert_null(shelf_find(&w->disk, "3.root"));
	assert_obeys(w, &y, 1);
}

TEST(a_revoked_root_key_makes_no_root_any_more)
{
	BEGIN;
	revoke(&y, "ann", false);
	yard_key(&y, "bob", "root targets");
	yard_sign(&y);
	assert_obeys(w, &y, 1);
	doc *body = body_of(&y, "2.root.json");
	doc_set_int(body, "version", 3);
	shelf_put(&w->served, "3.root.json", stolen(&y, body, "ann"));
	assert_int_equal(run(w), ERR_SIGNATURE);
	assert_obeys(w, &y, 1);
}

TEST(a_new_key_for_a_plan_signs_again_all_that_the_old_one_had_signed)
{
	BEGIN;
	release(&y, "v2.example");
	assert_obeys(w, &y, 2);
	yard_key(&y, "dora", "plan-D"); /* instead of owner */
	yard_sign(&y);
	assert_true(yard_says(&y, "plan-D: adds the key of dora; drops the key of owner"));
	assert_true(yard_says(&y, "plan-D 3 (was 2, the same, signed anew)"));
	assert_obeys(w, &y, 2);
	/* owner and the online keys together make no release any more */
	doc *plan = body_of(&y, "3.plan-D.json");
	doc_set_int(plan, "version", 4);
	role_set_target(plan, "plan-D/manifest.json", STR("evil"));
	fast_forward(w, &y, "3.snapshot.json", 10, NULL);
	doc *snapshot = body_of(&y, "3.snapshot.json");
	doc_set_int(snapshot, "version", 10);
	role_set_meta(snapshot, "plan-D", 4);
	shelf_put(&w->served, "10.snapshot.json", stolen(&y, snapshot, "online"));
	shelf_put(&w->served, "4.plan-D.json", stolen(&y, plan, "owner"));
	assert_int_equal(run(w), ERR_SIGNATURE);
	assert_int_equal(host_holds(w, "plan-D"), 3);
}

TEST(new_keys_for_targets_sign_targets_again_and_leave_the_plans)
{
	BEGIN;
	revoke(&y, "ann", false);
	yard_key(&y, "ann-root", "root");
	yard_key(&y, "tom", "targets");
	yard_sign(&y);
	assert_true(yard_says(&y, "targets 2 (was 1, the same, signed anew)"));
	assert_int_equal(yard_version(&y, "plan-D"), 1);
	assert_obeys(w, &y, 1);
	publish(w, &y);
	doc *targets = body_of(&y, "2.targets.json"), *snapshot = body_of(&y, "2.snapshot.json");
	doc_set_int(targets, "version", 3);
	doc_set_int(snapshot, "version", 9);
	role_set_meta(snapshot, "targets", 3);
	fast_forward(w, &y, "2.snapshot.json", 9, NULL);
	shelf_put(&w->served, "9.snapshot.json", stolen(&y, snapshot, "online"));
	shelf_put(&w->served, "3.targets.json", stolen(&y, targets, "ann"));
	assert_int_equal(run(w), ERR_SIGNATURE);
	assert_int_equal(host_holds(w, "targets"), 2);
}

TEST(a_new_key_for_the_timestamp_alone_makes_both_anew)
{
	BEGIN;
	assert_obeys(w, &y, 1);
	threshold(&y, "name: online, roles: [snapshot, timestamp]", "name: online, roles: [snapshot]");
	yard_key(&y, "minute", "timestamp");
	yard_sign(&y);
	assert_int_equal(yard_version(&y, "snapshot"), 2);
	assert_int_equal(yard_version(&y, "timestamp"), 2);
	assert_obeys(w, &y, 1);
	assert_int_equal(host_holds(w, "snapshot"), 2);
}

/* --- a thief counts up --- */

TEST(after_a_fast_forward_new_online_keys_bring_every_host_back)
{
	BEGIN;
	assert_obeys(w, &y, 1);
	fast_forward(w, &y, "1.snapshot.json", HUGE_VERSION, NULL);
	assert_int_equal(run(w), ERR_NONE); /* nobody can tell */
	assert_int_equal(host_holds(w, "timestamp"), HUGE_VERSION);
	release(&y, "v2.example");
	assert_int_equal(host_pulls(w, &y), ERR_OLDER); /* and now it is frozen */
	assert_int_equal(host_holds(w, "snapshot"), HUGE_VERSION);
	new_online_keys(&y);
	assert_obeys(w, &y, 2);
	assert_int_equal(host_holds(w, "timestamp"), yard_version(&y, "timestamp"));
	assert_int_equal(host_holds(w, "snapshot"), yard_version(&y, "snapshot"));
	/* what he signs with the old keys is nothing any more */
	fast_forward(w, &y, "3.snapshot.json", HUGE_VERSION + 1, NULL);
	assert_int_equal(run(w), ERR_SIGNATURE);
	assert_obeys(w, &y, 2);
}

TEST(a_fast_forward_of_targets_and_plans_is_undone_with_it)
{
	static const char *const roles[] = {"targets", "plan-D"};

	for (size_t i = 0; i < COUNT_OF(roles); i++) {
		BEGIN;
		assert_obeys(w, &y, 1);
		fast_forward(w, &y, "1.snapshot.json", HUGE_VERSION, roles[i]);
		assert_int_not_equal(run(w), ERR_NONE); /* such a role is not there */
		assert_int_equal(host_holds(w, "snapshot"), HUGE_VERSION);
		release(&y, "v2.example");
		assert_int_equal(host_pulls(w, &y), ERR_OLDER);
		new_online_keys(&y);
		assert_obeys(w, &y, 2);
	}
}

TEST(a_host_that_sleeps_through_the_recovery_wakes_into_it)
{
	BEGIN;
	fast_forward(w, &y, "1.snapshot.json", HUGE_VERSION, "plan-D");
	assert_int_not_equal(run(w), ERR_NONE);
	new_online_keys(&y);
	revoke(&y, "ann", false);
	yard_key(&y, "bob", "root targets");
	yard_sign(&y);
	revoke(&y, "online-2", true);
	yard_key(&y, "online-3", "snapshot timestamp");
	release(&y, "v2.example");
	assert_int_equal(yard_version(&y, "root"), 4);
	assert_obeys(w, &y, 2);
}

/* The thief wrote into the operators' own copy: the next signature could never be newer. */
static void fast_forward_the_fleet_itself(struct yard *y, struct world *w)
{
	int64_t huge = (int64_t)1 << 52;
	cleanup(free_ptr) char *file = path_form("repository/metadata/%lld.snapshot.json", (long long)huge);
	cleanup(free_ptr) char *name = path_form("%lld.snapshot.json", (long long)huge);

	fast_forward(w, y, "1.snapshot.json", huge, NULL);
	yard_write(y, file, buf_str(shelf_find(&w->served, name)));
	yard_write(y, "repository/metadata/timestamp.json", buf_str(shelf_find(&w->served, "timestamp.json")));
}

TEST(where_the_fleet_itself_was_counted_up_counting_starts_anew_with_new_keys)
{
	BEGIN;
	assert_obeys(w, &y, 1);
	fast_forward_the_fleet_itself(&y, w);
	assert_int_equal(host_pulls(w, &y), ERR_NONE);
	yard_release(&y, "plan-D", "v2.example", STR("bundle one"));
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_SIGNATURE);
	assert_non_null(strstr(y.why.text, "timestamp and snapshot new keys"));
	yard_key(&y, "spare", "snapshot timestamp"); /* one more is not instead of */
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_SIGNATURE);
	revoke(&y, "online", false);
	yard_sign(&y);
	assert_int_equal(yard_version(&y, "snapshot"), 2);
	assert_int_equal(yard_version(&y, "timestamp"), 1);
	assert_obeys(w, &y, 2);
	release(&y, "v3.example");
	assert_obeys(w, &y, 3);
}

TEST(a_push_sends_both_again_to_a_host_that_will_forget_them)
{
	BEGIN;
	cleanup(repository_free) struct repository r = {0};
	bool changed = true;

	yard_key(&y, "bob", "root");
	yard_sign(&y);
	new_online_keys(&y);
	assert_true(repository_open(&r, y.fleet, NULL));
	assert_true(repository_online_changed(&changed, &r, 1, 2, NULL));
	assert_false(changed);
	assert_true(repository_online_changed(&changed, &r, 1, 3, NULL));
	assert_true(changed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_that_slept_through_many_roots_follows_them_all),
		cmocka_unit_test(a_raised_threshold_counts_from_the_root_that_raises_it),
		cmocka_unit_test(a_revoked_root_key_makes_no_root_any_more),
		cmocka_unit_test(a_new_key_for_a_plan_signs_again_all_that_the_old_one_had_signed),
		cmocka_unit_test(new_keys_for_targets_sign_targets_again_and_leave_the_plans),
		cmocka_unit_test(a_new_key_for_the_timestamp_alone_makes_both_anew),
		cmocka_unit_test(after_a_fast_forward_new_online_keys_bring_every_host_back),
		cmocka_unit_test(a_fast_forward_of_targets_and_plans_is_undone_with_it),
		cmocka_unit_test(a_host_that_sleeps_through_the_recovery_wakes_into_it),
		cmocka_unit_test(where_the_fleet_itself_was_counted_up_counting_starts_anew_with_new_keys),
		cmocka_unit_test(a_push_sends_both_again_to_a_host_that_will_forget_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
