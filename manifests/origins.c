/* Where a host fetches from: the table, and which words belong to which kind. */
#include "manifests/origins.h"

#include "manifests/address.h"
#include "manifests/ssh_key.h"

enum { URL_MAX = 1000, CA_MAX = 16 * KIB, HOST_KEYS_MAX = 16, REDIRECTS_MAX = 16 };
#define NUMBER_MAX ((int64_t)1 << 53) /* what every JSON reader holds exactly */

const char *const origin_words[] = {
	[ORIGIN_HTTPS] = "https",
	[ORIGIN_GIT] = "git",
	[ORIGIN_FOLDER] = "folder",
	[ORIGIN_PUT] = "put",
	NULL,
};

/* clang-format off */
#define AT(t, f) offsetof(struct t, f)
#define SOURCES(n) \
	{ n, SHAPE_LIST, AT(origins, source), .required = true, .of = origin_shape, .size = sizeof(struct origin), \
	  .max = ORIGINS_MAX, .key = "url" }
#define RECEIPTS(n) \
	{ n, SHAPE_OBJECT, AT(origins, receipts), .of = origin_shape, .has = AT(origins, has_receipts) }

static const struct shape_field origin_shape[] = {
	{ "kind", SHAPE_WORD, AT(origin, kind), .required = true, .words = origin_words },
	{ "url", SHAPE_TEXT, AT(origin, url), .required = true, .max = URL_MAX },
	{ "branch", SHAPE_TEXT, AT(origin, branch), .max = 200 },
	{ "ca", SHAPE_TEXT, AT(origin, ca), .max = CA_MAX, .clean = true, .lines = true },
	{ "host_keys", SHAPE_LIST, AT(origin, host_keys), .item = SHAPE_TEXT, .max = HOST_KEYS_MAX },
	{ "redirects", SHAPE_LIST, AT(origin, redirects), .item = SHAPE_TEXT, .max = REDIRECTS_MAX },
	{ 0 },
};

const struct shape_field origins_shape[] = {
	{ "format", SHAPE_INT, AT(origins, format), .required = true, .min = ORIGINS_FORMAT, .max = ORIGINS_FORMAT },
	{ "number", SHAPE_INT, AT(origins, number), .max = NUMBER_MAX, .omit_zero = true },
	SOURCES("sources"),
	RECEIPTS("receipts"),
	{ 0 },
};
const struct shape_field origins_yaml_shape[] = { /* a person writes neither format nor number */
	SOURCES("sources"),
	RECEIPTS("receipts"),
	{ 0 },
};
/* clang-format on */

/* --- what the table cannot say --- */

enum part { PART_HOST_KEYS = 1, PART_CA = 2, PART_REDIRECTS = 4, PART_BRANCH = 8 };

/* An address's beginning, and what goes with it. */
static const struct way {
	enum origin_kind kind;
	const char *begins;
	unsigned parts;
} ways[] = {
	{ORIGIN_HTTPS, "https://", PART_CA | PART_REDIRECTS},
	{ORIGIN_GIT, "ssh://", PART_HOST_KEYS | PART_BRANCH},
	{ORIGIN_GIT, "https://", PART_CA | PART_BRANCH},
	{ORIGIN_GIT, "file:///", PART_BRANCH},
	{ORIGIN_FOLDER, "/", 0},
	{ORIGIN_PUT, "https://", PART_CA},
};

static const struct way *way_of(const struct origin *o)
{
	for (size_t i = 0; i < COUNT_OF(ways); i++)
		if ((int)ways[i].kind == o->kind && str_starts(str_of(o->url), ways[i].begins))
			return &ways[i];
	return NULL;
}

static bool say_ways(const struct origin *o, struct err *e)
{
	cleanup(buf_free) struct buf all = {0};

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		if ((int)ways[i].kind == o->kind)
			buf_form(&all, "%s%s", all.len ? ", " : "", ways[i].begins);
	return err_set(e, ERR_SYNTAX, "url: of kind %s it begins with %s", origin_words[o->kind], buf_str(&all).data);
}

