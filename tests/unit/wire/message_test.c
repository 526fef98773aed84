/* What the two sides say: small, bounded, and read as foreign words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/frame.h"
#include "wire/message.h"

static struct digest digest_no(size_t n)
{
	return digest_of(str_bytes(&n, sizeof n));
}

/* The body of the one frame that was written. */
static struct str body_of(const struct buf *out, enum frame_kind kind)
{
	assert_false(out->failed);
	assert_true(out->len > FRAME_HEAD);
	assert_int_equal(out->data[4], kind);
	return str_bytes(out->data + FRAME_HEAD, out->len - FRAME_HEAD);
}

static char *roles[] = {"root", "timestamp", "snapshot", "targets", "fleet", "plan-D", "rollout-plan-D"};

static char version[] = "0.1.0", id[] = "ber-D", plan[] = "plan-D", boot[] = "3e0c4e1a-7d5f-4a7e-9f0e-1a2b3c4d5e6f";
static char who[] = "anna@hq", step[] = "prove", text[] = "2 of 3 green", nonce[] = "n0nce";
static struct version_held trust_held[COUNT_OF(roles)];
static struct bundle_held bundles[100];

static struct hello typical(void)
{
	for (size_t i = 0; i < COUNT_OF(trust_held); i++)
		trust_held[i] = (struct version_held){roles[i], (int64_t)(3 + 40 * i)};
	for (size_t i = 0; i < COUNT_OF(bundles); i++)
		bundles[i].sha256 = digest_no(i);
	return (struct hello){
		.oldest = 1,
		.newest = 1,
		.agent = version,
		.id = id,
		.plan = plan,
		.release = digest_no(1),
		.number = 42,
		.since = 1800000000,
		.bundles = {bundles, 2},
		.trust = {trust_held, COUNT_OF(trust_held)},
		.papers = {1, 2, 3, 4, 5, 6, 7, 8},
		.free = 12345678901,
		.boot = boot,
		.time = 1800000000,
		.synced = true,
		.receipt = 43,
	};
}

static void hello_free(struct hello *h)
{
	shape_free(h, hello_shape);
}

static void order_free(struct order *o)
{
	shape_free(o, order_shape);
}

static void state_free(struct state *s)
{
	shape_free(s, state_shape);
}

static void a_typical_hello_is_below_700_bytes(void **unused)
{
	(void)unused;
	cleanup(buf_free) struct buf out = {0};
	const struct hello h = typical();

	hello_write(&out, &h);
	print_message("a typical hello: %zu bytes\n", out.len);
	assert_true(out.len < 700);
}

static void the_smallest_hello_says_only_who_and_how(void **unused)
{
	(void)unused;
	cleanup(buf_free) struct buf out = {0};
	cleanup(hello_free) struct hello got = {0};
	struct err e = {0};

	hello_write(&out, &(struct hello){.oldest = 1, .newest = 1, .id = id, .plan = plan});
	struct str body = body_of(&out, FRAME_HELLO);
	const char wanted[] = "{\"oldest\":1,\"newest\":1,\"id\":\"ber-D\",\"plan\":\"plan-D\"}";
	assert_int_equal(body.len, strlen(wanted));
	assert_memory_equal(body.data, wanted, body.len);
	assert_true(message_read(&got, hello_shape, body, "hello", &e));
	assert_true(digest_zero(got.release));
	assert_false(got.synced || got.has_lease || got.has_trial);
}

static void a_full_hello_comes_out_as_it_went_in(void **unused)
{
	(void)unused;
	cleanup(buf_free) struct buf out = {0}, again = {0};
	cleanup(hello_free) struct hello got = {0};
	struct partial partial = {digest_no(9), 4711};
	struct hello h = typical();
	struct err e = {0};

	h.guilty = (struct list){bundles + 5, 3};
	h.held = (struct list){bundles + 8, 1};
	h.partial = (struct list){&partial, 1};
	h.has_lease = h.has_trial = true;
	h.lease = (struct lease){id, who, 599000};
	h.trial = (struct trial){digest_no(3), step, 30000};
	hello_write(&out, &h);
	assert_true(message_read(&got, hello_shape, body_of(&out, FRAME_HELLO), "hello", &e));
	hello_write(&again, &got);
	assert_int_equal(again.len, out.len);
	assert_memory_equal(again.data, out.data, out.len);
	assert_true(digest_eq(got.release, h.release));
	assert_int_equal(((struct partial *)got.partial.items)->have, 4711);
	assert_string_equal(got.lease.who, who);
	assert_string_equal(got.trial.step, step);
	assert_memory_equal(got.papers, h.papers, sizeof h.papers);
}

