/* A session that is cut, at every byte of what goes up and of what comes down: what came stays, the next one brings the rest, and the
 * serve that was cut off ends by itself. FLEET_ALL=1: each byte downwards too, not every so many. */
#include "tests/unit/agent/tower.h"

enum { PIECE = 48, SAMPLES = 12, DOWN_STEP = 61 };

static const char plain[] = "checks:\n  - {name: ok, run: checks/ok.sh, class: local}\ntrial: {settle: 0s, deadline: 2s}\n";

static struct tower_release *next_release(struct tower *t, int64_t number)
{
	cleanup(free_ptr) char *text = path_form("#!/bin/sh\n# %lld\nexit 0\n", (long long)number);

	tower_script(t, "checks/ok.sh", text);
	return tower_release(t, number, plain);
}

/* --- what a controller sends --- */

struct stream {
	struct buf bytes;
	size_t payload_at;  /* where the first piece begins */
	int64_t payload;    /* its bytes */
};

static void stream_free(struct stream *s)
{
	buf_free(&s->bytes);
}

static void add_pieces(struct stream *s, struct str payload, int64_t at)
{
	s->payload = (int64_t)payload.len;
	s->payload_at = s->bytes.len;
	for (size_t i = (size_t)at; i < payload.len; i += PIECE)
		frame_write(&s->bytes, FRAME_PIECE, str_bytes(payload.data + i, MIN((size_t)PIECE, payload.len - i)));
}

static void stream_make(struct stream *s, struct tower *t, const struct tower_release *r, int64_t at)
{
	static char who[] = "ann";
	cleanup(buf_free) struct buf text = {0};
	cleanup(buf_free) struct buf squeezed = {0};
	cleanup(buf_free) struct buf payload = {0};
	struct order o = {.action = ORDER_UPDATE, .release = r->id, .payload = PAYLOAD_FULL, .who = who, .at = at};

	add_paper(&o.papers, &text, "timestamp", buf_str(&t->timestamp));
	add_paper(&o.papers, &text, "snapshot", buf_str(&t->snapshot));
	add_paper(&o.papers, &text, "targets", buf_str(&t->targets));
	add_paper(&o.papers, &text, TOWER_PLAN, buf_str(&t->role));
	add_paper(&o.papers, &text, "manifest", buf_str(&r->manifest));
	must(squeeze_text(&squeezed, buf_str(&text), STR(""), e));
	squeeze_tar(t, &payload, &(struct sending){.payload = PAYLOAD_FULL}, r);
	o.payload_sha256 = digest_of(buf_str(&payload));
	o.payload_length = (int64_t)payload.len;
	*s = (struct stream){.bytes = BUF_MAX(4 * MIB)};
	buf_text(&s->bytes, WIRE_GREETING);
	order_write(&s->bytes, &o);
	frame_write(&s->bytes, FRAME_PAPERS, buf_str(&squeezed));
	add_pieces(s, buf_str(&payload), at);
	for (size_t i = 0; i < o.papers.count; i++)
		free(((struct paper *)o.papers.items)[i].name);
	free(o.papers.items);
}

/* Of the payload, that is: what came in whole pieces. */
static int64_t kept_of(const struct stream *s, size_t cut)
{
	size_t frame = PIECE + 5;

	return cut < s->payload_at ? 0 : MIN((int64_t)((cut - s->payload_at) / frame * PIECE), s->payload);
}

static int64_t said_have(const struct answer *a)
{
	const struct partial *part = a->hello.partial.items;

	assert_true(a->hello.partial.count <= 1);
	return a->hello.partial.count ? part->have : 0;
}

/* The line goes after so many bytes; serve has ended when this returns. */
static void send_cut(struct tower *t, const struct stream *s, size_t cut, struct answer *a)
{
	struct talk k;

	talk_open(&k, t, a, tower_launch);
	assert_true(talk_until(&k, FRAME_HELLO));
	talk_send(&k, str_bytes(s->bytes.data, cut));
	shutdown(k.fd, SHUT_WR);
	talk_until(&k, FRAME_RECEIPT);
	talk_close(&k);
}

