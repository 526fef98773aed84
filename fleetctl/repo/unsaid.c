#include "fleetctl/repo/unsaid.h"

#include <fnmatch.h>

#include "base/fs.h"
#include "fleetctl/repo/duty.h"

enum { VALUE_MAX = 200 };

/* What sign_words tells: the head of a body, whose key signs for which role, and how many must. */
static const char *const told[] = {
	"version",
	"expires",
	"x-fleet-signed",
	"roles.*.keyids",
	"roles.*.threshold",
	"delegations.roles\\[*\\].name",
	"delegations.roles\\[*\\].keyids",
	"delegations.roles\\[*\\].threshold",
	NULL,
};
static const char *const dates[] = {"expires", "x-fleet-signed", NULL};

struct walk {
	struct buf *out;
	const char *const *skip;
	bool new_keys;      /* a key that only now is listed is told by its name and short digest */
	const char *plan;   /* NULL: of no plan. Its manifest is told in words, */
	const doc *current; /* and so is the release that is the same */
};

static void walk(const struct walk *w, const char *at, doc *a, doc *b);

static bool skipped(const struct walk *w, const char *at)
{
	for (size_t i = 0; w->skip[i]; i++)
		if (fnmatch(w->skip[i], at, 0) == 0)
			return true;
	return false;
}

/* Names and values are foreign: nothing of them may look like a line of ours, or move the cursor. */
static void add_clean(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_byte(out, text.data[i] < ' ' || text.data[i] > '~' ? '?' : text.data[i]);
}

/* A value that is too long to be read is told by its digest: nobody can hide behind the end of a line. */
static void say_value(struct buf *out, const doc *d)
{
	cleanup(buf_free) struct buf text = {0};
	char hex[DIGEST_HEX + 1];

	if (!d) {
		buf_text(out, "nothing");
		return;
	}
	doc_canonical(&text, d);
	digest_hex(hex, digest_of(buf_str(&text)));
	if (text.len <= VALUE_MAX)
		add_clean(out, buf_str(&text));
	else
		buf_form(out, "%zu bytes, SHA-256 %.16s", text.len, hex);
}

static void say(const struct walk *w, const char *at, const doc *a, const doc *b)
{
	buf_text(w->out, "  ");
	add_clean(w->out, str_of(at));
	buf_text(w->out, ": ");
	say_value(w->out, b);
	buf_text(w->out, " (was ");
	say_value(w->out, a);
	buf_text(w->out, ")\n");
}

static char *below(const char *at, const char *key)
{
	cleanup(buf_free) struct buf path = {0};

	buf_form(&path, "%s%s%s", at, *at ? "." : "", key);
	return buf_take(&path);
}

static void walk_objects(const struct walk *w, const char *at, doc *a, doc *b)
{
	for (void *i = doc_first(a); i; i = doc_next(a, i)) {
		cleanup(free_ptr) char *path = below(at, doc_key(i));
		walk(w, path, doc_value(i), doc_get(b, doc_key(i)));
	}
	for (void *i = doc_first(b); i; i = doc_next(b, i)) {
		cleanup(free_ptr) char *path = below(at, doc_key(i));
		if (!doc_get(a, doc_key(i)))
			walk(w, path, NULL, doc_value(i));
	}
}

/* --- the delegations, by name --- */

static doc *link_of(doc *links, struct str name)
{
	for (size_t i = 0; name.data && i < doc_count(links); i++)
		if (str_eq(doc_str(doc_get(doc_at(links, i), "name")), name))
			return doc_at(links, i);
	return NULL;
}

/* As we write a delegation to that role: its paths, and that the search ends there. */
static doc *usual_link(const char *name)
{
	char *path[DUTY_PATHS];
	size_t count = duty_of(name) == DUTY_NONE ? 0 : duty_paths(path, name);
	doc *link = doc_object(), *paths = doc_list();

	for (size_t i = 0; i < count; i++) {
		doc_add_str(paths, str_of(path[i]));
		free_ptr(&path[i]);
	}
	doc_set(link, "paths", paths);
	doc_set_bool(link, "terminating", true);
	return link;
}

static void walk_link(const struct walk *w, const char *at, doc *a, doc *b, struct str name)
{
	cleanup(free_ptr) char *path = NULL;
	cleanup(buf_free) struct buf text = {0};
	cleanup(doc_free) doc *usual = !a && b ? usual_link(name.data) : NULL;

	buf_form(&text, "%s[" STR_FMT "]", at, STR_ARG(name));
	path = buf_take(&text);
	if (a && !b)
		say(w, path, a, b);
	else
		walk_objects(w, path, a ? a : usual, b);
}

/* Those that both have, in the order of each: the search goes by it. */
static void names_in_order(struct buf *out, doc *links, doc *others)
{
	for (size_t i = 0; i < doc_count(links); i++) {
		struct str name = doc_str(doc_get(doc_at(links, i), "name"));
		if (link_of(others, name))
			buf_form(out, " " STR_FMT, STR_ARG(name));
	}
}

