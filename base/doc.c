/* The one door to jansson. */
#include "base/doc.h"

#include <jansson.h>
#include <stdlib.h>

/* --- reading --- */

/* Before the parser, which recurses: jansson's own limit is 2048. Up to its first error the parser sees the strings
 * that are seen here, so it never goes deeper than what was counted. */
static bool is_shallow(struct str text)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '[' || c == '{') && ++depth > DOC_DEPTH_MAX)
			return false;
		else if (!in_string && (c == ']' || c == '}'))
			depth--;
	}
	return true;
}

static bool only_integers(const doc *d, struct err *e)
{
	if (json_is_real(d))
		return err_set(e, ERR_SYNTAX, "a number must be whole, without fraction or exponent");
	for (size_t i = 0; i < json_array_size(d); i++)
		if (!only_integers(json_array_get(d, i), e))
			return err_in(e, "[%zu]", i);
	for (void *i = json_object_iter((doc *)d); i; i = json_object_iter_next((doc *)d, i))
		if (!only_integers(json_object_iter_value(i), e))
			return err_in(e, "%s", json_object_iter_key(i));
	return true;
}

bool doc_read(doc **out, struct str text, struct err *e)
{
	json_error_t why;

	if (!is_shallow(text))
		return err_set(e, ERR_LIMIT, "nested deeper than %d levels", DOC_DEPTH_MAX);
	cleanup(doc_free) doc *d =
		json_loadb(text.len ? text.data : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!d)
		return err_set(e, ERR_SYNTAX, "line %d, column %d: %s", why.line, why.column, why.text);
	if (!only_integers(d, e))
		return false;
	*out = doc_ref(d);
	return true;
}

void doc_free(doc **d)
{
	json_decref(*d);
	*d = NULL;
}

doc *doc_ref(doc *d)
{
	return json_incref(d);
}

/* --- writing --- */

static void canonical_text(struct buf *out, struct str text)
{
	buf_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			buf_byte(out, '\\');
		buf_byte(out, text.data[i]);
	}
	buf_byte(out, '"');
}

static void canonical_list(struct buf *out, const doc *list)
{
	buf_byte(out, '[');
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (i)
			buf_byte(out, ',');
		doc_canonical(out, json_array_get(list, i));
	}
	buf_byte(out, ']');
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void canonical_object(struct buf *out, const doc *object)
{
	size_t count = json_object_size(object), n = 0;
	cleanup(free_ptr) const char **keys = mem_new(count, sizeof *keys);

	for (void *i = json_object_iter((doc *)object); i; i = json_object_iter_next((doc *)object, i))
		keys[n++] = json_object_iter_key(i);
	qsort(keys, n, sizeof *keys, by_bytes);
	buf_byte(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_byte(out, ',');
		canonical_text(out, str_of(keys[i]));
		buf_byte(out, ':');
		doc_canonical(out, json_object_get(object, keys[i]));
	}
	buf_byte(out, '}');
}

static void canonical_int(struct buf *out, const doc *d)
{
	buf_form(out, "%" JSON_INTEGER_FORMAT, json_integer_value(d));
}

static void canonical_string(struct buf *out, const doc *d)
{
	canonical_text(out, doc_str(d));
}

static void canonical_bool(struct buf *out, const doc *d)
{
	buf_text(out, json_is_true(d) ? "true" : "false");
}

static void canonical_null(struct buf *out, const doc *d)
{
	(void)d;
	buf_text(out, "null");
}

static void canonical_none(struct buf *out, const doc *d)
{
	(void)d;
	out->failed = true;
}

void doc_canonical(struct buf *out, const doc *d)
{
	static void (*const writers[])(struct buf *, const doc *) = {
		[DOC_NONE] = canonical_none,
		[DOC_OBJECT] = canonical_object,
		[DOC_LIST] = canonical_list,
		[DOC_TEXT] = canonical_string,
		[DOC_INT] = canonical_int,
		[DOC_BOOL] = canonical_bool,
		[DOC_NULL] = canonical_null,
	};

	writers[doc_kind(d)](out, d);
}

static int into_buf(const char *bytes, size_t len, void *out)
{
	buf_add(out, str_bytes(bytes, len));
	return 0;
}

static void dump(struct buf *out, const doc *d, size_t flags)
{
	if (json_dump_callback(d, into_buf, out, flags | JSON_ENCODE_ANY) != 0)
		out->failed = true;
}

void doc_pretty(struct buf *out, const doc *d)
{
	dump(out, d, JSON_INDENT(1) | JSON_SORT_KEYS);
	buf_byte(out, '\n');
}

void doc_line(struct buf *out, const doc *d)
{
	dump(out, d, JSON_COMPACT);
}

