/* Reading TUF metadata: what is not exactly TUF never reaches a signature check. */
#include "manifests/role.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/hex.h"

enum { LINKS_MAX = 65536 };

const char *const role_words[ROLE_KINDS] = {"root", "timestamp", "snapshot", "targets"};

static doc *need(const doc *object, const char *key, enum doc_kind kind, struct err *e)
{
	doc *d = doc_get(object, key);

	if (doc_kind(d) == kind)
		return d;
	if (!d)
		err_set(e, ERR_SYNTAX, "%s: it is missing", key);
	else
		err_set(e, ERR_SYNTAX, "%s: expected %s, found %s", key, doc_kind_word(kind),
			doc_kind_word(doc_kind(d)));
	return NULL;
}

static bool need_count(uint64_t *out, const doc *object, const char *key, int64_t least, struct err *e)
{
	int64_t n;
	doc *d = need(object, key, DOC_INT, e);

	if (!d)
		return false;
	if (!doc_int(d, &n) || n < least)
		return err_set(e, ERR_SYNTAX, "%s: expected a number, %d at least", key, (int)least);
	*out = (uint64_t)n;
	return true;
}

/* --- what is said of other files --- */

static bool read_hashes(struct role_file *f, const doc *d, struct err *e)
{
	doc *hashes = need(d, "hashes", DOC_OBJECT, e);

	if (!hashes)
		return false;
	for (void *i = doc_first(hashes); i; i = doc_next(hashes, i))
		if (doc_kind(doc_value(i)) != DOC_TEXT)
			return err_set(e, ERR_SYNTAX, "hashes: %s: expected text", doc_key(i));
	doc *sha256 = doc_get(hashes, "sha256"), *sha512 = doc_get(hashes, "sha512");
	if (doc_count(hashes) == 0)
		return err_set(e, ERR_SYNTAX, "hashes: there is none");
	if (sha256 && !digest_read(&f->sha256, doc_str(sha256)))
		return err_set(e, ERR_SYNTAX, "hashes: sha256 is not 64 hexadecimal digits");
	if (sha512 && !hex_read(f->sha512, sizeof f->sha512, doc_str(sha512)))
		return err_set(e, ERR_SYNTAX, "hashes: sha512 is not 128 hexadecimal digits");
	f->has_hashes = true;
	f->has_sha256 = sha256;
	f->has_sha512 = sha512;
	return true;
}

/* Meta entries may lack length and hashes (TUF 4.4), targets must have both (4.5). */
static bool read_file(struct role_file *out, const doc *d, bool target, struct err *e)
{
	struct role_file f = {0};

	if (doc_kind(d) != DOC_OBJECT)
		return err_set(e, ERR_SYNTAX, "expected an object, found %s", doc_kind_word(doc_kind(d)));
	if (!target && !need_count(&f.version, d, "version", 1, e))
		return false;
	f.has_length = target || doc_get(d, "length");
	if (f.has_length && !need_count(&f.length, d, "length", 0, e))
		return false;
	if ((target || doc_get(d, "hashes")) && !read_hashes(&f, d, e))
		return false;
	*out = f;
	return true;
}

static bool read_files(const doc *body, const char *field, bool target, struct err *e)
{
	doc *files = need(body, field, DOC_OBJECT, e);
	struct role_file f;

	if (!files)
		return false;
	for (void *i = doc_first(files); i; i = doc_next(files, i))
		if (!read_file(&f, doc_value(i), target, e))
			return err_in(e, "%s: %s", field, doc_key(i));
	return true;
}

static bool find_file(struct role_file *out, const struct role *r, const char *field, const char *name)
{
	bool target = r->kind == ROLE_TARGETS;
	const doc *d = doc_get(doc_get(r->body, field), name);

	return d && read_file(out, d, target, NULL);
}

