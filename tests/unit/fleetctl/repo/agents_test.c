/* Agents: agents.yaml becomes what role `agent` signs, and what is signed is found again. */
#include "fleetctl/repo/agents.h"
#include "tests/unit/fleetctl/repo/yard_agent.h"

#define TEST(name) static void name(void **state)
#define BEGIN                                                                                                                  \
	(void)state;                                                                                                           \
	cleanup(yard_free) struct yard y;                                                                                      \
	cleanup(yard_agent_free) struct yard_agent a = {0};                                                                    \
	cleanup(fleet_free) struct fleet f = {.at = -1};                                                                       \
	struct err e = {0};                                                                                                    \
	(void)&a;                                                                                                              \
	yard_make(&y);                                                                                                         \
	yard_keys(&y);                                                                                                         \
	yard_key(&y, "chief", "agent");                                                                                        \
	yard_release(&y, "plan-D", "soracom.io", STR("scripts"));                                                              \
	yard_write(&y, "fleet.yaml", STR("name: tower\n"));                                                                    \
	yard_write(&y, "hosts.yaml", STR("[]\n"));                                                                             \
	if (!fleet_open(&f, y.fleet, &e))                                                                                      \
	fail_msg("%s", e.text)

#define ARM "debian12-gnu-arm64"
#define AMD "debian12-gnu-amd64"

static struct program program(const char *platform, const char *version, struct str bundle)
{
	struct program p = {.platform = (char *)platform, .version = (char *)version, .bundle = {digest_of(bundle), (int64_t)bundle.len}};

	assert_true(version_read(&p.number, str_of(version), NULL));
	return p;
}

static void put(const struct fleet *f, const char *platform, const char *version, struct str bundle)
{
	struct program p = program(platform, version, bundle);
	struct err e = {0};

	if (!agents_put(f, &p, &e))
		fail_msg("%s", e.text);
}

/* As `fleetctl sign`; the words of what changes. */
static enum err_code compile_and_sign(struct yard *y, const struct fleet *f, struct buf *words)
{
	cleanup(agent_files_free) struct agent_files files = {0};
	struct err e = {0};

	buf_clear(words);
	if (!agents_compile(&files, f, &e)) {
		y->why = e;
		return e.code;
	}
	buf_add(words, buf_str(&files.words));
	buf_byte(words, 0);
	memcpy(y->document, files.document, files.documents * sizeof *files.document);
	y->documents = files.documents;
	enum err_code code = yard_go(y, YARD_SIGN);
	y->documents = 0;
	return code;
}

TEST(what_is_put_reads_back_and_replaces_its_platforms)
{
	BEGIN;
	cleanup(programs_free) struct programs p = {0};
	cleanup(buf_free) struct buf text = {0};

	assert_true(agents_read(&p, &f, &e));
	assert_int_equal(p.count, 0);
	put(&f, ARM, "0.1.0", STR("one"));
	put(&f, AMD, "0.1.0", STR("two"));
	put(&f, ARM, "0.2.0", STR("three"));
	if (!agents_read(&p, &f, &e))
		fail_msg("%s", e.text);
	assert_int_equal(p.count, 2);
	assert_string_equal(p.at[0].platform, AMD); /* by platform, so that git shows a line that changes */
	assert_string_equal(p.at[1].version, "0.2.0");
	assert_int_equal(p.at[1].number, 2000);
	assert_true(digest_eq(p.at[1].bundle.sha256, digest_of(STR("three"))));
	yard_read(&y, &text, AGENTS_FILE);
	put(&f, ARM, "0.2.0", STR("three"));
	cleanup(buf_free) struct buf again = {0};
	yard_read(&y, &again, AGENTS_FILE);
	assert_true(str_eq(buf_str(&text), buf_str(&again)));
}