/* --- walking --- */

enum doc_kind doc_kind(const doc *d)
{
	static const enum doc_kind kinds[] = {
		[JSON_OBJECT] = DOC_OBJECT,
		[JSON_ARRAY] = DOC_LIST,
		[JSON_STRING] = DOC_TEXT,
		[JSON_INTEGER] = DOC_INT,
		[JSON_REAL] = DOC_NONE,
		[JSON_TRUE] = DOC_BOOL,
		[JSON_FALSE] = DOC_BOOL,
		[JSON_NULL] = DOC_NULL,
	};

	return d ? kinds[json_typeof(d)] : DOC_NONE;
}

const char *doc_kind_word(enum doc_kind kind)
{
	static const char *const words[] = {
		[DOC_NONE] = "nothing",
		[DOC_OBJECT] = "an object",
		[DOC_LIST] = "a list",
		[DOC_TEXT] = "text",
		[DOC_INT] = "a whole number",
		[DOC_BOOL] = "true or false",
		[DOC_NULL] = "null",
	};

	return words[kind];
}

doc *doc_get(const doc *object, const char *key)
{
	return json_object_get(object, key);
}

struct str doc_str(const doc *d)
{
	return str_bytes(json_string_value(d), json_string_length(d));
}

bool doc_int(const doc *d, int64_t *out)
{
	if (!json_is_integer(d))
		return false;
	*out = json_integer_value(d);
	return true;
}

bool doc_true(const doc *d)
{
	return json_is_true(d);
}

size_t doc_count(const doc *d)
{
	return json_is_array(d) ? json_array_size(d) : json_object_size(d);
}

doc *doc_at(const doc *list, size_t i)
{
	return json_array_get(list, i);
}

void *doc_first(doc *object)
{
	return json_object_iter(object);
}

void *doc_next(doc *object, void *at)
{
	return json_object_iter_next(object, at);
}

const char *doc_key(void *at)
{
	return json_object_iter_key(at);
}

doc *doc_value(void *at)
{
	return json_object_iter_value(at);
}

/* --- building --- */

static bool is_clean(struct str text)
{
	while (text.len) {
		size_t n = str_utf8(text);
		if (n == 0 || text.data[0] == 0)
			return false;
		text = str_bytes(text.data + n, text.len - n);
	}
	return true;
}

/* Owned by the caller; every byte that is no part of a UTF-8 character, and every NUL, is a '?'. */
static char *cleaned(struct str text)
{
	char *copy = str_dup(text);

	for (size_t at = 0; at < text.len;) {
		size_t n = str_utf8(str_bytes(copy + at, text.len - at));
		if (n == 0 || copy[at] == 0)
			copy[at] = '?';
		at += MAX(n, 1);
	}
	return copy;
}

doc *doc_object(void)
{
	return mem_must(json_object());
}

doc *doc_list(void)
{
	return mem_must(json_array());
}

doc *doc_of_str(struct str text)
{
	if (is_clean(text))
		return mem_must(json_stringn_nocheck(text.len ? text.data : "", text.len));
	cleanup(free_ptr) char *copy = cleaned(text);
	return mem_must(json_stringn_nocheck(copy, text.len));
}

doc *doc_of_int(int64_t n)
{
	return mem_must(json_integer(n));
}

doc *doc_of_bool(bool b)
{
	return mem_must(json_boolean(b));
}

/* Setting a field of what is no object is our mistake, not the end of memory. */
void doc_set(doc *object, const char *key, doc *value)
{
	cleanup(free_ptr) char *copy = cleaned(str_of(key));

	if (!json_is_object(object) || object == value)
		abort();
	if (json_object_set_new_nocheck(object, copy, value ? value : json_null()) != 0)
		mem_must(NULL);
}

void doc_set_str(doc *object, const char *key, struct str text)
{
	doc_set(object, key, doc_of_str(text));
}

void doc_set_text(doc *object, const char *key, const char *text)
{
	doc_set(object, key, text ? doc_of_str(str_of(text)) : NULL);
}

void doc_set_int(doc *object, const char *key, int64_t n)
{
	doc_set(object, key, doc_of_int(n));
}

void doc_set_bool(doc *object, const char *key, bool b)
{
	doc_set(object, key, doc_of_bool(b));
}

void doc_add(doc *list, doc *value)
{
	if (!json_is_array(list) || list == value)
		abort();
	if (json_array_append_new(list, value ? value : json_null()) != 0)
		mem_must(NULL);
}

void doc_add_str(doc *list, struct str text)
{
	doc_add(list, doc_of_str(text));
}

bool doc_equal(const doc *a, const doc *b)
{
	return json_equal(a, b);
}
