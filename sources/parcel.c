/* Frames between us and a helper, and what they may say. */
#include "sources/parcel.h"

#include <stdio.h>

/* --- words --- */

enum { URL_MAX = 8 * KIB, CODE_MAX = 32, METHOD_MAX = 16, LOGIN_MAX = 512, TEXT_MAX = 900, ORIGINS_MAX = 16, SESSION_MAX = 16 * KIB };

static const char *const say_words[] = {"bytes", "absent", "unchanged", NULL};

const struct shape_field parcel_ask_shape[] = {
	{"login", SHAPE_TEXT, offsetof(struct parcel_ask, login), .max = LOGIN_MAX},
	{"method", SHAPE_TEXT, offsetof(struct parcel_ask, method), .max = METHOD_MAX},
	{"url", SHAPE_TEXT, offsetof(struct parcel_ask, url), .required = true, .max = URL_MAX},
	{"etag", SHAPE_TEXT, offsetof(struct parcel_ask, etag)},
	{"modified", SHAPE_TEXT, offsetof(struct parcel_ask, modified)},
	{"ca", SHAPE_TEXT, offsetof(struct parcel_ask, ca), .max = 4 * KIB},
	{"session", SHAPE_TEXT, offsetof(struct parcel_ask, session), .max = SESSION_MAX},
	{"also", SHAPE_LIST, offsetof(struct parcel_ask, also), .item = SHAPE_TEXT, .max = ORIGINS_MAX},
	{"max", SHAPE_INT, offsetof(struct parcel_ask, max), .required = true, .max = INT64_MAX},
	{"from", SHAPE_INT, offsetof(struct parcel_ask, from), .max = INT64_MAX},
	{"connect_ms", SHAPE_INT, offsetof(struct parcel_ask, connect_ms), .required = true, .min = 1,
		.max = INT32_MAX},
	{"idle_ms", SHAPE_INT, offsetof(struct parcel_ask, idle_ms), .required = true, .min = 1, .max = INT32_MAX},
	{"total_ms", SHAPE_INT, offsetof(struct parcel_ask, total_ms), .required = true, .min = 1, .max = INT32_MAX},
	{"clock_unsure", SHAPE_BOOL, offsetof(struct parcel_ask, clock_unsure)},
	{"sessions", SHAPE_BOOL, offsetof(struct parcel_ask, sessions)},
	{"squeezed", SHAPE_BOOL, offsetof(struct parcel_ask, squeezed)},
	{0},
};
const struct shape_field parcel_start_shape[] = {
	{"say", SHAPE_WORD, offsetof(struct parcel_start, say), .required = true, .words = say_words,
		.keep_empty = true},
	{"from", SHAPE_INT, offsetof(struct parcel_start, from), .max = INT64_MAX},
	{"etag", SHAPE_TEXT, offsetof(struct parcel_start, etag)},
	{"modified", SHAPE_TEXT, offsetof(struct parcel_start, modified)},
	{0},
};
const struct shape_field parcel_failed_shape[] = {
	{"code", SHAPE_TEXT, offsetof(struct parcel_failed, code), .required = true, .max = CODE_MAX},
	{"text", SHAPE_TEXT, offsetof(struct parcel_failed, text), .required = true, .max = TEXT_MAX, .clean = true},
	{0},
};

bool parcel_read(void *out, const struct shape_field *shape, struct str body, struct err *e)
{
	cleanup(doc_free) doc *d = NULL;

	return (doc_read(&d, body, e) && shape_read(out, shape, d, &(struct shape_from){0}, e)) || err_in(e, "helper");
}

/* --- frames --- */

void parcel_write(struct buf *out, enum parcel_kind kind, struct str body)
{
	if (body.len > PARCEL_MAX) {
		out->failed = true;
		return;
	}
	buf_u32(out, (uint32_t)body.len);
	buf_byte(out, (char)kind);
	buf_add(out, body);
}

void parcel_write_words(struct buf *out, enum parcel_kind kind, const void *words, const struct shape_field *shape)
{
	cleanup(buf_free) struct buf text = BUF_MAX(PARCEL_MAX);
	cleanup(doc_free) doc *d = shape_write(words, shape);

	doc_line(&text, d);
	if (text.failed)
		out->failed = true;
	else
		parcel_write(out, kind, buf_str(&text));
}

void parcel_feed(struct parcel_reader *r, struct str arrived)
{
	buf_drop(&r->in, r->used);
	r->used = 0;
	buf_add(&r->in, arrived);
}

