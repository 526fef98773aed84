/* The wire's frames: u32 length of the body (big endian), u8 kind, body; before the first, 8 bytes of greeting.
 * Design, section 5. The parser takes whatever has arrived; nothing is read here. */
#pragma once

#include "base/buf.h"

#define WIRE_GREETING "fleetw1\n"
enum { WIRE_GREETING_LEN = 8, FRAME_BODY_MAX = 1 * MIB, FRAME_HEAD = 5, PIECE_MAX = 32 * KIB, FRAME_SKIPS_MAX = 1000 };

/*      kind           number  from        body */
#define FRAME_KINDS(X)                                                                        \
	X(HELLO,      1) /* agent:       JSON, struct hello */                                \
	X(ORDER,      2) /* controller:  JSON, struct order */                                \
	X(PAPERS,     3) /* controller:  the order's documents behind each other, zstd against what the host holds */ \
	X(PIECE,      4) /* controller:  raw bytes of the payload, in order from order.at */  \
	X(STATE,      5) /* agent:       JSON, struct state */                                \
	X(RECEIPT,    6) /* agent:       as the host keeps it, sealed; ends the order */      \
	X(REFUSED,    7) /* either:      JSON, struct refused; ends the session */            \
	X(CHAIN,      8) /* agent:       an older receipt, as RECEIPT; before it, oldest first */ \
	X(NOTE,     128) /* agent:       text for people; may be skipped */

enum frame_kind {
#define X(name, number) FRAME_##name = number,
	FRAME_KINDS(X)
#undef X
};

/* A body above FRAME_BODY_MAX marks the buffer failed; never half a frame. The greeting is the caller's. */
void frame_write(struct buf *out, enum frame_kind kind, struct str body);
size_t frame_whole(struct str written); /* how many bytes the first frame of what was written takes; 0: nothing is there */

enum frame_say { FRAME_MORE, FRAME_HERE, FRAME_BROKEN };
struct frame {
	enum frame_kind kind;
	struct str body; /* borrowed from the reader until the next frame_feed */
};
/* Zero: waits for the greeting. Holds at most one frame and what was fed last. */
struct frame_reader {
	struct buf in;
	bool greeted;
	size_t used;
	unsigned skipped;
};
/* Add what arrived, then call frame_next until FRAME_MORE. At most FRAME_SKIPS_MAX of unknown kinds of 128 and above are skipped.
 * ERR_PROTOCOL quotes a wrong greeting (the first 60 bytes, cleaned) and says what it may mean, or names an unknown kind;
 * ERR_LIMIT is a frame too long, or one too many that is not known. After FRAME_BROKEN there is no way on. */
must_check bool frame_feed(struct frame_reader *r, struct str arrived, struct err *e);
enum frame_say frame_next(struct frame_reader *r, struct frame *out, struct err *e);
/* The stream has ended: in the middle of a frame, or before the greeting, that is an error: ERR_UNREACHABLE. */
must_check bool frame_end(const struct frame_reader *r, struct err *e);
void frame_reader_free(struct frame_reader *r);