bool role_meta(const struct role *r, const char *role, struct role_file *out)
{
	cleanup(buf_free) struct buf name = {0};

	buf_form(&name, "%s.json", role);
	return (r->kind == ROLE_TIMESTAMP || r->kind == ROLE_SNAPSHOT) && buf_ok(&name, NULL) &&
	       find_file(out, r, "meta", buf_str(&name).data);
}

bool role_target(const struct role *r, const char *path, struct role_file *out)
{
	return r->kind == ROLE_TARGETS && find_file(out, r, "targets", path);
}

bool role_file_check(const struct role_file *f, struct str bytes, struct err *e)
{
	if (f->has_length && f->length != bytes.len)
		return err_set(e, ERR_DIGEST, "it is %zu bytes long, signed were %llu", bytes.len,
			(unsigned long long)f->length);
	if (f->has_hashes && !f->has_sha256 && !f->has_sha512)
		return err_set(e, ERR_DIGEST, "none of its signed hashes is of a kind we know");
	if (f->has_sha256 && !digest_eq(f->sha256, digest_of(bytes)))
		return err_set(e, ERR_DIGEST, "its SHA-256 is not the one signed");
	if (f->has_sha512 && !sha512_is(f->sha512, bytes))
		return err_set(e, ERR_DIGEST, "its SHA-512 is not the one signed");
	return true;
}

/* --- root: who signs what --- */

static bool read_root(struct role *r, struct err *e)
{
	doc *keys = need(r->body, "keys", DOC_OBJECT, e), *roles = keys ? need(r->body, "roles", DOC_OBJECT, e) : NULL;
	doc *consistent = doc_get(r->body, "consistent_snapshot");

	if (!roles)
		return false;
	if (consistent && doc_kind(consistent) != DOC_BOOL)
		return err_set(e, ERR_SYNTAX, "consistent_snapshot: expected true or false");
	r->consistent = doc_true(consistent);
	if (!ring_read(&r->ring, keys, e))
		return err_in(e, "keys");
	for (size_t i = 0; i < ROLE_KINDS; i++) {
		doc *role = need(roles, role_words[i], DOC_OBJECT, e);
		if (!role || !ring_role_read(&r->keys[i], role, e))
			return err_in(e, "roles: %s", role_words[i]);
	}
	return true;
}

/* --- targets: its delegations --- */

static bool read_patterns(doc **out, const doc *d, const char *field, struct err *e)
{
	doc *list = need(d, field, DOC_LIST, e);

	if (!list)
		return false;
	for (size_t i = 0; i < doc_count(list); i++)
		if (doc_kind(doc_at(list, i)) != DOC_TEXT)
			return err_set(e, ERR_SYNTAX, "%s: expected texts", field);
	*out = list;
	return true;
}

static bool is_top_level(struct str name)
{
	for (size_t i = 0; i < ROLE_KINDS; i++)
		if (str_is(name, role_words[i]))
			return true;
	return false;
}

static bool read_link(struct role_link *out, const doc *d, struct err *e)
{
	if (doc_kind(d) != DOC_OBJECT)
		return err_set(e, ERR_SYNTAX, "expected an object, found %s", doc_kind_word(doc_kind(d)));
	doc *name = need(d, "name", DOC_TEXT, e);
	doc *terminating = name ? need(d, "terminating", DOC_BOOL, e) : NULL;
	if (!terminating)
		return false;
	struct str text = doc_str(name);
	if (text.len == 0 || text.len >= ROLE_NAME_SIZE || is_top_level(text))
		return err_set(e, ERR_UNSAFE, "name: \"" STR_FMT "\" cannot be a delegated role", STR_ARG(text));
	out->name = text.data;
	out->terminating = doc_true(terminating);
	if (!doc_get(d, "paths") == !doc_get(d, "path_hash_prefixes"))
		return err_set(e, ERR_SYNTAX, "one of paths and path_hash_prefixes is expected");
	if (doc_get(d, "paths") ? !read_patterns(&out->paths, d, "paths", e)
				: !read_patterns(&out->prefixes, d, "path_hash_prefixes", e))
		return false;
	return ring_role_read(&out->keys, d, e);
}

