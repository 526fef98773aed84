/* What is read as TUF metadata, and what is not, before and after the signatures. */
#include <malloc.h>

#include "tests/unit/manifests/forge.h"

static struct buf good(enum role_kind kind)
{
	cleanup(doc_free) doc *body = role_body(kind, 3, FORGE_NOW);

	if (kind == ROLE_ROOT) {
		doc_free(&body);
		body = forge_root(3, "r", "m", "s", "t");
	}
	if (kind == ROLE_TIMESTAMP)
		role_set_meta(body, "snapshot", 1);
	if (kind == ROLE_SNAPSHOT)
		role_set_meta(body, "targets", 1);
	if (kind == ROLE_TARGETS) {
		role_set_target(body, "plan-D/manifest.json", STR("{}"));
		forge_link(body, "plan-D", "p", "plan-D/*", true);
	}
	return forge_bytes(body, "r");
}

static enum err_code read_code(enum role_kind kind, struct str bytes)
{
	struct role r = {0}, zero = {0};
	struct err e = {0};

	if (role_read(&r, kind, bytes, &e)) {
		role_free(&r);
		return ERR_NONE;
	}
	assert_memory_equal(&r, &zero, sizeof r);
	assert_true(e.text[0]);
	return e.code;
}

static void all_four_kinds_are_written_and_read(void **state)
{
	(void)state;
	for (enum role_kind kind = ROLE_ROOT; kind < ROLE_KINDS; kind++) {
		cleanup(buf_free) struct buf bytes = good(kind);
		cleanup(role_free) struct role r = {0};
		buf_text(&bytes, " \t\r\n"); /* not as we would write it: kept as it came */
		assert_true(role_read(&r, kind, buf_str(&bytes), NULL));
		assert_int_equal(r.version, 3);
		assert_true(str_eq(buf_str(&bytes), buf_str(&r.bytes)));
		for (enum role_kind other = ROLE_ROOT; other < ROLE_KINDS; other++)
			if (other != kind)
				assert_int_equal(read_code(other, buf_str(&bytes)), ERR_SYNTAX);
	}
}

static void each_field_that_is_missing_or_of_another_type_is_refused(void **state)
{
	(void)state;
	for (enum role_kind kind = ROLE_ROOT; kind < ROLE_KINDS; kind++) {
		cleanup(buf_free) struct buf bytes = good(kind);
		cleanup(doc_free) doc *first = NULL;
		assert_true(doc_read(&first, buf_str(&bytes), NULL));
		doc *fields = doc_get(first, "signed");
		for (void *i = doc_first(fields); i; i = doc_next(fields, i)) {
			bool optional = strcmp(doc_key(i), "consistent_snapshot") == 0 ||
					strcmp(doc_key(i), "delegations") == 0;
			cleanup(doc_free) doc *without = role_body(kind, 1, 0), *bent = NULL;
			cleanup(buf_free) struct buf a = {0}, b = {0};
			doc *body = doc_object();
			for (void *j = doc_first(fields); j; j = doc_next(fields, j))
				if (strcmp(doc_key(i), doc_key(j)) != 0)
					doc_set(body, doc_key(j), doc_ref(doc_value(j)));
			doc_free(&without);
			without = role_seal(body);
			doc_pretty(&a, without);
			assert_int_equal(read_code(kind, buf_str(&a)), optional ? ERR_NONE : ERR_SYNTAX);
			assert_true(doc_read(&bent, buf_str(&bytes), NULL));
			doc_set(doc_get(bent, "signed"), doc_key(i), doc_list());
			doc_pretty(&b, bent);
			assert_int_equal(read_code(kind, buf_str(&b)), ERR_SYNTAX);
		}
	}
}

