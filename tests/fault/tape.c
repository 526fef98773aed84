/* The record of a run. */
#include "tests/fault/tape.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const words[] = {
#define X(name, word) word,
	OPERATIONS(X)
#undef X
};

static char *below(struct str path, const char *root)
{
	size_t n = strlen(root);

	if (!str_starts(path, root) || (path.len > n && path.data[n] != '/'))
		return NULL;
	return path.len == n ? str_dup(STR("")) : str_dup(str_bytes(path.data + n + 1, path.len - n - 1));
}

static bool read_kind(enum operation_kind *out, struct str word)
{
	for (int i = 0; i < OP_KINDS; i++)
		if (str_is(word, words[i])) {
			*out = (enum operation_kind)i;
			return true;
		}
	return false;
}

/* number, word, offset, length, path, second path or reason. */
static bool read_line(struct operation *o, struct str line, const char *root)
{
	struct str field[6];
	uint64_t number, at, length;

	for (size_t i = 0; i < COUNT_OF(field); i++)
		field[i] = str_cut(line, '\t', &line);
	if (!str_number(&number, field[0], INT64_MAX) || !read_kind(&o->kind, field[1]) ||
		!str_number(&at, field[2], INT64_MAX) || !str_number(&length, field[3], INT64_MAX))
		return false;
	o->number = (long)number;
	o->at = (int64_t)at;
	o->length = (int64_t)length;
	o->path = below(field[4], root);
	o->rest = o->kind == OP_RENAME ? below(field[5], root) : str_dup(field[5]);
	return true;
}

static int by_number(const void *a, const void *b)
{
	long x = ((const struct operation *)a)->number, y = ((const struct operation *)b)->number;

	return (x > y) - (x < y);
}

bool tape_read(struct tape *out, struct str text, const char *root, struct err *e)
{
	struct tape r = {0};

	while (text.len) {
		struct operation o = {0};
		struct str line = str_cut(text, '\n', &text);
		if (!read_line(&o, line, root) || (o.kind == OP_WRITE && (size_t)o.length > text.len)) {
			tape_free(&r);
			return err_set(e, ERR_SYNTAX, "the record has a line that is none: " STR_FMT, (int)MIN(line.len, 200),
				line.data);
		}
		if (o.kind == OP_WRITE) {
			o.bytes = str_bytes(text.data, (size_t)o.length);
			text = str_bytes(text.data + o.length, text.len - (size_t)o.length);
		}
		r.op = mem_grow(r.op, r.count + 1, sizeof *r.op);
		r.op[r.count++] = o;
	}
	qsort(r.op, r.count, sizeof *r.op, by_number);
	*out = r;
	return true;
}

void tape_free(struct tape *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->op[i].path);
		free(t->op[i].rest);
	}
	free(t->op);
	*t = (struct tape){0};
}

static const struct operation *find(const struct tape *t, long number)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->op[i].number == number)
			return &t->op[i];
	return NULL;
}

void tape_text(char out[300], const struct tape *t, long number)
{
	const struct operation *o = find(t, number);

	if (o)
		snprintf(out, 300, "%s %.140s %.140s", words[o->kind], o->path ? o->path : "elsewhere", o->rest ? o->rest : "");
	else
		snprintf(out, 300, "an operation that failed");
}

bool tape_is_write(const struct tape *t, long number)
{
	const struct operation *o = find(t, number);

	return o && o->kind == OP_WRITE;
}

bool tape_is_on_disk(const struct tape *t, long number)
{
	const struct operation *o = find(t, number);

	return !o || o->kind == OP_SYNCFS ||
	       (o->path && (str_starts(str_of(o->path), "etc") || str_starts(str_of(o->path), "state")));
}

bool tape_is_fetched(const struct tape *t, long number)
{
	const struct operation *o = find(t, number);

	return o && o->path &&
	       (str_starts(str_of(o->path), "state/staging/") || str_starts(str_of(o->path), "state/trees/"));
}

/* --- looking --- */

bool looks_read(struct looks *out, struct str text, const char *root, struct err *e)
{
	struct looks l = {0};

	while (text.len) {
		struct str line = str_cut(text, '\n', &text), rest;
		struct str number = str_cut(line, '\t', &rest), word = str_cut(rest, '\t', &rest);
		uint64_t n;
		if (!str_number(&n, number, INT64_MAX)) {
			looks_free(&l);
			return err_set(e, ERR_SYNTAX, "what was looked at has a line that is none: " STR_FMT, STR_ARG(line));
		}
		char *path = below(rest, root);
		l.look = mem_grow(l.look, l.count + 1, sizeof *l.look);
		l.look[l.count++] = (struct look){(long)n, str_dup(word), path ? path : str_dup(rest)};
	}
	*out = l;
	return true;
}

void looks_free(struct looks *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->look[i].word);
		free(l->look[i].path);
	}
	free(l->look);
	*l = (struct looks){0};
}
