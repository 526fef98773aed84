/* Any bytes as the answer of a helper that fetches. However they are cut, the same comes out; never more than was asked
 * for, and never from another place. And how the others say that they are done. */
#include <stdlib.h>

#include "sources/git_job.h"
#include "sources/parcel.h"
#include "sources/post_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4 * KIB, PIECE = 7 };

struct outcome {
	enum reply_say say;
	struct source_answer answer;
	struct buf text;
};

static void must(bool so)
{
	if (!so)
		abort();
}

static enum reply_say take(struct reply *r, struct parcel_reader *reader)
{
	struct parcel p;
	struct err e = {0};

	for (;;) {
		enum parcel_say say = parcel_next(reader, &p, &e);
		if (say != PARCEL_HERE)
			return say == PARCEL_MORE ? REPLY_MORE : REPLY_BROKEN;
		must(p.body.len <= PARCEL_MAX);
		enum reply_say taken = reply_take(r, &p, &e);
		must(taken == REPLY_MORE || taken == REPLY_DONE || e.code != ERR_NONE);
		if (taken != REPLY_MORE)
			return taken;
	}
}

static void run(struct outcome *out, struct str bytes, const struct source_ask *ask, size_t step)
{
	cleanup(parcel_reader_free) struct parcel_reader reader = {0};
	struct source_to to = {.text = &out->text, .fd = -1};
	struct reply r = {.ask = ask, .to = &to};

	out->text = BUF_MAX(MOST);
	while (bytes.len && out->say == REPLY_MORE) {
		struct str piece = str_bytes(bytes.data, MIN(bytes.len, step));
		bytes = str_bytes(bytes.data + piece.len, bytes.len - piece.len);
		parcel_feed(&reader, piece);
		out->say = take(&r, &reader);
	}
	out->answer = r.answer;
	must(out->text.len <= MOST);
	must(out->say != REPLY_DONE || r.started);
	must(r.answer.mark.etag[0] == 0 || parcel_mark_ok(r.answer.mark.etag, sizeof r.answer.mark.etag));
	must(out->say != REPLY_DONE || r.answer.say != SOURCE_UNCHANGED || ask->known);
}

/* How a helper says that it is done, in one line: what is taken is written and read again as the same. */
static void done(const struct shape_field *shape, struct str line)
{
	union {
		struct post_done post;
		struct git_job_done job;
	} said = {0}, again = {0};
	cleanup(doc_free) doc *d = NULL;
	struct err e = {0};

	if (!doc_read(&d, line, &e) || !shape_read(&said, shape, d, &(struct shape_from){0}, &e)) {
		must(e.code != ERR_NONE);
		return;
	}
	cleanup(doc_free) doc *written = shape_write(&said, shape);
	must(shape_read(&again, shape, written, &(struct shape_from){0}, &e));
	cleanup(doc_free) doc *twice = shape_write(&again, shape);
	must(doc_equal(written, twice));
	shape_free(&said, shape);
	shape_free(&again, shape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct source_mark known = {.etag = "\"v1\""};
	struct str bytes = str_bytes(data, size);
	struct outcome whole = {0}, cut = {0};
	struct source_ask ask = {.name = "a", .max = MOST, .known = size % 2 ? &known : NULL};
	struct parcel_ask heard = {0};

	run(&whole, bytes, &ask, size + 1);
	run(&cut, bytes, &ask, PIECE);
	must(whole.say == cut.say && str_eq(buf_str(&whole.text), buf_str(&cut.text)));
	must(memcmp(&whole.answer, &cut.answer, sizeof whole.answer) == 0);
	buf_free(&whole.text);
	buf_free(&cut.text);
	if (parcel_read(&heard, parcel_ask_shape, bytes, NULL))
		shape_free(&heard, parcel_ask_shape);
	done(post_done_shape, bytes);
	done(git_job_done_shape, bytes);
	return 0;
}
