/* YAML without its surprises: events become text, lists and objects; whatever is clever is refused. The one door to
 * libyaml. */
#include "manifests/yaml.h"

#include <stdlib.h>
#include <yaml.h>

enum { DEPTH_MAX = 16, NODES_MAX = 1000000, KEY_MAX = 256 };

/* --- which node stands where --- */

struct place {
	const doc *node;
	int line;
};
struct lines { /* sorted by node when the reading is over */
	struct place *place;
	size_t count, room;
};

static void remember(struct lines *l, const doc *node, int line)
{
	if (l->count == l->room) {
		l->room = MAX(2 * l->room, 64);
		l->place = mem_grow(l->place, l->room, sizeof *l->place);
	}
	l->place[l->count++] = (struct place){node, line};
}

static int by_node(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct place *)a)->node, y = (uintptr_t)((const struct place *)b)->node;

	return (x > y) - (x < y);
}

static void sort(struct lines *l)
{
	if (l->count)
		qsort(l->place, l->count, sizeof *l->place, by_node);
}

static struct place *find(const struct lines *l, const doc *node)
{
	const struct place wanted = {node, 0};

	return l && l->count ? bsearch(&wanted, l->place, l->count, sizeof wanted, by_node) : NULL;
}

int yaml_line(const struct yaml *y, const doc *node)
{
	const struct place *p = find(y->lines, node);

	return p ? p->line : 0;
}

static int line_of(const void *ctx, const doc *node)
{
	return yaml_line(ctx, node);
}

struct shape_from yaml_from(const struct yaml *y)
{
	return (struct shape_from){.file = y->file, .line = line_of, .ctx = y, .plain = true};
}

void yaml_set(struct yaml *y, doc *object, const char *key, doc *value)
{
	const doc *before = doc_get(object, key);
	struct place *p = find(y->lines, before);
	int line = p ? p->line : yaml_line(y, object);

	if (p)
		p->node = value; /* the old address may come again, for another node */
	else
		remember(y->lines, value, line);
	for (size_t i = 0; i < doc_count(value) && doc_kind(value) == DOC_LIST; i++)
		remember(y->lines, doc_at(value, i), line);
	sort(y->lines);
	doc_set(object, key, value);
}

void yaml_free(struct yaml *y)
{
	struct lines *l = y->lines;

	doc_free(&y->root);
	free_ptr(&y->file);
	if (l)
		free_ptr(&l->place);
	free_ptr(&y->lines);
}

/* --- from events to nodes --- */

struct level {
	doc *node;    /* borrowed from the level above */
	char *key;    /* of an object: waits for its value */
	int key_line; /* where a person looks for the value, though a block begins a line further down */
};
struct reading {
	yaml_parser_t parser;
	struct str text;
	struct yaml y;
	struct level level[DEPTH_MAX];
	size_t depth;
};

static void reading_end(struct reading *r)
{
	for (size_t i = 0; i < COUNT_OF(r->level); i++)
		free_ptr(&r->level[i].key);
	yaml_parser_delete(&r->parser);
	yaml_free(&r->y);
}

static int line_at(const yaml_mark_t *mark)
{
	return (int)MIN(mark->line, (size_t)INT32_MAX - 1) + 1;
}

static bool wrong(const struct reading *r, int line, enum err_code code, const char *why, struct err *e)
{
	return err_set(e, code, "%s:%d: %s", r->y.file, line, why);
}

static struct level *top(struct reading *r)
{
	return r->depth ? &r->level[r->depth - 1] : NULL;
}

static bool wants_key(struct reading *r)
{
	struct level *l = top(r);

	return l && doc_kind(l->node) == DOC_OBJECT && !l->key;
}

/* Hands the node to where it belongs; it is owned there, or gone. */
static bool put(struct reading *r, doc *node, int line, struct err *e)
{
	struct level *above = top(r);
	struct lines *l = r->y.lines;

	if (l->count == NODES_MAX) {
		doc_free(&node);
		return err_set(e, ERR_LIMIT, "%s:%d: more than %d entries", r->y.file, line, NODES_MAX);
	}
	remember(l, node, above && above->key ? above->key_line : line);
	if (!above) {
		r->y.root = node;
	} else if (doc_kind(above->node) == DOC_LIST) {
		doc_add(above->node, node);
	} else {
		doc_set(above->node, above->key, node);
		free_ptr(&above->key);
	}
	return true;
}

static bool take_key(struct reading *r, struct str key, int line, struct err *e)
{
	struct level *l = top(r);

	if (key.len > KEY_MAX)
		return err_set(e, ERR_LIMIT, "%s:%d: a key longer than %d bytes", r->y.file, line, KEY_MAX);
	l->key = str_dup(key);
	l->key_line = line;
	const doc *before = doc_get(l->node, l->key);
	if (!before)
		return true;
	sort(r->y.lines);
	return err_set(e, ERR_SYNTAX, "%s:%d: `%s` stands here twice, first in line %d", r->y.file, line, l->key,
		yaml_line(&r->y, before));
}

static bool check_plain(
	const struct reading *r, const yaml_char_t *anchor, const yaml_char_t *tag, int line, struct err *e)
{
	if (anchor)
		return wrong(r, line, ERR_SYNTAX, "anchors (&name) are not used here: write it out", e);
	if (tag)
		return wrong(r, line, ERR_SYNTAX, "tags (!name) are not used here", e);
	return true;
}

