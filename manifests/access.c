/* Who may do what on the Pis. */
#include "manifests/access.h"

#include <stdio.h>
#include <stdlib.h>

#include "manifests/ssh_key.h"

#define NUMBER_MAX  ((int64_t)1 << 53) /* what every JSON reader holds exactly */
#define SECOND_MS   ((int64_t)1000)
#define DEADLINE_MS (120 * SECOND_MS)
#define DAY_MS      (24 * 3600 * SECOND_MS)

const char *const may_words[] = {"look", "roll", NULL};

/* clang-format off */
#define AT(t, f) offsetof(struct t, f)
#define OPERATORS(n) \
	{ n, SHAPE_LIST, AT(access, operators), .required = true, .of = operator_shape, .size = sizeof(struct operator), \
	  .max = ACCESS_OPERATORS_MAX, .key = "name" }
#define DEADLINE(n) \
	{ n, SHAPE_MS, AT(access, deadline_ms), .json = n "_ms", .min = SECOND_MS, .max = DAY_MS, .number = DEADLINE_MS }

static const struct shape_field operator_shape[] = {
	{ "name", SHAPE_NAME, AT(operator, name), .required = true },
	{ "key", SHAPE_TEXT, AT(operator, key), .required = true, .max = 2 * SSH_KEY_MAX },
	{ "may", SHAPE_WORDS, AT(operator, may), .required = true, .words = may_words },
	{ 0 },
};
static const struct shape_field access_shape[] = {
	{ "format", SHAPE_INT, AT(access, format), .required = true, .min = ACCESS_FORMAT, .max = ACCESS_FORMAT },
	{ "number", SHAPE_INT, AT(access, number), .required = true, .min = 1, .max = NUMBER_MAX },
	OPERATORS("operators"),
	DEADLINE("deadline"),
	{ 0 },
};
const struct shape_field access_yaml_shape[] = { /* a person writes neither format nor number */
	OPERATORS("operators"),
	DEADLINE("deadline"),
	{ 0 },
};
/* clang-format on */

static struct operator *operators(const struct access *a)
{
	return a->operators.items;
}

/* --- what the table cannot say --- */

static bool check_operator(const struct access *a, size_t i, struct err *e)
{
	const struct operator *o = operators(a);

	if (!o[i].may)
		return err_set(e, ERR_SYNTAX, "operator %s: may is empty: expected look, roll", o[i].name);
	for (size_t k = 0; k < i; k++)
		if (strcmp(o[k].key, o[i].key) == 0)
			return err_set(e, ERR_SYNTAX, "operator %s has the key of operator %s: sshd would take it for %s's",
				o[i].name, o[k].name, o[k].name);
	return ssh_key_check(str_of(o[i].key), e) || err_in(e, "operator %s: key", o[i].name);
}

/* A list that nobody can change any more would be the last one. */
static bool check_roll(const struct access *a, struct err *e)
{
	for (size_t i = 0; i < a->operators.count; i++)
		if (operators(a)[i].may & MAY_ROLL)
			return true;
	return err_set(e, ERR_REFUSED, "operators: nobody may roll: no host could ever be changed again");
}

static bool check(const struct access *a, const doc *d, const struct shape_from *from, struct err *e)
{
	const doc *list = doc_get(d, "operators");

	for (size_t i = 0; i < a->operators.count; i++)
		if (!check_operator(a, i, e))
			return shape_blame(from, doc_at(list, i), e);
	return check_roll(a, e) || shape_blame(from, list, e);
}

/* --- reading and writing --- */

bool access_take(struct access *out, struct access *read, const doc *d, const struct shape_from *from, struct err *e)
{
	if (!check(read, d, from, e))
		return false;
	*out = *read;
	*read = (struct access){0};
	return true;
}

bool access_read(struct access *out, struct str json, const char *file, struct err *e)
{
	const struct shape_from from = {.file = file};
	cleanup(access_free) struct access a = {0};
	cleanup(doc_free) doc *d = NULL;

	if (json.len > ACCESS_FILE_MAX)
		return err_set(e, ERR_LIMIT, "%s: %zu bytes: at most %d", file, json.len, ACCESS_FILE_MAX);
	if (!doc_read(&d, json, e))
		return err_in(e, "%s", file);
	return shape_read(&a, access_shape, d, &from, e) && access_take(out, &a, d, &from, e);
}

void access_write(struct buf *out, const struct access *a)
{
	struct access now = *a;
	now.format = ACCESS_FORMAT;
	cleanup(doc_free) doc *d = shape_write(&now, access_shape);

	doc_pretty(out, d);
}

void access_free(struct access *a)
{
	shape_free(a, access_shape);
}

/* --- what sshd reads --- */

bool access_check_serve(const char *serve, struct err *e)
{
	for (const char *c = serve; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			return err_set(e, ERR_UNSAFE, "serve: only printable ASCII without quotes and backslashes: %.200s", serve);
	return serve[0] == '/' || err_set(e, ERR_UNSAFE, "serve: expected a command with its whole path: %.200s", serve);
}

static void may_join(char out[32], unsigned may, const char *between)
{
	size_t len = 0;

	out[0] = 0;
	for (size_t i = 0; may_words[i]; i++)
		if (may & (1u << i))
			len += (size_t)snprintf(out + len, 32 - len, "%s%s", len ? between : "", may_words[i]);
}

void may_text(char out[32], unsigned may)
{
	may_join(out, may, ", ");
}

/* Every word comes from a small alphabet (name_check, may_words, ssh_key_check): a shell and sshd's own quoting see nothing
 * but words. */
void access_keys(struct buf *out, const struct access *a, const char *serve, const char *id)
{
	const struct operator *o = operators(a);
	char may[32];

	for (size_t i = 0; i < a->operators.count; i++) {
		may_join(may, o[i].may, ",");
		buf_form(out, "restrict,command=\"%s --operator %s --may %s --access %s\" %s %s\n", serve, o[i].name, may, id,
			o[i].key, o[i].name);
	}
}

/* --- what changes --- */

static const struct operator *find(const struct access *a, const char *name)
{
	for (size_t i = 0; a && i < a->operators.count; i++)
		if (strcmp(operators(a)[i].name, name) == 0)
			return &operators(a)[i];
	return NULL;
}

static void say_change(struct buf *out, const struct operator *old, const struct operator *new)
{
	char was[32], is[32];

	may_text(is, new->may);
	if (!old) {
		buf_form(out, "+ operator %s may %s\n", new->name, is);
		return;
	}
	may_text(was, old->may);
	if (old->may != new->may)
		buf_form(out, "operator %s may: %s -> %s\n", new->name, was, is);
	if (strcmp(old->key, new->key) != 0)
		buf_form(out, "operator %s has another key\n", new->name);
}

void access_changes(struct buf *out, const struct access *old, const struct access *new)
{
	char was[32], is[32];

	for (size_t i = 0; old && i < old->operators.count; i++)
		if (!find(new, operators(old)[i].name))
			buf_form(out, "- operator %s\n", operators(old)[i].name);
	for (size_t i = 0; i < new->operators.count; i++)
		say_change(out, find(old, operators(new)[i].name), &operators(new)[i]);
	if (!old || old->deadline_ms == new->deadline_ms)
		return;
	shape_exact(was, SHAPE_MS, old->deadline_ms);
	shape_exact(is, SHAPE_MS, new->deadline_ms);
	buf_form(out, "deadline: %s -> %s\n", was, is);
}
