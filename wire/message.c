/* The messages as tables: what is written, what is read, and how much of it. */
#include "wire/message.h"

#include "wire/frame.h"

#define NUMBER_MAX ((int64_t)1 << 53) /* what every JSON reader holds exactly */

enum {
	WORD_MAX = 64,
	ROLE_MAX = 160, /* as trust allows */
	WHO_MAX = 256,
	SAID_MAX = 1000,
	HELD_MAX = 64,
	PARTIAL_MAX = 16,
	PAPERS_MAX = 96,
	LEASE_MS_MAX = 10 * 60 * 1000,
	DIGEST_LEN = sizeof(struct digest),
};

/* A test builds an older one of this room, to hold both against each other. */
#ifndef FLEET_WIRE_NEWEST
#define FLEET_WIRE_NEWEST 2
#endif
const int64_t wire_newest = FLEET_WIRE_NEWEST;

const char *const order_words[] = {
	[ORDER_ASK] = "ask",
	[ORDER_UPDATE] = "update",
	[ORDER_UNDO] = "undo",
	[ORDER_FOLLOW] = "follow",
	[ORDER_CONFIRM] = "confirm",
	[ORDER_LET_GO] = "let-go",
	[ORDER_ACCESS] = "access",
#if FLEET_WIRE_NEWEST >= 2
	[ORDER_AGENT] = "agent",
#endif
	NULL,
};
const char *const payload_words[] = {
	[PAYLOAD_NONE] = "none",
	[PAYLOAD_FULL] = "full",
	[PAYLOAD_PATCH] = "patch",
	NULL,
};

/* Rows that come again and again; `t` is the struct, `f` the field. What is absent or zero costs no byte. */
/* clang-format off */
#define AT(t, f)             offsetof(struct t, f)
#define NUMBER(n, t, f)      {n, SHAPE_INT, AT(t, f), .max = NUMBER_MAX, .omit_zero = true}
#define FLAG(n, t, f)        {n, SHAPE_BOOL, AT(t, f), .omit_zero = true}
#define NAME(n, t, f)        {n, SHAPE_NAME, AT(t, f)}
#define SAID(n, t, f, most)  {n, SHAPE_TEXT, AT(t, f), .max = (most), .clean = true}
#define SHA256(n, t, f)      {n, SHAPE_HEX, AT(t, f), .bytes = DIGEST_LEN, .omit_zero = true}
#define MUST_SHA256(n, t, f) {n, SHAPE_HEX, AT(t, f), .bytes = DIGEST_LEN, .required = true}
#define MANY(n, t, f, s, rows, most) {n, SHAPE_LIST, AT(t, f), .of = (rows), .size = sizeof(struct s), .max = (most)}
/* clang-format on */

static const struct shape_field version_fields[] = {
	{"role", SHAPE_TEXT, AT(version_held, role), .max = ROLE_MAX, .required = true},
	{"v", SHAPE_INT, AT(version_held, version), .max = NUMBER_MAX, .required = true},
	{0},
};
static const struct shape_field held_fields[] = {
	MUST_SHA256("id", bundle_held, sha256),
	{0},
};
static const struct shape_field partial_fields[] = {
	MUST_SHA256("id", partial, payload),
	NUMBER("have", partial, have),
	{0},
};
static const struct shape_field document_fields[] = {
	NUMBER("number", document_held, number),
	MUST_SHA256("sha256", document_held, sha256),
	{0},
};
static const struct shape_field lease_fields[] = {
	SAID("rollout", lease, rollout, WHO_MAX),
	SAID("who", lease, who, WHO_MAX),
	{"left_ms", SHAPE_INT, AT(lease, left_ms), .max = LEASE_MS_MAX},
	{0},
};
static const struct shape_field trial_fields[] = {
	SHA256("release", trial, release),
	NAME("step", trial, step),
	{"left_ms", SHAPE_INT, AT(trial, left_ms), .max = NUMBER_MAX},
	SAID("rollout", trial, rollout, WHO_MAX),
	SAID("who", trial, who, WHO_MAX),
	{0},
};