static void valid_json_that_is_not_tuf_is_refused_and_nothing_crashes(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "0", "null", "[]", "{}", "\"signed\"",
		"{\"signed\":[],\"signatures\":{}}", "{\"signed\":{},\"signatures\":[]}",
		"{\"signed\":null,\"signatures\":null}", "{\"signed\":{\"_type\":1},\"signatures\":[1]}",
		"{\"signatures\":[],\"signed\":{\"_type\":\"root\",\"spec_version\":\"1.0\",\"version\":1,"
		"\"expires\":\"2030-01-01T00:00:00Z\",\"keys\":{\"a\":1},\"roles\":{}}}",
		"{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"spec_version\":\"1.0\",\"version\":1,"
		"\"expires\":\"2030-01-01T00:00:00Z\",\"targets\":{\"a\":null}}}",
		"{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"spec_version\":\"1.0\",\"version\":1,"
		"\"expires\":\"2030-01-01T00:00:00Z\",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":[1]}}}",
		"{\"signatures\":[],\"signed\":{\"_type\":\"snapshot\",\"spec_version\":\"1.0\",\"version\":1,"
		"\"expires\":\"2030-01-01T00:00:00Z\",\"meta\":{\"targets.json\":[]}}}"};

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		for (enum role_kind kind = ROLE_ROOT; kind < ROLE_KINDS; kind++)
			assert_int_equal(read_code(kind, str_of(texts[i])), ERR_SYNTAX);
}

/* `unit` again and again, within what TUF's limits allow for targets. */
static struct buf five_megabytes_of(const char *unit)
{
	struct buf out = {0};

	buf_text(&out, "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"x\":[");
	while (out.len + strlen(unit) + 4 < 5000000)
		buf_form(&out, "%s,", unit);
	buf_text(&out, "0]}}");
	return out;
}

static void values_without_number_are_refused_before_they_fill_the_memory(void **state)
{
	(void)state;
	static const char *const units[] = {"{}", "[]", "1", "\"\"", "[[],{}]", "{\"a\":1}"};

	for (size_t i = 0; i < COUNT_OF(units); i++) {
		cleanup(buf_free) struct buf bytes = five_megabytes_of(units[i]);
		struct mallinfo2 before = mallinfo2();
		assert_int_equal(read_code(ROLE_TARGETS, buf_str(&bytes)), ERR_LIMIT);
		assert_true(mallinfo2().arena + mallinfo2().hblkhd <= before.arena + before.hblkhd + MIB);
	}
}

static void what_fills_a_file_with_targets_or_roles_is_read(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf targets = {0}, snapshot = {0};
	cleanup(role_free) struct role a = {0}, b = {0};

	buf_text(&targets, "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"spec_version\":\"1.0\",\"version\":1,"
			   "\"expires\":\"2030-01-01T00:00:00Z\",\"targets\":{");
	for (int i = 0; targets.len + 300 < 5000000; i++)
		buf_form(&targets, "%s\"%d\":{\"hashes\":{\"sha256\":\"%064d\"},\"length\":%d}", i ? "," : "", i, i, i);
	buf_text(&targets, "}}}");
	buf_text(&snapshot, "{\"signatures\":[],\"signed\":{\"_type\":\"snapshot\",\"spec_version\":\"1.0\",\"version\":1,"
			    "\"expires\":\"2030-01-01T00:00:00Z\",\"meta\":{\"targets.json\":{\"version\":1}");
	for (int i = 0; snapshot.len + 100 < 2000000; i++)
		buf_form(&snapshot, ",\"%x.json\":{\"version\":1}", i);
	buf_text(&snapshot, "}}}");
	assert_true(role_read(&a, ROLE_TARGETS, buf_str(&targets), NULL));
	assert_true(role_read(&b, ROLE_SNAPSHOT, buf_str(&snapshot), NULL));
}

static enum err_code head_code(const char *field, doc *value)
{
	cleanup(doc_free) doc *body = role_body(ROLE_TARGETS, 1, FORGE_NOW);

	doc_set(body, field, value);
	cleanup(buf_free) struct buf bytes = forge_bytes(body, "");
	return read_code(ROLE_TARGETS, buf_str(&bytes));
}