TEST(a_mistake_in_the_file_is_told_with_its_line_and_nothing_is_overwritten)
{
	BEGIN;
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	static const char *const wrong[][2] = {
		{"agents:\n  - {platform: a, version: 1.2.x, length: 1, sha256: " SHA "}\n", "agents.yaml:2: version"},
		{"agents:\n  - {platform: a, version: 1.2, length: none, sha256: " SHA "}\n", "agents.yaml:2:"},
		{"agents:\n  - {platform: a, version: 1.2, length: 1, sha256: ab}\n", "agents.yaml:2:"},
		{"agents:\n  - {platform: a, length: 1, sha256: " SHA "}\n", "agents.yaml:2:"},
		{"agents:\n  - {platform: a/b, version: 1.2, length: 1, sha256: " SHA "}\n", "agents.yaml:2:"},
		{"agents:\n  - {platform: a, version: 1, length: 1, sha256: " SHA "}\n  - {platform: a, version: 1, length: 1, sha256: " SHA "}\n",
			"agents.yaml:3:"},
		{"agents: []\nwhat: else\n", "agents.yaml:2:"},
		{"[]\n", "agents.yaml:1:"},
	};
	cleanup(programs_free) struct programs p = {0};
	cleanup(buf_free) struct buf text = {0};
	struct program one = program(ARM, "0.1.0", STR("one"));

	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		yard_write(&y, AGENTS_FILE, str_of(wrong[i][0]));
		if (agents_read(&p, &f, &e) || !str_starts(str_of(e.text), wrong[i][1]))
			fail_msg("%zu: %s", i, e.text);
		assert_int_equal(p.count, 0);
		assert_false(agents_put(&f, &one, &e));
		yard_read(&y, &text, AGENTS_FILE);
		assert_true(str_is(buf_str(&text), wrong[i][0]));
	}
}

TEST(what_is_signed_is_told_and_goes_forward_only)
{
	BEGIN;
	cleanup(buf_free) struct buf words = {0};

	yard_bundle(&y, STR("one"));
	yard_bundle(&y, STR("two"));
	put(&f, ARM, "0.1.0", STR("one"));
	if (compile_and_sign(&y, &f, &words) != ERR_NONE)
		fail_msg("%s", y.why.text);
	assert_non_null(strstr(words.data, "agent " ARM ": 0.1.0, bundle"));
	put(&f, ARM, "0.2.0", STR("two"));
	assert_int_equal(compile_and_sign(&y, &f, &words), ERR_NONE);
	assert_non_null(strstr(words.data, "agent " ARM ": 0.1.0 -> 0.2.0, bundle"));
	assert_int_equal(compile_and_sign(&y, &f, &words), ERR_NONE);
	assert_string_equal(words.data, "");
	assert_int_equal(yard_version(&y, "agent"), 2);
	put(&f, ARM, "0.1.9", STR("one"));
	assert_int_equal(compile_and_sign(&y, &f, &words), ERR_OLDER);
	put(&f, ARM, "0.2.0", STR("one"));
	assert_int_equal(compile_and_sign(&y, &f, &words), ERR_REFUSED);
	put(&f, ARM, "0.3.0", STR("nowhere"));
	assert_int_equal(compile_and_sign(&y, &f, &words), ERR_MISSING);
	assert_int_equal(yard_version(&y, "agent"), 2);
	put(&f, AMD, "0.1.0", STR("one")); /* each platform by itself */
	put(&f, ARM, "0.2.0", STR("two"));
	assert_int_equal(compile_and_sign(&y, &f, &words), ERR_NONE);
	assert_int_equal(yard_verify(&y, NULL), ERR_NONE);
}

TEST(what_was_signed_is_found_the_newest_first)
{
	BEGIN;
	cleanup(programs_free) struct programs now = {0};
	cleanup(programs_free) struct programs ever = {0};
	cleanup(repository_free) struct repository r = {.at = -1};
	static const char *const versions[] = {"0.9.0", "0.10.0", "0.11.0"};

	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		yard_agent_one(&y, &a, ARM, versions[i], str_of(versions[i]));
		yard_sign(&y);
	}
	yard_agent_one(&y, &a, AMD, "0.1.0", STR("other"));
	yard_sign(&y);
	assert_true(repository_open(&r, y.fleet, &e));
	if (!programs_signed(&now, &r, &e))
		fail_msg("%s", e.text);
	assert_int_equal(now.count, 2);
	assert_string_equal(programs_of(&now, ARM)->version, "0.11.0");
	assert_null(programs_of(&now, "debian12-gnu-armhf"));
	programs_held(&ever, &r);
	assert_int_equal(ever.count, 4);
	assert_string_equal(ever.at[1].version, "0.11.0");
	assert_string_equal(ever.at[2].version, "0.10.0");
	assert_string_equal(ever.at[3].version, "0.9.0");
	assert_non_null(programs_with(&ever, digest_of(STR("0.9.0"))));
	assert_null(programs_with(&ever, digest_of(STR("scripts"))));
	programs_make_patches(&r);
	assert_true(repository_has_patch(&r, digest_of(STR("0.9.0")), digest_of(STR("0.11.0"))));
	assert_true(repository_has_patch(&r, digest_of(STR("0.10.0")), digest_of(STR("0.11.0"))));
	assert_false(repository_has_patch(&r, digest_of(STR("0.9.0")), digest_of(STR("other"))));
}

