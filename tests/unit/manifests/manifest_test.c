/* Manifests: one spelling for one release, nothing that is not understood, and every change told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "manifests/manifest.h"

enum { ROUNDS = 300 };

/* --- random plans, made by the very table that reads them: a new field is tested by being there --- */

static uint64_t draw_state;

static size_t draw(size_t below)
{
	draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(draw_state >> 33) % below;
}

static doc *draw_object(const struct shape_field *shape);

static doc *draw_text(enum shape_kind kind, size_t nr)
{
	static const char *const texts[] = {"", "x", "a \"b\" \\c", "z\xc3\xbcrich", "-n", "~", "a, b", "'"};
	char name[32] = "name";

	if (kind == SHAPE_TEXT)
		return doc_of_str(str_of(texts[draw(COUNT_OF(texts))]));
	name[0] = (char)('a' + draw(26));
	name[1] = (char)('a' + nr % 26); /* rows of one list differ */
	name[2] = (char)('a' + nr / 26);
	return doc_of_str(str_of(name));
}

static doc *draw_int(const struct shape_field *f)
{
	int64_t n = f->min + (int64_t)draw((size_t)MIN(f->max - f->min, INT32_MAX));

	return doc_of_int(draw(4) ? n : f->max);
}

static doc *draw_words(const struct shape_field *f)
{
	doc *list = doc_list();

	for (size_t i = 0; f->words[i]; i++)
		if (draw(2))
			doc_add_str(list, str_of(f->words[i]));
	return list;
}

static size_t words_in(const struct shape_field *f)
{
	size_t n = 0;

	while (f->words[n])
		n++;
	return n;
}

static doc *draw_list(const struct shape_field *f)
{
	doc *list = doc_list();

	for (size_t i = 0, n = draw(5); i < n; i++) {
		doc *row = f->item ? draw_text(f->item, i) : draw_object(f->of);
		if (f->key)
			doc_set(row, f->key, draw_text(SHAPE_NAME, i));
		doc_add(list, row);
	}
	return list;
}

static doc *draw_value(const struct shape_field *f)
{
	char clock[] = "00:00";

	switch (f->kind) {
	case SHAPE_INT:
	case SHAPE_MS:
	case SHAPE_BYTES:
		return draw_int(f);
	case SHAPE_WORD:
		return doc_of_str(str_of(f->words[draw(words_in(f))]));
	case SHAPE_WORDS:
		return draw_words(f);
	case SHAPE_CLOCK:
		clock[1] = (char)('0' + draw(10));
		clock[4] = (char)('0' + draw(10));
		return doc_of_str(str_of(clock));
	case SHAPE_OBJECT:
		return draw_object(f->of);
	case SHAPE_LIST:
		return draw_list(f);
	default:
		return draw_text(f->kind, 0);
	}
}

static doc *draw_object(const struct shape_field *shape)
{
	doc *object = doc_object();

	for (const struct shape_field *f = shape; f->kind != SHAPE_END; f++)
		if (f->required || draw(3))
			doc_set(object, f->json ? f->json : f->name, draw_value(f));
	return object;
}

/* What only plan_check knows. */
static void make_sound(struct plan *p)
{
	struct probe *probe = p->probes.items;
	struct check *check = p->checks.items;

	for (size_t i = 0; i < p->probes.count; i++)
		probe[i].timeout_ms = MIN(probe[i].timeout_ms, probe[i].every_ms - 1);
	for (size_t i = 0; i < p->checks.count; i++)
		if (!check[i].run)
			check[i].run = str_dup(STR("checks/run.sh"));
	p->trial.settle_ms = MIN(p->trial.settle_ms, p->trial.deadline_ms - 1);
	p->window.to = p->has_window && p->window.to == p->window.from ? p->window.from + 1 : p->window.to;
	p->window.days |= p->has_window;
	p->budget.reserve = MIN(p->budget.reserve, p->budget.month);
}

