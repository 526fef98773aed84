/* Receipts: what a host states, and what it might try to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "manifests/plan.h"
#include "manifests/receipt.h"

static char host[] = "ber-D", plan[] = "plan-D", text[] = "all checks green for 10s", rollout[] = "r-7";
static char boot[] = "3e0c4e1a-7d5f-4a7e-9f0e-1a2b3c4d5e6f";
static char digest[] = "digest";
static char syntax[] = "syntax", dns[] = "dns", output[] = "no answer\nfrom 10.0.0.1\n";

static struct receipt_check checks[] = {
	{.name = syntax, .class = CHECK_LOCAL, .before = CHECK_UNKNOWN, .after = CHECK_GREEN, .took_ms = 12},
	{.name = dns,
		.class = CHECK_PATH,
		.before = CHECK_GREEN,
		.after = CHECK_RED,
		.old = CHECK_GREEN,
		.took_ms = 10000,
		.status = 124,
		.output = output},
};

static struct receipt typical(void)
{
	return (struct receipt){
		.number = 43,
		.host = host,
		.plan = plan,
		.verdict = VERDICT_FAIL,
		.text = text,
		.code = digest,
		.release = digest_of(STR("a")),
		.release_number = 8,
		.current = digest_of(STR("b")),
		.current_number = 7,
		.checks = {checks, COUNT_OF(checks)},
		.bytes_in = 12345,
		.rollout = rollout,
		.boot = boot,
		.time = 1800000000,
		.took_ms = 130000,
		.synced = true,
	};
}

static void a_receipt_comes_out_as_it_went_in(void **state)
{
	(void)state;
	cleanup(receipt_free) struct receipt got = {0};
	cleanup(buf_free) struct buf out = {0}, again = {0};
	const struct receipt r = typical();
	struct err e = {0};

	receipt_write(&out, &r);
	if (!receipt_read(&got, buf_str(&out), &e))
		fail_msg("%s", e.text);
	receipt_write(&again, &got);
	assert_string_equal(again.data, out.data);
	assert_null(strchr(out.data, '\n'));
	const struct receipt_check *check = got.checks.items;
	assert_int_equal(got.format, RECEIPT_FORMAT);
	assert_int_equal(got.verdict, VERDICT_FAIL);
	assert_int_equal(receipt_code(&got), ERR_DIGEST);
	assert_true(digest_eq(got.release, r.release) && digest_eq(got.current, r.current));
	assert_int_equal(got.checks.count, 2);
	assert_int_equal(check[1].old, CHECK_GREEN);
	assert_int_equal(check[1].status, 124);
	assert_string_equal(check[1].output, output);
	assert_null(check[0].output);
	assert_true(got.synced);
}

static void the_first_receipt_of_a_host_is_short(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf out = {0};
	cleanup(receipt_free) struct receipt got = {0};
	struct err e = {0};

	receipt_write(&out, &(struct receipt){.host = host, .plan = plan, .verdict = VERDICT_ENROLLED});
	assert_string_equal(out.data,
		"{\"format\":2,\"number\":0,\"host\":\"ber-D\",\"plan\":\"plan-D\",\"verdict\":\"enrolled\"}");
	assert_true(receipt_read(&got, buf_str(&out), &e));
	assert_true(digest_zero(got.release));
	assert_int_equal(receipt_code(&got), ERR_NONE);
}

static void only_pass_and_unproven_are_commits(void **state)
{
	(void)state;
	for (int v = 0; verdict_words[v]; v++)
		assert_int_equal(verdict_committed((enum verdict)v), v == VERDICT_PASS || v == VERDICT_UNPROVEN);
	assert_string_equal(verdict_words[VERDICT_ENROLLED], "enrolled");
	assert_null(verdict_words[VERDICT_ENROLLED + 1]);
}

#define HEAD "{\"format\":2,\"number\":1,\"host\":\"a\",\"plan\":\"b\",\"verdict\":\"pass\""

static void control_characters_become_question_marks_and_only_an_output_has_lines(void **state)
{
	(void)state;
	cleanup(receipt_free) struct receipt got = {0};
	struct err e = {0};

	assert_true(receipt_read(&got,
		STR(HEAD ",\"text\":\"\\u001b[2J\\nx\\u009by\",\"boot\":\"\\t\",\"rollout\":\"\\u007f\","
			 "\"checks\":[{\"name\":\"c\",\"class\":\"work\",\"output\":\"one\\ntwo\\r\\u001b[31m\\u0008\"}"
			 "]}"),
		&e));
	assert_string_equal(got.text, "?[2J?x??y");
	assert_string_equal(got.boot, "?");
	assert_string_equal(got.rollout, "?");
	assert_string_equal(((struct receipt_check *)got.checks.items)->output, "one\ntwo??[31m?");
}

static void fields_of_a_newer_agent_are_ignored(void **state)
{
	(void)state;
	cleanup(receipt_free) struct receipt got = {0};
	struct err e = {0};

	assert_true(receipt_read(&got, STR(HEAD ",\"weather\":\"00\",\"signature\":{}}"), &e));
	assert_int_equal(got.number, 1);
}

static void a_code_that_we_do_not_know_is_none(void **state)
{
	(void)state;
	cleanup(receipt_free) struct receipt got = {0};
	struct err e = {0};

	assert_true(receipt_read(&got, STR(HEAD ",\"code\":\"melted\"}"), &e));
	assert_int_equal(receipt_code(&got), ERR_NONE);
}

static void assert_refused(struct str json, enum err_code code, const char *error)
{
	const struct receipt untouched = {0};
	struct receipt got = {0};
	struct err e = {0};

	assert_false(receipt_read(&got, json, &e));
	assert_string_equal(e.text, error);
	assert_int_equal(e.code, code);
	assert_memory_equal(&got, &untouched, sizeof got);
}

static void what_is_no_receipt_is_refused(void **state)
{
	(void)state;
	assert_refused(STR("{\"format\":2}"), ERR_SYNTAX, "receipt: \"number\" is missing");
	assert_refused(STR(HEAD ",\"verdict\":\"pass\"}"), ERR_SYNTAX,
		"receipt: line 1, column 71: duplicate object key near '\"verdict\"'");
	assert_refused(STR("{\"format\":1,\"number\":1,\"host\":\"a\",\"plan\":\"b\",\"verdict\":\"pass\"}"),
		ERR_SYNTAX, "receipt: format: expected 2, found 1");
	assert_refused(STR("{\"format\":2,\"number\":1,\"host\":\"../a\",\"plan\":\"b\",\"verdict\":\"pass\"}"),
		ERR_UNSAFE, "receipt: host: name '../a' must not begin with '.'");
	assert_refused(
		STR(HEAD ",\"time\":-1}"), ERR_SYNTAX, "receipt: time: expected 0 to 9007199254740992, found -1");
	assert_refused(
		STR(HEAD ",\"checks\":[{\"name\":\"a\",\"class\":\"work\"},{\"name\":\"a\",\"class\":\"path\"}]}"),
		ERR_SYNTAX, "receipt: checks[1].name: \"a\" is there already ([0])");
}

static void a_receipt_above_its_limit_is_not_even_parsed(void **state)
{
	(void)state;
	cleanup(free_ptr) char *bytes = mem_new(RECEIPT_MAX + 1, 1);

	assert_refused(str_bytes(bytes, RECEIPT_MAX + 1), ERR_LIMIT, "receipt: 65537 bytes: at most 65536");
}

static void an_output_keeps_its_end(void **state)
{
	(void)state;
	enum { LONG = 10000 };
	cleanup(receipt_free) struct receipt got = {0};
	cleanup(buf_free) struct buf out = {0}, said = {0};
	struct receipt_check check = checks[1];
	struct receipt r = typical();
	struct err e = {0};

	while (said.len < LONG)
		buf_text(&said, "\xc3\xbc"); /* 2 bytes: a cut may fall between them */
	buf_text(&said, "the end");
	check.output = said.data;
	r.checks = (struct list){&check, 1};
	receipt_write(&out, &r);
	assert_true(receipt_read(&got, buf_str(&out), &e));
	const char *kept = ((struct receipt_check *)got.checks.items)->output;
	assert_int_equal(strlen(kept), RECEIPT_OUTPUT_MAX - 1);
	assert_true(str_ends(str_of(kept), "\xc3\xbc"
					   "the end"));
	assert_true(str_starts(str_of(kept), "\xc3\xbc"));
}

