/* Inside shape.h, for shape*.c alone: where in the document we are, and the sentences that say so. */
#pragma once

#include "base/shape.h"

struct spot {
	const struct spot *up; /* NULL: the document itself */
	const char *name;      /* of a field; NULL: element `index` of a list */
	size_t index;
	const doc *node;
	const struct shape_from *from;
	struct err *e;
};

static inline struct spot spot_field(const struct spot *up, const char *name, const doc *node)
{
	return (struct spot){up, name, 0, node, up->from, up->e};
}
static inline struct spot spot_element(const struct spot *up, size_t index, const doc *node)
{
	return (struct spot){up, NULL, index, node, up->from, up->e};
}
int spot_line(const struct spot *at); /* of the innermost node whose line is known; 0: none is */

/* These return false. */
bool spot_blame(const struct spot *at); /* puts "FILE:LINE: FIELD: " in front of what the error says */
bool spot_fail(const struct spot *at, enum err_code code, const char *form, ...) printf_like(3, 4);
bool spot_expected(const struct spot *at, const char *form, ...) printf_like(2, 3); /* "expected ..., found ..." */
bool spot_no_word(const struct spot *at, struct str typed, const char *const *words);
bool spot_unknown(const struct spot *at, const char *name, const char *const *known);

size_t shape_limit(const struct shape_field *f, size_t usual); /* the .max of a text or list */
bool shape_word_index(size_t *out, struct str word, const char *const *words);

/* One value into `to`, as its kind wants it; on failure `to` is as it was, and the error says where. */
typedef bool shape_reader(void *to, const struct shape_field *f, const struct spot *at);
shape_reader shape_read_text, shape_read_checked, shape_read_hex;
shape_reader shape_read_number, shape_read_clock, shape_read_bool;
shape_reader shape_read_word, shape_read_words;
