/* sources.yaml, fleet/sources.json, and the list in agent.json: what they say, and what they may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manifests/origins.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHiAopYvtSZsXxxTLdwnxSilpeoEAmyQaf2CgXHhA1p3"
#define CA "-----BEGIN CERTIFICATE-----\\nMIIB\\nAAAA\\n-----END CERTIFICATE-----\\n"

static const char whole[] =
	"{\"format\": 1, \"number\": 7,"
	" \"sources\": [{\"kind\": \"https\", \"url\": \"https://cdn.example/fleet/\", \"ca\": \"" CA "\","
	"   \"redirects\": [\"https://mirror.example\"]},"
	"  {\"kind\": \"git\", \"url\": \"ssh://git@git.example/fleet.git\", \"host_keys\": [\"" KEY "\"], \"branch\": \"pub/x\"},"
	"  {\"kind\": \"folder\", \"url\": \"/media/usb/fleet\"}],"
	" \"receipts\": {\"kind\": \"put\", \"url\": \"https://dav.example/receipts/\"}}";

static void read_ok(struct origins *out, struct str json)
{
	struct err e = {0};

	if (!origins_read(out, json, "fleet/sources.json", &e))
		fail_msg("%s", e.text);
}

static void all_of_it_is_read(void **state)
{
	(void)state;
	cleanup(origins_free) struct origins o = {0};

	read_ok(&o, str_of(whole));
	const struct origin *s = o.source.items;
	assert_int_equal(o.number, 7);
	assert_int_equal(o.source.count, 3);
	assert_int_equal(s[0].kind, ORIGIN_HTTPS);
	assert_string_equal(s[0].url, "https://cdn.example/fleet/");
	assert_non_null(strchr(s[0].ca, '\n'));
	assert_string_equal(((char **)s[0].redirects.items)[0], "https://mirror.example");
	assert_int_equal(s[1].kind, ORIGIN_GIT);
	assert_string_equal(s[1].branch, "pub/x");
	assert_string_equal(((char **)s[1].host_keys.items)[0], KEY);
	assert_null(s[0].branch);
	assert_int_equal(s[2].kind, ORIGIN_FOLDER);
	assert_true(o.has_receipts);
	assert_int_equal(o.receipts.kind, ORIGIN_PUT);
}

static void what_is_written_reads_back_the_same(void **state)
{
	(void)state;
	cleanup(origins_free) struct origins o = {0}, again = {0};
	cleanup(buf_free) struct buf first = {0}, second = {0};

	read_ok(&o, str_of(whole));
	origins_write(&first, &o);
	read_ok(&again, buf_str(&first));
	origins_write(&second, &again);
	assert_string_equal(first.data, second.data);
}

static void people_write_it_as_yaml(void **state)
{
	(void)state;
	static const char yaml[] = "sources:\n"
				   "  - {kind: https, url: 'https://cdn.example/fleet/'}\n"
				   "  - kind: https\n"
				   "    url: https://own.example/\n"
				   "    ca: |\n"
				   "      -----BEGIN CERTIFICATE-----\n"
				   "      MIIB\n"
				   "      -----END CERTIFICATE-----\n";
	cleanup(origins_free) struct origins o = {0};
	struct err e = {0};

	assert_true(origins_read_yaml(&o, str_of(yaml), "sources.yaml", &e));
	assert_int_equal(o.source.count, 2);
	assert_false(o.has_receipts);
}

static void a_mistake_in_yaml_has_its_line(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"sources:\n  - {kind: https, url: 'http://cdn.example/'}\n",
			"sources.yaml:2: sources[0]: url: of kind https it begins with https://"},
		{"sources:\n  - {kind: git, url: 'ssh://git@git.example/a.git'}\n",
			"sources.yaml:2: sources[0]: host_keys is missing: `ssh-keyscan HOST` shows the keys of a host"},
		{"sources: []\n", "sources.yaml:1: sources: not one: this host could fetch from nowhere"},
		{"sources:\n  - {kind: folder, url: /a}\n  - {kind: folder, url: /a}\n",
			"sources.yaml:3: sources[1].url: \"/a\" is there already (line 2)"},
		{"sources:\n  - {kind: folder, url: /a}\nnumber: 3\n", NULL}, /* it is counted, not written */
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct origins o = {0};
		struct err e = {0};
		assert_false(origins_read_yaml(&o, str_of(rows[i][0]), "sources.yaml", &e));
		if (rows[i][1])
			assert_string_equal(e.text, rows[i][1]);
		assert_null(o.source.items);
	}
}