/* TUF 4.5, TAP 15: one line that stands for 2^bits roles, all terminating. */
static bool read_succinct(struct role_link *out, const doc *d, struct err *e)
{
	doc *prefix = need(d, "name_prefix", DOC_TEXT, e);
	uint64_t bits = 0;

	if (!prefix || !need_count(&bits, d, "bit_length", 1, e))
		return false;
	if (bits > 32)
		return err_set(e, ERR_SYNTAX, "bit_length: 32 at most");
	struct str text = doc_str(prefix);
	if (text.len == 0 || text.len + sizeof "-ffffffff" > ROLE_NAME_SIZE)
		return err_set(e, ERR_UNSAFE, "name_prefix: \"" STR_FMT "\" cannot begin a role's name", STR_ARG(text));
	out->name = text.data;
	out->bits = (int64_t)bits;
	out->terminating = true;
	return ring_role_read(&out->keys, d, e);
}

static bool read_links(struct role *r, const doc *list, struct err *e)
{
	cleanup(doc_free) doc *names = doc_object();
	size_t count = doc_count(list);

	if (count > LINKS_MAX)
		return err_set(e, ERR_LIMIT, "roles: more than %d", LINKS_MAX);
	r->link = mem_new(count + 1, sizeof *r->link);
	for (; r->links < count; r->links++) {
		struct role_link *link = &r->link[r->links];
		if (!read_link(link, doc_at(list, r->links), e)) {
			ring_role_free(&link->keys);
			return err_in(e, "roles[%zu]", r->links);
		}
		if (doc_get(names, link->name)) {
			ring_role_free(&link->keys);
			return err_set(e, ERR_SYNTAX, "roles: %s is there twice", link->name);
		}
		doc_set_bool(names, link->name, true);
	}
	return true;
}

static bool read_delegations(struct role *r, struct err *e)
{
	doc *d = need(r->body, "delegations", DOC_OBJECT, e), *keys = d ? need(d, "keys", DOC_OBJECT, e) : NULL;

	if (!keys)
		return false;
	if (!ring_read(&r->ring, keys, e))
		return err_in(e, "keys");
	if (!doc_get(d, "roles") == !doc_get(d, "succinct_roles"))
		return err_set(e, ERR_SYNTAX, "one of roles and succinct_roles is expected");
	if (doc_get(d, "roles")) {
		doc *list = need(d, "roles", DOC_LIST, e);
		return list && read_links(r, list, e);
	}
	doc *succinct = need(d, "succinct_roles", DOC_OBJECT, e);
	r->link = mem_new(1, sizeof *r->link);
	r->links = 1;
	return succinct && (read_succinct(r->link, succinct, e) || err_in(e, "succinct_roles"));
}

static bool read_targets(struct role *r, struct err *e)
{
	if (!read_files(r->body, "targets", true, e))
		return false;
	return !doc_get(r->body, "delegations") || read_delegations(r, e) || err_in(e, "delegations");
}

static bool read_timestamp(struct role *r, struct err *e)
{
	struct role_file f;

	return read_files(r->body, "meta", false, e) &&
	       (role_meta(r, "snapshot", &f) || err_set(e, ERR_SYNTAX, "meta: snapshot.json is missing"));
}

static bool read_snapshot(struct role *r, struct err *e)
{
	struct role_file f;

	return read_files(r->body, "meta", false, e) &&
	       (role_meta(r, "targets", &f) || err_set(e, ERR_SYNTAX, "meta: targets.json is missing"));
}

/* --- what all have --- */

