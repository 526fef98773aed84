/* A whole conversation with a host that says what it likes, up to where SSH would carry it: the session stands in here. However the bytes are
 * cut it ends the same way, once; nothing counts as said before the hello of that very host, nor as told before it was asked; and what
 * it made us keep is bounded. The first byte says how the bytes are cut. */
#include "fleetctl/push/talk.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOST "ber-D"
enum { PATIENCE_MS = 60 * 1000 };

/* --- instead of SSH --- */

struct session {
	struct session_calls calls;
	size_t taken;
};

struct session *session_open(struct loop *loop, const struct login *login, const struct host *host, int64_t connect_ms,
	const struct session_calls *calls)
{
	struct session *s = mem_new(1, sizeof *s);

	(void)loop;
	(void)host;
	(void)connect_ms;
	s->calls = *calls;
	*(struct session **)(void *)login = s; /* the caller's way to it */
	return s;
}

size_t session_write(struct session *s, struct str bytes)
{
	s->taken += bytes.len;
	return bytes.len;
}

struct session_bytes session_bytes(const struct session *s)
{
	return (struct session_bytes){.out = s->taken};
}

void session_close(struct session **s)
{
	free_ptr(s);
}

/* --- one conversation --- */

struct outcome {
	struct loop *loop;
	int ended, states;
	enum err_code code;
	bool has_hello, has_receipt, ordered;
	size_t links, text;
};

static bool answer(void *ctx, const struct hello *hello, struct flight *out, struct err *e)
{
	(void)ctx;
	must(strcmp(hello->id, HOST) == 0);
	return flight_make(out, NULL, hello, &(struct flight_wish){.action = ORDER_ASK, .chain = true}, e);
}

static void told(void *ctx, const struct state *state)
{
	struct outcome *o = ctx;

	(void)state;
	o->states++;
}

static void ended(void *ctx, const struct talk_end *end)
{
	struct outcome *o = ctx;

	o->ended++;
	o->code = end->err.code;
	o->has_hello = end->has_hello;
	o->has_receipt = end->has_receipt;
	o->ordered = end->ordered;
	o->links = end->links;
	o->text = end->receipt_text.len;
	must(!end->has_hello || strcmp(end->hello.id, HOST) == 0);
	must(end->err.code != ERR_NONE || (end->has_hello && end->has_receipt));
	must(end->has_hello || (!end->ordered && !end->has_receipt && !end->links));
	must(end->links < RECEIPTS_KEPT && end->receipt_text.len <= RECEIPT_SEALED_MAX);
	for (size_t i = 0; i < end->links; i++)
		must(end->link[i].len <= RECEIPT_SEALED_MAX);
	loop_stop(o->loop);
}

static void run(struct outcome *o, struct str bytes, size_t step)
{
	const struct host host = {.id = (char *)HOST};
	const struct talk_patience patience = {PATIENCE_MS, PATIENCE_MS, PATIENCE_MS};
	const struct talk_calls calls = {.answer = answer, .state = told, .ended = ended, .ctx = o};
	struct session *s = NULL;
	struct err closed = {0};

	*o = (struct outcome){.loop = loop_new()};
	struct talk *t = talk_start(o->loop, (const struct login *)(void *)&s, &host, patience, &calls);
	s->calls.opened(s->calls.ctx);
	while (bytes.len) {
		size_t n = MIN(bytes.len, step);
		s->calls.arrived(s->calls.ctx, str_bytes(bytes.data, n));
		bytes = str_bytes(bytes.data + n, bytes.len - n);
	}
	s->calls.ended(s->calls.ctx, &closed);
	loop_run(o->loop);
	must(o->ended == 1);
	talk_drop(&t);
	loop_free(&o->loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut;

	if (size < 1)
		return 0;
	run(&whole, str_bytes(data + 1, size - 1), size);
	run(&cut, str_bytes(data + 1, size - 1), 1 + data[0]);
	must(whole.code == cut.code && whole.has_hello == cut.has_hello && whole.has_receipt == cut.has_receipt);
	must(whole.links == cut.links && whole.text == cut.text && whole.states == cut.states && whole.ordered == cut.ordered);
	return 0;
}
