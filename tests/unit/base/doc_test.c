/* JSON is read strictly and written in exactly one canonical form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/doc.h"

static doc *read_ok(struct str text)
{
	doc *d = NULL;
	struct err e = {0};

	if (!doc_read(&d, text, &e))
		fail_msg("%s", e.text);
	return d;
}

static void refused(struct str text, enum err_code code, const char *sentence)
{
	doc *d = (doc *)&d;
	struct err e = {0};

	assert_false(doc_read(&d, text, &e));
	assert_ptr_equal(d, &d);
	assert_int_equal(e.code, code);
	if (!strstr(e.text, sentence))
		fail_msg("'%s' does not say '%s'", e.text, sentence);
}

static void writes(void (*how)(struct buf *, const doc *), const doc *d, struct str expected)
{
	cleanup(buf_free) struct buf out = {0};
	struct err e = {0};

	how(&out, d);
	assert_true(buf_ok(&out, &e));
	if (!str_eq(buf_str(&out), expected))
		fail_msg("wrote %s", out.data);
}

static void a_document_is_read_and_walked(void **state)
{
	cleanup(doc_free) doc *d = read_ok(STR(" {\"plan\": \"D\", \"n\": -7, \"on\": true, \"off\": false,"
					       " \"no\": null, \"list\": [1, \"two\"]}\n"));
	int64_t n = 0;

	(void)state;
	assert_int_equal(doc_kind(d), DOC_OBJECT);
	assert_int_equal(doc_count(d), 6);
	assert_true(str_is(doc_str(doc_get(d, "plan")), "D"));
	assert_true(doc_int(doc_get(d, "n"), &n));
	assert_int_equal(n, -7);
	assert_true(doc_true(doc_get(d, "on")));
	assert_false(doc_true(doc_get(d, "off")));
	assert_int_equal(doc_kind(doc_get(d, "off")), DOC_BOOL);
	assert_int_equal(doc_kind(doc_get(d, "no")), DOC_NULL);
	assert_int_equal(doc_count(doc_get(d, "list")), 2);
	assert_true(str_is(doc_str(doc_at(doc_get(d, "list"), 1)), "two"));
}

static void fields_are_walked_in_the_order_they_came(void **state)
{
	cleanup(doc_free) doc *d = read_ok(STR("{\"z\":1,\"a\":2,\"m\":3}"));
	cleanup(buf_free) struct buf seen = {0};

	(void)state;
	for (void *i = doc_first(d); i; i = doc_next(d, i)) {
		int64_t n = 0;
		assert_true(doc_int(doc_value(i), &n));
		buf_form(&seen, "%s%d ", doc_key(i), (int)n);
	}
	assert_string_equal(buf_str(&seen).data, "z1 a2 m3 ");
	assert_null(doc_first(NULL));
}

static void what_is_absent_or_of_another_type_is_nothing(void **state)
{
	cleanup(doc_free) doc *d = read_ok(STR("{\"text\":\"1\",\"number\":1}"));
	int64_t n = 42;

	(void)state;
	assert_null(doc_get(d, "absent"));
	assert_null(doc_get(doc_get(doc_get(d, "text"), "x"), "y"));
	assert_null(doc_get(NULL, "x"));
	assert_null(doc_at(d, 0));
	assert_null(doc_at(NULL, 0));
	assert_null(doc_str(doc_get(d, "number")).data);
	assert_int_equal(doc_str(NULL).len, 0);
	assert_false(doc_int(doc_get(d, "text"), &n));
	assert_false(doc_int(NULL, &n));
	assert_int_equal(n, 42);
	assert_false(doc_true(doc_get(d, "number")));
	assert_false(doc_true(NULL));
	assert_int_equal(doc_count(NULL), 0);
	assert_int_equal(doc_count(doc_get(d, "text")), 0);
	assert_int_equal(doc_kind(NULL), DOC_NONE);
}

static void a_lone_value_is_a_document(void **state)
{
	cleanup(doc_free) doc *text = read_ok(STR("\"x\""));
	cleanup(doc_free) doc *number = read_ok(STR("0"));

	(void)state;
	assert_int_equal(doc_kind(text), DOC_TEXT);
	assert_int_equal(doc_kind(number), DOC_INT);
}

static void a_key_given_twice_is_refused(void **state)
{
	(void)state;
	refused(STR("{\"n\":1,\"n\":2}"), ERR_SYNTAX, "duplicate");
	refused(STR("{\"n\":1,\"\\u006e\":1}"), ERR_SYNTAX, "duplicate");
	refused(STR("[{\"a\":{\"b\":1,\"b\":1}}]"), ERR_SYNTAX, "duplicate");
}

static void a_string_with_a_nul_is_refused(void **state)
{
	(void)state;
	refused(STR("\"a\\u0000b\""), ERR_SYNTAX, "line 1");
	refused(STR("{\"a\\u0000b\":1}"), ERR_SYNTAX, "line 1");
	refused(STR("\"a\0b\""), ERR_SYNTAX, "line 1");
}

static void bytes_behind_the_value_are_refused(void **state)
{
	(void)state;
	refused(STR("{} {}"), ERR_SYNTAX, "end of file");
	refused(STR("{}\0"), ERR_SYNTAX, "line 1");
	refused(STR("1,"), ERR_SYNTAX, "line 1");
	refused(STR("{}x"), ERR_SYNTAX, "line 1");
}

static void reals_are_refused_wherever_they_stand(void **state)
{
	(void)state;
	refused(STR("1.0"), ERR_SYNTAX, "a number must be whole");
	refused(STR("1e3"), ERR_SYNTAX, "a number must be whole");
	refused(STR("{\"a\":[0,{\"b\":-0.5}]}"), ERR_SYNTAX, "a: [1]: b: a number must be whole");
	refused(STR("1e999"), ERR_SYNTAX, "line 1");
	refused(STR("NaN"), ERR_SYNTAX, "line 1");
}

static void numbers_beyond_64_bits_are_refused(void **state)
{
	cleanup(doc_free) doc *d = read_ok(STR("[9223372036854775807,-9223372036854775808]"));

	(void)state;
	writes(doc_canonical, d, STR("[9223372036854775807,-9223372036854775808]"));
	refused(STR("9223372036854775808"), ERR_SYNTAX, "too big");
	refused(STR("01"), ERR_SYNTAX, "line 1");
}

static void bytes_that_are_no_json_are_refused_with_line_and_column(void **state)
{
	(void)state;
	refused((struct str){0}, ERR_SYNTAX, "line 1");
	refused(STR("{\n\"a\": 1,\n}"), ERR_SYNTAX, "line 3, column 1");
	refused(STR("'a'"), ERR_SYNTAX, "line 1");
	refused(STR("\"\xff\""), ERR_SYNTAX, "unable to decode byte 0xff");
	refused(STR("\"\\ud800\""), ERR_SYNTAX, "line 1");
	refused(STR("\"a\nb\""), ERR_SYNTAX, "unexpected newline");
	refused(STR("\xef\xbb\xbf{}"), ERR_SYNTAX, "line 1");
	refused(STR("// x\n{}"), ERR_SYNTAX, "line 1");
	refused(STR("{\"a"), ERR_SYNTAX, "line 1");
}

static void nest(struct buf *out, size_t depth, const char *open, const char *middle, const char *close)
{
	for (size_t i = 0; i < depth; i++)
		buf_text(out, open);
	buf_text(out, middle);
	for (size_t i = 0; i < depth; i++)
		buf_text(out, close);
}

static void nesting_is_allowed_to_its_limit_and_refused_beyond(void **state)
{
	cleanup(buf_free) struct buf deep = {0}, deeper = {0}, objects = {0}, bomb = {0};

	(void)state;
	nest(&deep, DOC_DEPTH_MAX, "[", "", "]");
	cleanup(doc_free) doc *d = read_ok(buf_str(&deep));
	assert_int_equal(doc_count(d), 1);
	nest(&deeper, DOC_DEPTH_MAX + 1, "[", "", "]");
	refused(buf_str(&deeper), ERR_LIMIT, "nested deeper than 64 levels");
	nest(&objects, DOC_DEPTH_MAX + 1, "{\"a\":", "1", "}");
	refused(buf_str(&objects), ERR_LIMIT, "nested");
	nest(&bomb, 1000000, "[", "", "");
	refused(buf_str(&bomb), ERR_LIMIT, "nested");
}

static void brackets_within_strings_are_no_nesting(void **state)
{
	cleanup(buf_free) struct buf text = {0};

	(void)state;
	buf_text(&text, "[\"\\\"");
	nest(&text, 200, "[", "{\\\\", "");
	buf_text(&text, "\",[]]");
	cleanup(doc_free) doc *d = read_ok(buf_str(&text));
	assert_int_equal(doc_count(d), 2);
}

static void a_quote_that_is_escaped_cannot_hide_nesting(void **state)
{
	cleanup(buf_free) struct buf text = {0};

	(void)state;
	buf_text(&text, "[\"\\\\\",");
	nest(&text, DOC_DEPTH_MAX, "[", "", "]");
	buf_text(&text, "]");
	refused(buf_str(&text), ERR_LIMIT, "nested");
}

static void many_neighbours_are_no_nesting(void **state)
{
	cleanup(buf_free) struct buf text = {0};

	(void)state;
	buf_text(&text, "[0");
	nest(&text, 1000, ",[{}]", "", "");
	buf_text(&text, "]");
	cleanup(doc_free) doc *d = read_ok(buf_str(&text));
	assert_int_equal(doc_count(d), 1001);
}

static void canonical_form_has_sorted_keys_and_no_space(void **state)
{
	cleanup(doc_free) doc *d = read_ok(
		STR("{ \"b\": [1, -2, true, false, null], \"a\": {\"y\": \"\", \"x\": {}}, \"B\": [], \"aa\": -0 }"));

	(void)state;
	writes(doc_canonical, d, STR("{\"B\":[],\"a\":{\"x\":{},\"y\":\"\"},\"aa\":0,\"b\":[1,-2,true,false,null]}"));
}

static void canonical_keys_are_sorted_by_bytes_not_by_letters(void **state)
{
	cleanup(doc_free) doc *d = read_ok(
		STR("{\"\xc3\xa4\":1,\"z\":2,\"Z\":3,\"\":4,\"a-b\":5,\"a\":6,\"\\uffff\":7,\"\xf0\x9f\x98\x80\":8}"));

	(void)state;
	writes(doc_canonical, d,
		STR("{\"\":4,\"Z\":3,\"a\":6,\"a-b\":5,\"z\":2,\"\xc3\xa4\":1,\"\xef\xbf\xbf\":7,\"\xf0\x9f\x98\x80\":"
		    "8}"));
}

static void canonical_text_escapes_only_quote_and_backslash(void **state)
{
	cleanup(doc_free) doc *d =
		read_ok(STR("{\"\\\"k\\\\\":\"\\\"\\\\\\/\\n\\t\\u001b\\u007f\\u00fc\\u20ac\\ud83d\\ude00\"}"));

	(void)state;
	writes(doc_canonical, d, STR("{\"\\\"k\\\\\":\"\\\"\\\\/\n\t\x1b\x7f\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\"}"));
}

static void two_spellings_have_one_canonical_form(void **state)
{
	cleanup(doc_free) doc *one = read_ok(STR("{\"a\":\"\\u0041\",\"b\":[1]}"));
	cleanup(doc_free) doc *two = read_ok(STR("{ \"b\" : [ 1 ], \"\\u0061\" : \"A\" }"));
	cleanup(doc_free) doc *other = read_ok(STR("{\"a\":\"a\",\"b\":[1]}"));

	(void)state;
	writes(doc_canonical, one, STR("{\"a\":\"A\",\"b\":[1]}"));
	writes(doc_canonical, two, STR("{\"a\":\"A\",\"b\":[1]}"));
	assert_true(doc_equal(one, two));
	assert_false(doc_equal(one, other));
	assert_false(doc_equal(one, NULL));
}

static void for_people_keys_are_sorted_and_lines_end(void **state)
{
	cleanup(doc_free) doc *d = read_ok(STR("{\"b\":[1,\"\xc3\xbc\"],\"a\":{}}"));

	(void)state;
	writes(doc_pretty, d, STR("{\n \"a\": {},\n \"b\": [\n  1,\n  \"\xc3\xbc\"\n ]\n}\n"));
}

static void a_line_has_keys_as_they_were_set(void **state)
{
	cleanup(doc_free) doc *d = read_ok(STR("{\"b\": [1, \"x\\ny\"], \"a\": {}}"));

	(void)state;
	writes(doc_line, d, STR("{\"b\":[1,\"x\\ny\"],\"a\":{}}"));
}

static void every_form_is_read_back_as_the_same_document(void **state)
{
	static void (*const forms[])(struct buf *, const doc *) = {doc_pretty, doc_line, doc_canonical};
	cleanup(doc_free) doc *d = read_ok(STR("{\"b\":[1,\"q\\\"\\\\ \xc3\xbc\",true,null],\"a\":{\"c\":-5}}"));

	(void)state;
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		cleanup(buf_free) struct buf out = {0};
		forms[i](&out, d);
		cleanup(doc_free) doc *back = read_ok(buf_str(&out));
		assert_true(doc_equal(d, back));
	}
}

static void nothing_is_never_written_as_if_it_were_something(void **state)
{
	static void (*const forms[])(struct buf *, const doc *) = {doc_pretty, doc_line, doc_canonical};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		cleanup(buf_free) struct buf out = {0};
		struct err e = {0};
		forms[i](&out, NULL);
		assert_false(buf_ok(&out, &e));
	}
}

static void a_document_longer_than_its_buffer_fails(void **state)
{
	static void (*const forms[])(struct buf *, const doc *) = {doc_pretty, doc_line, doc_canonical};
	cleanup(doc_free) doc *d = read_ok(STR("[\"0123456789\"]"));

	(void)state;
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		cleanup(buf_free) struct buf out = BUF_MAX(10);
		struct err e = {0};
		forms[i](&out, d);
		assert_false(buf_ok(&out, &e));
		assert_int_equal(e.code, ERR_LIMIT);
	}
}

static void a_document_is_built_field_by_field(void **state)
{
	cleanup(doc_free) doc *d = doc_object();
	doc *list = doc_list();

	(void)state;
	doc_set_text(d, "text", "a");
	doc_set_text(d, "none", NULL);
	doc_set_str(d, "empty", (struct str){0});
	doc_set_int(d, "n", INT64_MIN);
	doc_set_bool(d, "yes", true);
	doc_add(list, doc_of_int(1));
	doc_add(list, doc_of_bool(false));
	doc_add(list, NULL);
	doc_add_str(list, STR("x"));
	doc_set(d, "list", list);
	doc_set_text(d, "text", "b");
	writes(doc_line, d,
		STR("{\"text\":\"b\",\"none\":null,\"empty\":\"\",\"n\":-9223372036854775808,\"yes\":true,"
		    "\"list\":[1,false,null,\"x\"]}"));
}

static void bytes_that_are_no_text_become_question_marks(void **state)
{
	cleanup(doc_free) doc *d = doc_object();
	cleanup(buf_free) struct buf out = {0};

	(void)state;
	doc_set_str(d, "a", STR("x\xff\xc3\xbc\xe2\x82y\0z"));
	doc_set_text(d, "k\x80", "v");
	writes(doc_canonical, d, STR("{\"a\":\"x?\xc3\xbc??y?z\",\"k?\":\"v\"}"));
	doc_canonical(&out, d);
	cleanup(doc_free) doc *back = read_ok(buf_str(&out));
	assert_true(doc_equal(d, back));
}

static void another_owner_keeps_the_document_alive(void **state)
{
	doc *d = doc_of_str(STR("x"));
	doc *again = doc_ref(d);

	(void)state;
	doc_free(&d);
	assert_null(d);
	doc_free(&d);
	assert_true(str_is(doc_str(again), "x"));
	doc_free(&again);
	assert_null(doc_ref(NULL));
}

static void setting_a_field_of_no_object_ends_the_program(void **state)
{
	int status = 0;

	(void)state;
	pid_t child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		doc_set_int(NULL, "n", 1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void every_kind_has_its_word(void **state)
{
	(void)state;
	assert_string_equal(doc_kind_word(DOC_OBJECT), "an object");
	assert_string_equal(doc_kind_word(DOC_LIST), "a list");
	assert_string_equal(doc_kind_word(DOC_TEXT), "text");
	assert_string_equal(doc_kind_word(DOC_NONE), "nothing");
	for (int kind = DOC_NONE; kind <= DOC_NULL; kind++)
		assert_non_null(doc_kind_word((enum doc_kind)kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_read_and_walked),
		cmocka_unit_test(fields_are_walked_in_the_order_they_came),
		cmocka_unit_test(what_is_absent_or_of_another_type_is_nothing),
		cmocka_unit_test(a_lone_value_is_a_document),
		cmocka_unit_test(a_key_given_twice_is_refused),
		cmocka_unit_test(a_string_with_a_nul_is_refused),
		cmocka_unit_test(bytes_behind_the_value_are_refused),
		cmocka_unit_test(reals_are_refused_wherever_they_stand),
		cmocka_unit_test(numbers_beyond_64_bits_are_refused),
		cmocka_unit_test(bytes_that_are_no_json_are_refused_with_line_and_column),
		cmocka_unit_test(nesting_is_allowed_to_its_limit_and_refused_beyond),
		cmocka_unit_test(brackets_within_strings_are_no_nesting),
		cmocka_unit_test(a_quote_that_is_escaped_cannot_hide_nesting),
		cmocka_unit_test(many_neighbours_are_no_nesting),
		cmocka_unit_test(canonical_form_has_sorted_keys_and_no_space),
		cmocka_unit_test(canonical_keys_are_sorted_by_bytes_not_by_letters),
		cmocka_unit_test(canonical_text_escapes_only_quote_and_backslash),
		cmocka_unit_test(two_spellings_have_one_canonical_form),
		cmocka_unit_test(for_people_keys_are_sorted_and_lines_end),
		cmocka_unit_test(a_line_has_keys_as_they_were_set),
		cmocka_unit_test(every_form_is_read_back_as_the_same_document),
		cmocka_unit_test(nothing_is_never_written_as_if_it_were_something),
		cmocka_unit_test(a_document_longer_than_its_buffer_fails),
		cmocka_unit_test(a_document_is_built_field_by_field),
		cmocka_unit_test(bytes_that_are_no_text_become_question_marks),
		cmocka_unit_test(another_owner_keeps_the_document_alive),
		cmocka_unit_test(setting_a_field_of_no_object_ends_the_program),
		cmocka_unit_test(every_kind_has_its_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
