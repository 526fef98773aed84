#include "fleetctl/push/talk.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"

enum {
	TALK_OUT_MAX = 16 * MIB, /* papers are small; a payload is sent by pieces */
	TALK_IN_MAX = 8 * MIB,   /* all receipts that a host keeps, and much to say besides */
};

struct talk {
	const struct host *host;
	struct talk_calls calls;
	struct talk_patience patience;
	struct session *session;
	struct timer *silence, *whole, *soon;
	struct frame_reader reader;
	struct flight flight;
	struct buf out; /* taken from the flight, not yet by the session */
	size_t out_used, heard;
	bool answered, over, inside, dropped;
	struct talk_end end;
};

static void talk_free(struct talk *t)
{
	session_close(&t->session);
	timer_close(&t->silence);
	timer_close(&t->whole);
	timer_close(&t->soon);
	frame_reader_free(&t->reader);
	flight_free(&t->flight);
	buf_free(&t->out);
	shape_free(&t->end.hello, hello_shape);
	receipt_free(&t->end.receipt);
	buf_free(&t->end.receipt_text);
	for (size_t i = 0; i < t->end.links; i++)
		buf_free(&t->end.link[i]);
	free(t->end.link);
	free(t);
}

void talk_drop(struct talk **t)
{
	if (!*t)
		return;
	(*t)->dropped = true;
	if (!(*t)->inside)
		talk_free(*t);
	*t = NULL;
}

/* The end is told by a timer: the caller may then drop us, with nothing of ours on the stack. */
static void over(struct talk *t)
{
	if (t->over)
		return;
	t->over = true;
	if (t->session)
		t->end.bytes = session_bytes(t->session);
	timer_in(t->silence, -1);
	timer_in(t->whole, -1);
	timer_in(t->soon, 0);
}

static void over_err(struct talk *t, const struct err *e)
{
	if (!t->over)
		t->end.err = *e;
	over(t);
}

static void tell_end(void *ctx)
{
	struct talk *t = ctx;
	session_close(&t->session);
	t->inside = true;
	t->calls.ended(t->calls.ctx, &t->end);
	t->inside = false;
	if (t->dropped)
		talk_free(t);
}

static void out_of_silence(void *ctx)
{
	struct talk *t = ctx;
	struct err e;
	char wait[32];
	shape_ms_text(wait, t->patience.silence_ms);
	err_set(&e, t->end.ordered ? ERR_TIMEOUT : ERR_UNREACHABLE, "connected, but nothing was said for %s", wait);
	over_err(t, &e);
}

static void out_of_time(void *ctx)
{
	struct talk *t = ctx;
	struct err e;
	char wait[32];
	shape_ms_text(wait, t->patience.whole_ms);
	err_set(&e, t->end.ordered ? ERR_TIMEOUT : ERR_UNREACHABLE, "it speaks, but was not done after %s", wait);
	over_err(t, &e);
}

/* --- what we say --- */

static bool next_piece(struct talk *t, struct err *e)
{
	char piece[PIECE_MAX];
	struct flight *f = &t->flight;
	size_t want = (size_t)MIN((uint64_t)sizeof piece, f->length - f->at);
	ssize_t n = pread(f->payload, piece, want, (off_t)f->at);
	if (n <= 0)
		return err_set(e, ERR_IO, "the payload's file became shorter while it was sent");
	frame_write(&t->out, FRAME_PIECE, str_bytes(piece, (size_t)n));
	f->at += (uint64_t)n;
	return true;
}

/* All that is to go. A build that can be stopped goes frame by frame, and may be stopped before each. */
static struct str next_out(const struct talk *t)
{
	struct str out = buf_str(&t->out);
#ifdef FLEET_FAULT
	size_t end = str_starts(out, WIRE_GREETING) ? WIRE_GREETING_LEN : 0;
	while (end <= t->out_used && end < out.len)
		end += frame_whole(str_bytes(out.data + end, out.len - end));
	out.len = end;
	if (t->out_used < end)
		fault_point("frame to", t->host->id);
#endif
	return str_bytes(out.data + t->out_used, out.len - t->out_used);
}

static void say(void *ctx)
{
	struct talk *t = ctx;
	struct err e;
	while (!t->over) {
		struct str left = next_out(t);
		if (left.len) {
			size_t taken = session_write(t->session, left);
			t->out_used += taken;
			t->end.ordered = t->end.ordered || taken;
			if (taken)
				timer_in(t->silence, t->patience.silence_ms);
			if (taken < left.len)
				return;
			if (t->out_used < t->out.len)
				continue;
		}
		buf_clear(&t->out);
		t->out_used = 0;
		if (t->flight.payload < 0 || t->flight.at >= t->flight.length)
			return;
		if (!next_piece(t, &e)) {
			over_err(t, &e);
			return;
		}
		if (t->calls.sent)
			t->calls.sent(t->calls.ctx, t->flight.at, t->flight.length);
	}
}

/* --- what we hear; false ends the conversation --- */

