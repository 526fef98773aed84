/* Lengths of time as people write them. */
#include "base/span.h"

static const struct {
	const char *unit;
	int64_t ms;
} units[] = {
	{"ms", 1},
	{"s", 1000},
	{"m", 60 * 1000},
	{"h", 60 * 60 * 1000},
	{"d", 24 * 60 * 60 * 1000},
};

static size_t digits_in_front(struct str text)
{
	size_t n = 0;

	while (n < text.len && text.data[n] >= '0' && text.data[n] <= '9')
		n++;
	return n;
}

bool span_read(int64_t *ms, struct str text)
{
	size_t digits = digits_in_front(text);
	uint64_t n;

	for (size_t i = 0; digits && i < COUNT_OF(units); i++) {
		if (!str_is(str_bytes(text.data + digits, text.len - digits), units[i].unit))
			continue;
		if (!str_number(&n, str_bytes(text.data, digits), (uint64_t)(INT64_MAX / units[i].ms)))
			return false;
		*ms = (int64_t)n * units[i].ms;
		return true;
	}
	return false;
}