static bool on_alias(struct reading *r, const yaml_event_t *ev, int line, struct err *e)
{
	(void)ev;
	return wrong(r, line, ERR_SYNTAX, "aliases (*name) are not used here: write it out", e);
}

static bool on_document(struct reading *r, const yaml_event_t *ev, int line, struct err *e)
{
	(void)ev;
	return !r->y.root || wrong(r, line, ERR_SYNTAX, "a second document: only one a file", e);
}

static bool on_scalar(struct reading *r, const yaml_event_t *ev, int line, struct err *e)
{
	struct str text = str_bytes(ev->data.scalar.value, ev->data.scalar.length);

	if (!check_plain(r, ev->data.scalar.anchor, ev->data.scalar.tag, line, e))
		return false;
	if (text.len && memchr(text.data, 0, text.len))
		return wrong(r, line, ERR_SYNTAX, "a NUL character", e);
	if (wants_key(r))
		return take_key(r, text, line, e);
	if (r->depth == 0 && text.len)
		return wrong(r, line, ERR_SYNTAX, "expected fields (`name: value`) or a list (`- ...`)", e);
	return put(r, r->depth ? doc_of_str(text) : doc_object(), line, e);
}

static bool open_level(struct reading *r, doc *node, int line, struct err *e)
{
	bool key = wants_key(r);

	if (key || r->depth == DEPTH_MAX) {
		doc_free(&node);
		return key ? wrong(r, line, ERR_SYNTAX, "a key must be text", e)
			   : err_set(e, ERR_LIMIT, "%s:%d: nested deeper than %d levels", r->y.file, line, DEPTH_MAX);
	}
	if (!put(r, node, line, e))
		return false;
	r->level[r->depth++] = (struct level){.node = node};
	return true;
}

static bool on_list(struct reading *r, const yaml_event_t *ev, int line, struct err *e)
{
	return check_plain(r, ev->data.sequence_start.anchor, ev->data.sequence_start.tag, line, e) &&
	       open_level(r, doc_list(), line, e);
}

static bool on_object(struct reading *r, const yaml_event_t *ev, int line, struct err *e)
{
	return check_plain(r, ev->data.mapping_start.anchor, ev->data.mapping_start.tag, line, e) &&
	       open_level(r, doc_object(), line, e);
}

static bool on_end(struct reading *r, const yaml_event_t *ev, int line, struct err *e)
{
	(void)ev, (void)line, (void)e;
	r->depth--;
	return true;
}

/* --- what libyaml says --- */

/* Does white space in front of that line hold a tab? libyaml's words for it help nobody. */
static bool tab_indents(struct str text, int line)
{
	for (struct str rest = text; line > 0 && rest.len; line--) {
		struct str one = str_cut(rest, '\n', &rest);
		for (size_t i = 0; line == 1 && i < one.len && (one.data[i] == ' ' || one.data[i] == '\t'); i++)
			if (one.data[i] == '\t')
				return true;
	}
	return false;
}

static int line_of_byte(struct str text, size_t at)
{
	int line = 1;

	for (size_t i = 0; i < MIN(at, text.len); i++)
		line += text.data[i] == '\n';
	return line;
}

static bool not_yaml(const struct reading *r, struct err *e)
{
	const yaml_parser_t *p = &r->parser;
	int line = line_at(&p->problem_mark);

	if (p->error == YAML_READER_ERROR)
		return wrong(r, line_of_byte(r->text, p->problem_offset), ERR_SYNTAX, p->problem, e);
	if (tab_indents(r->text, line))
		return wrong(r, line, ERR_SYNTAX, "a tab in front: YAML is indented with spaces", e);
	return wrong(r, line, ERR_SYNTAX, p->problem ? p->problem : "not YAML", e);
}

static bool read_events(struct reading *r, struct err *e)
{
	static bool (*const on[])(struct reading *, const yaml_event_t *, int, struct err *) = {
		[YAML_DOCUMENT_START_EVENT] = on_document,
		[YAML_ALIAS_EVENT] = on_alias,
		[YAML_SCALAR_EVENT] = on_scalar,
		[YAML_SEQUENCE_START_EVENT] = on_list,
		[YAML_SEQUENCE_END_EVENT] = on_end,
		[YAML_MAPPING_START_EVENT] = on_object,
		[YAML_MAPPING_END_EVENT] = on_end,
	};
	bool ok = true, more = true;

	while (ok && more) {
		cleanup(yaml_event_delete) yaml_event_t ev = {0};
		if (!yaml_parser_parse(&r->parser, &ev))
			return not_yaml(r, e);
		more = ev.type != YAML_STREAM_END_EVENT;
		if ((size_t)ev.type < COUNT_OF(on) && on[ev.type])
			ok = on[ev.type](r, &ev, line_at(&ev.start_mark), e);
	}
	return ok;
}

bool yaml_read(struct yaml *out, struct str text, const char *file, struct err *e)
{
	cleanup(reading_end) struct reading r = {.text = text};

	r.y.file = str_dup(str_of(file ? file : "yaml"));
	r.y.lines = mem_new(1, sizeof(struct lines));
	if (!yaml_parser_initialize(&r.parser))
		return err_set(e, ERR_INTERNAL, "%s: libyaml does not start", r.y.file);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING); /* else it guesses, UTF-16 too */
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.len ? text.data : ""), text.len);
	if (!read_events(&r, e))
		return false;
	if (!r.y.root)
		r.y.root = doc_object();
	sort(r.y.lines);
	*out = r.y;
	r.y = (struct yaml){0};
	return true;
}