static void a_host_with_too_much_to_say_can_still_be_talked_to(void **unused)
{
	(void)unused;
	cleanup(buf_free) struct buf out = {0};
	cleanup(hello_free) struct hello got = {0};
	struct hello h = typical();
	struct err e = {0};

	h.bundles = h.guilty = h.held = (struct list){bundles, COUNT_OF(bundles)};
	hello_write(&out, &h);
	assert_true(message_read(&got, hello_shape, body_of(&out, FRAME_HELLO), "hello", &e));
	assert_int_equal(got.bundles.count, 64);
	assert_int_equal(got.guilty.count, 64);
	assert_int_equal(got.held.count, 64);
}

static void assert_refused(const struct shape_field *shape, const char *body, const char *what, const char *error)
{
	struct hello untouched = {0};
	union {
		struct hello hello;
		struct order order;
		struct state state;
		struct refused refused;
	} out = {0};
	struct err e = {0};

	assert_false(message_read(&out, shape, str_of(body), what, &e));
	assert_int_equal(e.code, ERR_PROTOCOL);
	assert_string_equal(e.text, error);
	assert_memory_equal(&out, &untouched, sizeof untouched);
}
#define HELLO "\"oldest\":1,\"newest\":1,\"id\":\"a\",\"plan\":\"b\""
#define HEX32 "0123456789abcdef0123456789abcdef"

static void a_hello_that_is_none_is_refused_with_its_field(void **unused)
{
	(void)unused;
	assert_refused(hello_shape, "{\"oldest\":1}", "hello", "hello: \"newest\" is missing");
	assert_refused(hello_shape, "{" HELLO ",\"number\":-1}", "hello",
		"hello: number: expected 0 to 9007199254740992, found -1");
	assert_refused(hello_shape, "{" HELLO ",\"release\":\"" HEX32 "\"}", "hello",
		"hello: release: expected 64 hexadecimal digits in lower case, found \"" HEX32 "\"");
	assert_refused(hello_shape, "{\"oldest\":2,\"newest\":1,\"id\":\"a\",\"plan\":\"b\"}", "hello",
		"hello: speaks versions 2 to 1");
	assert_refused(hello_shape, "{" HELLO ",\"id\":\"c\"}", "hello",
		"hello: line 1, column 47: duplicate object key near '\"id\"'");
}

static void a_list_longer_than_we_allow_is_refused(void **unused)
{
	(void)unused;
	cleanup(buf_free) struct buf body = {0};

	buf_text(&body, "{" HELLO ",\"guilty\":[");
	for (int i = 0; i < 65; i++)
		buf_form(&body, "%s{\"id\":\"" HEX32 HEX32 "\"}", i ? "," : "");
	buf_text(&body, "]}");
	assert_refused(hello_shape, body.data, "hello", "hello: guilty: more than 64 entries");
}

static void fields_of_a_newer_side_are_ignored(void **unused)
{
	(void)unused;
	cleanup(hello_free) struct hello got = {0};
	struct err e = {0};

	assert_true(message_read(&got, hello_shape, STR("{" HELLO ",\"battery\":{\"percent\":80}}"), "hello", &e));
	assert_string_equal(got.id, "a");
}

static struct paper papers[] = {{id, 1000, {{1}}}, {plan, 2000, {{2}}}};

static void every_order_comes_out_as_it_went_in(void **unused)
{
	(void)unused;
	const struct order orders[] = {
		{.action = ORDER_ASK},
		{.action = ORDER_FOLLOW, .lease_ms = 600000, .rollout = id, .who = who, .take = true},
		{.action = ORDER_UNDO, .release = digest_no(1)},
		{.action = ORDER_CONFIRM, .nonce = nonce},
		{.action = ORDER_LET_GO, .rollout = id},
		{.action = ORDER_UPDATE, .release = digest_no(2), .papers = {papers, 2}, .against = true},
		{.action = ORDER_UPDATE,
			.release = digest_no(2),
			.payload = PAYLOAD_PATCH,
			.payload_sha256 = digest_no(3),
			.base = digest_no(4),
			.payload_length = 70000,
			.at = 4096},
	};

	for (size_t i = 0; i < COUNT_OF(orders); i++) {
		cleanup(buf_free) struct buf out = {0}, again = {0};
		cleanup(order_free) struct order got = {0};
		struct err e = {0};
		order_write(&out, &orders[i]);
		assert_true(message_read(&got, order_shape, body_of(&out, FRAME_ORDER), "order", &e));
		order_write(&again, &got);
		assert_int_equal(again.len, out.len);
		assert_memory_equal(again.data, out.data, out.len);
		assert_int_equal(got.action, orders[i].action);
		assert_int_equal(got.at, orders[i].at);
	}
}

