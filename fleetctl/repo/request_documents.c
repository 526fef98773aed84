/* What roles sign besides releases, carried beside the bodies that name its digest. What is no text, or long, stays where it
 * is: of that only the digest is told. */
#include "base/name.h"
#include "fleetctl/repo/access.h"
#include "fleetctl/repo/agents.h"
#include "fleetctl/repo/request_state.h"
#include "fleetctl/repo/sign_state.h"
#include "fleetctl/repo/unsaid.h"

enum { DOCUMENT_MAX = MAX((int)ACCESS_FILE_MAX, (int)ORIGINS_FILE_MAX), DOCUMENTS_MAX = 1000 };

static doc *target_in(const doc *body, const char *path)
{
	return doc_get(doc_get(body, "targets"), path);
}

static bool differs(const struct sign_role *r, const char *path)
{
	const doc *was = target_in(r->before, path), *is = target_in(r->body, path);

	return !was != !is || (was && !doc_equal(was, is));
}

/* --- made --- */

static void add_text(doc *pair, const char *field, struct str bytes)
{
	doc *text = bytes.len <= DOCUMENT_MAX ? doc_of_str(bytes) : NULL;

	if (text && str_eq(doc_str(text), bytes))
		doc_set(pair, field, text);
	else
		doc_free(&text);
}

static void add_document(doc *all, const struct sign *s, const struct sign_role *r, const struct sign_document *d)
{
	cleanup(buf_free) struct buf before = BUF_MAX(DOCUMENT_MAX);
	doc *pair = doc_object();

	add_text(pair, "new", d->bytes);
	if (s->trust && target_in(r->before, d->path) &&
		repository_target(&before, &s->at, s->trust, d->path, NULL))
		add_text(pair, "before", buf_str(&before));
	doc_set(all, d->path, pair);
}

void request_add_documents(doc *all, const struct sign *s, const struct sign_role *r)
{
	for (size_t i = 0; i < s->documents; i++) {
		const struct sign_document *d = &s->document[i];
		if (strcmp(d->role, r->name) == 0 && d->bytes.data && differs(r, d->path))
			add_document(all, s, r, d);
	}
}

/* --- read --- */

static bool note(struct sign *s, const struct sign_role *r, const char *path, struct err *e)
{
	if (!differs(r, path) || !duty_has(r->name, path))
		return true;
	if (!name_check_path(str_of(path), e))
		return err_in(e, "%s", r->name);
	if (s->documents == DOCUMENTS_MAX)
		return err_set(e, ERR_LIMIT, "more than %d documents change", DOCUMENTS_MAX);
	s->document = mem_grow(s->document, s->documents + 1, sizeof *s->document);
	s->document[s->documents++] =
		(struct sign_document){.role = str_dup(str_of(r->name)), .path = str_dup(str_of(path))};
	return true;
}

/* What changes is known from the bodies alone, whatever the request carries of it. */
static bool note_all(struct sign *s, const struct sign_role *r, struct err *e)
{
	doc *is = doc_get(r->body, "targets"), *was = doc_get(r->before, "targets");

	if (!r->body || r->duty == DUTY_NONE || r->duty == DUTY_PLAN)
		return true;
	for (void *i = doc_first(is); i; i = doc_next(is, i))
		if (!note(s, r, doc_key(i), e))
			return false;
	for (void *i = doc_first(was); i; i = doc_next(was, i))
		if (!doc_get(is, doc_key(i)) && !note(s, r, doc_key(i), e))
			return false;
	return true;
}

/* The very bytes that the body of `from`, "held" or "asked", names. */
static bool check_bytes(const struct request *r, const char *from, const struct sign_document *d, const doc *text, struct err *e)
{
	cleanup(role_free) struct role role = {0};
	doc *whole = doc_get(doc_get(r->whole, from), d->role);
	struct role_file f = {0};

	if (!doc_str(text).data)
		return err_set(e, ERR_SYNTAX, "expected text");
	if (doc_str(text).len > DOCUMENT_MAX)
		return err_set(e, ERR_LIMIT, "more than %d KiB", DOCUMENT_MAX / KIB);
	if (whole && !request_role(&role, d->role, whole, e))
		return false;
	if (!whole || !role_target(&role, d->path, &f) || !f.has_sha256)
		return err_set(e, ERR_SYNTAX, "the body of %s names no such bytes", d->role);
	return role_file_check(&f, doc_str(text), e);
}