static void draw_manifest(struct manifest *out)
{
	const struct shape_from from = {0};
	cleanup(doc_free) doc *d = draw_object(plan_shape);
	size_t seed = draw(1000000);
	struct err e = {0};

	*out = (struct manifest){.format = 1, .number = (int64_t)draw(100000)};
	out->bundle.sha256 = digest_of(str_bytes(&seed, sizeof seed));
	out->bundle.length = (int64_t)draw(1000000);
	if (!shape_read(&out->plan, plan_shape, d, &from, &e))
		fail_msg("%s", e.text);
	make_sound(&out->plan);
}

/* --- --- */

static const char smallest[] =
	"{\"bundle\":{\"length\":10,\"sha256\":\"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\"},"
	"\"format\":1,\"number\":7,\"plan\":{\"plan\":\"x\",\"poll\":{\"every_ms\":21600000},"
	"\"trial\":{\"deadline_ms\":120000,\"settle_ms\":10000}}}";

static void a_manifest_is_read_and_its_id_is_that_of_its_bytes(void **state)
{
	(void)state;
	cleanup(manifest_free) struct manifest m = {0};
	struct err e = {0};

	assert_true(manifest_read(&m, str_of(smallest), "manifest.json", &e));
	assert_int_equal(m.number, 7);
	assert_int_equal(m.bundle.length, 10);
	assert_true(digest_eq(m.bundle.sha256, digest_of(STR("x"))));
	assert_string_equal(m.plan.plan, "x");
	assert_true(digest_eq(manifest_id(str_of(smallest)), digest_of(str_of(smallest))));
}

static void any_plan_comes_back_byte_for_byte(void **state)
{
	(void)state;
	draw_state = 1;
	for (int i = 0; i < ROUNDS; i++) {
		cleanup(manifest_free) struct manifest m = {0}, got = {0};
		cleanup(buf_free) struct buf bytes = {0}, again = {0};
		struct err e = {0};
		draw_manifest(&m);
		manifest_write(&bytes, &m);
		if (!manifest_read(&got, buf_str(&bytes), NULL, &e))
			fail_msg("%s in %s", e.text, bytes.data);
		manifest_write(&again, &got);
		assert_string_equal(again.data, bytes.data);
		assert_int_equal(got.plan.scripts.count, 0);
	}
}

static void another_spelling_of_the_same_manifest_is_refused(void **state)
{
	(void)state;
	static const char *const from_to[][2] = {
		{"{\"bundle\"", "{ \"bundle\""},
		{"}}}", "}}}\n"},
		{"\"number\":7", "\"number\":07"},
		{"\"number\":7", "\"number\":7.0"},
		{"\"plan\":\"x\"", "\"plan\":\"\\u0078\""},
		{"\"poll\":{\"every_ms\":21600000},", ""}, /* the default, unsaid */
		{"\"plan\":\"x\"", "\"checks\":[],\"plan\":\"x\""},
		{"\"plan\":\"x\"", "\"hooks\":{},\"plan\":\"x\""},
		{"\"plan\":\"x\"", "\"plan\":\"x\",\"plan\":\"x\""},
		{"\"format\":1,\"number\":7", "\"number\":7,\"format\":1"},
		{"\"settle_ms\":10000", "\"settle_ms\":10000,\"touches\":[]"},
		{"\"sha256\":\"2d7", "\"sha256\":\"2D7"},
		{"\"number\":7", "\"number\":-7"},
	};

	for (size_t i = 0; i < COUNT_OF(from_to); i++) {
		cleanup(buf_free) struct buf forged = {0};
		struct manifest m = {0};
		struct err e = {0};
		const char *at = strstr(smallest, from_to[i][0]);
		buf_add(&forged, str_bytes(smallest, (size_t)(at - smallest)));
		buf_form(&forged, "%s%s", from_to[i][1], at + strlen(from_to[i][0]));
		if (manifest_read(&m, buf_str(&forged), NULL, &e))
			fail_msg("accepted: %s", forged.data);
		assert_int_equal(e.code, ERR_SYNTAX);
		assert_null(m.plan.plan);
	}
}

