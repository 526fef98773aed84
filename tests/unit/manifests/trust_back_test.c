/* Going back, mixing, cutting, waiting: every way that clients of others were led astray. */
#include "tests/unit/manifests/world.h"

/* --- going back --- */

TEST(an_older_timestamp_is_refused_and_the_newer_one_stays)
{
	BEGIN;
	world_next(&w, "two");
	assert_int_equal(run(&w), ERR_NONE);
	doc_set_int(w.timestamp, "version", 1);
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_OLDER);
	cleanup(role_free) struct role kept = {0};
	assert_true(role_read(&kept, ROLE_TIMESTAMP, buf_str(shelf_find(&w.disk, "timestamp")), NULL));
	assert_int_equal(kept.version, 2);
}

TEST(an_equal_timestamp_is_no_error_and_ours_is_kept)
{
	BEGIN;
	assert_int_equal(run(&w), ERR_NONE);
	cleanup(buf_free) struct buf ours = {0};
	buf_add(&ours, buf_str(shelf_find(&w.disk, "timestamp")));
	doc_set_int(w.timestamp, "x-other", 1);
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_NONE);
	assert_true(str_eq(buf_str(&ours), buf_str(shelf_find(&w.disk, "timestamp"))));
	serve(&w, w.timestamp, "timestamp", "s"); /* forged: signatures come first */
	assert_int_equal(run(&w), ERR_SIGNATURE);
}

TEST(a_timestamp_whose_snapshot_goes_back_is_refused_and_blocks_nothing_later)
{
	BEGIN;
	world_next(&w, "two");
	assert_int_equal(run(&w), ERR_NONE);
	doc_set_int(w.timestamp, "version", 3);
	role_set_meta(w.timestamp, "snapshot", 1);
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_OLDER);
	doc_set_int(w.timestamp, "version", 2);
	world_next(&w, "three");
	assert_int_equal(run(&w), ERR_NONE);
	assert_manifest(&w, "three");
}

static enum err_code run_with_snapshot(struct world *w)
{
	uint64_t n = version_of(w->snapshot) + 1;

	doc_set_int(w->snapshot, "version", (int64_t)n);
	doc_set_int(w->timestamp, "version", (int64_t)version_of(w->timestamp) + 1);
	role_set_meta(w->timestamp, "snapshot", n);
	serve(w, w->snapshot, "snapshot", "s");
	serve(w, w->timestamp, "timestamp", "m");
	return run(w);
}

TEST(a_snapshot_must_list_every_role_it_listed_and_none_lower)
{
	BEGIN;
	world_next(&w, "two");
	assert_int_equal(run(&w), ERR_NONE);
	role_set_meta(w.snapshot, "plan-D", 1); /* a delegated role goes back */
	assert_int_equal(run_with_snapshot(&w), ERR_OLDER);
	doc_set(w.snapshot, "meta", doc_object()); /* it disappears */
	role_set_meta(w.snapshot, "targets", 1);
	assert_int_equal(run_with_snapshot(&w), ERR_OLDER);
	role_set_meta(w.snapshot, "plan-D", 2);
	assert_int_equal(run_with_snapshot(&w), ERR_NONE);
}

TEST(expired_metadata_on_the_disk_is_still_a_floor)
{
	BEGIN;
	world_next(&w, "two");
	assert_int_equal(run(&w), ERR_NONE);
	w.now.unix_s += 20 * FORGE_DAY;
	expires_in(w.timestamp, 40 * FORGE_DAY);
	doc_set_int(w.timestamp, "version", 1);
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_OLDER);
	doc_set_int(w.timestamp, "version", 3);
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_NONE);
}