/* Printable ASCII without blanks: it becomes an argument, a line of a configuration, a word in a message. */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] <= ' ' || s.data[i] > '~' || s.data[i] == '"' || s.data[i] == '\\')
			return false;
	return s.len > 0;
}

/* What stands between "//" and the next "/". */
static struct str server_of(struct str url, const char *begins)
{
	struct str path;

	return str_cut(str_bytes(url.data + strlen(begins), url.len - strlen(begins)), '/', &path);
}

/* The document is read by every Pi, and by whoever has the repository. */
static bool check_url(const struct origin *o, const struct way *w, struct err *e)
{
	struct str behind, server = server_of(str_of(o->url), w->begins), user = str_cut(server, '@', &behind);
	bool has_server = str_ends(str_of(w->begins), "://");

	if (!is_plain(str_of(o->url)))
		return err_set(e, ERR_UNSAFE, "url: only printable ASCII without blanks and quotes");
	if (has_server && server.len == 0)
		return err_set(e, ERR_SYNTAX, "url: it names no server");
	if (!has_server || !behind.data)
		return true;
	if (strcmp(w->begins, "ssh://") == 0 && user.len && !memchr(user.data, ':', user.len) && behind.len)
		return true;
	return err_set(e, ERR_UNSAFE, "url: no password in it, and a user's name only with ssh://: everybody may read this");
}

static bool check_host_keys(const struct origin *o, const struct way *w, struct err *e)
{
	char *const *key = o->host_keys.items;

	if ((w->parts & PART_HOST_KEYS) && o->host_keys.count == 0)
		return err_set(e, ERR_SYNTAX, "host_keys is missing: `ssh-keyscan HOST` shows the keys of a host");
	for (size_t i = 0; i < o->host_keys.count; i++)
		if (!ssh_key_check(str_of(key[i]), e))
			return err_in(e, "host_keys[%zu]", i);
	return true;
}

/* One certificate, and no word more. What is in it, TLS will say. */
static bool check_ca(const struct origin *o, struct err *e)
{
	static const char head[] = "-----BEGIN CERTIFICATE-----\n", foot[] = "\n-----END CERTIFICATE-----";
	struct str text = str_trim(str_of(o->ca));
	size_t edges = strlen(head) + strlen(foot);

	if (!o->ca)
		return true;
	bool good = text.len > edges && str_starts(text, head) && str_ends(text, foot);
	for (size_t i = strlen(head); good && i < text.len - strlen(foot); i++)
		good = text.data[i] == '\n' || (text.data[i] > ' ' && text.data[i] != '-' && text.data[i] != '?');
	return good || err_set(e, ERR_SYNTAX, "ca: expected one certificate as PEM, from BEGIN CERTIFICATE to END CERTIFICATE");
}

static bool check_redirects(const struct origin *o, struct err *e)
{
	char *const *to = o->redirects.items;

	for (size_t i = 0; i < o->redirects.count; i++) {
		struct str url = str_of(to[i]);
		bool https = is_plain(url) && str_starts(url, "https://");
		struct str server = https ? server_of(url, "https://") : STR("");
		if (server.len == 0 || server.len + strlen("https://") != url.len || memchr(server.data, '@', server.len))
			return err_set(e, ERR_SYNTAX, "redirects[%zu]: expected a server, like https://mirror.example", i);
	}
	return true;
}

/* A branch goes behind refs/heads/: no option, no way up, nothing that git would read as more than a name. */
static bool check_branch(const struct origin *o, struct err *e)
{
	static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
	const char *b = o->branch;

	if (!b)
		return true;
	bool good = b[0] && b[0] != '-' && b[0] != '/' && b[strspn(b, more)] == 0 && !strstr(b, "..") && !strstr(b, "//") &&
	            !str_ends(str_of(b), "/");
	return good || err_set(e, ERR_UNSAFE, "branch: \"%s\" is no plain name of a branch", b);
}

