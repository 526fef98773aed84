/* What is kept of a TLS session. */
#include "sources/ticket.h"

#include "base/shape.h"

enum { FORMAT = 1 };

/* clang-format off */
#define AT(f) .at = offsetof(struct ticket, f)
static const struct shape_field shape[] = {
	{ "format", SHAPE_INT, AT(format), .required = true, .min = FORMAT, .max = FORMAT },
	{ "whose", SHAPE_HEX, AT(whose), .bytes = 32, .required = true },
	{ "boot", SHAPE_TEXT, AT(boot), .required = true },
	{ "at_ms", SHAPE_INT, AT(at_ms), .required = true, .max = INT64_MAX },
	{ "at_s", SHAPE_INT, AT(at_s), .required = true, .max = UINT32_MAX },
	{ "sure", SHAPE_BOOL, AT(sure) },
	{ "until_s", SHAPE_INT, AT(until_s), .required = true, .max = INT64_MAX },
	{ "session", SHAPE_TEXT, AT(session), .required = true, .max = TICKET_TEXT_MAX },
	{ 0 },
};
#undef AT
/* clang-format on */

struct digest ticket_whose(struct str origin, struct str authorities)
{
	struct hasher h = {0};

	hasher_start(&h);
	hasher_add(&h, origin);
	hasher_add(&h, STR("\n"));
	hasher_add(&h, authorities);
	struct digest d = hasher_end(&h);
	hasher_free(&h);
	return d;
}

bool ticket_read(struct ticket *out, struct str text)
{
	cleanup(doc_free) doc *d = NULL;
	struct err none;

	return text.len && doc_read(&d, text, &none) && shape_read(out, shape, d, &(struct shape_from){0}, &none);
}

void ticket_write(struct buf *out, const struct ticket *t)
{
	struct ticket whole = *t;

	whole.format = FORMAT;
	cleanup(doc_free) doc *d = shape_write(&whole, shape);
	doc_line(out, d);
}

bool ticket_holds(const struct ticket *t, struct digest whose, bool sure, struct moment now, const char *boot)
{
	int64_t age_ms = now.boot_ms - t->at_ms;

	if (!digest_eq(t->whose, whose))
		return false;
	if (!sure)
		return str_is(str_of(boot), t->boot) && age_ms >= 0 && age_ms / 1000 < TICKET_AGE_S;
	return t->sure && now.unix_s >= t->at_s && now.unix_s < t->until_s && now.unix_s - t->at_s < TICKET_AGE_S;
}

void ticket_free(struct ticket *t)
{
	shape_free(t, shape);
}
