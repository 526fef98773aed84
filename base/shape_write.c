/* Writing a struct as a document, and freeing it, by the table. */
#include <stdio.h>

#include "base/hex.h"
#include "base/shape.h"

static doc *write_text(const void *from, const struct shape_field *f)
{
	const char *text = *(char *const *)from;

	(void)f;
	return text ? doc_of_str(str_of(text)) : NULL;
}

/* The default of an absent number may lie outside of what may be written ("0: none given"): it stays absent. */
static doc *write_number(const void *from, const struct shape_field *f)
{
	int64_t n = *(const int64_t *)from;

	return n == f->number && !f->required && !shape_in_bounds(f, n) ? NULL : doc_of_int(n);
}

static doc *write_bool(const void *from, const struct shape_field *f)
{
	(void)f;
	return doc_of_bool(*(const bool *)from);
}

static size_t count_words(const struct shape_field *f)
{
	size_t n = 0;

	while (f->words[n])
		n++;
	return n;
}

/* A default of -1 means none of them, and has no word. */
static doc *write_word(const void *from, const struct shape_field *f)
{
	int i = *(const int *)from;

	return i >= 0 && (size_t)i < count_words(f) ? doc_of_str(str_of(f->words[i])) : NULL;
}

static doc *write_words(const void *from, const struct shape_field *f)
{
	doc *list = doc_list();

	for (size_t i = 0; i < count_words(f); i++)
		if (*(const unsigned *)from & 1u << i)
			doc_add_str(list, str_of(f->words[i]));
	return list;
}

static doc *write_clock(const void *from, const struct shape_field *f)
{
	unsigned minutes = (unsigned)*(const int64_t *)from;
	char text[32];

	(void)f;
	snprintf(text, sizeof text, "%02u:%02u", minutes / 60, minutes % 60);
	return doc_of_str(str_of(text));
}

static doc *write_hex(const void *from, const struct shape_field *f)
{
	cleanup(free_ptr) char *text = mem_new(2 * f->bytes + 1, 1);

	hex_write(text, from, f->bytes);
	return doc_of_str(str_of(text));
}

static doc *write_object(const void *from, const struct shape_field *f)
{
	return shape_write(from, f->of);
}

static doc *write_list(const void *from, const struct shape_field *f)
{
	const struct list *list = from;
	doc *out = doc_list();

	for (size_t i = 0; i < list->count; i++)
		doc_add(out, f->item ? write_text((char **)list->items + i, f)
				     : shape_write((const char *)list->items + i * f->size, f->of));
	return out;
}

static doc *write_map(const void *from, const struct shape_field *f)
{
	const struct list *map = from;
	const struct shape_pair *pairs = map->items;
	doc *out = doc_object();

	(void)f;
	for (size_t i = 0; i < map->count; i++)
		doc_set_text(out, pairs[i].key, pairs[i].value);
	return out;
}

static doc *write_doc(const void *from, const struct shape_field *f)
{
	(void)f;
	return doc_ref(*(doc *const *)from);
}

/* --- what is left out --- */

static bool usual_never(const void *from, const struct shape_field *f)
{
	(void)from;
	(void)f;
	return false;
}

static bool usual_number(const void *from, const struct shape_field *f)
{
	return *(const int64_t *)from == f->number;
}

static bool usual_bool(const void *from, const struct shape_field *f)
{
	return *(const bool *)from == (f->number != 0);
}

static bool usual_word(const void *from, const struct shape_field *f)
{
	return *(const int *)from == (int)f->number;
}

static bool usual_words(const void *from, const struct shape_field *f)
{
	return *(const unsigned *)from == (unsigned)f->number;
}

static bool usual_hex(const void *from, const struct shape_field *f)
{
	for (size_t i = 0; i < f->bytes; i++)
		if (((const uint8_t *)from)[i])
			return false;
	return true;
}

/* --- freeing --- */

static void free_text(void *in, const struct shape_field *f)
{
	(void)f;
	free_ptr(in);
}

static void zero_number(void *in, const struct shape_field *f)
{
	(void)f;
	*(int64_t *)in = 0;
}

static void zero_bool(void *in, const struct shape_field *f)
{
	(void)f;
	*(bool *)in = false;
}