static void spec_version_may_have_two_or_three_parts_and_must_begin_with_1(void **state)
{
	(void)state;
	assert_int_equal(head_code("spec_version", doc_of_str(STR("1.0"))), ERR_NONE);
	assert_int_equal(head_code("spec_version", doc_of_str(STR("1.27.31"))), ERR_NONE);
	static const char *const bad[] = {
		"", "1", "1.", "1.0.", "1.0.0.", "1.0.0.0", "2.0", "01.0", "1.x", "1.0.x", "1..0", " 1.0"};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(head_code("spec_version", doc_of_str(str_of(bad[i]))), ERR_SYNTAX);
}

static void a_version_is_a_number_above_zero(void **state)
{
	(void)state;
	assert_int_equal(head_code("version", doc_of_int(INT64_MAX)), ERR_NONE);
	assert_int_equal(head_code("version", doc_of_int(0)), ERR_SYNTAX);
	assert_int_equal(head_code("version", doc_of_int(-1)), ERR_SYNTAX);
	assert_int_equal(head_code("version", doc_of_str(STR("1"))), ERR_SYNTAX);
}

static void a_date_has_one_form(void **state)
{
	(void)state;
	assert_int_equal(head_code("expires", doc_of_str(STR("2030-02-28T00:00:00Z"))), ERR_NONE);
	assert_int_equal(head_code("expires", doc_of_str(STR("2030-02-30T00:00:00Z"))), ERR_SYNTAX);
	assert_int_equal(head_code("expires", doc_of_str(STR("2030-02-28T00:00:00+00:00"))), ERR_SYNTAX);
	assert_int_equal(head_code("expires", doc_of_int(1)), ERR_SYNTAX);
}

static void unknown_fields_are_ignored_and_part_of_what_is_signed(void **state)
{
	(void)state;
	cleanup(doc_free) doc *body = forge_root(1, "r", "m", "s", "t");
	cleanup(role_free) struct role r = {0}, bent = {0};
	doc *nested = doc_object();

	doc_set_int(nested, "z", 1);
	doc_set(nested, "a", doc_list());
	doc_set(nested, "B", doc_object());
	doc_set(body, "x-other", nested);
	cleanup(buf_free) struct buf bytes = forge_bytes(body, "r");
	assert_true(role_read(&r, ROLE_ROOT, buf_str(&bytes), NULL));
	assert_true(role_signed_by(&r, &r.ring, &r.keys[ROLE_ROOT], NULL));

	char *at = strstr(bytes.data, "\"z\": 1"); /* forged */
	assert_non_null(at);
	at[5] = '2';
	assert_true(role_read(&bent, ROLE_ROOT, buf_str(&bytes), NULL));
	assert_false(role_signed_by(&bent, &bent.ring, &bent.keys[ROLE_ROOT], NULL));
}

static void a_threshold_of_zero_is_refused_and_one_above_the_keys_only_cannot_verify(void **state)
{
	(void)state;
	cleanup(doc_free) doc *body = forge_root(1, "r", "m", "s", "t");
	doc *role = doc_get(doc_get(body, "roles"), "root");
	cleanup(role_free) struct role r = {0};
	struct err e = {0};

	doc_set_int(role, "threshold", 0);
	cleanup(buf_free) struct buf zero = forge_bytes(body, "r");
	assert_int_equal(read_code(ROLE_ROOT, buf_str(&zero)), ERR_SYNTAX);
	doc_set_int(role, "threshold", 2);
	cleanup(buf_free) struct buf two = forge_bytes(body, "r");
	assert_true(role_read(&r, ROLE_ROOT, buf_str(&two), NULL));
	assert_false(role_signed_by(&r, &r.ring, &r.keys[ROLE_ROOT], &e));
	assert_int_equal(e.code, ERR_SIGNATURE);
}

/* --- delegations --- */

static enum err_code link_code(const char *field, doc *value)
{
	cleanup(doc_free) doc *body = role_body(ROLE_TARGETS, 1, FORGE_NOW);

	forge_link(body, "plan-D", "p", "plan-D/*", true);
	doc_set(doc_at(doc_get(doc_get(body, "delegations"), "roles"), 0), field, value);
	cleanup(buf_free) struct buf bytes = forge_bytes(body, "");
	return read_code(ROLE_TARGETS, buf_str(&bytes));
}

