/* A numbered plan with its bundle, as the bytes that get signed. */
#include "manifests/manifest.h"

#include "base/name.h"

enum { FORMAT = 1 };
#define NUMBER_MAX ((int64_t)1 << 53) /* what every JSON reader holds exactly */

/* clang-format off */
const struct shape_field bundle_shape[] = {
	{ "sha256", SHAPE_HEX, offsetof(struct bundle_named, sha256), .required = true, .bytes = sizeof(struct digest) },
	{ "length", SHAPE_INT, offsetof(struct bundle_named, length), .required = true, .max = (int64_t)BUNDLE_BYTES_MAX },
	{ 0 },
};

static const struct shape_field manifest_shape[] = {
	{ "format", SHAPE_INT, offsetof(struct manifest, format), .required = true, .min = FORMAT, .max = FORMAT },
	{ "number", SHAPE_INT, offsetof(struct manifest, number), .required = true, .max = NUMBER_MAX },
	{ "bundle", SHAPE_OBJECT, offsetof(struct manifest, bundle), .required = true, .of = bundle_shape },
	{ "plan", SHAPE_OBJECT, offsetof(struct manifest, plan), .required = true, .of = plan_shape },
	{ 0 },
};
/* clang-format on */

/* `scripts` is how the bundle was made, on the operator's side: the bundle's digest says more. */
static doc *manifest_doc(const struct manifest *m)
{
	struct manifest bare = *m;

	bare.format = FORMAT;
	bare.plan.scripts = (struct list){0};
	return shape_write(&bare, manifest_shape);
}

void manifest_write(struct buf *out, const struct manifest *m)
{
	cleanup(doc_free) doc *d = manifest_doc(m);

	doc_canonical(out, d);
}

/* Before the fields: a later format may have others, and what helps then is a newer program. */
static bool check_format(const doc *d, struct err *e)
{
	int64_t format = FORMAT;

	if (!doc_int(doc_get(d, "format"), &format) || format == FORMAT)
		return true;
	return err_set(e, ERR_SYNTAX, "a manifest of format %lld; this program understands format %d",
		(long long)format, FORMAT);
}

/* One spelling for one release: two spellings would have two ids. */
static bool check_bytes(const struct manifest *m, struct str json, struct err *e)
{
	cleanup(buf_free) struct buf again = BUF_MAX(2 * MANIFEST_MAX);

	if (m->plan.scripts.count)
		return err_set(e, ERR_SYNTAX, "plan.scripts has no place in a manifest");
	manifest_write(&again, m);
	return (!again.failed && str_eq(buf_str(&again), json)) ||
	       err_set(e, ERR_SYNTAX, "these are not the canonical bytes of this manifest");
}

static bool read_whole(struct manifest *out, struct str json, struct err *e)
{
	const struct shape_from from = {0};
	cleanup(doc_free) doc *d = NULL;

	if (json.len > MANIFEST_MAX)
		return err_set(e, ERR_LIMIT, "a manifest of %zu bytes: at most %d", json.len, MANIFEST_MAX);
	return doc_read(&d, json, e) && check_format(d, e) && shape_read(out, manifest_shape, d, &from, e) &&
	       plan_check(&out->plan, doc_get(d, "plan"), &from, e) && check_bytes(out, json, e);
}

bool manifest_read(struct manifest *out, struct str json, const char *file, struct err *e)
{
	cleanup(manifest_free) struct manifest m = {0};

	if (!read_whole(&m, json, e))
		return file ? err_in(e, "%s", file) : false;
	*out = m;
	m = (struct manifest){0};
	return true;
}

struct digest manifest_id(struct str json)
{
	return digest_of(json);
}

void manifest_free(struct manifest *m)
{
	shape_free(m, manifest_shape);
}

/* --- what changes: the shape's rows say what there is, the two documents say what differs --- */

struct where {
	const struct where *up;
	const char *name;
	struct str row; /* of a list: the row's key */
};
struct telling {
	struct buf *out;
	bool first; /* there was nothing before */
};
struct pair {
	const doc *old, *new; /* NULL: not there */
};

static void say_where(struct buf *out, const struct where *w)
{
	if (w->up) {
		say_where(out, w->up);
		buf_byte(out, '.');
	}
	buf_text(out, w->name);
	if (w->row.data)
		buf_form(out, "[" STR_FMT "]", STR_ARG(w->row));
}

static doc *of(const struct shape_field *f, const doc *d)
{
	return doc_get(d, f->json ? f->json : f->name);
}

/* In quotes, as YAML has them, where a reader could take it for something else. */
static void say_text(struct buf *out, struct str text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@+-:";
	size_t i = 0;

	while (i < text.len && text.data[i] && strchr(plain, text.data[i]))
		i++;
	if (i == text.len && i) {
		buf_add(out, text);
		return;
	}
	buf_byte(out, '\'');
	for (i = 0; i < text.len; i++)
		buf_text(out, text.data[i] == '\'' ? "''" : (char[]){text.data[i], 0});
	buf_byte(out, '\'');
}

