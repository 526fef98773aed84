/* Lengths of time and numbers of bytes as words: exactly for documents, roughly for people. */
#include <inttypes.h>
#include <stdio.h>

#include "base/shape.h"
#include "base/span.h"
#include "base/spot.h"

struct unit {
	const char *word;
	int64_t size;
};
static const struct unit times[] = {
	{"d", 86400000},
	{"h", 3600000},
	{"m", 60000},
	{"s", 1000},
	{"ms", 1},
	{NULL, 0},
};
static const struct unit sizes[] = {
	{"TB", INT64_C(1000000000000)},
	{"GB", 1000000000},
	{"MB", 1000000},
	{"kB", 1000},
	{"B", 1},
	{"", 1},
	{"TiB", INT64_C(1) << 40},
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{NULL, 0},
};

/* The unit that says it in the fewest digits without a rest. */
void shape_exact(char out[32], enum shape_kind kind, int64_t n)
{
	static const struct unit none = {"", 1};
	const struct unit *u = kind == SHAPE_MS ? times : kind == SHAPE_BYTES ? sizes : &none, *best = &none;

	for (; n && u != &none && u->word; u++)
		if (n % u->size == 0 && u->size > best->size)
			best = u;
	if (kind == SHAPE_MS && best == &none)
		best = n ? &times[4] : &times[3];
	snprintf(out, 32, "%" PRId64 "%s", n / best->size, best->word);
}

static uint64_t magnitude(int64_t n)
{
	return n < 0 ? -(uint64_t)n : (uint64_t)n;
}

/* Below a minute a tenth of a second may matter; above, two units are enough. */
void shape_ms_text(char out[32], int64_t ms)
{
	const char *sign = ms < 0 ? "-" : "";
	uint64_t n = magnitude(ms);
	const struct unit *u = times;

	if (n == 0 || (n >= 1000 && n < 60000)) {
		uint64_t tenth = n / 100 % 10;
		snprintf(out, 32, tenth ? "%s%u.%us" : "%s%us", sign, (unsigned)(n / 1000), (unsigned)tenth);
		return;
	}
	while (n < (uint64_t)u->size)
		u++;
	uint64_t whole = n / (uint64_t)u->size, rest = n % (uint64_t)u->size;
	unsigned next = u[1].word && u->size > 1000 ? (unsigned)(rest / (uint64_t)u[1].size % 100) : 0;
	if (next)
		snprintf(out, 32, "%s%" PRIu64 "%s %u%s", sign, whole, u->word, next, u[1].word);
	else
		snprintf(out, 32, "%s%" PRIu64 "%s", sign, whole, u->word);
}

/* Rounded to a tenth, as disks and operators count: in thousands. */
void shape_bytes_text(char out[32], int64_t bytes)
{
	const char *sign = bytes < 0 ? "-" : "";
	uint64_t n = magnitude(bytes);
	const struct unit *u = &sizes[4];

	while (u > sizes && n >= (uint64_t)u->size * 1000 - (u->size > 1 ? (uint64_t)u->size / 20 : 0))
		u--;
	uint64_t tenth = (uint64_t)u->size / 10;
	uint64_t tenths = tenth ? n / tenth + (n % tenth >= tenth / 2) : n * 10;
	if (tenths % 10)
		snprintf(out, 32, "%s%" PRIu64 ".%u %s", sign, tenths / 10, (unsigned)(tenths % 10), u->word);
	else
		snprintf(out, 32, "%s%" PRIu64 " %s", sign, tenths / 10, u->word);
}

bool shape_ms_of(int64_t *out, struct str text)
{
	return span_read(out, text);
}

bool shape_bytes_of(int64_t *out, struct str text)
{
	size_t digits = 0;
	uint64_t n;

	while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
		digits++;
	struct str number = str_bytes(text.data, digits), unit = str_bytes(text.data + digits, text.len - digits);
	for (const struct unit *u = sizes; digits && u->word; u++)
		if (str_is(unit, u->word) && str_number(&n, number, (uint64_t)(INT64_MAX / u->size))) {
			*out = (int64_t)n * u->size;
			return true;
		}
	return false;
}
