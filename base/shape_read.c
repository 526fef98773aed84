/* Reading a document into a struct, by the table. */
#include "base/shape.h"

#include <stdlib.h>

#include "base/name.h"
#include "base/spot.h"

enum { COUNT_MAX = 1024 };

static bool read_fields(void *out, const struct shape_field *shape, const struct spot *at);

/* --- lists --- */

struct seen {
	const char *text;
	size_t index;
};

static int by_text_then_index(const void *a, const void *b)
{
	const struct seen *l = a, *r = b;
	int order = strcmp(l->text, r->text);

	return order ? order : (l->index > r->index) - (l->index < r->index);
}

/* Of all that are there twice, the second one that comes first in the document; sorted, because hosts are many. */
static bool find_double(size_t *first, size_t *second, struct seen *seen, size_t count)
{
	*second = SIZE_MAX;
	if (count)
		qsort(seen, count, sizeof *seen, by_text_then_index);
	for (size_t i = 1; i < count; i++)
		if (strcmp(seen[i - 1].text, seen[i].text) == 0 && seen[i].index < *second) {
			*first = seen[i - 1].index;
			*second = seen[i].index;
		}
	return *second != SIZE_MAX;
}

static const struct shape_field *field_of(const struct shape_field *shape, const char *name)
{
	while (shape->kind && strcmp(shape->name, name) != 0)
		shape++;
	return shape->kind ? shape : NULL;
}

static bool blame_double(const struct spot *at, const char *name, size_t first, size_t second, const char *text)
{
	struct spot old = spot_element(at, first, doc_at(at->node, first));
	struct spot new = spot_element(at, second, doc_at(at->node, second));
	struct spot old_field = spot_field(&old, name, doc_get(old.node, name));
	struct spot new_field = spot_field(&new, name, doc_get(new.node, name));
	int line = spot_line(&old_field);

	if (line)
		return spot_fail(&new_field, ERR_SYNTAX, "\"%s\" is there already (line %d)", text, line);
	return spot_fail(&new_field, ERR_SYNTAX, "\"%s\" is there already ([%zu])", text, first);
}

static const char *name_in(const struct shape_field *f, const struct shape_from *from)
{
	return f->json && !from->plain ? f->json : f->name;
}

static bool check_doubles(const struct list *list, const struct shape_field *f, const struct spot *at)
{
	const struct shape_field *key = f->key ? field_of(f->of, f->key) : NULL;
	cleanup(free_ptr) struct seen *seen = mem_new(list->count, sizeof *seen);
	size_t count = 0, first, second;

	for (size_t i = 0; key && i < list->count; i++) {
		const char *text = *(char *const *)((const char *)list->items + i * f->size + key->at);
		if (text)
			seen[count++] = (struct seen){text, i};
	}
	if (!find_double(&first, &second, seen, count))
		return true;
	const char *text = *(char *const *)((const char *)list->items + second * f->size + key->at);
	return blame_double(at, name_in(key, at->from), first, second, text);
}

static bool read_value(void *to, const struct shape_field *f, const struct spot *at);

static bool read_element(void *to, const struct shape_field *f, const struct spot *at)
{
	const struct shape_field text = {.name = "", .kind = f->item, .clean = f->clean, .lines = f->lines};

	return f->item ? read_value(to, &text, at) : read_fields(to, f->of, at);
}

static bool check_count(const struct shape_field *f, const struct spot *at)
{
	if (doc_count(at->node) <= shape_limit(f, COUNT_MAX))
		return true;
	return spot_fail(at, ERR_LIMIT, "more than %zu entries", shape_limit(f, COUNT_MAX));
}

/* The count goes up before the element is read: whoever frees after a failure also frees half of one. */
static bool read_list(void *to, const struct shape_field *f, const struct spot *at)
{
	struct list *list = to;
	size_t size = f->item ? sizeof(char *) : f->size;

	if (doc_kind(at->node) != DOC_LIST)
		return spot_expected(at, "a list");
	if (!check_count(f, at))
		return false;
	list->items = mem_new(doc_count(at->node), size);
	while (list->count < doc_count(at->node)) {
		size_t i = list->count++;
		struct spot element = spot_element(at, i, doc_at(at->node, i));
		if (!read_element((char *)list->items + i * size, f, &element))
			return false;
	}
	return check_doubles(list, f, at);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct shape_pair *)a)->key, ((const struct shape_pair *)b)->key);
}

static bool read_pair(struct shape_pair *to, const char *key, const struct spot *at)
{
	const struct shape_field value = {.name = "", .kind = SHAPE_TEXT};

	if (!name_check(str_of(key), at->e))
		return spot_blame(at->up);
	to->key = str_dup(str_of(key));
	return shape_read_text(&to->value, &value, at);
}

/* Sorted, so that the same labels are the same struct, however they were written. */
static bool read_map(void *to, const struct shape_field *f, const struct spot *at)
{
	struct list *map = to;

	if (doc_kind(at->node) != DOC_OBJECT)
		return spot_expected(at, "an object");
	if (!check_count(f, at))
		return false;
	struct shape_pair *pairs = map->items = mem_new(doc_count(at->node), sizeof *pairs);
	for (void *i = doc_first((doc *)at->node); i; i = doc_next((doc *)at->node, i)) {
		struct spot pair = spot_field(at, doc_key(i), doc_value(i));
		if (!read_pair(&pairs[map->count++], doc_key(i), &pair))
			return false;
	}
	if (map->count)
		qsort(pairs, map->count, sizeof *pairs, by_key);
	return true;
}

