/* One session: frames in, with a limit of silence; frames out, at once. Broken by the other side or the line, it is ERR_UNREACHABLE,
 * ERR_TIMEOUT or ERR_PROTOCOL; all else can still be told to the other side. */
#pragma once

#include "wire/frame.h"
#include "wire/message.h"

enum { SESSION_SILENCE_MS = 60 * 1000 };
struct session {
	int in, out;
	int64_t until_ms; /* CLOCK_BOOTTIME by which the next frame must be whole; 0: as long as bytes arrive */
	struct frame_reader reader;
	uint64_t bytes_in;
};
enum session_say { SESSION_FRAME, SESSION_ENDED, SESSION_BROKEN };
/* The next frame; its body stays until the next read. ENDED: the stream ended between two frames. */
enum session_say session_read(struct session *s, struct frame *out, struct err *e);
/* The next frame must be this one. The other side's REFUSED becomes its error. */
must_check bool session_expect(struct session *s, struct frame *out, enum frame_kind kind, struct err *e);
must_check bool session_send(struct session *s, struct str bytes, struct err *e);
must_check bool session_state(struct session *s, const struct state *say, struct err *e);
bool session_lost(const struct err *e); /* is nobody there to be told? */
void session_free(struct session *s);
