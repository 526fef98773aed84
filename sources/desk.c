/* Asks come one at a time; what is said goes out whole. */
#include "sources/desk.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 16 * KIB };

static bool send_all(const struct buf *frame, struct err *e)
{
	struct str rest = buf_str(frame);

	if (!buf_ok(frame, e))
		return false;
	while (rest.len) {
		ssize_t n = send(STDOUT_FILENO, rest.data, rest.len, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return err_set(e, ERR_STOPPED, "who asked has gone");
		n = MAX(n, 0);
		rest = str_bytes(rest.data + n, rest.len - (size_t)n);
	}
	return true;
}

bool desk_start(const struct parcel_start *words, struct err *e)
{
	cleanup(buf_free) struct buf frame = {0};

	parcel_write_words(&frame, PARCEL_START, words, parcel_start_shape);
	return send_all(&frame, e);
}

bool desk_bytes(struct str bytes, struct err *e)
{
	while (bytes.len) {
		cleanup(buf_free) struct buf frame = {0};
		size_t n = MIN(bytes.len, PARCEL_MAX);
		parcel_write(&frame, PARCEL_PIECE, str_bytes(bytes.data, n));
		if (!send_all(&frame, e))
			return false;
		bytes = str_bytes(bytes.data + n, bytes.len - n);
	}
	return true;
}

bool desk_end(struct err *e)
{
	cleanup(buf_free) struct buf frame = {0};

	parcel_write(&frame, PARCEL_END, (struct str){0});
	return send_all(&frame, e);
}

static bool say_failed(const struct err *why)
{
	cleanup(buf_free) struct buf frame = {0};
	struct parcel_failed words = {(char *)err_word(why->code), (char *)why->text};

	parcel_write_words(&frame, PARCEL_FAILED, &words, parcel_failed_shape);
	return send_all(&frame, &(struct err){0});
}

static bool answer_all(struct parcel_reader *reader, desk_answer *answer, void *ctx)
{
	for (;;) {
		struct parcel p;
		struct err why = {0};
		enum parcel_say say = parcel_next(reader, &p, &why);
		if (say != PARCEL_HERE)
			return say == PARCEL_MORE;
		if (p.kind != PARCEL_ASK || (!answer(ctx, p.body, &why) && !say_failed(&why)))
			return false;
	}
}

bool desk_serve(desk_answer *answer, void *ctx)
{
	cleanup(parcel_reader_free) struct parcel_reader reader = {0};

	for (;;) {
		char bytes[CHUNK];
		ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		parcel_feed(&reader, str_bytes(bytes, (size_t)n));
		if (!answer_all(&reader, answer, ctx))
			return false;
	}
}