static void a_delegation_that_is_not_one_is_refused(void **state)
{
	(void)state;
	assert_int_equal(link_code("x-more", doc_of_int(1)), ERR_NONE);
	assert_int_equal(link_code("name", doc_of_str(STR("targets"))), ERR_UNSAFE);
	assert_int_equal(link_code("name", doc_of_str(STR("root"))), ERR_UNSAFE);
	assert_int_equal(link_code("name", doc_of_str(STR(""))), ERR_UNSAFE);
	assert_int_equal(link_code("threshold", doc_of_int(0)), ERR_SYNTAX);
	assert_int_equal(link_code("terminating", NULL), ERR_SYNTAX);
	assert_int_equal(link_code("paths", doc_of_str(STR("*"))), ERR_SYNTAX);
	assert_int_equal(link_code("path_hash_prefixes", doc_list()), ERR_SYNTAX); /* both */
	doc *number = doc_list();
	doc_add(number, doc_of_int(1));
	assert_int_equal(link_code("paths", number), ERR_SYNTAX);
	char name[200];
	memset(name, 'n', sizeof name);
	assert_int_equal(link_code("name", doc_of_str(str_bytes(name, 160))), ERR_UNSAFE);
	assert_int_equal(link_code("name", doc_of_str(str_bytes(name, 159))), ERR_NONE);
}

static void a_role_delegated_to_twice_in_one_list_is_refused(void **state)
{
	(void)state;
	cleanup(doc_free) doc *body = role_body(ROLE_TARGETS, 1, FORGE_NOW);

	forge_link(body, "plan-D", "p", "plan-D/*", true);
	forge_link(body, "plan-D", "q", "plan-D/*", true);
	cleanup(buf_free) struct buf bytes = forge_bytes(body, "");
	assert_int_equal(read_code(ROLE_TARGETS, buf_str(&bytes)), ERR_SYNTAX);
}

static bool leads(const char *pattern, const char *path)
{
	cleanup(doc_free) doc *body = role_body(ROLE_TARGETS, 1, FORGE_NOW);
	cleanup(role_free) struct role r = {0};
	char name[ROLE_NAME_SIZE];

	forge_link(body, "plan-D", "p", pattern, true);
	cleanup(buf_free) struct buf bytes = forge_bytes(body, "");
	assert_true(role_read(&r, ROLE_TARGETS, buf_str(&bytes), NULL));
	return role_leads(&r, 0, path, name);
}

static void patterns_match_as_the_specification_says(void **state)
{
	(void)state;
	assert_true(leads("plan-D/*", "plan-D/manifest.json"));
	assert_false(leads("plan-D/*", "plan-D/releases/1.json"));
	assert_true(leads("plan-D/*/*", "plan-D/releases/1.json"));
	assert_false(leads("plan-D/*", "plan-E/manifest.json"));
	assert_true(leads("*", ".hidden"));
	assert_false(leads("*", "a/b"));
	assert_true(leads("a?c", "abc"));
	assert_false(leads("a\\*", "a*"));
	assert_true(leads("a\\*", "a\\b"));
}

static void hash_prefixes_lead_by_the_paths_sha256(void **state)
{
	(void)state;
	cleanup(doc_free) doc *body = role_body(ROLE_TARGETS, 1, FORGE_NOW), *whole = NULL;
	cleanup(role_free) struct role r = {0};
	char hex[DIGEST_HEX + 1], name[ROLE_NAME_SIZE];
	cleanup(buf_free) struct buf bytes = {0};

	forge_link(body, "bin", "p", "x", true);
	doc *old = doc_at(doc_get(doc_get(body, "delegations"), "roles"), 0), *link = doc_object(),
	    *prefixes = doc_list();
	for (void *i = doc_first(old); i; i = doc_next(old, i))
		if (strcmp(doc_key(i), "paths") != 0)
			doc_set(link, doc_key(i), doc_ref(doc_value(i)));
	digest_hex(hex, digest_of(STR("some/path")));
	doc_add_str(prefixes, str_bytes(hex, 3));
	doc_set(link, "path_hash_prefixes", prefixes);
	doc *list = doc_list();
	doc_add(list, link);
	doc_set(doc_get(body, "delegations"), "roles", list);
	whole = role_seal(doc_ref(body));
	doc_pretty(&bytes, whole);
	assert_true(role_read(&r, ROLE_TARGETS, buf_str(&bytes), NULL));
	assert_true(role_leads(&r, 0, "some/path", name));
	assert_string_equal(name, "bin");
	assert_false(role_leads(&r, 0, "some/other", name));
}