static bool hear_hello(struct talk *t, struct str body, struct err *e)
{
	if (t->answered)
		return err_set(e, ERR_PROTOCOL, "says hello twice");
	t->answered = true;
	timer_in(t->silence, t->patience.silence_ms);
	if (!message_read(&t->end.hello, hello_shape, body, "hello", e))
		return false;
	const struct hello *h = &t->end.hello;
	if (!h->id || strcmp(h->id, t->host->id) != 0)
		return err_set(e, ERR_FOREIGN, "calls itself \"%s\": the address or the enrolment is another host's", h->id ? h->id : "");
	if (h->oldest > wire_newest || h->newest < WIRE_OLDEST)
		return err_set(e, ERR_PROTOCOL, "speaks versions %d to %d of the wire, this fleetctl %d to %d: update the older of both",
			(int)h->oldest, (int)h->newest, WIRE_OLDEST, (int)wire_newest);
	t->end.has_hello = true; /* not before it is known to be this host's */
	t->flight = (struct flight){ .payload = -1 };
	if (!t->calls.answer(t->calls.ctx, h, &t->flight, e))
		return false;
	if (t->flight.head.len == 0) {
		over(t);
		return true;
	}
	buf_add(&t->out, STR(WIRE_GREETING));
	buf_add(&t->out, buf_str(&t->flight.head));
	say(t);
	return true;
}

static bool hear_state(struct talk *t, struct str body, struct err *e)
{
	struct state state = { 0 };
	if (!t->end.ordered)
		return err_set(e, ERR_PROTOCOL, "tells of a trial before it was given an order");
	if (!message_read(&state, state_shape, body, "state", e))
		return false;
	if (t->calls.state)
		t->calls.state(t->calls.ctx, &state);
	shape_free(&state, state_shape);
	return true;
}

static bool hear_receipt(struct talk *t, struct str body, struct err *e)
{
	if (!t->end.ordered)
		return err_set(e, ERR_PROTOCOL, "sends a receipt before it was asked");
	if (!receipt_read(&t->end.receipt, body, e))
		return false;
	buf_add(&t->end.receipt_text, body);
	t->end.has_receipt = true;
	over(t);
	return true;
}

/* Kept as it came: whoever asked for it judges it. */
static bool hear_chain(struct talk *t, struct str body, struct err *e)
{
	if (!t->end.ordered)
		return err_set(e, ERR_PROTOCOL, "sends receipts before they were asked for");
	if (body.len > RECEIPT_SEALED_MAX || t->end.links + 1 >= RECEIPTS_KEPT)
		return err_set(e, ERR_LIMIT, "sends more receipts than a host keeps, or one of %zu bytes", body.len);
	t->end.link = mem_grow(t->end.link, t->end.links + 1, sizeof *t->end.link);
	t->end.link[t->end.links] = BUF_MAX(RECEIPT_SEALED_MAX);
	buf_add(&t->end.link[t->end.links++], body);
	return true;
}

static bool hear(struct talk *t, const struct frame *f, struct err *e)
{
	fault_point("frame of", t->host->id);
	switch (f->kind) {
	case FRAME_HELLO:
		return hear_hello(t, f->body, e);
	case FRAME_STATE:
		return hear_state(t, f->body, e);
	case FRAME_RECEIPT:
		return hear_receipt(t, f->body, e);
	case FRAME_CHAIN:
		return hear_chain(t, f->body, e);
	case FRAME_REFUSED:
		return refused_read(f->body, e);
	case FRAME_NOTE:
		return true;
	default:
		return err_set(e, ERR_PROTOCOL, "sends a frame that only a controller may send (kind %d)", (int)f->kind);
	}
}

static void arrived(void *ctx, struct str bytes)
{
	struct talk *t = ctx;
	struct err e = { 0 };
	struct frame frame;
	enum frame_say said = FRAME_BROKEN;
	if (t->over)
		return;
	t->heard += bytes.len;
	if (t->heard > TALK_IN_MAX) {
		err_set(&e, ERR_LIMIT, "sends more than %d MiB, and is not done", TALK_IN_MAX / MIB);
		over_err(t, &e);
		return;
	}
	if (t->answered)
		timer_in(t->silence, t->patience.silence_ms);
	t->inside = true;
	if (frame_feed(&t->reader, bytes, &e))
		while (!t->over && (said = frame_next(&t->reader, &frame, &e)) == FRAME_HERE)
			if (!hear(t, &frame, &e)) {
				said = FRAME_BROKEN;
				break;
			}
	t->inside = false;
	if (!t->over && said == FRAME_BROKEN)
		over_err(t, &e);
	if (t->dropped)
		talk_free(t);
}

static void opened(void *ctx)
{
	struct talk *t = ctx;
	timer_in(t->silence, t->patience.silence_ms);
	timer_in(t->whole, t->patience.whole_ms);
}

static void session_ended(void *ctx, const struct err *why)
{
	struct talk *t = ctx;
	struct err e = *why;
	if (e.code == ERR_NONE && frame_end(&t->reader, &e))
		err_set(&e, ERR_UNREACHABLE, "the host closed the connection before it was done");
	over_err(t, &e);
}

struct talk *talk_start(struct loop *loop, const struct login *login, const struct host *host, struct talk_patience patience,
	const struct talk_calls *calls)
{
	struct talk *t = mem_new(1, sizeof *t);
	t->host = host;
	t->calls = *calls;
	t->patience = patience;
	t->flight.payload = -1;
	t->out = BUF_MAX(TALK_OUT_MAX);
	t->end.receipt_text = BUF_MAX(RECEIPT_SEALED_MAX);
	t->silence = timer_new(loop, out_of_silence, t);
	t->whole = timer_new(loop, out_of_time, t);
	t->soon = timer_new(loop, tell_end, t);
	t->session = session_open(loop, login, host, patience.connect_ms,
		&(struct session_calls){ opened, arrived, say, session_ended, t });
	return t;
}

struct session_bytes talk_bytes(const struct talk *t)
{
	return t && t->session ? session_bytes(t->session) : (struct session_bytes){ 0 };
}
