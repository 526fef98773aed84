/* Shapes: what is read is what the table says, and the sentence leads to the line. */
#include "base/shape.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MINUTE_MS ((int64_t)60000)
#define DAY_MS    (24 * 60 * MINUTE_MS)

struct probe {
	char *name, *run;
	struct list args;
	int64_t every_ms;
	int class;
};
struct sample {
	bool on, has_window, has_base;
	char *plan, *note, *user, *said, *kept;
	int64_t port, delta, wait_ms, month, seen, exact;
	int class;
	unsigned days, touches;
	uint8_t base[4], id[4];
	struct {
		int64_t from, to;
		char *zone;
	} window;
	struct {
		int64_t settle_ms;
	} trial;
	struct {
		char *start;
	} hooks;
	struct list probes, scripts, labels, none;
	doc *any;
};

static const char *const class_words[] = {"local", "work", "s1-minimum", NULL};
static const char *const day_words[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

#define AT(t, f) offsetof(struct t, f)
#define IN(o, f) (AT(sample, o.f) - AT(sample, o))

/* clang-format off */
static const struct shape_field probe_shape[] = {
	{ "name", SHAPE_NAME, AT(probe, name), .required = true },
	{ "run", SHAPE_PATH, AT(probe, run), .required = true },
	{ "args", SHAPE_LIST, AT(probe, args), .item = SHAPE_TEXT, .max = 3 },
	{ "every", SHAPE_MS, AT(probe, every_ms), .json = "every_ms", .min = 1000, .max = DAY_MS, .number = MINUTE_MS },
	{ "class", SHAPE_WORD, AT(probe, class), .words = class_words, .number = -1 },
	{ 0 },
};
static const struct shape_field window_shape[] = {
	{ "from", SHAPE_CLOCK, IN(window, from), .required = true },
	{ "to", SHAPE_CLOCK, IN(window, to), .required = true },
	{ "zone", SHAPE_PATH, IN(window, zone), .text = "UTC" },
	{ 0 },
};
static const struct shape_field trial_shape[] = {
	{ "settle", SHAPE_MS, IN(trial, settle_ms), .json = "settle_ms", .number = 10000 },
	{ 0 },
};
static const struct shape_field hooks_shape[] = {
	{ "start", SHAPE_PATH, IN(hooks, start) },
	{ 0 },
};
static const struct shape_field shape[] = {
	{ "plan", SHAPE_PLAN, AT(sample, plan), .required = true },
	{ "on", SHAPE_BOOL, AT(sample, on), .number = true },
	{ "note", SHAPE_TEXT, AT(sample, note), .max = 10 },
	{ "user", SHAPE_NAME, AT(sample, user), .text = "fleet-agent" },
	{ "said", SHAPE_TEXT, AT(sample, said), .clean = true, .lines = true },
	{ "kept", SHAPE_TEXT, AT(sample, kept), .keep_empty = true },
	{ "port", SHAPE_INT, AT(sample, port), .min = 1, .max = 65535 },
	{ "delta", SHAPE_INT, AT(sample, delta), .min = -5, .max = 0 },
	{ "exact", SHAPE_INT, AT(sample, exact), .min = 3, .max = 3, .number = 3 },
	{ "wait", SHAPE_MS, AT(sample, wait_ms), .json = "wait_ms", .max = DAY_MS },
	{ "month", SHAPE_BYTES, AT(sample, month), .min = 1000 },
	{ "seen", SHAPE_INT, AT(sample, seen), .omit_zero = true },
	{ "class", SHAPE_WORD, AT(sample, class), .words = class_words, .number = 1 },
	{ "days", SHAPE_WORDS, AT(sample, days), .words = day_words, .number = 3 },
	{ "touches", SHAPE_WORDS, AT(sample, touches), .words = class_words },
	{ "base", SHAPE_HEX, AT(sample, base), .bytes = 4, .has = AT(sample, has_base) },
	{ "id", SHAPE_HEX, AT(sample, id), .bytes = 4, .omit_zero = true },
	{ "window", SHAPE_OBJECT, AT(sample, window), .of = window_shape, .has = AT(sample, has_window) },
	{ "trial", SHAPE_OBJECT, AT(sample, trial), .of = trial_shape },
	{ "hooks", SHAPE_OBJECT, AT(sample, hooks), .of = hooks_shape },
	{ "probes", SHAPE_LIST, AT(sample, probes), .of = probe_shape, .size = sizeof(struct probe), .key = "name" },
	{ "scripts", SHAPE_LIST, AT(sample, scripts), .item = SHAPE_NAME },
	{ "labels", SHAPE_MAP, AT(sample, labels), .max = 8 },
	{ "none", SHAPE_LIST, AT(sample, none), .item = SHAPE_PATH, .keep_empty = true },
	{ "any", SHAPE_DOC, AT(sample, any) },
	{ 0 },
};
static const struct shape_field probes_alone[] = {
	{ "", SHAPE_LIST, 0, .of = probe_shape, .size = sizeof(struct probe), .key = "name" },
	{ 0 },
};
/* clang-format on */

static void sample_free(struct sample *s)
{
	shape_free(s, shape);
}

static doc *doc_from(const char *text)
{
	struct err e = {0};
	doc *d = NULL;

	if (!doc_read(&d, str_of(text), &e))
		fail_msg("%s in %s", e.text, text);
	return d;
}

/* The line of a node is told by a table: the test says which node stands where. */
struct lines {
	struct {
		const doc *node;
		int line;
	} row[8];
};

static int line_of(const void *ctx, const doc *node)
{
	const struct lines *l = ctx;

	for (size_t i = 0; i < COUNT_OF(l->row); i++)
		if (l->row[i].node == node)
			return l->row[i].line;
	return 0;
}

static const struct shape_from json = {.file = "x.json"}, yaml = {.file = "x.yaml", .plain = true};

static void assert_refused(const char *text, const struct shape_from *from, enum err_code code, const char *sentence)
{
	static const struct sample zero;
	cleanup(doc_free) doc *d = doc_from(text);
	struct sample s = {0};
	struct err e = {0};

	if (shape_read(&s, shape, d, from, &e))
		fail_msg("read: %s", text);
	assert_string_equal(e.text, sentence);
	assert_int_equal(e.code, code);
	assert_memory_equal(&s, &zero, sizeof s);
}

static void read_sample(struct sample *s, const char *text, const struct shape_from *from)
{
	cleanup(doc_free) doc *d = doc_from(text);
	struct err e = {0};

	if (!shape_read(s, shape, d, from, &e))
		fail_msg("%s", e.text);
}

/* --- reading --- */

static void plain_words_are_typed_by_the_table(void **state)
{
	(void)state;
	cleanup(sample_free) struct sample s = {0};

	read_sample(&s,
		"{\"plan\": \"plan-D\", \"on\": \"false\", \"note\": \"no\", \"port\": \"22\", \"delta\": \"-5\","
		" \"wait\": \"2m\", \"month\": \"20MB\", \"class\": \"s1-minimum\", \"days\": [\"mon-wed\", \"sun\"],"
		" \"touches\": \"work\", \"base\": \"00ff10a0\", \"window\": {\"from\": \"02:00\", \"to\": \"23:59\"},"
		" \"probes\": [{\"name\": \"dns\", \"run\": \"probes/dns.sh\", \"args\": [\"8080\"], \"every\": "
		"\"6h\"}],"
		" \"labels\": {\"rack\": \"7\", \"a\": \"true\"}}",
		&yaml);
	assert_string_equal(s.plan, "plan-D");
	assert_false(s.on);
	assert_string_equal(s.note, "no");
	assert_int_equal(s.port, 22);
	assert_int_equal(s.delta, -5);
	assert_int_equal(s.wait_ms, 2 * MINUTE_MS);
	assert_int_equal(s.month, 20000000);
	assert_int_equal(s.class, 2);
	assert_int_equal(s.days, 0x47);
	assert_int_equal(s.touches, 2);
	assert_true(s.has_base && s.base[1] == 0xff && s.base[3] == 0xa0);
	assert_true(s.has_window);
	assert_int_equal(s.window.from, 120);
	assert_int_equal(s.window.to, 1439);
	const struct probe *p = s.probes.items;
	assert_int_equal(s.probes.count, 1);
	assert_string_equal(((char **)p->args.items)[0], "8080");
	assert_int_equal(p->every_ms, 6 * 60 * MINUTE_MS);
	const struct shape_pair *labels = s.labels.items;
	assert_string_equal(labels[0].key, "a");
	assert_string_equal(labels[0].value, "true");
}

static void what_is_absent_has_its_default(void **state)
{
	(void)state;
	cleanup(sample_free) struct sample s = {0};

	read_sample(&s, "{\"plan\": \"plan-D\", \"probes\": [{\"name\": \"a\", \"run\": \"r\"}]}", &json);
	assert_true(s.on);
	assert_null(s.note);
	assert_string_equal(s.user, "fleet-agent");
	assert_int_equal(s.port, 0);
	assert_int_equal(s.exact, 3);
	assert_int_equal(s.class, 1);
	assert_int_equal(s.days, 3);
	assert_int_equal(s.trial.settle_ms, 10000);
	assert_false(s.has_window || s.has_base);
	assert_null(s.window.zone);
	assert_null(s.any);
	assert_int_equal(((struct probe *)s.probes.items)->every_ms, MINUTE_MS);
	assert_int_equal(((struct probe *)s.probes.items)->class, -1);
}

static void another_kind_is_named_with_what_was_found(void **state)
{
	(void)state;
	static const struct {
		const char *text, *json, *yaml;
	} rows[] = {
		{"[1]", "expected an object, found a list", NULL},
		{"\"plan-D\"", "expected an object, found \"plan-D\"", NULL},
		{"{\"plan\": 7}", "plan: expected text, found 7", NULL},
		{"{\"plan\": null}", "plan: expected text, found null", NULL},
		{"{\"plan\": \"p\", \"user\": {}}", "user: expected text, found an object", NULL},
		{"{\"plan\": \"p\", \"on\": \"true\"}", "on: expected true or false, found \"true\"", ""},
		{"{\"plan\": \"p\", \"on\": \"yes\"}", "on: expected true or false, found \"yes\"", NULL},
		{"{\"plan\": \"p\", \"on\": \"\"}", "on: expected true or false, found nothing", NULL},
		{"{\"plan\": \"p\", \"on\": 1}", "on: expected true or false, found 1", NULL},
		{"{\"plan\": \"p\", \"port\": \"22\"}", "port: expected a whole number, found \"22\"", ""},
		{"{\"plan\": \"p\", \"port\": \"-0\"}", "port: expected a whole number, found \"-0\"", NULL},
		{"{\"plan\": \"p\", \"port\": true}", "port: expected a whole number, found true", NULL},
		{"{\"plan\": \"p\", \"days\": \"mon\"}", "days: expected a list of words, found \"mon\"", ""},
		{"{\"plan\": \"p\", \"days\": [1]}", "days[0]: expected one word, found 1", NULL},
		{"{\"plan\": \"p\", \"class\": []}", "class: expected one word, found a list", NULL},
		{"{\"plan\": \"p\", \"scripts\": {}}", "scripts: expected a list, found an object", NULL},
		{"{\"plan\": \"p\", \"scripts\": [[]]}", "scripts[0]: expected text, found a list", NULL},
		{"{\"plan\": \"p\", \"probes\": [7]}", "probes[0]: expected an object, found 7", NULL},
		{"{\"plan\": \"p\", \"labels\": []}", "labels: expected an object, found a list", NULL},
		{"{\"plan\": \"p\", \"labels\": {\"a\": 1}}", "labels.a: expected text, found 1", NULL},
		{"{\"plan\": \"p\", \"window\": \"x\"}", "window: expected an object, found \"x\"", NULL},
		{"{\"plan\": \"p\", \"base\": \"00FF10A0\"}",
			"base: expected 8 hexadecimal digits in lower case, found \"00FF10A0\"", NULL},
		{"{\"plan\": \"p\", \"id\": \"00\"}", "id: expected 8 hexadecimal digits in lower case, found \"00\"",
			NULL},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cleanup(free_ptr) char *sentence = NULL;
		assert_true(asprintf(&sentence, "x.json: %s", rows[i].json) > 0);
		assert_refused(rows[i].text, &json, ERR_SYNTAX, sentence);
		memcpy(sentence, "x.yaml", 6);
		if (!strstr(rows[i].text, "port") && !rows[i].yaml)
			assert_refused(rows[i].text, &yaml, ERR_SYNTAX, sentence);
	}
}

static void nothing_is_read_from_no_document(void **state)
{
	(void)state;
	struct sample s = {0};
	struct err e = {0};

	assert_false(shape_read(&s, shape, NULL, NULL, &e));
	assert_string_equal(e.text, "expected an object, found nothing");
	assert_false(shape_read(&s, probes_alone, NULL, &json, &e));
	assert_string_equal(e.text, "x.json: expected a list, found nothing");
}

static void a_number_out_of_its_bounds_is_told_them(void **state)
{
	(void)state;
	assert_refused("{\"plan\": \"p\", \"port\": 65536}", &json, ERR_SYNTAX,
		"x.json: port: expected 1 to 65535, found 65536");
	assert_refused(
		"{\"plan\": \"p\", \"port\": 0}", &json, ERR_SYNTAX, "x.json: port: expected 1 to 65535, found 0");
	assert_refused("{\"plan\": \"p\", \"delta\": \"1\"}", &yaml, ERR_SYNTAX,
		"x.yaml: delta: expected -5 to 0, found \"1\"");
	assert_refused("{\"plan\": \"p\", \"exact\": 4}", &json, ERR_SYNTAX, "x.json: exact: expected 3, found 4");
	assert_refused("{\"plan\": \"p\", \"wait_ms\": -1}", &json, ERR_SYNTAX,
		"x.json: wait_ms: expected 0 to 86400000, found -1");
	assert_refused("{\"plan\": \"p\", \"wait\": \"2d\"}", &yaml, ERR_SYNTAX,
		"x.yaml: wait: expected 0s to 1d, found \"2d\"");
	assert_refused("{\"plan\": \"p\", \"month\": \"999\"}", &yaml, ERR_SYNTAX,
		"x.yaml: month: expected at least 1kB, found \"999\"");
	assert_refused(
		"{\"plan\": \"p\", \"seen\": -1}", &json, ERR_SYNTAX, "x.json: seen: expected at least 0, found -1");
}

static void a_time_that_is_none_shows_what_one_looks_like(void **state)
{
	(void)state;
	cleanup(doc_free) doc *d = doc_from("{\"plan\": \"p\", \"probes\": [{\"name\": \"a\", \"run\": \"r\"},"
					    " {\"name\": \"b\", \"run\": \"r\", \"every\": \"soon\"}]}");
	const doc *every = doc_get(doc_at(doc_get(d, "probes"), 1), "every");
	const struct lines lines = {{{every, 12}, {d, 1}}};
	const struct shape_from from = {.file = "plans/plan-D.yaml", .line = line_of, .ctx = &lines, .plain = true};
	struct sample s = {0};
	struct err e = {0};

	assert_false(shape_read(&s, shape, d, &from, &e));
	assert_string_equal(e.text, "plans/plan-D.yaml:12: probes[1].every: "
				    "expected a length of time like 10s, 2m or 6h, found \"soon\"");
	assert_refused("{\"plan\": \"p\", \"window\": {\"from\": \"24:00\", \"to\": \"02:00\"}}", &yaml, ERR_SYNTAX,
		"x.yaml: window.from: expected a time of day like '02:00', found \"24:00\"");
	assert_refused("{\"plan\": \"p\", \"window\": {\"from\": \"02:00\", \"to\": \"2:00\"}}", &json, ERR_SYNTAX,
		"x.json: window.to: expected a time of day like '02:00', found \"2:00\"");
}

static void an_unknown_field_is_told_the_nearest(void **state)
{
	(void)state;
	cleanup(doc_free) doc *d = doc_from("{\"plan\": \"p\", \"probs\": \"x\"}");
	const struct lines lines = {{{doc_get(d, "probs"), 7}, {d, 1}}};
	const struct shape_from from = {.file = "plans/x.yaml", .line = line_of, .ctx = &lines, .plain = true};
	struct sample s = {0};
	struct err e = {0};

	assert_false(shape_read(&s, shape, d, &from, &e));
	assert_string_equal(e.text, "plans/x.yaml:7: unknown field \"probs\": did you mean \"probes\"?");
	assert_refused("{\"plan\": \"p\", \"probes\": [{\"name\": \"a\", \"rnu\": \"r\"}]}", &json, ERR_SYNTAX,
		"x.json: probes[0]: unknown field \"rnu\": did you mean \"run\"?");
	assert_refused("{\"plan\": \"p\", \"something else\": 1}", &json, ERR_SYNTAX,
		"x.json: unknown field \"something else\"");
	assert_refused("{\"plan\": \"p\", \"wait\": 1}", &json, ERR_SYNTAX,
		"x.json: unknown field \"wait\": did you mean \"wait_ms\"?");
}

static void an_open_document_may_hold_more(void **state)
{
	(void)state;
	const struct shape_from open = {.open = true};
	cleanup(sample_free) struct sample s = {0};

	read_sample(&s, "{\"plan\": \"p\", \"later\": {\"x\": 1}}", &open);
	assert_string_equal(s.plan, "p");
}

static void a_required_field_is_missed_where_it_should_be(void **state)
{
	(void)state;
	cleanup(doc_free) doc *d = doc_from("{\"plan\": \"p\", \"probes\": [{\"name\": \"dns\"}]}");
	const struct lines lines = {{{doc_at(doc_get(d, "probes"), 0), 3}, {d, 1}}};
	const struct shape_from from = {.file = "plans/x.yaml", .line = line_of, .ctx = &lines, .plain = true};
	struct sample s = {0};
	struct err e = {0};

	assert_false(shape_read(&s, shape, d, &from, &e));
	assert_string_equal(e.text, "plans/x.yaml:3: probes[0]: \"run\" is missing");
	assert_refused("{}", &json, ERR_SYNTAX, "x.json: \"plan\" is missing");
	assert_refused("{\"plan\": \"p\", \"window\": {\"from\": \"01:00\"}}", &json, ERR_SYNTAX,
		"x.json: window: \"to\" is missing");
}

static void a_second_of_the_same_key_is_refused(void **state)
{
	(void)state;
	cleanup(doc_free) doc *d = doc_from("[{\"name\": \"c\", \"run\": \"r\"}, {\"name\": \"ber-D\", \"run\": \"r\"},"
					    " {\"name\": \"a\", \"run\": \"r\"}, {\"name\": \"ber-D\", \"run\": \"r\"},"
					    " {\"name\": \"c\", \"run\": \"r\"}]");
	const struct lines lines = {{{doc_get(doc_at(d, 1), "name"), 4}, {doc_get(doc_at(d, 3), "name"), 9}}};
	const struct shape_from from = {.file = "hosts.yaml", .line = line_of, .ctx = &lines, .plain = true};
	struct list probes = {0};
	struct err e = {0};

	assert_false(shape_read(&probes, probes_alone, d, &from, &e));
	assert_string_equal(e.text, "hosts.yaml:9: [3].name: \"ber-D\" is there already (line 4)");
	assert_null(probes.items);
	assert_int_equal(probes.count, 0);
	assert_false(shape_read(&probes, probes_alone, d, &json, &e));
	assert_string_equal(e.text, "x.json: [3].name: \"ber-D\" is there already ([1])");
}

static void a_list_may_be_the_whole_document(void **state)
{
	(void)state;
	cleanup(doc_free) doc *d = doc_from("[{\"name\": \"a\", \"run\": \"r\", \"args\": [], \"every_ms\": 1000}]");
	struct list probes = {0};
	struct err e = {0};

	assert_true(shape_read(&probes, probes_alone, d, NULL, &e));
	cleanup(doc_free) doc *back = shape_write(&probes, probes_alone);
	assert_string_equal(((struct probe *)probes.items)->name, "a");
	assert_int_equal(doc_count(back), 1);
	shape_free(&probes, probes_alone);
	cleanup(doc_free) doc *none = shape_write(&probes, probes_alone);
	assert_int_equal(doc_kind(none), DOC_LIST);
}

static void a_word_that_is_none_is_told_all_of_them(void **state)
{
	(void)state;
	assert_refused("{\"plan\": \"p\", \"class\": \"wrok\"}", &yaml, ERR_SYNTAX,
		"x.yaml: class: expected local, work or s1-minimum, found \"wrok\": did you mean \"work\"?");
	assert_refused("{\"plan\": \"p\", \"touches\": [\"nothing like it\"]}", &json, ERR_SYNTAX,
		"x.json: touches[0]: expected local, work or s1-minimum, found \"nothing like it\"");
	assert_refused("{\"plan\": \"p\", \"touches\": [\"work\", \"work\"]}", &json, ERR_SYNTAX,
		"x.json: touches[1]: \"work\" is there already");
	assert_refused("{\"plan\": \"p\", \"days\": [\"mon-tue\", \"tue\"]}", &yaml, ERR_SYNTAX,
		"x.yaml: days[1]: \"tue\" is there already");
}

static void a_range_of_words_is_for_people_and_goes_forward(void **state)
{
	(void)state;
	cleanup(sample_free) struct sample s = {0};
	static const char week[] = "expected mon, tue, wed, thu, fri, sat or sun";
	char sentence[200];

	read_sample(&s, "{\"plan\": \"p\", \"days\": \"mon-fri\", \"touches\": \"local-s1-minimum\"}", &yaml);
	assert_int_equal(s.days, 0x1f);
	assert_int_equal(s.touches, 7);
	snprintf(sentence, sizeof sentence, "x.yaml: days: %s, found \"fri-mon\"", week);
	assert_refused("{\"plan\": \"p\", \"days\": \"fri-mon\"}", &yaml, ERR_SYNTAX, sentence);
	snprintf(sentence, sizeof sentence, "x.json: days[0]: %s, found \"mon-fri\"", week);
	assert_refused("{\"plan\": \"p\", \"days\": [\"mon-fri\"]}", &json, ERR_SYNTAX, sentence);
}

static void a_text_too_long_is_refused_and_shown_short(void **state)
{
	(void)state;
	assert_refused(
		"{\"plan\": \"p\", \"note\": \"12345678901\"}", &json, ERR_LIMIT, "x.json: note: longer than 10 bytes");
	assert_refused("{\"plan\": \"p\", \"scripts\": [\"../x\"]}", &json, ERR_UNSAFE,
		"x.json: scripts[0]: name '../x' must not begin with '.'");
	assert_refused("{\"plan\": \"p\", \"wait\": \"123456789012345678901234567890123456789012345678901234567890x\"}",
		&yaml, ERR_SYNTAX,
		"x.yaml: wait: expected a length of time like 10s, 2m or 6h, "
		"found \"123456789012345678901234567890123456789012345678901234567890...\"");
}

static void a_list_too_long_is_refused(void **state)
{
	(void)state;
	assert_refused(
		"{\"plan\": \"p\", \"probes\": [{\"name\": \"a\", \"run\": \"r\", \"args\": [\"\",\"\",\"\",\"\"]}]}",
		&json, ERR_LIMIT, "x.json: probes[0].args: more than 3 entries");
}

static void control_characters_are_refused_or_cleaned(void **state)
{
	(void)state;
	cleanup(sample_free) struct sample s = {0};

	assert_refused("{\"plan\": \"p\", \"note\": \"a\\nb\"}", &json, ERR_UNSAFE,
		"x.json: note: control characters are not allowed here");
	assert_refused("{\"plan\": \"p\", \"note\": \"a\\u009bb\"}", &json, ERR_UNSAFE,
		"x.json: note: control characters are not allowed here");
	read_sample(&s, "{\"plan\": \"p\", \"note\": \"\\u00e4\", \"said\": \"a\\u001b\\u009b[2J\\n\\u00e4\\u007f\"}",
		&json);
	assert_string_equal(s.said, "a???[2J\n\xc3\xa4?");
}

static void a_name_we_never_handle_is_refused(void **state)
{
	(void)state;
	cleanup(doc_free) doc *d = doc_from("{\"plan\": \"root\"}");
	struct sample s = {0};
	struct err e = {0};

	assert_false(shape_read(&s, shape, d, &json, &e));
	assert_int_equal(e.code, ERR_UNSAFE);
	assert_non_null(strstr(e.text, "x.json: plan: "));
	assert_refused("{\"plan\": \"p\", \"labels\": {\"ok\": \"\", \"-x\": \"\"}}", &json, ERR_UNSAFE,
		"x.json: labels: name '-x' must not begin with '-'");
}

static void null_stands_only_for_what_is_kept_though_empty(void **state)
{
	(void)state;
	cleanup(sample_free) struct sample s = {0};

	read_sample(&s, "{\"plan\": \"p\", \"kept\": null, \"none\": null}", &json);
	assert_null(s.kept);
	assert_refused(
		"{\"plan\": \"p\", \"note\": null}", &json, ERR_SYNTAX, "x.json: note: expected text, found null");
}

static void freeing_twice_is_legal(void **state)
{
	(void)state;
	static const struct sample zero;
	struct sample s = {0};

	read_sample(&s, "{\"plan\": \"p\", \"any\": {\"x\": [1]}, \"labels\": {\"a\": \"b\"}, \"base\": \"01020304\"}",
		&json);
	shape_free(&s, shape);
	assert_memory_equal(&s, &zero, sizeof s);
	shape_free(&s, shape);
}

/* --- writing --- */

static void what_is_absent_or_empty_is_left_out(void **state)
{
	(void)state;
	cleanup(sample_free) struct sample s = {0};
	cleanup(buf_free) struct buf text = {0};

	read_sample(&s, "{\"plan\": \"p\", \"days\": []}", &json);
	cleanup(doc_free) doc *d = shape_write(&s, shape);
	doc_line(&text, d);
	assert_string_equal(text.data, "{\"plan\":\"p\",\"on\":true,\"user\":\"fleet-agent\",\"kept\":null,\"delta\":0,"
				       "\"exact\":3,\"wait_ms\":0,"
				       "\"class\":\"work\",\"days\":[],\"trial\":{\"settle_ms\":10000},\"none\":[]}");
}

/* --- the round trip, for many --- */

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static int64_t below(uint64_t *seed, int64_t n)
{
	return (int64_t)(next(seed) % (uint64_t)n);
}

static char *some_name(uint64_t *seed, size_t index)
{
	char *name = NULL;

	assert_true(
		asprintf(&name, "%c%" PRId64 "-%03zu", (char)('a' + below(seed, 26)), below(seed, 1000), index) > 0);
	return name;
}

static char *maybe_name(uint64_t *seed)
{
	return below(seed, 2) ? some_name(seed, 0) : NULL;
}

static struct list some_names(uint64_t *seed, int64_t most)
{
	struct list l = {.count = (size_t)below(seed, most + 1)};
	char **names = l.items = mem_new(l.count, sizeof *names);

	for (size_t i = 0; i < l.count; i++)
		names[i] = some_name(seed, i);
	return l;
}

static struct list some_probes(uint64_t *seed)
{
	struct list l = {.count = (size_t)below(seed, 4)};
	struct probe *probes = l.items = mem_new(l.count, sizeof *probes);

	for (size_t i = 0; i < l.count; i++)
		probes[i] = (struct probe){some_name(seed, i), some_name(seed, i), some_names(seed, 3),
			1000 + below(seed, DAY_MS - 1000), (int)below(seed, 4) - 1};
	return l;
}

/* Keys that rise, as reading leaves them. */
static struct list some_labels(uint64_t *seed)
{
	struct list l = {.count = (size_t)below(seed, 5)};
	struct shape_pair *pairs = l.items = mem_new(l.count, sizeof *pairs);

	for (size_t i = 0; i < l.count; i++) {
		assert_true(asprintf(&pairs[i].key, "k%zu", i) > 0);
		pairs[i].value = some_name(seed, i);
	}
	return l;
}

static void fill(struct sample *s, uint64_t *seed)
{
	*s = (struct sample){
		.on = below(seed, 2),
		.plan = some_name(seed, 1),
		.note = maybe_name(seed),
		.user = some_name(seed, 2),
		.said = maybe_name(seed),
		.kept = maybe_name(seed),
		.port = below(seed, 65536),
		.delta = -below(seed, 6),
		.exact = 3,
		.wait_ms = below(seed, DAY_MS),
		.month = below(seed, 2) ? 1000 + below(seed, INT64_MAX - 1000) : 0,
		.seen = below(seed, 3),
		.class = (int)below(seed, 3),
		.days = (unsigned)below(seed, 128),
		.touches = (unsigned)below(seed, 8),
		.has_base = below(seed, 2),
		.id = {(uint8_t)below(seed, 2)},
		.has_window = below(seed, 2),
		.trial.settle_ms = below(seed, DAY_MS),
		.hooks.start = maybe_name(seed),
		.probes = some_probes(seed),
		.scripts = some_names(seed, 5),
		.labels = some_labels(seed),
		.none = some_names(seed, 2),
		.any = below(seed, 2) ? doc_of_int(below(seed, 100)) : NULL,
	};
	s->base[2] = s->has_base ? (uint8_t)below(seed, 256) : 0;
	if (s->has_window) {
		s->window.from = below(seed, 1440);
		s->window.to = below(seed, 1440);
		s->window.zone = some_name(seed, 3);
	}
}

static void assert_same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a)
		assert_string_equal(a, b);
}