static void a_succinct_link_stands_for_all_its_bins(void **state)
{
	(void)state;
	cleanup(doc_free) doc *body = role_body(ROLE_TARGETS, 1, FORGE_NOW);
	cleanup(role_free) struct role r = {0};
	char name[ROLE_NAME_SIZE];
	doc *d = doc_object(), *s = doc_object();

	doc_set_int(s, "bit_length", 5);
	doc_set_text(s, "name_prefix", "bin");
	doc_set_int(s, "threshold", 1);
	doc_set(s, "keyids", doc_list());
	doc_set(d, "keys", doc_object());
	doc_set(d, "succinct_roles", s);
	doc_set(body, "delegations", d);
	cleanup(buf_free) struct buf bytes = forge_bytes(body, "");
	assert_true(role_read(&r, ROLE_TARGETS, buf_str(&bytes), NULL));
	assert_true(role_leads(&r, 0, "some/path", name));
	assert_int_equal(strlen(name), strlen("bin-00"));
	assert_int_equal(strtol(name + 4, NULL, 16), digest_of(STR("some/path")).bytes[0] >> 3);
	assert_true(r.link[0].terminating);
	assert_true(role_names(&r, 0, "bin-1f"));
	assert_false(role_names(&r, 0, "bin-1"));
	assert_false(role_names(&r, 0, "bin-1F"));
	doc_set_int(s, "bit_length", 33);
	cleanup(buf_free) struct buf wide = forge_bytes(body, "");
	assert_int_equal(read_code(ROLE_TARGETS, buf_str(&wide)), ERR_SYNTAX);
}

/* --- what is said of files --- */

static enum err_code file_code(const char *entry, struct str bytes)
{
	cleanup(buf_free) struct buf text = {0};
	cleanup(role_free) struct role r = {0};
	struct role_file f;
	struct err e = {0};

	buf_form(&text,
		"{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"spec_version\":\"1.0\",\"version\":1,"
		"\"expires\":\"2030-01-01T00:00:00Z\",\"targets\":{\"a\":%s}}}",
		entry);
	if (!role_read(&r, ROLE_TARGETS, buf_str(&text), &e))
		return e.code;
	assert_true(role_target(&r, "a", &f));
	assert_false(role_target(&r, "b", &f) || role_meta(&r, "a", &f));
	return role_file_check(&f, bytes, &e) ? ERR_NONE : e.code;
}

#define ABC256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC512                                                                                                         \
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643c" \
	"e80"                                                                                                          \
	"e2a9ac94fa54ca49f"

