/* Targets that are no releases: fleet, agent and rollout-PLAN, each with keys and a threshold of its own. */
#include "manifests/role.h"
#include "tests/unit/fleetctl/repo/yard_agent.h"

#define TEST(name) static void name(void **state)
#define BEGIN                                                                                                                  \
	(void)state;                                                                                                           \
	cleanup(yard_free) struct yard y;                                                                                      \
	yard_make(&y);                                                                                                         \
	yard_keys(&y);                                                                                                         \
	yard_key(&y, "roll", "rollouts");                                                                                      \
	yard_key(&y, "chief", "fleet agent");                                                                                  \
	yard_release(&y, "plan-D", "soracom.io", STR("bundle one"));                                                           \
	yard_release(&y, "plan01s", "soracom.io", STR("bundle one"))

static void assert_good(struct yard *y)
{
	if (yard_verify(y, NULL) != ERR_NONE)
		fail_msg("%s", y->why.text);
}

/* What a host would be given for that path, through our own client. */
static enum err_code fetch(struct yard *y, const char *path, char out[200], char role[ROLE_NAME_SIZE])
{
	cleanup(repository_free) struct repository r = {0};
	cleanup(buf_free) struct buf bytes = {0};
	struct trust *t = NULL;
	struct trust_target target = {0};

	y->why = (struct err){0};
	assert_true(repository_open(&r, y->fleet, NULL));
	bool good = repository_trust(&t, &r, (struct trust_time){y->now, true}, 0, &y->why) &&
		    repository_target(&bytes, &r, t, path, &y->why);
	if (good && trust_found(t, &target))
		snprintf(role, ROLE_NAME_SIZE, "%s", target.role);
	snprintf(out, 200, STR_FMT, STR_ARG(buf_str(&bytes)));
	trust_free(&t);
	return good ? ERR_NONE : y->why.code;
}

static void assert_fetched(struct yard *y, const char *path, const char *role, const char *text)
{
	char out[200], by[ROLE_NAME_SIZE] = "";

	if (fetch(y, path, out, by) != ERR_NONE)
		fail_msg("%s", y->why.text);
	assert_string_equal(out, text);
	assert_string_equal(by, role);
}

static void hide(struct yard *y, const char *name)
{
	cleanup(free_ptr) char *from = path_form("%s/%s.pem", y->keys, name), *to = path_form("%s/%s.gone", y->keys, name);

	assert_true(fs_rename(AT_FDCWD, from, to, NULL));
}

TEST(a_role_is_made_when_it_is_first_needed)
{
	BEGIN;
	yard_sign(&y);
	assert_int_equal(yard_version(&y, "fleet"), 0);
	yard_document(&y, "fleet", "fleet/access.json", "{}");
	yard_sign(&y);
	assert_true(yard_says(&y, "fleet 1 (new)"));
	assert_int_equal(yard_version(&y, "fleet"), 1);
	assert_int_equal(yard_version(&y, "targets"), 2);
	assert_int_equal(yard_version(&y, "plan-D"), 1);
	assert_fetched(&y, "fleet/access.json", "fleet", "{}");
	assert_good(&y);
	y.documents = 0;
	yard_sign(&y);
	assert_true(yard_says(&y, "nothing to sign"));
}

TEST(a_plan_and_its_first_rollout_are_signed_together_and_touch_no_other_plan)
{
	BEGIN;
	yard_document(&y, "rollout-plan-D", "plan-D/rollout.json", "go");
	yard_sign(&y);
	assert_fetched(&y, "plan-D/rollout.json", "rollout-plan-D", "go");
	assert_int_equal(yard_version(&y, "rollout-plan01s"), 1); /* with nothing in it */
	hide(&y, "ann"); /* so that the first needs no key that is offline */
	yard_forget(&y);
	yard_document(&y, "rollout-plan01s", "plan01s/rollout.json", "too");
	yard_sign(&y);
	assert_int_equal(yard_version(&y, "targets"), 1);
	assert_int_equal(yard_version(&y, "plan01s"), 1);
	assert_int_equal(yard_version(&y, "plan-D"), 1);
	assert_int_equal(yard_version(&y, "rollout-plan-D"), 1);
	assert_int_equal(yard_version(&y, "rollout-plan01s"), 2);
	assert_fetched(&y, "plan01s/rollout.json", "rollout-plan01s", "too");
	assert_fetched(&y, "plan-D/rollout.json", "rollout-plan-D", "go");
	assert_good(&y);
	y.documents = 0;
	yard_document(&y, "rollout-plan-D", "plan-D/rollout.json", "further");
	yard_sign(&y);
	assert_int_equal(yard_version(&y, "targets"), 1);
	assert_int_equal(yard_version(&y, "rollout-plan-D"), 2);
	assert_fetched(&y, "plan-D/rollout.json", "rollout-plan-D", "further");
}

