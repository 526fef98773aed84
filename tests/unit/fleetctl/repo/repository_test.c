/* The repository folder: read, followed to every bundle, and each file in it that is not what was signed. */
#include "bundles/squeeze.h"
#include "tests/unit/fleetctl/repo/yard.h"

#define TEST(name) static void name(void **state)
#define BEGIN                                                                                                                  \
	(void)state;                                                                                                           \
	cleanup(yard_free) struct yard y;                                                                                      \
	cleanup(repository_free) struct repository r = {0};                                                                    \
	struct err e = {0};                                                                                                    \
	yard_make(&y);                                                                                                         \
	yard_keys(&y);                                                                                                         \
	yard_release(&y, "plan-D", "soracom.io", STR("bundle one"));                                                           \
	yard_sign(&y);                                                                                                         \
	yard_release(&y, "plan-D", "soracom.io", STR("bundle two, which is a little longer"));                                 \
	yard_sign(&y);                                                                                                         \
	assert_true(repository_open(&r, y.fleet, &e))

#define ONE digest_of(STR("bundle one"))
#define TWO digest_of(STR("bundle two, which is a little longer"))

TEST(a_fleet_without_a_repository_is_told_to_sign)
{
	(void)state;
	cleanup(yard_free) struct yard y;
	struct repository r = {0};
	struct err e = {0};

	yard_make(&y);
	assert_false(repository_open(&r, y.fleet, &e));
	assert_int_equal(e.code, ERR_MISSING);
	assert_non_null(strstr(e.text, "fleetctl sign"));
	assert_false(repository_open(&r, y.fleet, NULL));
	assert_null(r.dir);
}

TEST(metadata_is_found_by_role_and_version)
{
	BEGIN;
	cleanup(buf_free) struct buf newest = {0}, second = {0}, first = {0}, none = {0};
	uint64_t n;

	assert_true(repository_meta(&newest, &r, "plan-D", 0, &e) && repository_meta(&second, &r, "plan-D", 2, &e));
	assert_true(str_eq(buf_str(&newest), buf_str(&second)));
	assert_true(repository_meta(&first, &r, "plan-D", 1, &e));
	assert_false(str_eq(buf_str(&first), buf_str(&second)));
	assert_true(repository_meta(&none, &r, "timestamp", 0, &e));
	buf_clear(&none);
	assert_false(repository_meta(&none, &r, "plan-D", 3, &e));
	assert_int_equal(e.code, ERR_MISSING);
	assert_false(repository_meta(&none, &r, "plan-E", 0, &e));
	assert_int_equal(e.code, ERR_MISSING);
	assert_int_equal(none.len, 0);
	assert_true(repository_version(&n, &r, "plan-E", &e));
	assert_int_equal(n, 0);
	assert_true(repository_version(&n, &r, "root", &e));
	assert_int_equal(n, 1);
}

TEST(a_release_is_found_by_its_id_while_it_is_permitted)
{
	BEGIN;
	cleanup(buf_free) struct buf current = {0}, same = {0}, none = {0};

	assert_true(repository_current(&current, &r, "plan-D", &e));
	assert_true(repository_release(&same, &r, "plan-D", manifest_id(buf_str(&current)), &e));
	assert_true(str_eq(buf_str(&current), buf_str(&same)));
	assert_false(repository_release(&none, &r, "plan-D", digest_of(STR("x")), &e));
	assert_int_equal(e.code, ERR_REFUSED);
	assert_false(repository_current(&none, &r, "plan-E", &e));
	assert_int_equal(e.code, ERR_MISSING);
}

TEST(a_manifest_that_has_rotted_is_not_handed_out)
{
	BEGIN;
	cleanup(buf_free) struct buf current = {0}, none = {0};
	char hex[DIGEST_HEX + 1];

	assert_true(repository_current(&current, &r, "plan-D", &e));
	digest_hex(hex, manifest_id(buf_str(&current)));
	cleanup(free_ptr) char *file = path_form("repository/targets/plan-D/%s.manifest.json", hex);
	yard_mend(&y, file, "soracom", "soracow");
	assert_false(repository_current(&none, &r, "plan-D", &e));
	assert_int_equal(e.code, ERR_DIGEST);
	assert_int_equal(yard_verify(&y, NULL), ERR_DIGEST);
}

TEST(paths_that_lead_out_are_never_written)
{
	BEGIN;
	static const char *const bad[] = {"../x", "/etc/x", "plan-D/../../x", "plan-D//x", "", "plan-D/x y"};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(repository_put_target(&r, bad[i], STR("x"), &e));
	assert_int_equal(yard_verify(&y, NULL), ERR_NONE);
}

/* --- verify --- */

static char *bundle_file(struct digest d)
{
	cleanup(free_ptr) char *file = repository_bundle_file(d);

	return path_form("repository/%s", file);
}

TEST(every_permitted_bundle_must_be_there)
{
	BEGIN;
	cleanup(free_ptr) char *file = bundle_file(ONE); /* of the release before, which is still permitted */
	cleanup(free_ptr) char *path = path_form("%s/%s", y.fleet, file);

	assert_true(fs_remove(AT_FDCWD, path, NULL));
	assert_int_equal(yard_verify(&y, NULL), ERR_MISSING);
	assert_non_null(strstr(y.why.text, "plan-D/releases/1.json"));
	yard_release(&y, "plan-D", "soracom.io", STR("bundle one"));
	yard_sign(&y); /* and signing it once more brings it back */
	assert_int_equal(yard_verify(&y, NULL), ERR_NONE);
}