static bool check_parts(const struct origin *o, const struct way *w, struct err *e)
{
	const struct {
		enum part part;
		const char *name;
		bool there;
	} rows[] = {
		{PART_HOST_KEYS, "host_keys", o->host_keys.count != 0},
		{PART_CA, "ca", o->ca != NULL},
		{PART_REDIRECTS, "redirects", o->redirects.count != 0},
		{PART_BRANCH, "branch", o->branch != NULL},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].there && !(w->parts & rows[i].part))
			return err_set(e, ERR_SYNTAX, "%s has no place with kind %s and %s", rows[i].name,
				origin_words[o->kind], w->begins);
	return true;
}

/* Who hands in receipts shows a key: over https git would want a password. */
static bool check_receipts(const struct origin *o, struct err *e)
{
	return o->kind != ORIGIN_GIT || !str_starts(str_of(o->url), "https://") ||
	       err_set(e, ERR_SYNTAX, "url: receipts go by git over ssh:// or file:///, or by kind put over https://");
}

static bool check_origin(const struct origin *o, bool receipts, struct err *e)
{
	const struct way *w = way_of(o);

	if (o->kind == ORIGIN_PUT ? !receipts : receipts && o->kind != ORIGIN_GIT)
		return err_set(e, ERR_SYNTAX, "kind: expected %s, found \"%s\"",
			receipts ? "\"put\" or \"git\"" : "\"https\", \"git\" or \"folder\"", origin_words[o->kind]);
	if (!w)
		return say_ways(o, e);
	return (!receipts || check_receipts(o, e)) && check_url(o, w, e) && check_parts(o, w, e) && check_host_keys(o, w, e) && check_ca(o, e) &&
	       check_redirects(o, e) && check_branch(o, e);
}

/* What each host may write must not be what all of them obey. */
static bool check_apart(const struct origins *o, struct err *e)
{
	const struct origin *source = o->source.items;

	for (size_t i = 0; o->has_receipts && i < o->source.count; i++)
		if (address_meet(o->receipts.url, source[i].url))
			return err_set(e, ERR_SYNTAX,
				"receipts: %s lies where sources[%zu] is: let them go to a place of their own, for hosts "
				"can write there",
				o->receipts.url, i);
	return true;
}

static bool check(const struct origins *o, const doc *d, const struct shape_from *from, struct err *e)
{
	const struct origin *source = o->source.items;

	if (o->source.count == 0)
		return err_set(e, ERR_SYNTAX, "sources: not one: this host could fetch from nowhere") ||
		       shape_blame(from, doc_get(d, "sources"), e);
	for (size_t i = 0; i < o->source.count; i++)
		if (!check_origin(&source[i], false, e))
			return err_in(e, "sources[%zu]", i) || shape_blame(from, doc_at(doc_get(d, "sources"), i), e);
	if (o->has_receipts && !check_origin(&o->receipts, true, e))
		return err_in(e, "receipts") || shape_blame(from, doc_get(d, "receipts"), e);
	return check_apart(o, e) || shape_blame(from, doc_get(d, "receipts"), e);
}

/* --- reading and writing --- */

bool origins_take(struct origins *out, struct origins *read, const doc *d, const struct shape_from *from, struct err *e)
{
	if (!check(read, d, from, e))
		return false;
	*out = *read;
	*read = (struct origins){0};
	return true;
}

bool origins_read(struct origins *out, struct str json, const char *where, struct err *e)
{
	const struct shape_from from = {.file = where};
	cleanup(origins_free) struct origins o = {0};
	cleanup(doc_free) doc *d = NULL;

	if (json.len > ORIGINS_FILE_MAX)
		return err_set(e, ERR_LIMIT, "%s%s%zu bytes: at most %d", where ? where : "", where ? ": " : "", json.len,
			ORIGINS_FILE_MAX);
	if (!doc_read(&d, json, e))
		return where ? err_in(e, "%s", where) : false;
	return shape_read(&o, origins_shape, d, &from, e) && origins_take(out, &o, d, &from, e);
}

void origins_write(struct buf *out, const struct origins *o)
{
	struct origins now = *o;
	now.format = ORIGINS_FORMAT;
	cleanup(doc_free) doc *d = shape_write(&now, origins_shape);

	doc_pretty(out, d);
}

void origins_free(struct origins *o)
{
	shape_free(o, origins_shape);
}
