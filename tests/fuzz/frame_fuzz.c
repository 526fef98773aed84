/* A session's bytes, forged. However they are cut, the same frames come out; a message that is accepted can be said
 * again. */
#include <stdlib.h>

#include "wire/frame.h"
#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union any {
	struct hello hello;
	struct order order;
	struct state state;
	struct refused refused;
};

static void message(const struct shape_field *shape, struct str body)
{
	union any m = {0}, again = {0};
	cleanup(buf_free) struct buf text = {0};
	struct err e = {0};

	if (!message_read(&m, shape, body, "message", &e))
		return;
	cleanup(doc_free) doc *d = shape_write(&m, shape);
	doc_line(&text, d);
	if (!message_read(&again, shape, buf_str(&text), "message", &e))
		abort();
	shape_free(&m, shape);
	shape_free(&again, shape);
}

static void read_body(const struct frame *f)
{
	const struct shape_field *const shapes[] = {
		[FRAME_HELLO] = hello_shape,
		[FRAME_ORDER] = order_shape,
		[FRAME_STATE] = state_shape,
		[FRAME_REFUSED] = refused_shape,
	};
	struct err e = {0};

	if ((size_t)f->kind < COUNT_OF(shapes) && shapes[f->kind])
		message(shapes[f->kind], f->body);
	if (f->kind == FRAME_REFUSED && (refused_read(f->body, &e) || e.code == ERR_NONE))
		abort();
}

/* What came out of a stream fed in pieces, as a digest; `piece` 0: whole. */
static struct digest frames_of(struct str stream, size_t piece, bool read)
{
	cleanup(frame_reader_free) struct frame_reader r = {0};
	cleanup(hasher_free) struct hasher seen = {0};
	enum frame_say say = FRAME_MORE;
	struct err e = {0};
	struct frame f;

	hasher_start(&seen);
	while (stream.len && say != FRAME_BROKEN) {
		size_t n = piece && piece < stream.len ? piece : stream.len;
		if (!frame_feed(&r, str_bytes(stream.data, n), &e))
			abort();
		stream = str_bytes(stream.data + n, stream.len - n);
		while ((say = frame_next(&r, &f, &e)) == FRAME_HERE) {
			hasher_add(&seen, str_bytes(&f.kind, sizeof f.kind));
			hasher_add(&seen, str_bytes(&f.body.len, sizeof f.body.len));
			hasher_add(&seen, f.body);
			if (read)
				read_body(&f);
		}
	}
	if ((say == FRAME_BROKEN && e.code == ERR_NONE) || (say == FRAME_BROKEN && frame_end(&r, &e)))
		abort();
	return hasher_end(&seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct str stream = str_bytes(data + 1, size - 1);
	if (!digest_eq(frames_of(stream, 0, true), frames_of(stream, 1 + data[0], false)))
		abort();
	return 0;
}