TEST(verify_finds_an_agent_under_anothers_path)
{
	BEGIN;
	yard_agent_one(&y, &a, ARM, "0.1.0", STR("one"));
	yard_sign(&y);
	assert_int_equal(yard_verify(&y, NULL), ERR_NONE);
	yard_agent_at(&y, &a, ARM, AMD, "0.2.0", STR("two"));
	yard_sign(&y); /* by whoever has the key */
	assert_int_equal(yard_verify(&y, NULL), ERR_FOREIGN);
	assert_non_null(strstr(y.why.text, "agent/" ARM " is an agent for " AMD));
}

TEST(verify_finds_an_agent_without_its_bundle_or_with_another)
{
	BEGIN;
	cleanup(free_ptr) char *file = NULL;
	cleanup(buf_free) struct buf text = {0};

	yard_agent_one(&y, &a, ARM, "0.1.0", STR("one"));
	yard_sign(&y);
	file = repository_bundle_file(a.bundle);
	cleanup(free_ptr) char *path = path_form("repository/%s", file);
	yard_read(&y, &text, path);
	yard_write(&y, path, STR("no zstd"));
	assert_int_equal(yard_verify(&y, NULL), ERR_DIGEST);
	cleanup(free_ptr) char *gone = path_form("%s/%s", y.fleet, path);
	assert_true(fs_remove(AT_FDCWD, gone, NULL));
	assert_int_equal(yard_verify(&y, NULL), ERR_MISSING);
	yard_write(&y, path, buf_str(&text));
	assert_int_equal(yard_verify(&y, NULL), ERR_NONE);
}

TEST(what_is_no_agent_is_found_though_it_is_signed)
{
	BEGIN;
	yard_document(&y, "agent", "agent/" ARM, "ELF");
	yard_sign(&y);
	assert_int_equal(yard_verify(&y, NULL), ERR_SYNTAX);
}

TEST(a_signer_elsewhere_reads_it_in_words_of_the_very_bytes)
{
	BEGIN;
	cleanup(buf_free) struct buf words = {0}, before = {0};

	yard_agent_one(&y, &a, ARM, "0.1.0", STR("one"));
	buf_add(&before, buf_str(&a.text));
	yard_agent_one(&y, &a, ARM, "0.2.0", STR("two"));
	if (!agents_words(&words, "agent/" ARM, buf_str(&before), buf_str(&a.text), &e))
		fail_msg("%s", e.text);
	assert_true(str_starts(buf_str(&words), "agent " ARM ": 0.1.0 -> 0.2.0, bundle "));
	assert_false(agents_words(&words, "agent/" AMD, buf_str(&before), buf_str(&a.text), &e));
	assert_int_equal(e.code, ERR_FOREIGN);
	assert_false(agents_words(&words, "agent/" ARM, (struct str){0}, STR("ELF"), &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_false(agents_words(&words, "fleet/access.json", (struct str){0}, STR("{}"), &e));
	assert_int_equal(e.code, ERR_MISSING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_reads_back_and_replaces_its_platforms),
		cmocka_unit_test(a_mistake_in_the_file_is_told_with_its_line_and_nothing_is_overwritten),
		cmocka_unit_test(what_is_signed_is_told_and_goes_forward_only),
		cmocka_unit_test(what_was_signed_is_found_the_newest_first),
		cmocka_unit_test(verify_finds_an_agent_under_anothers_path),
		cmocka_unit_test(verify_finds_an_agent_without_its_bundle_or_with_another),
		cmocka_unit_test(what_is_no_agent_is_found_though_it_is_signed),
		cmocka_unit_test(a_signer_elsewhere_reads_it_in_words_of_the_very_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
