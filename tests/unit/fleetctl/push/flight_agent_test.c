/* What is said to a host's hello when it shall run another agent. */
#include "tests/unit/fleetctl/repo/yard_agent.h"

#include <unistd.h>

#include "fleetctl/push/flight.h"

#define HERE "debian12-gnu-arm64"
enum { PROGRAM = 60 * KIB };

/* Two agents were signed, alike but for a few bytes; the scripts' bundle is here, too. */
struct world {
	struct yard yard;
	struct yard_agent agent;
	struct repository repository;
	struct buf program[2];
	struct digest document, bundle[3]; /* bundle[2]: of scripts */
	struct hello hello;
	struct version_held versions[6];
	struct bundle_held held[3];
};

static void fill(struct buf *b, uint32_t seed)
{
	for (int i = 0; i < PROGRAM; i++) {
		seed = seed * 1664525u + 1013904223u;
		buf_byte(b, (char)(seed >> 24));
	}
}

static int begin(void **state)
{
	struct world *w = mem_new(1, sizeof *w);

	*state = w;
	yard_make(&w->yard);
	yard_keys(&w->yard);
	yard_key(&w->yard, "chief", "agent");
	yard_release(&w->yard, "plan-D", "soracom.io", STR("scripts"));
	w->bundle[2] = digest_of(STR("scripts"));
	for (int i = 0; i < 2; i++) {
		fill(&w->program[i], 1);
		memcpy(w->program[i].data + 1000, i ? "98.0.0" : "0.1.0 ", 6);
		yard_agent_one(&w->yard, &w->agent, HERE, i ? "98.0.0" : "0.1.0", buf_str(&w->program[i]));
		yard_sign(&w->yard);
		w->bundle[i] = w->agent.bundle;
		w->document = digest_of(buf_str(&w->agent.text));
	}
	if (!repository_open(&w->repository, w->yard.fleet, &w->yard.why))
		fail_msg("%s", w->yard.why.text);
	w->versions[0] = (struct version_held){"root", 1};
	for (int i = 0; i < 3; i++)
		w->held[i].sha256 = w->bundle[2 - i]; /* scripts, the agent that is signed, the one before */
	w->hello = (struct hello){.oldest = 1, .newest = 2, .id = "ber-D", .plan = "plan-D", .agent = "0.1.0", .platform = HERE};
	w->hello.trust = (struct list){w->versions, 1};
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	repository_free(&w->repository);
	yard_agent_free(&w->agent);
	yard_free(&w->yard);
	buf_free(&w->program[0]);
	buf_free(&w->program[1]);
	free(w);
	return 0;
}

static bool make(struct flight *f, struct world *w)
{
	struct flight_wish wish = {.action = ORDER_AGENT, .rollout = "agent-1", .who = "ann@desk"};

	return flight_make(f, &w->repository, &w->hello, &wish, &w->yard.why);
}

static void order_free(struct order *o)
{
	shape_free(o, order_shape);
}

static void read_back(struct order *o, const struct flight *f)
{
	cleanup(frame_reader_free) struct frame_reader r = {.greeted = true};
	struct frame frame;
	struct err e = {0};

	assert_true(frame_feed(&r, buf_str(&f->head), &e));
	assert_int_equal(frame_next(&r, &frame, &e), FRAME_HERE);
	if (!message_read(o, order_shape, frame.body, "order", &e))
		fail_msg("%s", e.text);
	assert_int_equal(frame_next(&r, &frame, &e), FRAME_HERE);
	assert_int_equal(frame.kind, FRAME_PAPERS);
}

static void names_papers(const struct order *o, const char *names)
{
	cleanup(buf_free) struct buf got = {0};
	const struct paper *p = o->papers.items;

	for (size_t i = 0; i < o->papers.count; i++)
		buf_form(&got, "%s%s", i ? " " : "", p[i].name);
	assert_string_equal(buf_str(&got).data, names);
}

