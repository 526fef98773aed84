/* fleet-fetch-https: asked on its stdin, answers on its stdout (one socket), in a sandbox. Speaks parcels; not for
 * people. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "sources/https.h"

enum { CHUNK = 16 * KIB, CPU_S = 20, BYTES_A_CPU_SECOND = 2 * MIB, UPLOAD_MAX = 256 * KIB };

static const struct sandbox box = {.memory = 256 * MIB, .files = 64};

static bool say_failed(int fd, const struct err *why)
{
	cleanup(buf_free) struct buf frame = {0};
	struct parcel_failed words = {(char *)err_word(why->code), (char *)why->text};

	parcel_write_words(&frame, PARCEL_FAILED, &words, parcel_failed_shape);
	struct str rest = buf_str(&frame);
	while (rest.len) {
		ssize_t n = send(fd, rest.data, rest.len, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return false;
		n = MAX(n, 0);
		rest = str_bytes(rest.data + n, rest.len - (size_t)n);
	}
	return true;
}

static bool answer(struct https *h, struct buf *upload, const struct parcel *p)
{
	struct parcel_ask ask = {0};
	struct err why = {0};

	if (p->kind == PARCEL_PIECE) {
		buf_add(upload, p->body);
		return !upload->failed;
	}
	if (p->kind != PARCEL_ASK || !parcel_read(&ask, parcel_ask_shape, p->body, &why))
		return false;
	sandbox_cpu(CPU_S + ask.max / BYTES_A_CPU_SECOND);
	ask.upload = buf_str(upload);
	bool ok = https_answer(h, &ask, STDOUT_FILENO, &why) || say_failed(STDOUT_FILENO, &why);
	buf_clear(upload);
	shape_free(&ask, parcel_ask_shape);
	return ok;
}

static bool answer_all(struct https *h, struct buf *upload, struct parcel_reader *reader)
{
	for (;;) {
		struct parcel p;
		struct err why = {0};
		switch (parcel_next(reader, &p, &why)) {
		case PARCEL_MORE:
			return true;
		case PARCEL_BROKEN:
			return false;
		case PARCEL_HERE:
			if (!answer(h, upload, &p))
				return false;
		}
	}
}

static bool serve(struct https *h)
{
	cleanup(parcel_reader_free) struct parcel_reader reader = {0};
	cleanup(buf_free) struct buf upload = BUF_MAX(UPLOAD_MAX);

	for (;;) {
		char bytes[CHUNK];
		ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		parcel_feed(&reader, str_bytes(bytes, (size_t)n));
		if (!answer_all(h, &upload, &reader))
			return false;
	}
}

int main(void)
{
	cleanup(https_free) struct https *h = NULL;
	struct err why = {0};

	if (https_new(&h, &why) && sandbox_enter(&box, &why))
		return serve(h) ? 0 : 1;
	fprintf(stderr, "fleet-fetch-https: %s\n", why.text);
	return 1;
}