TEST(after_a_thief_counted_up_a_root_with_new_keys_leads_back)
{
	BEGIN;
	doc_set_int(w.timestamp, "version", 999999);
	doc_set_int(w.snapshot, "version", 999999);
	role_set_meta(w.timestamp, "snapshot", 999999);
	serve(&w, w.timestamp, "timestamp", "m");
	serve(&w, w.snapshot, "snapshot", "s");
	assert_int_equal(run(&w), ERR_NONE);

	cleanup(doc_free) doc *root = forge_root(2, "r", "M", "s", "t");
	doc_set_int(w.timestamp, "version", 2);
	doc_set_int(w.snapshot, "version", 2);
	role_set_meta(w.timestamp, "snapshot", 2);
	serve(&w, w.timestamp, "timestamp", "M");
	serve(&w, w.snapshot, "snapshot", "s");
	assert_int_equal(run(&w), ERR_SIGNATURE); /* no root says so yet */
	serve(&w, root, "root", "r");
	assert_int_equal(run(&w), ERR_NONE);
	assert_manifest(&w, "one");
}

TEST(a_root_that_keeps_the_online_keys_keeps_the_floors)
{
	BEGIN;
	world_next(&w, "two");
	assert_int_equal(run(&w), ERR_NONE);
	serve_root(&w, 2, "R", "rR");
	doc_set_int(w.timestamp, "version", 1);
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_OLDER);
}

TEST(a_timestamp_alone_on_the_disk_is_a_floor_for_the_snapshot_that_it_lists)
{
	BEGIN;
	world_next(&w, "two");
	shelf_take(&w.served, "2.snapshot.json");
	assert_int_equal(run(&w), ERR_MISSING);
	assert_non_null(shelf_find(&w.disk, "timestamp"));
	doc_set_int(w.timestamp, "version", 3);
	role_set_meta(w.timestamp, "snapshot", 1);
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_OLDER);
	role_set_meta(w.timestamp, "snapshot", 2);
	serve(&w, w.timestamp, "timestamp", "m");
	serve(&w, w.snapshot, "snapshot", "s");
	assert_int_equal(run(&w), ERR_NONE);
}

TEST(a_snapshot_on_the_disk_is_a_floor_though_the_timestamp_is_gone)
{
	BEGIN;
	world_next(&w, "two");
	assert_int_equal(run(&w), ERR_NONE);
	shelf_take(&w.disk, "timestamp");
	role_set_meta(w.timestamp, "snapshot", 1);
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_OLDER);
	assert_not_kept(&w, "timestamp");
}

TEST(a_root_with_a_new_snapshot_key_alone_leads_back_too)
{
	BEGIN;
	for (int i = 0; i < 3; i++)
		world_next(&w, "a thief's");
	assert_int_equal(run(&w), ERR_NONE);
	cleanup(doc_free) doc *root = forge_root(2, "r", "m", "S", "t");
	doc_set_int(w.timestamp, "version", 1);
	doc_set_int(w.snapshot, "version", 1);
	doc_set_int(w.plan, "version", 1);
	role_set_meta(w.timestamp, "snapshot", 1);
	role_set_meta(w.snapshot, "plan-D", 1);
	role_set_target(w.plan, "plan-D/manifest.json", STR("one"));
	serve(&w, root, "root", "r");
	serve(&w, w.timestamp, "timestamp", "m");
	serve(&w, w.snapshot, "snapshot", "S");
	serve(&w, w.plan, "plan-D", "p");
	assert_int_equal(run(&w), ERR_NONE);
	assert_manifest(&w, "one");
}

TEST(the_same_online_key_under_another_keyid_is_no_new_key)
{
	BEGIN;
	world_next(&w, "two");
	assert_int_equal(run(&w), ERR_NONE);
	cleanup(doc_free) doc *root = forge_root(2, "r", "m", "s", "t");
	struct public_key m = forge_public('m');
	doc_set(doc_get(root, "keys"), "another", public_doc(&m));
	doc_add_str(doc_get(doc_get(doc_get(root, "roles"), "timestamp"), "keyids"), STR("another"));
	public_free(&m);
	serve(&w, root, "root", "r");
	doc_set_int(w.timestamp, "version", 1);
	doc *whole = role_seal(doc_ref(w.timestamp));
	struct buf bytes = {0};
	forge_signature(whole, "another", 'm');
	doc_pretty(&bytes, whole);
	doc_free(&whole);
	shelf_put(&w.served, "timestamp.json", bytes);
	assert_int_equal(run(&w), ERR_OLDER);
	assert_non_null(shelf_find(&w.disk, "snapshot"));
}

