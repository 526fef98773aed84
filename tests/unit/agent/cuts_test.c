/* A session that is cut, at every byte of what goes up and at every byte of what comes down: what came stays, something
 * whole runs, nobody is left at work, and the next session brings the rest. Each process has its share of the offsets;
 * all together have each. That an update can be cut anywhere on its TCP connection, too, by each carrier: tests/cut/.
 */
#include <errno.h>
#include <sys/prctl.h>

#include "agent/boot/heal.h"
#include "tests/unit/agent/tower.h"

enum {
	PIECE = 48,
	SHARES = 4,    /* a trial waits more than it works */
	ROUND = 3,     /* releases: what is tried is neither what runs nor what ran before, so its payload must come */
	WHOLE_MAX = 5, /* how much it says differs by a line: so many times in a row there was no more to cut */
	TRIAL_S = 120, /* then something hangs, and the alarm ends this process */
#ifdef __SANITIZE_ADDRESS__
	STEP = 3 * SHARES, /* each third byte: the other build cuts at each */
#else
	STEP = SHARES,
#endif
};

static const char plain[] =
	"checks:\n  - {name: ok, run: checks/ok.sh, class: local}\ntrial: {settle: 0s, deadline: 20s}\n";

struct share {
	size_t first; /* offset; each STEPth from there on is this process's */
	size_t *cuts; /* how many were cut */
};

static void tower_begin(struct tower *t, struct tower_release *r[ROUND])
{
	tower_open(t);
	t->config.trials_per_day = 100000;
	for (int i = 0; i < ROUND; i++) {
		cleanup(free_ptr) char *text = path_form("#!/bin/sh\n# %d\nexit 0\n", i + 1);
		tower_script(t, "checks/ok.sh", text);
		r[i] = tower_release(t, i + 1, plain);
	}
}

/* Serve has been waited for; who outlived it is our child by now. Then the lock is free, and what runs is one of the
 * two, whole. */
static void at_rest(struct tower *t, const struct tower_release *old, const struct tower_release *new)
{
	cleanup(ledger_free) struct ledger l = {0};
	struct digest current;
	struct heal h;

	alarm(TRIAL_S);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	assert_int_equal(errno, ECHILD);
	assert_false(store_is_locked(&t->store));
	tower_ledger(&l, t);
	assert_false(l.has_attempt);
	assert_null(ledger_damaged(&t->store));
	current = tower_current(t);
	assert_true(digest_eq(current, old->id) || digest_eq(current, new->id));
	must(heal_release(&h, &t->store, current, e));
	assert_false(h.bundle || h.tree || h.link);
}

/* --- what a controller sends --- */

/* An update, ready to be sent from any byte of its payload on. */
struct parcel {
	const struct tower_release *release;
	struct order order;
	struct buf papers, payload;
};

static void parcel_free(struct parcel *p)
{
	for (size_t i = 0; i < p->order.papers.count; i++)
		free(((struct paper *)p->order.papers.items)[i].name);
	free(p->order.papers.items);
	buf_free(&p->papers);
	buf_free(&p->payload);
}

static void parcel_make(struct parcel *p, struct tower *t, const struct tower_release *r)
{
	static char who[] = "ann";
	cleanup(buf_free) struct buf text = {0};

	*p = (struct parcel){
		.release = r, .order = {.action = ORDER_UPDATE, .release = r->id, .payload = PAYLOAD_FULL, .who = who}};
	add_paper(&p->order.papers, &text, "timestamp", buf_str(&t->timestamp));
	add_paper(&p->order.papers, &text, "snapshot", buf_str(&t->snapshot));
	add_paper(&p->order.papers, &text, "targets", buf_str(&t->targets));
	add_paper(&p->order.papers, &text, TOWER_PLAN, buf_str(&t->role));
	add_paper(&p->order.papers, &text, "manifest", buf_str(&r->manifest));
	must(squeeze_text(&p->papers, buf_str(&text), STR(""), e));
	squeeze_tar(t, &p->payload, &(struct sending){.payload = PAYLOAD_FULL}, r);
	p->order.payload_sha256 = digest_of(buf_str(&p->payload));
	p->order.payload_length = (int64_t)p->payload.len;
}

struct stream {
	struct buf bytes;
	size_t payload_at; /* where the first piece begins */
	int64_t payload;   /* its bytes */
};

static void stream_free(struct stream *s)
{
	buf_free(&s->bytes);
}

static void stream_make(struct stream *s, const struct parcel *p, int64_t at)
{
	struct order o = p->order;

	o.at = at;
	*s = (struct stream){.bytes = BUF_MAX(4 * MIB), .payload = (int64_t)p->payload.len};
	buf_text(&s->bytes, WIRE_GREETING);
	order_write(&s->bytes, &o);
	frame_write(&s->bytes, FRAME_PAPERS, buf_str(&p->papers));
	s->payload_at = s->bytes.len;
	for (size_t i = (size_t)at; i < p->payload.len; i += PIECE)
		frame_write(
			&s->bytes, FRAME_PIECE, str_bytes(p->payload.data + i, MIN((size_t)PIECE, p->payload.len - i)));
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

	alarm(TRIAL_S);
	talk_open(&k, t, a, tower_launch);
	assert_true(talk_until(&k, FRAME_HELLO));
	talk_send(&k, str_bytes(s->bytes.data, cut));
	shutdown(k.fd, SHUT_WR);
	talk_until(&k, FRAME_RECEIPT);
	talk_close(&k);
}

/* --- upwards --- */

