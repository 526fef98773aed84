/* What is said to a host's hello: all that it lacks, and no byte more. */
#include "tests/unit/fleetctl/repo/yard.h"

#include <unistd.h>

#include "bundles/squeeze.h"
#include "fleetctl/push/flight.h"

enum { BUNDLE = 200 * KIB };

/* A repository with two releases of plan-D: the bundles are alike, but do not squeeze. */
struct world {
	struct yard yard;
	struct repository repository;
	struct buf bundle[2];
	struct digest release[2], digest[2];
	struct hello hello; /* of a host that was just enrolled; its lists are borrowed from here */
	struct version_held versions[5];
	struct bundle_held held[2];
	struct partial partial[1];
};

static void fill(struct buf *b, uint32_t seed)
{
	for (int i = 0; i < BUNDLE; i++) {
		seed = seed * 1664525u + 1013904223u;
		buf_byte(b, (char)(seed >> 24));
	}
}

static struct digest current_release(struct world *w)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);

	if (!repository_current(&text, &w->repository, "plan-D", &w->yard.why))
		fail_msg("%s", w->yard.why.text);
	return manifest_id(buf_str(&text));
}

static int begin(void **state)
{
	struct world *w = mem_new(1, sizeof *w);

	*state = w;
	yard_make(&w->yard);
	yard_keys(&w->yard);
	fill(&w->bundle[0], 1);
	fill(&w->bundle[1], 1);
	memcpy(w->bundle[1].data + 1000, "a small change", 14);
	for (int i = 0; i < 2; i++) {
		yard_release(&w->yard, "plan-D", "soracom.io", buf_str(&w->bundle[i]));
		yard_sign(&w->yard);
		repository_free(&w->repository);
		if (!repository_open(&w->repository, w->yard.fleet, &w->yard.why))
			fail_msg("%s", w->yard.why.text);
		w->release[i] = current_release(w);
		w->digest[i] = digest_of(buf_str(&w->bundle[i]));
	}
	w->versions[0] = (struct version_held){"root", 1};
	w->hello = (struct hello){.oldest = 1, .newest = 1, .id = "ber-D", .plan = "plan-D"};
	w->hello.trust = (struct list){w->versions, 1};
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	repository_free(&w->repository);
	yard_free(&w->yard);
	buf_free(&w->bundle[0]);
	buf_free(&w->bundle[1]);
	free(w);
	return 0;
}

static bool make(struct flight *f, struct world *w, enum order_action action, struct digest release)
{
	struct flight_wish wish = {.action = action, .rollout = "r-1", .who = "ann@desk", .lease_ms = 5000, .release = release};

	return flight_make(f, &w->repository, &w->hello, &wish, &w->yard.why);
}

static void make_update(struct flight *f, struct world *w)
{
	if (!make(f, w, ORDER_UPDATE, w->release[1]))
		fail_msg("%s", w->yard.why.text);
}

static void order_free(struct order *o)
{
	shape_free(o, order_shape);
}

/* Read as the host reads it: one order, and its papers where it names any. */
static void read_back(struct order *o, struct buf *papers, const struct flight *f)
{
	cleanup(frame_reader_free) struct frame_reader r = {.greeted = true};
	struct frame frame;
	struct err e = {0};

	assert_true(frame_feed(&r, buf_str(&f->head), &e));
	assert_int_equal(frame_next(&r, &frame, &e), FRAME_HERE);
	assert_int_equal(frame.kind, FRAME_ORDER);
	if (!message_read(o, order_shape, frame.body, "order", &e))
		fail_msg("%s", e.text);
	if (o->papers.count) {
		assert_int_equal(frame_next(&r, &frame, &e), FRAME_HERE);
		assert_int_equal(frame.kind, FRAME_PAPERS);
		buf_add(papers, frame.body);
	}
	assert_int_equal(frame_next(&r, &frame, &e), FRAME_MORE);
	assert_true(frame_end(&r, &e));
}

