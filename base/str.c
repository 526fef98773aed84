/* Text and bytes somebody else owns, and the memory that is never refused. */
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool str_is(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}

int str_cmp(struct str a, struct str b)
{
	size_t both = MIN(a.len, b.len);
	int order = both ? memcmp(a.data, b.data, both) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, const char *with)
{
	struct str w = str_of(with);

	return s.len >= w.len && str_eq(str_bytes(s.data, w.len), w);
}

bool str_ends(struct str s, const char *with)
{
	struct str w = str_of(with);

	return s.len >= w.len && (w.len == 0 || memcmp(s.data + s.len - w.len, w.data, w.len) == 0);
}

struct str str_cut(struct str s, char at, struct str *rest)
{
	const char *found = s.len ? memchr(s.data, at, s.len) : NULL;

	if (!found) {
		*rest = (struct str){0};
		return s;
	}
	size_t before = (size_t)(found - s.data);
	*rest = str_bytes(found + 1, s.len - before - 1);
	return str_bytes(s.data, before);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.len && is_space(s.data[s.len - 1]))
		s.len--;
	while (s.len && is_space(s.data[0])) {
		s.data++;
		s.len--;
	}
	return s;
}

bool str_number(uint64_t *out, struct str s, uint64_t max)
{
	uint64_t n = 0;

	if (s.len == 0 || (s.data[0] == '0' && s.len > 1))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(s.data[i] - '0');
		if (digit > max || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

static bool is_tail(struct str s, size_t i)
{
	return i < s.len && ((unsigned char)s.data[i] & 0xc0) == 0x80;
}

/* The table of RFC 3629, section 4: what the second byte may be depends on the first. */
size_t str_utf8(struct str s)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t size;
	} rows[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, /* no surrogates */
		{0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	if (s.len == 0)
		return 0;
	unsigned char first = (unsigned char)s.data[0];
	if (first < 0x80)
		return 1;
	if (s.len < 2)
		return 0;
	unsigned char second = (unsigned char)s.data[1];
	for (size_t r = 0; r < COUNT_OF(rows); r++) {
		if (first < rows[r].first || first > rows[r].last)
			continue;
		if (second < rows[r].low || second > rows[r].high)
			return 0;
		for (size_t i = 2; i < rows[r].size; i++)
			if (!is_tail(s, i))
				return 0;
		return rows[r].size;
	}
	return 0;
}

char *str_dup(struct str s)
{
	char *copy = mem_new(s.len + 1, 1);

	if (s.len)
		memcpy(copy, s.data, s.len);
	return copy;
}

void free_ptr(void *pointer_to_pointer)
{
	void **p = pointer_to_pointer;

	free(*p);
	*p = NULL;
}

void *mem_must(void *memory)
{
	if (memory)
		return memory;
	fputs("out of memory\n", stderr);
	exit(1);
}

/* calloc and realloc may answer NULL for nothing; ours never do. */
void *mem_new(size_t count, size_t size)
{
	return mem_must(count && size ? calloc(count, size) : calloc(1, 1));
}

void *mem_grow(void *old, size_t count, size_t size)
{
	return mem_must(count && size ? reallocarray(old, count, size) : realloc(old, 1));
}
