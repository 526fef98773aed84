/* Frames out of a stream that may break anywhere, and may not be ours at all. */
#include "wire/frame.h"

enum { SKIPPED_FROM = 128, QUOTE_MAX = 60, FRAME_MAX = FRAME_HEAD + FRAME_BODY_MAX };

static const bool known[256] = {
#define X(name, number) [number] = true,
	FRAME_KINDS(X)
#undef X
};

void frame_write(struct buf *out, enum frame_kind kind, struct str body)
{
	if (body.len > FRAME_BODY_MAX || !buf_space(out, FRAME_HEAD + body.len)) {
		out->failed = true; /* never half a frame */
		return;
	}
	buf_u32(out, (uint32_t)body.len);
	buf_byte(out, (char)kind);
	buf_add(out, body);
}

bool frame_feed(struct frame_reader *r, struct str arrived, struct err *e)
{
	buf_drop(&r->in, r->used);
	r->used = 0;
	if (r->in.len > FRAME_MAX)
		return err_set(e, ERR_INTERNAL, "frames were not taken before more was read");
	r->in.max = r->in.len + MAX(arrived.len, 1);
	buf_add(&r->in, arrived);
	return buf_ok(&r->in, e);
}

static struct str unused(const struct frame_reader *r)
{
	struct str all = buf_str(&r->in);

	return str_bytes(all.data + r->used, all.len - r->used);
}

static bool holds(struct str text, const char *word)
{
	return memmem(text.data, text.len, word, strlen(word)) != NULL;
}

static const char *meaning(struct str text)
{
	static const struct {
		const char *word, *means;
	} rows[] = {
		{"fleetw", "it speaks another version of the wire: update the older side"},
		{"SSH-", "an SSH server speaks where its session should"},
		{"not found", "is fleet-agent installed there?"},
		{"No such file", "is fleet-agent installed there?"},
		{"not available", "that user may not log in there"},
		{"usage:", "is its forced command `fleet-agent serve`?"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (holds(text, rows[i].word))
			return rows[i].means;
	return "is its forced command `fleet-agent serve`, and do its shell's start-up files print nothing?";
}

/* Whole characters only: a cut one would be shown as rubbish. */
static struct str quote(struct str text)
{
	size_t len = 0;

	text = str_trim(text);
	while (len < text.len) {
		size_t n = MAX(str_utf8(str_bytes(text.data + len, text.len - len)), 1);
		if (len + n > QUOTE_MAX)
			break;
		len += n;
	}
	return str_bytes(text.data, len);
}

/* Said at the first wrong byte: a shell that waits at its prompt sends no more. */
static enum frame_say greet(struct frame_reader *r, struct err *e)
{
	struct str in = unused(r);
	size_t have = MIN(in.len, (size_t)WIRE_GREETING_LEN);

	if (have && memcmp(in.data, WIRE_GREETING, have) != 0) {
		struct str shown = quote(in);
		err_set(e, ERR_PROTOCOL, "the other side greets with \"" STR_FMT "\": %s", STR_ARG(shown), meaning(in));
		return FRAME_BROKEN;
	}
	if (have < WIRE_GREETING_LEN)
		return FRAME_MORE;
	r->used += WIRE_GREETING_LEN;
	r->greeted = true;
	return FRAME_HERE;
}

static uint32_t u32_of(const char *at)
{
	const unsigned char *b = (const unsigned char *)at;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

size_t frame_whole(struct str written)
{
	return written.len < FRAME_HEAD ? 0 : FRAME_HEAD + u32_of(written.data);
}

static bool head_check(unsigned char kind, uint32_t len, struct err *e)
{
	if (!known[kind] && kind < SKIPPED_FROM)
		return err_set(e, ERR_PROTOCOL, "a frame of kind %d, which this version does not know", kind);
	return len <= FRAME_BODY_MAX ||
	       err_set(e, ERR_LIMIT, "a frame of %lu bytes: at most %d", (unsigned long)len, FRAME_BODY_MAX);
}

static bool skip(struct frame_reader *r, struct err *e)
{
	return r->skipped++ < FRAME_SKIPS_MAX ||
	       err_set(e, ERR_LIMIT, "more than %d frames that this version does not know", FRAME_SKIPS_MAX);
}

enum frame_say frame_next(struct frame_reader *r, struct frame *out, struct err *e)
{
	enum frame_say said = r->greeted ? FRAME_HERE : greet(r, e);

	while (said == FRAME_HERE) {
		struct str in = unused(r);
		if (in.len < FRAME_HEAD)
			return FRAME_MORE;
		uint32_t len = u32_of(in.data);
		unsigned char kind = (unsigned char)in.data[4];
		if (!head_check(kind, len, e))
			return FRAME_BROKEN;
		if (in.len - FRAME_HEAD < len)
			return FRAME_MORE;
		r->used += FRAME_HEAD + len;
		if (!known[kind] && !skip(r, e))
			return FRAME_BROKEN;
		if (!known[kind])
			continue;
		*out = (struct frame){kind, str_bytes(in.data + FRAME_HEAD, len)};
		return FRAME_HERE;
	}
	return said;
}

bool frame_end(const struct frame_reader *r, struct err *e)
{
	size_t left = unused(r).len;

	if (!r->greeted)
		return err_set(e, ERR_UNREACHABLE,
			left ? "the connection ended in the greeting"
			     : "the connection ended before the other side said anything");
	return left == 0 || err_set(e, ERR_UNREACHABLE,
				    "the connection ended in the middle of a frame, after %zu bytes of it", left);
}

void frame_reader_free(struct frame_reader *r)
{
	buf_free(&r->in);
	*r = (struct frame_reader){0};
}