static void cut_at_every_byte_upwards_what_came_stays_and_the_rest_is_enough(void **state)
{
	(void)state;
	struct tower t;
	cleanup(stream_free) struct stream s = {0};
	cleanup(stream_free) struct stream rest = {0};
	cleanup(answer_free) struct answer last = {0};
	int64_t kept = 0;

	tower_open(&t);
	struct tower_release *r = next_release(&t, 1);
	stream_make(&s, &t, r, 0);
	for (size_t cut = 0; cut < s.bytes.len; cut++) {
		cleanup(answer_free) struct answer a = {0};
		send_cut(&t, &s, cut, &a);
		assert_false(a.got_receipt);
		assert_int_equal(said_have(&a), kept);
		assert_false(a.hello.has_trial);
		assert_int_equal(a.hello.number, 0);
		kept = kept_of(&s, cut);
	}
	stream_make(&rest, &t, r, kept);
	assert_true(kept > 0 && rest.bytes.len - rest.payload_at <= PIECE + 5);
	send_cut(&t, &rest, rest.bytes.len, &last);
	assert_verdict(last, VERDICT_PASS);
	assert_true(tower_runs(&t, r));
	print_message("%zu cuts\n", s.bytes.len);
	tower_close(&t);
}

static void cut_anywhere_upwards_the_next_session_completes(void **state)
{
	(void)state;
	struct tower t;

	tower_open(&t);
	for (int i = 0; i < SAMPLES; i++) {
		struct tower_release *r = next_release(&t, i + 1);
		cleanup(stream_free) struct stream s = {0};
		cleanup(stream_free) struct stream rest = {0};
		cleanup(answer_free) struct answer first = {0};
		cleanup(answer_free) struct answer second = {0};
		stream_make(&s, &t, r, 0);
		size_t cut = s.bytes.len * (size_t)i / SAMPLES;
		send_cut(&t, &s, cut, &first);
		assert_false(first.got_receipt);
		stream_make(&rest, &t, r, kept_of(&s, cut));
		send_cut(&t, &rest, rest.bytes.len, &second);
		assert_int_equal(said_have(&second), kept_of(&s, cut));
		assert_verdict(second, VERDICT_PASS);
		assert_true(tower_runs(&t, r));
	}
	tower_close(&t);
}

/* --- downwards --- */

/* So many bytes of what it says, then nothing: the order goes up when its first words have come. True when there was more. */
static bool hear_cut(struct tower *t, const struct tower_release *to, size_t cut)
{
	cleanup(answer_free) struct answer a = {0};
	cleanup(buf_free) struct buf out = {0};
	struct talk k;
	bool ordered = false;
	size_t heard = 0;
	char chunk[4096];
	ssize_t n = 1;

	buf_text(&out, WIRE_GREETING);
	order_write(&out, &(struct order){.action = ORDER_UPDATE, .release = to->id, .payload = PAYLOAD_NONE});
	talk_open(&k, t, &a, tower_launch);
	while (heard < cut && (n = read(k.fd, chunk, MIN(sizeof chunk, cut - heard))) > 0) {
		struct frame f;
		struct err why;
		heard += (size_t)n;
		must(frame_feed(&k.in, str_bytes(chunk, (size_t)n), e));
		while (frame_next(&k.in, &f, &why) == FRAME_HERE)
			if (f.kind == FRAME_HELLO && !ordered) {
				ordered = true;
				talk_send(&k, buf_str(&out));
			}
	}
	talk_close(&k);
	return n > 0;
}

/* What a controller does that comes again. */
static void try_again(struct tower *t, const struct tower_release *to)
{
	cleanup(answer_free) struct answer now = {0};
	cleanup(answer_free) struct answer a = {0};

	tower_order(t, &(struct order){.action = ORDER_FOLLOW}, &now);
	if (!tower_runs(t, to)) {
		tower_order(t, &(struct order){.action = ORDER_UPDATE, .release = to->id, .payload = PAYLOAD_NONE}, &a);
		assert_verdict(a, VERDICT_PASS);
	}
	assert_true(tower_runs(t, to));
}

static void cut_while_it_speaks_the_next_session_hears_the_end(void **state)
{
	(void)state;
	struct tower t;
	struct tower_release *r[2];
	size_t step = getenv("FLEET_ALL") ? 1 : DOWN_STEP, cuts = 0;
	bool more = true;

	tower_open(&t);
	t.config.trials_per_day = 100000;
	for (int i = 0; i < 2; i++) {
		cleanup(answer_free) struct answer a = {0};
		r[i] = next_release(&t, i + 1);
		tower_update(&t, r[i], &a);
		assert_verdict(a, VERDICT_PASS);
	}
	for (size_t cut = 1; more; cut += step) {
		const struct tower_release *to = r[cuts++ % 2];
		more = hear_cut(&t, to, cut);
		try_again(&t, to);
	}
	assert_true(cuts > 10);
	print_message("%zu cuts\n", cuts);
	tower_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_at_every_byte_upwards_what_came_stays_and_the_rest_is_enough),
		cmocka_unit_test(cut_anywhere_upwards_the_next_session_completes),
		cmocka_unit_test(cut_while_it_speaks_the_next_session_hears_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