static void cut_again_and_again_upwards_what_came_stays_and_the_rest_is_enough(void **state)
{
	const struct share *share = *state;
	struct tower t;
	struct tower_release *r[ROUND];
	cleanup(parcel_free) struct parcel p = {0};
	cleanup(stream_free) struct stream s = {0};
	cleanup(stream_free) struct stream rest = {0};
	cleanup(answer_free) struct answer last = {0};
	int64_t kept = 0;

	tower_begin(&t, r);
	parcel_make(&p, &t, r[0]);
	stream_make(&s, &p, 0);
	for (size_t cut = share->first; cut < s.bytes.len; cut += STEP) {
		cleanup(answer_free) struct answer a = {0};
		send_cut(&t, &s, cut, &a);
		assert_false(a.got_receipt);
		assert_int_equal(said_have(&a), kept);
		assert_false(a.hello.has_trial);
		assert_int_equal(a.hello.number, 0);
		kept = kept_of(&s, cut);
	}
	stream_make(&rest, &p, kept);
	assert_true(kept > 0 && rest.bytes.len - rest.payload_at <= PIECE + 5);
	send_cut(&t, &rest, rest.bytes.len, &last);
	assert_verdict(last, VERDICT_PASS);
	assert_true(tower_runs(&t, r[0]));
	tower_close(&t);
}

static void cut_once_upwards(struct tower *t, const struct parcel *p, const struct tower_release *old, size_t cut)
{
	cleanup(stream_free) struct stream s = {0};
	cleanup(stream_free) struct stream rest = {0};
	cleanup(answer_free) struct answer first = {0};
	cleanup(answer_free) struct answer second = {0};

	stream_make(&s, p, 0);
	cut = MIN(cut, s.bytes.len - 1); /* they differ by a few bytes */
	send_cut(t, &s, cut, &first);
	assert_false(first.got_receipt);
	at_rest(t, old, old);
	stream_make(&rest, p, kept_of(&s, cut));
	send_cut(t, &rest, rest.bytes.len, &second);
	assert_int_equal(said_have(&second), kept_of(&s, cut));
	assert_verdict(second, VERDICT_PASS);
	at_rest(t, p->release, p->release);
}

static void cut_at_any_byte_upwards_the_next_session_completes(void **state)
{
	const struct share *share = *state;
	struct tower t;
	struct tower_release *r[ROUND];
	struct parcel p[ROUND];
	size_t longest = 0, n = 0;

	tower_begin(&t, r);
	for (int i = 0; i < ROUND; i++) {
		cleanup(stream_free) struct stream s = {0};
		cleanup(answer_free) struct answer a = {0};
		parcel_make(&p[i], &t, r[i]);
		stream_make(&s, &p[i], 0);
		longest = MAX(longest, s.bytes.len);
		send_cut(&t, &s, s.bytes.len, &a);
		assert_verdict(a, VERDICT_PASS);
	}
	for (size_t cut = share->first; cut < longest; cut += STEP, n++)
		cut_once_upwards(&t, &p[n % ROUND], r[(n + ROUND - 1) % ROUND], cut);
	*share->cuts += n;
	for (int i = 0; i < ROUND; i++)
		parcel_free(&p[i]);
	tower_close(&t);
}

/* --- downwards --- */

/* So many bytes of what it says, then nothing: the order goes up when its first words have come. True when there was
 * more. */
static bool hear_cut(struct tower *t, const struct tower_release *to, size_t cut)
{
	cleanup(answer_free) struct answer a = {0};
	cleanup(buf_free) struct buf out = {0};
	struct talk k;
	bool ordered = false;
	size_t heard = 0;
	char chunk[4096];
	ssize_t n = 1;

	alarm(TRIAL_S);
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

static void cut_at_any_byte_while_it_speaks_the_next_session_hears_the_end(void **state)
{
	const struct share *share = *state;
	struct tower t;
	struct tower_release *r[ROUND];
	size_t n = 0;
	int whole = 0;

	tower_begin(&t, r);
	for (int i = 0; i < 2; i++) {
		cleanup(answer_free) struct answer a = {0};
		tower_update(&t, r[i], &a);
		assert_verdict(a, VERDICT_PASS);
	}
	for (size_t cut = share->first + 1; whole < WHOLE_MAX; cut += STEP, n++) {
		const struct tower_release *old = r[(n + 1) % 2], *to = r[n % 2];
		whole = hear_cut(&t, to, cut) ? 0 : whole + 1;
		at_rest(&t, old, to);
		try_again(&t, to);
		at_rest(&t, to, to);
	}
	assert_true(n > 100);
	*share->cuts += n;
	tower_close(&t);
}

/* --- in shares --- */

static int run_share(size_t first)
{
	size_t cuts = 0;
	struct share share = {first, &cuts};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(cut_again_and_again_upwards_what_came_stays_and_the_rest_is_enough, &share),
		cmocka_unit_test_prestate(cut_at_any_byte_upwards_the_next_session_completes, &share),
		cmocka_unit_test_prestate(cut_at_any_byte_while_it_speaks_the_next_session_hears_the_end, &share),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	printf("share %zu of %d: %zu cuts\n", first + 1, SHARES, cuts);
	return failed;
}

/* What a disk would keep is not asked here, and memory answers at once. */
static void prefer_memory(void)
{
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
}

int main(void)
{
	pid_t pid[SHARES];
	int status, failed = 0;

	prefer_memory();
	for (size_t i = 0; i < SHARES; i++)
		if ((pid[i] = fork()) == 0) {
			prctl(PR_SET_CHILD_SUBREAPER, 1);
			failed = run_share(i);
			exit(failed ? 1 : 0);
		}
	for (size_t i = 0; i < SHARES; i++)
		failed += pid[i] < 0 || waitpid(pid[i], &status, 0) < 0 || status != 0;
	return failed ? 1 : 0;
}