/* --- the poll --- */

static void poll_begins(struct world *w, struct trust **t)
{
	*t = NULL;
	buf_clear(&w->served.asked);
	assert_true(trust_new(t, buf_str(&w->anchor), w->now, NULL));
	hold_disk(w, *t);
}

TEST(a_poll_with_nothing_new_asks_for_timestamp_alone)
{
	BEGIN;
	struct trust *t;

	assert_int_equal(run(&w), ERR_NONE);
	poll_begins(&w, &t);
	assert_true(trust_holds(t, "timestamp", buf_str(shelf_find(&w.served, "timestamp.json"))));
	trust_skip_root(t);
	assert_int_equal(feed(&w, t), TRUST_DONE);
	assert_string_equal(asked(&w), "timestamp.json ");
	trust_seek(t, "plan-D/manifest.json");
	assert_int_equal(feed(&w, t), TRUST_DONE);
	assert_true(trust_found(t, &w.target));
	assert_string_equal(asked(&w), "timestamp.json ");
	trust_free(&t);

	doc_set_int(w.timestamp, "version", 2); /* a change: the bytes are not those held */
	serve(&w, w.timestamp, "timestamp", "m");
	poll_begins(&w, &t);
	assert_false(trust_holds(t, "timestamp", buf_str(shelf_find(&w.served, "timestamp.json"))));
	assert_false(trust_holds(t, "plan-E", STR("")));
	trust_free(&t);
}

TEST(a_root_that_is_not_asked_for_must_hold_by_itself)
{
	BEGIN;
	struct trust *t;

	assert_int_equal(run(&w), ERR_NONE);
	w.now.unix_s += 400 * FORGE_DAY;
	serve_root(&w, 2, "r", "r");
	poll_begins(&w, &t);
	trust_skip_root(t);
	assert_int_equal(feed(&w, t), TRUST_FAILED);
	assert_int_equal(w.why.code, ERR_EXPIRED);
	trust_free(&t);
	poll_begins(&w, &t);
	struct trust_want want;
	assert_int_equal(trust_next(t, &want, NULL), TRUST_WANTS);
	trust_skip_root(t); /* too late */
	assert_int_equal(trust_next(t, &want, NULL), TRUST_WANTS);
	assert_string_equal(want.role, "root");
	trust_free(&t);
}

/* --- mixed, cut and swapped --- */

TEST(a_file_of_another_version_than_the_one_listed_is_refused)
{
	BEGIN;
	assert_int_equal(run(&w), ERR_NONE);
	cleanup(buf_free) struct buf old = {0}, older = {0};
	buf_add(&old, buf_str(shelf_find(&w.served, "1.snapshot.json")));
	buf_add(&older, buf_str(shelf_find(&w.served, "1.plan-D.json")));
	world_next(&w, "two");
	shelf_copy(&w.served, "2.snapshot.json", buf_str(&old));
	assert_int_equal(run(&w), ERR_OLDER);
	serve(&w, w.snapshot, "snapshot", "s");
	shelf_copy(&w.served, "2.plan-D.json", buf_str(&older));
	assert_int_equal(run(&w), ERR_OLDER);
	doc_set_int(w.plan, "version", 3); /* and newer than listed */
	shelf_put(&w.served, "2.plan-D.json", forge_bytes(w.plan, "p"));
	assert_int_equal(run(&w), ERR_SIGNATURE);
}

static void list_hashed(doc *body, const char *name, uint64_t version, struct str bytes)
{
	doc *entry = doc_object(), *hashes = doc_object();
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, digest_of(bytes));
	doc_set_text(hashes, "sha256", hex);
	doc_set(entry, "hashes", hashes);
	doc_set_int(entry, "length", (int64_t)bytes.len);
	doc_set_int(entry, "version", (int64_t)version);
	doc_set(doc_get(body, "meta"), name, entry);
}