/* "1.0" or "1.0.34": a later major may mean something else by the same fields. */
static bool spec_is_ours(struct str text)
{
	struct str minor, patch, end;
	uint64_t n;

	return str_is(str_cut(text, '.', &minor), "1") && str_number(&n, str_cut(minor, '.', &patch), UINT32_MAX) &&
	       (patch.len == 0 ? !str_ends(text, ".")
			       : str_number(&n, str_cut(patch, '.', &end), UINT32_MAX) && end.len == 0 &&
					 !str_ends(text, "."));
}

static bool read_head(struct role *r, struct err *e)
{
	doc *type = need(r->body, "_type", DOC_TEXT, e);
	doc *spec = type ? need(r->body, "spec_version", DOC_TEXT, e) : NULL;
	doc *expires = spec ? need(r->body, "expires", DOC_TEXT, e) : NULL;

	if (!expires)
		return false;
	if (!str_is(doc_str(type), role_words[r->kind]))
		return err_set(e, ERR_SYNTAX, "_type: expected %s, found " STR_FMT, role_words[r->kind],
			STR_ARG(doc_str(type)));
	if (!spec_is_ours(doc_str(spec)))
		return err_set(e, ERR_SYNTAX, "spec_version: " STR_FMT " is not 1.x", STR_ARG(doc_str(spec)));
	if (!clock_read(&r->expires, doc_str(expires)))
		return err_set(e, ERR_SYNTAX, "expires: " STR_FMT " is no date", STR_ARG(doc_str(expires)));
	return need_count(&r->version, r->body, "version", 1, e);
}

static bool read_whole(struct role *r, struct str bytes, struct err *e)
{
	static bool (*const read_body[ROLE_KINDS])(struct role *, struct err *) = {
		[ROLE_ROOT] = read_root,
		[ROLE_TIMESTAMP] = read_timestamp,
		[ROLE_SNAPSHOT] = read_snapshot,
		[ROLE_TARGETS] = read_targets,
	};

	if (!role_is_bearable(bytes))
		return err_set(e, ERR_LIMIT, "more values than metadata has");
	if (!doc_read(&r->whole, bytes, e))
		return false;
	if (doc_kind(r->whole) != DOC_OBJECT)
		return err_set(e, ERR_SYNTAX, "expected an object, found %s", doc_kind_word(doc_kind(r->whole)));
	r->body = need(r->whole, "signed", DOC_OBJECT, e);
	if (!r->body || !need(r->whole, "signatures", DOC_LIST, e))
		return false;
	return read_head(r, e) && read_body[r->kind](r, e);
}

bool role_read(struct role *out, enum role_kind kind, struct str bytes, struct err *e)
{
	struct role r = {.kind = kind, .bytes = BUF_MAX(bytes.len ? bytes.len : 1)};

	if (!read_whole(&r, bytes, e)) {
		role_free(&r);
		return false;
	}
	buf_add(&r.bytes, bytes);
	*out = r;
	return true;
}

void role_free(struct role *r)
{
	for (size_t i = 0; i < r->links; i++)
		ring_role_free(&r->link[i].keys);
	for (size_t i = 0; i < ROLE_KINDS; i++)
		ring_role_free(&r->keys[i]);
	free_ptr(&r->link);
	ring_free(&r->ring);
	doc_free(&r->whole);
	buf_free(&r->bytes);
	*r = (struct role){0};
}

bool role_signed_by(const struct role *r, const struct ring *ring, const struct ring_role *keys, struct err *e)
{
	cleanup(buf_free) struct buf canonical = {0};

	doc_canonical(&canonical, r->body);
	return buf_ok(&canonical, e) &&
	       ring_verify(ring, keys, buf_str(&canonical), doc_get(r->whole, "signatures"), e);
}

bool role_is_of(const struct role *r, const char *name)
{
	struct str says = doc_str(doc_get(r->body, ROLE_OWNER_FIELD));

	return !says.data || str_is(says, name);
}

int64_t role_signed_at(const struct role *r)
{
	int64_t at;

	return clock_read(&at, doc_str(doc_get(r->body, "x-fleet-signed"))) ? at : 0;
}