const struct shape_field hello_shape[] = {
	{"oldest", SHAPE_INT, AT(hello, oldest), .min = 1, .max = NUMBER_MAX, .required = true},
	{"newest", SHAPE_INT, AT(hello, newest), .min = 1, .max = NUMBER_MAX, .required = true},
	SAID("agent", hello, agent, WORD_MAX),
	NAME("platform", hello, platform),
	{"id", SHAPE_NAME, AT(hello, id), .required = true},
	{"plan", SHAPE_PLAN, AT(hello, plan), .required = true},
	SHA256("release", hello, release),
	NUMBER("number", hello, number),
	NUMBER("since", hello, since),
	MANY("bundles", hello, bundles, bundle_held, held_fields, HELD_MAX),
	MANY("trust", hello, trust, version_held, version_fields, HELD_MAX),
	{"access", SHAPE_OBJECT, AT(hello, access), .of = document_fields, .has = AT(hello, has_access)},
	{"sources", SHAPE_OBJECT, AT(hello, sources), .of = document_fields, .has = AT(hello, has_sources)},
	{"papers", SHAPE_HEX, AT(hello, papers), .bytes = sizeof(((struct hello *)0)->papers), .omit_zero = true},
	MANY("partial", hello, partial, partial, partial_fields, PARTIAL_MAX),
	MANY("guilty", hello, guilty, bundle_held, held_fields, HELD_MAX),
	MANY("held", hello, held, bundle_held, held_fields, HELD_MAX),
	NUMBER("free", hello, free),
	SAID("boot", hello, boot, WORD_MAX),
	NUMBER("time", hello, time),
	FLAG("synced", hello, synced),
	{"lease", SHAPE_OBJECT, AT(hello, lease), .of = lease_fields, .has = AT(hello, has_lease)},
	{"trial", SHAPE_OBJECT, AT(hello, trial), .of = trial_fields, .has = AT(hello, has_trial)},
	NUMBER("receipt", hello, receipt),
	{0},
};

static const struct shape_field paper_fields[] = {
	{"name", SHAPE_TEXT, AT(paper, name), .max = ROLE_MAX, .required = true},
	{"length", SHAPE_INT, AT(paper, length), .max = 16 * MIB, .required = true},
	MUST_SHA256("sha256", paper, sha256),
	{0},
};

const struct shape_field order_shape[] = {
	{"action", SHAPE_WORD, AT(order, action), .words = order_words, .required = true},
	SAID("rollout", order, rollout, WHO_MAX),
	SAID("who", order, who, WHO_MAX),
	FLAG("take", order, take),
	{"lease_ms", SHAPE_INT, AT(order, lease_ms), .max = LEASE_MS_MAX, .omit_zero = true},
	SHA256("release", order, release),
	MANY("papers", order, papers, paper, paper_fields, PAPERS_MAX),
	FLAG("against", order, against),
	{"payload", SHAPE_WORD, AT(order, payload), .words = payload_words, .omit_zero = true},
	SHA256("payload_sha256", order, payload_sha256),
	SHA256("base", order, base),
	NUMBER("payload_length", order, payload_length),
	NUMBER("at", order, at),
	NAME("nonce", order, nonce),
	FLAG("chain", order, chain),
	NUMBER("since", order, since),
	{0},
};

const struct shape_field state_shape[] = {
	{"step", SHAPE_NAME, AT(state, step), .required = true},
	SAID("text", state, text, SAID_MAX),
	NUMBER("left_ms", state, left_ms),
	NUMBER("done", state, done),
	NUMBER("of", state, of),
	NAME("nonce", state, nonce),
	{0},
};

const struct shape_field refused_shape[] = {
	{"code", SHAPE_NAME, AT(refused, code), .required = true},
	SAID("text", refused, text, SAID_MAX),
	{0},
};

/* --- writing --- */

static void write_message(struct buf *out, enum frame_kind kind, const void *m, const struct shape_field *shape)
{
	cleanup(doc_free) doc *d = shape_write(m, shape);
	cleanup(buf_free) struct buf body = BUF_MAX(FRAME_BODY_MAX);

	doc_line(&body, d);
	if (body.failed)
		out->failed = true;
	else
		frame_write(out, kind, buf_str(&body));
}

/* A host must never become unreachable because it holds one thing too many: the rest goes unsaid, and costs bytes at
 * most. */
