/* What doctor finds, and what it says to do: broken, soon, or well. And refresh, which keeps it well. */
#include "fleetctl/repo/doctor.h"
#include "tests/unit/fleetctl/repo/yard.h"

#define TEST(name) static void name(void **state)
#define BEGIN                                                                                                                  \
	(void)state;                                                                                                           \
	cleanup(doctor_free) struct doctor_report d = {0};                                                                     \
	cleanup(yard_free) struct yard y;                                                                                      \
	(void)d; /* some look by other means */                                                                                \
	yard_make(&y);                                                                                                         \
	yard_keys(&y);                                                                                                         \
	yard_key(&y, "roll", "rollouts");                                                                                      \
	yard_release(&y, "plan-D", "soracom.io", STR("bundle one"));                                                           \
	yard_release(&y, "plan01s", "soracom.io", STR("bundle two"));                                                          \
	yard_document(&y, "rollout-plan-D", "plan-D/rollout.json", "go");                                                      \
	yard_sign(&y);                                                                                                         \
	y.documents = 0

static void look(struct yard *y, struct doctor_report *d)
{
	cleanup(repository_free) struct repository r = {0};
	struct doctor_wish wish = {y->now, DOCTOR_DAYS, DOCTOR_ONLINE_DAYS};

	doctor_free(d);
	assert_true(repository_open(&r, y->fleet, NULL));
	doctor_repository(d, &r, &wish);
}

static const struct doctor_role *role_of(const struct doctor_report *d, const char *role)
{
	for (size_t i = 0; i < d->roles; i++)
		if (strcmp(d->role[i].role, role) == 0)
			return &d->role[i];
	fail_msg("no role %s", role);
	return NULL;
}

static void assert_broken(struct yard *y, struct doctor_report *d, enum err_code code, const char *words)
{
	struct err e = {0};

	look(y, d);
	assert_int_equal(d->verdict, DOCTOR_BROKEN);
	assert_int_equal(d->trouble[0].verdict, DOCTOR_BROKEN);
	if (d->trouble[0].why.code != code || !strstr(d->trouble[0].why.text, words))
		fail_msg("%s: %s", err_word(d->trouble[0].why.code), d->trouble[0].why.text);
	assert_false(doctor_allows(d, &e)); /* nothing of it is published */
	assert_int_equal(e.code, code);
	assert_non_null(strstr(e.text, "next: "));
}

TEST(a_fresh_repository_is_well_and_its_days_are_told)
{
	BEGIN;
	struct err e = {0};

	look(&y, &d);
	assert_int_equal(d.verdict, DOCTOR_WELL);
	assert_true(doctor_allows(&d, &e));
	assert_int_equal(d.troubles, 0);
	assert_int_equal(d.anchors, 1);
	assert_int_equal(d.roles, 8);
	assert_int_equal(d.facts.permitteds, 2);
	assert_int_equal(role_of(&d, "root")->days, 365);
	assert_int_equal(role_of(&d, "timestamp")->days, 14);
	assert_int_equal(role_of(&d, "rollout-plan-D")->days, 365);
}

TEST(a_role_with_few_days_left_is_said_and_forbids_nothing)
{
	BEGIN;
	struct err e = {0};

	y.now += 9 * YARD_DAY + 1; /* the timestamp has less than five */
	look(&y, &d);
	assert_int_equal(d.verdict, DOCTOR_SOON);
	assert_int_equal(d.troubles, 1);
	assert_int_equal(role_of(&d, "timestamp")->days, 4);
	assert_int_equal(role_of(&d, "timestamp")->verdict, DOCTOR_SOON);
	assert_string_equal(d.trouble[0].next, "fleetctl refresh");
	assert_true(doctor_allows(&d, &e));
	y.now = YARD_NOW + 352 * YARD_DAY; /* 13 of 365: the offline ones, too */
	look(&y, &d);
	assert_int_equal(role_of(&d, "plan-D")->verdict, DOCTOR_SOON);
	assert_int_equal(role_of(&d, "root")->verdict, DOCTOR_SOON);
}

TEST(what_has_expired_is_broken_and_hides_nothing_else)
{
	BEGIN;
	y.now += 20 * YARD_DAY;
	look(&y, &d);
	assert_int_equal(d.verdict, DOCTOR_BROKEN);
	assert_int_equal(d.roles, 8);
	assert_int_equal(role_of(&d, "timestamp")->days, -6);
	assert_int_equal(d.facts.permitteds, 2);
	assert_broken(&y, &d, ERR_EXPIRED, "timestamp: expired on");
}

TEST(each_root_ever_shipped_is_an_anchor)
{
	BEGIN;
	for (int i = 2; i <= 4; i++) {
		char name[20];
		snprintf(name, sizeof name, "root-%d", i);
		yard_key(&y, name, "root");
		yard_sign(&y);
	}
	look(&y, &d);
	assert_int_equal(d.verdict, DOCTOR_WELL);
	assert_int_equal(d.anchors, 4);
}

TEST(a_root_that_is_gone_is_broken_though_the_newest_is_there)
{
	static const struct {
		const char *gone, *words;
	} roots[] = {{"2", "2.root.json is not there"}, {"1", "from root 1"}};

	for (size_t i = 0; i < COUNT_OF(roots); i++) {
		BEGIN;
		cleanup(free_ptr) char *file = path_form("%s/repository/metadata/%s.root.json", y.fleet, roots[i].gone);
		yard_key(&y, "bob", "root");
		yard_sign(&y);
		yard_key(&y, "cyd", "root"); /* the online keys stay: no signature gives it away */
		yard_sign(&y);
		assert_true(fs_remove(AT_FDCWD, file, NULL));
		assert_broken(&y, &d, ERR_MISSING, roots[i].words);
	}
}

