/* Receipts. They are written by a host, so whoever reads one reads foreign bytes. */
#include "manifests/receipt.h"

#include "base/hex.h"
#include "manifests/plan.h"

enum { TEXT_MAX = 1000, WHO_MAX = 256, AGENT_MAX = 64, CHECKS_MAX = 256, SIGNATURE = 64 };

const char *const verdict_words[] = {
	[VERDICT_PASS] = "pass",
	[VERDICT_UNPROVEN] = "unproven",
	[VERDICT_FAIL] = "fail",
	[VERDICT_ENVIRONMENT] = "environment",
	[VERDICT_UNDONE] = "undone",
	[VERDICT_REFUSED] = "refused",
	[VERDICT_ENROLLED] = "enrolled",
	NULL,
};
const char *const check_result_words[] = {
	[CHECK_UNKNOWN] = "unknown",
	[CHECK_GREEN] = "green",
	[CHECK_RED] = "red",
	NULL,
};

/* clang-format off */
#define AT(t, f) offsetof(struct t, f)
#define NUMBER(n, t, f) { n, SHAPE_INT, AT(t, f), .max = RECEIPT_NUMBER_MAX, .omit_zero = true }
#define SAID(n, t, f, most) { n, SHAPE_TEXT, AT(t, f), .max = (most), .clean = true }
#define RESULT(n, f) { n, SHAPE_WORD, AT(receipt_check, f), .words = check_result_words, .omit_zero = true }
#define DIGEST(n, f) { n, SHAPE_HEX, AT(receipt, f), .bytes = sizeof(struct digest), .omit_zero = true }

static const struct shape_field check_fields[] = {
	{ "name", SHAPE_NAME, AT(receipt_check, name), .required = true },
	{ "class", SHAPE_WORD, AT(receipt_check, class), .required = true, .words = check_class_words },
	RESULT("before", before),
	RESULT("after", after),
	RESULT("old", old),
	NUMBER("took_ms", receipt_check, took_ms),
	NUMBER("status", receipt_check, status),
	{ "output", SHAPE_TEXT, AT(receipt_check, output), .max = RECEIPT_OUTPUT_MAX, .clean = true, .lines = true },
	{ 0 },
};

const struct shape_field receipt_shape[] = {
	{ "format", SHAPE_INT, AT(receipt, format), .required = true, .min = RECEIPT_FORMAT, .max = RECEIPT_FORMAT },
	{ "number", SHAPE_INT, AT(receipt, number), .required = true, .max = RECEIPT_NUMBER_MAX },
	DIGEST("previous", previous),
	{ "key", SHAPE_HEX, AT(receipt, key), .bytes = sizeof ((struct receipt *)0)->key, .omit_zero = true },
	{ "host", SHAPE_NAME, AT(receipt, host), .required = true },
	{ "plan", SHAPE_PLAN, AT(receipt, plan), .required = true },
	{ "verdict", SHAPE_WORD, AT(receipt, verdict), .required = true, .words = verdict_words },
	SAID("text", receipt, text, TEXT_MAX),
	SAID("code", receipt, code, WHO_MAX),
	DIGEST("release", release),
	NUMBER("release_number", receipt, release_number),
	{ "access", SHAPE_BOOL, AT(receipt, access), .omit_zero = true },
	{ "self", SHAPE_BOOL, AT(receipt, self), .omit_zero = true },
	DIGEST("current", current),
	NUMBER("current_number", receipt, current_number),
	DIGEST("disk", disk),
	{ "checks", SHAPE_LIST, AT(receipt, checks), .of = check_fields, .size = sizeof(struct receipt_check),
	  .max = CHECKS_MAX, .key = "name" },
	NUMBER("bytes_in", receipt, bytes_in),
	SAID("rollout", receipt, rollout, WHO_MAX),
	SAID("boot", receipt, boot, WHO_MAX),
	NUMBER("time", receipt, time),
	NUMBER("took_ms", receipt, took_ms),
	{ "synced", SHAPE_BOOL, AT(receipt, synced), .omit_zero = true },
	{ "stale", SHAPE_BOOL, AT(receipt, stale), .omit_zero = true },
	SAID("agent", receipt, agent, AGENT_MAX),
	{ 0 },
};
/* clang-format on */