TEST(where_length_and_hashes_are_listed_they_count)
{
	BEGIN;
	list_hashed(w.snapshot, "plan-D.json", 1, buf_str(shelf_find(&w.served, "1.plan-D.json")));
	list_hashed(w.snapshot, "targets.json", 1, buf_str(shelf_find(&w.served, "1.targets.json")));
	serve(&w, w.snapshot, "snapshot", "s");
	list_hashed(w.timestamp, "snapshot.json", 1, buf_str(shelf_find(&w.served, "1.snapshot.json")));
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_NONE);
	static const char *const files[] = {"1.snapshot.json", "1.targets.json", "1.plan-D.json"};
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct buf *b = shelf_find(&w.served, files[i]);
		shelf_clear(&w.disk);
		buf_byte(b, '\n'); /* signed all the same, but not the file that was listed */
		assert_int_equal(run(&w), ERR_LIMIT);
		b->data[--b->len] = 0;
		b->data[b->len - 1] = ' ';
		assert_int_equal(run(&w), ERR_DIGEST);
		b->data[b->len - 1] = '\n';
	}
	assert_int_equal(run(&w), ERR_NONE);
	shelf_clear(&w.disk);
	for (size_t i = COUNT_OF(files); i-- > 0;) {
		struct buf *b = shelf_find(&w.served, files[i]);
		shelf_clear(&w.disk);
		memset(b->data, 'x', b->len); /* no JSON at all: it is not even parsed */
		assert_int_equal(run(&w), ERR_DIGEST);
	}
}

TEST(the_metadata_of_another_plan_is_refused)
{
	BEGIN;
	cleanup(doc_free) doc *other = role_body(ROLE_TARGETS, 1, FORGE_NOW + 365 * FORGE_DAY);
	forge_link(w.targets, "plan-E", "e", "plan-E/*", true);
	role_set_meta(w.snapshot, "plan-E", 1);
	role_set_target(other, "plan-E/manifest.json", STR("E"));
	role_set_target(other, "plan-D/manifest.json", STR("E")); /* plan-E's owner would like plan-D too */
	serve(&w, w.targets, "targets", "t");
	serve(&w, w.snapshot, "snapshot", "s");
	serve(&w, other, "plan-E", "e");
	assert_int_equal(run(&w), ERR_NONE);
	assert_manifest(&w, "one");
	assert_string_equal(w.target.role, "plan-D");
	shelf_clear(&w.disk);
	shelf_copy(&w.served, "1.plan-D.json", buf_str(shelf_find(&w.served, "1.plan-E.json")));
	assert_int_equal(run(&w), ERR_SIGNATURE);
	assert_not_kept(&w, "plan-D");
	assert_int_equal(run_for(&w, "plan-E/manifest.json"), ERR_NONE);
	assert_manifest(&w, "E");
}

TEST(every_held_file_that_has_rotted_is_as_if_absent)
{
	BEGIN;
	serve_root(&w, 2, "R", "rR");
	assert_int_equal(run(&w), ERR_NONE);
	for (size_t i = 0; i < w.disk.count; i++) {
		struct buf *b = &w.disk.file[i].bytes;
		cleanup(buf_free) struct buf good = {0};
		buf_add(&good, buf_str(b));
		for (size_t at = 0; at < good.len; at += 37) {
			b->data[at] ^= 4;
			assert_int_equal(run(&w), ERR_NONE);
			assert_manifest(&w, "one");
			b = shelf_find(&w.disk, w.disk.file[i].name);
			buf_clear(b);
			buf_add(b, buf_str(&good));
		}
		buf_clear(b);
		assert_int_equal(run(&w), ERR_NONE);
	}
}

TEST(names_of_roles_are_percent_encoded_and_never_a_path)
{
	(void)state;
	char name[512];

	trust_role_file(name, "plan-D", 3);
	assert_string_equal(name, "3.plan-D.json");
	trust_role_file(name, "../../etc/passwd", 1);
	assert_string_equal(name, "1...%2F..%2Fetc%2Fpasswd.json");
	trust_role_file(name, "a b?\xc3\xa4~_", 0);
	assert_string_equal(name, "a%20b%3F%C3%A4~_.json");
	char longest[160];
	memset(longest, '/', 159);
	longest[159] = 0;
	trust_role_file(name, longest, UINT64_MAX);
	assert_int_equal(strlen(name), 20 + 1 + 3 * 159 + 5);
}