static void assert_same_names(const struct list *a, const struct list *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		assert_string_equal(((char **)a->items)[i], ((char **)b->items)[i]);
}

static void assert_same_probes(const struct list *a, const struct list *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct probe *p = (struct probe *)a->items + i, *q = (struct probe *)b->items + i;
		assert_string_equal(p->name, q->name);
		assert_string_equal(p->run, q->run);
		assert_same_names(&p->args, &q->args);
		assert_int_equal(p->every_ms, q->every_ms);
		assert_int_equal(p->class, q->class);
	}
}

static void assert_same(const struct sample *a, const struct sample *b)
{
	assert_same_text(a->plan, b->plan);
	assert_same_text(a->note, b->note);
	assert_same_text(a->user, b->user);
	assert_same_text(a->said, b->said);
	assert_same_text(a->kept, b->kept);
	assert_same_text(a->window.zone, b->window.zone);
	assert_same_text(a->hooks.start, b->hooks.start);
	assert_true(a->on == b->on && a->has_window == b->has_window && a->has_base == b->has_base);
	assert_true(a->port == b->port && a->delta == b->delta && a->wait_ms == b->wait_ms);
	assert_true(a->month == b->month && a->seen == b->seen && a->exact == b->exact);
	assert_true(a->class == b->class && a->days == b->days && a->touches == b->touches);
	assert_memory_equal(a->base, b->base, sizeof a->base);
	assert_memory_equal(a->id, b->id, sizeof a->id);
	assert_true(a->window.from == b->window.from && a->window.to == b->window.to);
	assert_int_equal(a->trial.settle_ms, b->trial.settle_ms);
	assert_same_probes(&a->probes, &b->probes);
	assert_same_names(&a->scripts, &b->scripts);
	assert_same_names(&a->none, &b->none);
	assert_int_equal(a->labels.count, b->labels.count);
	for (size_t i = 0; i < a->labels.count; i++) {
		assert_string_equal(
			((struct shape_pair *)a->labels.items)[i].key, ((struct shape_pair *)b->labels.items)[i].key);
		assert_string_equal(((struct shape_pair *)a->labels.items)[i].value,
			((struct shape_pair *)b->labels.items)[i].value);
	}
	assert_true(a->any ? doc_equal(a->any, b->any) : b->any == NULL);
}

