/* Borrowed text or bytes: a pointer and a length, owned by somebody else. */
#pragma once

#include <string.h>

#include "base/core.h"

struct str {
	const char *data;
	size_t len;
};

#define STR(literal)  ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_FMT       "%.*s"
#define STR_ARG(s)    (int)(s).len, (s).data

static inline struct str str_of(const char *text)
{
	return (struct str){ text, text ? strlen(text) : 0 };
}
static inline struct str str_bytes(const void *data, size_t len)
{
	return (struct str){ data, len };
}
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *b);
int str_cmp(struct str a, struct str b); /* by bytes, the shorter first */
bool str_starts(struct str s, const char *with);
bool str_ends(struct str s, const char *with);
/* Cut at the first `at`: the part before is returned, *rest is what follows it (empty when there was none). */
struct str str_cut(struct str s, char at, struct str *rest);
struct str str_trim(struct str s);
/* A decimal number without sign, space or leading zeros; false when it is anything else or above `max`. */
must_check bool str_number(uint64_t *out, struct str s, uint64_t max);
/* How many bytes the UTF-8 character in front takes (RFC 3629), 0 when it is none. */
size_t str_utf8(struct str s);
char *str_dup(struct str s); /* NUL behind it; the caller frees; ends the program when memory ends */

/* Frees what a `char *` or any other owned pointer holds: cleanup(free_ptr) char *p = NULL; */
void free_ptr(void *pointer_to_pointer);

/* Memory that the program cannot go on without: never NULL; says so and exits 1 when there is none. New is zeroed,
 * what mem_grow adds is not. */
void *mem_new(size_t count, size_t size);
void *mem_grow(void *old, size_t count, size_t size);
void *mem_must(void *memory); /* what another's allocator answered, or the end of the program */
