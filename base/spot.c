/* Where in the document we are, and the sentences that say so. */
#include "base/spot.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/opts.h"

enum { SAID_MAX = 600, SHOWN_MAX = 60 };

static int line_of(const struct shape_from *from, const doc *node)
{
	return from->line && node ? from->line(from->ctx, node) : 0;
}

int spot_line(const struct spot *at)
{
	int line = 0;

	for (; at && line <= 0; at = at->up)
		line = line_of(at->from, at->node);
	return line;
}

/* "probes[2].every"; the document itself has no name, nor has a field named "". */
static void add_path(struct buf *out, const struct spot *at)
{
	if (!at->up)
		return;
	add_path(out, at->up);
	if (!at->name)
		buf_form(out, "[%zu]", at->index);
	else if (at->name[0])
		buf_form(out, "%s%s", out->len ? "." : "", at->name);
}

bool spot_blame(const struct spot *at)
{
	cleanup(buf_free) struct buf path = {0};
	int line = spot_line(at);

	add_path(&path, at);
	if (path.len)
		err_in(at->e, "%s", path.data);
	if (at->from->file && line)
		return err_in(at->e, "%s:%d", at->from->file, line);
	if (at->from->file)
		return err_in(at->e, "%s", at->from->file);
	return line ? err_in(at->e, "line %d", line) : false;
}

bool spot_fail(const struct spot *at, enum err_code code, const char *form, ...)
{
	char said[SAID_MAX];
	va_list args;

	va_start(args, form);
	vsnprintf(said, sizeof said, form, args);
	va_end(args);
	err_set(at->e, code, "%s", said);
	return spot_blame(at);
}

/* Long texts are cut between characters. */
static void add_quoted(struct buf *out, struct str text)
{
	size_t n = MIN(text.len, SHOWN_MAX);

	while (n < text.len && n && ((unsigned char)text.data[n] & 0xc0) == 0x80)
		n--;
	buf_form(out, "\"%.*s%s\"", (int)n, text.data, n < text.len ? "..." : "");
}

static void add_found(struct buf *out, const doc *node)
{
	int64_t n = 0;

	if (doc_kind(node) == DOC_TEXT && doc_str(node).len)
		add_quoted(out, doc_str(node));
	else if (doc_kind(node) == DOC_TEXT)
		buf_text(out, "nothing");
	else if (doc_int(node, &n))
		buf_form(out, "%" PRId64, n);
	else if (doc_kind(node) == DOC_BOOL)
		buf_text(out, doc_true(node) ? "true" : "false");
	else
		buf_text(out, doc_kind_word(doc_kind(node)));
}

bool spot_expected(const struct spot *at, const char *form, ...)
{
	cleanup(buf_free) struct buf found = {0};
	char what[SAID_MAX];
	va_list args;

	va_start(args, form);
	vsnprintf(what, sizeof what, form, args);
	va_end(args);
	add_found(&found, at->node);
	err_set(at->e, ERR_SYNTAX, "expected %s, found %s", what, found.data);
	return spot_blame(at);
}

bool spot_no_word(const struct spot *at, struct str typed, const char *const *words)
{
	cleanup(buf_free) struct buf all = {0}, found = {0};
	const char *near = opts_nearest(typed, words);

	for (size_t i = 0; words[i]; i++)
		buf_form(&all, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
	add_quoted(&found, typed);
	if (near)
		return spot_fail(at, ERR_SYNTAX, "expected %s, found %s: did you mean \"%s\"?", buf_str(&all).data,
			found.data, near);
	return spot_fail(at, ERR_SYNTAX, "expected %s, found %s", buf_str(&all).data, found.data);
}

/* The line is the field's, the path its object's. */
bool spot_unknown(const struct spot *at, const char *name, const char *const *known)
{
	cleanup(buf_free) struct buf shown = {0};
	const char *near = opts_nearest(str_of(name), known);
	struct spot object = *at;
	const doc *value = doc_get(at->node, name);

	add_quoted(&shown, str_of(name));
	if (line_of(at->from, value) > 0)
		object.node = value;
	if (near)
		return spot_fail(&object, ERR_SYNTAX, "unknown field %s: did you mean \"%s\"?", shown.data, near);
	return spot_fail(&object, ERR_SYNTAX, "unknown field %s", shown.data);
}

bool shape_blame(const struct shape_from *from, const doc *node, struct err *e)
{
	int line = from->line ? from->line(from->ctx, node) : 0;

	if (line && from->file)
		return err_in(e, "%s:%d", from->file, line);
	return from->file ? err_in(e, "%s", from->file) : false;
}