static void what_was_written_reads_back_the_same(void **state)
{
	(void)state;
	uint64_t seed = 20261123;

	for (int i = 0; i < 2000; i++) {
		cleanup(sample_free) struct sample a = {0}, b = {0};
		struct err e = {0};
		fill(&a, &seed);
		cleanup(doc_free) doc *d = shape_write(&a, shape);
		cleanup(buf_free) struct buf text = {0};
		doc_canonical(&text, d);
		cleanup(doc_free) doc *again = doc_from(text.data);
		if (!shape_read(&b, shape, again, &json, &e))
			fail_msg("%s in %s", e.text, text.data);
		assert_same(&a, &b);
	}
}

static void any_document_is_read_or_refused_with_a_sentence(void **state)
{
	(void)state;
	static const char *const values[] = {"1", "-1", "\"x\"", "\"\"", "null", "true", "[]", "{}", "[1]", "[[]]",
		"{\"name\":\"x\"}", "[{\"name\":\"x\"}]", "[\"x\"]", "\"../x\"", "\"10s\"",
		"{\"from\":\"00:00\",\"to\":1}"};
	static const struct sample zero;

	for (size_t f = 0; shape[f].kind; f++)
		for (size_t v = 0; v < COUNT_OF(values) * 2; v++) {
			cleanup(buf_free) struct buf text = {0};
			cleanup(sample_free) struct sample s = {0};
			struct err e = {0};
			const struct shape_from *from = v % 2 ? &json : &yaml;
			buf_form(&text, "{\"plan2\": \"p\", \"%s\": %s}", shape[f].name, values[v / 2]);
			memcpy(text.data, "{\"plan\" ", 8);
			if (strcmp(shape[f].name, "plan") == 0)
				continue;
			cleanup(doc_free) doc *d = doc_from(text.data);
			if (shape_read(&s, shape, d, from, &e))
				continue;
			assert_true(e.code != ERR_NONE && strstr(e.text, from->file) == e.text);
			assert_memory_equal(&s, &zero, sizeof s);
		}
}