static void names_papers(const struct order *o, const char *names)
{
	cleanup(buf_free) struct buf got = {0};
	const struct paper *p = o->papers.items;

	for (size_t i = 0; i < o->papers.count; i++)
		buf_form(&got, "%s%s", i ? " " : "", p[i].name);
	assert_string_equal(buf_str(&got).data, names);
}

static size_t papers_length(const struct order *o)
{
	const struct paper *p = o->papers.items;
	size_t sum = 0;

	for (size_t i = 0; i < o->papers.count; i++)
		sum += (size_t)p[i].length;
	return sum;
}

static void a_new_host_gets_everything(void **state)
{
	struct world *w = *state;
	cleanup(flight_free) struct flight f = {.payload = -1};
	cleanup(order_free) struct order o = {0};
	cleanup(buf_free) struct buf papers = {0}, plain = BUF_MAX(1 * MIB);
	struct err e = {0};

	make_update(&f, w);
	read_back(&o, &papers, &f);
	names_papers(&o, "timestamp snapshot targets plan-D manifest");
	assert_string_equal(o.rollout, "r-1");
	assert_string_equal(o.who, "ann@desk");
	assert_int_equal(o.lease_ms, 5000);
	assert_true(digest_eq(o.release, w->release[1]));
	assert_false(o.against);
	assert_true(squeeze_text_expand(&plain, buf_str(&papers), STR(""), papers_length(&o), &e));
	const struct paper *p = o.papers.items;
	size_t at = 0;
	for (size_t i = 0; i < o.papers.count; at += (size_t)p[i++].length)
		assert_true(digest_eq(digest_of(str_bytes(plain.data + at, (size_t)p[i].length)), p[i].sha256));
	assert_true(digest_eq(p[4].sha256, w->release[1]));
	assert_int_equal(o.payload, PAYLOAD_FULL);
	assert_true(o.payload_length > BUNDLE / 2);
	assert_int_equal(o.at, 0);
	assert_int_equal(f.length, o.payload_length);
	size_t pieces = ((size_t)f.length + PIECE_MAX - 1) / PIECE_MAX;
	assert_int_equal(flight_bytes(&f), f.head.len + f.length + pieces * FRAME_HEAD);
}

static void a_host_with_the_bundle_before_gets_a_patch(void **state)
{
	struct world *w = *state;
	cleanup(flight_free) struct flight f = {.payload = -1};
	cleanup(order_free) struct order o = {0};
	cleanup(buf_free) struct buf papers = {0};

	w->held[0].sha256 = w->digest[0];
	w->hello.bundles = (struct list){w->held, 1};
	make_update(&f, w);
	read_back(&o, &papers, &f);
	assert_int_equal(o.payload, PAYLOAD_PATCH);
	assert_int_equal(f.kind, PAYLOAD_PATCH);
	assert_true(digest_eq(o.base, w->digest[0]));
	assert_true(o.payload_length < 1000);
	struct digest d;
	uint64_t n;
	assert_true(digest_fd(&d, &n, f.payload, &w->yard.why));
	assert_true(digest_eq(d, o.payload_sha256));
}

static void a_host_that_holds_the_bundle_gets_no_payload(void **state)
{
	struct world *w = *state;
	cleanup(flight_free) struct flight f = {.payload = -1};
	cleanup(order_free) struct order o = {0};
	cleanup(buf_free) struct buf papers = {0};

	w->held[0].sha256 = w->digest[0];
	w->held[1].sha256 = w->digest[1];
	w->hello.bundles = (struct list){w->held, 2};
	make_update(&f, w);
	read_back(&o, &papers, &f);
	assert_int_equal(o.payload, PAYLOAD_NONE);
	assert_int_equal(f.payload, -1);
	assert_int_equal(flight_bytes(&f), f.head.len);
}