static struct sign_document *noted(const struct sign *s, const char *path)
{
	for (size_t i = 0; i < s->documents; i++)
		if (strcmp(s->document[i].path, path) == 0)
			return &s->document[i];
	return NULL;
}

static bool take(struct request *r, const char *path, doc *pair, struct err *e)
{
	static const char *const names[] = {"before", "new", NULL}, *const from[] = {"held", "asked"};
	struct sign_document *d = noted(r->sign, path);

	if (!d)
		return err_set(e, ERR_SYNTAX, "nothing that is asked changes it");
	if (doc_kind(pair) != DOC_OBJECT)
		return err_set(e, ERR_SYNTAX, "expected an object");
	if (!request_fields(pair, names, e))
		return false;
	for (size_t i = 0; i < COUNT_OF(from); i++)
		if (doc_get(pair, names[i]) && !check_bytes(r, from[i], d, doc_get(pair, names[i]), e))
			return err_in(e, "%s", names[i]);
	d->bytes = doc_str(doc_get(pair, "new"));
	return true;
}

/* --- told --- */

static void say_digest(struct buf *out, const struct sign_document *d, const doc *target)
{
	struct str hex = doc_str(doc_get(doc_get(target, "hashes"), "sha256"));
	struct digest sha256;

	buf_form(out, "%s: the request does not carry it: only its digest is known", d->path);
	if (digest_read(&sha256, hex))
		buf_form(out, ", SHA-256 " STR_FMT, STR_ARG(hex));
	buf_byte(out, '\n');
}

/* Of what has no words of its own: each field. */
static void say_fields(struct buf *out, const char *path, struct str before, struct str now)
{
	cleanup(doc_free) doc *a = NULL;
	cleanup(doc_free) doc *b = NULL;

	if (!doc_read(&b, now, NULL) || doc_kind(b) != DOC_OBJECT || (before.data && !doc_read(&a, before, NULL))) {
		buf_form(out, "%s: %zu bytes, which no words tell\n", path, now.len);
		return;
	}
	buf_form(out, "%s:\n", path);
	unsaid_document(out, a, b);
}

/* Each knows some paths, and says ERR_MISSING of the others. */
static bool (*const tellers[])(struct buf *, const char *, struct str, struct str, struct err *) = {access_words, agents_words};

static bool tell(struct request *r, const struct sign_document *d, struct err *e)
{
	const struct sign_role *role = sign_role_of(r->sign, d->role);
	struct str before = doc_str(doc_get(doc_get(doc_get(r->whole, "documents"), d->path), "before"));
	struct err why = {0};

	if (!target_in(role->body, d->path))
		return true; /* it is taken away, which is said */
	if (!d->bytes.data) {
		say_digest(&r->said, d, target_in(role->body, d->path));
		return true;
	}
	if (target_in(role->before, d->path) && !before.data)
		buf_form(&r->said, "%s: of the one before only the digest is known, so all of it is told as new\n", d->path);
	for (size_t i = 0; i < COUNT_OF(tellers); i++) {
		if (tellers[i](&r->said, d->path, before, d->bytes, &why))
			return true;
		if (why.code != ERR_MISSING)
			return err_set(e, why.code, "%s", why.text);
	}
	say_fields(&r->said, d->path, before, d->bytes);
	return true;
}

bool request_documents(struct request *r, struct err *e)
{
	doc *all = doc_get(r->whole, "documents");

	for (size_t i = SIGN_DELEGATED; i < r->sign->roles; i++)
		if (!note_all(r->sign, &r->sign->role[i], e))
			return err_in(e, "asked");
	if (all && doc_kind(all) != DOC_OBJECT)
		return err_set(e, ERR_SYNTAX, "documents: expected an object");
	for (void *i = doc_first(all); i; i = doc_next(all, i))
		if (!take(r, doc_key(i), doc_value(i), e))
			return err_in(e, "documents: %.200s", doc_key(i));
	for (size_t i = 0; i < r->sign->documents; i++)
		if (!tell(r, &r->sign->document[i], e))
			return err_in(e, "documents");
	return true;
}