/* --- time --- */

TEST(with_a_sure_clock_what_has_expired_is_refused_and_not_kept)
{
	(void)state;
	for (size_t which = 0; which < 4; which++) {
		static const char *const role[] = {"timestamp", "snapshot", "targets", "plan-D"}, *const by[] = {"m",
													  "s", "t",
													  "p"};
		cleanup(world_free) struct world w;
		world_make(&w);
		doc *const body[] = {w.timestamp, w.snapshot, w.targets, w.plan};
		expires_in(body[which], 0); /* the second itself is too late */
		serve(&w, body[which], role[which], by[which]);
		assert_int_equal(run(&w), ERR_EXPIRED);
		assert_non_null(strstr(w.why.text, role[which]));
		assert_false(w.found);
		assert_not_kept(&w, role[which]);
		expires_in(body[which], 1);
		serve(&w, body[which], role[which], by[which]);
		assert_int_equal(run(&w), ERR_NONE);
	}
}

TEST(with_an_unsure_clock_expiry_blocks_nothing_that_is_newer)
{
	(void)state;
	for (size_t which = 0; which < 5; which++) {
		static const char *const role[] = {"timestamp", "snapshot", "targets", "plan-D", "root"},
					 *const by[] = {"m", "s", "t", "p", "r"};
		cleanup(world_free) struct world w;
		world_make(&w);
		w.now.synced = false;
		doc *const body[] = {w.timestamp, w.snapshot, w.targets, w.plan, w.root};
		expires_in(body[which], -1);
		serve(&w, body[which], role[which], by[which]);
		buf_free(&w.anchor);
		w.anchor = forge_bytes(w.root, "r");
		assert_int_equal(run(&w), ERR_NONE); /* new to us */
		assert_true(w.stale);
		assert_manifest(&w, "one");
		assert_int_equal(run(&w), ERR_EXPIRED); /* held already */
		assert_false(w.found);
		world_next(&w, "two");
		assert_int_equal(run(&w), ERR_NONE);
		assert_manifest(&w, "two");
	}
}

TEST(with_an_unsure_clock_a_newer_timestamp_alone_shows_that_the_rest_still_holds)
{
	BEGIN;
	w.now.synced = false;
	expires_in(w.targets, -1);
	serve(&w, w.targets, "targets", "t");
	assert_int_equal(run(&w), ERR_NONE);
	assert_int_equal(run(&w), ERR_EXPIRED);
	doc_set_int(w.timestamp, "version", 2);
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_NONE);
	assert_true(w.stale);
	assert_manifest(&w, "one");
}

TEST(with_an_unsure_clock_going_back_is_refused_as_ever)
{
	BEGIN;
	world_next(&w, "two");
	assert_int_equal(run(&w), ERR_NONE);
	w.now = (struct trust_time){0, false};
	doc_set_int(w.timestamp, "version", 1);
	serve(&w, w.timestamp, "timestamp", "m");
	assert_int_equal(run(&w), ERR_OLDER);
}

TEST(the_clock_floor_is_the_newest_verified_date_and_goes_with_the_key)
{
	BEGIN;
	assert_int_equal(run(&w), ERR_NONE);
	assert_int_equal(w.signed_at, FORGE_NOW - FORGE_DAY);
	doc_set_int(w.timestamp, "version", 2);
	doc_set_text(w.timestamp, "x-fleet-signed", "2099-01-01T00:00:00Z");
	serve(&w, w.timestamp, "timestamp", "s"); /* forged */
	assert_int_equal(run(&w), ERR_SIGNATURE);
	assert_int_equal(w.signed_at, FORGE_NOW - FORGE_DAY);
	cleanup(doc_free) doc *root = forge_root(2, "r", "M", "s", "t");
	serve(&w, root, "root", "r");
	doc_set_text(w.timestamp, "x-fleet-signed", "no date");
	serve(&w, w.timestamp, "timestamp", "M");
	assert_int_equal(run(&w), ERR_NONE);
	assert_int_equal(w.signed_at, 0);
}