static void a_payload_goes_on_where_it_broke(void **state)
{
	struct world *w = *state;
	cleanup(flight_free) struct flight whole = {.payload = -1}, rest = {.payload = -1}, strange = {.payload = -1};
	cleanup(order_free) struct order o = {0}, again = {0};
	cleanup(buf_free) struct buf papers = {0};

	make_update(&whole, w);
	read_back(&o, &papers, &whole);
	w->partial[0] = (struct partial){o.payload_sha256, 70000};
	w->hello.partial = (struct list){w->partial, 1};
	make_update(&rest, w);
	read_back(&again, &papers, &rest);
	assert_int_equal(again.at, 70000);
	assert_int_equal(rest.at, 70000);
	assert_true(flight_bytes(&rest) < flight_bytes(&whole) - 60000);
	/* more than there is, it never had from us */
	w->partial[0].have = o.payload_length + 1;
	make_update(&strange, w);
	assert_int_equal(strange.at, 0);
}

static void only_newer_papers_are_sent(void **state)
{
	struct world *w = *state;
	cleanup(flight_free) struct flight f = {.payload = -1};
	cleanup(order_free) struct order o = {0};
	cleanup(buf_free) struct buf papers = {0};
	static const char *const roles[] = {"root", "timestamp", "snapshot", "targets", "plan-D"};

	for (size_t i = 0; i < COUNT_OF(roles); i++) {
		uint64_t version;
		assert_true(repository_version(&version, &w->repository, roles[i], &w->yard.why));
		w->versions[i] = (struct version_held){(char *)roles[i], (int64_t)version};
	}
	w->versions[1].version--;
	w->hello.trust.count = COUNT_OF(roles);
	make_update(&f, w);
	read_back(&o, &papers, &f);
	names_papers(&o, "timestamp manifest");
}

static void a_host_that_is_ahead_of_us_is_not_put_back(void **state)
{
	struct world *w = *state;
	static const char *const roles[] = {"root", "timestamp", "snapshot", "targets", "plan-D"};

	for (size_t i = 0; i < COUNT_OF(roles); i++) {
		struct flight f = {.payload = -1};
		w->versions[1] = (struct version_held){(char *)roles[i], 99};
		w->hello.trust = (struct list){w->versions + !i, i ? 2 : 1};
		assert_false(make(&f, w, ORDER_UPDATE, w->release[1]));
		assert_int_equal(w->yard.why.code, ERR_OLDER);
		assert_non_null(strstr(w->yard.why.text, roles[i]));
		assert_non_null(strstr(w->yard.why.text, "version 99"));
		assert_int_equal(f.payload, -1);
		assert_null(f.head.data);
	}
}

/* A thief of the online keys has counted up; the root that replaces them makes the host forget what it holds by them. */
static void a_host_that_was_counted_up_is_brought_back_by_the_root(void **state)
{
	struct world *w = *state;
	cleanup(flight_free) struct flight f = {.payload = -1};
	cleanup(order_free) struct order o = {0};
	cleanup(buf_free) struct buf papers = {0};
	static const char *const roles[] = {"root", "timestamp", "snapshot", "targets", "plan-D"};

	for (size_t i = 0; i < COUNT_OF(roles); i++)
		w->versions[i] = (struct version_held){(char *)roles[i], i ? 2000000000 : 1};
	w->hello.trust.count = COUNT_OF(roles);
	assert_false(make(&f, w, ORDER_UPDATE, w->release[1]));
	assert_int_equal(w->yard.why.code, ERR_OLDER);
	yard_key(&w->yard, "bob", "root"); /* a new root alone is not enough */
	yard_sign(&w->yard);
	assert_false(make(&f, w, ORDER_UPDATE, w->release[1]));
	yard_mend(&w->yard, KEYSET_FILE, "name: online, roles: [snapshot, timestamp]", "name: online, roles: [plan-Z]");
	yard_key(&w->yard, "online-2", "snapshot timestamp");
	yard_sign(&w->yard);
	make_update(&f, w);
	read_back(&o, &papers, &f);
	names_papers(&o, "2.root 3.root timestamp snapshot targets plan-D manifest");
}