static void say(struct buf *out, const struct shape_field *f, const doc *d)
{
	int64_t n = 0;
	char number[32];

	switch (doc_kind(d)) {
	case DOC_NONE:
		buf_text(out, "none");
		break;
	case DOC_INT:
		(void)!doc_int(d, &n);
		shape_exact(number, f->kind, n);
		buf_text(out, number);
		break;
	case DOC_LIST:
		buf_byte(out, '[');
		for (size_t i = 0; i < doc_count(d); i++) {
			buf_text(out, i ? ", " : "");
			say_text(out, doc_str(doc_at(d, i)));
		}
		buf_byte(out, ']');
		break;
	default:
		say_text(out, doc_str(d));
	}
}

/* "tls: run probes/tls.sh, every 1m, timeout 30s" */
static void say_fields(struct buf *out, const struct shape_field *shape, const doc *d, const char *but)
{
	const char *between = ": ";

	for (const struct shape_field *f = shape; f->kind != SHAPE_END; f++) {
		if (!of(f, d) || (but && strcmp(f->name, but) == 0))
			continue;
		buf_form(out, "%s%s ", between, f->name);
		say(out, f, of(f, d));
		between = ", ";
	}
	buf_byte(out, '\n');
}

static void tell_value(const struct telling *t, const struct where *w, const struct shape_field *f, struct pair p)
{
	say_where(t->out, w);
	buf_text(t->out, ": ");
	if (!t->first) {
		say(t->out, f, p.old);
		buf_text(t->out, " -> ");
	}
	say(t->out, f, p.new);
	buf_byte(t->out, '\n');
}

static void tell_fields(
	const struct telling *t, const struct where *up, const struct shape_field *shape, struct pair p);

static void tell_object(const struct telling *t, const struct where *w, const struct shape_field *f, struct pair p)
{
	if (p.old && p.new) {
		tell_fields(t, w, f->of, p);
		return;
	}
	buf_form(t->out, "%c %s", p.new ? '+' : '-', f->name);
	if (p.new)
		say_fields(t->out, f->of, p.new, NULL);
	else
		buf_byte(t->out, '\n');
}

static struct str row_key(const struct shape_field *f, const doc *row)
{
	return doc_str(doc_get(row, f->key));
}

static const doc *row_of(const struct shape_field *f, const doc *list, struct str key)
{
	for (size_t i = 0; i < doc_count(list); i++)
		if (str_eq(row_key(f, doc_at(list, i)), key))
			return doc_at(list, i);
	return NULL;
}

/* "+ probe": one row of `probes`. */
static void say_row(struct buf *out, char sign, const struct shape_field *f, const doc *row)
{
	struct str key = row_key(f, row);

	buf_form(out, "%c %.*s " STR_FMT, sign, (int)strlen(f->name) - 1, f->name, STR_ARG(key));
}

/* Do the rows that stay still stand in the same order? */
static bool same_order(const struct shape_field *f, struct pair p)
{
	size_t k = 0;

	for (size_t i = 0; i < doc_count(p.old); i++) {
		struct str key = row_key(f, doc_at(p.old, i));
		if (!row_of(f, p.new, key))
			continue;
		while (k < doc_count(p.new) && !row_of(f, p.old, row_key(f, doc_at(p.new, k))))
			k++;
		if (!str_eq(row_key(f, doc_at(p.new, k++)), key))
			return false;
	}
	return true;
}

static void tell_rows(const struct telling *t, const struct where *w, const struct shape_field *f, struct pair p)
{
	for (size_t i = 0; i < doc_count(p.old); i++) {
		const doc *row = doc_at(p.old, i);
		if (row_of(f, p.new, row_key(f, row)))
			continue;
		say_row(t->out, '-', f, row);
		buf_byte(t->out, '\n');
	}
	for (size_t i = 0; i < doc_count(p.new); i++) {
		const doc *row = doc_at(p.new, i), *before = row_of(f, p.old, row_key(f, row));
		if (before) {
			tell_fields(
				t, &(struct where){w->up, f->name, row_key(f, row)}, f->of, (struct pair){before, row});
			continue;
		}
		say_row(t->out, '+', f, row);
		say_fields(t->out, f->of, row, f->key);
	}
	if (!same_order(f, p)) {
		say_where(t->out, w);
		buf_text(t->out, ": another order\n");
	}
}

static void tell_fields(const struct telling *t, const struct where *up, const struct shape_field *shape, struct pair p)
{
	for (const struct shape_field *f = shape; f->kind != SHAPE_END; f++) {
		const struct where here = {.up = up, .name = f->name};
		const struct pair in = {of(f, p.old), of(f, p.new)};
		if (in.old == in.new || doc_equal(in.old, in.new))
			continue;
		if (f->kind == SHAPE_OBJECT)
			tell_object(t, &here, f, in);
		else if (f->kind == SHAPE_LIST && f->of)
			tell_rows(t, &here, f, in);
		else
			tell_value(t, &here, f, in);
	}
}

void manifest_changes(struct buf *out, const struct manifest *old, const struct manifest *new)
{
	const struct telling t = {out, !old};
	cleanup(doc_free) doc *a = old ? manifest_doc(old) : doc_object(), *b = manifest_doc(new);

	if (!doc_equal(doc_get(a, "bundle"), doc_get(b, "bundle")))
		buf_text(out, old ? "scripts: bundle changes\n" : "scripts: the first bundle\n");
	tell_fields(&t, NULL, plan_shape, (struct pair){doc_get(a, "plan"), doc_get(b, "plan")});
}