static void as_many_checks_as_a_plan_may_have_fit_into_a_receipt(void **state)
{
	(void)state;
	enum { MANY = 256 };
	static struct receipt_check many[MANY];
	static char names[MANY][65], long_output[RECEIPT_OUTPUT_MAX + 1];
	cleanup(receipt_free) struct receipt got = {0};
	cleanup(buf_free) struct buf out = {0};
	struct receipt r = typical();
	struct err e = {0};

	memset(long_output, '\33', RECEIPT_OUTPUT_MAX); /* six bytes each as JSON */
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof names[i], "%064d", i);
		many[i] = (struct receipt_check){.name = names[i],
			.class = CHECK_LOCAL,
			.before = CHECK_GREEN,
			.after = CHECK_RED,
			.old = CHECK_GREEN,
			.took_ms = 3600000,
			.status = 255,
			.output = long_output};
	}
	r.checks = (struct list){many, MANY};
	receipt_write(&out, &r);
	assert_true(buf_ok(&out, &e));
	assert_true(out.len <= RECEIPT_MAX);
	if (!receipt_read(&got, buf_str(&out), &e))
		fail_msg("%s", e.text);
	assert_int_equal(got.checks.count, MANY);
}

static void cut_anywhere_it_is_no_receipt(void **state)
{
	(void)state;
	cleanup(buf_free) struct buf out = {0};
	const struct receipt r = typical();
	struct err e = {0};

	receipt_write(&out, &r);
	for (size_t cut = 0; cut < out.len; cut++) {
		struct receipt got = {0};
		assert_false(receipt_read(&got, str_bytes(out.data, cut), &e));
		assert_null(got.host);
	}
}