static void an_order_that_contradicts_itself_is_refused(void **unused)
{
	(void)unused;
	assert_refused(order_shape, "{\"action\":\"update\"}", "order", "order: an update names no release");
	assert_refused(order_shape, "{\"action\":\"confirm\"}", "order", "order: a confirm brings no nonce");
	assert_refused(order_shape, "{\"action\":\"ask\",\"lease_ms\":600001}", "order",
		"order: lease_ms: expected 0 to 600000, found 600001");
	assert_refused(order_shape, "{\"action\":\"ask\",\"payload\":\"full\"}", "order",
		"order: a payload without digest or length");
	assert_refused(order_shape,
		"{\"action\":\"ask\",\"payload\":\"patch\",\"payload_sha256\":\"" HEX32 HEX32
		"\",\"payload_length\":9}",
		"order", "order: a patch does not say against what");
	assert_refused(order_shape,
		"{\"action\":\"ask\",\"payload\":\"full\",\"payload_sha256\":\"" HEX32 HEX32
		"\",\"payload_length\":9,\"at\":10}",
		"order", "order: a payload goes on at 10 of 9 bytes");
}

static void a_state_is_short_and_its_words_are_cleaned(void **unused)
{
	(void)unused;
	cleanup(buf_free) struct buf out = {0};
	cleanup(state_free) struct state got = {0};
	struct err e = {0};

	state_write(&out, &(struct state){.step = step, .text = text, .left_ms = 5000, .done = 2, .of = 3});
	assert_true(message_read(&got, state_shape, body_of(&out, FRAME_STATE), "state", &e));
	assert_string_equal(got.text, text);
	assert_null(got.nonce);
	state_free(&got);
	assert_true(message_read(&got, state_shape, STR("{\"step\":\"a\",\"text\":\"\\u001b[2Jx\\ny\"}"), "state", &e));
	assert_string_equal(got.text, "?[2Jx?y");
}

static void a_refusal_arrives_as_the_error_it_was(void **unused)
{
	(void)unused;
	cleanup(buf_free) struct buf out = {0};
	struct err e = {0}, got = {0};

	err_set(&e, ERR_BUSY, "anna@hq is at it: prove, 30s left");
	refused_write(&out, &e);
	assert_false(refused_read(body_of(&out, FRAME_REFUSED), &got));
	assert_int_equal(got.code, ERR_BUSY);
	assert_string_equal(got.text, e.text);
}

static void a_refusal_never_passes_for_success(void **unused)
{
	(void)unused;
	static const struct {
		const char *body;
		enum err_code code;
		const char *text;
	} rows[] = {
		{"{\"code\":\"none\",\"text\":\"all is well\"}", ERR_FAILED, "all is well"},
		{"{\"code\":\"tomorrows-word\"}", ERR_FAILED, "tomorrows-word"},
		{"{\"code\":\"busy\",\"text\":\"\\u001b]0;title\\u0007\"}", ERR_BUSY, "?]0;title?"},
		{"{}", ERR_PROTOCOL, "refused: \"code\" is missing"},
		{"", ERR_PROTOCOL, NULL},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct err e = {0};
		assert_false(refused_read(str_of(rows[i].body), &e));
		assert_int_equal(e.code, rows[i].code);
		if (rows[i].text)
			assert_string_equal(e.text, rows[i].text);
	}
}

static void the_longest_error_fits_into_a_refusal(void **unused)
{
	(void)unused;
	cleanup(buf_free) struct buf out = {0};
	struct err e = {.code = ERR_FAILED}, got = {0};

	memset(e.text, 'x', sizeof e.text - 1);
	refused_write(&out, &e);
	assert_false(refused_read(body_of(&out, FRAME_REFUSED), &got));
	assert_int_equal(got.code, ERR_FAILED);
	assert_string_equal(got.text, e.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_typical_hello_is_below_700_bytes),
		cmocka_unit_test(the_smallest_hello_says_only_who_and_how),
		cmocka_unit_test(a_full_hello_comes_out_as_it_went_in),
		cmocka_unit_test(a_host_with_too_much_to_say_can_still_be_talked_to),
		cmocka_unit_test(a_hello_that_is_none_is_refused_with_its_field),
		cmocka_unit_test(a_list_longer_than_we_allow_is_refused),
		cmocka_unit_test(fields_of_a_newer_side_are_ignored),
		cmocka_unit_test(every_order_comes_out_as_it_went_in),
		cmocka_unit_test(an_order_that_contradicts_itself_is_refused),
		cmocka_unit_test(a_state_is_short_and_its_words_are_cleaned),
		cmocka_unit_test(a_refusal_arrives_as_the_error_it_was),
		cmocka_unit_test(a_refusal_never_passes_for_success),
		cmocka_unit_test(the_longest_error_fits_into_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