/* --- somebody else's --- */

static bool read_fixture(struct buf *out, const char *name)
{
	char path[1024];

	snprintf(path, sizeof path, "%s/tuf/tuf-on-ci-0.11/%s", getenv("FLEET_FIXTURES"), name);
	FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	char *to = buf_space(out, TRUST_ROOT_MAX);
	buf_used(out, fread(to, 1, TRUST_ROOT_MAX, f));
	fclose(f);
	return true;
}

TEST(a_repository_that_tuf_on_ci_signed_is_read)
{
	(void)state;
	static const char *const files[] = {
		"1.root.json", "timestamp.json", "2.snapshot.json", "1.targets.json", "2.delegatedrole.json"};
	cleanup(world_free) struct world w = {.now = {0, true}};

	if (!getenv("FLEET_FIXTURES") || !read_fixture(&w.anchor, "initial_root.json"))
		skip();
	assert_true(clock_read(&w.now.unix_s, STR("2025-02-09T09:17:23Z")));
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct buf b = {0};
		char path[100];
		snprintf(path, sizeof path, "metadata/%s", files[i]);
		assert_true(read_fixture(&b, path));
		shelf_put(&w.served, files[i], b);
	}
	assert_int_equal(run_for(&w, "delegatedrole/artifact"), ERR_NONE);
	cleanup(buf_free) struct buf artifact = {0};
	assert_true(read_fixture(&artifact,
		"targets/delegatedrole/45f337ee451b4c098d121d09cc224bacc7794503ac58a47a78cfe7ebefb7fab3.artifact"));
	assert_true(w.found && trust_target_check(&w.target, buf_str(&artifact), NULL));
	assert_int_equal(w.signed_at, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_timestamp_is_refused_and_the_newer_one_stays),
		cmocka_unit_test(an_equal_timestamp_is_no_error_and_ours_is_kept),
		cmocka_unit_test(a_timestamp_whose_snapshot_goes_back_is_refused_and_blocks_nothing_later),
		cmocka_unit_test(a_snapshot_must_list_every_role_it_listed_and_none_lower),
		cmocka_unit_test(expired_metadata_on_the_disk_is_still_a_floor),
		cmocka_unit_test(after_a_thief_counted_up_a_root_with_new_keys_leads_back),
		cmocka_unit_test(a_root_that_keeps_the_online_keys_keeps_the_floors),
		cmocka_unit_test(a_timestamp_alone_on_the_disk_is_a_floor_for_the_snapshot_that_it_lists),
		cmocka_unit_test(a_snapshot_on_the_disk_is_a_floor_though_the_timestamp_is_gone),
		cmocka_unit_test(a_root_with_a_new_snapshot_key_alone_leads_back_too),
		cmocka_unit_test(the_same_online_key_under_another_keyid_is_no_new_key),
		cmocka_unit_test(a_poll_with_nothing_new_asks_for_timestamp_alone),
		cmocka_unit_test(a_root_that_is_not_asked_for_must_hold_by_itself),
		cmocka_unit_test(a_file_of_another_version_than_the_one_listed_is_refused),
		cmocka_unit_test(where_length_and_hashes_are_listed_they_count),
		cmocka_unit_test(the_metadata_of_another_plan_is_refused),
		cmocka_unit_test(every_held_file_that_has_rotted_is_as_if_absent),
		cmocka_unit_test(names_of_roles_are_percent_encoded_and_never_a_path),
		cmocka_unit_test(with_a_sure_clock_what_has_expired_is_refused_and_not_kept),
		cmocka_unit_test(with_an_unsure_clock_expiry_blocks_nothing_that_is_newer),
		cmocka_unit_test(with_an_unsure_clock_a_newer_timestamp_alone_shows_that_the_rest_still_holds),
		cmocka_unit_test(with_an_unsure_clock_going_back_is_refused_as_ever),
		cmocka_unit_test(the_clock_floor_is_the_newest_verified_date_and_goes_with_the_key),
		cmocka_unit_test(a_repository_that_tuf_on_ci_signed_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
