/* JSON documents: read strictly, walked, built, and written in two forms. The one door to jansson.
 *
 * A doc is jansson's value; `struct json_t` is only named here. Reading refuses duplicate keys, NUL in strings, bytes behind
 * the value, reals, and nesting deeper than DOC_DEPTH_MAX. Getters return NULL/false when the field is absent or of another
 * type; nothing crashes on a NULL doc, so chains are safe. */
#pragma once

#include "base/buf.h"

typedef struct json_t doc;
enum { DOC_DEPTH_MAX = 64 };

must_check bool doc_read(doc **out, struct str text, struct err *e); /* the caller frees with doc_free */
void doc_free(doc **d);
doc *doc_ref(doc *d); /* one more owner */

/* OLPC canonical JSON (TUF 4.2): keys sorted by bytes, no white space, only '"' and '\' escaped. All three writers mark `out`
 * failed for a NULL doc, so that nothing is signed or sent in its place. */
void doc_canonical(struct buf *out, const doc *d);
/* For people and git: keys sorted, indent 1, LF at the end. */
void doc_pretty(struct buf *out, const doc *d);
/* One line without LF, keys in order of insertion: for --json and the wire. */
void doc_line(struct buf *out, const doc *d);

enum doc_kind { DOC_NONE, DOC_OBJECT, DOC_LIST, DOC_TEXT, DOC_INT, DOC_BOOL, DOC_NULL };
enum doc_kind doc_kind(const doc *d);
const char *doc_kind_word(enum doc_kind kind); /* "an object", "a list", "text" ... */
doc *doc_get(const doc *object, const char *key); /* borrowed */
struct str doc_str(const doc *d);                 /* empty with data NULL when it is no text */
bool doc_int(const doc *d, int64_t *out);
bool doc_true(const doc *d);
size_t doc_count(const doc *d); /* of a list or an object */
doc *doc_at(const doc *list, size_t i);
/* for (void *i = doc_first(o); i; i = doc_next(o, i)) use doc_key(i), doc_value(i); */
void *doc_first(doc *object);
void *doc_next(doc *object, void *at);
const char *doc_key(void *at);
doc *doc_value(void *at);

doc *doc_object(void);
doc *doc_list(void);
/* Set or append; they take over `value` (NULL is null), and end the program when memory ends. Text must be UTF-8 without NUL:
 * other bytes become '?'. */
void doc_set(doc *object, const char *key, doc *value);
void doc_set_str(doc *object, const char *key, struct str text);
void doc_set_text(doc *object, const char *key, const char *text); /* NULL sets null */
void doc_set_int(doc *object, const char *key, int64_t n);
void doc_set_bool(doc *object, const char *key, bool b);
void doc_add(doc *list, doc *value);
void doc_add_str(doc *list, struct str text);
doc *doc_of_str(struct str text);
doc *doc_of_int(int64_t n);
doc *doc_of_bool(bool b);
bool doc_equal(const doc *a, const doc *b);
