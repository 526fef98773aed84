/* Bytes that grow up to their ceiling. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_ROOM = 64 };

static size_t ceiling(const struct buf *b)
{
	return b->max ? MIN(b->max, SIZE_MAX / 4) : BUF_DEFAULT_MAX;
}

/* Doubles, but never takes memory past the ceiling: one byte more, for the NUL. */
static size_t next_room(const struct buf *b, size_t need)
{
	size_t top = ceiling(b) + 1, room = MAX(b->room, FIRST_ROOM);

	while (room < need)
		room = room > top / 2 ? top : room * 2;
	return MIN(room, top);
}

void *buf_space(struct buf *b, size_t n)
{
	if (b->failed || n >= SIZE_MAX - 1 - b->len || b->len + n > ceiling(b)) {
		b->failed = true;
		return NULL;
	}
	size_t need = b->len + n + 1;
	if (need > b->room) {
		size_t room = next_room(b, need);
		b->data = mem_grow(b->data, room, 1);
		b->room = room;
		b->data[b->len] = 0;
	}
	return b->data + b->len;
}

void buf_used(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	if (b->len >= b->room || n > b->room - 1 - b->len)
		abort(); /* somebody wrote past the space they were given */
	b->len += n;
	b->data[b->len] = 0;
}

void buf_add(struct buf *b, struct str s)
{
	void *to = buf_space(b, s.len);

	if (!to || s.len == 0)
		return;
	memcpy(to, s.data, s.len);
	buf_used(b, s.len);
}

void buf_byte(struct buf *b, char c)
{
	buf_add(b, str_bytes(&c, 1));
}

void buf_text(struct buf *b, const char *text)
{
	buf_add(b, str_of(text));
}

void buf_form(struct buf *b, const char *form, ...)
{
	va_list args, again;

	va_start(args, form);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, form, args);
	char *to = n < 0 ? NULL : buf_space(b, (size_t)n);
	if (to) {
		vsnprintf(to, (size_t)n + 1, form, again);
		buf_used(b, (size_t)n);
	}
	b->failed = b->failed || n < 0;
	va_end(again);
	va_end(args);
}

void buf_u32(struct buf *b, uint32_t n)
{
	const unsigned char bytes[4] = {
		(unsigned char)(n >> 24),
		(unsigned char)(n >> 16),
		(unsigned char)(n >> 8),
		(unsigned char)n,
	};

	buf_add(b, str_bytes(bytes, sizeof bytes));
}

bool buf_ok(const struct buf *b, struct err *e)
{
	return !b->failed || err_set(e, ERR_LIMIT, "longer than %zu bytes", ceiling(b));
}

void buf_drop(struct buf *b, size_t n)
{
	n = MIN(n, b->len);
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = 0;
}

void buf_free(struct buf *b)
{
	free_ptr(&b->data);
	*b = BUF_MAX(b->max);
}

char *buf_take(struct buf *b)
{
	char *text = b->data ? b->data : str_dup((struct str){0});

	*b = BUF_MAX(b->max);
	return text;
}