/* --- objects --- */

static bool read_object(void *to, const struct shape_field *f, const struct spot *at)
{
	return read_fields(to, f->of, at);
}

static bool read_doc(void *to, const struct shape_field *f, const struct spot *at)
{
	(void)f;
	*(doc **)to = doc_ref((doc *)at->node);
	return true;
}

static bool preset_text(void *to, const struct shape_field *f, const struct spot *at)
{
	(void)at;
	*(char **)to = f->text ? str_dup(str_of(f->text)) : NULL;
	return true;
}

static bool preset_number(void *to, const struct shape_field *f, const struct spot *at)
{
	(void)at;
	*(int64_t *)to = f->number;
	return true;
}

static bool preset_bool(void *to, const struct shape_field *f, const struct spot *at)
{
	(void)at;
	*(bool *)to = f->number != 0;
	return true;
}

static bool preset_word(void *to, const struct shape_field *f, const struct spot *at)
{
	(void)at;
	*(int *)to = (int)f->number;
	return true;
}

static bool preset_words(void *to, const struct shape_field *f, const struct spot *at)
{
	(void)at;
	*(unsigned *)to = (unsigned)f->number;
	return true;
}

/* An object that nothing says is absent is there with its defaults, and misses what it requires. */
static bool preset_object(void *to, const struct shape_field *f, const struct spot *at)
{
	cleanup(doc_free) doc *nothing = doc_object();
	struct spot empty = *at;

	empty.node = nothing;
	return f->has || read_fields(to, f->of, &empty);
}

static const struct {
	bool (*read)(void *to, const struct shape_field *f, const struct spot *at);
	bool (*preset)(void *to, const struct shape_field *f, const struct spot *at); /* NULL: zero is the default */
} kinds[] = {
	[SHAPE_TEXT] = {shape_read_text, preset_text},
	[SHAPE_NAME] = {shape_read_checked, preset_text},
	[SHAPE_PLAN] = {shape_read_checked, preset_text},
	[SHAPE_PATH] = {shape_read_checked, preset_text},
	[SHAPE_INT] = {shape_read_number, preset_number},
	[SHAPE_MS] = {shape_read_number, preset_number},
	[SHAPE_BYTES] = {shape_read_number, preset_number},
	[SHAPE_BOOL] = {shape_read_bool, preset_bool},
	[SHAPE_WORD] = {shape_read_word, preset_word},
	[SHAPE_WORDS] = {shape_read_words, preset_words},
	[SHAPE_CLOCK] = {shape_read_clock, preset_number},
	[SHAPE_HEX] = {shape_read_hex, NULL},
	[SHAPE_OBJECT] = {read_object, preset_object},
	[SHAPE_LIST] = {read_list, NULL},
	[SHAPE_MAP] = {read_map, NULL},
	[SHAPE_DOC] = {read_doc, NULL},
};

static bool read_value(void *to, const struct shape_field *f, const struct spot *at)
{
	return kinds[f->kind].read(to, f, at);
}

/* shape_write writes null for what is kept though empty; nothing else may be null. */
static bool is_absent(const struct shape_field *f, const struct spot *field)
{
	enum doc_kind kind = doc_kind(field->node);

	return kind == DOC_NONE || (kind == DOC_NULL && f->keep_empty && !f->required && !field->from->plain);
}

static bool read_field(void *out, const struct shape_field *f, const struct spot *at)
{
	const char *name = name_in(f, at->from);
	struct spot field = spot_field(at, name, doc_get(at->node, name));
	void *to = (char *)out + f->at;

	if (is_absent(f, &field)) {
		if (f->required)
			return spot_fail(at, ERR_SYNTAX, "\"%s\" is missing", name);
		return !kinds[f->kind].preset || kinds[f->kind].preset(to, f, &field);
	}
	if (!read_value(to, f, &field))
		return false;
	if (f->has)
		*(bool *)((char *)out + f->has) = true;
	return true;
}

static bool check_known(const struct shape_field *shape, const struct spot *at)
{
	size_t count = 0;

	while (shape[count].kind)
		count++;
	cleanup(free_ptr) const char **names = mem_new(count + 1, sizeof *names);
	for (size_t i = 0; i < count; i++)
		names[i] = name_in(&shape[i], at->from);
	for (void *i = doc_first((doc *)at->node); i; i = doc_next((doc *)at->node, i)) {
		size_t any;
		if (!shape_word_index(&any, str_of(doc_key(i)), names))
			return spot_unknown(at, doc_key(i), names);
	}
	return true;
}

/* Unknown fields first: a mistyped name explains why the right one is missing. */
static bool read_fields(void *out, const struct shape_field *shape, const struct spot *at)
{
	if (doc_kind(at->node) != DOC_OBJECT)
		return spot_expected(at, "an object");
	if (!at->from->open && !check_known(shape, at))
		return false;
	for (; shape->kind; shape++)
		if (!read_field(out, shape, at))
			return false;
	return true;
}

bool shape_read(void *out, const struct shape_field *shape, const doc *d, const struct shape_from *from, struct err *e)
{
	static const struct shape_from nowhere = {.file = NULL};
	const struct spot root = {.node = d, .from = from ? from : &nowhere, .e = e};
	bool whole = shape->kind && shape->name[0] == 0;
	const struct spot field = spot_field(&root, "", d);

	if (whole ? read_value((char *)out + shape->at, shape, &field) : read_fields(out, shape, &root))
		return true;
	shape_free(out, shape);
	return false;
}