static void every_hash_that_we_know_must_match_and_one_at_least_is_needed(void **state)
{
	(void)state;
	assert_int_equal(file_code("{\"length\":3,\"hashes\":{\"sha256\":\"" ABC256 "\"}}", STR("abc")), ERR_NONE);
	assert_int_equal(file_code("{\"length\":3,\"hashes\":{\"sha512\":\"" ABC512 "\"}}", STR("abc")), ERR_NONE);
	assert_int_equal(file_code("{\"length\":3,\"hashes\":{\"sha256\":\"" ABC256 "\",\"sha512\":\"" ABC512 "\"}}",
				 STR("abc")),
		ERR_NONE);
	assert_int_equal(
		file_code("{\"length\":3,\"hashes\":{\"sha256\":\"" ABC256 "\",\"x\":\"1\"}}", STR("abc")), ERR_NONE);
	assert_int_equal(file_code("{\"length\":3,\"hashes\":{\"sha512\":\"" ABC512 "\"}}", STR("abd")), ERR_DIGEST);
	cleanup(buf_free) struct buf half = {0};
	buf_form(&half, "{\"length\":3,\"hashes\":{\"sha256\":\"%s\",\"sha512\":\"%0128d\"}}", ABC256, 0);
	assert_int_equal(file_code(buf_str(&half).data, STR("abc")), ERR_DIGEST); /* one is right, the other is not */
	assert_int_equal(file_code("{\"length\":3,\"hashes\":{\"sha256\":\"" ABC256 "\"}}", STR("abd")), ERR_DIGEST);
	assert_int_equal(file_code("{\"length\":3,\"hashes\":{\"x\":\"1\"}}", STR("abc")), ERR_DIGEST);
	assert_int_equal(file_code("{\"length\":3,\"hashes\":{}}", STR("abc")), ERR_SYNTAX);
	assert_int_equal(file_code("{\"length\":3,\"hashes\":{\"sha256\":\"ab\"}}", STR("abc")), ERR_SYNTAX);
	assert_int_equal(file_code("{\"length\":3}", STR("abc")), ERR_SYNTAX);
	assert_int_equal(file_code("{\"hashes\":{\"sha256\":\"" ABC256 "\"}}", STR("abc")), ERR_SYNTAX);
}

static void a_length_is_not_cut_to_32_bits_and_trailing_bytes_are_not_covered_up(void **state)
{
	(void)state;
	assert_int_equal(
		file_code("{\"length\":4294967299,\"hashes\":{\"sha256\":\"" ABC256 "\"}}", STR("abc")), ERR_DIGEST);
	assert_int_equal(file_code("{\"length\":3,\"hashes\":{\"sha256\":\"" ABC256 "\"}}", STR("abc\n")), ERR_DIGEST);
	assert_int_equal(file_code("{\"length\":-1,\"hashes\":{\"sha256\":\"" ABC256 "\"}}", STR("abc")), ERR_SYNTAX);

	cleanup(buf_free) struct buf bytes = good(ROLE_ROOT);
	buf_text(&bytes, "{}");
	assert_int_equal(read_code(ROLE_ROOT, buf_str(&bytes)), ERR_SYNTAX);
}

static void signatures_stand_sorted_by_keyid_whoever_signed_first(void **state)
{
	(void)state;
	cleanup(doc_free) doc *body = forge_root(1, "r", "m", "s", "t");
	cleanup(buf_free) struct buf a = forge_bytes(body, "rmst"), b = forge_bytes(body, "tsmr");

	assert_true(str_eq(buf_str(&a), buf_str(&b)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_four_kinds_are_written_and_read),
		cmocka_unit_test(each_field_that_is_missing_or_of_another_type_is_refused),
		cmocka_unit_test(valid_json_that_is_not_tuf_is_refused_and_nothing_crashes),
		cmocka_unit_test(values_without_number_are_refused_before_they_fill_the_memory),
		cmocka_unit_test(what_fills_a_file_with_targets_or_roles_is_read),
		cmocka_unit_test(spec_version_may_have_two_or_three_parts_and_must_begin_with_1),
		cmocka_unit_test(a_version_is_a_number_above_zero),
		cmocka_unit_test(a_date_has_one_form),
		cmocka_unit_test(unknown_fields_are_ignored_and_part_of_what_is_signed),
		cmocka_unit_test(a_threshold_of_zero_is_refused_and_one_above_the_keys_only_cannot_verify),
		cmocka_unit_test(a_delegation_that_is_not_one_is_refused),
		cmocka_unit_test(a_role_delegated_to_twice_in_one_list_is_refused),
		cmocka_unit_test(patterns_match_as_the_specification_says),
		cmocka_unit_test(hash_prefixes_lead_by_the_paths_sha256),
		cmocka_unit_test(a_succinct_link_stands_for_all_its_bins),
		cmocka_unit_test(every_hash_that_we_know_must_match_and_one_at_least_is_needed),
		cmocka_unit_test(a_length_is_not_cut_to_32_bits_and_trailing_bytes_are_not_covered_up),
		cmocka_unit_test(signatures_stand_sorted_by_keyid_whoever_signed_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