TEST(a_rollout_ends_the_search_so_a_plan_cannot_sign_for_it)
{
	BEGIN;
	cleanup(doc_free) doc *whole = NULL;
	cleanup(buf_free) struct buf text = {0};

	yard_document(&y, "rollout-plan-D", "plan-D/rollout.json", "go");
	yard_sign(&y);
	yard_read(&y, &text, "repository/metadata/1.targets.json");
	assert_true(doc_read(&whole, buf_str(&text), NULL));
	doc *roles = doc_get(doc_get(doc_get(whole, "signed"), "delegations"), "roles");
	size_t rollout = 9, plan = 9;
	for (size_t i = 0; i < doc_count(roles); i++) {
		struct str name = doc_str(doc_get(doc_at(roles, i), "name"));
		if (str_is(name, "rollout-plan-D"))
			rollout = i;
		if (str_is(name, "plan-D"))
			plan = i;
	}
	assert_true(rollout < plan && plan < 9);
	assert_true(doc_true(doc_get(doc_at(roles, rollout), "terminating")));
	assert_int_equal(doc_count(doc_get(doc_at(roles, rollout), "paths")), 1);
}

TEST(a_document_is_taken_away_and_the_role_stays)
{
	BEGIN;
	char out[200], by[ROLE_NAME_SIZE];

	yard_document(&y, "fleet", "fleet/access.json", "a");
	yard_document(&y, "fleet", "fleet/sources.json", "s");
	yard_sign(&y);
	y.documents = 0;
	yard_document(&y, "fleet", "fleet/access.json", "b");
	yard_sign(&y);
	assert_fetched(&y, "fleet/access.json", "fleet", "b");
	assert_fetched(&y, "fleet/sources.json", "fleet", "s");
	y.documents = 0;
	y.document[y.documents++] = (struct sign_document){"fleet", "fleet/sources.json", {0}};
	yard_sign(&y);
	assert_int_equal(fetch(&y, "fleet/sources.json", out, by), ERR_SIGNATURE);
	assert_fetched(&y, "fleet/access.json", "fleet", "b");
	assert_int_equal(yard_version(&y, "fleet"), 3);
}

TEST(a_document_outside_of_its_role_is_refused)
{
	BEGIN;
	static const struct {
		const char *role, *path;
		enum err_code code;
	} wrong[] = {
		{"fleet", "plan-D/manifest.json", ERR_UNSAFE},
		{"fleet", "fleet/deep/access.json", ERR_UNSAFE},
		{"fleet", "fleet/../plan-D/manifest.json", ERR_UNSAFE},
		{"agent", "fleet/access.json", ERR_UNSAFE},
		{"rollout-plan-D", "plan01s/rollout.json", ERR_UNSAFE},
		{"rollout-plan-D", "plan-D/manifest.json", ERR_UNSAFE},
		{"rollout-plan-Z", "plan-Z/rollout.json", ERR_MISSING},
		{"plan-D", "plan-D/manifest.json", ERR_USAGE},
		{"root", "fleet/access.json", ERR_USAGE},
		{"../x", "fleet/access.json", ERR_USAGE},
	};

	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		y.documents = 0;
		yard_document(&y, wrong[i].role, wrong[i].path, "x");
		if (yard_go(&y, YARD_SIGN) != wrong[i].code)
			fail_msg("%s %s: %s", wrong[i].role, wrong[i].path, y.why.text);
		assert_false(yard_has(&y, "repository"));
	}
	y.documents = 0;
	yard_document(&y, "fleet", "fleet/access.json", "x");
	yard_document(&y, "fleet", "fleet/access.json", "y");
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_USAGE);
}