static void assert_refused(const char *json, enum err_code code, const char *text)
{
	struct manifest m = {0};
	struct err e = {0};

	assert_false(manifest_read(&m, str_of(json), "m.json", &e));
	assert_string_equal(e.text, text);
	assert_int_equal(e.code, code);
	assert_null(m.plan.plan);
}
#define BUNDLE                                                                                                         \
	"\"bundle\":{\"length\":1,\"sha256\":\"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\"}"
#define TRIAL "\"trial\":{\"deadline_ms\":120000,\"settle_ms\":10000}"
#define POLL  "\"poll\":{\"every_ms\":21600000}"

static void what_is_not_understood_is_not_run(void **state)
{
	(void)state;
	assert_refused("{" BUNDLE ",\"format\":1,\"number\":1,\"plan\":{\"plan\":\"x\"," POLL "," TRIAL "},\"zeal\":1}",
		ERR_SYNTAX, "m.json: unknown field \"zeal\"");
	assert_refused("{" BUNDLE ",\"format\":2,\"news\":1}", ERR_SYNTAX,
		"m.json: a manifest of format 2; this program understands format 1");
	assert_refused("{" BUNDLE ",\"format\":1,\"number\":1,\"plan\":{\"plan\":\"x\"," POLL
		       ",\"scripts\":[\"a\"]," TRIAL "}}",
		ERR_SYNTAX, "m.json: plan.scripts has no place in a manifest");
	assert_refused("{" BUNDLE ",\"format\":1,\"number\":1,\"plan\":{\"plan\":\"snapshot\"," POLL "," TRIAL "}}",
		ERR_UNSAFE, "m.json: plan.plan: a plan cannot be named 'snapshot': that is a role's name");
	assert_refused("{" BUNDLE ",\"format\":1,\"number\":1,\"plan\":{\"plan\":\"x\"," POLL
		       ",\"trial\":{\"deadline_ms\":1000,\"settle_ms\":1000}}}",
		ERR_SYNTAX, "m.json: trial: settle must be below deadline");
	assert_refused("{" BUNDLE ",\"number\":1}", ERR_SYNTAX, "m.json: \"format\" is missing");
	assert_refused("[]", ERR_SYNTAX, "m.json: expected an object, found a list");
}

static void a_bundle_longer_than_any_may_be_is_refused(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf json = {0};
	struct manifest m = {0};
	struct err e = {0};
	const char *at = strstr(smallest, "10,");

	buf_add(&json, str_bytes(smallest, (size_t)(at - smallest)));
	buf_form(&json, "1073741825%s", at + 2);
	assert_false(manifest_read(&m, buf_str(&json), NULL, &e));
	assert_string_equal(e.text, "bundle.length: expected 0 to 1073741824, found 1073741825");
}