static void made(struct flight *f, struct order *o, struct world *w)
{
	if (!make(f, w))
		fail_msg("%s", w->yard.why.text);
	read_back(o, f);
	assert_int_equal(o->action, ORDER_AGENT);
	assert_true(digest_eq(o->release, w->document));
}

static void a_host_gets_the_document_of_its_platform_and_all_of_the_bundle(void **state)
{
	struct world *w = *state;
	cleanup(flight_free) struct flight f = {.payload = -1};
	cleanup(order_free) struct order o = {0};

	w->hello.bundles = (struct list){w->held, 1}; /* scripts: no patch leads from them */
	made(&f, &o, w);
	names_papers(&o, "timestamp snapshot targets agent agent/" HERE);
	assert_true(digest_eq(((const struct paper *)o.papers.items)[4].sha256, w->document));
	assert_int_equal(o.payload, PAYLOAD_FULL);
	assert_true(o.payload_length > PROGRAM / 2);
	assert_false(repository_has_patch(&w->repository, w->bundle[2], w->bundle[1]));
}

static void one_with_the_agent_before_gets_a_patch(void **state)
{
	struct world *w = *state;
	cleanup(flight_free) struct flight f = {.payload = -1};
	cleanup(order_free) struct order o = {0};

	w->held[1] = w->held[2];
	w->hello.bundles = (struct list){w->held, 2};
	made(&f, &o, w);
	assert_int_equal(o.payload, PAYLOAD_PATCH);
	assert_true(digest_eq(o.base, w->bundle[0]));
	assert_true(o.payload_length < 1000);
}

static void one_that_holds_it_gets_papers_alone(void **state)
{
	struct world *w = *state;
	cleanup(flight_free) struct flight f = {.payload = -1};
	cleanup(order_free) struct order o = {0};

	w->hello.bundles = (struct list){w->held, 2};
	made(&f, &o, w);
	assert_int_equal(o.payload, PAYLOAD_NONE);
	assert_int_equal(f.payload, -1);
}

static void only_newer_papers_are_sent_and_always_the_document(void **state)
{
	struct world *w = *state;
	cleanup(flight_free) struct flight f = {.payload = -1};
	cleanup(order_free) struct order o = {0};
	static const char *const roles[] = {"timestamp", "snapshot", "targets", "agent"};

	for (size_t i = 0; i < COUNT_OF(roles); i++)
		w->versions[1 + i] = (struct version_held){(char *)roles[i], (int64_t)yard_version(&w->yard, roles[i])};
	w->hello.trust.count = 5;
	made(&f, &o, w);
	names_papers(&o, "agent/" HERE);
}

static void one_that_cannot_take_it_is_refused_before_anything_is_sent(void **state)
{
	struct world *w = *state;
	struct flight f = {.payload = -1};

	w->hello.newest = 1;
	assert_false(make(&f, w));
	assert_int_equal(w->yard.why.code, ERR_REFUSED);
	assert_non_null(strstr(w->yard.why.text, "agent 0.1.0 there is too old"));
	w->hello.newest = 2;
	w->hello.platform = NULL;
	assert_false(make(&f, w));
	assert_int_equal(w->yard.why.code, ERR_REFUSED);
	w->hello.platform = "debian12-gnu-armhf";
	assert_false(make(&f, w));
	assert_int_equal(w->yard.why.code, ERR_REFUSED);
	assert_non_null(strstr(w->yard.why.text, "no agent is signed for debian12-gnu-armhf"));
	w->hello.platform = "../../targets";
	assert_false(make(&f, w));
	assert_null(f.head.data);
	assert_int_equal(f.payload, -1);
}

#define flown(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		flown(a_host_gets_the_document_of_its_platform_and_all_of_the_bundle),
		flown(one_with_the_agent_before_gets_a_patch),
		flown(one_that_holds_it_gets_papers_alone),
		flown(only_newer_papers_are_sent_and_always_the_document),
		flown(one_that_cannot_take_it_is_refused_before_anything_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