static void what_does_not_belong_together_is_refused(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"{\"kind\": \"put\", \"url\": \"https://a/\"}", "kind"},
		{"{\"kind\": \"folder\", \"url\": \"a/b\"}", "url"},
		{"{\"kind\": \"folder\", \"url\": \"/a b\"}", "url"},
		{"{\"kind\": \"https\", \"url\": \"https:///x\"}", "names no server"},
		{"{\"kind\": \"https\", \"url\": \"https://ann:secret@cdn.example/\"}", "no password"},
		{"{\"kind\": \"git\", \"url\": \"ssh://git:pw@h/a\", \"host_keys\": [\"" KEY "\"]}", "no password"},
		{"{\"kind\": \"git\", \"url\": \"ssh://git@h/a\", \"host_keys\": [\"" KEY " x\"]}", "host_keys[0]"},
		{"{\"kind\": \"git\", \"url\": \"git@h:a\"}", "url"},
		{"{\"kind\": \"git\", \"url\": \"ext::sh -c x\"}", "url"},
		{"{\"kind\": \"git\", \"url\": \"file:///a\", \"branch\": \"-x\"}", "branch"},
		{"{\"kind\": \"git\", \"url\": \"file:///a\", \"branch\": \"a/../b\"}", "branch"},
		{"{\"kind\": \"git\", \"url\": \"file:///a\", \"host_keys\": [\"" KEY "\"]}", "host_keys has no place"},
		{"{\"kind\": \"https\", \"url\": \"https://a/\", \"branch\": \"main\"}", "branch has no place"},
		{"{\"kind\": \"https\", \"url\": \"https://a/\", \"ca\": \"MIIB\"}", "ca"},
		{"{\"kind\": \"https\", \"url\": \"https://a/\", \"ca\": \"" CA CA "\"}", "ca"},
		{"{\"kind\": \"https\", \"url\": \"https://a/\", \"redirects\": [\"http://b\"]}", "redirects[0]"},
		{"{\"kind\": \"https\", \"url\": \"https://a/\", \"redirects\": [\"https://b/c\"]}", "redirects[0]"},
		{"{\"kind\": \"https\", \"url\": \"https://a/\", \"proxy\": \"x\"}", "proxy"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cleanup(buf_free) struct buf json = {0};
		struct origins o = {0};
		struct err e = {0};
		buf_form(&json, "{\"format\": 1, \"sources\": [%s]}", rows[i][0]);
		if (origins_read(&o, buf_str(&json), "agent.json", &e))
			fail_msg("taken: %s", rows[i][0]);
		assert_true(e.code == ERR_SYNTAX || e.code == ERR_UNSAFE);
		if (!strstr(e.text, rows[i][1]) || !str_starts(str_of(e.text), "agent.json: sources[0]"))
			fail_msg("%s", e.text);
		assert_null(o.source.items);
	}
}

static void receipts_go_to_a_place_that_takes_them(void **state)
{
	(void)state;
	static const char json[] = "{\"format\": 1, \"sources\": [{\"kind\": \"folder\", \"url\": \"/a\"}],"
				   " \"receipts\": {\"kind\": \"folder\", \"url\": \"/b\"}}";
	struct origins o = {0};
	struct err e = {0};

	assert_false(origins_read(&o, str_of(json), NULL, &e));
	assert_string_equal(e.text, "receipts: kind: expected \"put\" or \"git\", found \"folder\"");
}

static void receipts_do_not_lie_where_the_repository_is(void **state)
{
	static const char form[] = "{\"format\": 1, \"sources\": [{\"kind\": \"https\", \"url\": \"https://a.example/fleet/\"}],"
				   " \"receipts\": {\"kind\": \"put\", \"url\": \"%s\"}}";
	static const struct {
		const char *url;
		bool good;
	} rows[] = {
		{"https://a.example/fleet/", false},
		{"https://a.example/fleet", false},
		{"https://a.example/fleet/receipts/", false},
		{"https://a.example/", false},
		{"https://a.example/fleet-receipts/", true},
		{"https://b.example/fleet/", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cleanup(origins_free) struct origins o = {0};
		cleanup(buf_free) struct buf json = {0};
		struct err e = {0};
		buf_form(&json, form, rows[i].url);
		assert_int_equal(origins_read(&o, buf_str(&json), NULL, &e), rows[i].good);
		assert_true(rows[i].good || strstr(e.text, "a place of their own"));
	}
}

static void another_format_and_too_many_bytes_are_refused(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf big = {0};
	struct origins o = {0};
	struct err e = {0};

	assert_false(origins_read(&o, STR("{\"format\": 2, \"sources\": []}"), NULL, &e));
	assert_false(origins_read(&o, STR("{\"sources\": []}"), NULL, &e));
	while (big.len <= ORIGINS_FILE_MAX)
		buf_text(&big, "          ");
	assert_false(origins_read(&o, buf_str(&big), NULL, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_is_read),
		cmocka_unit_test(what_is_written_reads_back_the_same),
		cmocka_unit_test(people_write_it_as_yaml),
		cmocka_unit_test(a_mistake_in_yaml_has_its_line),
		cmocka_unit_test(what_does_not_belong_together_is_refused),
		cmocka_unit_test(receipts_go_to_a_place_that_takes_them),
		cmocka_unit_test(receipts_do_not_lie_where_the_repository_is),
		cmocka_unit_test(another_format_and_too_many_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