/* --- people's units --- */

static void times_are_short_for_people(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {{0, "0s"}, {1, "1ms"}, {999, "999ms"}, {1000, "1s"}, {1500, "1.5s"}, {59999, "59.9s"},
		{60000, "1m"}, {125000, "2m 5s"}, {3600000, "1h"}, {3661000, "1h 1m"}, {DAY_MS, "1d"},
		{DAY_MS * 8 - 1, "7d 23h"}, {-1500, "-1.5s"}, {INT64_MIN, "-106751991167d 7h"}};
	char text[32];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		shape_ms_text(text, rows[i].ms);
		assert_string_equal(text, rows[i].text);
	}
}

static void bytes_are_short_for_people(void **state)
{
	(void)state;
	static const struct {
		int64_t bytes;
		const char *text;
	} rows[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1 kB"}, {1049, "1 kB"}, {1050, "1.1 kB"}, {1300000, "1.3 MB"},
		{999949, "999.9 kB"}, {999950, "1 MB"}, {20000000, "20 MB"}, {INT64_C(5000000000000), "5 TB"},
		{-2500, "-2.5 kB"}, {INT64_MAX, "9223372 TB"}};
	char text[32];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		shape_bytes_text(text, rows[i].bytes);
		assert_string_equal(text, rows[i].text);
	}
}

