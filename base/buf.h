/* Owned bytes that grow, born with the ceiling they may never pass. Zero is empty; a NUL always stands behind the last byte. */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct buf {
	char *data;
	size_t len, room;
	size_t max;  /* 0: BUF_DEFAULT_MAX */
	bool failed; /* something did not fit; stays until buf_clear */
};
enum { BUF_DEFAULT_MAX = 16 * MIB };

#define BUF_MAX(bytes) ((struct buf){ .max = (size_t)MIN(bytes, SIZE_MAX) })

/* These add, or mark the buffer failed and leave it as it was; ask once at the end with buf_ok.
 * A failed buffer takes nothing more. What is added must not lie in the buffer itself. */
void buf_add(struct buf *b, struct str s);
void buf_byte(struct buf *b, char c);
void buf_text(struct buf *b, const char *text);
void buf_form(struct buf *b, const char *form, ...) printf_like(2, 3);
void buf_u32(struct buf *b, uint32_t n); /* big endian */
must_check bool buf_ok(const struct buf *b, struct err *e);
/* `n` more bytes to write into, NULL (and failed) when they do not fit; buf_used says how many were. */
void *buf_space(struct buf *b, size_t n);
void buf_used(struct buf *b, size_t n);

void buf_drop(struct buf *b, size_t n); /* forget the first n bytes */
void buf_clear(struct buf *b);          /* empty, the memory stays */
void buf_free(struct buf *b);           /* empty, the memory goes; twice is legal */
static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->data ? b->data : "", b->len };
}
/* The text as an owned C string; the buffer is empty afterwards. */
char *buf_take(struct buf *b);
