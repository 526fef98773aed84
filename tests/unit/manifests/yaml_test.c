/* YAML as operators write it, and what they had better not write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manifests/yaml.h"

static void assert_doc(const char *yaml, const char *json)
{
	cleanup(yaml_free) struct yaml y = {0};
	cleanup(buf_free) struct buf line = {0};
	struct err e = {0};

	if (!yaml_read(&y, str_of(yaml), "a.yaml", &e))
		fail_msg("%s", e.text);
	doc_line(&line, y.root);
	assert_string_equal(line.data, json);
}

static void assert_refused_bytes(struct str yaml, enum err_code code, const char *text)
{
	struct yaml y = {0};
	struct err e = {0};

	assert_false(yaml_read(&y, yaml, "a.yaml", &e));
	assert_string_equal(e.text, text);
	assert_int_equal(e.code, code);
	assert_null(y.root);
	assert_null(y.file);
	assert_null(y.lines);
}

static void assert_refused(const char *yaml, const char *text)
{
	assert_refused_bytes(str_of(yaml), ERR_SYNTAX, text);
}

static void every_scalar_is_text(void **state)
{
	(void)state;
	assert_doc("a: no\nb: 1\nc: ~\nd:\ne: 1e3\nf: 2026-01-01\ng: '02:00'\n",
		"{\"a\":\"no\",\"b\":\"1\",\"c\":\"~\",\"d\":\"\",\"e\":\"1e3\",\"f\":\"2026-01-01\",\"g\":\"02:00\"}");
	assert_doc("no: off\n1: 2\n", "{\"no\":\"off\",\"1\":\"2\"}");
	assert_doc("a: \"x\\ty\"\nb: |\n  one\n  two\nc: >\n  one\n  two\n",
		"{\"a\":\"x\\ty\",\"b\":\"one\\ntwo\\n\",\"c\":\"one two\\n\"}");
	assert_doc("a: zürich ✓\n", "{\"a\":\"zürich ✓\"}");
}

static void lists_and_objects_nest_in_both_styles(void **state)
{
	(void)state;
	assert_doc("- {id: a, args: [x, y]}\n- id: b\n  args:\n    - z\n",
		"[{\"id\":\"a\",\"args\":[\"x\",\"y\"]},{\"id\":\"b\",\"args\":[\"z\"]}]");
	assert_doc("a: []\nb: {}\n", "{\"a\":[],\"b\":{}}");
}

static void an_empty_file_is_an_empty_object(void **state)
{
	(void)state;
	assert_doc("", "{}");
	assert_doc("# nothing yet\n", "{}");
	assert_doc("---\n", "{}");
	assert_doc("\xef\xbb\xbf# with a byte order mark\n", "{}");
	assert_doc("---\na: b\n...\n", "{\"a\":\"b\"}");
}

static void every_node_knows_its_line(void **state)
{
	(void)state;
	cleanup(yaml_free) struct yaml y = {0};
	struct err e = {0};

	assert_true(yaml_read(
		&y, STR("# a comment\nplan: x\nprobes:\n  - name: dns\n    every: 60s\n  - {name: ip}\n"), "f", &e));
	doc *probes = doc_get(y.root, "probes");
	assert_int_equal(yaml_line(&y, doc_get(y.root, "plan")), 2);
	assert_int_equal(yaml_line(&y, probes), 3);
	assert_int_equal(yaml_line(&y, doc_get(doc_at(probes, 0), "every")), 5);
	assert_int_equal(yaml_line(&y, doc_at(probes, 1)), 6);
	assert_int_equal(yaml_line(&y, NULL), 0);
	assert_int_equal(yaml_line(&(struct yaml){0}, probes), 0);
	const struct shape_from from = yaml_from(&y);
	assert_true(from.plain && !from.open);
	assert_string_equal(from.file, "f");
	assert_int_equal(from.line(from.ctx, probes), 3);
}

static void what_replaces_a_value_stands_in_its_line(void **state)
{
	(void)state;
	cleanup(yaml_free) struct yaml y = {0};
	struct err e = {0};

	assert_true(yaml_read(&y, STR("a: b\nc: d\n"), "f", &e));
	doc *list = doc_list(), *more = doc_of_str(STR("more"));
	doc_add_str(list, STR("x"));
	yaml_set(&y, y.root, "c", list);
	yaml_set(&y, y.root, "e", more);
	assert_int_equal(yaml_line(&y, list), 2);
	assert_int_equal(yaml_line(&y, doc_at(list, 0)), 2);
	assert_int_equal(yaml_line(&y, more), 1); /* of the object */
	assert_int_equal(yaml_line(&y, doc_get(y.root, "a")), 1);
}