static uint32_t u32_at(const char *p)
{
	uint8_t b[4];

	memcpy(b, p, sizeof b);
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool is_kind(uint8_t number)
{
#define X(name, known) || number == (known)
	return false PARCEL_KINDS(X);
#undef X
}

enum parcel_say parcel_next(struct parcel_reader *r, struct parcel *out, struct err *e)
{
	struct str rest = str_bytes(buf_str(&r->in).data + r->used, r->in.len - r->used);

	if (!buf_ok(&r->in, e))
		return PARCEL_BROKEN;
	if (rest.len < PARCEL_HEAD)
		return PARCEL_MORE;
	uint32_t len = u32_at(rest.data);
	uint8_t kind = (uint8_t)rest.data[4];
	if (len > PARCEL_MAX || !is_kind(kind)) {
		err_set(e, ERR_PROTOCOL, "helper: a frame of kind %u and %u bytes", kind, len);
		return PARCEL_BROKEN;
	}
	if (rest.len - PARCEL_HEAD < len)
		return PARCEL_MORE;
	*out = (struct parcel){(enum parcel_kind)kind, str_bytes(rest.data + PARCEL_HEAD, len)};
	r->used += PARCEL_HEAD + len;
	return PARCEL_HERE;
}

void parcel_reader_free(struct parcel_reader *r)
{
	buf_free(&r->in);
	*r = (struct parcel_reader){0};
}

/* --- answers --- */

bool parcel_mark_ok(const char *text, size_t size)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return len && len < size && text[0] != ' ' && text[len - 1] != ' ';
}

static void keep_mark(char *out, size_t size, const char *text)
{
	if (text && parcel_mark_ok(text, size))
		snprintf(out, size, "%s", text);
}

static bool broken(struct err *e, const char *what)
{
	return err_set(e, ERR_PROTOCOL, "helper: %s", what);
}

static bool check_start(const struct reply *r, const struct parcel_start *s, struct err *e)
{
	if (r->started)
		return broken(e, "it starts twice");
	if (s->say == SOURCE_UNCHANGED && !r->ask->known)
		return broken(e, "unchanged, but nothing is known");
	return s->from == 0 || (uint64_t)s->from == r->ask->from || broken(e, "from where nobody asked");
}

static enum reply_say take_start(struct reply *r, struct str body, struct err *e)
{
	struct parcel_start s = {0};

	if (!parcel_read(&s, parcel_start_shape, body, e))
		return REPLY_BROKEN;
	bool ok = check_start(r, &s, e) && (s.say != SOURCE_BYTES || source_begin(r->to, (uint64_t)s.from, e));
	if (ok) {
		r->started = true;
		r->answer.say = (enum source_say)s.say;
		r->answer.from = (uint64_t)s.from;
		keep_mark(r->answer.mark.etag, sizeof r->answer.mark.etag, s.etag);
		keep_mark(r->answer.mark.modified, sizeof r->answer.mark.modified, s.modified);
	}
	shape_free(&s, parcel_start_shape);
	return ok ? REPLY_MORE : REPLY_BROKEN;
}

static enum reply_say take_piece(struct reply *r, struct str body, struct err *e)
{
	if (!r->started || r->answer.say != SOURCE_BYTES) {
		broken(e, "bytes where there are none");
		return REPLY_BROKEN;
	}
	return source_put(r->to, body, r->ask->max, e) ? REPLY_MORE : REPLY_BROKEN;
}

static enum reply_say take_end(struct reply *r, struct str body, struct err *e)
{
	if (!r->started || body.len) {
		broken(e, "an end without a start");
		return REPLY_BROKEN;
	}
	if (r->answer.say != SOURCE_BYTES)
		return REPLY_DONE;
	r->answer.length = r->to->at;
	return source_done(r->to, e) ? REPLY_DONE : REPLY_BROKEN;
}

static enum reply_say take_failed(struct reply *r, struct str body, struct err *e)
{
	struct parcel_failed f = {0};
	enum err_code code;

	(void)r;
	if (!parcel_read(&f, parcel_failed_shape, body, e))
		return REPLY_BROKEN;
	bool known = err_code_of(&code, f.code) && code != ERR_NONE;
	err_set(e, known ? code : ERR_PROTOCOL, "%s", f.text);
	shape_free(&f, parcel_failed_shape);
	return known ? REPLY_FAILED : REPLY_BROKEN;
}

static enum reply_say take_session(struct reply *r, struct str body, struct err *e)
{
	if (!r->session || body.len > SESSION_MAX) {
		broken(e, "a session that nobody keeps");
		return REPLY_BROKEN;
	}
	r->kept = true;
	buf_clear(r->session);
	buf_add(r->session, body);
	return buf_ok(r->session, e) ? REPLY_MORE : REPLY_BROKEN;
}

enum reply_say reply_take(struct reply *r, const struct parcel *p, struct err *e)
{
	static enum reply_say (*const take[])(struct reply *, struct str, struct err *) = {
		[PARCEL_START] = take_start,
		[PARCEL_PIECE] = take_piece,
		[PARCEL_END] = take_end,
		[PARCEL_FAILED] = take_failed,
		[PARCEL_SESSION] = take_session,
	};

	if ((size_t)p->kind < COUNT_OF(take) && take[p->kind])
		return take[p->kind](r, p->body, e);
	broken(e, "it asks us");
	return REPLY_BROKEN;
}