/* --- the seal --- */

static struct secret_key *key_of(char letter)
{
	uint8_t seed[32];
	struct secret_key *k = NULL;
	struct err e;

	memset(seed, letter, sizeof seed);
	assert_true(secret_of_seed(&k, seed, &e));
	return k;
}

struct sealed {
	struct secret_key *key;
	struct public_key pub, thief;
	struct buf statement, text;
};

static void sealed_make(struct sealed *s)
{
	cleanup(secret_free) struct secret_key *other = key_of('b');
	const struct receipt r = typical();
	struct err e = {0};

	*s = (struct sealed){.key = key_of('a')};
	receipt_write(&s->statement, &r);
	assert_true(secret_public(&s->pub, s->key, &e) && secret_public(&s->thief, other, &e));
	if (!receipt_seal(&s->text, buf_str(&s->statement), s->key, &e))
		fail_msg("%s", e.text);
}

static void sealed_free(struct sealed *s)
{
	secret_free(&s->key);
	public_free(&s->pub);
	public_free(&s->thief);
	buf_free(&s->statement);
	buf_free(&s->text);
}

static void a_sealed_receipt_is_its_statement_and_its_keys(void **state)
{
	(void)state;
	cleanup(sealed_free) struct sealed s;
	cleanup(receipt_free) struct receipt got = {0};
	cleanup(buf_free) struct buf again = {0};
	struct err e = {0};

	sealed_make(&s);
	assert_int_equal(s.text.len, s.statement.len + 130);
	assert_true(receipt_verify(buf_str(&s.text), &s.pub, &e));
	assert_true(receipt_read(&got, buf_str(&s.text), &e));
	assert_int_equal(got.number, 43);
	assert_true(digest_eq(receipt_digest(buf_str(&s.text)), digest_of(buf_str(&s.statement))));
	assert_true(receipt_seal(&again, buf_str(&s.statement), s.key, &e));
	assert_string_equal(again.data, s.text.data); /* sealed twice: the same bytes */
	assert_false(receipt_verify(buf_str(&s.text), &s.thief, &e));
	assert_int_equal(e.code, ERR_SIGNATURE);
}

static void any_byte_of_it_changed_breaks_the_seal(void **state)
{
	(void)state;
	cleanup(sealed_free) struct sealed s;
	struct err e = {0};

	sealed_make(&s);
	for (size_t i = 0; i + 1 < s.text.len; i++) {
		e = (struct err){0};
		s.text.data[i] ^= 1;
		assert_false(receipt_verify(buf_str(&s.text), &s.pub, &e));
		assert_int_equal(e.code, ERR_SIGNATURE);
		s.text.data[i] ^= 1;
	}
	for (size_t cut = 0; cut + 1 < s.text.len; cut++)
		assert_false(receipt_verify(str_bytes(s.text.data, cut), &s.pub, &e));
	buf_text(&s.text, "more");
	assert_false(receipt_verify(buf_str(&s.text), &s.pub, &e));
	assert_false(receipt_verify(buf_str(&s.statement), &s.pub, &e));
	assert_string_equal(e.text, "the receipt is not signed");
}

static void a_newer_hosts_fields_are_signed_too(void **state)
{
	(void)state;
	cleanup(secret_free) struct secret_key *k = key_of('a');
	cleanup(public_free) struct public_key pub = {0};
	cleanup(buf_free) struct buf whole = {0};
	cleanup(receipt_free) struct receipt got = {0};
	struct err e = {0};

	assert_true(secret_public(&pub, k, &e));
	assert_true(receipt_seal(&whole, STR(HEAD ",\"weather\":\"fair\"}"), k, &e));
	assert_true(receipt_verify(buf_str(&whole), &pub, &e) && receipt_read(&got, buf_str(&whole), &e));
	memcpy(strstr(whole.data, "fair"), "foul", 4);
	assert_false(receipt_verify(buf_str(&whole), &pub, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_receipt_comes_out_as_it_went_in),
		cmocka_unit_test(the_first_receipt_of_a_host_is_short),
		cmocka_unit_test(only_pass_and_unproven_are_commits),
		cmocka_unit_test(control_characters_become_question_marks_and_only_an_output_has_lines),
		cmocka_unit_test(fields_of_a_newer_agent_are_ignored),
		cmocka_unit_test(a_code_that_we_do_not_know_is_none),
		cmocka_unit_test(what_is_no_receipt_is_refused),
		cmocka_unit_test(a_receipt_above_its_limit_is_not_even_parsed),
		cmocka_unit_test(an_output_keeps_its_end),
		cmocka_unit_test(as_many_checks_as_a_plan_may_have_fit_into_a_receipt),
		cmocka_unit_test(cut_anywhere_it_is_no_receipt),
		cmocka_unit_test(a_sealed_receipt_is_its_statement_and_its_keys),
		cmocka_unit_test(any_byte_of_it_changed_breaks_the_seal),
		cmocka_unit_test(a_newer_hosts_fields_are_signed_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