static void a_manifest_above_its_limit_is_not_even_parsed(void **state)
{
	(void)state;
	cleanup(free_ptr) char *bytes = mem_new(MANIFEST_MAX + 1, 1);
	struct manifest m = {0};
	struct err e = {0};

	assert_false(manifest_read(&m, str_bytes(bytes, MANIFEST_MAX + 1), NULL, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

static void cut_or_changed_anywhere_it_is_another_manifest_or_none(void **state)
{
	(void)state;
	struct err e = {0};

	for (size_t cut = 0; cut < strlen(smallest); cut++) {
		struct manifest m = {0};
		assert_false(manifest_read(&m, str_bytes(smallest, cut), NULL, &e));
	}
	for (size_t i = 0; i < strlen(smallest); i++) {
		cleanup(free_ptr) char *forged = str_dup(str_of(smallest));
		cleanup(manifest_free) struct manifest m = {0};
		forged[i] ^= 1;
		if (manifest_read(&m, str_of(forged), NULL, &e))
			assert_false(digest_eq(manifest_id(str_of(forged)), manifest_id(str_of(smallest))));
	}
}

/* --- changes --- */

static void plan_of(struct manifest *out, const char *yaml)
{
	struct err e = {0};

	*out = (struct manifest){.format = 1, .number = 1};
	if (!plan_read(&out->plan, str_of(yaml), NULL, &e))
		fail_msg("%s", e.text);
}

static void assert_changes(const char *old, const char *new, const char *wanted)
{
	cleanup(manifest_free) struct manifest a = {0}, b = {0};
	cleanup(buf_free) struct buf out = {0};

	plan_of(&a, old);
	plan_of(&b, new);
	manifest_changes(&out, &a, &b);
	assert_string_equal(out.len ? out.data : "", wanted);
}
#define P "plan: x\nscripts: [a]\n"

static void changes_are_told_in_the_words_of_the_yaml(void **state)
{
	(void)state;
	assert_changes(P "checks: [{name: dns, run: a, class: path}]",
		P "checks: [{name: dns, run: a, class: path, timeout: 20s}]", "checks[dns].timeout: 10s -> 20s\n");
	assert_changes(P "probes: [{name: http, run: a, every: 1m}]",
		P "probes: [{name: tls, run: a/b, args: [x, 'y z', '', \"a', 'b\"], every: 90s}]",
		"- probe http\n+ probe tls: run a/b, args [x, 'y z', '', 'a'', ''b'], every 90s, timeout 30s\n");
	assert_changes(P, P "trial: {settle: 500ms, touches: [ssh]}",
		"trial.settle: 10s -> 500ms\ntrial.touches: none -> [ssh]\n");
	assert_changes(P "hooks: {start: a}", P "hooks: {stop: b}", "hooks.start: a -> none\nhooks.stop: none -> b\n");
	assert_changes(P "hooks: {start: a}", P, "- hooks\n");
	assert_changes(P, P "window: {zone: UTC, days: sat-sun, from: '01:00', to: '02:00'}",
		"+ window: zone UTC, days [sat, sun], from 01:00, to 02:00\n");
	assert_changes(P "budget: {month: 20MB}", P "budget: {month: 20500kB, reserve: 1}",
		"budget.month: 20MB -> 20500kB\nbudget.reserve: none -> 1\n");
	assert_changes(
		P "link: {class: s1.minimum}", P "link: {class: s1.fast}", "link.class: s1.minimum -> s1.fast\n");
}

static void another_order_is_a_change(void **state)
{
	(void)state;
	static const char a[] = P "probes: [{name: a, run: a, every: 1m}, {name: b, run: b, every: 1m}]";
	static const char b[] = P "probes: [{name: b, run: b, every: 1m}, {name: a, run: a, every: 1m}]";
	static const char c[] =
		P "probes: [{name: c, run: c, every: 1m}, {name: a, run: a, every: 1m}, {name: b, run: b, every: 1m}]";

	assert_changes(a, b, "probes: another order\n");
	assert_changes(a, c, "+ probe c: run c, every 1m, timeout 30s\n");
	assert_changes(c, b, "- probe c\nprobes: another order\n");
}

static void another_bundle_is_told_and_another_number_is_not(void **state)
{
	(void)state;
	cleanup(manifest_free) struct manifest a = {0}, b = {0};
	cleanup(buf_free) struct buf out = {0};

	plan_of(&a, P);
	plan_of(&b, P);
	b.number = 2;
	manifest_changes(&out, &a, &b);
	assert_int_equal(out.len, 0);
	b.bundle.length = 3;
	manifest_changes(&out, &a, &b);
	assert_string_equal(out.data, "scripts: bundle changes\n");
}

static void the_first_manifest_is_told_in_full(void **state)
{
	(void)state;
	cleanup(manifest_free) struct manifest m = {0};
	cleanup(buf_free) struct buf out = {0};

	plan_of(&m, P "checks: [{name: alive, class: work}]");
	manifest_changes(&out, NULL, &m);
	assert_string_equal(out.data, "scripts: the first bundle\n"
				      "plan: x\n"
				      "+ check alive: class work, timeout 10s, samples 1\n"
				      "+ trial: settle 10s, deadline 2m\n"
				      "+ poll: every 6h\n");
}

/* Changes the value that is reached when *at has been counted down, anywhere in the document. */
static bool change_one(doc *d, size_t *at)
{
	for (size_t i = 0; doc_kind(d) == DOC_LIST && i < doc_count(d); i++)
		if (change_one(doc_at(d, i), at))
			return true;
	for (void *i = doc_kind(d) == DOC_OBJECT ? doc_first(d) : NULL; i; i = doc_next(d, i)) {
		cleanup(buf_free) struct buf text = {0};
		int64_t n;
		if (doc_kind(doc_value(i)) == DOC_OBJECT || doc_kind(doc_value(i)) == DOC_LIST) {
			if (change_one(doc_value(i), at))
				return true;
			continue;
		}
		if ((*at)-- > 0)
			continue;
		if (doc_int(doc_value(i), &n))
			doc_set_int(d, doc_key(i), n - 1);
		buf_form(&text, STR_FMT "x", STR_ARG(doc_str(doc_value(i))));
		if (doc_kind(doc_value(i)) == DOC_TEXT)
			doc_set_str(d, doc_key(i), buf_str(&text));
		return true;
	}
	return false;
}

/* One field of a manifest is changed: is that told? False when there is no such field; *told counts those that were. */
static bool one_change_is_told(const struct manifest *m, const struct buf *bytes, size_t field, size_t *told)
{
	cleanup(doc_free) doc *d = NULL;
	cleanup(buf_free) struct buf changed = {0}, out = {0};
	cleanup(manifest_free) struct manifest other = {0};
	struct err e = {0};

	assert_true(doc_read(&d, buf_str(bytes), &e));
	if (!change_one(doc_get(d, "plan"), &field))
		return false;
	doc_canonical(&changed, d);
	if (!manifest_read(&other, buf_str(&changed), NULL, &e))
		return true; /* a word, a digest, a bound */
	manifest_changes(&out, m, &other);
	if (out.len == 0)
		fail_msg("nothing is told between %s and %s", bytes->data, changed.data);
	(*told)++;
	return true;
}

static void every_field_that_changes_is_told(void **state)
{
	(void)state;
	size_t told = 0;

	draw_state = 2;
	for (int i = 0; i < 30; i++) {
		cleanup(manifest_free) struct manifest m = {0};
		cleanup(buf_free) struct buf bytes = {0};
		draw_manifest(&m);
		manifest_write(&bytes, &m);
		for (size_t field = 0; one_change_is_told(&m, &bytes, field, &told); field++)
			;
	}
	assert_true(told > 300);
}

static void what_is_the_same_is_not_told_and_what_differs_is(void **state)
{
	(void)state;
	draw_state = 3;
	for (int i = 0; i < ROUNDS; i++) {
		cleanup(manifest_free) struct manifest a = {0}, b = {0};
		cleanup(buf_free) struct buf same = {0}, differ = {0};
		draw_manifest(&a);
		draw_manifest(&b);
		manifest_changes(&same, &a, &a);
		assert_int_equal(same.len, 0);
		b.bundle = a.bundle;
		manifest_changes(&differ, &a, &b);
		assert_true(differ.len > 0);
		assert_false(differ.failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_manifest_is_read_and_its_id_is_that_of_its_bytes),
		cmocka_unit_test(any_plan_comes_back_byte_for_byte),
		cmocka_unit_test(another_spelling_of_the_same_manifest_is_refused),
		cmocka_unit_test(what_is_not_understood_is_not_run),
		cmocka_unit_test(a_bundle_longer_than_any_may_be_is_refused),
		cmocka_unit_test(a_manifest_above_its_limit_is_not_even_parsed),
		cmocka_unit_test(cut_or_changed_anywhere_it_is_another_manifest_or_none),
		cmocka_unit_test(changes_are_told_in_the_words_of_the_yaml),
		cmocka_unit_test(another_order_is_a_change),
		cmocka_unit_test(another_bundle_is_told_and_another_number_is_not),
		cmocka_unit_test(the_first_manifest_is_told_in_full),
		cmocka_unit_test(every_field_that_changes_is_told),
		cmocka_unit_test(what_is_the_same_is_not_told_and_what_differs_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