TEST(a_bundle_of_other_bytes_or_length_is_found)
{
	BEGIN;
	cleanup(free_ptr) char *one = bundle_file(ONE), *two = bundle_file(TWO);
	cleanup(buf_free) struct buf bytes = {0}, other = {0};

	yard_read(&y, &bytes, two);
	yard_read(&y, &other, one);
	yard_write(&y, two, buf_str(&other));
	assert_int_equal(yard_verify(&y, NULL), ERR_DIGEST);
	yard_write(&y, two, str_bytes(bytes.data, bytes.len - 1));
	assert_int_not_equal(yard_verify(&y, NULL), ERR_NONE);
	buf_byte(&bytes, 'x');
	yard_write(&y, two, buf_str(&bytes));
	assert_int_not_equal(yard_verify(&y, NULL), ERR_NONE);
	yard_write(&y, two, str_bytes(bytes.data, bytes.len - 1));
	assert_int_equal(yard_verify(&y, NULL), ERR_NONE);
}

TEST(every_file_of_the_metadata_is_held_against_its_signature)
{
	BEGIN;
	static const char *const files[] = {"1.root.json", "1.targets.json", "2.plan-D.json", "2.snapshot.json",
		"timestamp.json"};

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		cleanup(free_ptr) char *file = path_form("repository/metadata/%s", files[i]);
		cleanup(buf_free) struct buf bytes = {0};
		yard_read(&y, &bytes, file);
		yard_mend(&y, file, "\"expires\": \"2", "\"expires\": \"3");
		assert_int_equal(yard_verify(&y, NULL), ERR_SIGNATURE);
		yard_write(&y, file, STR("{}"));
		assert_int_equal(yard_verify(&y, NULL), ERR_SYNTAX);
		yard_write(&y, file, buf_str(&bytes));
	}
	assert_int_equal(yard_verify(&y, NULL), ERR_NONE);
}

TEST(what_has_expired_is_said_by_its_name)
{
	BEGIN;
	y.now += 15 * YARD_DAY;
	assert_int_equal(yard_verify(&y, NULL), ERR_EXPIRED);
	assert_non_null(strstr(y.why.text, "timestamp"));
}

/* --- patches --- */

TEST(a_patch_is_made_once_and_leads_from_the_old_to_the_new)
{
	BEGIN;
	cleanup(fd_close) int patch = -1, again = -1, old = -1, new = -1;
	struct stat a, b;

	assert_true(repository_patch(&patch, &r, ONE, TWO, &e));
	assert_true(repository_patch(&again, &r, ONE, TWO, &e));
	assert_true(fstat(patch, &a) == 0 && fstat(again, &b) == 0);
	assert_int_equal(a.st_ino, b.st_ino);
	cleanup(free_ptr) char *plain = path_form("%s/one", y.top), *out = path_form("%s/two", y.top);
	assert_true(fs_write(AT_FDCWD, plain, STR("bundle one"), 0644, NULL));
	assert_true(fs_open_read(&old, AT_FDCWD, plain, NULL) && fs_create(&new, AT_FDCWD, out, 0644, NULL));
	assert_true(squeeze_expand(new, patch, old, strlen("bundle two, which is a little longer"), TWO, &e));
}

TEST(a_patch_from_a_bundle_that_is_not_here_is_missing)
{
	BEGIN;
	int patch = -1;

	assert_false(repository_patch(&patch, &r, digest_of(STR("x")), TWO, &e));
	assert_int_equal(e.code, ERR_MISSING);
	assert_int_equal(patch, -1);
}

TEST(long_bundles_get_no_patch)
{
	BEGIN;
	size_t length = SQUEEZE_PATCH_MAX + 1;
	cleanup(free_ptr) char *zeros = mem_new(length, 1);
	int patch = -1;

	yard_release(&y, "plan-D", "soracom.io", str_bytes(zeros, length));
	yard_sign(&y);
	assert_false(repository_patch(&patch, &r, ONE, digest_of(str_bytes(zeros, length)), &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(patch, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fleet_without_a_repository_is_told_to_sign),
		cmocka_unit_test(metadata_is_found_by_role_and_version),
		cmocka_unit_test(a_release_is_found_by_its_id_while_it_is_permitted),
		cmocka_unit_test(a_manifest_that_has_rotted_is_not_handed_out),
		cmocka_unit_test(paths_that_lead_out_are_never_written),
		cmocka_unit_test(every_permitted_bundle_must_be_there),
		cmocka_unit_test(a_bundle_of_other_bytes_or_length_is_found),
		cmocka_unit_test(every_file_of_the_metadata_is_held_against_its_signature),
		cmocka_unit_test(what_has_expired_is_said_by_its_name),
		cmocka_unit_test(a_patch_is_made_once_and_leads_from_the_old_to_the_new),
		cmocka_unit_test(a_patch_from_a_bundle_that_is_not_here_is_missing),
		cmocka_unit_test(long_bundles_get_no_patch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
