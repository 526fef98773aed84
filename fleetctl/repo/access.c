/* The documents of role `fleet`. */
#include "fleetctl/repo/access.h"

#include "base/fs.h"

static const char role_name[] = "fleet";

bool access_signed(struct buf *out, const struct repository *r, const char *path, struct err *e)
{
	return repository_document(out, r, role_name, path, e);
}

/* What was signed before: empty when nothing was. */
static bool signed_before(struct buf *out, const struct fleet *f, const char *path, struct err *e)
{
	cleanup(repository_free) struct repository r = {.at = -1};
	struct err why = {0};

	if (repository_open(&r, f->dir, &why) && access_signed(out, &r, path, &why))
		return true;
	return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
}

static void add_document(struct access_files *a, const char *path, const struct buf *bytes)
{
	a->document[a->documents++] = (struct sign_document){role_name, path, buf_str(bytes)};
}

/* --- access.yaml --- */

/* `old` NULL: there was none. */
static void say_access(struct buf *out, const struct access *old, const struct access *new)
{
	buf_form(out, "access list %lld:\n", (long long)new->number);
	access_changes(out, old, new);
}

static bool tell_access(struct buf *out, struct str before, struct str now, struct err *e)
{
	cleanup(access_free) struct access old = {0};
	cleanup(access_free) struct access new = {0};

	if (!access_read(&new, now, ACCESS_PATH, e) ||
		(before.data && !access_read(&old, before, ACCESS_PATH ", as it was", e)))
		return false;
	say_access(out, before.data ? &old : NULL, &new);
	return true;
}

static bool compile_access(struct access_files *a, const struct fleet *f, struct str yaml, struct err *e)
{
	cleanup(buf_free) struct buf before = BUF_MAX(ACCESS_FILE_MAX);
	cleanup(access_free) struct access old = {0};
	cleanup(access_free) struct access new = {0};

	if (!access_read_yaml(&new, yaml, ACCESS_FILE, e) || !signed_before(&before, f, ACCESS_PATH, e) ||
		(before.len && !access_read(&old, buf_str(&before), ACCESS_PATH, e)))
		return false;
	new.number = MAX(old.number, (int64_t)1);
	access_write(&a->access, &new);
	if (!str_eq(buf_str(&a->access), buf_str(&before))) {
		new.number = old.number + 1;
		buf_clear(&a->access);
		access_write(&a->access, &new);
		say_access(&a->words, before.len ? &old : NULL, &new);
	}
	add_document(a, ACCESS_PATH, &a->access);
	return buf_ok(&a->access, e);
}

/* --- sources.yaml --- */

static bool has_origin(const struct origins *o, const char *url)
{
	const struct origin *s = o->source.items;

	for (size_t i = 0; i < o->source.count; i++)
		if (strcmp(s[i].url, url) == 0)
			return true;
	return false;
}

static void say_origins(struct buf *out, char sign, const struct origins *these, const struct origins *others)
{
	const struct origin *s = these->source.items;

	for (size_t i = 0; i < these->source.count; i++)
		if (!has_origin(others, s[i].url))
			buf_form(out, "%c source %s %s\n", sign, origin_words[s[i].kind], s[i].url);
}

static void origins_changes(struct buf *out, const struct origins *old, const struct origins *new)
{
	buf_form(out, "sources %lld:\n", (long long)new->number);
	size_t before = out->len;
	say_origins(out, '-', old, new);
	say_origins(out, '+', new, old);
	if (new->has_receipts && (!old->has_receipts || strcmp(old->receipts.url, new->receipts.url) != 0))
		buf_form(out, "receipts go to %s %s\n", origin_words[new->receipts.kind], new->receipts.url);
	if (old->has_receipts && !new->has_receipts)
		buf_text(out, "receipts go nowhere\n");
	if (out->len == before)
		buf_text(out, "sources: order, keys, CAs or branches change\n");
}

static bool tell_sources(struct buf *out, struct str before, struct str now, struct err *e)
{
	cleanup(origins_free) struct origins old = {0};
	cleanup(origins_free) struct origins new = {0};

	if (!origins_read(&new, now, SOURCES_PATH, e) ||
		(before.data && !origins_read(&old, before, SOURCES_PATH ", as it was", e)))
		return false;
	origins_changes(out, &old, &new);
	return true;
}

static bool compile_sources(struct access_files *a, const struct fleet *f, struct str yaml, struct err *e)
{
	cleanup(buf_free) struct buf before = BUF_MAX(ORIGINS_FILE_MAX);
	cleanup(origins_free) struct origins old = {0};
	cleanup(origins_free) struct origins new = {0};

	if (!origins_read_yaml(&new, yaml, SOURCES_FILE, e) || !signed_before(&before, f, SOURCES_PATH, e) ||
		(before.len && !origins_read(&old, buf_str(&before), SOURCES_PATH, e)))
		return false;
	new.number = MAX(old.number, (int64_t)1);
	origins_write(&a->sources, &new);
	if (!str_eq(buf_str(&a->sources), buf_str(&before))) {
		new.number = old.number + 1;
		buf_clear(&a->sources);
		origins_write(&a->sources, &new);
		origins_changes(&a->words, &old, &new);
	}
	add_document(a, SOURCES_PATH, &a->sources);
	return buf_ok(&a->sources, e);
}

/* --- both --- */

bool access_compile(struct access_files *out, const struct fleet *f, struct err *e)
{
	static const struct {
		const char *file;
		size_t max;
		bool (*compile)(struct access_files *, const struct fleet *, struct str, struct err *);
	} rows[] = {
		{ACCESS_FILE, ACCESS_FILE_MAX, compile_access},
		{SOURCES_FILE, ORIGINS_FILE_MAX, compile_sources},
	};

	*out = (struct access_files){.access = BUF_MAX(ACCESS_FILE_MAX), .sources = BUF_MAX(ORIGINS_FILE_MAX)};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cleanup(buf_free) struct buf text = BUF_MAX(rows[i].max);
		if (!fs_exists(f->at, rows[i].file))
			continue;
		if (!fs_read(&text, f->at, rows[i].file, e) || !rows[i].compile(out, f, buf_str(&text), e))
			return false;
	}
	return true;
}

bool access_words(struct buf *out, const char *path, struct str before, struct str now, struct err *e)
{
	static const struct {
		const char *path;
		bool (*tell)(struct buf *, struct str, struct str, struct err *);
	} rows[] = {
		{ACCESS_PATH, tell_access},
		{SOURCES_PATH, tell_sources},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (strcmp(rows[i].path, path) == 0)
			return rows[i].tell(out, before, now, e);
	return err_set(e, ERR_MISSING, "%s: there are no words of its own for it", path);
}

void access_files_free(struct access_files *a)
{
	buf_free(&a->access);
	buf_free(&a->sources);
	buf_free(&a->words);
	a->documents = 0;
}
