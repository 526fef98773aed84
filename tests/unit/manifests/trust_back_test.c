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
	struct buf *b = shelf_find(&w.served, "1.targets.json");
	memset(b->data, 'x', b->len); /* no JSON at all: it is not even parsed */
	assert_int_equal(run(&w), ERR_DIGEST);
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