static bool read_whole(struct receipt *out, struct str json, struct err *e)
{
	const struct shape_from from = {.open = true}; /* a newer agent may say more */
	cleanup(doc_free) doc *d = NULL;

	if (json.len > RECEIPT_MAX)
		return err_set(e, ERR_LIMIT, "%zu bytes: at most %d", json.len, RECEIPT_MAX);
	return doc_read(&d, json, e) && shape_read(out, receipt_shape, d, &from, e);
}

bool receipt_read(struct receipt *out, struct str sealed, struct err *e)
{
	cleanup(receipt_free) struct receipt r = {0};
	struct str signature;

	if (!read_whole(&r, str_cut(sealed, '\n', &signature), e))
		return err_in(e, "receipt");
	*out = r;
	r = (struct receipt){0};
	return true;
}

/* The end of a text, beginning with a whole character. */
static struct str tail(struct str text, size_t most)
{
	size_t from = text.len > most ? text.len - most : 0;

	while (from < text.len && ((unsigned char)text.data[from] & 0xc0) == 0x80)
		from++;
	return str_bytes(text.data + from, text.len - from);
}

static void cut_outputs(doc *d, size_t most)
{
	const doc *checks = doc_get(d, "checks");

	for (size_t i = 0; i < doc_count(checks); i++) {
		doc *check = doc_at(checks, i), *output = doc_get(check, "output");
		if (output)
			doc_set(check, "output", doc_of_str(tail(doc_str(output), most)));
	}
}

/* A plan may have more checks than a receipt has room for what they said: then each says less. Not canonical JSON: that
 * knows no newlines. */
void receipt_write(struct buf *out, const struct receipt *r)
{
	struct receipt now = *r;
	now.format = RECEIPT_FORMAT;
	cleanup(doc_free) doc *d = shape_write(&now, receipt_shape);
	cleanup(buf_free) struct buf text = BUF_MAX(RECEIPT_MAX);
	size_t most = RECEIPT_OUTPUT_MAX;

	do {
		cut_outputs(d, most);
		buf_clear(&text);
		doc_line(&text, d);
		most /= 2;
	} while (text.failed && most);
	if (text.failed)
		out->failed = true;
	else
		buf_add(out, buf_str(&text));
}

/* --- the seal --- */

bool receipt_seal(struct buf *out, struct str statement, const struct secret_key *k, struct err *e)
{
	cleanup(buf_free) struct buf signature = {0};
	char hex[2 * SIGNATURE + 1];

	if (!secret_sign(&signature, k, statement, e))
		return err_in(e, "receipt");
	if (signature.len != SIGNATURE || memchr(statement.data, '\n', statement.len))
		return err_set(e, ERR_INTERNAL, "a receipt is one line, signed by Ed25519");
	hex_write(hex, signature.data, SIGNATURE);
	buf_add(out, statement);
	buf_form(out, "\n%s\n", hex);
	return buf_ok(out, e) || err_in(e, "receipt");
}

bool receipt_verify(struct str sealed, const struct public_key *k, struct err *e)
{
	struct str rest, signature, statement = str_cut(sealed, '\n', &rest);
	char raw[SIGNATURE];

	signature = str_cut(rest, '\n', &rest);
	if (!signature.len)
		return err_set(e, ERR_SIGNATURE, "the receipt is not signed");
	if (rest.len || !hex_read(raw, sizeof raw, signature))
		return err_set(e, ERR_SIGNATURE, "the receipt's second line is no signature");
	return public_verify(k, statement, str_bytes(raw, sizeof raw)) ||
	       err_set(e, ERR_SIGNATURE, "the receipt is not signed by the key that is pinned for this host");
}

struct digest receipt_digest(struct str sealed)
{
	struct str signature;

	return digest_of(str_cut(sealed, '\n', &signature));
}

void receipt_free(struct receipt *r)
{
	shape_free(r, receipt_shape);
}

enum err_code receipt_code(const struct receipt *r)
{
	enum err_code code = ERR_NONE;

	return err_code_of(&code, r->code) ? code : ERR_NONE;
}

bool verdict_committed(enum verdict v)
{
	return v == VERDICT_PASS || v == VERDICT_UNPROVEN;
}