TEST(each_role_is_signed_by_its_own_keys_and_threshold)
{
	BEGIN;
	yard_key(&y, "vice", "fleet");
	yard_mend(&y, KEYSET_FILE, "root: 1", "fleet: 2, root: 1");
	yard_document(&y, "fleet", "fleet/access.json", "{}");
	hide(&y, "vice");
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_SIGNATURE);
	assert_non_null(strstr(y.why.text, "fleet: keys.yaml: it needs 2 signatures"));
	assert_non_null(strstr(y.why.text, "vice"));
	assert_false(yard_has(&y, "repository"));
	y.documents = 0;
	yard_document(&y, "rollout-plan-D", "plan-D/rollout.json", "go"); /* needs none of these */
	yard_sign(&y);
	assert_true(yard_says(&y, "rollout-plan-D: adds the key of roll; threshold 1"));
	y.documents = 0;
	yard_key(&y, "dora", "rollout-plan-D");
	yard_sign(&y);
	assert_true(yard_says(&y, "rollout-plan-D: adds the key of dora; drops the key of roll"));
	assert_int_equal(yard_version(&y, "rollout-plan-D"), 2);
	assert_int_equal(yard_version(&y, "plan-D"), 1);
	assert_good(&y);
}

TEST(an_agent_needs_as_many_keys_as_root)
{
	BEGIN;
	yard_key(&y, "bob", "root");
	yard_mend(&y, KEYSET_FILE, "root: 1", "root: 2");
	cleanup(yard_agent_free) struct yard_agent a = {0};
	yard_agent_one(&y, &a, "linux-gnu-amd64", "0.1.0", STR("ELF"));
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_USAGE); /* two are needed, there is one */
	assert_non_null(strstr(y.why.text, "agent needs 2 signatures"));
	yard_key(&y, "bill", "agent");
	yard_mend(&y, KEYSET_FILE, "root: 2", "agent: 1, root: 2");
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_USAGE);
	assert_non_null(strstr(y.why.text, "agent is 1, but root is 2"));
	yard_mend(&y, KEYSET_FILE, "agent: 1, ", "");
	yard_sign(&y);
	assert_true(yard_says(&y, "threshold 2"));
	assert_fetched(&y, "agent/linux-gnu-amd64", "agent", buf_str(&a.text).data);
	assert_good(&y);
}

TEST(without_a_key_for_the_role_nothing_is_signed)
{
	BEGIN;
	yard_mend(&y, KEYSET_FILE, "roles: [rollouts]", "roles: [plan-Z]");
	yard_document(&y, "rollout-plan-D", "plan-D/rollout.json", "go");
	assert_int_equal(yard_go(&y, YARD_SIGN), ERR_USAGE);
	assert_non_null(strstr(y.why.text, "no key has the role rollouts"));
	assert_false(yard_has(&y, "repository"));
}

TEST(verify_reads_every_document)
{
	BEGIN;
	char hex[DIGEST_HEX + 1], path[200];

	yard_document(&y, "fleet", "fleet/access.json", "let");
	yard_sign(&y);
	assert_good(&y);
	digest_hex(hex, digest_of(STR("let")));
	snprintf(path, sizeof path, "repository/targets/fleet/%s.access.json", hex);
	yard_write(&y, path, STR("LET"));
	assert_int_equal(yard_verify(&y, NULL), ERR_DIGEST);
	yard_write(&y, path, STR("let"));
	assert_good(&y);
	yard_mend(&y, "repository/metadata/1.fleet.json", "\"length\": 3", "\"length\": 4");
	assert_int_equal(yard_verify(&y, NULL), ERR_SIGNATURE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_role_is_made_when_it_is_first_needed),
		cmocka_unit_test(a_plan_and_its_first_rollout_are_signed_together_and_touch_no_other_plan),
		cmocka_unit_test(a_rollout_ends_the_search_so_a_plan_cannot_sign_for_it),
		cmocka_unit_test(a_document_is_taken_away_and_the_role_stays),
		cmocka_unit_test(a_document_outside_of_its_role_is_refused),
		cmocka_unit_test(each_role_is_signed_by_its_own_keys_and_threshold),
		cmocka_unit_test(an_agent_needs_as_many_keys_as_root),
		cmocka_unit_test(without_a_key_for_the_role_nothing_is_signed),
		cmocka_unit_test(verify_reads_every_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