static void zero_word(void *in, const struct shape_field *f)
{
	(void)f;
	*(int *)in = 0;
}

static void zero_hex(void *in, const struct shape_field *f)
{
	memset(in, 0, f->bytes);
}

static void free_object(void *in, const struct shape_field *f)
{
	shape_free(in, f->of);
}

static void free_list(void *in, const struct shape_field *f)
{
	struct list *list = in;

	for (size_t i = 0; i < list->count; i++)
		if (f->item)
			free_ptr((char **)list->items + i);
		else
			shape_free((char *)list->items + i * f->size, f->of);
	free_ptr(&list->items);
	list->count = 0;
}

static void free_map(void *in, const struct shape_field *f)
{
	struct list *map = in;
	struct shape_pair *pairs = map->items;

	(void)f;
	for (size_t i = 0; i < map->count; i++) {
		free_ptr(&pairs[i].key);
		free_ptr(&pairs[i].value);
	}
	free_ptr(&map->items);
	map->count = 0;
}

static void free_doc(void *in, const struct shape_field *f)
{
	(void)f;
	doc_free(in);
}

static const struct {
	doc *(*write)(const void *from, const struct shape_field *f);    /* NULL: nothing is there */
	bool (*is_usual)(const void *from, const struct shape_field *f); /* is it its default? asked for .omit_zero */
	void (*free)(void *in, const struct shape_field *f);
	bool has_entries; /* an empty one is left out */
} kinds[] = {
	[SHAPE_TEXT] = {write_text, usual_never, free_text, false},
	[SHAPE_NAME] = {write_text, usual_never, free_text, false},
	[SHAPE_PLAN] = {write_text, usual_never, free_text, false},
	[SHAPE_PATH] = {write_text, usual_never, free_text, false},
	[SHAPE_INT] = {write_number, usual_number, zero_number, false},
	[SHAPE_MS] = {write_number, usual_number, zero_number, false},
	[SHAPE_BYTES] = {write_number, usual_number, zero_number, false},
	[SHAPE_BOOL] = {write_bool, usual_bool, zero_bool, false},
	[SHAPE_WORD] = {write_word, usual_word, zero_word, false},
	[SHAPE_WORDS] = {write_words, usual_words, zero_word, true},
	[SHAPE_CLOCK] = {write_clock, usual_number, zero_number, false},
	[SHAPE_HEX] = {write_hex, usual_hex, zero_hex, false},
	[SHAPE_OBJECT] = {write_object, usual_never, free_object, true},
	[SHAPE_LIST] = {write_list, usual_never, free_list, true},
	[SHAPE_MAP] = {write_map, usual_never, free_map, true},
	[SHAPE_DOC] = {write_doc, usual_never, free_doc, false},
};

/* An empty set of words that is not the default must be seen to be empty. */
static bool is_left_out(const void *from, const doc *value, const struct shape_field *f)
{
	if (f->required || f->has)
		return false;
	if (f->omit_zero && kinds[f->kind].is_usual(from, f))
		return true;
	return kinds[f->kind].has_entries && doc_count(value) == 0 && f->number == 0 && !f->keep_empty;
}

static void write_field(doc *out, const void *in, const struct shape_field *f)
{
	const char *name = f->json ? f->json : f->name;
	bool there = !f->has || *(const bool *)((const char *)in + f->has);
	const void *from = (const char *)in + f->at;
	cleanup(doc_free) doc *value = there ? kinds[f->kind].write(from, f) : NULL;

	if (value ? !is_left_out(from, value, f) : f->keep_empty)
		doc_set(out, name, doc_ref(value));
}

doc *shape_write(const void *in, const struct shape_field *shape)
{
	if (shape->kind && shape->name[0] == 0)
		return kinds[shape->kind].write((const char *)in + shape->at, shape);
	doc *out = doc_object();
	for (; shape->kind; shape++)
		write_field(out, in, shape);
	return out;
}

void shape_free(void *in, const struct shape_field *shape)
{
	for (; shape->kind; shape++) {
		kinds[shape->kind].free((char *)in + shape->at, shape);
		if (shape->has)
			*(bool *)((char *)in + shape->has) = false;
	}
}
