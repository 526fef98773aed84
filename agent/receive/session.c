/* One session. */
#include "agent/receive/session.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

enum { CHUNK = 16 * KIB };

/* Bytes arrived, 0 at the end; -1 with the error set. Interrupted waits do not begin anew. */
static ssize_t read_some(struct session *s, char *to, size_t room, struct err *e)
{
	struct pollfd fd = {s->in, POLLIN, 0};
	int64_t until_ms = clock_boot_ms() + SESSION_SILENCE_MS;

	until_ms = s->until_ms ? MIN(until_ms, s->until_ms) : until_ms;

	for (;;) {
		int64_t left = until_ms - clock_boot_ms();
		int ready = left > 0 ? poll(&fd, 1, (int)left) : 0;
		if (ready == 0) {
			err_set(e, ERR_TIMEOUT, "nothing arrived for %d s", SESSION_SILENCE_MS / 1000);
			return -1;
		}
		ssize_t n = ready > 0 ? read(s->in, to, room) : -1;
		if (n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN) {
			err_sys(e, "read");
			e->code = ERR_UNREACHABLE;
			return -1;
		}
	}
}

enum session_say session_read(struct session *s, struct frame *out, struct err *e)
{
	char chunk[CHUNK];

	for (;;) {
		enum frame_say say = frame_next(&s->reader, out, e);
		if (say != FRAME_MORE)
			return say == FRAME_HERE ? SESSION_FRAME : SESSION_BROKEN;
		ssize_t n = read_some(s, chunk, sizeof chunk, e);
		if (n < 0)
			return SESSION_BROKEN;
		if (n == 0)
			return frame_end(&s->reader, e) ? SESSION_ENDED : SESSION_BROKEN;
		s->bytes_in += (uint64_t)n;
		if (!frame_feed(&s->reader, str_bytes(chunk, (size_t)n), e))
			return SESSION_BROKEN;
	}
}

bool session_expect(struct session *s, struct frame *out, enum frame_kind kind, struct err *e)
{
	switch (session_read(s, out, e)) {
	case SESSION_BROKEN:
		return false;
	case SESSION_ENDED:
		return err_set(e, ERR_UNREACHABLE, "the connection ended before all was sent");
	case SESSION_FRAME:
		break;
	}
	if (out->kind == FRAME_REFUSED) {
		refused_read(out->body, e);
		e->code = ERR_UNREACHABLE;
		return err_in(e, "the controller gave up");
	}
	return out->kind == kind || err_set(e, ERR_PROTOCOL, "a frame of kind %d where %d should be", out->kind, kind);
}

bool session_send(struct session *s, struct str bytes, struct err *e)
{
	if (fs_put(s->out, bytes, e))
		return true;
	e->code = ERR_UNREACHABLE;
	return false;
}

bool session_state(struct session *s, const struct state *say, struct err *e)
{
	cleanup(buf_free) struct buf out = {0};

	state_write(&out, say);
	return buf_ok(&out, e) && session_send(s, buf_str(&out), e);
}

bool session_lost(const struct err *e)
{
	return e->code == ERR_UNREACHABLE;
}

void session_free(struct session *s)
{
	frame_reader_free(&s->reader);
}