static void what_is_clever_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_refused("a: b\nb: &x c\n", "a.yaml:2: anchors (&name) are not used here: write it out");
	assert_refused("a: &x [b]\n", "a.yaml:1: anchors (&name) are not used here: write it out");
	assert_refused("a: &x {b: c}\n", "a.yaml:1: anchors (&name) are not used here: write it out");
	assert_refused("a: b\nc: *a\n", "a.yaml:2: aliases (*name) are not used here: write it out");
	assert_refused("a: !!str b\n", "a.yaml:1: tags (!name) are not used here");
	assert_refused("a: !!seq [b]\n", "a.yaml:1: tags (!name) are not used here");
	assert_refused("a: !mine {b: c}\n", "a.yaml:1: tags (!name) are not used here");
	assert_refused("a: b\n---\nc: d\n", "a.yaml:2: a second document: only one a file");
	assert_refused("---\n---\n", "a.yaml:2: a second document: only one a file");
	assert_refused("? [a, b]\n: c\n", "a.yaml:1: a key must be text");
	assert_refused("{a: b}: c\n", "a.yaml:1: a key must be text");
}

static void a_key_that_stands_there_twice_names_both_lines(void **state)
{
	(void)state;
	assert_refused("a: b\nc: d\na: e\n", "a.yaml:3: `a` stands here twice, first in line 1");
	assert_refused("x:\n  - {b: c,\n     b: d}\n", "a.yaml:3: `b` stands here twice, first in line 2");
}

static void what_is_no_yaml_says_where(void **state)
{
	(void)state;
	assert_refused("a:\n\t- b\n", "a.yaml:2: a tab in front: YAML is indented with spaces");
	assert_refused("a: [b\n", "a.yaml:2: did not find expected ',' or ']'");
	assert_refused("a: b\n c: d\n", "a.yaml:2: mapping values are not allowed in this context");
	assert_refused("just words\n", "a.yaml:1: expected fields (`name: value`) or a list (`- ...`)");
	assert_refused("a: 'b\n", "a.yaml:2: found unexpected end of stream");
}

static void bytes_that_are_not_utf_8_are_refused(void **state)
{
	(void)state;
	assert_refused("a: b\nc: \xff\n", "a.yaml:2: invalid leading UTF-8 octet");
	assert_refused("a: \x1b[2J\n", "a.yaml:1: control characters are not allowed");
	assert_refused("a: \"\\0\"\n", "a.yaml:1: a NUL character");
	assert_refused_bytes(STR("\xff\xfe"
				 "a\0:\0"),
		ERR_SYNTAX, "a.yaml:1: invalid leading UTF-8 octet");
	assert_refused_bytes(STR("a: b\n\0"), ERR_SYNTAX, "a.yaml:2: control characters are not allowed");
}

static void sixteen_levels_pass_and_seventeen_do_not(void **state)
{
	(void)state;
	assert_doc("[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]", "[[[[[[[[[[[[[[[[\"a\"]]]]]]]]]]]]]]]]");
	assert_refused_bytes(
		STR("[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]"), ERR_LIMIT, "a.yaml:1: nested deeper than 16 levels");
}

static void more_entries_than_any_fleet_has_are_refused(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf many = {0};
	struct yaml y = {0};
	struct err e = {0};

	for (int i = 0; i < 999999; i++)
		buf_text(&many, "- a\n");
	assert_true(yaml_read(&y, buf_str(&many), "a.yaml", &e));
	assert_int_equal(doc_count(y.root), 999999);
	yaml_free(&y);
	buf_text(&many, "- a\n");
	assert_refused_bytes(buf_str(&many), ERR_LIMIT, "a.yaml:1000000: more than 1000000 entries");
}

static void a_key_is_at_most_256_bytes(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf text = {0};

	for (int i = 0; i < 257; i++)
		buf_byte(&text, 'k');
	buf_text(&text, ": v\n");
	assert_refused_bytes(buf_str(&text), ERR_LIMIT, "a.yaml:1: a key longer than 256 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scalar_is_text),
		cmocka_unit_test(lists_and_objects_nest_in_both_styles),
		cmocka_unit_test(an_empty_file_is_an_empty_object),
		cmocka_unit_test(every_node_knows_its_line),
		cmocka_unit_test(what_replaces_a_value_stands_in_its_line),
		cmocka_unit_test(what_is_clever_is_refused_with_its_line),
		cmocka_unit_test(a_key_that_stands_there_twice_names_both_lines),
		cmocka_unit_test(what_is_no_yaml_says_where),
		cmocka_unit_test(bytes_that_are_not_utf_8_are_refused),
		cmocka_unit_test(sixteen_levels_pass_and_seventeen_do_not),
		cmocka_unit_test(more_entries_than_any_fleet_has_are_refused),
		cmocka_unit_test(a_key_is_at_most_256_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