static void units_are_read_as_people_write_them(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t n;
	} rows[] = {{"0", 0}, {"17", 17}, {"17B", 17}, {"500kB", 500000}, {"20MB", 20000000}, {"1MiB", MIB},
		{"3KiB", 3 * KIB}, {"2GB", 2000000000}, {"1TB", INT64_C(1000000000000)},
		{"9223372036854775807", INT64_MAX}};
	static const char *const wrong[] = {"", "B", "kB", "1KB", "1 kB", "-1", "01", "1.5MB", "9223372036854775808",
		"9223372036854775807kB", "1MBx", "0x10"};
	int64_t n = 42;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_true(shape_bytes_of(&n, str_of(rows[i].text)));
		assert_int_equal(n, rows[i].n);
	}
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_false(shape_bytes_of(&n, str_of(wrong[i])));
	assert_int_equal(n, INT64_MAX);
	assert_true(shape_ms_of(&n, STR("7d")));
	assert_int_equal(n, 7 * DAY_MS);
	assert_false(shape_ms_of(&n, STR("7")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_words_are_typed_by_the_table),
		cmocka_unit_test(what_is_absent_has_its_default),
		cmocka_unit_test(another_kind_is_named_with_what_was_found),
		cmocka_unit_test(nothing_is_read_from_no_document),
		cmocka_unit_test(a_number_out_of_its_bounds_is_told_them),
		cmocka_unit_test(a_time_that_is_none_shows_what_one_looks_like),
		cmocka_unit_test(an_unknown_field_is_told_the_nearest),
		cmocka_unit_test(an_open_document_may_hold_more),
		cmocka_unit_test(a_required_field_is_missed_where_it_should_be),
		cmocka_unit_test(a_second_of_the_same_key_is_refused),
		cmocka_unit_test(a_list_may_be_the_whole_document),
		cmocka_unit_test(a_word_that_is_none_is_told_all_of_them),
		cmocka_unit_test(a_range_of_words_is_for_people_and_goes_forward),
		cmocka_unit_test(a_text_too_long_is_refused_and_shown_short),
		cmocka_unit_test(a_list_too_long_is_refused),
		cmocka_unit_test(control_characters_are_refused_or_cleaned),
		cmocka_unit_test(a_name_we_never_handle_is_refused),
		cmocka_unit_test(null_stands_only_for_what_is_kept_though_empty),
		cmocka_unit_test(freeing_twice_is_legal),
		cmocka_unit_test(what_is_absent_or_empty_is_left_out),
		cmocka_unit_test(what_was_written_reads_back_the_same),
		cmocka_unit_test(any_document_is_read_or_refused_with_a_sentence),
		cmocka_unit_test(times_are_short_for_people),
		cmocka_unit_test(bytes_are_short_for_people),
		cmocka_unit_test(units_are_read_as_people_write_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