TEST(all_that_is_broken_is_listed)
{
	BEGIN;
	cleanup(free_ptr) char *one = repository_bundle_file(digest_of(STR("bundle one")));
	cleanup(free_ptr) char *file = path_form("repository/%s", one);

	yard_write(&y, file, STR("no bundle"));
	yard_mend(&y, "repository/metadata/1.plan01s.json", "\"version\": 1", "\"version\": 2");
	look(&y, &d);
	assert_int_equal(d.verdict, DOCTOR_BROKEN);
	assert_int_equal(d.troubles, 2);
	assert_int_equal(d.trouble[0].why.code, ERR_DIGEST);
	assert_non_null(strstr(d.trouble[0].why.text, "bundles/"));
	assert_int_equal(d.trouble[1].why.code, ERR_SIGNATURE);
	assert_non_null(strstr(d.trouble[1].why.text, "plan01s"));
}

TEST(a_rollout_that_was_changed_is_broken)
{
	BEGIN;
	char hex[DIGEST_HEX + 1], path[200];

	digest_hex(hex, digest_of(STR("go")));
	snprintf(path, sizeof path, "repository/targets/plan-D/%s.rollout.json", hex);
	yard_write(&y, path, STR("no"));
	assert_broken(&y, &d, ERR_DIGEST, "rollout.json");
}

/* --- refresh --- */

TEST(nothing_is_refreshed_before_it_is_due)
{
	BEGIN;
	cleanup(buf_free) struct buf before = {0}, after = {0};

	y.online = true;
	yard_read(&y, &before, "repository/metadata/timestamp.json");
	y.now += 6 * YARD_DAY;
	yard_sign(&y);
	assert_true(yard_says(&y, "nothing to sign"));
	yard_read(&y, &after, "repository/metadata/timestamp.json");
	assert_true(str_eq(buf_str(&before), buf_str(&after)));
	y.refresh = true; /* --now */
	yard_sign(&y);
	assert_int_equal(yard_version(&y, "timestamp"), 2);
	assert_int_equal(yard_version(&y, "snapshot"), 1);
}

TEST(refresh_keeps_the_online_roles_alive_for_a_year_and_touches_nothing_else)
{
	BEGIN;
	y.online = true;
	for (int day = 0; day < 350; day++) {
		y.now += YARD_DAY;
		yard_sign(&y);
		look(&y, &d);
		if (role_of(&d, "timestamp")->verdict != DOCTOR_WELL || role_of(&d, "snapshot")->verdict != DOCTOR_WELL)
			fail_msg("day %d", day);
	}
	assert_true(yard_version(&y, "timestamp") > 40);
	assert_true(yard_version(&y, "snapshot") < 20);
	assert_int_equal(yard_version(&y, "root"), 1);
	assert_int_equal(yard_version(&y, "targets"), 1);
	assert_int_equal(yard_version(&y, "plan-D"), 1);
}

TEST(refresh_signs_by_the_root_whatever_keys_yaml_says)
{
	BEGIN;
	y.online = true;
	yard_write(&y, KEYSET_FILE, STR("no keys at all"));
	y.now += 8 * YARD_DAY;
	yard_sign(&y);
	assert_int_equal(yard_version(&y, "timestamp"), 2);
	assert_int_equal(yard_verify(&y, NULL), ERR_NONE);
}

TEST(refresh_without_its_key_is_an_error_and_writes_nothing)
{
	BEGIN;
	cleanup(free_ptr) char *pem = path_form("%s/online.pem", y.keys);

	y.online = y.all_keys_count = true;
	assert_true(fs_remove(AT_FDCWD, pem, NULL));
	y.now += 8 * YARD_DAY;
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_SIGNATURE);
	assert_non_null(strstr(y.why.text, "online"));
	assert_int_equal(yard_version(&y, "timestamp"), 1);
}

TEST(refresh_does_not_sign_with_a_clock_that_went_back)
{
	BEGIN;
	y.online = y.refresh = true;
	y.now -= YARD_DAY;
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_REFUSED);
	assert_non_null(strstr(y.why.text, "set the clock"));
	assert_int_equal(yard_version(&y, "timestamp"), 1);
}

TEST(there_is_nothing_to_refresh_before_the_first_signature)
{
	(void)state;
	cleanup(yard_free) struct yard y;

	yard_make(&y);
	y.online = true;
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_MISSING);
	assert_false(yard_has(&y, "repository"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fresh_repository_is_well_and_its_days_are_told),
		cmocka_unit_test(a_role_with_few_days_left_is_said_and_forbids_nothing),
		cmocka_unit_test(what_has_expired_is_broken_and_hides_nothing_else),
		cmocka_unit_test(each_root_ever_shipped_is_an_anchor),
		cmocka_unit_test(a_root_that_is_gone_is_broken_though_the_newest_is_there),
		cmocka_unit_test(all_that_is_broken_is_listed),
		cmocka_unit_test(a_rollout_that_was_changed_is_broken),
		cmocka_unit_test(nothing_is_refreshed_before_it_is_due),
		cmocka_unit_test(refresh_keeps_the_online_roles_alive_for_a_year_and_touches_nothing_else),
		cmocka_unit_test(refresh_signs_by_the_root_whatever_keys_yaml_says),
		cmocka_unit_test(refresh_without_its_key_is_an_error_and_writes_nothing),
		cmocka_unit_test(refresh_does_not_sign_with_a_clock_that_went_back),
		cmocka_unit_test(there_is_nothing_to_refresh_before_the_first_signature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