void hello_write(struct buf *out, const struct hello *m)
{
	struct hello cut = *m;

	cut.bundles.count = MIN(cut.bundles.count, (size_t)HELD_MAX);
	cut.trust.count = MIN(cut.trust.count, (size_t)HELD_MAX);
	cut.partial.count = MIN(cut.partial.count, (size_t)PARTIAL_MAX);
	cut.guilty.count = MIN(cut.guilty.count, (size_t)HELD_MAX);
	cut.held.count = MIN(cut.held.count, (size_t)HELD_MAX);
	write_message(out, FRAME_HELLO, &cut, hello_shape);
}

void order_write(struct buf *out, const struct order *m)
{
	write_message(out, FRAME_ORDER, m, order_shape);
}

void state_write(struct buf *out, const struct state *m)
{
	write_message(out, FRAME_STATE, m, state_shape);
}

void refused_write(struct buf *out, const struct err *e)
{
	cleanup(free_ptr) char *code = str_dup(str_of(err_word(e->code))), *text = NULL;

	text = str_dup(str_of(e->text));
	write_message(out, FRAME_REFUSED, &(struct refused){code, text}, refused_shape);
}

/* --- reading --- */

static bool hello_check(const void *m, struct err *e)
{
	const struct hello *h = m;

	return h->oldest <= h->newest ||
	       err_set(e, ERR_PROTOCOL, "speaks versions %lld to %lld", (long long)h->oldest, (long long)h->newest);
}

static bool order_check(const void *m, struct err *e)
{
	const struct order *o = m;
	bool patch = o->payload == PAYLOAD_PATCH;

	if ((o->action == ORDER_UPDATE || o->action == ORDER_AGENT) && digest_zero(o->release))
		return err_set(e, ERR_PROTOCOL, "an update names no release");
	if (o->action == ORDER_CONFIRM && !o->nonce)
		return err_set(e, ERR_PROTOCOL, "a confirm brings no nonce");
	if (o->payload == PAYLOAD_NONE)
		return true;
	if (digest_zero(o->payload_sha256) || o->payload_length == 0)
		return err_set(e, ERR_PROTOCOL, "a payload without digest or length");
	if (patch && digest_zero(o->base))
		return err_set(e, ERR_PROTOCOL, "a patch does not say against what");
	return o->at <= o->payload_length || err_set(e, ERR_PROTOCOL, "a payload goes on at %lld of %lld bytes",
						     (long long)o->at, (long long)o->payload_length);
}

/* What one field's row cannot say. */
static bool check(const void *m, const struct shape_field *shape, struct err *e)
{
	static const struct {
		const struct shape_field *shape;
		bool (*check)(const void *m, struct err *e);
	} rows[] = {
		{hello_shape, hello_check},
		{order_shape, order_check},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].shape == shape)
			return rows[i].check(m, e);
	return true;
}

static bool read_message(void *out, const struct shape_field *shape, struct str body, struct err *e)
{
	const struct shape_from from = {.open = true};
	cleanup(doc_free) doc *d = NULL;

	if (!doc_read(&d, body, e) || !shape_read(out, shape, d, &from, e))
		return false;
	if (check(out, shape, e))
		return true;
	shape_free(out, shape);
	return false;
}

bool message_read(void *out, const struct shape_field *shape, struct str body, const char *what, struct err *e)
{
	struct err why = {0};

	return read_message(out, shape, body, &why) || err_set(e, ERR_PROTOCOL, "%s: %s", what, why.text);
}

static void refused_free(struct refused *r)
{
	shape_free(r, refused_shape);
}

bool refused_read(struct str body, struct err *e)
{
	cleanup(refused_free) struct refused r = {0};
	enum err_code code = ERR_NONE;

	if (!message_read(&r, refused_shape, body, "refused", e))
		return false;
	if (!err_code_of(&code, r.code) || code == ERR_NONE)
		code = ERR_FAILED; /* a newer side's word */
	return err_set(e, code, "%s", r.text && r.text[0] ? r.text : r.code);
}

static bool holds(const struct list *digests, struct digest d)
{
	const struct bundle_held *held = digests->items;
	for (size_t i = 0; i < digests->count; i++)
		if (digest_eq(held[i].sha256, d))
			return true;
	return false;
}

const char *hello_refuses(const struct hello *h, struct digest release)
{
	if (holds(&h->held, release))
		return "was undone and is held";
	return holds(&h->guilty, release) ? "was found guilty" : NULL;
}