static void walk_links(const struct walk *w, const char *at, doc *a, doc *b)
{
	cleanup(buf_free) struct buf old = {0}, new = {0};

	for (size_t i = 0; i < doc_count(a); i++) {
		struct str name = doc_str(doc_get(doc_at(a, i), "name"));
		walk_link(w, at, doc_at(a, i), link_of(b, name), name);
	}
	for (size_t i = 0; i < doc_count(b); i++) {
		struct str name = doc_str(doc_get(doc_at(b, i), "name"));
		if (!link_of(a, name))
			walk_link(w, at, NULL, doc_at(b, i), name);
	}
	names_in_order(&old, a, b);
	names_in_order(&new, b, a);
	if (!str_eq(buf_str(&old), buf_str(&new))) {
		buf_form(w->out, "  %s: another order:", at);
		add_clean(w->out, buf_str(&new));
		buf_byte(w->out, '\n');
	}
}

/* --- all of it --- */

/* Listed for the first time, or no more. */
static bool is_other_key(const struct walk *w, const char *at, const doc *a, const doc *b)
{
	return w->new_keys && (!a || !b) &&
	       (fnmatch("keys.*", at, 0) == 0 || fnmatch("delegations.keys.*", at, 0) == 0);
}

/* A plan's own targets: what is told in words already, and a release that its keys permit no more. */
static bool said_of_plan(const struct walk *w, const char *at, const doc *a, const doc *b)
{
	cleanup(free_ptr) char *current = path_form("targets.%s/manifest.json", w->plan);
	cleanup(free_ptr) char *releases = path_form("targets.%s/releases/", w->plan);

	if (strcmp(at, current) == 0 && b)
		return true;
	if (!str_starts(str_of(at), releases))
		return false;
	if (!a)
		return doc_equal(b, w->current);
	if (b)
		return false;
	buf_text(w->out, "  ");
	add_clean(w->out, str_of(at + strlen("targets.")));
	buf_text(w->out, " is permitted no more\n");
	return true;
}

static bool is_list_of_links(const char *at, const doc *d)
{
	return strcmp(at, "delegations.roles") == 0 && (!d || doc_kind(d) == DOC_LIST);
}

static bool is_object(const doc *d)
{
	return doc_kind(d) == DOC_OBJECT;
}

static void say_key(const struct walk *w, const char *at, const char *is, const doc *key)
{
	const char *id = strrchr(at, '.') + 1;
	struct str owner = doc_str(doc_get(key, "x-fleet-name")), type = doc_str(doc_get(key, "keytype"));

	buf_form(w->out, "  %s key ", is);
	add_clean(w->out, owner.data ? owner : str_of(id));
	buf_text(w->out, ": ");
	add_clean(w->out, type);
	buf_form(w->out, " %.4s-%.4s-%.4s-%.4s\n", id, id + 4, id + 8, id + 12);
}

static void walk(const struct walk *w, const char *at, doc *a, doc *b)
{
	if (skipped(w, at) || (a && b && doc_equal(a, b)) || (w->plan && said_of_plan(w, at, a, b)))
		return;
	if (is_other_key(w, at, a, b))
		say_key(w, at, a ? "no more" : "new", a ? a : b);
	else if (is_list_of_links(at, a) && is_list_of_links(at, b))
		walk_links(w, at, a, b);
	else if ((is_object(a) && is_object(b)) || (strcmp(at, "delegations") == 0 && !a && is_object(b)))
		walk_objects(w, at, a, b);
	else if (!a && is_object(b) && fnmatch("delegations.*", at, 0) == 0)
		walk_objects(w, at, a, b);
	else if (!a && is_object(b) && fnmatch("roles.*", at, 0) == 0)
		walk_objects(w, at, a, b);
	else
		say(w, at, a, b);
}

void unsaid_words(struct buf *out, enum role_kind kind, const char *role, doc *before, doc *body)
{
	cleanup(doc_free) doc *empty = role_body(kind, 1, 0);
	cleanup(free_ptr) char *current = path_form("%s/manifest.json", role);
	const struct walk w = {out, told, true, kind == ROLE_TARGETS && duty_of(role) == DUTY_PLAN ? role : NULL,
		doc_get(doc_get(body, "targets"), current)};

	if (kind == ROLE_TARGETS && strcmp(role, role_words[ROLE_TARGETS]) != 0)
		doc_set_text(empty, ROLE_OWNER_FIELD, role);
	walk_objects(&w, "", before ? before : empty, body);
}

void unsaid_document(struct buf *out, doc *a, doc *b)
{
	static const char *const none[] = {NULL};
	const struct walk w = {.out = out, .skip = none};

	walk_objects(&w, "", a, b);
}

void unsaid_fields(struct buf *out, doc *a, doc *b)
{
	const struct walk w = {.out = out, .skip = dates};

	walk_objects(&w, "", a, b);
}