static void papers_are_squeezed_against_what_both_hold(void **state)
{
	struct world *w = *state;
	cleanup(flight_free) struct flight plain = {.payload = -1}, against = {.payload = -1}, strange = {.payload = -1};
	cleanup(order_free) struct order o = {0}, other = {0};
	cleanup(buf_free) struct buf papers = {0}, prefix = BUF_MAX(1 * MIB), text = BUF_MAX(1 * MIB), b = BUF_MAX(MANIFEST_MAX);
	struct err e = {0};

	/* the host as the first signing left it */
	w->versions[1] = (struct version_held){"timestamp", 1};
	w->versions[2] = (struct version_held){"snapshot", 1};
	w->versions[3] = (struct version_held){"targets", 1};
	w->versions[4] = (struct version_held){"plan-D", 1};
	w->hello.trust.count = 5;
	w->hello.release = w->release[0];
	w->hello.number = 1;
	make_update(&plain, w);
	assert_true(repository_meta(&prefix, &w->repository, "snapshot", 1, &e));
	assert_true(repository_meta(&b, &w->repository, "plan-D", 1, &e));
	buf_add(&prefix, buf_str(&b));
	buf_clear(&b);
	assert_true(repository_release(&b, &w->repository, "plan-D", w->release[0], &e));
	buf_add(&prefix, buf_str(&b));
	struct digest d = digest_of(buf_str(&prefix));
	memcpy(w->hello.papers, d.bytes, sizeof w->hello.papers);
	make_update(&against, w);
	read_back(&o, &papers, &against);
	assert_true(o.against);
	assert_true(against.head.len < plain.head.len);
	assert_true(squeeze_text_expand(&text, buf_str(&papers), buf_str(&prefix), papers_length(&o), &e));
	assert_int_equal(text.len, papers_length(&o));
	/* a host whose papers are not ours gets them plain */
	w->hello.papers[0] ^= 1;
	make_update(&strange, w);
	buf_clear(&papers);
	read_back(&other, &papers, &strange);
	assert_false(other.against);
	assert_int_equal(strange.head.len, plain.head.len);
}

static void orders_that_bring_nothing_are_small(void **state)
{
	struct world *w = *state;
	static const enum order_action small[] = {ORDER_ASK, ORDER_UNDO, ORDER_FOLLOW, ORDER_LET_GO};

	for (size_t i = 0; i < COUNT_OF(small); i++) {
		cleanup(flight_free) struct flight f = {.payload = -1};
		cleanup(order_free) struct order o = {0};
		cleanup(buf_free) struct buf papers = {0};
		assert_true(make(&f, w, small[i], (struct digest){0}));
		read_back(&o, &papers, &f);
		assert_int_equal(o.action, small[i]);
		assert_int_equal(o.papers.count, 0);
		assert_int_equal(f.payload, -1);
		assert_true(flight_bytes(&f) < 300);
	}
}

static void a_release_that_nobody_signed_is_not_sent(void **state)
{
	struct world *w = *state;
	struct flight f = {.payload = -1};
	struct digest strange = w->release[1];

	strange.bytes[0] ^= 1;
	assert_false(make(&f, w, ORDER_UPDATE, strange));
	assert_null(f.head.data);
	w->hello.plan = "plan01s";
	assert_false(make(&f, w, ORDER_UPDATE, w->release[1]));
	assert_null(f.head.data);
}

static void a_bundle_that_is_gone_is_named(void **state)
{
	struct world *w = *state;
	struct flight f = {.payload = -1};
	struct err e = {0};
	char *file = repository_bundle_file(w->digest[1]);

	assert_true(fs_remove(w->repository.at, file, &e));
	free(file);
	assert_false(make(&f, w, ORDER_UPDATE, w->release[1]));
	assert_int_equal(w->yard.why.code, ERR_MISSING);
	assert_int_equal(f.payload, -1);
}

#define flown(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		flown(a_new_host_gets_everything),
		flown(a_host_with_the_bundle_before_gets_a_patch),
		flown(a_host_that_holds_the_bundle_gets_no_payload),
		flown(a_payload_goes_on_where_it_broke),
		flown(only_newer_papers_are_sent),
		flown(a_host_that_is_ahead_of_us_is_not_put_back),
		flown(a_host_that_was_counted_up_is_brought_back_by_the_root),
		flown(papers_are_squeezed_against_what_both_hold),
		flown(orders_that_bring_nothing_are_small),
		flown(a_release_that_nobody_signed_is_not_sent),
		flown(a_bundle_that_is_gone_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
